/* The directory: who takes part, how to seal for them, and the agreements with whoever asks. Read
 * worker. */
#include "engine_internal.h"

#include "workset.h"

#include <assert.h>
#include <stdlib.h>

#define DIRECTORY_PAGE_BYTES  200000
#define DIRECTORY_ENTRY_BYTES (FRAME_MAX_BYTES - 1024U) /* what stands beside one is far less */

struct directory_run {
    struct engine_call *call;
    struct registry *registry;
    int64_t now_ms;
    Skp__V1__Directory answer;
    size_t bytes;
};

static void fill_agreement(const struct agreement *agreement, int64_t now_ms, struct arena *arena,
                           Skp__V1__AgreementSummary *summary)
{
    skp__v1__agreement_summary__init(summary);
    uint8_t *id = arena_copy(arena, agreement->agreement_id.bytes, ID_BYTES);
    summary->agreement_id = wire_bytes(span_of(id, id ? ID_BYTES : 0));
    summary->version = agreement->version;
    summary->consent_form = agreement->consent_form;
    summary->term_working_days = agreement->term_working_days;
    summary->valid_from_date = agreement->valid_from;
    summary->valid_until_date = agreement->valid_until;
    summary->next_round_at_ms = agreement_next_opening(agreement, NULL, now_ms);
    summary->brand = wire_text(agreement->brand);
}

static size_t bits_to_list(uint32_t bits, int *ret_list)
{
    size_t count = 0;
    for (int n = 0; n < 32; n++)
        if (bits >> n & 1u)
            ret_list[count++] = n;
    return count;
}

/* Enum lists of a summary: protobuf-c holds them as arrays of the enum's type, which is an int. */
static enum skp_err fill_scope(const struct agreement *agreement, struct arena *arena,
                               Skp__V1__AgreementSummary *summary)
{
    int *lists = arena_calloc(arena, (size_t)3 * 32, sizeof *lists);
    if (!lists)
        return SKP_E_NO_MEMORY;
    _Static_assert(sizeof(Skp__V1__Product) == sizeof(int), "enums are ints");
    summary->n_products = bits_to_list(agreement->products, lists);
    summary->products = (Skp__V1__Product *)(void *)lists;
    summary->n_guidances = bits_to_list(agreement->guidances, lists + 32);
    summary->guidances = (Skp__V1__Guidance *)(void *)(lists + 32);
    summary->n_claim_kinds = bits_to_list(agreement->claim_kinds, lists + 64);
    summary->claim_kinds = (Skp__V1__ClaimKind *)(void *)(lists + 64);
    return SKP_OK;
}

static bool is_between(const struct registry *registry, const struct agreement *agreement,
                       const struct skp_oin *a, const struct skp_oin *b, plain_date today)
{
    const struct skp_oin *counsellor = oin_equal(&agreement->creditor, a) ? b : a;
    return (counsellor == b || oin_equal(&agreement->creditor, b)) &&
           agreement_in_force(agreement, counsellor, today) &&
           !registry_replaced_by(registry, agreement, today);
}

/* As many as fit beside the rest of the entry, which is there. */
static enum skp_err fill_agreements(struct directory_run *run, const struct skp_oin *other,
                                    Skp__V1__DirectoryEntry *entry)
{
    struct arena *arena = &run->call->arena;
    size_t total = registry_agreement_count(run->registry);
    plain_date today = calendar_date_of_ms(run->now_ms);
    size_t bytes = skp__v1__directory_entry__get_packed_size(entry);
    entry->agreements = arena_calloc(arena, total + 1, sizeof *entry->agreements);
    if (!entry->agreements)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < total; i++) {
        const struct agreement *agreement = registry_agreement_at(run->registry, i);
        if (!is_between(run->registry, agreement, &run->call->peer, other, today))
            continue;
        Skp__V1__AgreementSummary *summary = arena_calloc(arena, 1, sizeof *summary);
        if (!summary)
            return SKP_E_NO_MEMORY;
        fill_agreement(agreement, run->now_ms, arena, summary);
        enum skp_err err = fill_scope(agreement, arena, summary);
        if (err)
            return err;
        bytes += skp__v1__agreement_summary__get_packed_size(summary) + 4;
        if (bytes > DIRECTORY_ENTRY_BYTES)
            break;
        entry->agreements[entry->n_agreements++] = summary;
    }
    return SKP_OK;
}

