/* Changes scripts step by step (script.h): libFuzzer's own changes only go into the bytes of one step. */
#include "grow.h"
#include "script.h"

#include <string.h>

#define STEPS_MAX 256
#define BYTES_MAX 4096

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other,
                                 size_t other_size, uint8_t *out, size_t max_size, unsigned seed);

struct plan {
    struct step steps[STEPS_MAX + 1];
    size_t count;
    uint64_t random;
};

static size_t below(struct plan *plan, size_t limit)
{
    return limit ? (size_t)(grow_random(&plan->random) >> 16) % limit : 0;
}

static void read_plan(struct plan *plan, struct span script)
{
    while (plan->count < STEPS_MAX && script_next(&script, &plan->steps[plan->count]))
        plan->count++;
}

static size_t write_plan(const struct plan *plan, uint8_t *out, size_t max)
{
    size_t used = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct step *step = &plan->steps[i];
        size_t len = step->bytes.len;
        if (used + STEP_HEADER_BYTES + len > max)
            break;
        uint8_t header[] = {step->verb, step->argument, (uint8_t)(len >> 8), (uint8_t)len};
        memcpy(out + used, header, sizeof header);
        if (len > 0)
            memcpy(out + used + sizeof header, step->bytes.data, len);
        used += sizeof header + len;
    }
    return used;
}

static void insert_step(struct plan *plan, uint8_t *room)
{
    struct step step = {.verb = (uint8_t)below(plan, script_verbs),
                        .argument = (uint8_t)below(plan, below(plan, 4) ? 8 : 256)};
    size_t at = below(plan, plan->count + 1);
    step.bytes = span_of(room, script_bytes_for(step.verb, &plan->random, room, BYTES_MAX));
    memmove(&plan->steps[at + 1], &plan->steps[at], (plan->count - at) * sizeof step);
    plan->steps[at] = step;
    plan->count += plan->count < STEPS_MAX;
}

static void change_bytes(struct plan *plan, struct step *step, uint8_t *room)
{
    size_t len = step->bytes.len < BYTES_MAX ? step->bytes.len : BYTES_MAX;
    if (below(plan, 3) == 0) {
        step->bytes = span_of(room, script_bytes_for(step->verb, &plan->random, room, BYTES_MAX));
        return;
    }
    if (len > 0)
        memcpy(room, step->bytes.data, len);
    step->bytes = span_of(room, LLVMFuzzerMutate(room, len, BYTES_MAX));
}

static void change_step(struct plan *plan, uint8_t *room)
{
    size_t at = below(plan, plan->count);
    size_t other = below(plan, plan->count);
    struct step *step = &plan->steps[at];
    struct step kept = *step;
    switch (below(plan, 6)) {
    case 0:
        plan->count--;
        memmove(step, step + 1, (plan->count - at) * sizeof *step);
        break;
    case 1:
        *step = plan->steps[other];
        plan->steps[other] = kept;
        break;
    case 2:
        step->argument = (uint8_t)below(plan, below(plan, 4) ? 8 : 256);
        break;
    case 3:
        plan->steps[other] = kept;
        break;
    default:
        change_bytes(plan, step, room);
        break;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static struct plan plan;
    static uint8_t room[BYTES_MAX], out[1 << 16];
    plan.count = 0;
    plan.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    read_plan(&plan, span_of(data, size));
    if (plan.count == 0 || below(&plan, 3) == 0)
        insert_step(&plan, room);
    else
        change_step(&plan, room);
    size_t len = write_plan(&plan, out, max_size < sizeof out ? max_size : sizeof out);
    memcpy(data, out, len);
    return len;
}

/* The beginning of one script and the end of another. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other,
                                 size_t other_size, uint8_t *out, size_t max_size, unsigned seed)
{
    static struct plan first, second;
    first.count = second.count = 0;
    first.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    read_plan(&first, span_of(one, one_size));
    read_plan(&second, span_of(other, other_size));
    first.count = below(&first, first.count + 1);
    size_t from = below(&first, second.count);
    while (from < second.count && first.count < STEPS_MAX)
        first.steps[first.count++] = second.steps[from++];
    return write_plan(&first, out, max_size);
}
