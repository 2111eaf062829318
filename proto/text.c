#include "text.h"

/* Length of the sequence that `lead` opens and the bits it brings; 0 when no sequence begins so.
 * C0, C1 and F5 to FF begin none (RFC 3629 section 3). */
static size_t read_lead(uint8_t lead, uint32_t *ret_bits)
{
    if (lead < 0x80) {
        *ret_bits = lead;
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        *ret_bits = lead & 0x1f;
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        *ret_bits = lead & 0x0f;
        return 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        *ret_bits = lead & 0x07;
        return 4;
    }
    return 0;
}

static bool is_in(uint32_t point, uint32_t first, uint32_t last)
{
    return point >= first && point <= last;
}

/* Length in bytes of the first character of `text`, 0 when it is not UTF-8. */
static size_t read_point(struct span text, uint32_t *ret_point)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t point = 0;
    size_t len = read_lead(text.data[0], &point);
    if (len == 0 || len > text.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((text.data[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (text.data[i] & 0x3f);
    }
    if (point < smallest[len] || point > 0x10ffff || is_in(point, 0xd800, 0xdfff))
        return 0;
    *ret_point = point;
    return len;
}

static bool point_is_forbidden(uint32_t point)
{
    return point < 0x20 || is_in(point, 0x7f, 0x9f) /* controls */
           || point == 0x061c || is_in(point, 0x200e, 0x200f) || is_in(point, 0x202a, 0x202e) ||
           is_in(point, 0x2066, 0x2069)    /* direction */
           || is_in(point, 0x2028, 0x2029) /* line and paragraph separator */
           || point == 0xfeff;             /* byte order mark */
}

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Whether eight bytes are plain ASCII, 0x20 to 0x7e. The first byte that is not shows in its highest bit,
 * since nothing carries or borrows before it: from the top half as it is, 0x7f by adding one, and
 * what is below 0x20 by taking that off. */
static bool eight_are_plain(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return ((word | (word + EACH_BYTE(0x01)) | (word - EACH_BYTE(0x20))) & EACH_BYTE(0x80)) == 0;
}

/* How many bytes from here on are plain ASCII: most of every text is nothing else. */
static size_t count_plain(struct span text)
{
    size_t count = 0;
    while (text.len - count >= 8 && eight_are_plain(text.data + count))
        count += 8;
    while (count < text.len && text.data[count] >= 0x20 && text.data[count] < 0x7f)
        count++;
    return count;
}

enum skp_err text_check(struct span text, size_t *ret_chars)
{
    size_t chars = count_plain(text);
    bool forbidden = false;
    for (size_t at = chars; at < text.len; chars++) {
        uint32_t point = 0;
        size_t len = read_point(span_of(text.data + at, text.len - at), &point);
        if (len == 0)
            return SKP_E_TEXT_ENCODING;
        forbidden = forbidden || point_is_forbidden(point);
        at += len;
    }
    if (forbidden)
        return SKP_E_TEXT_CONTROL;
    if (ret_chars)
        *ret_chars = chars;
    return SKP_OK;
}

bool text_is_blank(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != ' ')
            return false;
    }
    return true;
}
