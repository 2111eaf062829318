/* skp cert: one's encryption certificates, as the mailbox record that senders seal for. */
#include "commands.h"

#include "fact.h"
#include "link.h"
#include "wire.h"

#include <openssl/pem.h>
#include <stdio.h>

struct cert_command {
    struct cli *cli;
    struct link link;
    const Skp__V1__DirectoryEntry *self;
    Skp__V1__MailboxRecord *record; /* of our mailbox; NULL: none yet */
    const char *record_jws;         /* its signature */
    bool believed;                  /* it is ours, provably */
    bool withdraws_own;             /* it withdraws a certificate of the settings */
    const char *withdraw;           /* --withdraw; NULL: none */
    struct skp_hash withdrawn[FACT_MAX_WITHDRAWN + 1];
    size_t withdrawn_count;
    bool published;
    uint32_t version;
};

static void on_published(void *ctx, const Skp__V1__Published *published)
{
    struct cert_command *command = ctx;
    command->version = published->version;
    command->published = true;
}

/* ---------------------------------------------------------------- withdrawn */

static bool is_own(const struct cert_command *command, const struct skp_hash *thumbprint)
{
    for (size_t i = 0; i < command->link.key_count; i++) {
        struct skp_hash own = sha256(keypair_der(command->link.keys[i]));
        if (hash_equal(&own, thumbprint))
            return true;
    }
    return false;
}

/* False: it stands there already, or there is no room. */
static bool add_withdrawn(struct cert_command *command, const struct skp_hash *thumbprint)
{
    for (size_t i = 0; i < command->withdrawn_count; i++)
        if (hash_equal(&command->withdrawn[i], thumbprint))
            return false;
    if (command->withdrawn_count > FACT_MAX_WITHDRAWN)
        return false;
    command->withdrawn[command->withdrawn_count++] = *thumbprint;
    return true;
}

/* What was withdrawn stays so, unless its key came back. */
static void keep_withdrawn(struct cert_command *command)
{
    for (size_t i = 0; command->believed && i < command->record->n_withdrawn; i++) {
        struct skp_hash thumbprint;
        if (!hash_take(wire_span(command->record->withdrawn[i]), &thumbprint))
            continue;
        if (is_own(command, &thumbprint))
            command->withdraws_own = true;
        else
            (void)add_withdrawn(command, &thumbprint);
    }
}

/* ---------------------------------------------------------------- what is published */

static enum skp_err verify_record(const struct cert_command *command, struct span record,
                                  const char **ret_why)
{
    const struct settings *set = &command->cli->settings;
    struct skp_client *client = command->link.client;
    const struct skp_oin *self = skp_self(client);
    struct jws_signer signer;
    struct trust *trust = NULL;
    char path[WIRE_PATH_MAX];
    *ret_why = "it is no record of yours";
    if (fact_check_record(command->record, path) ||
        strcmp(command->record->participant, self->text) != 0)
        return SKP_E_SIGNER_INVALID;
    enum skp_err err = trust_load(set->ca, set->crl, &trust, ret_why);
    if (err)
        return err;
    err = jws_verify_stored(trust, NULL, span_text(command->record_jws), record, skp_now_ms(client),
                            &signer, ret_why);
    trust_unref(trust);
    if (!err && !oin_equal(&signer.oin, self)) {
        *ret_why = "it is signed by somebody else";
        err = SKP_E_SIGNER_INVALID;
    }
    return err;
}

/* What is taken over is signed anew, so it must be what we said ourselves. Once a signing certificate is revoked nobody
 * can tell any more, and publishing must go on: then the version is only a number to be above. But where our own files
 * or memory fail, nothing was found out about the record, and the exit code says so. */
static int check_record(struct cert_command *command, struct span record)
{
    const char *why = "";
    enum skp_err err = verify_record(command, record, &why);
    if (err == SKP_E_CERTIFICATE || err == SKP_E_NO_MEMORY)
        return cli_fail(command->cli, err, why);
    command->believed = err == SKP_OK;
    if (!command->believed)
        cli_warn(command->cli,
                 "Versie %u in de gids is niet aantoonbaar van u; wat daarin is ingetrokken, wordt "
                 "niet overgenomen (%s)",
                 "Version %u in the directory is not provably yours; what it withdraws is not "
                 "taken over (%s)",
                 command->record->version, why);
    return EXIT_ALL_OK;
}

