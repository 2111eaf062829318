#include "jose_internal.h"

#define COMMON_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

struct alphabet {
    const char *digits;
    bool padded;
};

static const struct alphabet url = {.digits = COMMON_DIGITS "-_", .padded = false};
static const struct alphabet standard = {.digits = COMMON_DIGITS "+/", .padded = true};

#define NO_DIGIT 0xff

/* What each byte stands for in the alphabet. */
static void read_digits(const struct alphabet *alphabet, uint8_t ret_values[UINT8_MAX + 1])
{
    memset(ret_values, NO_DIGIT, UINT8_MAX + 1);
    for (uint8_t value = 0; value < 64; value++)
        ret_values[(uint8_t)alphabet->digits[value]] = value;
}

/* Writes without a closing NUL; returns the length. */
static size_t encode_into(const struct alphabet *alphabet, struct span bytes, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i < 3 ? bytes.len - i : 3;
        unsigned group = (unsigned)bytes.data[i] << 16;
        if (left > 1)
            group |= (unsigned)bytes.data[i + 1] << 8;
        if (left > 2)
            group |= bytes.data[i + 2];
        for (unsigned digit = 0; digit <= left; digit++)
            out[len++] = alphabet->digits[(group >> (18 - 6 * digit)) & 63];
        for (size_t pad = left; alphabet->padded && pad < 3; pad++)
            out[len++] = '=';
    }
    return len;
}

static const char *encode(const struct alphabet *alphabet, struct span bytes, struct arena *arena)
{
    char *text = arena_alloc(arena, (bytes.len + 2) / 3 * 4 + 1);
    if (text == NULL)
        return NULL;
    text[encode_into(alphabet, bytes, text)] = '\0';
    return text;
}

/* `text` is without padding. False: another character, a lone last digit, or bits that say nothing:
 * two texts for the same bytes would let a signed token be changed without breaking it. */
static bool decode_into(const struct alphabet *alphabet, struct span text, uint8_t *out,
                        size_t *ret_len)
{
    uint32_t bits = 0;
    unsigned count = 0;
    size_t len = 0;
    uint8_t values[UINT8_MAX + 1];
    read_digits(alphabet, values);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t value = values[text.data[i]];
        if (value == NO_DIGIT)
            return false;
        bits = (bits << 6 | value) & 0xffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[len++] = (uint8_t)(bits >> count);
        }
    }
    if (count == 6 || (bits & ((1u << count) - 1)) != 0)
        return false;
    *ret_len = len;
    return true;
}

static enum skp_err decode(const struct alphabet *alphabet, struct span text, struct arena *arena,
                           struct span *ret_bytes)
{
    size_t len;
    uint8_t *bytes = arena_alloc(arena, text.len / 4 * 3 + 3);
    if (bytes == NULL)
        return SKP_E_NO_MEMORY;
    if (!decode_into(alphabet, text, bytes, &len))
        return SKP_E_DECODE;
    *ret_bytes = span_of(bytes, len);
    return SKP_OK;
}

const char *base64url_encode(struct span bytes, struct arena *arena)
{
    return encode(&url, bytes, arena);
}

enum skp_err base64url_decode(struct span text, struct arena *arena, struct span *ret_bytes)
{
    return decode(&url, text, arena, ret_bytes);
}

const char *base64_encode(struct span bytes, struct arena *arena)
{
    return encode(&standard, bytes, arena);
}

enum skp_err base64_decode(struct span text, struct arena *arena, struct span *ret_bytes)
{
    if (text.len % 4 != 0)
        return SKP_E_DECODE;
    for (int pads = 0; pads < 2 && text.len > 0 && text.data[text.len - 1] == '='; pads++)
        text.len--;
    return decode(&standard, text, arena, ret_bytes);
}

#define FEED_BYTES 768

bool base64url_feed(struct span bytes, jose_update_fn update, EVP_MD_CTX *ctx)
{
    _Static_assert(FEED_BYTES % 3 == 0, "only the last piece may end in a part of a group");
    char text[FEED_BYTES / 3 * 4];
    for (size_t i = 0; i < bytes.len; i += FEED_BYTES) {
        size_t left = bytes.len - i < FEED_BYTES ? bytes.len - i : FEED_BYTES;
        if (update(ctx, text, encode_into(&url, span_of(bytes.data + i, left), text)) != 1)
            return false;
    }
    return true;
}
