#include "jose_internal.h"

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
