/* Questions about the directory and about cases, and a participant's own entry in it. */
#include "handle.h"

void handle_publish(struct session *session, struct span body)
{
    session_ask(session, ENGINE_PUBLISH, body);
}

void handle_directory_get(struct session *session, struct span body)
{
    session_ask(session, ENGINE_DIRECTORY, body);
}

void handle_cases_get(struct session *session, struct span body)
{
    session_ask(session, ENGINE_CASES, body);
}
