#include "link.h"

#include "outbox.h"
#include "result_csv.h"
#include "wire.h"

#include <errno.h>
#include <stdio.h>

#define SLICE_MS       100
#define PATIENCE_MS    1000
#define BATCH_ARENA    ((size_t)64 << 20)
#define OUTBOX_AT_ONCE 4
#define HEAD_NAME      "head"

/* ---------------------------------------------------------------- what the broker says */

static bool plays_role(const Skp__V1__Welcome *welcome, Skp__V1__Role role)
{
    for (size_t i = 0; i < welcome->n_roles; i++)
        if (welcome->roles[i] == role)
            return true;
    return role == SKP__V1__ROLE__ROLE_UNSPECIFIED;
}

static void on_welcome(void *ctx, const Skp__V1__Welcome *welcome)
{
    struct link *link = ctx;
    link->heard++;
    link->up = true;
    link->away = false;
    link->role_missing = !plays_role(welcome, link->cli->command->role);
    if (welcome->play)
        state_mark_play(&link->cli->state);
    link->business_offset_ms = welcome->business_at_ms - skp_now_ms(link->client);
}

static void on_down(void *ctx, enum skp_err err, const char *why)
{
    struct link *link = ctx;
    link->away = true;
    (void)snprintf(link->why, sizeof link->why, "%s", why);
    if (skp_error(err)->retry != SKP_RETRY_LATER)
        link->err = err;
}

static void on_report(void *ctx, const struct skp_report *report)
{
    struct link *link = ctx;
    link->heard++;
    enum skp_err err = outbox_settle(&link->cli->state, report, skp_now_ms(link->client));
    if (err) {
        link->err = err;
        (void)snprintf(link->why, sizeof link->why, "%s", link->cli->state.why);
    }
    link->unsettled += outbox_is_open(report->err) || err;
    link->settled++;
    link->reported = true;
}

static void on_delivery(void *ctx, const Skp__V1__Delivery *delivery,
                        const struct envelope_delivery *checked)
{
    struct link *link = ctx;
    link->heard++;
    if (link->events.on_delivery)
        link->events.on_delivery(link->ctx, delivery, checked);
}

static void on_drained(void *ctx, const char *mailbox, uint64_t waiting)
{
    struct link *link = ctx;
    (void)mailbox;
    link->heard++;
    if (link->events.on_drained)
        link->events.on_drained(link->ctx, waiting);
}

static void on_collected(void *ctx, uint64_t tag, const Skp__V1__Collected *collected)
{
    struct link *link = ctx;
    (void)tag;
    link->heard++;
    if (link->events.on_collected)
        link->events.on_collected(link->ctx, collected);
}

static void on_cases(void *ctx, uint64_t tag, const Skp__V1__Cases *cases)
{
    struct link *link = ctx;
    (void)tag;
    link->heard++;
    if (link->events.on_cases)
        link->events.on_cases(link->ctx, cases);
}

static void on_published(void *ctx, uint64_t tag, const Skp__V1__Published *published)
{
    struct link *link = ctx;
    (void)tag;
    link->heard++;
    if (link->events.on_published)
        link->events.on_published(link->ctx, published);
}

static void on_directory(void *ctx, uint64_t tag, const Skp__V1__Directory *directory)
{
    struct link *link = ctx;
    link->heard++;
    if (tag != link->directory_tag)
        return;
    enum skp_err err = SKP_OK;
    for (size_t i = 0; !err && i < directory->n_entries; i++)
        err = book_add(&link->book, directory->entries[i]);
    struct skp_oin last = {""};
    if (directory->n_entries > 0)
        (void)oin_take(span_text(directory->entries[directory->n_entries - 1]->oin), &last);
    link->page_more = directory->more && last.text[0] != '\0';
    memcpy(link->page_after, last.text, sizeof last.text);
    link->directory_done = true;
    if (err)
        link->err = err;
}

/* What libskp finds in a delivery, a receipt or a Welcome is told here too, and it goes on without them. */
static bool is_finding(const char *path)
{
    static const char *const found_in[] = {"mailbox[", "receipt", "welcome.head"};
    for (size_t i = 0; i < sizeof found_in / sizeof found_in[0]; i++)
        if (strncmp(path, found_in[i], strlen(found_in[i])) == 0)
            return true;
    return false;
}

/* An Error about nothing in particular is the answer to what was asked. One of class LATER is only news: libskp asks
 * again, and who hears nothing else for too long gives up. */