static int find_record(struct cert_command *command)
{
    struct book *book = &command->link.book;
    int code = EXIT_ALL_OK;
    command->self = book_find(book, skp_self(command->link.client)->text);
    for (size_t i = 0; code == 0 && command->self && i < command->self->n_records; i++) {
        ProtobufCBinaryData bytes = command->self->records[i]->record;
        Skp__V1__MailboxRecord *record =
            skp__v1__mailbox_record__unpack(&book->arena.protobuf, bytes.len, bytes.data);
        if (!record || strcmp(record->mailbox, command->cli->settings.mailbox) != 0)
            continue;
        command->record = record;
        command->record_jws = command->self->records[i]->jws;
        code = check_record(command, wire_span(bytes));
    }
    return code;
}

static int open_command(struct cert_command *command)
{
    static const struct link_events events = {.on_published = on_published};
    int code = link_open(command->cli, &command->link, &events, command);
    if (code != 0)
        return code;
    enum skp_err err = link_fetch_directory(&command->link);
    if (err)
        return link_failed(&command->link, err);
    code = find_record(command);
    if (code == 0)
        keep_withdrawn(command);
    return code;
}

/* Senders believe a record only while the certificate it was signed with is valid. */
static bool is_signed_as_now(const struct cert_command *command)
{
    struct skp_hash signer;
    struct skp_hash own = cert_thumbprint(keypair_cert(skp_signer(command->link.client)));
    return !jws_claimed_signer(span_text(command->record_jws), &signer) &&
           hash_equal(&signer, &own);
}

/* Whether the record holds exactly our certificates as its leafs and withdraws none; issuers stand among them. */
static bool is_unchanged(const struct cert_command *command)
{
    size_t leafs = 0, ours = 0;
    if (!command->believed || command->withdraws_own || !is_signed_as_now(command))
        return false;
    for (size_t i = 0; i < command->record->n_encryption_certificates; i++) {
        struct span der = wire_span(command->record->encryption_certificates[i]);
        X509 *cert = NULL;
        struct skp_oin oin;
        if (cert_parse(der, &cert))
            return false;
        leafs += cert_oin(cert, &oin) == SKP_OK;
        X509_free(cert);
        for (size_t k = 0; k < command->link.key_count; k++)
            ours += span_equal(keypair_der(command->link.keys[k]), der);
    }
    return ours == command->link.key_count && leafs == ours;
}

/* ---------------------------------------------------------------- publish */

/* The highest has none above it: the broker says so. */
static uint32_t next_version(const Skp__V1__MailboxRecord *record)
{
    uint32_t version = record ? record->version : 0;
    return version < UINT32_MAX ? version + 1 : version;
}

static enum skp_err publish(struct cert_command *command)
{
    X509 *certs[SETTINGS_MAX_KEYS];
    struct link *link = &command->link;
    for (size_t i = 0; i < link->key_count; i++)
        certs[i] = keypair_cert(link->keys[i]);
    struct skp_mailbox mailbox = {.name = command->cli->settings.mailbox,
                                  .version = next_version(command->record),
                                  .certs = certs,
                                  .cert_count = link->key_count,
                                  .withdrawn = command->withdrawn,
                                  .withdrawn_count = command->withdrawn_count};
    link->asking = true;
    enum skp_err err = skp_publish(link->client, &mailbox, 1);
    return err ? err : link_wait(link, &command->published);
}

/* The exit code when the file is none, or one's own present certificate. */
static int read_withdrawn(struct cert_command *command, bool *ret_new)
{
    struct cli *cli = command->cli;
    FILE *file = fopen(command->withdraw, "re");
    X509 *cert = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file)
        (void)fclose(file);
    if (!cert)
        return cli_fail(cli, SKP_E_CERTIFICATE, command->withdraw);
    struct skp_hash thumbprint = cert_thumbprint(cert);
    X509_free(cert);
    if (is_own(command, &thumbprint))
        return cli_usage(cli, "dit certificaat staat nog in de instellingen: ",
                         "this certificate still stands in the settings: ", command->withdraw);
    *ret_new = add_withdrawn(command, &thumbprint);
    return EXIT_ALL_OK;
}

