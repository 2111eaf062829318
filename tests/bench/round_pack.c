#include "round_pack.h"

#include "bench.h"
#include "round_file.h"
#include "round_lines.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH_ARENA_BYTES ((size_t)256 << 20)
#define PROCESSES         2

/* One sender's batches in the making; a full bundle or batch is followed by another. */
struct packing {
    struct round_plan *plan;
    struct round_party *sender;
    FILE *file;
    struct arena arena;
    struct envelope_writer *writer;         /* NULL: no batch is open */
    const struct round_identity *recipient; /* of the open bundle; NULL: none is open */
    struct skp_id bundle_id;
    uint32_t line;
    unsigned *per_creditor; /* requests of one batch, by party */
};

static struct packing packing_start(struct round_plan *plan, unsigned party)
{
    struct packing packing = {.plan = plan,
                              .sender = &plan->parties[party],
                              .file = round_batches_create(plan, party),
                              .per_creditor = bench_calloc(plan->party_count, sizeof(unsigned))};
    arena_init(&packing.arena, BATCH_ARENA_BYTES);
    return packing;
}

static void packing_end(struct packing *packing)
{
    if (fclose(packing->file) != 0)
        bench_die("%s: a batch cannot be written", packing->plan->folder);
    arena_fini(&packing->arena);
    free(packing->per_creditor);
}

/* ---------------------------------------------------------------- batches and bundles */

static void open_batch(struct packing *packing)
{
    struct skp_id id = id_new_at(bench_now_ms());
    arena_reset(&packing->arena);
    packing->writer =
        envelope_writer_new(&packing->arena, &packing->sender->identity.oin, NULL, &id);
    packing->recipient = NULL;
    if (!packing->writer)
        bench_die("out of memory for a batch");
}

static void close_batch(struct packing *packing)
{
    struct envelope_batch batch;
    if (!packing->writer)
        return;
    bench_must(
        envelope_finish(packing->writer, packing->sender->identity.sign, bench_now_ms(), &batch),
        "signing a batch");
    packing->writer = NULL;
    packing->sender->batch_count++;
    packing->sender->bundle_count += (unsigned)batch.bundle_count;
    packing->sender->batch_bytes += batch.header.len + strlen(batch.jws);
    for (size_t i = 0; i < batch.bundle_count; i++)
        packing->sender->batch_bytes += batch.bundles[i].len;
    round_batches_add(packing->file, &batch);
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
    if (packing->recipient == recipient && recipient &&
        packing->line < packing->plan->shape.bundle_lines)
        err = envelope_line_add(packing->writer, line, part, ret_leaf);
    if (err != SKP_E_BATCH_TOO_LARGE)
        return err;
    err = open_bundle(packing, recipient);
    return err ? err : envelope_line_add(packing->writer, line, part, ret_leaf);
}

/* ---------------------------------------------------------------- what counsellors send */

static void pack_case_facts(struct packing *packing, unsigned first, unsigned count)
{
    const struct span nothing = span_of(NULL, 0);
    bench_must(open_bundle(packing, NULL), "opening a bundle");
    for (unsigned i = 0; i < count; i++) {
        Skp__V1__Line *line = round_case_line(packing->plan, first + i, &packing->arena);
        enum skp_err err = envelope_line_add(packing->writer, line, nothing, NULL);
        if (err == SKP_E_BATCH_TOO_LARGE) { /* the bundle is full */
            bench_must(open_bundle(packing, NULL), "opening a bundle");
            err = envelope_line_add(packing->writer, line, nothing, NULL);
        }
        bench_must(err, "a case");
    }
}

