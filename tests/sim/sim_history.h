/* What happened, for whoever judges it: the history, and the hash of everything that happened.
 *
 * The history is JSON lines: "t" in virtual microseconds, "e" the event, "who" the participant (""
 * for the simulation itself), and the event's own members; model.py says what they mean. The trace
 * hash covers every line of it and every byte that travelled, with its moment: two runs of one seed
 * that differ anywhere differ in it. One thread. */
#ifndef SKP_SIM_HISTORY_H
#define SKP_SIM_HISTORY_H

#include "bytes.h"

#include <stdarg.h>
#include <stdint.h>

/* NULL: no file, only the hash. Ends the program with words when the file cannot be written. */
void sim_history_open(const char *file);

/* `format` gives the members of the event after the first three: "\"n\":%d,\"s\":\"%s\"". */
void sim_history(const char *event, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same without members. */
void sim_history_mark(const char *event, const char *who);

/* Something that is not in the history but must be the same in every run of a seed. */
void sim_trace(const char *what, uint64_t number, const void *bytes, size_t len);

/* Closes; the hash in hex into ret_hash[2 * HASH_BYTES + 1]. */
void sim_history_close(char *ret_hash);

/* A piece of JSON in the making. */
struct sim_text {
    char *data;
    size_t len, room;
};
void sim_text_add(struct sim_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_text_hex(struct sim_text *text, struct span bytes);
void sim_text_fini(struct sim_text *text);

/* Lower-case hex; one of a few static texts, good until some calls later. At most 32 bytes. */
const char *sim_hex(const void *bytes, size_t len);
const char *sim_id(const struct skp_id *id);

/* Ends the program with words, seed and command: the simulation itself is broken, or the broker did
 * what must never happen. */
void sim_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void sim_die_prepare(const char *command);

#endif