static int run_publish(struct cert_command *command)
{
    struct cli *cli = command->cli;
    bool withdraws = false;
    int code = open_command(command);
    if (code == 0 && command->withdraw)
        code = read_withdrawn(command, &withdraws);
    if (code != 0)
        return code;
    if (is_unchanged(command) && !withdraws) {
        cli_put(cli, "version", command->record->version);
        cli_put(cli, "published", 0);
        cli_say(cli, "Ongewijzigd: versie %u", "Unchanged: version %u", command->record->version);
        return EXIT_ALL_OK;
    }
    enum skp_err err = publish(command);
    if (err)
        return link_failed(&command->link, err);
    cli_put(cli, "version", command->version);
    cli_put(cli, "published", 1);
    cli_say(cli, "Gepubliceerd: versie %u", "Published: version %u", command->version);
    return EXIT_ALL_OK;
}

/* ---------------------------------------------------------------- show */

static void show_cert(struct cli *cli, struct span der)
{
    X509 *cert = NULL;
    struct skp_oin oin = {""};
    char text[2 * HASH_BYTES + 1];
    if (cert_parse(der, &cert))
        return;
    if (cert_oin(cert, &oin) == SKP_OK) {
        struct skp_hash print = cert_thumbprint(cert);
        for (size_t i = 0; i < HASH_BYTES; i++)
            (void)snprintf(text + 2 * i, 3, "%02x", print.bytes[i]);
        cli_say(cli, "  %s sha256 %s", "  %s sha256 %s", oin.text, text);
        (void)json_array_append_new(json_object_get(cli->result, "certificates"),
                                    json_pack("{s:s, s:s}", "oin", oin.text, "sha256", text));
    }
    X509_free(cert);
}

static int run_show(struct cert_command *command)
{
    struct cli *cli = command->cli;
    int code = open_command(command);
    if (code != 0)
        return code;
    if (!command->record) {
        cli_put(cli, "version", 0);
        cli_say(cli, "Nog niets gepubliceerd", "Nothing published yet");
        return EXIT_SOME;
    }
    cli_put(cli, "version", command->record->version);
    cli_put(cli, "unchanged", is_unchanged(command));
    cli_put_text(cli, "mailbox", command->record->mailbox);
    (void)json_object_set_new(cli->result, "certificates", json_array());
    cli_say(cli, "Postbus '%s', versie %u", "Mailbox '%s', version %u", command->record->mailbox,
            command->record->version);
    for (size_t i = 0; i < command->record->n_encryption_certificates; i++)
        show_cert(cli, wire_span(command->record->encryption_certificates[i]));
    return EXIT_ALL_OK;
}

static int run_with(struct cli *cli, char **args, int (*body)(struct cert_command *))
{
    struct cert_command command = {.cli = cli};
    struct cli_option withdraw[] = {{"--withdraw", &command.withdraw, NULL}, {NULL, NULL, NULL}};
    struct cli_option none[] = {{NULL, NULL, NULL}};
    struct cli_option *options = body == run_publish ? withdraw : none;
    int code = cli_parse(cli, args, options, NULL, 0);
    if (code != EXIT_ALL_OK)
        return code;
    code = body(&command);
    link_close(&command.link);
    return code;
}

static int publish_cert(struct cli *cli, char **args)
{
    return run_with(cli, args, run_publish);
}

static int show_certs(struct cli *cli, char **args)
{
    return run_with(cli, args, run_show);
}

const struct command command_cert_publish = {
    .words = "cert publish",
    .usage = "[--withdraw OLD.pem]",
    .dutch = "Publiceert de eigen versleutelingscertificaten. --withdraw: de sleutel van dit oude "
             "certificaat is weg; wat daarvoor versleuteld is, wordt opnieuw verstuurd.",
    .english = "Publishes one's encryption certificates. --withdraw: the key of this old "
               "certificate is gone; what was sealed for it is sent again.",
    .needs_settings = true,
    .run = publish_cert,
};

const struct command command_cert_show = {
    .words = "cert show",
    .usage = "",
    .dutch = "Toont wat gepubliceerd is.",
    .english = "Shows what is published.",
    .needs_settings = true,
    .run = show_certs,
};
