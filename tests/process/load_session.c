#include "load_session.h"

#include "load_delivery.h"
#include "wire.h"

#include <stdlib.h>

#define RETRY_MAX_MS 40 /* so that most of the time between two kills there is a session */

static void give_up(const char *doing, enum skp_err err, const char *why)
{
    fprintf(stderr, "load_client: %s: %s: %s\n", doing, skp_error_name(err), why);
    exit(1);
}

/* ---------------------------------------------------------------- what comes in */

static void on_welcome(void *ctx, const Skp__V1__Welcome *welcome)
{
    struct load *load = ctx;
    (void)welcome;
    history_write(load->history, "up", NULL);
}

static void on_down(void *ctx, enum skp_err err, const char *why)
{
    struct load *load = ctx;
    load->downs++;
    load->stopped = skp_error(err)->retry != SKP_RETRY_LATER;
    history_write(load->history, "down",
                  json_pack("{s:s, s:o, s:b}", "err", skp_error_name(err), "why", history_text(why),
                            "stopped", (int)load->stopped));
}

static void on_problem(void *ctx, enum skp_err err, const char *path, const char *sentence)
{
    struct load *load = ctx;
    load->problems++;
    history_write(load->history, "problem",
                  json_pack("{s:s, s:o, s:o}", "err", skp_error_name(err), "path",
                            history_text(path), "why", history_text(sentence)));
}

static void write_ok(struct load *load, const struct skp_report *report, bool first)
{
    const Skp__V1__ReceiptBody *body = report->receipt;
    struct skp_hash hash = sha256(span_of(report->proof->body.data, report->proof->body.len));
    history_write(load->history, "ok",
                  json_pack("{s:o, s:i, s:i, s:i, s:b, s:b, s:o}", "batch",
                            history_id(&report->batch_id), "stored", (int)body->stored, "same",
                            (int)body->without_effect, "refused", (int)body->n_refusals,
                            "duplicate", (int)report->duplicate, "first", (int)first, "receipt",
                            history_hex(hash.bytes, HASH_BYTES)));
}

static void on_report(void *ctx, const struct skp_report *report)
{
    struct load *load = ctx;
    struct facts_batch *batch = report->tag;
    bool first = batch->sends == 1;
    bool ok = report->err == SKP_OK;
    if (ok) {
        write_ok(load, report, first);
        load->acks += first;
        load->repeats += !first;
        load->resolved += first && report->duplicate;
    } else {
        bool unknown = report->err == SKP_E_OUTCOME_UNKNOWN || report->err == SKP_E_NOT_CONNECTED;
        history_write(load->history, unknown ? "info" : "fail",
                      json_pack("{s:o, s:s, s:o}", "batch", history_id(&report->batch_id), "err",
                                skp_error_name(report->err), "why",
                                history_text(report->sentence)));
    }
    if (ok && first && batch->repeat_to != NULL)
        session_send(load, facts_say_answers(&load->facts, batch->repeat_to, &batch->repeat, 1));
    if (ok && first && load->again_count < SESSION_MAX_AGAIN && facts_one_in(&load->facts, 8))
        load->again[load->again_count++] = batch;
    else
        facts_batch_free(batch);
}

static void on_collected(void *ctx, uint64_t tag, const Skp__V1__Collected *collected)
{
    struct load *load = ctx;
    json_t *unknown = json_array();
    for (size_t i = 0; i < collected->n_unknown; i++)
        json_array_append_new(unknown, json_integer((json_int_t)collected->unknown[i]));
    load->collecting--;
    history_write(load->history, "collected",
                  json_pack("{s:I, s:o}", "tag", (json_int_t)tag, "unknown", unknown));
}

static void on_published(void *ctx, uint64_t tag, const Skp__V1__Published *published)
{
    struct load *load = ctx;
    (void)tag, (void)published;
    load->published = true;
}

static void take_peer(struct load *load, const Skp__V1__DirectoryEntry *entry)
{
    struct facts_peer peer = {.cert_count = 0};
    const char *why = "";
    Skp__V1__Role wanted =
        load->creditor ? SKP__V1__ROLE__ROLE_COUNSELLOR : SKP__V1__ROLE__ROLE_CREDITOR;
    if (entry->n_roles != 1 || entry->roles[0] != wanted || entry->n_records == 0 ||
        load->facts.peer_count == FACTS_MAX_PEERS || !oin_take(span_text(entry->oin), &peer.oin) ||
        facts_find_peer(&load->facts, entry->oin) != NULL)
        return;
    enum skp_err err = skp_record_certs(load->client, entry->records[0], &peer.oin, peer.certs,
                                        FACTS_MAX_CERTS, &peer.cert_count, &why);
    if (err)
        give_up(entry->oin, err, why);
    load->facts.peers[load->facts.peer_count++] = peer;
}

