#include "sim_case.h"

#include "sim_names.h"
#include "skp.pb-c.h"

#include <math.h>

#define CASE_STREAM 1000

#define MAX_CLAIMS  (SIM_CREDITORS_MAX * 3)
#define POPULAR_TOP 1.0 /* weights within a kind: 1/1, 1/2, 1/3, ... */
#define MAX_KINDS   32
#define MAX_TABLE   128

/* What is needed while one case is drawn. */
struct drawing {
    const struct sim_world *world;
    struct sim_random random;
    struct arena *arena;
    struct register_case *drawn;
    uint32_t index;
    uint32_t claim_number;   /* counts the claims of the case */
    bool present[MAX_KINDS]; /* kinds of sim_kinds that it was drawn to have */
    bool used[MAX_TABLE];    /* creditors of the table that are in it */
    bool out_of_memory;
};

static void *take(struct drawing *drawing, size_t bytes)
{
    void *taken = arena_calloc(drawing->arena, 1, bytes);
    if (!taken)
        drawing->out_of_memory = true;
    return taken;
}

/* ---------------------------------------------------------------- the household */

static int draw_product(struct sim_random *random)
{
    static const double weights[] = {45, 40, 12, 3};
    static const int products[] = {
        SKP__V1__PRODUCT__PRODUCT_RESTRUCTURING_LOAN, SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION,
        SKP__V1__PRODUCT__PRODUCT_NO_CAPACITY, SKP__V1__PRODUCT__PRODUCT_PAYMENT_PLAN};
    return products[sim_random_weighted(random, weights, 4)];
}

static int draw_guidance(struct sim_random *random)
{
    static const double weights[] = {40, 25, 15, 10, 10};
    static const int guidances[] = {
        SKP__V1__GUIDANCE__GUIDANCE_BUDGET, SKP__V1__GUIDANCE__GUIDANCE_BUDGET_MANAGEMENT,
        SKP__V1__GUIDANCE__GUIDANCE_BUDGET_COACHING, SKP__V1__GUIDANCE__GUIDANCE_PROTECTIVE,
        SKP__V1__GUIDANCE__GUIDANCE_NONE};
    return guidances[sim_random_weighted(random, weights, 5)];
}

static void draw_people(struct drawing *drawing, bool youth)
{
    struct sim_random *random = &drawing->random;
    struct register_case *drawn = drawing->drawn;
    plain_date date = drawing->world->date;
    uint32_t age = youth ? 18 + sim_random_below(random, 9) : 27 + sim_random_below(random, 45);
    drawn->client = sim_person(random, date, age);
    sim_bsn(drawing->index * 2, drawn->client.bsn);
    drawn->has_partner = sim_random_chance(random, SIM_PARTNER);
    drawn->partner = (struct csv_person){
        .initials = "", .first_names = "", .prefix = "", .surname = "", .birth_date = 0};
    if (!drawn->has_partner)
        return;
    drawn->partner = sim_person(random, date, age);
    sim_bsn(drawing->index * 2 + 1, drawn->partner.bsn);
}

static void draw_head(struct drawing *drawing)
{
    const struct sim_world *world = drawing->world;
    const struct sim_municipality *seat = &world->counsellors[world->counsellor_of[drawing->index]];
    struct register_case *drawn = drawing->drawn;
    drawn->line = drawing->index + 1;
    drawn->dossier = sim_text(drawing->arena, "%d-%06u", world->date / 10000, drawing->index + 1);
    drawn->client_number = sim_text(drawing->arena, "%010u", 4000000 + drawing->index);
    drawn->product = draw_product(&drawing->random);
    drawn->guidance = draw_guidance(&drawing->random);
    drawn->reference_date = world->date;
    drawn->municipality = seat->oin;
    drawn->address = sim_address(&drawing->random, seat->code, seat->name, drawing->arena);
    drawn->contact = (struct csv_contact){
        .name = "Team Schuldhulp (test)",
        .phone = sim_text(drawing->arena, "+31 99 %07u", seat->code),
        .mail = sim_text(drawing->arena, "schuldhulp.gm%04u@gemeente.example", seat->code)};
}

/* ---------------------------------------------------------------- creditors */

/* Of a kind that the case has already, or of one that has no chance of its own: so the chances of
 * the others stay what they are. */
static const struct sim_kind *draw_further_kind(struct drawing *drawing)
{
    double weights[MAX_KINDS];
    for (size_t i = 0; i < sim_kind_count; i++)
        weights[i] = drawing->present[i] || sim_kinds[i].chance <= 0 ? sim_kinds[i].more_weight : 0;
    return &sim_kinds[sim_random_weighted(&drawing->random, weights, sim_kind_count)];
}

