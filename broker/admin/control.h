/* The operator's door: a Unix socket, one JSON request per line, one JSON answer per line, in
 * order.
 *
 *   {"command":"participant.list"}
 *   {"ok":true,"rows":[{"oin":"..."}]}
 *   {"ok":false,"error":{"code":305,"name":"RECIPIENT_UNKNOWN","path":"oin","sentence":"..","remedy":".."}}
 *
 * Commands about the process itself (sessions, metrics, reload, stop) are answered here; everything
 * else is the engine's (engine_admin_verb()). Who may: root and the user the broker runs as, by the
 * kernel's word (SO_PEERCRED), beside mode 0600 of the socket. There is no other way in and no
 * password.
 *
 * Loop thread only. */
#ifndef SKP_CONTROL_H
#define SKP_CONTROL_H

#include "server.h"

#include <jansson.h>

#define CONTROL_WHY_BYTES 512
/* What the system takes as the path of a socket. */
#define CONTROL_PATH_MAX 107
/* An agreement file in base64, and room. */
#define CONTROL_LINE_MAX_BYTES ((size_t)2 * 1024 * 1024)
/* With one more, who was quiet longest is closed, if the engine is not at its request. */
#define CONTROL_CONNECTIONS 16

struct control;

struct control_config {
    struct event_base *base;
    struct server *server;
    const char *path; /* up to CONTROL_PATH_MAX; a stale socket is replaced, a live one is IO */
    int64_t stop_grace_ms;
};

/* IO, NO_MEMORY with words in ret_why[CONTROL_WHY_BYTES]. */
enum skp_err control_open(const struct control_config *config, struct control **ret_control,
                          char *ret_why) SKP_MUST_CHECK;

/* After engine_close(), so that no call is under way. Removes the socket. NULL is fine. */
void control_close(struct control *control);

/* {"ok":false,"error":{...}}; path and sentence may be NULL or "" (the list's). The caller drops
 * the reference. */
json_t *control_error(enum skp_err err, const char *path, const char *sentence);

/* control_commands.c: answers a command about the process; NULL when `name` is none of them. The
 * caller drops the reference. */
json_t *control_answer_own(const struct control_config *config, const char *name);

#endif
