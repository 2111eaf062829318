/* Questions that get one answer: directory, cases, publish, and the collect statements of fetch.c.
 *
 * All of them may be asked twice without harm, so a question without answer is asked again after a
 * reconnect. Answers may overtake each other, and an Error names the question it is about by frame type and tag: so
 * each goes under a tag of its own, and the caller's comes back in its place. */
#include "fact.h"
#include "skp_internal.h"

#include <stdlib.h>

#define MAX_UNANSWERED    16
#define LOOKUPS_MAX_BYTES (8u * 1024 * 1024)
#define RECORD_MAX_BYTES  (256 * 1024) /* arena for one mailbox record and its signature */

struct lookup {
    struct lookup *next;
    enum frame_type type;
    uint64_t wire_tag; /* of this question alone; never 0 */
    uint64_t tag;      /* the caller's */
    bool sent;
    struct buffer wire;
};

void lookups_init(struct lookups *lookups)
{
    *lookups = (struct lookups){0};
    lookups->end = &lookups->first;
}

static void remove_lookup(struct lookups *lookups, struct lookup *lookup)
{
    struct lookup **at = &lookups->first;
    while (*at != lookup)
        at = &(*at)->next;
    *at = lookup->next;
    if (lookup->next == NULL)
        lookups->end = at;
    lookups->bytes -= lookup->wire.len;
    lookups->sent -= lookup->sent;
    buffer_fini(&lookup->wire);
    free(lookup);
}

void lookups_fini(struct lookups *lookups)
{
    while (lookups->first != NULL)
        remove_lookup(lookups, lookups->first);
}

enum skp_err lookup_ask(struct skp_client *client, enum frame_type type,
                        const ProtobufCMessage *message, uint64_t *message_tag, uint64_t tag)
{
    struct lookups *lookups = &client->lookups;
    if (client->state == CLIENT_STOPPED)
        return SKP_E_NOT_CONNECTED;
    if (lookups->bytes >= LOOKUPS_MAX_BYTES)
        return SKP_E_FULL;
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL)
        return SKP_E_NO_MEMORY;
    lookup->type = type;
    lookup->wire_tag = *message_tag = ++lookups->last_tag;
    lookup->tag = tag;
    buffer_init(&lookup->wire, LOOKUPS_MAX_BYTES - lookups->bytes);
    enum skp_err err = buffer_add_frame(&lookup->wire, type, message);
    if (err) {
        free(lookup);
        return err;
    }
    *lookups->end = lookup;
    lookups->end = &lookup->next;
    lookups->bytes += lookup->wire.len;
    client_wake(client);
    return SKP_OK;
}

void lookups_pump(struct skp_client *client)
{
    struct lookups *lookups = &client->lookups;
    struct buffer *out = &client->connection.out;
    struct lookup *lookup = lookups->first;
    if (client->state != CLIENT_UP || lookups_are_held(client))
        return;
    for (; lookup != NULL; lookup = lookup->next) {
        if (lookups->sent >= MAX_UNANSWERED || out->len >= WRITE_BYTES)
            return;
        if (lookup->sent)
            continue;
        uint8_t *room = buffer_room(out, lookup->wire.len);
        if (room == NULL)
            return;
        memcpy(room, buffer_bytes(&lookup->wire), lookup->wire.len);
        buffer_added(out, lookup->wire.len);
        lookup->sent = true;
        lookups->sent++;
    }
}

void lookups_disconnected(struct skp_client *client)
{
    for (struct lookup *lookup = client->lookups.first; lookup != NULL; lookup = lookup->next)
        lookup->sent = false;
    client->lookups.sent = 0;
}

/* Also one that is to be asked again: its answer came all the same. */
bool lookup_answered(struct skp_client *client, enum frame_type question, uint64_t wire_tag,
                     uint64_t *ret_tag)
{
    struct lookup *lookup = client->lookups.first;
    client->lookups.pauses = 0;
    while (lookup != NULL && (lookup->type != question || lookup->wire_tag != wire_tag))
        lookup = lookup->next;
    if (lookup == NULL)
        return false;
    *ret_tag = lookup->tag;
    remove_lookup(&client->lookups, lookup);
    return true;
}

/* The tag in an Error is 0 when the broker could not read it: then it may be any of its kind. */
static bool may_be_about(const struct lookup *lookup, unsigned frame, uint64_t wire_tag)
{
    return lookup->sent && (unsigned)lookup->type == frame &&
           (wire_tag == 0 || lookup->wire_tag == wire_tag);
}

void lookup_refused(struct skp_client *client, unsigned frame, uint64_t wire_tag)
{
    struct lookup *lookup = client->lookups.first;
    while (lookup != NULL && !may_be_about(lookup, frame, wire_tag))
        lookup = lookup->next;
    if (lookup != NULL)
        remove_lookup(&client->lookups, lookup);
}

void lookup_postponed(struct skp_client *client, unsigned frame, uint64_t wire_tag,
                      uint32_t asked_ms)
{
    struct lookups *lookups = &client->lookups;
    int64_t pause_ms = client_later_ms(asked_ms, lookups->pauses++);
    lookups->resume_at_ms = monotonic_ms() + pause_ms;
    if (frame == FRAME_FETCH)
        fetch_disconnected(client);
    for (struct lookup *lookup = lookups->first; lookup != NULL; lookup = lookup->next) {
        if (!may_be_about(lookup, frame, wire_tag))
            continue;
        lookup->sent = false;
        lookups->sent--;
    }
}

bool lookups_are_held(const struct skp_client *client)
{
    return client->lookups.resume_at_ms > monotonic_ms();
}

/* ---------------------------------------------------------------- directory and cases */

