#include "log_line.h"

#include "calendar.h"

#include <assert.h>
#include <string.h>

#define MAX_CONVERSIONS 16
#define END_BYTES       4 /* "..." and the newline */

#define MS_PER_DAY INT64_C(86400000)

static void put(struct log_text *line, const char *text, size_t len)
{
    if (len > LOG_LINE_MAX - END_BYTES - line->len) {
        line->cut = true;
        return;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void put_escaped(struct log_text *line, const char *text, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < len && !line->cut; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
            put(line, text + i, 1);
        } else if (c == '"' || c == '\\') {
            put(line, (char[]){'\\', (char)c}, 2);
        } else {
            put(line, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
        }
    }
}

static bool needs_quotes(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] >= 0x7f || strchr("\"\\=", text[i]))
            return true;
    return len == 0;
}

static void put_value(struct log_text *line, const char *text, size_t len)
{
    bool quotes = needs_quotes(text, len);
    if (quotes)
        put(line, "\"", 1);
    put_escaped(line, text, len);
    if (quotes)
        put(line, "\"", 1);
}

/* Where the arguments stand in the printed text: only literal spaces and equals signs structure a
 * line. */
struct printed {
    char text[LOG_LINE_MAX];
    size_t len;
    bool cut;
    size_t count;
    size_t from[MAX_CONVERSIONS];
    size_t to[MAX_CONVERSIONS];
};

static bool is_literal(const struct printed *printed, size_t at)
{
    for (size_t i = 0; i < printed->count; i++)
        if (at >= printed->from[i] && at < printed->to[i])
            return false;
    return true;
}

/* The end of the conversion that starts at `text` ("%-5d" and so on). */
static const char *skip_conversion(const char *text)
{
    text += 1 + strspn(text + 1, "-+ #0123456789.*hlqjzt");
    assert(*text && *text != '$');
    return text + 1;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

/* How long the first `len` characters of the format print. */
static size_t print_length(const char *format, size_t len, va_list args)
{
    char start[LOG_LINE_MAX];
    assert(len < sizeof(start));
    memcpy(start, format, len);
    start[len] = '\0';
    va_list copy;
    va_copy(copy, args);
    int printed = vsnprintf(NULL, 0, start, copy);
    va_end(copy);
    return printed > 0 ? (size_t)printed : 0;
}

/* Finds the places of the arguments by printing the format up to each of them: quadratic for a
 * handful of conversions, and it knows nothing of their types. */
static void find_arguments(struct printed *printed, const char *format, va_list args)
{
    printed->count = 0;
    const char *at = strchr(format, '%');
    while (at) {
        const char *end = skip_conversion(at);
        if (end[-1] != '%') {
            assert(printed->count < MAX_CONVERSIONS);
            printed->from[printed->count] = print_length(format, (size_t)(at - format), args);
            printed->to[printed->count++] = print_length(format, (size_t)(end - format), args);
        }
        at = strchr(end, '%');
    }
}

static void print(struct printed *printed, const char *format, va_list args)
{
    find_arguments(printed, format, args);
    int len = vsnprintf(printed->text, sizeof(printed->text), format, args);
    printed->len = len > 0 ? (size_t)len : 0;
    printed->cut = printed->len >= sizeof(printed->text);
    if (printed->cut)
        printed->len = sizeof(printed->text) - 1;
}

#pragma GCC diagnostic pop

static size_t find_literal(const struct printed *printed, size_t from, size_t to, char wanted)
{
    while (from < to && (printed->text[from] != wanted || !is_literal(printed, from)))
        from++;
    return from;
}

void log_text_add_args(struct log_text *line, const char *format, va_list args)
{
    struct printed printed;
    print(&printed, format, args);
    size_t from = 0;
    while (from < printed.len && !line->cut) {
        size_t end = find_literal(&printed, from, printed.len, ' ');
        size_t equals = find_literal(&printed, from, end, '=');
        put(line, " ", 1);
        put_escaped(line, printed.text + from, equals - from);
        if (equals < end) {
            put(line, "=", 1);
            put_value(line, printed.text + equals + 1, end - equals - 1);
        }
        from = end + 1;
    }
    line->cut |= printed.cut;
}

void log_text_add(struct log_text *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_text_add_args(line, format, args);
    va_end(args);
}

static void put_time(struct log_text *line, int64_t at_ms)
{
    char text[64];
    if (!calendar_ms_valid(at_ms)) {
        snprintf(text, sizeof(text), "%lldms", (long long)at_ms);
    } else {
        int64_t of_day = (at_ms % MS_PER_DAY + MS_PER_DAY) % MS_PER_DAY;
        char date[CALENDAR_TEXT_BYTES];
        calendar_print_iso(calendar_date_of_day((int32_t)((at_ms - of_day) / MS_PER_DAY)), date);
        snprintf(text, sizeof(text), "%sT%02d:%02d:%02d.%03dZ", date, (int)(of_day / 3600000),
                 (int)(of_day / 60000 % 60), (int)(of_day / 1000 % 60), (int)(of_day % 1000));
    }
    put(line, text, strlen(text));
}

void log_text_start(struct log_text *line, int64_t at_ms, const char *level, const char *event)
{
    line->len = 0;
    line->cut = false;
    put_time(line, at_ms);
    put(line, " ", 1);
    put(line, level, strlen(level));
    put(line, " ", 1);
    put_escaped(line, event, strlen(event));
}

void log_text_end(struct log_text *line)
{
    if (line->cut) {
        memcpy(line->text + line->len, "...", 3);
        line->len += 3;
    }
    line->text[line->len++] = '\n';
}
