/* What peers may say: one file per subject, one table for all of them. */
#ifndef SKP_HANDLE_H
#define SKP_HANDLE_H

#include "session.h"

/* `body` is borrowed until the handler returns. */
typedef void (*handle_fn)(struct session *session, struct span body);

struct verb_row {
    enum frame_type type;
    unsigned states; /* SESSION_BIT()s in which the peer may send it */
    handle_fn handle;
};

/* The row of a frame type; NULL when only the broker sends it. */
const struct verb_row *handle_verb(enum frame_type type);

void handle_hello(struct session *session, struct span body);
void handle_ping(struct session *session, struct span body);
void handle_pong(struct session *session, struct span body);
void handle_error(struct session *session, struct span body);
void handle_begin(struct session *session, struct span body);
void handle_bundle(struct session *session, struct span body);
void handle_end(struct session *session, struct span body);
void handle_fetch(struct session *session, struct span body);
void handle_collect(struct session *session, struct span body);
void handle_extend(struct session *session, struct span body);
void handle_release(struct session *session, struct span body);
void handle_publish(struct session *session, struct span body);
void handle_directory_get(struct session *session, struct span body);
void handle_cases_get(struct session *session, struct span body);

/* Room to unpack any one frame that is read on the loop: its texts as they are, and a list of
 * WIRE_MAX_ITEMS numbers that are not packed. */
#define HANDLE_ARENA_BYTES ((size_t)1 << 20)

/* Unpacks the body of a frame on the loop; on error the peer has been told. `arena` is the caller's,
 * of HANDLE_ARENA_BYTES. */
bool handle_unpack(struct session *session, enum frame_type frame,
                   const ProtobufCMessageDescriptor *type, struct span body, struct arena *arena,
                   void *ret_message);

/* An Error about a frame of this type that has no tag. */
void handle_refuse(struct session *session, enum frame_type frame, enum skp_err err,
                   const char *path, const char *sentence);

/* handle_batch.c: drops a batch whose End never came. */
void batch_abandon(struct session *session);
/* Deadlines of an open batch; true when one has passed and the session ends. */
bool batch_sweep(struct session *session, int64_t now_ms);

/* handle_fetch.c: a mailbox may have something to fetch; `mailbox` NULL: any of them may go on. */
void fetch_wake(struct session *session, const char *mailbox);
void fetch_free_flows(struct session *session);

#endif
