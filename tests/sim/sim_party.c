#include "sim_party.h"

#include "clock.h"
#include "sim_desk.h"
#include "sim_office.h"
#include "sim_pki.h"
#include "sim_wire.h"
#include "wire.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define SKEW_MS 30000

int64_t party_now_ms(const struct sim_party *party)
{
    return clock_real_ms(clock_system()) + party->skew_ms;
}

struct sim_peer *party_find_peer(struct sim_party *party, const char *oin)
{
    for (size_t i = 0; i < party->peer_count; i++)
        if (strcmp(party->peers[i].oin.text, oin) == 0)
            return &party->peers[i];
    return NULL;
}

/* ---------------------------------------------------------------- batches */

static void send(struct sim_party *party, struct sim_batch *batch)
{
    enum skp_err err = skp_send(party->client, &batch->sealed, batch);
    if (err)
        sim_die("%s: sending: %s", party->oin.text, skp_error_name(err));
    batch->state = SIM_SENT;
}

void party_take_batch(struct sim_party *party, struct sim_batch *batch)
{
    *party->batches_end = batch;
    party->batches_end = &batch->next;
    if (party->client != NULL)
        send(party, batch);
}

void party_send_again(struct sim_party *party, struct sim_batch *batch)
{
    sim_history("again", party->oin.text, "\"batch\":\"%s\"", sim_id(&batch->sealed.batch_id));
    batch->state = SIM_UNSENT;
    if (party->client != NULL)
        send(party, batch);
}

struct sim_batch *party_any_stored(struct sim_party *party)
{
    size_t count = 0;
    for (struct sim_batch *batch = party->batches; batch != NULL; batch = batch->next)
        count += batch->stored && batch->state == SIM_DONE;
    if (count == 0)
        return NULL;
    size_t chosen = (size_t)sim_below(&party->random, count);
    for (struct sim_batch *batch = party->batches;; batch = batch->next)
        if (batch->stored && batch->state == SIM_DONE && chosen-- == 0)
            return batch;
}

void party_list_cases(struct sim_party *party)
{
    if (party->creditor)
        party->listed = true;
    if (party->asking || party->listed || party->client == NULL)
        return;
    if (skp_cases_get(party->client, NULL, 0, &party->last_case, party->next_tag++))
        sim_die("%s cannot ask for its cases", party->oin.text);
    party->asking = true;
}

/* ---------------------------------------------------------------- life */

static const char *file_of(const struct sim_party *party, const char *what)
{
    static char paths[8][SIM_PATH];
    static unsigned next;
    char name[64];
    char *path = paths[next++ % 8];
    (void)snprintf(name, sizeof name, "%s%s%s", party != NULL ? party->oin.text : "",
                   party != NULL ? "-" : "", what);
    sim_pki_file(name, path);
    return path;
}

static int read_clock(void *ctx, int64_t *ret_ms)
{
    *ret_ms = party_now_ms(ctx);
    return 0;
}

static void open_client(struct sim_party *party)
{
    const struct skp_config config = {
        .host = "127.0.0.1",
        .port = 7443,
        .broker_oin = SIM_BROKER_OIN,
        .ca_file = file_of(NULL, "ca.pem"),
        .crl_file = file_of(NULL, "crl.pem"),
        .tls_cert_file = file_of(party, "tls.pem"),
        .tls_key_file = file_of(party, "tls.key"),
        .sign_cert_file = file_of(party, "sign.pem"),
        .sign_key_file = file_of(party, "sign.key"),
        .decrypt_keys = &party->opens,
        .decrypt_key_count = 1,
        .software = "sim",
        .head_file = file_of(party, "head"),
        .retry_max_ms = 5000,
        .now_ms = read_clock,
    };
    const char *why = "";
    enum skp_err err = skp_client_new(&config, &party_callbacks, party, &party->client, &why);
    if (err)
        sim_die("%s: %s: %s", party->oin.text, skp_error_name(err), why);
}

/* Each life publishes a newer record. */
static void greet(struct sim_party *party)
{
    X509 *cert = keypair_cert(party->opens);
    struct skp_mailbox mailbox = {
        .name = "", .version = (uint32_t)party->lives, .certs = &cert, .cert_count = 1};
    if (skp_publish(party->client, &mailbox, party->next_tag++) ||
        skp_fetch(party->client, "", 16, 1 << 20))
        sim_die("%s cannot publish", party->oin.text);
    for (struct sim_batch *batch = party->batches; batch != NULL; batch = batch->next)
        if (batch->state == SIM_UNSENT)
            send(party, batch);
}

void party_start(struct sim_party *party)
{
    if (party->client != NULL)
        return;
    wires_set_participant(party->number);
    party->lives++;
    party->published = party->asking = false;
    open_client(party);
    greet(party);
    sim_history("start", party->oin.text, "\"life\":%zu", party->lives);
}

void party_kill(struct sim_party *party)
{
    struct skp_client *client = party->client;
    if (client == NULL)
        return;
    wires_set_participant(party->number);
    sim_history_mark("end", party->oin.text);
    skp_client_free(client); /* its reports leave batches open, as a crash would */
    party->client = NULL;
    party->kept_count = party->collecting = 0;
    wires_take_from(party->number);
}

