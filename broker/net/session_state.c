#include "log.h"
#include "server_internal.h"

#include <assert.h>

static const char *const words[] = {
#define X(name, text) text,
    SESSION_STATES(X)
#undef X
};

/* From each state, the states it may move to. */
static const unsigned legal_moves[] = {
    [SESSION_GREETING] = SESSION_BIT(WELCOMING) | SESSION_BIT(CLOSING) | SESSION_BIT(CLOSED),
    [SESSION_WELCOMING] = SESSION_BIT(UP) | SESSION_BIT(CLOSING) | SESSION_BIT(CLOSED),
    [SESSION_UP] = SESSION_BIT(CLOSING) | SESSION_BIT(CLOSED),
    [SESSION_CLOSING] = SESSION_BIT(LINGERING) | SESSION_BIT(CLOSED),
    [SESSION_LINGERING] = SESSION_BIT(CLOSED),
    [SESSION_CLOSED] = 0,
};

const char *session_state_words(enum session_state state)
{
    return words[state];
}

void session_move(struct session *session, enum session_state state)
{
    assert(legal_moves[session->state] & (1u << state));
    log_line(LOG_DEBUG, "session_moved", "peer=%s session=%016llx from=%s to=%s",
             session->peer.text, (unsigned long long)session->id, words[session->state],
             words[state]);
    session->state = state;
    session->since_ms = server_now_ms(session->server);
}
