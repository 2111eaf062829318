/* One line of log per event, made for people and for machines:
 *
 *   2026-12-03T10:15:00.123Z warn session_closed peer=00000099000000001000 code=105 why="idle too
 * long"
 *
 * Events are snake_case names that never change; what varies goes in key=value pairs. Values with
 * spaces, quotes or an equals sign are quoted, control characters and bytes outside ASCII are
 * written as \xHH, so a peer cannot forge a line. Nothing personal is ever a value: ids, codes,
 * counts, dates and file names only. Library code below the broker never logs.
 *
 * Thread-safe; one write per line. Settings are for the whole process. Logging never fails for the
 * caller and never blocks on anything but the stream. */
#ifndef SKP_LOG_H
#define SKP_LOG_H

#include "clock.h"

#include <stdbool.h>
#include <stdio.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

#define LOG_LINE_MAX 2048 /* longer lines are cut and end in "..." */

/* Warnings of one event name: at most this many per window; the next line after it says
 * suppressed=n. Errors, info and debug are never dropped. */
#define LOG_WARN_BURST     20
#define LOG_WARN_WINDOW_MS 10000

/* `format` is NULL or a literal of `key=%s key2=%d` pairs with one space between them: a space in
 * the format ends a value, a space inside an argument does not. Up to 16 conversions, no positional
 * ones. */
void log_line(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Lines above `level` are not written. Starts at LOG_INFO. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* "error", "warn", "info", "debug". */
const char *log_level_name(enum log_level level);

/* False when `name` is no level; *ret_level untouched. */
bool log_level_parse(const char *name, enum log_level *ret_level);

/* Borrows `stream` until the next call; NULL is stderr, where it starts. */
void log_set_stream(FILE *stream);

/* Borrows `clock` until the next call; NULL is the system's, where it starts. */
void log_set_clock(const struct clock *clock);

/* Warnings dropped by the rate limit since the process started. */
uint64_t log_suppressed_total(void);

#endif
