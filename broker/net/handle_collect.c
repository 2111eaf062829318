#include "handle.h"

void handle_collect(struct session *session, struct span body)
{
    session_ask(session, ENGINE_COLLECT, body);
}
