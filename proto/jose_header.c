#include "jose_internal.h"

#include "merkle.h"

#include <stdlib.h>

static const struct jose_curve curves[] = {
    {"ES256", "P-256", "prime256v1", 32, "SHA256"},
    {"ES384", "P-384", "secp384r1", 48, "SHA384"},
};

#define CURVE_COUNT (sizeof curves / sizeof curves[0])

const struct jose_curve *jose_curve_of(const EVP_PKEY *key)
{
    char group[32];
    if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1)
        return NULL;
    for (size_t i = 0; i < CURVE_COUNT; i++) {
        if (strcmp(group, curves[i].group) == 0)
            return &curves[i];
    }
    return NULL;
}

const struct jose_curve *jose_curve_named(const char *crv)
{
    for (size_t i = 0; i < CURVE_COUNT; i++) {
        if (strcmp(crv, curves[i].crv) == 0)
            return &curves[i];
    }
    return NULL;
}

json_t *jose_header_read(struct span text, struct arena *arena)
{
    struct span bytes;
    if (base64url_decode(text, arena, &bytes) != SKP_OK)
        return NULL;
    json_t *header = json_loadb((const char *)bytes.data, bytes.len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(header) && json_object_get(header, "crit") == NULL)
        return header;
    json_decref(header);
    return NULL;
}

const char *jose_header_write(json_t *header, struct arena *arena)
{
    char *text = header != NULL ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    if (text == NULL)
        return NULL;
    const char *encoded = base64url_encode(span_text(text), arena);
    free(text);
    return encoded;
}

const char *jose_member(const json_t *header, const char *name)
{
    return json_string_value(json_object_get(header, name));
}

bool jose_thumbprint(const json_t *header, struct arena *arena, struct skp_hash *ret_thumbprint)
{
    struct span bytes;
    const char *text = jose_member(header, "x5t#S256");
    return text != NULL && base64url_decode(span_text(text), arena, &bytes) == SKP_OK &&
           hash_take(bytes, ret_thumbprint);
}

#define IAT_BEGIN  ",\"iat\":"
#define IAT_DIGITS 10 /* from 2001 to 2286 */
#define IAT_BYTES  (sizeof IAT_BEGIN - 1 + IAT_DIGITS + 1)
#define IAT_CHARS  ((IAT_BYTES + 2) / 3 * 4)

/* Reads `,"iat":1763800000}`, a number that JSON knows no other spelling of. */
static bool read_iat(const uint8_t *bytes, int64_t *ret_seconds)
{
    size_t at = sizeof IAT_BEGIN - 1;
    int64_t seconds = 0;
    if (memcmp(bytes, IAT_BEGIN, at) != 0 || bytes[at] == '0' || bytes[IAT_BYTES - 1] != '}')
        return false;
    for (; at < IAT_BYTES - 1; at++) {
        if (bytes[at] < '0' || bytes[at] > '9')
            return false;
        seconds = seconds * 10 + (bytes[at] - '0');
    }
    *ret_seconds = seconds;
    return true;
}

/* The text before the last groups of four characters stands for the same bytes in every header of this
 * name, and what ends in `,"iat":`, a number and the last `}` is a member of the object itself. What
 * was read holds no NUL. */
bool jose_header_name(struct span text, struct arena *arena, struct skp_hash *ret_name,
                      int64_t *ret_signed_at_ms)
{
    struct span end;
    int64_t seconds;
    if (text.len < IAT_CHARS)
        return false;
    size_t stem = (text.len - IAT_CHARS) / 4 * 4;
    if (base64url_decode(span_of(text.data + stem, text.len - stem), arena, &end) != SKP_OK ||
        !read_iat(end.data + end.len - IAT_BYTES, &seconds))
        return false;
    struct span parts[] = {span_of(text.data, stem), span_of("", 1),
                           span_of(end.data, end.len - IAT_BYTES)};
    *ret_name = sha256_spans(parts, 3);
    *ret_signed_at_ms = seconds * 1000;
    return true;
}

bool jose_split(struct span text, struct span *ret_parts, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++) {
        const uint8_t *dot = text.len > 0 ? memchr(text.data, '.', text.len) : NULL;
        if (dot == NULL)
            return false;
        size_t len = (size_t)(dot - text.data);
        ret_parts[i] = span_of(text.data, len);
        text = span_of(dot + 1, text.len - len - 1);
    }
    ret_parts[count - 1] = text;
    return text.len == 0 || memchr(text.data, '.', text.len) == NULL;
}
