#include "handle.h"

#include "send.h"
#include "wire.h"

#include <stddef.h>

static const struct verb_row verbs[] = {
    {FRAME_HELLO, SESSION_BIT(GREETING), handle_hello},
    {FRAME_PING, SESSION_BIT(UP), handle_ping},
    {FRAME_PONG, SESSION_BIT(UP), handle_pong},
    {FRAME_ERROR, SESSION_BIT(UP), handle_error},
    {FRAME_BEGIN, SESSION_BIT(UP), handle_begin},
    {FRAME_BUNDLE, SESSION_BIT(UP), handle_bundle},
    {FRAME_END, SESSION_BIT(UP), handle_end},
    {FRAME_FETCH, SESSION_BIT(UP), handle_fetch},
    {FRAME_COLLECT, SESSION_BIT(UP), handle_collect},
    {FRAME_EXTEND, SESSION_BIT(UP), handle_extend},
    {FRAME_RELEASE, SESSION_BIT(UP), handle_release},
    {FRAME_PUBLISH, SESSION_BIT(UP), handle_publish},
    {FRAME_DIRECTORY_GET, SESSION_BIT(UP), handle_directory_get},
    {FRAME_CASES_GET, SESSION_BIT(UP), handle_cases_get},
};

const struct verb_row *handle_verb(enum frame_type type)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (verbs[i].type == type)
            return &verbs[i];
    }
    return NULL;
}

void handle_refuse(struct session *session, enum frame_type frame, enum skp_err err,
                   const char *path, const char *sentence)
{
    struct error_about about = {.frame = frame};
    session_refuse(session, err, path, sentence, &about);
}

bool handle_unpack(struct session *session, enum frame_type frame,
                   const ProtobufCMessageDescriptor *type, struct span body, struct arena *arena,
                   void *ret_message)
{
    char path[WIRE_PATH_MAX] = "";
    ProtobufCMessage *message;
    enum skp_err err = wire_unpack(type, body, arena, path, &message);
    if (err) {
        handle_refuse(session, frame, err, path[0] != '\0' ? path : type->short_name, NULL);
        return false;
    }
    *(ProtobufCMessage **)ret_message = message;
    return true;
}
