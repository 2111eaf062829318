/* Whom to seal for, and opening what was sealed for us. */
#include "fact.h"
#include "skp_internal.h"

#include <openssl/x509v3.h>

#define RECORD_MAX_BYTES (512 * 1024)

/* ---------------------------------------------------------------- certificates of a record */

struct record_reader {
    struct skp_client *client;
    const Skp__V1__MailboxRecord *record;
    STACK_OF(X509) * leafs;
    STACK_OF(X509) * issuers;
    const char **ret_why;
};

static enum skp_err refuse(struct record_reader *reader, enum skp_err err, const char *why)
{
    *reader->ret_why = why;
    return err;
}

/* Leafs and issuers stand in one list; a CA is nothing to seal for. */
static enum skp_err sort_certs(struct record_reader *reader)
{
    for (size_t i = 0; i < reader->record->n_encryption_certificates; i++) {
        X509 *cert = NULL;
        struct span der = wire_span(reader->record->encryption_certificates[i]);
        if (cert_parse(der, &cert))
            return refuse(reader, SKP_E_CERTIFICATE, "a certificate in the record is damaged");
        bool is_ca = X509_check_ca(cert) != 0;
        if (sk_X509_push(is_ca ? reader->issuers : reader->leafs, cert) <= 0) {
            X509_free(cert);
            return refuse(reader, SKP_E_NO_MEMORY, "out of memory");
        }
    }
    return SKP_OK;
}

/* Either the participant's own, or of one that the signed record names as reading along. */
static bool may_open(const Skp__V1__MailboxRecord *record, const struct skp_oin *oin)
{
    if (strcmp(record->participant, oin->text) == 0)
        return true;
    for (size_t i = 0; i < record->n_seals_also_to; i++) {
        if (strcmp(record->seals_also_to[i], oin->text) == 0)
            return true;
    }
    return false;
}

/* A certificate that ran out or was revoked beside a good one is passed over: that is what rotation
 * looks like. One of a stranger spoils the record. */
static enum skp_err take_leafs(struct record_reader *reader, X509 **ret_certs, size_t max_certs,
                               size_t *ret_count)
{
    size_t count = 0;
    const char *why = "the record names no encryption certificate";
    for (int i = 0; i < sk_X509_num(reader->leafs); i++) {
        struct skp_oin oin;
        X509 *leaf = sk_X509_value(reader->leafs, i);
        if (cert_oin(leaf, &oin) || !may_open(reader->record, &oin))
            return refuse(reader, SKP_E_CERTIFICATE,
                          "a certificate of somebody else in the record");
        if (trust_check(reader->client->trust, leaf, reader->issuers, CERT_ENCRYPTION,
                        skp_now_ms(reader->client), &why))
            continue;
        if (count == max_certs)
            return refuse(reader, SKP_E_CERTIFICATE, "more certificates than fit in one bundle");
        ret_certs[count++] = leaf;
    }
    if (count == 0)
        return refuse(reader, SKP_E_CERTIFICATE, why);
    for (size_t i = 0; i < count; i++)
        X509_up_ref(ret_certs[i]);
    *ret_count = count;
    return SKP_OK;
}

static enum skp_err check_record(struct record_reader *reader, const Skp__V1__SignedRecord *record,
                                 const struct skp_oin *participant)
{
    char path[WIRE_PATH_MAX];
    struct jws_signer signer;
    struct skp_client *client = reader->client;
    if (fact_check_record(reader->record, path) ||
        strcmp(reader->record->participant, participant->text) != 0)
        return refuse(reader, SKP_E_SIGNER_INVALID, "not a mailbox record of this participant");
    enum skp_err err =
        jws_verify(client->trust, client->jws_cache, span_text(record->jws),
                   wire_span(record->record), skp_now_ms(client), &signer, reader->ret_why);
    if (!err && !oin_equal(&signer.oin, participant))
        err = refuse(reader, SKP_E_SIGNER_INVALID, "the record is signed by somebody else");
    return err;
}