static void on_problem(void *ctx, enum skp_err err, const char *path, const char *sentence)
{
    struct link *link = ctx;
    /* IO is of this machine: nobody asks again. */
    bool later = skp_error(err)->retry == SKP_RETRY_LATER && err != SKP_E_IO;
    link->heard += !later;
    link->problems += !later;
    bool english = link->cli->english;
    bool by_phone = !english && err == SKP_E_SIGNER_REVOKED; /* what a case worker can solve */
    bool told = later && strcmp(link->why, sentence) == 0;   /* news, however often it comes */
    if (!told)
        cli_warn(link->cli, "%s: %s%s%s (%s: %s)", "%s: %s%s%s (%s)%s", skp_error_name(err),
                 english ? sentence : skp_error(err)->dutch, by_phone ? ". " : "",
                 by_phone ? result_remedy(err) : "", path, english ? "" : sentence);
    (void)snprintf(link->why, sizeof link->why, "%s", sentence);
    if (link->asking && !later && err != SKP_E_IO && !is_finding(path))
        link->err = err;
}

/* ---------------------------------------------------------------- opening */

static enum skp_err start_client(struct link *link, char *ret_why)
{
    const struct settings *set = &link->cli->settings;
    char head[2 * CONFIG_TEXT_BYTES];
    if (!settings_state_path(set, HEAD_NAME, head, sizeof head)) {
        (void)snprintf(ret_why, CONFIG_WHY_BYTES, "%s: %s", set->state, strerrordesc_np(errno));
        return SKP_E_IO;
    }
    struct skp_config config = {
        .host = set->host,
        .port = (uint16_t)set->port,
        .broker_oin = set->broker_oin[0] != '\0' ? set->broker_oin : NULL,
        .ca_file = set->ca,
        .crl_file = set->crl,
        .tls_cert_file = set->tls_cert,
        .tls_key_file = set->tls_key,
        .sign_cert_file = set->sign_cert,
        .sign_key_file = set->sign_key,
        .decrypt_keys = link->keys,
        .decrypt_key_count = link->key_count,
        .software = "skp " SKP_VERSION,
        .head_file = head,
    };
    struct skp_callbacks callbacks = {
        .on_welcome = on_welcome,
        .on_down = on_down,
        .on_report = on_report,
        .on_delivery = on_delivery,
        .on_drained = on_drained,
        .on_collected = on_collected,
        .on_directory = on_directory,
        .on_cases = on_cases,
        .on_published = on_published,
        .on_problem = on_problem,
    };
    const char *why = "";
    enum skp_err err = skp_client_new(&config, &callbacks, link, &link->client, &why);
    if (err)
        (void)snprintf(ret_why, CONFIG_WHY_BYTES, "%s", why);
    return err;
}

/* Keys and client of the settings' files, over those that stood there. */
static enum skp_err load(struct link *link, char *ret_why)
{
    link->client = NULL;
    link->key_count = 0;
    link->files = settings_stamp(&link->cli->settings);
    enum skp_err err =
        settings_load_keys(&link->cli->settings, link->keys, &link->key_count, ret_why);
    return err ? err : start_client(link, ret_why);
}

static void unload(struct link *link)
{
    skp_client_free(link->client);
    for (size_t i = 0; i < link->key_count; i++)
        keypair_unref(link->keys[i]);
    link->client = NULL;
    link->key_count = 0;
}

/* What is in the state folder is of one participant. */
static enum skp_err load_same(struct link *link, const struct link *old, char *ret_why)
{
    enum skp_err err = load(link, ret_why);
    if (err || oin_equal(skp_self(link->client), skp_self(old->client)))
        return err;
    (void)snprintf(ret_why, CONFIG_WHY_BYTES, "%s: OIN %s <> %s", link->cli->settings.tls_cert,
                   skp_self(link->client)->text, skp_self(old->client)->text);
    return SKP_E_CERTIFICATE;
}

bool link_reload(struct link *link)
{
    char why[CONFIG_WHY_BYTES];
    struct skp_hash files = settings_stamp(&link->cli->settings);
    if (hash_equal(&files, &link->files) || (link->settled < link->sent && !link->away))
        return false;
    struct link old = *link;
    enum skp_err err = load_same(link, &old, why);
    if (err) {
        cli_warn(
            link->cli,
            "Gewijzigde certificaten of sleutels niet bruikbaar, gaat verder met de vorige: %s",
            "Changed certificates or keys not usable, goes on with the former ones: %s", why);
        unload(link);
        old.files = link->files; /* told once */
        *link = old;
        return false;
    }
    unload(&old);
    return true;
}