struct sim_party *party_new(uint64_t seed, unsigned number, const char *oin, bool creditor,
                            size_t peers_wanted)
{
    char name[64];
    struct sim_party *party = calloc(1, sizeof *party);
    assert(party != NULL);
    party->number = number;
    party->creditor = creditor;
    party->peers_wanted = peers_wanted;
    party->next_tag = 1;
    party->batches_end = &party->batches;
    party->random = sim_stream(seed, 100 + number);
    party->skew_ms = sim_between(&party->random, -SKEW_MS, SKEW_MS);
    if (!oin_take(span_text(oin), &party->oin))
        sim_die("%s is no OIN", oin);
    party->opens = sim_pki_participant(oin);
    (void)snprintf(name, sizeof name, "%s-sign", oin);
    party->signs = sim_pki_keypair(name);
    if (creditor)
        party->desk = desk_new(party);
    else
        party->office = office_new(party);
    return party;
}

void party_free(struct sim_party *party)
{
    party_kill(party);
    while (party->batches != NULL) {
        struct sim_batch *batch = party->batches;
        party->batches = batch->next;
        sim_batch_free(batch);
    }
    for (size_t i = 0; i < party->peer_count; i++)
        for (size_t n = 0; n < party->peers[i].cert_count; n++)
            X509_free(party->peers[i].certs[n]);
    desk_free(party->desk);
    office_free(party->office);
    keypair_unref(party->signs);
    keypair_unref(party->opens);
    free(party);
}

/* ---------------------------------------------------------------- work */

bool party_is_ready(const struct sim_party *party)
{
    return party->published && party->peer_count == party->peers_wanted;
}

static void look_around(struct sim_party *party)
{
    if (party->asking || !party->published || party_is_ready(party))
        return;
    if (skp_directory_get(party->client, NULL, 0, NULL, party->next_tag++))
        sim_die("%s cannot ask for the directory", party->oin.text);
    party->asking = true;
}

/* One statement over everything whose moment has come. */
static void collect(struct sim_party *party)
{
    Skp__V1__CollectedItem items[SIM_MAX_COLLECT];
    struct skp_hash hashes[SIM_MAX_COLLECT];
    struct sim_text text = {.data = NULL};
    size_t count = 0, left = 0;
    for (size_t i = 0; i < party->kept_count; i++) {
        struct sim_kept kept = party->kept[i];
        if (kept.collect_at_us > sim_now() || count == SIM_MAX_COLLECT) {
            party->kept[left++] = kept;
            continue;
        }
        hashes[count] = kept.head_hash;
        skp__v1__collected_item__init(&items[count]);
        items[count].position = kept.position;
        items[count].head_hash = wire_bytes(span_of(hashes[count].bytes, HASH_BYTES));
        sim_text_add(&text, "%s%llu", count++ > 0 ? "," : "", (unsigned long long)kept.position);
    }
    party->kept_count = left;
    if (count == 0)
        return;
    uint64_t tag = party->next_tag++;
    sim_history("collect", party->oin.text, "\"tag\":%llu,\"positions\":[%s]",
                (unsigned long long)tag, text.data);
    sim_text_fini(&text);
    if (skp_collect(party->client, "", items, count, tag))
        sim_die("%s cannot collect", party->oin.text);
    party->collecting++;
}

static int64_t collect_due(const struct sim_party *party)
{
    int64_t due = SIM_NEVER;
    for (size_t i = 0; i < party->kept_count; i++)
        if (party->kept[i].collect_at_us < due)
            due = party->kept[i].collect_at_us;
    return due;
}

static int64_t own_due(const struct sim_party *party)
{
    if (!party_is_ready(party))
        return SIM_NEVER;
    return party->creditor ? desk_due(party->desk)
                           : (party->working ? office_due(party->office) : SIM_NEVER);
}

int64_t party_due(const struct sim_party *party)
{
    if (party->client == NULL)
        return SIM_NEVER;
    int left_ms = skp_timeout_ms(party->client);
    int64_t due = left_ms < 0 ? SIM_NEVER : sim_now() + left_ms * SIM_MS;
    int64_t collecting = collect_due(party);
    int64_t own = own_due(party);
    due = collecting < due ? collecting : due;
    return own < due ? own : due;
}

void party_let_work(struct sim_party *party, bool working)
{
    party->working = working;
    if (party->creditor)
        desk_let_work(party->desk, working);
}

void party_process(struct sim_party *party)
{
    if (party->client == NULL)
        return;
    wires_set_participant(party->number);
    skp_process(party->client);
    look_around(party);
    if (collect_due(party) <= sim_now())
        collect(party);
    if (own_due(party) <= sim_now()) {
        if (party->creditor)
            desk_work(party->desk);
        else
            office_work(party->office);
    }
    wires_take_from(party->number);
}

bool party_is_quiet(const struct sim_party *party)
{
    if (party->client == NULL || party->collecting > 0 || party->kept_count > 0 ||
        skp_outstanding(party->client) > 0)
        return false;
    return !party->creditor || desk_is_quiet(party->desk);
}