static void pack_request(struct packing *packing, struct round_request *request)
{
    struct round_plan *plan = packing->plan;
    unsigned number = (unsigned)(request - plan->requests);
    bench_must(add_line(packing, &plan->parties[request->creditor].identity,
                        round_request_line(plan, number, &packing->arena),
                        round_request_part(number, &packing->arena), &request->leaf),
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

static void pack_cases(struct packing *packing, unsigned first_case, unsigned case_count)
{
    struct round_plan *plan = packing->plan;
    unsigned first = round_first_request(plan, first_case);
    unsigned count = round_first_request(plan, first_case + case_count) - first;
    struct round_request **sorted = bench_calloc(count, sizeof *sorted);
    for (unsigned i = 0; i < count; i++)
        sorted[i] = &plan->requests[first + i];
    qsort(sorted, count, sizeof *sorted, by_creditor);
    open_batch(packing);
    pack_case_facts(packing, first_case, case_count);
    for (unsigned i = 0; i < count; i++)
        pack_request(packing, sorted[i]);
    close_batch(packing);
    free(sorted);
}

static unsigned bundles_for(unsigned lines, unsigned per_bundle)
{
    return (lines + per_bundle - 1) / per_bundle;
}

/* Whether these cases are one batch to the broker. */
static bool is_one_batch(struct packing *packing, unsigned first_case, unsigned case_count)
{
    const struct round_plan *plan = packing->plan;
    unsigned first = round_first_request(plan, first_case);
    unsigned count = round_first_request(plan, first_case + case_count) - first;
    /* Cases with many requests fill a bundle with fewer lines. */
    unsigned bundles = bundles_for(case_count, BUNDLE_MAX_LINES / 2);
    memset(packing->per_creditor, 0, plan->party_count * sizeof *packing->per_creditor);
    for (unsigned i = 0; i < count; i++) {
        unsigned *requests = &packing->per_creditor[plan->requests[first + i].creditor];
        bundles += bundles_for(*requests + 1, plan->shape.bundle_lines) -
                   bundles_for(*requests, plan->shape.bundle_lines);
        ++*requests;
    }
    return plan->shape.singly
               ? case_count == 1
               : count + case_count <= BATCH_MAX_LINES && bundles <= BATCH_MAX_BUNDLES;
}

/* How many of these cases the limits allow in one batch; at least one. */
static unsigned cases_that_fit(struct packing *packing, unsigned first_case, unsigned most)
{
    unsigned fit = 1, too_many = most + 1;
    while (too_many - fit > 1) {
        unsigned half = fit + (too_many - fit) / 2;
        if (is_one_batch(packing, first_case, half))
            fit = half;
        else
            too_many = half;
    }
    return fit;
}

/* Each batch as full as the limits allow, as `skp counsellor send` fills them. */
static void pack_counsellor(struct round_plan *plan, unsigned party)
{
    struct packing packing = packing_start(plan, party);
    unsigned at = packing.sender->first_case;
    unsigned end = at + packing.sender->case_count;
    while (at < end) {
        unsigned count = cases_that_fit(&packing, at, end - at);
        pack_cases(&packing, at, count);
        at += count;
    }
    packing_end(&packing);
}

/* ---------------------------------------------------------------- what creditors send */

static void pack_answer(struct packing *packing, const struct round_request *request)
{
    struct round_plan *plan = packing->plan;
    unsigned number = (unsigned)(request - plan->requests);
    const struct round_identity *recipient = &plan->parties[request->counsellor].identity;
    enum skp_err err = SKP_E_BATCH_TOO_LARGE;
    while (err == SKP_E_BATCH_TOO_LARGE) {
        if (!packing->writer)
            open_batch(packing);
        err = add_line(packing, recipient, round_answer_line(plan, number, &packing->arena),
                       round_answer_part(number, &packing->arena), NULL);
        packing->line++;
        if (err || plan->shape.singly)
            close_batch(packing);
    }
    bench_must(err, "an answer");
}

static void pack_creditor(struct round_plan *plan, unsigned party)
{
    struct packing packing = packing_start(plan, party);
    const unsigned *asked = plan->by_creditor + packing.sender->first_asked;
    for (unsigned i = 0; i < packing.sender->expected_lines; i++)
        pack_answer(&packing, &plan->requests[asked[i]]);
    close_batch(&packing);
    packing_end(&packing);
}

/* ---------------------------------------------------------------- all of it */

static void pack_parties(struct round_plan *plan, unsigned from, unsigned to)
{
    pid_t children[PROCESSES];
    for (unsigned n = 0; n < PROCESSES; n++) {
        children[n] = fork();
        if (children[n] < 0)
            bench_die("fork failed");
        if (children[n] > 0)
            continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (unsigned party = from + n; party < to; party += PROCESSES)
            round_is_counsellor(plan, party) ? pack_counsellor(plan, party)
                                             : pack_creditor(plan, party);
        _exit(0);
    }
    for (unsigned n = 0; n < PROCESSES; n++) {
        int status = 0;
        if (waitpid(children[n], &status, 0) != children[n] || status != 0)
            bench_die("the post could not be packed");
    }
}

void round_pack_all(struct round_plan *plan)
{
    pack_parties(plan, 0, plan->shape.counsellors);
    if (!plan->shape.is_one_way)
        pack_parties(plan, plan->shape.counsellors, plan->party_count);
}