static enum skp_err fill_records(struct directory_run *run,
                                 const struct registry_participant *participant,
                                 Skp__V1__DirectoryEntry *entry)
{
    struct arena *arena = &run->call->arena;
    entry->records = arena_calloc(arena, participant->record_count + 1, sizeof *entry->records);
    if (!entry->records)
        return SKP_E_NO_MEMORY;
    size_t bytes = 0;
    for (size_t i = 0; i < participant->record_count; i++) {
        /* An entry fits a frame, whatever the store holds. */
        bytes += participant->records[i]->bytes.len;
        if (bytes > RECORDS_MAX_BYTES)
            break;
        char path[WIRE_PATH_MAX] = "";
        ProtobufCMessage *message;
        enum skp_err err = wire_unpack(&skp__v1__signed_record__descriptor,
                                       participant->records[i]->bytes, arena, path, &message);
        if (err)
            return err;
        entry->records[entry->n_records++] = (Skp__V1__SignedRecord *)(void *)message;
    }
    return SKP_OK;
}

/* *ret_full: the page has no room for it, and it was not added. */
static enum skp_err add_entry(struct directory_run *run,
                              const struct registry_participant *participant, bool *ret_full)
{
    Skp__V1__DirectoryEntry *entry =
        arena_copy(&run->call->arena, participant->entry, sizeof *entry);
    if (!entry)
        return SKP_E_NO_MEMORY;
    enum skp_err err = fill_records(run, participant, entry);
    if (!err)
        err = fill_agreements(run, &participant->oin, entry);
    if (err)
        return err;
    size_t bytes = skp__v1__directory_entry__get_packed_size(entry) + 8;
    *ret_full = run->answer.n_entries > 0 && run->bytes + bytes > DIRECTORY_PAGE_BYTES;
    if (!*ret_full) {
        assert(run->answer.n_entries < registry_count(run->registry));
        run->answer.entries[run->answer.n_entries++] = entry;
        run->bytes += bytes;
    }
    return SKP_OK;
}

static enum skp_err list_all(struct directory_run *run, const char *after)
{
    bool full = false;
    for (size_t i = 0; i < registry_count(run->registry) && !full; i++) {
        const struct registry_participant *participant = registry_at(run->registry, i);
        if (strcmp(participant->oin.text, after) <= 0)
            continue;
        enum skp_err err = add_entry(run, participant, &full);
        if (err)
            return err;
    }
    run->answer.more = full;
    return SKP_OK;
}

static int by_oin(const void *a, const void *b)
{
    const struct registry_participant *const *left = a;
    const struct registry_participant *const *right = b;
    return strcmp((*left)->oin.text, (*right)->oin.text);
}

/* Those of the named that take part, by OIN; one that is named twice stands there twice. */
static enum skp_err find_named(struct directory_run *run, const Skp__V1__DirectoryGet *request,
                               const struct registry_participant **found, size_t *ret_count)
{
    size_t count = 0;
    for (size_t i = 0; i < request->n_oins; i++) {
        struct skp_oin oin;
        if (!oin_take(span_text(request->oins[i]), &oin))
            return engine_refuse(run->call, SKP_E_OIN_FORMAT, "oins", NULL);
        found[count] = registry_find(run->registry, &oin);
        count += found[count] != NULL;
    }
    qsort(found, count, sizeof *found, by_oin);
    *ret_count = count;
    return SKP_OK;
}

/* Each is told once, however often it is named: so the answer never outgrows the registry. */
static enum skp_err list_named(struct directory_run *run, const Skp__V1__DirectoryGet *request)
{
    const struct registry_participant **found =
        arena_calloc(&run->call->arena, request->n_oins, sizeof(struct registry_participant *));
    if (!found)
        return SKP_E_NO_MEMORY;
    size_t count = 0;
    bool full = false;
    const char *last = request->after;
    enum skp_err err = find_named(run, request, found, &count);
    for (size_t i = 0; !err && i < count && !full; i++) {
        if (strcmp(found[i]->oin.text, last) <= 0)
            continue;
        last = found[i]->oin.text;
        err = add_entry(run, found[i], &full);
    }
    run->answer.more = full;
    return err;
}

static enum skp_err read_directory(struct engine_call *call, struct store *reader)
{
    (void)reader;
    Skp__V1__DirectoryGet *request;
    enum skp_err err = engine_unpack(call, &skp__v1__directory_get__descriptor, (void *)&request);
    if (err)
        return err;
    call->tag = request->tag;
    struct directory_run run = {.call = call,
                                .registry = engine_registry(call->engine),
                                .now_ms = clock_business_ms(call->engine->clock)};
    skp__v1__directory__init(&run.answer);
    run.answer.tag = request->tag;
    run.answer.entries = arena_calloc(&call->arena, registry_count(run.registry) + 1,
                                      sizeof(Skp__V1__DirectoryEntry *));
    if (!run.answer.entries)
        err = SKP_E_NO_MEMORY;
    else
        err = request->n_oins > 0 ? list_named(&run, request) : list_all(&run, request->after);
    if (!err)
        err = engine_answer(call, FRAME_DIRECTORY, &run.answer.base);
    registry_unref(run.registry);
    return err;
}

const struct verb verb_directory = {.name = "directory", .read = read_directory};
