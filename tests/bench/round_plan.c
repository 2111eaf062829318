#include "round_plan.h"

#include "bench.h"
#include "round_pack.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define FIRST_OIN     1000
#define LINE_BYTES    256
#define MOST_REQUESTS 255

/* ---------------------------------------------------------------- who has how many cases */

static unsigned read_sizes(const struct round_plan *plan, double *ret_sizes)
{
    char line[LINE_BYTES];
    unsigned count = 0;
    FILE *file = fopen(plan->shape.sizes_file, "re");
    if (!file || !fgets(line, sizeof line, file)) /* the heading */
        bench_die("%s cannot be read", plan->shape.sizes_file);
    while (count < plan->shape.counsellors && fgets(line, sizeof line, file)) {
        const char *last = strrchr(line, ',');
        ret_sizes[count++] = last ? atof(last + 1) : 0;
    }
    fclose(file);
    return count;
}

/* Each has a run of cases, as long as its size asks: rounding is shared by all, so that the sum is right. */
static void deal_cases(struct round_plan *plan)
{
    unsigned counsellors = plan->shape.counsellors;
    double *sizes = bench_calloc(counsellors, sizeof *sizes);
    double sum = 0;
    double before = 0;
    for (unsigned i = 0; i < counsellors; i++)
        sizes[i] = 1;
    if (plan->shape.sizes_file && read_sizes(plan, sizes) < counsellors)
        bench_die("%s: fewer lines than counsellors", plan->shape.sizes_file);
    for (unsigned i = 0; i < counsellors; i++)
        sum += sizes[i];
    for (unsigned i = 0; i < counsellors; i++) {
        struct round_party *party = &plan->parties[i];
        party->first_case = (unsigned)(before / sum * plan->shape.cases + 0.5);
        before += sizes[i];
        party->case_count = (unsigned)(before / sum * plan->shape.cases + 0.5) - party->first_case;
    }
    free(sizes);
}

/* ---------------------------------------------------------------- who is asked */

static unsigned draw_creditor(struct round_plan *plan, const double *cumulative)
{
    unsigned count = plan->shape.creditors;
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
    return plan->shape.counsellors + low;
}

static bool is_drawn(const struct round_request *requests, unsigned count, unsigned creditor)
{
    for (unsigned i = 0; i < count; i++)
        if (requests[i].creditor == creditor)
            return true;
    return false;
}

static void draw_case(struct round_plan *plan, unsigned counsellor, unsigned index,
                      const double *cumulative)
{
    unsigned first = round_first_request(plan, index);
    struct round_request *requests = plan->requests + first;
    unsigned count = round_first_request(plan, index + 1) - first;
    plan->case_ids[index] = id_new();
    for (unsigned i = 0; i < count; i++) {
        struct round_request *request = &requests[i];
        uint32_t number = first + i;
        request->id = id_new();
        memcpy(request->id.bytes + ID_BYTES - sizeof number, &number, sizeof number);
        request->case_index = index;
        request->counsellor = counsellor;
        do
            request->creditor = draw_creditor(plan, cumulative);
        while (is_drawn(requests, i, request->creditor));
        plan->parties[request->creditor].expected_lines++;
        plan->parties[counsellor].expected_lines += !plan->shape.is_one_way;
    }
}

static void draw_all(struct round_plan *plan)
{
    double *cumulative = bench_calloc(plan->shape.creditors, sizeof *cumulative);
    double sum = 0;
    for (unsigned i = 0; i < plan->shape.creditors; i++)
        cumulative[i] = sum += 1.0 / (i + 1);
    for (unsigned i = 0; i < plan->shape.counsellors; i++) {
        const struct round_party *party = &plan->parties[i];
        for (unsigned n = 0; n < party->case_count; n++)
            draw_case(plan, i, party->first_case + n, cumulative);
    }
    free(cumulative);
}

