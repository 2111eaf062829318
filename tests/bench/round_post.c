#include "round_post.h"

#include "bench.h"
#include "fact.h"
#include "frame.h"
#include "round_lines.h"
#include "wire.h"

#include <stdlib.h>

#define OPEN_ARENA_BYTES ((size_t)8 << 20)

struct opening {
    const struct round_plan *plan;
    const struct round_post *post;
    const Skp__V1__Bundle *bundle;
    struct seal_key key;
    struct arena arena;
};

static bool open_key(struct opening *opening)
{
    struct span boxes[BUNDLE_MAX_BOXES];
    struct keypair *const keys[] = {opening->plan->parties[opening->post->party].identity.enc};
    for (size_t i = 0; i < opening->bundle->n_key_boxes; i++)
        boxes[i] = span_text(opening->bundle->key_boxes[i]);
    return unseal_box(keys, 1, boxes, opening->bundle->n_key_boxes, &opening->post->place,
                      &opening->arena, &opening->key) == SKP_OK;
}

/* The line is of a request that is this party's, and what is sealed is what the plan sealed. */
static bool open_line(struct opening *opening, size_t index, unsigned char *seen)
{
    const struct round_plan *plan = opening->plan;
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line;
    struct skp_id id;
    struct skp_hash commitment;
    struct span part;
    if (fact_read(wire_span(opening->bundle->lines[index]), &opening->arena, path, &line) ||
        fact_item_id(line, &id) || !fact_commitment(line, &commitment))
        return false;
    const struct round_request *request = round_request_of(plan, &id);
    bool is_answer = line->fact_case == SKP__V1__LINE__FACT_ANSWER;
    if (!request || (is_answer ? request->counsellor : request->creditor) != opening->post->party ||
        unseal_part(&opening->key, &opening->post->place, &id, &commitment,
                    wire_span(opening->bundle->sealed[index]), &opening->arena, &part))
        return false;
    unsigned number = (unsigned)(request - plan->requests);
    struct span wanted = is_answer ? round_answer_part(number, &opening->arena)
                                   : round_request_part(number, &opening->arena);
    return seen[number]++ == 0 && span_equal(part, wanted);
}

static unsigned open_bundle(struct opening *opening, const uint8_t *bytes, unsigned char *seen)
{
    unsigned wrong = 0;
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    bench_must(wire_unpack(&skp__v1__bundle__descriptor, span_of(bytes, opening->post->len),
                           &opening->arena, path, &message),
               "unpacking a bundle");
    opening->bundle = (const Skp__V1__Bundle *)(const void *)message;
    if (open_key(opening))
        for (size_t i = 0; i < opening->bundle->n_lines; i++)
            wrong += !open_line(opening, i, seen);
    else
        wrong += (unsigned)opening->bundle->n_lines;
    seal_key_wipe(&opening->key);
    return wrong;
}

unsigned round_post_open(struct round_desk *desk, unsigned char *seen)
{
    unsigned wrong = 0;
    struct round_post post;
    uint8_t *bytes = bench_calloc(1, FRAME_MAX_BYTES);
    struct opening opening = {.plan = desk->plan, .post = &post};
    arena_init(&opening.arena, OPEN_ARENA_BYTES);
    rewind(desk->post);
    while (round_post_next(desk->post, &post, bytes)) {
        wrong += open_bundle(&opening, bytes, seen);
        arena_reset(&opening.arena);
    }
    arena_fini(&opening.arena);
    free(bytes);
    return wrong;
}