enum skp_err skp_record_certs(struct skp_client *client, const Skp__V1__SignedRecord *record,
                              const struct skp_oin *participant, X509 **ret_certs, size_t max_certs,
                              size_t *ret_count, const char **ret_why)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message = NULL;
    struct arena arena;
    arena_init(&arena, RECORD_MAX_BYTES);
    struct record_reader reader = {
        .client = client,
        .leafs = sk_X509_new_null(),
        .issuers = sk_X509_new_null(),
        .ret_why = ret_why,
    };
    enum skp_err err = wire_unpack(&skp__v1__mailbox_record__descriptor, wire_span(record->record),
                                   &arena, path, &message);
    if (err)
        *ret_why = "the record cannot be read";
    reader.record = (const Skp__V1__MailboxRecord *)message;
    if (!err)
        err = check_record(&reader, record, participant);
    if (!err)
        err = sort_certs(&reader);
    if (!err)
        err = take_leafs(&reader, ret_certs, max_certs, ret_count);
    sk_X509_pop_free(reader.leafs, X509_free);
    sk_X509_pop_free(reader.issuers, X509_free);
    arena_fini(&arena);
    return err;
}

/* ---------------------------------------------------------------- sealed parts */

void open_begin(struct skp_client *client, const struct envelope_delivery *checked)
{
    client->open = (struct open_bundle){
        .current = true,
        .batch_id = checked->header.batch_id,
        .bundle_id = checked->head.bundle_id,
    };
}

void open_end(struct skp_client *client)
{
    seal_key_wipe(&client->open.key);
    client->open.current = client->open.tried = false;
}

static enum skp_err open_box(struct skp_client *client, const struct envelope_delivery *checked,
                             const struct seal_place *place, struct arena *arena,
                             struct seal_key *ret_key)
{
    struct span boxes[BUNDLE_MAX_BOXES];
    size_t count = checked->bundle->n_key_boxes;
    if (count > BUNDLE_MAX_BOXES)
        return SKP_E_UNSEAL;
    for (size_t i = 0; i < count; i++)
        boxes[i] = span_text(checked->bundle->key_boxes[i]);
    return unseal_box(client->decrypt_keys, client->decrypt_key_count, boxes, count, place, arena,
                      ret_key);
}

/* One box opening per bundle, also when it fails: with RSA each costs milliseconds. */
static enum skp_err bundle_key(struct skp_client *client, const struct envelope_delivery *checked,
                               const struct seal_place *place, struct arena *arena,
                               struct seal_key *ret_key)
{
    struct open_bundle *open = &client->open;
    bool cached = open->current && id_equal(&open->batch_id, &place->batch_id) &&
                  id_equal(&open->bundle_id, &place->bundle_id);
    if (!cached)
        return open_box(client, checked, place, arena, ret_key);
    if (!open->tried) {
        open->tried = true;
        open->err = open_box(client, checked, place, arena, &open->key);
    }
    if (!open->err)
        *ret_key = open->key;
    return open->err;
}

static enum skp_err open_line(struct skp_client *client, const struct envelope_delivery *checked,
                              size_t index, struct arena *arena, struct span *ret_part)
{
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line = NULL;
    struct skp_id item_id;
    struct skp_hash commitment;
    struct seal_key key;
    enum skp_err err = fact_read(wire_span(checked->bundle->lines[index]), arena, path, &line);
    if (!err)
        err = fact_item_id(line, &item_id);
    if (!err && !fact_commitment(line, &commitment))
        err = SKP_E_COMMITMENT_MISMATCH;
    if (err)
        return err;
    struct seal_place place = {
        .sender = checked->header.sender,
        .recipient = checked->head.recipient,
        .batch_id = checked->header.batch_id,
        .bundle_id = checked->head.bundle_id,
    };
    err = bundle_key(client, checked, &place, arena, &key);
    if (err)
        return err;
    err = unseal_part(&key, &place, &item_id, &commitment,
                      wire_span(checked->bundle->sealed[index]), arena, ret_part);
    seal_key_wipe(&key);
    return err;
}

enum skp_err skp_open_part(struct skp_client *client, const Skp__V1__Delivery *delivery,
                           const struct envelope_delivery *checked, size_t index,
                           struct arena *arena, struct span *ret_part)
{
    (void)delivery; /* all that counts was checked into `checked` */
    const Skp__V1__Bundle *bundle = checked->bundle;
    if (index >= bundle->n_lines || index >= bundle->n_sealed || bundle->sealed[index].len == 0)
        return SKP_E_NOT_FOUND;
    return open_line(client, checked, index, arena, ret_part);
}
