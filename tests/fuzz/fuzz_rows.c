/* Rows and files of the domain, read from any bytes: packed requests, packed cases, agreements.
 *
 * The first byte chooses the reader. What is taken must be exactly what packing writes, and the
 * rules must hold up on it. */
#include "case_file.h"
#include "wire.h"

#include <assert.h>

#define ARENA_BYTES (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed_request(struct span bytes)
{
    struct request_state request;
    uint8_t again[REQUEST_PACKED_BYTES];
    if (bytes.len != REQUEST_PACKED_BYTES || request_unpack(bytes.data, &request))
        return;
    request_pack(&request, again);
    assert(span_equal(span_of(again, sizeof again), bytes));
    assert(request_state_name(request.state));
    (void)request_expire(&request, request.published_at_ms);
}

static void feed_case(struct span bytes, struct arena *arena)
{
    struct case_file file;
    if (case_unpack(bytes, arena, &file))
        return;
    assert(span_equal(case_pack(&file, arena), bytes));
    assert(case_to_decide(&file) <= file.request_count);
    for (size_t i = 0; i < file.request_count; i++)
        assert(case_find(&file, &file.requests[i].request_id) == &file.requests[i]);
    (void)case_phase(&file);
}

static void feed_agreement(struct span bytes, struct arena *arena)
{
    struct agreement agreement;
    char path[WIRE_PATH_MAX];
    if (agreement_read(bytes, arena, path, &agreement))
        return;
    assert(agreement.counsellor_count > 0);
    for (size_t i = 0; i < agreement.counsellor_count; i++)
        assert(agreement_in_force(&agreement, &agreement.counsellors[i], agreement.valid_from));
    assert(agreement_covers(&agreement, 0, 0, 0, agreement.brand) ==
           (agreement.products == 0 && agreement.guidances == 0));
    int64_t after_ms = calendar_ms_of(agreement.valid_from, 0);
    int64_t opening_ms = agreement_next_opening(&agreement, NULL, after_ms);
    assert(opening_ms == 0 || opening_ms > after_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct arena arena;
    struct span bytes = span_of(data + 1, size - 1);
    arena_init(&arena, ARENA_BYTES);
    if (data[0] % 3 == 0)
        feed_request(bytes);
    else if (data[0] % 3 == 1)
        feed_case(bytes, &arena);
    else
        feed_agreement(bytes, &arena);
    arena_fini(&arena);
    return 0;
}
