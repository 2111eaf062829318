/* Putting one log line together: fields, quotes, escapes. log.h is the door. Pure. */
#ifndef SKP_LOG_LINE_H
#define SKP_LOG_LINE_H

#include "log.h"

#include <stdarg.h>

struct log_text {
    char text[LOG_LINE_MAX];
    size_t len;
    bool cut;
};

/* `2026-12-03T10:15:00.123Z warn session_closed`. An instant outside the years 1 to 9999 is shown
 * in milliseconds. */
void log_text_start(struct log_text *line, int64_t at_ms, const char *level, const char *event);

/* Adds ` key=value ...` as log_line() says. */
void log_text_add_args(struct log_text *line, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
void log_text_add(struct log_text *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Ends the line with a newline, "..." before it when it was cut. */
void log_text_end(struct log_text *line);

#endif