/* A creditor of the table that is not yet in the case; false when the kind has no more. */
static bool draw_known(struct drawing *drawing, int kind, size_t *ret_index)
{
    double weights[MAX_TABLE];
    double weight = POPULAR_TOP, sum = 0;
    for (size_t i = 0; i < sim_creditor_count; i++) {
        bool fits = sim_creditors[i].kind == kind;
        weights[i] = fits && !drawing->used[i] ? POPULAR_TOP / weight : 0;
        sum += weights[i];
        weight += fits ? 1 : 0;
    }
    if (sum <= 0)
        return false;
    *ret_index = sim_random_weighted(&drawing->random, weights, sim_creditor_count);
    drawing->used[*ret_index] = true;
    return true;
}

static const char *draw_from_list(struct drawing *drawing, const char *list)
{
    uint32_t count = 1;
    for (const char *at = list; *at; at++)
        count += *at == ',';
    uint32_t chosen = sim_random_below(&drawing->random, count);
    while (chosen-- > 0)
        list = strchr(list, ',') + 1;
    return sim_text(drawing->arena, "%.*s", (int)strcspn(list, ","), list);
}

static void name_known(struct drawing *drawing, size_t index, struct register_request *request)
{
    const struct sim_creditor *creditor = &sim_creditors[index];
    request->creditor_name = creditor->name;
    if (creditor->brands[0] != '\0' && sim_random_chance(&drawing->random, SIM_BRAND_NAMED))
        request->brand = draw_from_list(drawing, creditor->brands);
    if (sim_random_chance(&drawing->random, SIM_OIN_KNOWN))
        request->creditor = sim_creditor_oin(index);
    else if (creditor->search_names[0] != '\0' &&
             sim_random_chance(&drawing->random, SIM_SEARCH_NAME))
        request->creditor_name = draw_from_list(drawing, creditor->search_names);
}

/* Creditors outside the table: they get a letter. */
static const char *name_unknown(struct drawing *drawing, int kind)
{
    if (kind == SKP__V1__CLAIM_KIND__CLAIM_KIND_PRIVATE)
        return sim_private_creditor(&drawing->random, drawing->arena);
    if (kind == SKP__V1__CLAIM_KIND__CLAIM_KIND_MUNICIPAL)
        return sim_text(drawing->arena, "Gemeente %s, belastingen (test)",
                        drawing->drawn->address.place);
    return sim_small_creditor(&drawing->random, drawing->arena);
}

static bool is_named(const struct register_case *drawn, const char *name)
{
    for (const struct register_request *at = drawn->requests; at; at = at->next) {
        if (strcmp(at->creditor_name, name) == 0)
            return true;
    }
    return false;
}

static void add_request(struct drawing *drawing, int kind)
{
    struct register_case *drawn = drawing->drawn;
    struct register_request *request = take(drawing, sizeof(*request));
    if (!request)
        return;
    size_t index = 0;
    request->brand = "";
    if (draw_known(drawing, kind, &index))
        name_known(drawing, index, request);
    else
        request->creditor_name = name_unknown(drawing, kind);
    request->client_number_creditor =
        sim_random_chance(&drawing->random, SIM_CLIENT_KNOWN)
            ? sim_text(drawing->arena, "%09u", sim_random_below(&drawing->random, 90000000))
            : "";
    request->urgent = sim_random_chance(&drawing->random, SIM_URGENT);
    /* The same small shop twice: one is enough. */
    if (!request->creditor_name || is_named(drawn, request->creditor_name))
        return;
    if (drawn->last_request)
        drawn->last_request->next = request;
    else
        drawn->requests = request;
    drawn->last_request = request;
    drawn->request_count++;
}

static struct register_claim *add_claim(struct drawing *drawing, struct register_request *request,
                                        int kind)
{
    struct register_claim *claim = take(drawing, sizeof(*claim));
    if (!claim)
        return NULL;
    bool known = drawing->claim_number == 0 || request->claim_count > 0 ||
                 sim_random_chance(&drawing->random, SIM_INVOICE_KNOWN);
    claim->kind = kind;
    claim->client_number_creditor = "";
    claim->invoice_number = known ? sim_text(drawing->arena, "%05u%06u%03u", 20000 + (unsigned)kind,
                                             drawing->index + 1, ++drawing->claim_number)
                                  : "";
    claim->debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    if (drawing->drawn->has_partner)
        claim->debtor += (int)sim_random_below(&drawing->random, 3);
    if (request->last_claim)
        request->last_claim->next = claim;
    else
        request->claims = claim;
    request->last_claim = claim;
    request->claim_count++;
    return claim;
}

/* A claim without a number is the only one. */
static void draw_claims(struct drawing *drawing, struct register_request *request, int kind)
{
    static const double weights[] = SIM_CLAIM_WEIGHTS;
    size_t more = sim_random_weighted(&drawing->random, weights, 3);
    const struct register_claim *claim = add_claim(drawing, request, kind);
    while (claim && more-- > 0 && request->claims->invoice_number[0] != '\0')
        claim = add_claim(drawing, request, kind);
}

