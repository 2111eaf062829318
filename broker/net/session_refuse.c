/* What a peer hears when something is wrong, what the log says of it, and how much of it is enough. */
#include "log.h"
#include "send.h"
#include "server_internal.h"
#include "session.h"

#define CONTROL_WINDOW_MS  10000
#define CONTROL_WEIGHT_MAX 6000
#define SAID_WINDOW_MS     60000

/* 7xx are for our own use: the peer hears what it can act upon. */
static enum skp_err spoken(enum skp_err err)
{
    if (err == SKP_E_NO_MEMORY)
        return SKP_E_BUSY;
    return err > SKP_E_NO_MEMORY ? SKP_E_INTERNAL : err;
}

static bool is_over(const struct said_refusal *said, int64_t now_ms)
{
    return said->code == SKP_OK || now_ms - said->at_ms >= SAID_WINDOW_MS;
}

/* Codes for which there is no place are counted with the one in the last. */
static struct said_refusal *said_of(struct session *session, enum skp_err err, int64_t now_ms)
{
    struct said_refusal *free_place = NULL;
    for (size_t i = 0; i < SESSION_SAID_CODES; i++) {
        struct said_refusal *said = &session->said[i];
        if (said->code == err)
            return said;
        if (free_place == NULL && is_over(said, now_ms))
            free_place = said;
    }
    return free_place != NULL ? free_place : &session->said[SESSION_SAID_CODES - 1];
}

/* Once in a minute for each code, with how many there were since it was said before: the log is not
 * the peer's to fill. */
static void say_refused(struct session *session, enum skp_err err, const char *path, bool last)
{
    int64_t now_ms = server_now_ms(session->server);
    struct said_refusal *said = said_of(session, err, now_ms);
    if (said->code != err && is_over(said, now_ms))
        *said = (struct said_refusal){.code = SKP_OK};
    session->refused++;
    said->count++;
    if (!last && !is_over(said, now_ms))
        return;
    log_line(last ? LOG_WARN : LOG_INFO, "peer_refused",
             "peer=%s session=%016llx code=%d name=%s path=%s count=%u", session->peer.text,
             (unsigned long long)session->id, (int)err, skp_error_name(err),
             path != NULL ? path : "", said->count);
    *said = (struct said_refusal){.code = err, .at_ms = now_ms};
}

/* What the broker has no room for now is not held against the peer as much. */
static unsigned weight_of(enum skp_err err)
{
    return skp_error(err)->retry == SKP_RETRY_LATER ? SESSION_WEIGHT_OTHER : SESSION_WEIGHT_REFUSED;
}

void session_refuse(struct session *session, enum skp_err err, const char *path,
                    const char *sentence, const struct error_about *about)
{
    err = spoken(err);
    bool last =
        session->state != SESSION_UP || err < SKP_E_DECODE; /* 1xx: the stream cannot go on */
    if (session->state >= SESSION_CLOSING)
        return;
    say_refused(session, err, path, last);
    send_error(session, err, path, sentence, about);
    if (last)
        session_finish(session, skp_error(err)->sentence);
    else
        session_control_flood(session, weight_of(err));
}

bool session_control_flood(struct session *session, unsigned weight)
{
    int64_t now_ms = server_now_ms(session->server);
    if (now_ms - session->control_window_ms >= CONTROL_WINDOW_MS) {
        session->control_window_ms = now_ms;
        session->control_weight = 0;
    }
    session->control_weight += weight;
    if (session->control_weight <= CONTROL_WEIGHT_MAX)
        return false;
    session_refuse(session, SKP_E_FLOOD, NULL, NULL, NULL);
    return true;
}
