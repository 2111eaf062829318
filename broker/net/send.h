/* Frames on their way out. Everything is copied into the session's output, in large pieces, so that
 * TLS makes few records of it. Once a session is CLOSING nothing is added any more. Loop thread
 * only. */
#ifndef SKP_SEND_H
#define SKP_SEND_H

#include "session.h"

void send_frame(struct session *session, enum frame_type type, struct span body);
void send_message(struct session *session, enum frame_type type, const ProtobufCMessage *message);

/* The frames of an answer; with `skip` (0: none) one type is left out. */
void send_frames(struct session *session, const struct engine_frame *frames, size_t count,
                 unsigned skip);

/* What an Error is about; all zero: the session as a whole. */
struct error_about {
    struct skp_id batch_id;
    unsigned frame; /* type of the frame it answers */
    uint64_t tag;   /* that frame's */
};

/* An Error frame from the list; `path` and `sentence` may be NULL or "", about NULL. */
void send_error(struct session *session, enum skp_err err, const char *path, const char *sentence,
                const struct error_about *about);

void send_going_away(struct session *session, const char *sentence);

#endif
