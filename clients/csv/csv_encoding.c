#include "csv_encoding.h"

#include "text.h"

#include <string.h>

#define CHUNK_BYTES 65536

/* 0x80 to 0x9f (https://encoding.spec.whatwg.org/index-windows-1252.txt, but for the undefined
 * ones, 0 here); the rest of Windows-1252 is Latin-1. */
static const uint16_t points_80[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

size_t csv_encoding_from_1252(uint8_t byte, char *ret_utf8)
{
    unsigned point = byte >= 0x80 && byte < 0xa0 ? points_80[byte - 0x80] : byte;
    if (byte < 0x80 || point == 0) {
        ret_utf8[0] = (char)(byte < 0x80 ? byte : 0xff);
        return 1;
    }
    if (point < 0x800) {
        ret_utf8[0] = (char)(0xc0 | point >> 6);
        ret_utf8[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    ret_utf8[0] = (char)(0xe0 | point >> 12);
    ret_utf8[1] = (char)(0x80 | (point >> 6 & 0x3f));
    ret_utf8[2] = (char)(0x80 | (point & 0x3f));
    return 3;
}

/* How many bytes at the end belong to a character that the next chunk finishes. */
static size_t unfinished(const uint8_t *bytes, size_t len)
{
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        uint8_t byte = bytes[len - back];
        if ((byte & 0xc0) == 0x80)
            continue;
        size_t needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
        return needs > back ? back : 0;
    }
    return 0;
}

static bool stream_is_utf8(FILE *in)
{
    uint8_t chunk[CHUNK_BYTES];
    size_t held = 0;
    for (;;) {
        size_t got = fread(chunk + held, 1, sizeof(chunk) - held, in);
        size_t len = held + got;
        held = got > 0 ? unfinished(chunk, len) : 0;
        if (text_check(span_of(chunk, len - held), NULL) == SKP_E_TEXT_ENCODING)
            return false;
        if (got == 0)
            return true;
        memmove(chunk, chunk + len - held, held);
    }
}

enum skp_err csv_encoding_detect(FILE *in, bool *ret_windows_1252)
{
    uint8_t mark[3] = {0};
    size_t got = fread(mark, 1, sizeof(mark), in);
    if (got >= 2 && (memcmp(mark, "\xff\xfe", 2) == 0 || memcmp(mark, "\xfe\xff", 2) == 0))
        return SKP_E_TEXT_ENCODING;
    bool marked = got == 3 && memcmp(mark, "\xef\xbb\xbf", 3) == 0;
    bool windows_1252 = false;
    if (!marked) {
        if (fseek(in, 0, SEEK_SET) != 0)
            return SKP_E_IO;
        windows_1252 = !stream_is_utf8(in);
    }
    if (ferror(in) || fseek(in, marked ? 3 : 0, SEEK_SET) != 0)
        return SKP_E_IO;
    *ret_windows_1252 = windows_1252;
    return SKP_OK;
}
