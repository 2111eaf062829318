/* Publish: a participant's own mailbox record, signed by its signing certificate, for its peers to
 * check. */
#include "txn.h"

#include "fact.h"

struct record_work {
    Skp__V1__Publish *request;
    Skp__V1__MailboxRecord *record;
    struct span signed_record; /* SignedRecord, as it is kept */
};

static enum skp_err verify(struct engine_call *call)
{
    struct record_work *work = arena_calloc(&call->arena, 1, sizeof *work);
    char path[WIRE_PATH_MAX] = "";
    if (!work)
        return SKP_E_NO_MEMORY;
    call->state = work;
    enum skp_err err = engine_unpack(call, &skp__v1__publish__descriptor, (void *)&work->request);
    if (err)
        return err;
    call->tag = work->request->tag;
    if (!work->request->record)
        return engine_refuse(call, SKP_E_REQUIRED, "record", NULL);
    ProtobufCMessage *message;
    err = wire_unpack(&skp__v1__mailbox_record__descriptor,
                      wire_span(work->request->record->record), &call->arena, path, &message);
    if (err)
        return engine_refuse_in(call, err, "record", path);
    work->record = (Skp__V1__MailboxRecord *)(void *)message;
    err = fact_check_record(work->record, path);
    if (err)
        return engine_refuse_in(call, err, "record", path);
    if (strcmp(work->record->participant, call->peer.text) != 0)
        return engine_refuse(call, SKP_E_SENDER_MISMATCH, "record.participant", NULL);
    if (strlen(work->record->mailbox) > MAILBOX_NAME_MAX)
        return engine_refuse(call, SKP_E_TEXT_TOO_LONG, "record.mailbox", NULL);
    work->signed_record = wire_pack(&work->request->record->base, &call->arena);
    if (!work->signed_record.data)
        return SKP_E_NO_MEMORY;
    return engine_check_peer(call, wire_span(work->request->record->record),
                             work->request->record->jws, "record.jws");
}

static enum skp_err want(struct txn *txn, struct engine_call *call)
{
    const struct record_work *work = call->state;
    return ws_want(&txn->ws, STORE_RECORD, key_record(&call->peer, work->record->mailbox));
}

static enum skp_err version_of(struct txn *txn, struct span value, uint32_t *ret_version)
{
    char path[WIRE_PATH_MAX] = "";
    ProtobufCMessage *outer;
    ProtobufCMessage *inner;
    enum skp_err err =
        wire_unpack(&skp__v1__signed_record__descriptor, value, &txn->arena, path, &outer);
    if (err)
        return SKP_E_DATA_LOSS;
    Skp__V1__SignedRecord *signed_record = (Skp__V1__SignedRecord *)(void *)outer;
    err = wire_unpack(&skp__v1__mailbox_record__descriptor, wire_span(signed_record->record),
                      &txn->arena, path, &inner);
    if (err)
        return SKP_E_DATA_LOSS;
    *ret_version = ((Skp__V1__MailboxRecord *)(void *)inner)->version;
    return SKP_OK;
}

static bool same_key(const struct row_key *a, const struct row_key *b)
{
    return span_equal(row_key_span(a), row_key_span(b));
}

/* Of the other mailboxes: what was published in this same commit, in place of what stood there before. */
static size_t bytes_beside(const struct txn *txn, const struct registry_participant *who,
                           const struct row_key *own)
{
    struct row_key all = key_participant(&who->oin);
    const struct ws_row *first = txn->ws.tables[STORE_RECORD].first;
    size_t bytes = 0;
    for (const struct ws_row *row = first; row; row = row->next)
        if (row->dirty && !same_key(&row->key, own) &&
            memcmp(row->key.bytes, all.bytes, all.len) == 0)
            bytes += row->value.len;
    for (size_t i = 0; i < who->record_count; i++) {
        struct row_key key = key_record(&who->oin, who->records[i]->mailbox);
        const struct ws_row *row = first;
        while (row && !(row->dirty && same_key(&row->key, &key)))
            row = row->next;
        if (!row && !same_key(&key, own))
            bytes += who->records[i]->bytes.len;
    }
    return bytes;
}

/* All records of a participant are shown together, in one frame of the directory. */
static bool fits_directory(const struct txn *txn, const struct registry_participant *who,
                           const struct record_work *work)
{
    struct row_key own = key_record(&who->oin, work->record->mailbox);
    return work->signed_record.len + bytes_beside(txn, who, &own) <= RECORDS_MAX_BYTES;
}

static enum skp_err decide(struct txn *txn, struct engine_call *call)
{
    const struct record_work *work = call->state;
    const struct registry_participant *who = registry_find(txn->registry, &call->peer);
    if (!who || !fits_directory(txn, who, work)) {
        engine_refuse(call, who ? SKP_E_DECODE_ITEMS : SKP_E_NOT_REGISTERED,
                      who ? "record.mailbox" : "record.participant",
                      who ? "the records of all your mailboxes together are too large" : NULL);
        return SKP_OK;
    }
    struct ws_row *row;
    enum skp_err err =
        ws_get(&txn->ws, STORE_RECORD, key_record(&call->peer, work->record->mailbox), &row);
    if (err)
        return err;
    uint32_t present = 0;
    if (row->value.len > 0 && (err = version_of(txn, row->value, &present)))
        return err;
    if (row->value.len > 0 && span_equal(row->value, work->signed_record))
        return SKP_OK;
    if (work->record->version <= present) {
        engine_refuse(call, SKP_E_RECORD_OLD, "record.version", NULL);
        return SKP_OK;
    }
    ws_put(row, work->signed_record);
    txn->registry_changed = true;
    return SKP_OK;
}

static enum skp_err answer(struct txn *txn, struct engine_call *call)
{
    (void)txn;
    const struct record_work *work = call->state;
    Skp__V1__Published published;
    skp__v1__published__init(&published);
    published.tag = work->request->tag;
    published.version = work->record->version;
    return engine_answer(call, FRAME_PUBLISHED, &published.base);
}

const struct verb verb_publish = {
    .name = "publish", .verify = verify, .want = want, .decide = decide, .answer = answer};
