#include "round_party.h"

#include "bench.h"
#include "fact.h"
#include "round_lines.h"
#include "wire.h"

#include <stdlib.h>

#define OPEN_ARENA_BYTES ((size_t)8 << 20)

static const struct round_party *planned(const struct party *party)
{
    return &party->plan->parties[party->index];
}

/* ---------------------------------------------------------------- sending */

static void send_batches(struct party *party)
{
    for (const struct round_batch *batch = planned(party)->batches; batch; batch = batch->next)
        bench_must(skp_send(party->client, &batch->sealed, NULL), "skp_send");
}

static void on_report(void *ctx, const struct skp_report *report)
{
    struct party *party = ctx;
    bench_must(report->err, report->sentence ? report->sentence : "a batch was refused");
    if (report->receipt->n_refusals > 0)
        bench_die("%s: %zu lines of a batch were refused, the first with %s at %s",
                  planned(party)->identity.oin.text, report->receipt->n_refusals,
                  skp_error_name((enum skp_err)report->receipt->refusals[0]->code),
                  report->receipt->refusals[0]->path);
    party->reports++;
}

void party_start(struct party *party)
{
    if (round_is_counsellor(party->plan, party->index))
        send_batches(party);
}

/* ---------------------------------------------------------------- receiving */

void party_collect(struct party *party)
{
    if (party->item_count == 0)
        return;
    bench_must(skp_collect(party->client, "", party->items, party->item_count, 0), "skp_collect");
    party->item_count = 0;
    party->collects++;
    party->collecting++;
}

static void keep(struct party *party, const Skp__V1__Delivery *delivery,
                 const struct envelope_delivery *checked)
{
    size_t len = delivery->bundle.len;
    struct kept_bundle *kept = bench_calloc(1, sizeof *kept + len);
    kept->place = (struct seal_place){.sender = checked->header.sender,
                                      .recipient = checked->head.recipient,
                                      .batch_id = checked->header.batch_id,
                                      .bundle_id = checked->head.bundle_id};
    kept->len = len;
    memcpy(kept->bytes, delivery->bundle.data, len);
    kept->next = party->post;
    party->post = kept;
    party->lines += (unsigned)checked->bundle->n_lines;
}

static void on_delivery(void *ctx, const Skp__V1__Delivery *delivery,
                        const struct envelope_delivery *checked)
{
    struct party *party = ctx;
    const char *sender = checked->header.sender.text;
    unsigned at = party->item_count++;
    party->deliveries++;
    party->delivery_bytes += delivery->bundle.len + delivery->header.len + strlen(delivery->jws);
    bool is_post = strcmp(sender, ROUND_BROKER_OIN) != 0;
    if (is_post)
        keep(party, delivery, checked);
    party->hashes[at] = checked->head_hash;
    skp__v1__collected_item__init(&party->items[at]);
    party->items[at].position = delivery->position;
    party->items[at].head_hash = wire_bytes(span_of(party->hashes[at].bytes, HASH_BYTES));
    bool is_last = is_post && party->lines == planned(party)->expected_lines;
    if (party->item_count == PARTY_COLLECT_ITEMS || is_last)
        party_collect(party);
    if (is_last && !round_is_counsellor(party->plan, party->index))
        send_batches(party); /* answers what is safe with it */
}

static void on_collected(void *ctx, uint64_t tag, const Skp__V1__Collected *collected)
{
    struct party *party = ctx;
    (void)tag;
    if (collected->n_unknown > 0)
        bench_die("%s: %zu deliveries could not be collected", planned(party)->identity.oin.text,
                  collected->n_unknown);
    party->collecting--;
}

/* ---------------------------------------------------------------- the session */

static void on_welcome(void *ctx, const Skp__V1__Welcome *welcome)
{
    struct party *party = ctx;
    (void)welcome;
    if (party->is_up)
        bench_die("%s: the session was lost", planned(party)->identity.oin.text);
    party->is_up = true;
    X509 *cert = keypair_cert(planned(party)->identity.enc);
    bench_must(skp_publish(party->client, "", 1, &cert, 1, 0), "skp_publish");
}

static void on_published(void *ctx, uint64_t tag, const Skp__V1__Published *published)
{
    struct party *party = ctx;
    (void)tag, (void)published;
    party->is_published = true;
}

