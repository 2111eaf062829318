#include "handle.h"
#include "log.h"
#include "server_internal.h"

#define CLOSING_MS      3000
#define LINGERING_MS    2000
#define KEY_WINDOW_MS   60000
#define KEY_UPDATES_MAX 10

static bool is_stalled(struct session *session, int64_t now_ms)
{
    if (session->unsent_bytes == 0 || session->output_moved) {
        session->output_moved = false;
        session->moved_ms = now_ms;
    }
    return now_ms - session->moved_ms > session->server->limits.stall_ms;
}

/* While input is short, what is not read because its peer does not read must not stay either. */
static bool holds_input(const struct session *session, int64_t now_ms)
{
    const struct server *server = session->server;
    return server->input_tight && session->choked && session->unfinished_bytes > 0 &&
           now_ms - session->choked_ms > server_frame_ms(server);
}

static bool floods_key_updates(struct session *session, int64_t now_ms)
{
    if (now_ms - session->key_window_ms >= KEY_WINDOW_MS) {
        session->key_window_ms = now_ms;
        session->key_updates_before = session->key_updates;
    }
    return session->key_updates - session->key_updates_before > KEY_UPDATES_MAX;
}

static bool is_frame_late(const struct session *session, int64_t now_ms)
{
    return session->frame_started_ms >= 0 &&
           now_ms - session->frame_started_ms > server_frame_ms(session->server);
}

static void sweep_greeting(struct session *session, int64_t now_ms)
{
    if (now_ms - session->opened_ms > session->server->limits.hello_ms ||
        is_frame_late(session, now_ms))
        session_refuse(session, SKP_E_FRAME_TIMEOUT, NULL, "Hello did not come in time", NULL);
}

/* Who always has something under way would never be done. */
static void end_of_age(struct session *session)
{
    if (session->leaving) {
        session_finish(session, session->why);
        return;
    }
    session->server->counters.sessions_aged++;
    session_leave(session, "this session is old enough: connect again");
}

static void sweep_up(struct session *session, int64_t now_ms)
{
    const struct server_limits *limits = &session->server->limits;
    if (floods_key_updates(session, now_ms)) {
        session_refuse(session, SKP_E_FLOOD, NULL, "too many TLS key updates", NULL);
        return;
    }
    if (now_ms >= session->leaves_ms) {
        end_of_age(session);
        return;
    }
    if (!session->reading) { /* silence is ours then */
        session->heard_ms = session->batch.heard_ms = now_ms;
        if (session->choked) /* but who hardly reads holds no batch open by that */
            batch_sweep(session, now_ms);
        return;
    }
    if (is_frame_late(session, now_ms))
        session_refuse(session, SKP_E_FRAME_TIMEOUT, NULL, NULL, NULL);
    else if (now_ms - session->heard_ms > limits->idle_ms + limits->idle_ms / 2)
        session_refuse(session, SKP_E_IDLE_TIMEOUT, NULL, NULL, NULL);
    /* The others are updated when something happens to them; one that leaves ends when nothing is left. */
    else if (!batch_sweep(session, now_ms) && (session->fetch_again || session->leaving))
        session_update(session);
}

void session_sweep(struct session *session, int64_t now_ms)
{
    if (is_stalled(session, now_ms) || holds_input(session, now_ms)) {
        session->server->counters.sessions_stalled++;
        session_close(session, "the peer stopped reading");
        return;
    }
    switch (session->state) {
    case SESSION_GREETING:
        sweep_greeting(session, now_ms);
        break;
    case SESSION_UP:
        sweep_up(session, now_ms);
        break;
    case SESSION_CLOSING:
        if (now_ms - session->since_ms > CLOSING_MS)
            session_close(session, session->why);
        break;
    case SESSION_LINGERING:
        if (now_ms - session->since_ms > LINGERING_MS)
            session_close(session, session->why);
        break;
    case SESSION_WELCOMING: /* the engine always answers */
    case SESSION_CLOSED:
        break;
    }
}