/* Told before anything is read or sent: the office that took the creditor's configuration by mistake. */
static int refuse_role(struct cli *cli)
{
    bool counsellor = cli->command->role == SKP__V1__ROLE__ROLE_COUNSELLOR;
    const char *dutch = counsellor
                            ? "deze opdracht is voor schuldhulpverleners, en dit certificaat "
                              "is niet van een schuldhulpverlener"
                            : "deze opdracht is voor schuldeisers, en dit certificaat is "
                              "niet van een schuldeiser";
    const char *english = counsellor
                              ? "this command is for counsellors, and this certificate is not "
                                "a counsellor's"
                              : "this command is for creditors, and this certificate is not a "
                                "creditor's";
    cli_warn(cli, "%s: %s (%s)", "%s: %s (%s)", skp_error_name(SKP_E_ROLE_FORBIDDEN),
             cli->english ? english : dutch, cli->settings.tls_cert);
    cli_put_text(cli, "error", skp_error_name(SKP_E_ROLE_FORBIDDEN));
    return EXIT_USAGE;
}

int link_open(struct cli *cli, struct link *link, const struct link_events *events, void *ctx)
{
    char why[CONFIG_WHY_BYTES];
    *link = (struct link){.cli = cli, .ctx = ctx};
    if (events)
        link->events = *events;
    book_init(&link->book);
    enum skp_err err = load(link, why);
    if (err)
        return cli_fail(cli, err, why);
    err = link_wait(link, &link->up);
    if (err)
        return link_failed(link, err);
    return link->role_missing ? refuse_role(cli) : 0;
}

void link_close(struct link *link)
{
    unload(link);
    book_fini(&link->book);
}

/* Once, when a first connection takes long enough to wonder about. */
static void tell_waiting(struct link *link, int64_t silent_ms)
{
    const struct settings *set = &link->cli->settings;
    if (link->up || link->told_waiting || silent_ms < PATIENCE_MS || silent_ms >= set->wait_ms)
        return;
    link->told_waiting = true;
    long long left_s = (long long)(set->wait_ms - silent_ms + 999) / 1000;
    cli_warn(link->cli, "Nog geen verbinding met %s:%u; probeert het nog %lld s.",
             "No connection to %s:%u yet; tries for %lld s more.", set->host, (unsigned)set->port,
             left_s);
}

enum skp_err link_wait(struct link *link, const bool *done)
{
    uint64_t heard = link->heard;
    int64_t silent_ms = 0;
    while (!*done && !link->err) {
        if (silent_ms >= link->cli->settings.wait_ms)
            return SKP_E_NOT_CONNECTED;
        skp_run(link->client, done, SLICE_MS);
        silent_ms = heard == link->heard ? silent_ms + SLICE_MS : 0;
        heard = link->heard;
        tell_waiting(link, silent_ms);
    }
    return *done ? SKP_OK : link->err;
}

void link_linger(struct link *link, int ms)
{
    const bool never = false;
    skp_run(link->client, &never, ms);
}

/* These come of this machine, whose words the state database has when it was the one that failed. */
static bool is_of_state(const struct link *link, enum skp_err err)
{
    return (err == SKP_E_IO || err == SKP_E_FULL || err == SKP_E_NO_MEMORY) &&
           link->cli->state.why[0] != '\0';
}

int link_failed(struct link *link, enum skp_err err)
{
    char detail[CONFIG_WHY_BYTES + 2 * CONFIG_TEXT_BYTES];
    const struct settings *set = &link->cli->settings;
    if (is_of_state(link, err))
        (void)snprintf(detail, sizeof detail, "%s", link->cli->state.why);
    else if (err == SKP_E_NOT_CONNECTED && !link->up)
        (void)snprintf(detail, sizeof detail, "%s:%u%s%s; %s", set->host, (unsigned)set->port,
                       link->why[0] != '\0' ? ": " : "", link->why,
                       link->cli->english ? "does the broker run? are host and port right?"
                                          : "draait de centrale? kloppen host en port?");
    else
        (void)snprintf(detail, sizeof detail, "%s", link->why);
    int code = cli_fail(link->cli, err, detail);
    return code == EXIT_DATA ? EXIT_UNAVAILABLE : code;
}

int64_t link_now_ms(const struct link *link)
{
    return skp_now_ms(link->client) + link->business_offset_ms;
}

/* ---------------------------------------------------------------- asking and sending */

