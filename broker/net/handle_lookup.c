/* Questions about the directory and about cases, and a participant's own entry in it. */
#include "handle.h"

static void ask(struct session *session, enum engine_verb verb, struct span body, const char *path)
{
    enum skp_err err = session_ask(session, verb, body);
    if (err)
        session_refuse(session, err, path, NULL, NULL);
}

void handle_publish(struct session *session, struct span body)
{
    ask(session, ENGINE_PUBLISH, body, "Publish");
}

void handle_directory_get(struct session *session, struct span body)
{
    ask(session, ENGINE_DIRECTORY, body, "DirectoryGet");
}

void handle_cases_get(struct session *session, struct span body)
{
    ask(session, ENGINE_CASES, body, "CasesGet");
}
