#include "config.h"

#include "config_value.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#define NAME_BYTES  64
#define VALUE_BYTES 1024
#define NEAR        3 /* edits away from a name that is worth suggesting */

struct table {
    const struct config_option *options;
    size_t count;
};

/* Where a sentence points; line 0 = the command line. */
struct place {
    const char *file;
    unsigned line;
};

__attribute__((format(printf, 3, 4))) static enum skp_err refuse(struct place place, char *ret_why,
                                                                 const char *format, ...)
{
    int len = place.line
                  ? snprintf(ret_why, CONFIG_WHY_BYTES, "%.120s:%u: ", place.file, place.line)
                  : snprintf(ret_why, CONFIG_WHY_BYTES, "%.120s: ", place.file);
    va_list args;
    va_start(args, format);
    vsnprintf(ret_why + len, CONFIG_WHY_BYTES - (size_t)len, format, args);
    va_end(args);
    return SKP_E_CONFIG;
}

static const struct config_option *find_option(struct table table, const char *name)
{
    for (size_t i = 0; i < table.count; i++)
        if (strcmp(table.options[i].name, name) == 0)
            return table.options + i;
    return NULL;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein distance, one row at a time. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NAME_BYTES + 1];
    size_t b_len = strlen(b);
    assert(b_len <= NAME_BYTES);
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0]++;
        for (size_t j = 0; j < b_len; j++) {
            size_t replaced = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = min_size(replaced, min_size(row[j], row[j + 1]) + 1);
        }
    }
    return row[b_len];
}

static const struct config_option *find_nearest(struct table table, const char *name)
{
    const struct config_option *nearest = NULL;
    size_t best = NEAR + 1;
    for (size_t i = 0; i < table.count; i++) {
        size_t distance = edit_distance(name, table.options[i].name);
        if (distance < best) {
            best = distance;
            nearest = &table.options[i];
        }
    }
    return nearest;
}

static enum skp_err set_option(struct table table, struct place place, const char *name,
                               const char *value, void *target, char *ret_why)
{
    const struct config_option *option = find_option(table, name);
    if (!option) {
        const struct config_option *nearest = find_nearest(table, name);
        if (nearest)
            return refuse(place, ret_why, "%s: no such option; did you mean %s?", name,
                          nearest->name);
        return refuse(place, ret_why, "%s: no such option; see --help-config for all options",
                      name);
    }
    char reason[CONFIG_REASON_BYTES];
    if (config_value_read(option, value, target, reason))
        return refuse(place, ret_why, "%s: %s", name, reason);
    return SKP_OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span text)
{
    while (text.len > 0 && is_blank((char)text.data[0]))
        text = span_of(text.data + 1, text.len - 1);
    while (text.len > 0 && is_blank((char)text.data[text.len - 1]))
        text.len--;
    return text;
}

/* What is wrong with the value after the equals sign; NULL: it stands in ret_value[VALUE_BYTES]. */
static const char *unquote(struct span text, char *ret_value)
{
    size_t len = 0;
    for (size_t i = 1; i < text.len && len < VALUE_BYTES - 1; i++) {
        char c = (char)text.data[i];
        if (c == '"') {
            struct span rest = trim(span_of(text.data + i + 1, text.len - i - 1));
            ret_value[len] = '\0';
            return rest.len == 0 || rest.data[0] == '#'
                       ? NULL
                       : "text follows the closing quote; put the whole value in quotes";
        }
        if (c == '\\') {
            i++;
            c = '\0';
            if (i < text.len)
                c = (char)text.data[i];
            if (c != '"' && c != '\\')
                return "a backslash in quotes stands before a quote or a backslash only; "
                       "write \\\\ for one backslash";
        }
        ret_value[len++] = c;
    }
    return len < VALUE_BYTES - 1 ? "the closing quote is missing; add it"
                                 : "the value is too long; shorten it";
}

static const char *read_bare(struct span text, char *ret_value)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '#' && (i == 0 || is_blank((char)text.data[i - 1])))
            text.len = i;
    text = trim(text);
    if (text.len >= VALUE_BYTES)
        return "the value is too long; shorten it";
    if (text.len > 0 && memchr(text.data, '"', text.len))
        return "a quote in the middle of a value; put the whole value in quotes";
    if (text.len > 0)
        memcpy(ret_value, text.data, text.len);
    ret_value[text.len] = '\0';
    return NULL;
}