enum skp_err link_fetch_directory(struct link *link)
{
    enum skp_err err = SKP_OK;
    bool asking = link->asking;
    link->page_after[0] = '\0';
    link->asking = true;
    do {
        link->directory_done = false;
        err = skp_directory_get(link->client, NULL, 0, link->page_after, ++link->directory_tag);
        if (!err)
            err = link_wait(link, &link->directory_done);
    } while (!err && link->page_more);
    link->asking = asking;
    return err;
}

static enum skp_err send_one(struct link *link, const struct skp_id *batch_id)
{
    struct arena arena;
    struct envelope_batch batch;
    arena_init(&arena, BATCH_ARENA);
    enum skp_err err = outbox_load(&link->cli->state, batch_id, &arena, &batch);
    if (!err)
        err = skp_send(link->client, &batch, NULL);
    arena_fini(&arena);
    link->sent += !err;
    return err == SKP_E_NOT_FOUND ? SKP_OK : err; /* another run settled it meanwhile */
}

static enum skp_err wait_for_reports(struct link *link)
{
    enum skp_err err = SKP_OK;
    while (!err && link->settled < link->sent) {
        uint64_t heard = link->heard;
        int64_t silent_ms = 0;
        link->reported = false;
        while (!link->reported && !link->err && silent_ms < link->cli->settings.wait_ms) {
            skp_run(link->client, &link->reported, SLICE_MS);
            silent_ms = heard == link->heard ? silent_ms + SLICE_MS : 0;
            heard = link->heard;
        }
        if (!link->reported)
            err = link->err ? link->err : SKP_E_NOT_CONNECTED;
    }
    return err;
}

/* A few at once: enough to keep the broker busy, little enough to hold in memory. */
enum skp_err link_send_outbox(struct link *link)
{
    struct skp_id ids[OUTBOX_AT_ONCE];
    link->unsettled = 0;
    size_t total = (size_t)state_number(&link->cli->state, 0, "SELECT count(*) FROM outbox", "");
    enum skp_err err = state_error(&link->cli->state);
    size_t done = 0;
    while (!err && done < total && link->unsettled == 0) {
        size_t count = outbox_list(&link->cli->state, ids, OUTBOX_AT_ONCE);
        err = state_error(&link->cli->state);
        if (count == 0)
            break;
        for (size_t i = 0; !err && i < count; i++)
            err = send_one(link, &ids[i]);
        if (!err)
            err = wait_for_reports(link);
        done += count;
        cli_progress(link->cli, done < total ? done : total, total);
    }
    if (!err && link->unsettled > 0) /* what is open may be stored */
        err = SKP_E_OUTCOME_UNKNOWN;
    return err;
}

/* ---------------------------------------------------------------- whom to seal for */

static enum skp_err read_record(struct link *link, const Skp__V1__SignedRecord *record,
                                struct addressee *to, struct readers *readers)
{
    Skp__V1__MailboxRecord *read = skp__v1__mailbox_record__unpack(
        &link->book.arena.protobuf, record->record.len, record->record.data);
    if (!read)
        return SKP_E_DECODE;
    to->mailbox = read->mailbox;
    if (!readers)
        return SKP_OK;
    *readers = (struct readers){.oins = {to->oin}, .count = 1};
    for (size_t i = 0; i < read->n_seals_also_to; i++) {
        if (readers->count == sizeof readers->oins / sizeof readers->oins[0] ||
            !oin_take(span_text(read->seals_also_to[i]), &readers->oins[readers->count]))
            return SKP_E_CERTIFICATE;
        readers->count++;
    }
    return SKP_OK;
}

enum skp_err link_addressee(struct link *link, const Skp__V1__DirectoryEntry *entry,
                            const Skp__V1__SignedRecord *record, struct addressee *ret_to,
                            struct readers *ret_readers)
{
    struct addressee to = {.mailbox = ""};
    const char *why = "";
    if (!record || !oin_take(span_text(entry->oin), &to.oin))
        return SKP_E_RECIPIENT_NOT_CONNECTED;
    char who[BOOK_LABEL_BYTES];
    enum skp_err err = skp_record_certs(link->client, record, &to.oin, to.certs, BUNDLE_MAX_BOXES,
                                        &to.cert_count, &why);
    if (err) {
        cli_warn(link->cli, "%s: certificaat niet bruikbaar: %s", "%s: certificate not usable: %s",
                 book_label(&link->book, to.oin.text, who), why);
        return err;
    }
    err = read_record(link, record, &to, ret_readers);
    if (!err)
        *ret_to = to;
    else
        addressee_fini(&to);
    return err;
}

struct addressee link_broker(const struct link *link)
{
    return (struct addressee){.oin = *skp_broker(link->client), .mailbox = "", .is_broker = true};
}