static void add_creditor(struct drawing *drawing, const struct sim_kind *kind)
{
    size_t before = drawing->drawn->request_count;
    add_request(drawing, kind->kind);
    if (drawing->drawn->request_count > before)
        draw_claims(drawing, drawing->drawn->last_request, kind->kind);
}

/* First which kinds there are at all, in an order of chance, then further creditors until there are
 * enough. */
static void draw_creditors(struct drawing *drawing)
{
    struct sim_random *random = &drawing->random;
    const struct sim_kind *kinds[MAX_KINDS] = {NULL};
    uint32_t kind_count = 0;
    uint32_t wanted = sim_random_negative_binomial(random, SIM_CREDITORS_MEAN, SIM_CREDITORS_SD);
    wanted = wanted < 1 ? 1 : wanted > SIM_CREDITORS_MAX ? SIM_CREDITORS_MAX : wanted;
    for (size_t i = 0; i < sim_kind_count; i++) {
        if (!sim_random_chance(random, sim_kinds[i].chance))
            continue;
        drawing->present[i] = true;
        uint32_t place = sim_random_below(random, kind_count + 1);
        kinds[kind_count++] = kinds[place];
        kinds[place] = &sim_kinds[i];
    }
    for (uint32_t i = 0; i < kind_count && drawing->drawn->request_count < wanted; i++)
        add_creditor(drawing, kinds[i]);
    while (!drawing->out_of_memory && drawing->drawn->request_count < wanted)
        add_creditor(drawing, draw_further_kind(drawing));
}

/* ---------------------------------------------------------------- amounts */

static double draw_total_cents(struct sim_random *random, bool youth)
{
    if (youth)
        return 100 * sim_random_lognormal(random, SIM_YOUTH_DEBT_MEDIAN, SIM_DEBT_SIGMA);
    if (sim_random_chance(random, SIM_ENTREPRENEURS / (1 - SIM_YOUTH)))
        return 100 * sim_random_lognormal(random, SIM_ENTREPRENEUR_DEBT_MEDIAN,
                                          SIM_ENTREPRENEUR_DEBT_SIGMA);
    return 100 * sim_random_lognormal(random, SIM_DEBT_MEDIAN, SIM_DEBT_SIGMA);
}

static size_t list_claims(const struct drawing *drawing, bool preferent,
                          struct register_claim **ret_claims)
{
    size_t count = 0;
    for (struct register_request *r = drawing->drawn->requests; r; r = r->next) {
        for (struct register_claim *claim = r->claims; claim; claim = claim->next) {
            if (sim_kind_is_preferent(claim->kind) == preferent)
                ret_claims[count++] = claim;
        }
    }
    return count;
}

static void split(struct drawing *drawing, double cents, struct register_claim **claims,
                  size_t count)
{
    double shares[MAX_CLAIMS];
    sim_random_dirichlet(&drawing->random, SIM_SPLIT_ALPHA, count, shares);
    for (size_t i = 0; i < count; i++) {
        int64_t part = llround(cents * shares[i]);
        claims[i]->amount_cents = part < SIM_CLAIM_MIN_CENTS ? SIM_CLAIM_MIN_CENTS : part;
    }
}

static void split_total(struct drawing *drawing, double total_cents)
{
    struct register_claim *preferent[MAX_CLAIMS], *concurrent[MAX_CLAIMS];
    size_t preferents = list_claims(drawing, true, preferent);
    size_t concurrents = list_claims(drawing, false, concurrent);
    double share = sim_random_beta(&drawing->random, SIM_PREFERENT_A, SIM_PREFERENT_B);
    if (preferents == 0 || concurrents == 0)
        share = preferents == 0 ? 0 : 1;
    split(drawing, total_cents * share, preferent, preferents);
    split(drawing, total_cents * (1 - share), concurrent, concurrents);
}

enum skp_err sim_case_draw(const struct sim_world *world, uint32_t index, struct arena *arena,
                           struct register_case **ret_case)
{
    struct drawing drawing = {.world = world,
                              .random = sim_random_new(world->seed, CASE_STREAM + index),
                              .arena = arena,
                              .index = index};
    drawing.drawn = take(&drawing, sizeof(*drawing.drawn));
    if (!drawing.drawn)
        return SKP_E_NO_MEMORY;
    bool youth = sim_random_chance(&drawing.random, SIM_YOUTH);
    draw_head(&drawing);
    draw_people(&drawing, youth);
    double total_cents = draw_total_cents(&drawing.random, youth);
    draw_creditors(&drawing);
    if (drawing.out_of_memory || arena->exhausted)
        return SKP_E_NO_MEMORY;
    split_total(&drawing, total_cents);
    *ret_case = drawing.drawn;
    return SKP_OK;
}
