#include "handle.h"

void handle_collect(struct session *session, struct span body)
{
    enum skp_err err = session_ask(session, ENGINE_COLLECT, body);
    if (err)
        session_refuse(session, err, "Collect", NULL, NULL);
}