enum skp_err skp_directory_get(struct skp_client *client, const char *const *oins, size_t count,
                               const char *after, uint64_t tag)
{
    Skp__V1__DirectoryGet get;
    skp__v1__directory_get__init(&get);
    get.oins = (char **)(uintptr_t)oins;
    get.n_oins = count;
    get.after = wire_text(after);
    return lookup_ask(client, FRAME_DIRECTORY_GET, &get.base, &get.tag, tag);
}

enum skp_err skp_cases_get(struct skp_client *client, const struct skp_id *case_ids, size_t count,
                           const struct skp_id *after, uint64_t tag)
{
    Skp__V1__CasesGet get;
    skp__v1__cases_get__init(&get);
    get.case_ids = calloc(count + 1, sizeof *get.case_ids);
    if (get.case_ids == NULL)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        get.case_ids[i] = wire_id(&case_ids[i]);
    get.n_case_ids = count;
    if (after != NULL && !id_is_nil(after))
        get.after = wire_id(after);
    enum skp_err err = lookup_ask(client, FRAME_CASES_GET, &get.base, &get.tag, tag);
    free(get.case_ids);
    return err;
}

/* ---------------------------------------------------------------- publish */

static enum skp_err add_cert(Skp__V1__MailboxRecord *record, X509 *cert, struct arena *arena)
{
    uint8_t *der = NULL;
    int der_bytes = i2d_X509(cert, &der);
    if (der_bytes <= 0)
        return SKP_E_CERTIFICATE;
    struct span copy = span_of(arena_copy(arena, der, (size_t)der_bytes), (size_t)der_bytes);
    OPENSSL_free(der);
    if (copy.data == NULL)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < record->n_encryption_certificates; i++) {
        if (span_equal(wire_span(record->encryption_certificates[i]), copy))
            return SKP_OK;
    }
    if (record->n_encryption_certificates == FACT_MAX_CERTIFICATES)
        return SKP_E_DECODE_ITEMS;
    record->encryption_certificates[record->n_encryption_certificates++] = wire_bytes(copy);
    return SKP_OK;
}

/* The issuers of a leaf travel with it, so that a sender needs only the root. They are known for
 * keys that this client can open with. */
static enum skp_err add_issuers(const struct skp_client *client, Skp__V1__MailboxRecord *record,
                                const X509 *leaf, struct arena *arena)
{
    enum skp_err err = SKP_OK;
    for (size_t i = 0; i < client->decrypt_key_count; i++) {
        STACK_OF(X509) *chain = keypair_chain(client->decrypt_keys[i]);
        if (X509_cmp(keypair_cert(client->decrypt_keys[i]), leaf) != 0)
            continue;
        for (int at = 1; !err && at < sk_X509_num(chain); at++) {
            if (!cert_is_self_issued(sk_X509_value(chain, at)))
                err = add_cert(record, sk_X509_value(chain, at), arena);
        }
        return err;
    }
    return SKP_OK;
}

static enum skp_err sign_record(struct skp_client *client, Skp__V1__MailboxRecord *record,
                                struct arena *arena, Skp__V1__SignedRecord *ret_signed)
{
    const char *jws = NULL;
    struct span bytes = wire_pack(&record->base, arena);
    if (bytes.data == NULL)
        return SKP_E_NO_MEMORY;
    enum skp_err err = jws_sign(client->sign_pair, bytes, record->created_at_ms, arena, &jws);
    if (err)
        return err;
    ret_signed->record = wire_bytes(bytes);
    ret_signed->jws = wire_text(jws);
    return SKP_OK;
}

static enum skp_err publish(struct skp_client *client, Skp__V1__MailboxRecord *record,
                            X509 *const *certs, size_t count, uint64_t tag, struct arena *arena)
{
    enum skp_err err = SKP_OK;
    for (size_t i = 0; !err && i < count; i++) {
        err = add_cert(record, certs[i], arena);
        if (!err)
            err = add_issuers(client, record, certs[i], arena);
    }
    Skp__V1__SignedRecord signed_record;
    skp__v1__signed_record__init(&signed_record);
    if (!err)
        err = sign_record(client, record, arena, &signed_record);
    if (err)
        return err;
    Skp__V1__Publish message;
    skp__v1__publish__init(&message);
    message.record = &signed_record;
    return lookup_ask(client, FRAME_PUBLISH, &message.base, &message.tag, tag);
}

enum skp_err skp_publish(struct skp_client *client, const struct skp_mailbox *mailbox, uint64_t tag)
{
    ProtobufCBinaryData list[FACT_MAX_CERTIFICATES];
    ProtobufCBinaryData withdrawn[FACT_MAX_WITHDRAWN];
    Skp__V1__MailboxRecord record;
    if (mailbox->withdrawn_count > FACT_MAX_WITHDRAWN)
        return SKP_E_DECODE_ITEMS;
    skp__v1__mailbox_record__init(&record);
    record.context = wire_text(MAILBOX_CONTEXT);
    record.participant = client->self.text;
    record.mailbox = wire_text(mailbox->name);
    record.version = mailbox->version;
    record.created_at_ms = skp_now_ms(client);
    record.encryption_certificates = list;
    record.n_encryption_certificates = 0; /* publish() fills the list */
    for (size_t i = 0; i < mailbox->withdrawn_count; i++)
        withdrawn[i] = wire_bytes(span_of(mailbox->withdrawn[i].bytes, HASH_BYTES));
    record.withdrawn = withdrawn;
    record.n_withdrawn = mailbox->withdrawn_count;
    struct arena arena;
    arena_init(&arena, RECORD_MAX_BYTES);
    enum skp_err err = publish(client, &record, mailbox->certs, mailbox->cert_count, tag, &arena);
    arena_fini(&arena);
    return err;
}
