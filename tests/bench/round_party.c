#include "round_party.h"

#include "bench.h"
#include "wire.h"

static const struct round_party *planned(const struct party *party)
{
    return &party->desk->plan->parties[party->index];
}

/* ---------------------------------------------------------------- sending */

bool party_has_batches(const struct party *party)
{
    return party->sent < planned(party)->batch_count;
}

/* The bytes of a batch in the air stand in its tag. */
void party_send_next(struct party *party)
{
    struct round_batch batch;
    round_batches_next(party->desk->plan, party->index, &party->batch_offset, &batch);
    bench_must(skp_send(party->client, &batch.sealed, (void *)(uintptr_t)batch.bytes), "skp_send");
    party->sent++;
    party->desk->batches_in_air++;
    party->desk->bytes_in_air += batch.bytes;
    round_batch_free(&batch);
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
    party->desk->batches_in_air--;
    party->desk->bytes_in_air -= (size_t)(uintptr_t)report->tag;
    party->desk->progress++;
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
    struct round_post post = {.party = party->index,
                              .place = {.sender = checked->header.sender,
                                        .recipient = checked->head.recipient,
                                        .batch_id = checked->header.batch_id,
                                        .bundle_id = checked->head.bundle_id},
                              .len = delivery->bundle.len};
    if (party->desk->post)
        round_post_add(party->desk->post, &post, delivery->bundle.data);
    party->lines += (unsigned)checked->bundle->n_lines;
}

static void on_delivery(void *ctx, const Skp__V1__Delivery *delivery,
                        const struct envelope_delivery *checked)
{
    struct party *party = ctx;
    const char *sender = checked->header.sender.text;
    unsigned at = party->item_count++;
    party->deliveries++;
    party->desk->progress++;
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
    if (is_last && !round_is_counsellor(party->desk->plan, party->index))
        round_desk_send(party->desk, party); /* answers what is safe with it */
}

static void on_collected(void *ctx, uint64_t tag, const Skp__V1__Collected *collected)
{
    struct party *party = ctx;
    (void)tag;
    if (collected->n_unknown > 0)
        bench_die("%s: %zu deliveries could not be collected", planned(party)->identity.oin.text,
                  collected->n_unknown);
    party->collecting--;
    party->desk->progress++;
}

/* ---------------------------------------------------------------- the session */

static void on_welcome(void *ctx, const Skp__V1__Welcome *welcome)
{
    struct party *party = ctx;
    (void)welcome;
    if (party->is_up)
        bench_die("%s: the session was lost", planned(party)->identity.oin.text);
    party->is_up = true;
    party->desk->up_count++;
    party->desk->progress++;
}

void party_publish(struct party *party)
{
    X509 *cert = keypair_cert(planned(party)->identity.enc);
    struct skp_mailbox mailbox = {.name = "", .version = 1, .certs = &cert, .cert_count = 1};
    bench_must(skp_publish(party->client, &mailbox, 0), "skp_publish");
}

static void on_published(void *ctx, uint64_t tag, const Skp__V1__Published *published)
{
    struct party *party = ctx;
    (void)tag, (void)published;
    party->is_published = true;
    party->desk->progress++;
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
        party->desk->progress++;
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
    party->desk->progress++;
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

void party_open(struct party *party, struct round_desk *desk, unsigned index)
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
    const struct round_identity *identity = &desk->plan->parties[index].identity;
    *party = (struct party){.desk = desk, .index = index};
    round_pki_file(desk->pki, "ca.pem", ca);
    round_pki_file(desk->pki, "crl.pem", crl);
    round_pki_file(desk->pki, ROUND_KEY_FILE, key);
    struct skp_config config = {.host = "127.0.0.1",
                                .port = desk->port,
                                .broker_oin = ROUND_BROKER_OIN,
                                .ca_file = ca,
                                .crl_file = crl,
                                .same_trust = desk->trusted,
                                .tls_cert_file = identity->tls_cert,
                                .tls_key_file = key,
                                .sign_cert_file = identity->sign_cert,
                                .sign_key_file = key,
                                .decrypt_keys = &identity->enc,
                                .decrypt_key_count = 1,
                                .software = "bench"};
    if (skp_client_new(&config, &callbacks, party, &party->client, &why))
        bench_die("%s: %s", identity->oin.text, why);
    if (!desk->trusted)
        desk->trusted = party->client;
    unsigned credit = desk->plan->shape.credit;
    bench_must(skp_fetch(party->client, "", credit ? credit : UINT32_MAX, 0), "skp_fetch");
}

bool party_is_up(const struct party *party)
{
    return party->is_up;
}

bool party_is_published(const struct party *party)
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
}
