/* A stream of frames, whole and in pieces: however few bytes are there at a time, the same frames come
 * out of it, and nothing is known of a frame but what its bytes say. */
#include "frame.h"
#include "fuzz.h"

#include <string.h>

struct seen {
    enum frame_status status;
    enum frame_type type;
    size_t total;
    enum skp_err err;
};

static struct seen peek(struct span stream, size_t have)
{
    struct seen seen = {.status = FRAME_NEED_MORE};
    /* An exact copy: a read behind what is there is seen by the sanitizer. */
    uint8_t *bytes = malloc(have ? have : 1);
    EXPECT(bytes != NULL);
    if (have > 0)
        memcpy(bytes, stream.data, have);
    seen.status = frame_peek(bytes, have, &seen.type, &seen.total, &seen.err);
    free(bytes);
    return seen;
}

/* What the header must have said, read again in the plainest way. */
static void check_ready(struct span frame, const struct seen *seen)
{
    uint8_t header[FRAME_HEADER_BYTES];
    EXPECT(seen->total >= FRAME_HEADER_BYTES && seen->total <= FRAME_MAX_BYTES + 4);
    EXPECT(frame_type_name(seen->type) != NULL);
    frame_write_header(seen->type, seen->total - FRAME_HEADER_BYTES, header);
    EXPECT(memcmp(header, frame.data, sizeof header) == 0);
}

/* The first frame of the stream, byte by byte; its length, or 0 when there is no whole one. */
static size_t take_frame(struct span stream)
{
    struct seen whole = peek(stream, stream.len);
    bool refused = false;
    size_t wanted = 0;
    for (size_t have = 0; have <= stream.len && have <= 64; have++) {
        struct seen part = peek(stream, have);
        if (part.status == FRAME_BAD) {
            EXPECT(whole.status == FRAME_BAD && part.err >= SKP_E_FRAME_EMPTY);
            refused = true;
        }
        EXPECT(!refused || part.status == FRAME_BAD);
        if (part.status == FRAME_NEED_MORE) {
            EXPECT(part.total > have && part.total >= wanted && part.total <= FRAME_MAX_BYTES + 4);
            wanted = part.total;
        }
        if (part.status == FRAME_READY)
            EXPECT(whole.status == FRAME_READY && part.total == whole.total && have >= part.total);
    }
    if (whole.status != FRAME_READY)
        return 0;
    check_ready(stream, &whole);
    return whole.total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span stream = span_of(data, size);
    for (;;) {
        size_t taken = take_frame(stream);
        if (taken == 0)
            return 0;
        stream = span_of(stream.data + taken, stream.len - taken);
    }
}