/* Splits `name = value`; what is wrong, or NULL. */
static const char *split_line(struct span line, char *ret_name, char *ret_value)
{
    const uint8_t *equals = memchr(line.data, '=', line.len);
    struct span name = trim(span_of(line.data, equals ? (size_t)(equals - line.data) : 0));
    if (name.len == 0)
        return "not an option; write name = value, or start a comment with #";
    if (name.len >= NAME_BYTES)
        return "the name is too long; see --help-config for all options";
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] <= ' ' || name.data[i] >= 0x7f || name.data[i] == '"')
            return "the name holds a space, a quote or a strange character; write name = value";
    memcpy(ret_name, name.data, name.len);
    ret_name[name.len] = '\0';
    struct span value = trim(span_of(equals + 1, line.len - (size_t)(equals + 1 - line.data)));
    if (value.len > 0 && value.data[0] == '"')
        return unquote(value, ret_value);
    return read_bare(value, ret_value);
}

static enum skp_err parse_line(struct table table, struct place place, struct span line,
                               unsigned *first_lines, void *target, char *ret_why)
{
    char name[NAME_BYTES];
    char value[VALUE_BYTES];
    line = trim(line);
    if (line.len == 0 || line.data[0] == '#')
        return SKP_OK;
    if (memchr(line.data, '\0', line.len))
        return refuse(place, ret_why, "a NUL byte; save the file as plain text");
    const char *wrong = split_line(line, name, value);
    if (wrong)
        return refuse(place, ret_why, "%s", wrong);
    const struct config_option *option = find_option(table, name);
    if (option && first_lines[option - table.options])
        return refuse(place, ret_why, "%s: given before in line %u; remove one of the two", name,
                      first_lines[option - table.options]);
    if (option)
        first_lines[option - table.options] = place.line;
    return set_option(table, place, name, value, target, ret_why);
}

static struct span skip_byte_order_mark(struct span text)
{
    bool marked = text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0;
    return marked ? span_of(text.data + 3, text.len - 3) : text;
}

enum skp_err config_parse(const struct config_option *options, size_t count, const char *file,
                          struct span text, void *target, char *ret_why)
{
    struct table table = {options, count};
    struct place place = {file, 0};
    unsigned first_lines[CONFIG_MAX_OPTIONS] = {0};
    assert(count <= CONFIG_MAX_OPTIONS);
    text = skip_byte_order_mark(text);
    while (text.len > 0) {
        const uint8_t *newline = memchr(text.data, '\n', text.len);
        struct span line = span_of(text.data, newline ? (size_t)(newline - text.data) : text.len);
        place.line++;
        enum skp_err err = parse_line(table, place, line, first_lines, target, ret_why);
        if (err)
            return err;
        size_t taken = line.len + (newline != NULL);
        text = span_of(text.data + taken, text.len - taken);
    }
    return SKP_OK;
}

enum skp_err config_load(const struct config_option *options, size_t count, const char *file,
                         void *target, char *ret_why)
{
    char *data;
    size_t len;
    enum skp_err err = file_read(file, CONFIG_FILE_MAX, &data, &len, ret_why);
    if (err)
        return err;
    err = config_parse(options, count, file, span_of(data, len), target, ret_why);
    free(data);
    return err;
}

enum skp_err config_set(const struct config_option *options, size_t count, const char *name,
                        const char *value, void *target, char *ret_why)
{
    struct table table = {options, count};
    struct place place = {"command line", 0};
    if (strlen(name) >= NAME_BYTES)
        return refuse(place, ret_why, "the name is too long; see --help-config for all options");
    return set_option(table, place, name, value, target, ret_why);
}

enum skp_err config_check(const struct config_option *options, size_t count, const char *file,
                          const void *target, char *ret_why)
{
    for (size_t i = 0; i < count; i++) {
        char allowed[CONFIG_PRINT_BYTES];
        if (options[i].min <= 0 || !config_value_is_empty(&options[i], target))
            continue;
        config_value_describe(&options[i], allowed);
        return refuse((struct place){file, 0}, ret_why, "%s: is missing; give %.120s",
                      options[i].name, allowed);
    }
    return SKP_OK;
}

void config_init(const struct config_option *options, size_t count, void *target)
{
    static const char *const empty[] = {
        [CONFIG_INT] = "0",      [CONFIG_BOOL] = "no", [CONFIG_TEXT] = "",    [CONFIG_PATH] = "",
        [CONFIG_DURATION] = "0", [CONFIG_SIZE] = "0",  [CONFIG_ADDRESS] = "",
    };
    assert(count <= CONFIG_MAX_OPTIONS);
    for (size_t i = 0; i < count; i++) {
        struct config_option option = options[i];
        char reason[CONFIG_REASON_BYTES];
        const char *preset = option.preset ? option.preset : empty[option.type];
        /* What must be given starts empty: config_check() asks for it. */
        if (!*preset)
            option.min = 0;
        assert(strlen(option.name) < NAME_BYTES);
        if (config_value_read(&option, preset, target, reason))
            abort(); /* a preset that its own option refuses */
    }
}
