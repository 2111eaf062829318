/* skp show: what a code means and what to do; skp verify-receipt: does a receipt prove what it says? */
#include "commands.h"

#include "clock.h"
#include "envelope.h"
#include "file.h"
#include "result_csv.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIPT_MAX_BYTES (16 << 20)
#define ARENA_BYTES       ((size_t)128 << 20)

static int run_show(struct cli *cli, char **args)
{
    const char *name = NULL;
    struct cli_option options[] = {{NULL, NULL, NULL}};
    unsigned count = 0;
    int code = cli_parse(cli, args, options, &name, 1);
    if (code != EXIT_ALL_OK)
        return code;
    const struct skp_error_info *list = skp_error_list(&count);
    for (unsigned i = 0; i < count; i++) {
        if (strcasecmp(list[i].name, name) != 0 &&
            (unsigned long)list[i].code != strtoul(name, NULL, 10))
            continue;
        cli_say(cli, "%d %s\n%s\n%s", "%d %s\n%s\n%s", (int)list[i].code, list[i].name,
                cli->english ? list[i].sentence : list[i].dutch,
                cli->english ? list[i].remedy : result_remedy(list[i].code));
        cli_put(cli, "code", (int64_t)list[i].code);
        cli_put_text(cli, "name", list[i].name);
        cli_put_text(cli, "sentence", list[i].sentence);
        cli_put_text(cli, "remedy", list[i].remedy);
        return EXIT_ALL_OK;
    }
    return cli_fail(cli, SKP_E_NOT_FOUND, name);
}

/* ---------------------------------------------------------------- receipts */

/* The broker, the sender and the batch are those that the receipt itself names; the proof is that the
 * configured broker, or whoever the CA vouches for, signed exactly that. */
static enum skp_err check_receipt(const struct settings *settings, const Skp__V1__Receipt *receipt,
                                  struct arena *arena, struct skp_oin *ret_broker, bool *ret_play,
                                  Skp__V1__ReceiptBody **ret_body, const char **ret_why)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *body = NULL, *commit = NULL;
    struct trust *trust = NULL;
    struct skp_oin broker, sender;
    struct skp_id batch_id;
    struct skp_hash root;
    enum skp_err err = wire_unpack(&skp__v1__receipt_body__descriptor, wire_span(receipt->body),
                                   arena, path, &body);
    if (!err)
        err = wire_unpack(&skp__v1__commit_header__descriptor, wire_span(receipt->commit), arena,
                          path, &commit);
    if (err)
        return err;
    const Skp__V1__ReceiptBody *said = (const Skp__V1__ReceiptBody *)body;
    const Skp__V1__CommitHeader *header = (const Skp__V1__CommitHeader *)commit;
    const char *name = settings->broker_oin[0] != '\0' ? settings->broker_oin : header->broker;
    if (!oin_take(span_text(name), &broker) || !oin_take(span_text(said->sender), &sender) ||
        !id_take(wire_span(said->batch_id), &batch_id) ||
        !hash_take(wire_span(said->batch_root), &root))
        return SKP_E_PROOF_INVALID;
    err = trust_load(settings->ca, settings->crl, &trust, ret_why);
    if (err)
        return err;
    err = envelope_check_receipt(trust, NULL, receipt, &broker, &sender, &batch_id, &root,
                                 clock_real_ms(clock_system()), arena, ret_body, ret_why);
    trust_unref(trust);
    if (!err) {
        *ret_broker = broker;
        *ret_play = header->play;
    }
    return err;
}

static int verify(struct cli *cli, const char *file, struct arena *arena)
{
    char why[FILE_WHY_BYTES], path[WIRE_PATH_MAX];
    char *data = NULL;
    size_t len = 0;
    const char *reason = "";
    struct skp_oin broker;
    ProtobufCMessage *receipt = NULL;
    Skp__V1__ReceiptBody *body = NULL;
    enum skp_err err = file_read(file, RECEIPT_MAX_BYTES, &data, &len, why);
    if (err)
        return cli_fail(cli, err, why);
    err = wire_unpack(&skp__v1__receipt__descriptor, span_of(data, len), arena, path, &receipt);
    free(data);
    if (err)
        return cli_fail(cli, err, file);
    err = check_receipt(&cli->settings, (const Skp__V1__Receipt *)receipt, arena, &broker,
                        &cli->state.play, &body, &reason);
    if (err) {
        int code = cli_fail(cli, err, reason);
        return err == SKP_E_CERTIFICATE ? code
                                        : EXIT_SOME; /* of our own anchors, or of the proof */
    }
    cli_say_play(cli);
    cli_put(cli, "stored", body->stored);
    cli_put(cli, "without_effect", body->without_effect);
    cli_put(cli, "refused", (int64_t)body->n_refusals);
    cli_put_text(cli, "broker", broker.text);
    cli_say(cli,
            "Het bewijs klopt: getekend door %s, voor %s, %u opgeslagen, %u zonder gevolg, "
            "%zu geweigerd",
            "The proof holds: signed by %s, for %s, %u stored, %u without effect, %zu refused",
            broker.text, body->sender, body->stored, body->without_effect, body->n_refusals);
    return EXIT_ALL_OK;
}

static bool take_path(const char *given, char setting[CONFIG_TEXT_BYTES])
{
    int len = snprintf(setting, CONFIG_TEXT_BYTES, "%s", given);
    return len > 0 && len < CONFIG_TEXT_BYTES;
}

/* Whoever checks somebody else's receipt needs anchors and CRLs, and no settings of a participant. */
static int choose_trust(struct cli *cli, const char *ca, const char *crl)
{
    if (!ca && !crl)
        return cli_load_settings(cli);
    if (!ca || !crl)
        return cli_missing(cli, ca ? "--crl FILE" : "--ca FILE");
    if (!take_path(ca, cli->settings.ca) || !take_path(crl, cli->settings.crl))
        return cli_usage(cli, "geen bestand: ", "no file: ", ca);
    return 0;
}

static int run_verify(struct cli *cli, char **args)
{
    const char *file = NULL, *ca = NULL, *crl = NULL;
    struct cli_option options[] = {{"--ca", &ca, NULL}, {"--crl", &crl, NULL}, {NULL, NULL, NULL}};
    struct arena arena;
    int code = cli_parse(cli, args, options, &file, 1);
    if (code != EXIT_ALL_OK)
        return code;
    int chosen = choose_trust(cli, ca, crl);
    if (chosen != 0)
        return chosen;
    arena_init(&arena, ARENA_BYTES);
    code = verify(cli, file, &arena);
    arena_fini(&arena);
    return code;
}

const struct command command_show = {
    .words = "show",
    .usage = "CODE",
    .dutch = "Zegt wat een foutcode betekent en wat te doen.",
    .english = "Says what an error code means and what to do.",
    .run = run_show,
};

const struct command command_verify_receipt = {
    .words = "verify-receipt",
    .usage = "FILE [--ca CA.pem --crl CRL.pem]",
    .dutch = "Controleert een ontvangstbewijs; --ca en --crl in plaats van instellingen.",
    .english = "Checks a receipt; --ca and --crl instead of settings.",
    .run = run_verify,
};