static void on_directory(void *ctx, uint64_t tag, const Skp__V1__Directory *directory)
{
    struct load *load = ctx;
    (void)tag;
    load->asking = false;
    for (size_t i = 0; i < directory->n_entries; i++)
        take_peer(load, directory->entries[i]);
}

/* ---------------------------------------------------------------- cases, at the end */

static json_t *json_of_request(const Skp__V1__RequestView *view)
{
    return json_pack("[o, s, i, i, I, b]", history_hex(view->request_id.data, view->request_id.len),
                     view->creditor, (int)view->state, (int)view->outcome,
                     (json_int_t)view->total_cents, (int)view->collected);
}

static void on_cases(void *ctx, uint64_t tag, const Skp__V1__Cases *cases)
{
    struct load *load = ctx;
    (void)tag;
    load->asking = false;
    load->listed = !cases->more;
    for (size_t i = 0; i < cases->n_cases; i++) {
        const Skp__V1__CaseView *view = cases->cases[i];
        json_t *requests = json_array();
        for (size_t n = 0; n < view->n_requests; n++)
            json_array_append_new(requests, json_of_request(view->requests[n]));
        history_write(load->history, "case",
                      json_pack("{s:o, s:i, s:i, s:o}", "case",
                                history_hex(view->case_id.data, view->case_id.len), "state",
                                (int)view->state, "declared", (int)view->declared, "requests",
                                requests));
        if (!id_take(wire_span(view->case_id), &load->last_case))
            give_up("cases", SKP_E_ID_FORMAT, "a case without id");
    }
}

void session_list_cases(struct load *load)
{
    if (load->asking || load->listed)
        return;
    if (load->creditor) {
        load->listed = true;
        return;
    }
    enum skp_err err = skp_cases_get(load->client, NULL, 0, &load->last_case, load->next_tag++);
    if (err)
        give_up("cases", err, "cannot ask");
    load->asking = true;
}

/* ---------------------------------------------------------------- what goes out */

static void send_batch(struct load *load, struct facts_batch *batch)
{
    batch->sends++;
    enum skp_err err = skp_send(load->client, &batch->sealed, batch);
    if (err)
        give_up("sending", err, "");
}

void session_send(struct load *load, struct facts_batch *batch)
{
    load->begun++;
    send_batch(load, batch);
}

static void collect(struct load *load)
{
    Skp__V1__CollectedItem items[SESSION_MAX_COLLECT];
    json_t *positions = json_array();
    for (size_t i = 0; i < load->collect_count; i++) {
        skp__v1__collected_item__init(&items[i]);
        items[i].position = load->collects[i].position;
        items[i].head_hash = wire_bytes(span_of(load->collects[i].head_hash.bytes, HASH_BYTES));
        json_array_append_new(positions, json_integer((json_int_t)items[i].position));
    }
    history_write(
        load->history, "collect",
        json_pack("{s:I, s:o}", "tag", (json_int_t)load->next_tag, "positions", positions));
    enum skp_err err = skp_collect(load->client, "", items, load->collect_count, load->next_tag++);
    if (err)
        give_up("collecting", err, "");
    load->collect_count = 0;
    load->collecting++;
}

void session_collect(struct load *load, uint64_t position, const struct skp_hash *head_hash)
{
    if (load->collect_count == SESSION_MAX_COLLECT)
        collect(load);
    load->collects[load->collect_count++] =
        (struct load_collect){.position = position, .head_hash = *head_hash};
}

static void say_cases(struct load *load)
{
    const struct load_options *options = load->options;
    while (skp_outstanding(load->client) < options->window && load->open < options->open &&
           (options->batches == 0 || load->begun < options->batches)) {
        size_t count = options->canary != NULL ? 1 : 1 + facts_random(&load->facts) % 3;
        struct facts_batch *batch = facts_say_cases(&load->facts, count);
        load->open += batch->requests;
        session_send(load, batch);
    }
}

static void say_again(struct load *load)
{
    while (load->again_count > 0 && skp_outstanding(load->client) < load->options->window)
        send_batch(load, load->again[--load->again_count]);
}