/* As before sealing: every record is checked, which leaves each signer's chain known for a minute. */
static void on_directory(void *ctx, uint64_t tag, const Skp__V1__Directory *directory)
{
    struct party *party = ctx;
    const char *why = "";
    (void)tag;
    for (size_t i = 0; i < directory->n_entries; i++) {
        const Skp__V1__DirectoryEntry *entry = directory->entries[i];
        struct skp_oin oin;
        X509 *cert = NULL;
        size_t count = 0;
        if (entry->n_records != 1 || !oin_take(span_text(entry->oin), &oin) ||
            skp_record_certs(party->client, entry->records[0], &oin, &cert, 1, &count, &why))
            bench_die("%s: no usable mailbox record: %s", entry->oin, why);
        X509_free(cert);
        party->learned++;
    }
    party->is_learning = directory->more && directory->n_entries > 0;
    if (party->is_learning)
        bench_must(skp_directory_get(party->client, NULL, 0,
                                     directory->entries[directory->n_entries - 1]->oin, 0),
                   "skp_directory_get");
}

void party_learn(struct party *party)
{
    party->is_learning = true;
    bench_must(skp_directory_get(party->client, NULL, 0, NULL, 0), "skp_directory_get");
}

bool party_has_learned(const struct party *party)
{
    return !party->is_learning;
}

static void on_down(void *ctx, enum skp_err err, const char *why)
{
    struct party *party = ctx;
    if (party->is_up || skp_error(err)->retry != SKP_RETRY_LATER)
        bench_die("%s: %s: %s", planned(party)->identity.oin.text, skp_error_name(err), why);
}

static void on_problem(void *ctx, enum skp_err err, const char *path, const char *sentence)
{
    struct party *party = ctx;
    bench_die("%s: %s at %s: %s", planned(party)->identity.oin.text, skp_error_name(err), path,
              sentence);
}

static void on_cases(void *ctx, uint64_t tag, const Skp__V1__Cases *cases)
{
    struct party *party = ctx;
    (void)tag;
    for (size_t i = 0; i < cases->n_cases; i++)
        for (size_t n = 0; n < cases->cases[i]->n_requests; n++)
            party->answered += cases->cases[i]->requests[n]->state ==
                               SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED;
    party->has_view = !cases->more;
    if (!cases->more || cases->n_cases == 0)
        return;
    if (!id_take(wire_span(cases->cases[cases->n_cases - 1]->case_id), &party->view_after))
        bench_die("a case without id");
    bench_must(skp_cases_get(party->client, NULL, 0, &party->view_after, 0), "skp_cases_get");
}

void party_ask_view(struct party *party)
{
    party->has_view = false;
    party->answered = 0;
    bench_must(skp_cases_get(party->client, NULL, 0, NULL, 0), "skp_cases_get");
}

void party_open(struct party *party, const struct round_plan *plan, unsigned index,
                const struct round_pki *pki, uint16_t port, struct skp_client *same_trust)
{
    static const struct skp_callbacks callbacks = {.on_welcome = on_welcome,
                                                   .on_down = on_down,
                                                   .on_report = on_report,
                                                   .on_delivery = on_delivery,
                                                   .on_collected = on_collected,
                                                   .on_cases = on_cases,
                                                   .on_directory = on_directory,
                                                   .on_published = on_published,
                                                   .on_problem = on_problem};
    char ca[320];
    char crl[320];
    char key[320];
    const char *why = "";
    const struct round_identity *identity = &plan->parties[index].identity;
    *party = (struct party){.plan = plan, .index = index};
    round_pki_file(pki, "ca.pem", ca);
    round_pki_file(pki, "crl.pem", crl);
    round_pki_file(pki, ROUND_KEY_FILE, key);
    struct skp_config config = {.host = "127.0.0.1",
                                .port = port,
                                .broker_oin = ROUND_BROKER_OIN,
                                .ca_file = ca,
                                .crl_file = crl,
                                .same_trust = same_trust,
                                .tls_cert_file = identity->tls_cert,
                                .tls_key_file = key,
                                .sign_cert_file = identity->sign_cert,
                                .sign_key_file = key,
                                .decrypt_keys = &identity->enc,
                                .decrypt_key_count = 1,
                                .software = "bench"};
    if (skp_client_new(&config, &callbacks, party, &party->client, &why))
        bench_die("%s: %s", identity->oin.text, why);
    bench_must(skp_fetch(party->client, "", UINT32_MAX, 0), "skp_fetch");
}

