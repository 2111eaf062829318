#include "round_plan.h"

#include "bench.h"
#include "round_lines.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH_ARENA_BYTES ((size_t)256 << 20)
#define MS_PER_S          1000

/* One sender's batch in the making; a full bundle or batch is followed by another. */
struct packing {
    struct round_plan *plan;
    struct round_party *sender;
    struct round_batch *batch; /* NULL: none open */
    struct envelope_writer *writer;
    const struct round_identity *recipient; /* of the open bundle; NULL: none is open */
    struct skp_id bundle_id;
    uint32_t line;
};

/* ---------------------------------------------------------------- drawing */

static unsigned draw_creditor(struct round_plan *plan, const double *cumulative)
{
    unsigned count = plan->sizes.creditors;
    double at = (double)(bench_random(&plan->random) >> 11) / (double)(UINT64_C(1) << 53) *
                cumulative[count - 1];
    unsigned low = 0;
    for (unsigned high = count - 1; low < high;) {
        unsigned middle = (low + high) / 2;
        if (cumulative[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static bool is_drawn(const struct round_request *requests, unsigned count, unsigned creditor)
{
    for (unsigned i = 0; i < count; i++)
        if (requests[i].creditor == creditor)
            return true;
    return false;
}

static void draw_case(struct round_plan *plan, unsigned index, const double *cumulative)
{
    const struct round_sizes *sizes = &plan->sizes;
    struct round_request *requests = plan->requests + (size_t)index * sizes->per_case;
    plan->case_ids[index] = id_new();
    for (unsigned i = 0; i < sizes->per_case; i++) {
        struct round_request *request = &requests[i];
        uint32_t number = index * sizes->per_case + i;
        request->id = id_new();
        memcpy(request->id.bytes + ID_BYTES - sizeof number, &number, sizeof number);
        request->case_index = index;
        request->counsellor = index % sizes->counsellors;
        do
            request->creditor = sizes->counsellors + draw_creditor(plan, cumulative);
        while (is_drawn(requests, i, request->creditor));
        plan->parties[request->creditor].expected_lines++;
        plan->parties[request->counsellor].expected_lines++;
    }
}

static void draw_all(struct round_plan *plan)
{
    double *cumulative = bench_calloc(plan->sizes.creditors, sizeof *cumulative);
    double sum = 0;
    for (unsigned i = 0; i < plan->sizes.creditors; i++)
        cumulative[i] = sum += 1.0 / (i + 1);
    for (unsigned i = 0; i < plan->sizes.cases; i++)
        draw_case(plan, i, cumulative);
    free(cumulative);
}

/* ---------------------------------------------------------------- packing */

static void open_batch(struct packing *packing)
{
    struct round_batch *batch = bench_calloc(1, sizeof *batch);
    struct skp_id id = id_new();
    arena_init(&batch->arena, BATCH_ARENA_BYTES);
    packing->batch = batch;
    packing->writer = envelope_writer_new(&batch->arena, &packing->sender->identity.oin, NULL, &id);
    packing->recipient = NULL;
    if (!packing->writer)
        bench_die("out of memory for a batch");
}

static void close_batch(struct packing *packing)
{
    struct round_batch *batch = packing->batch;
    if (!batch)
        return;
    bench_must(envelope_finish(packing->writer, packing->sender->identity.sign,
                               (int64_t)time(NULL) * MS_PER_S, &batch->sealed),
               "signing a batch");
    *packing->sender->batches_end = batch;
    packing->sender->batches_end = &batch->next;
    packing->sender->batch_count++;
    packing->plan->batch_count++;
    packing->plan->bundle_count += (unsigned)batch->sealed.bundle_count;
    for (size_t i = 0; i < batch->sealed.bundle_count; i++)
        packing->plan->batch_bytes += batch->sealed.bundles[i].len;
    packing->batch = NULL;
}

/* A NULL recipient is the broker: for it nothing is sealed. */
static enum skp_err open_bundle(struct packing *packing, const struct round_identity *recipient)
{
    struct skp_oin oin = {ROUND_BROKER_OIN};
    X509 *cert = recipient ? keypair_cert(recipient->enc) : NULL;
    packing->recipient = recipient;
    packing->line = 0;
    return envelope_bundle_begin(packing->writer, recipient ? &recipient->oin : &oin, "", &cert,
                                 recipient ? 1 : 0, &packing->bundle_id);
}

/* Into the open bundle, or into another when that is full or somebody else's. */
static enum skp_err add_line(struct packing *packing, const struct round_identity *recipient,
                             Skp__V1__Line *line, struct span part, struct skp_hash *ret_leaf)
{
    enum skp_err err = SKP_E_BATCH_TOO_LARGE;
    if (packing->recipient == recipient && recipient)
        err = envelope_line_add(packing->writer, line, part, ret_leaf);
    if (err != SKP_E_BATCH_TOO_LARGE)
        return err;
    err = open_bundle(packing, recipient);
    return err ? err : envelope_line_add(packing->writer, line, part, ret_leaf);
}

/* ---------------------------------------------------------------- what counsellors send */

static void pack_case_facts(struct packing *packing, unsigned first, unsigned step, unsigned count)
{
    struct round_plan *plan = packing->plan;
    bench_must(open_bundle(packing, NULL), "opening a bundle");
    for (unsigned i = 0; i < count; i++) {
        enum skp_err err = envelope_line_add(
            packing->writer, round_case_line(plan, first + i * step, &packing->batch->arena),
            span_of(NULL, 0), NULL);
        if (err == SKP_E_BATCH_TOO_LARGE && i > 0) { /* the bundle is full */
            bench_must(open_bundle(packing, NULL), "opening a bundle");
            i--;
        } else {
            bench_must(err, "a case");
        }
    }
}

static void pack_request(struct packing *packing, struct round_request *request)
{
    struct round_plan *plan = packing->plan;
    struct arena *arena = &packing->batch->arena;
    unsigned number = (unsigned)(request - plan->requests);
    bench_must(add_line(packing, &plan->parties[request->creditor].identity,
                        round_request_line(plan, number, arena), round_request_part(number, arena),
                        &request->leaf),
               "a request");
    request->bundle_id = packing->bundle_id;
    request->line = packing->line++;
}

static int by_creditor(const void *a, const void *b)
{
    const struct round_request *left = *(struct round_request *const *)a;
    const struct round_request *right = *(struct round_request *const *)b;
    if (left->creditor != right->creditor)
        return left->creditor < right->creditor ? -1 : 1;
    return (left > right) - (left < right);
}

/* Cases first, first + step, ...: with all their requests in one batch, as the broker wants them. */
static void pack_cases(struct packing *packing, unsigned first, unsigned step, unsigned count)
{
    struct round_plan *plan = packing->plan;
    unsigned per_case = plan->sizes.per_case;
    struct round_request **sorted = bench_calloc((size_t)count * per_case, sizeof *sorted);
    for (unsigned i = 0; i < count * per_case; i++)
        sorted[i] =
            &plan->requests[(size_t)(first + i / per_case * step) * per_case + i % per_case];
    qsort(sorted, (size_t)count * per_case, sizeof *sorted, by_creditor);
    open_batch(packing);
    pack_case_facts(packing, first, step, count);
    for (unsigned i = 0; i < count * per_case; i++)
        pack_request(packing, sorted[i]);
    close_batch(packing);
    free(sorted);
}

/* In as few batches as the limit allows, of equal size. */
static void pack_counsellor(struct round_plan *plan, unsigned counsellor)
{
    unsigned step = plan->sizes.counsellors;
    unsigned left = (plan->sizes.cases - counsellor + step - 1) / step;
    unsigned most = BATCH_MAX_LINES / (plan->sizes.per_case + 1);
    unsigned at = counsellor;
    for (unsigned batches = (left + most - 1) / most; batches > 0; batches--) {
        unsigned count = (left + batches - 1) / batches;
        struct packing packing = {.plan = plan, .sender = &plan->parties[counsellor]};
        pack_cases(&packing, at, step, count);
        at += count * step;
        left -= count;
    }
}

/* ---------------------------------------------------------------- what creditors send */

static int by_creditor_and_counsellor(const void *a, const void *b)
{
    const struct round_request *left = *(struct round_request *const *)a;
    const struct round_request *right = *(struct round_request *const *)b;
    if (left->creditor == right->creditor && left->counsellor != right->counsellor)
        return left->counsellor < right->counsellor ? -1 : 1;
    return by_creditor(a, b);
}

static void pack_answer(struct packing *packing, const struct round_request *request)
{
    struct round_plan *plan = packing->plan;
    unsigned number = (unsigned)(request - plan->requests);
    const struct round_identity *recipient = &plan->parties[request->counsellor].identity;
    for (;;) {
        if (!packing->batch)
            open_batch(packing);
        struct arena *arena = &packing->batch->arena;
        enum skp_err err = add_line(packing, recipient, round_answer_line(plan, number, arena),
                                    round_answer_part(number, arena), NULL);
        if (err != SKP_E_BATCH_TOO_LARGE) {
            bench_must(err, "an answer");
            return;
        }
        close_batch(packing);
    }
}

static void pack_answers(struct round_plan *plan)
{
    struct round_request **sorted = bench_calloc(plan->request_count, sizeof *sorted);
    struct packing packing = {.plan = plan};
    for (unsigned i = 0; i < plan->request_count; i++)
        sorted[i] = &plan->requests[i];
    qsort(sorted, plan->request_count, sizeof *sorted, by_creditor_and_counsellor);
    for (unsigned i = 0; i < plan->request_count; i++) {
        struct round_party *sender = &plan->parties[sorted[i]->creditor];
        if (packing.sender != sender && packing.sender)
            close_batch(&packing);
        packing.sender = sender;
        pack_answer(&packing, sorted[i]);
    }
    if (packing.sender)
        close_batch(&packing);
    free(sorted);
}

/* ---------------------------------------------------------------- all of it */

static void make_parties(struct round_plan *plan, struct round_pki *pki)
{
    plan->party_count = plan->sizes.counsellors + plan->sizes.creditors;
    plan->parties = bench_calloc(plan->party_count, sizeof *plan->parties);
    for (unsigned i = 0; i < plan->party_count; i++) {
        struct round_party *party = &plan->parties[i];
        struct skp_oin oin;
        snprintf(oin.text, sizeof oin.text, "000000990000%08u", 1000 + i);
        party->batches_end = &party->batches;
        round_pki_issue(pki, &oin, &party->identity);
    }
}

void round_plan_make(struct round_plan *plan, const struct round_sizes *sizes,
                     struct round_pki *pki)
{
    if (sizes->creditors < sizes->per_case || sizes->cases < sizes->counsellors ||
        sizes->counsellors == 0 || sizes->per_case == 0 || sizes->per_case > 255)
        bench_die(
            "there must be as many creditors as requests per case, and a case per counsellor");
    *plan = (struct round_plan){.sizes = *sizes, .random = UINT64_C(88172645463325252)};
    plan->request_count = sizes->cases * sizes->per_case;
    plan->case_ids = bench_calloc(sizes->cases, sizeof *plan->case_ids);
    plan->requests = bench_calloc(plan->request_count, sizeof *plan->requests);
    make_parties(plan, pki);
    draw_all(plan);
    for (unsigned i = 0; i < sizes->counsellors; i++)
        pack_counsellor(plan, i);
    pack_answers(plan);
}

void round_plan_free(struct round_plan *plan)
{
    for (unsigned i = 0; i < plan->party_count; i++) {
        struct round_party *party = &plan->parties[i];
        for (struct round_batch *batch = party->batches, *next; batch; batch = next) {
            next = batch->next;
            arena_fini(&batch->arena);
            free(batch);
        }
        keypair_unref(party->identity.enc);
        keypair_unref(party->identity.sign);
    }
    free(plan->parties);
    free(plan->case_ids);
    free(plan->requests);
}

struct round_request *round_request_of(const struct round_plan *plan, const struct skp_id *id)
{
    uint32_t number;
    memcpy(&number, id->bytes + ID_BYTES - sizeof number, sizeof number);
    struct round_request *request = number < plan->request_count ? &plan->requests[number] : NULL;
    return request && id_equal(&request->id, id) ? request : NULL;
}