static void look_around(struct load *load)
{
    if (load->asking || load->ready || !load->published)
        return;
    if (load->facts.peer_count == load->options->peers) {
        load->ready = true;
        puts("ready");
        fflush(stdout);
        return;
    }
    enum skp_err err = skp_directory_get(load->client, NULL, 0, NULL, load->next_tag++);
    if (err)
        give_up("directory", err, "cannot ask");
    load->asking = true;
}

void session_work(struct load *load)
{
    if (load->stopped)
        return;
    look_around(load);
    if (load->going && !load->creditor)
        say_cases(load);
    if (load->going)
        say_again(load);
    if (load->collect_count > 0)
        collect(load);
}

/* ---------------------------------------------------------------- opening and closing */

struct path {
    char text[512];
};

static struct path file_of(const struct load_options *options, const char *name)
{
    struct path path;
    snprintf(path.text, sizeof path.text, "%s/participants/%s/%s", options->pki, options->oin,
             name);
    return path;
}

static struct path shared_file(const struct load_options *options, const char *name)
{
    struct path path;
    snprintf(path.text, sizeof path.text, "%s/%s", options->pki, name);
    return path;
}

static void open_client(const struct load_options *options, struct load *load)
{
    static const struct skp_callbacks callbacks = {
        .on_welcome = on_welcome,
        .on_down = on_down,
        .on_report = on_report,
        .on_delivery = delivery_take,
        .on_collected = on_collected,
        .on_directory = on_directory,
        .on_cases = on_cases,
        .on_published = on_published,
        .on_problem = on_problem,
    };
    const struct path ca = shared_file(options, "ca.pem"), crl = shared_file(options, "crl.pem");
    const struct path tls = file_of(options, "tls.pem"), tls_key = file_of(options, "tls.key");
    const struct path sign = file_of(options, "sign.pem"), sign_key = file_of(options, "sign.key");
    const struct skp_config config = {
        .host = "127.0.0.1",
        .port = (uint16_t)options->port,
        .ca_file = ca.text,
        .crl_file = crl.text,
        .tls_cert_file = tls.text,
        .tls_key_file = tls_key.text,
        .sign_cert_file = sign.text,
        .sign_key_file = sign_key.text,
        .decrypt_keys = &load->keys,
        .decrypt_key_count = 1,
        .software = "load_client",
        .head_file = options->head,
        .retry_max_ms = RETRY_MAX_MS,
    };
    const char *why = "";
    enum skp_err err = skp_client_new(&config, &callbacks, load, &load->client, &why);
    if (err)
        give_up("client", err, why);
}

/* Each start of a client is a newer record. */
static void publish(struct load *load)
{
    X509 *cert = keypair_cert(load->keys);
    struct skp_mailbox mailbox = {.name = "",
                                  .version = (uint32_t)(skp_now_ms(load->client) / 1000),
                                  .certs = &cert,
                                  .cert_count = 1};
    enum skp_err err = skp_publish(load->client, &mailbox, load->next_tag++);
    if (!err)
        err = skp_fetch(load->client, "", 64, 1 << 20);
    if (err)
        give_up("publishing", err, "");
}

void session_open(const struct load_options *options, struct load *ret_load)
{
    const char *why = "";
    struct load *load = ret_load;
    *load = (struct load){
        .options = options, .creditor = strcmp(options->role, "creditor") == 0, .next_tag = 1};
    load->history = fopen(options->history, "a");
    if (load->history == NULL)
        give_up(options->history, SKP_E_IO, "cannot be written");
    setvbuf(load->history, NULL, _IOLBF, 0); /* the test watches it grow */
    enum skp_err err = keypair_load(file_of(options, "enc.pem").text,
                                    file_of(options, "enc.key").text, &load->keys, &why);
    if (err)
        give_up("keys", err, why);
    if ((err = map_init(&load->seen, ID_BYTES, 1024, (size_t)1 << 24)))
        give_up("memory", err, "");
    open_client(options, load);
    load->facts = (struct facts){.client = load->client,
                                 .history = load->history,
                                 .random = options->seed,
                                 .canary = options->canary};
    history_write(load->history, "start",
                  json_pack("{s:s, s:s}", "client", options->oin, "role", options->role));
    publish(load);
}

void session_close(struct load *load)
{
    while (load->again_count > 0)
        facts_batch_free(load->again[--load->again_count]);
    skp_client_free(load->client);
    facts_fini(&load->facts);
    keypair_unref(load->keys);
    map_fini(&load->seen);
    history_write(load->history, "end", NULL);
    if (fclose(load->history) != 0)
        give_up("history", SKP_E_IO, "cannot be written");
}
