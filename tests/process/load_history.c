#include "load_history.h"

#include <stdlib.h>
#include <time.h>

static json_int_t monotonic_ns(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        abort();
    return (json_int_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void history_write(FILE *file, const char *event, json_t *fields)
{
    json_t *line = json_pack("{s:I, s:s}", "t", monotonic_ns(), "e", event);
    if (line == NULL || (fields != NULL && json_object_update(line, fields) != 0) ||
        json_dumpf(line, file, JSON_COMPACT) != 0 || putc('\n', file) == EOF) {
        fprintf(stderr, "load_client: the history cannot be written\n");
        exit(1);
    }
    json_decref(line);
    json_decref(fields);
}

json_t *history_hex(const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    char text[2 * HASH_BYTES];
    if (len > HASH_BYTES)
        abort();
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return json_stringn(text, 2 * len);
}

json_t *history_id(const struct skp_id *id)
{
    return history_hex(id->bytes, ID_BYTES);
}

json_t *history_text(const char *text)
{
    json_t *string = json_string(text);
    return string != NULL ? string : json_string("?");
}
