/* A client, what a test saw of it, and the scripted broker it talks to. */
#ifndef SKP_CLIENT_FIXTURE_H
#define SKP_CLIENT_FIXTURE_H

#include "fake_broker.h"

#include <poll.h>

/* What a test saw of its client. */
struct seen {
    struct skp_client *client;
    int welcomes, downs, reports, deliveries, drained, collected, directories, cases, published;
    int problems;
    enum skp_err err; /* of the last report, down or problem */
    enum skp_err report_err, problem_err;
    char words[512];
    bool duplicate;
    void *tag;
    uint64_t last_tag;
    int64_t clock_ahead_ms;
};

static inline void seen_say(struct seen *seen, enum skp_err err, const char *words)
{
    seen->err = err;
    snprintf(seen->words, sizeof seen->words, "%s", words);
}

static inline void seen_welcome(void *ctx, const Skp__V1__Welcome *welcome)
{
    struct seen *seen = ctx;
    assert_string_equal(welcome->broker, BROKER);
    seen->welcomes++;
}

static inline void seen_down(void *ctx, enum skp_err err, const char *why)
{
    struct seen *seen = ctx;
    seen->downs++;
    seen_say(seen, err, why);
}

static inline void seen_report(void *ctx, const struct skp_report *report)
{
    struct seen *seen = ctx;
    seen->reports++;
    seen->tag = report->tag;
    seen->report_err = report->err;
    seen->duplicate = report->duplicate;
    assert_true((report->err == SKP_OK) == (report->receipt != NULL));
    assert_true((report->err == SKP_OK) == (report->proof != NULL));
    assert_true((report->err == SKP_OK) == (report->sentence == NULL));
    seen_say(seen, report->err, report->sentence != NULL ? report->sentence : "");
}

static inline void seen_problem(void *ctx, enum skp_err err, const char *path, const char *sentence)
{
    struct seen *seen = ctx;
    assert_non_null(path);
    seen->problems++;
    seen->problem_err = err;
    seen_say(seen, err, sentence);
}

static inline int seen_clock(void *ctx, int64_t *ret_ms)
{
    const struct seen *seen = ctx;
    struct timeval now;
    gettimeofday(&now, NULL);
    *ret_ms = (int64_t)now.tv_sec * 1000 + seen->clock_ahead_ms;
    return 0;
}

static inline struct skp_config config_for(const struct fake *fake)
{
    const char *oin = fake->participant != NULL ? fake->participant : MUNICIPALITY;
    return (struct skp_config){
        .host = "127.0.0.1",
        .port = fake->port,
        .broker_oin = BROKER,
        .ca_file = path_of("%s", "ca.pem"),
        .crl_file = path_of("%s", "crl.pem"),
        .tls_cert_file = path_of("participants/%s/tls.pem", oin),
        .tls_key_file = path_of("participants/%s/tls.key", oin),
        .sign_cert_file = path_of("participants/%s/sign.pem", oin),
        .sign_key_file = path_of("participants/%s/sign.key", oin),
        .software = "test 1",
        .now_ms = seen_clock,
    };
}

static const struct skp_callbacks plain_callbacks = {
    .on_welcome = seen_welcome,
    .on_down = seen_down,
    .on_report = seen_report,
    .on_problem = seen_problem,
};

static inline void open_client(struct seen *seen, const struct skp_config *config,
                               const struct skp_callbacks *callbacks)
{
    const char *why = "";
    enum skp_err err = skp_client_new(config, callbacks, seen, &seen->client, &why);
    if (err)
        fail_msg("%s: %s", skp_error_name(err), why);
}

/* Runs the client until *count has come to `value`; fails after ten seconds. */
static inline void run_until(struct seen *seen, const int *count, int value)
{
    int64_t until = monotonic_ms() + 10000;
    while (*count < value) {
        if (monotonic_ms() > until)
            fail_msg("waited in vain; the last words were: %s", seen->words);
        struct pollfd ready = {.fd = skp_fd(seen->client), .events = POLLIN};
        poll(&ready, 1, 1000); /* the descriptor alone must be enough */
        skp_process(seen->client);
    }
}

static inline void run_for(struct seen *seen, int ms)
{
    const bool never = false;
    skp_run(seen->client, &never, ms);
}

/* ---------------------------------------------------------------- with its broker */

#define NOBODY_PORT 1 /* where nothing listens */

struct contact {
    struct fake fake;
    struct seen seen;
    struct skp_config config;
    struct arena arena; /* for what the test sends */
};

/* Starts the broker (script NULL: nobody listens) and fills the configuration, which the test may
 * still change before open_client(). What stands in contact->fake stays. */
static inline void begin_contact(struct contact *contact, script_fn script)
{
    arena_init(&contact->arena, (size_t)64 << 20);
    if (script != NULL)
        fake_start(&contact->fake, script);
    else
        contact->fake.port = NOBODY_PORT;
    contact->config = config_for(&contact->fake);
}

static inline void open_contact(struct contact *contact, script_fn script)
{
    begin_contact(contact, script);
    open_client(&contact->seen, &contact->config, &plain_callbacks);
}

/* Frees the client, and waits for the script's end. */
static inline void close_contact(struct contact *contact)
{
    skp_client_free(contact->seen.client);
    if (contact->fake.script != NULL)
        fake_stop(&contact->fake);
    arena_fini(&contact->arena);
}

/* ---------------------------------------------------------------- batches */

/* One withdrawal to the broker: the smallest thing one can say. */
static inline struct envelope_batch small_batch(struct arena *arena, const struct keypair *signer)
{
    struct skp_oin sender, broker;
    struct skp_id ids[4] = {id_new(), id_new(), id_new()};
    struct envelope_batch batch;
    assert_ok(cert_oin(keypair_cert(signer), &sender));
    assert_true(oin_take(span_text(BROKER), &broker));
    struct envelope_writer *writer = envelope_writer_new(arena, &sender, NULL, &ids[0]);
    assert_ok(envelope_bundle_begin(writer, &broker, "", NULL, 0, &ids[3]));
    Skp__V1__WithdrawalFact withdrawal;
    skp__v1__withdrawal_fact__init(&withdrawal);
    withdrawal.request_id = wire_bytes(span_of(ids[1].bytes, ID_BYTES));
    withdrawal.case_id = wire_bytes(span_of(ids[2].bytes, ID_BYTES));
    withdrawal.version = 1;
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    line.fact_case = SKP__V1__LINE__FACT_WITHDRAWAL;
    line.withdrawal = &withdrawal;
    assert_ok(envelope_line_add(writer, &line, span_of(NULL, 0), NULL));
    assert_ok(envelope_finish(writer, signer, (int64_t)time(NULL) * 1000, &batch));
    return batch;
}

#endif