bool party_is_ready(const struct party *party)
{
    return party->is_published;
}

bool party_is_done(const struct party *party)
{
    const struct round_party *wanted = planned(party);
    return party->lines == wanted->expected_lines && party->reports == wanted->batch_count &&
           party->collecting == 0;
}

bool party_has_view(const struct party *party)
{
    return party->has_view;
}

unsigned party_progress(const struct party *party)
{
    return party->is_up + party->is_published + party->deliveries + party->reports +
           party->learned + party->collects - party->collecting + party->answered + party->has_view;
}

void party_complain(const struct party *party, const char *what)
{
    bench_die("%s does not go on: %s has %u of %u lines in %u deliveries, %u of %u batches stored, "
              "%u items not collected, %u statements unanswered",
              what, planned(party)->identity.oin.text, party->lines, planned(party)->expected_lines,
              party->deliveries, party->reports, planned(party)->batch_count, party->item_count,
              party->collecting);
}

void party_close(struct party *party)
{
    skp_client_free(party->client);
    for (struct kept_bundle *kept = party->post, *next; kept; kept = next) {
        next = kept->next;
        free(kept);
    }
}

/* ---------------------------------------------------------------- opening */

struct opening {
    const struct party *party;
    const struct kept_bundle *kept;
    const Skp__V1__Bundle *bundle;
    struct seal_key key;
    struct arena arena;
};

static bool open_key(struct opening *opening)
{
    struct span boxes[BUNDLE_MAX_BOXES];
    struct keypair *const keys[] = {planned(opening->party)->identity.enc};
    for (size_t i = 0; i < opening->bundle->n_key_boxes; i++)
        boxes[i] = span_text(opening->bundle->key_boxes[i]);
    return unseal_box(keys, 1, boxes, opening->bundle->n_key_boxes, &opening->kept->place,
                      &opening->arena, &opening->key) == SKP_OK;
}

/* The line is of a request that is this party's, and what is sealed is what the plan sealed. */
static bool open_line(struct opening *opening, size_t index, unsigned char *seen)
{
    const struct party *party = opening->party;
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line;
    struct skp_id id;
    struct skp_hash commitment;
    struct span part;
    if (fact_read(wire_span(opening->bundle->lines[index]), &opening->arena, path, &line) ||
        fact_item_id(line, &id) || !fact_commitment(line, &commitment))
        return false;
    const struct round_request *request = round_request_of(party->plan, &id);
    bool is_answer = line->fact_case == SKP__V1__LINE__FACT_ANSWER;
    if (!request || (is_answer ? request->counsellor : request->creditor) != party->index ||
        unseal_part(&opening->key, &opening->kept->place, &id, &commitment,
                    wire_span(opening->bundle->sealed[index]), &opening->arena, &part))
        return false;
    unsigned number = (unsigned)(request - party->plan->requests);
    struct span wanted = is_answer ? round_answer_part(number, &opening->arena)
                                   : round_request_part(number, &opening->arena);
    return seen[number]++ == 0 && span_equal(part, wanted);
}

static unsigned open_bundle(const struct party *party, const struct kept_bundle *kept,
                            unsigned char *seen)
{
    unsigned wrong = 0;
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    struct opening opening = {.party = party, .kept = kept};
    arena_init(&opening.arena, OPEN_ARENA_BYTES);
    bench_must(wire_unpack(&skp__v1__bundle__descriptor, span_of(kept->bytes, kept->len),
                           &opening.arena, path, &message),
               "unpacking a bundle");
    opening.bundle = (const Skp__V1__Bundle *)(const void *)message;
    if (open_key(&opening))
        for (size_t i = 0; i < opening.bundle->n_lines; i++)
            wrong += !open_line(&opening, i, seen);
    else
        wrong += (unsigned)opening.bundle->n_lines;
    seal_key_wipe(&opening.key);
    arena_fini(&opening.arena);
    return wrong;
}

unsigned party_open_post(struct party *party, unsigned char *seen)
{
    unsigned wrong = 0;
    for (const struct kept_bundle *kept = party->post; kept; kept = kept->next)
        wrong += open_bundle(party, kept, seen);
    return wrong;
}