static void sort_by_creditor(struct round_plan *plan)
{
    unsigned *next = bench_calloc(plan->party_count, sizeof *next);
    unsigned at = 0;
    for (unsigned i = plan->shape.counsellors; i < plan->party_count; i++) {
        next[i] = plan->parties[i].first_asked = at;
        at += plan->parties[i].expected_lines;
    }
    plan->by_creditor = bench_calloc(plan->request_count, sizeof *plan->by_creditor);
    for (unsigned i = 0; i < plan->request_count; i++)
        plan->by_creditor[next[plan->requests[i].creditor]++] = i;
    free(next);
}

/* ---------------------------------------------------------------- all of it */

static void *shared(size_t count, size_t bytes)
{
    void *memory =
        mmap(NULL, (count + 1) * bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        bench_die("out of memory");
    return memory;
}

static void make_parties(struct round_plan *plan, struct round_pki *pki)
{
    for (unsigned i = 0; i < plan->party_count; i++) {
        struct skp_oin oin;
        snprintf(oin.text, sizeof oin.text, "000000990000%08u", FIRST_OIN + i);
        round_pki_issue(pki, &oin, &plan->parties[i].identity);
    }
}

static void check_shape(const struct round_shape *shape)
{
    unsigned most = (shape->requests_tenths + 9) / 10;
    if (shape->requests_tenths < 10 || most > MOST_REQUESTS || shape->creditors < most ||
        shape->counsellors == 0 || shape->cases == 0 || shape->bundle_lines == 0 ||
        shape->bundle_lines > BUNDLE_MAX_LINES || shape->batches_in_air == 0)
        bench_die("a round needs a counsellor, a case, and as many creditors as a case has "
                  "requests (1 to %d)",
                  MOST_REQUESTS);
}

void round_plan_make(struct round_plan *plan, const struct round_shape *shape,
                     struct round_pki *pki, const char *folder)
{
    check_shape(shape);
    *plan = (struct round_plan){.shape = *shape, .random = UINT64_C(88172645463325252)};
    snprintf(plan->folder, sizeof plan->folder, "%s", folder);
    if (mkdir(folder, 0700) != 0)
        bench_die("%s cannot be made", folder);
    plan->party_count = shape->counsellors + shape->creditors;
    plan->request_count = round_first_request(plan, shape->cases);
    plan->parties = shared(plan->party_count, sizeof *plan->parties);
    plan->requests = shared(plan->request_count, sizeof *plan->requests);
    plan->case_ids = bench_calloc(shape->cases, sizeof *plan->case_ids);
    make_parties(plan, pki);
    deal_cases(plan);
    draw_all(plan);
    sort_by_creditor(plan);
    round_pack_all(plan);
}

void round_plan_free(struct round_plan *plan)
{
    for (unsigned i = 0; i < plan->party_count; i++) {
        keypair_unref(plan->parties[i].identity.enc);
        keypair_unref(plan->parties[i].identity.sign);
    }
    munmap(plan->parties, (plan->party_count + 1) * sizeof *plan->parties);
    munmap(plan->requests, (plan->request_count + 1) * sizeof *plan->requests);
    free(plan->case_ids);
    free(plan->by_creditor);
}

unsigned round_batch_count(const struct round_plan *plan)
{
    unsigned count = 0;
    for (unsigned i = 0; i < plan->party_count; i++)
        count += plan->parties[i].batch_count;
    return count;
}

unsigned round_bundle_count(const struct round_plan *plan)
{
    unsigned count = 0;
    for (unsigned i = 0; i < plan->party_count; i++)
        count += plan->parties[i].bundle_count;
    return count;
}

uint64_t round_batch_bytes(const struct round_plan *plan)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < plan->party_count; i++)
        bytes += plan->parties[i].batch_bytes;
    return bytes;
}

struct round_request *round_request_of(const struct round_plan *plan, const struct skp_id *id)
{
    uint32_t number;
    memcpy(&number, id->bytes + ID_BYTES - sizeof number, sizeof number);
    struct round_request *request = number < plan->request_count ? &plan->requests[number] : NULL;
    return request && id_equal(&request->id, id) ? request : NULL;
}
