/* Mailbox records, as the registry keeps them. */
#include "fact.h"
#include "registry_internal.h"

#include "merkle.h"

#include <assert.h>

static struct skp_hash mailbox_key(const struct registry_record *record)
{
    struct span parts[] = {span_of(record->participant.text, OIN_CHARS),
                           span_text(record->mailbox)};
    return sha256_spans(parts, 2);
}

static enum skp_err keep_withdrawn(const Skp__V1__MailboxRecord *mailbox, struct arena *arena,
                                   struct registry_record *record)
{
    struct skp_hash *hashes = arena_calloc(arena, mailbox->n_withdrawn + 1, sizeof *hashes);
    if (!hashes)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < mailbox->n_withdrawn; i++) {
        bool whole = hash_take(wire_span(mailbox->withdrawn[i]), &hashes[i]);
        assert(whole); /* fact_check_record() said so */
    }
    record->withdrawn = hashes;
    record->withdrawn_count = mailbox->n_withdrawn;
    return SKP_OK;
}

static char *text_copy(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text) + 1);
}

static enum skp_err keep_readers(const Skp__V1__MailboxRecord *mailbox, struct arena *arena,
                                 struct registry_record *record)
{
    record->readers = arena_calloc(arena, mailbox->n_seals_also_to + 1, sizeof *record->readers);
    if (!record->readers)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < mailbox->n_seals_also_to; i++) {
        record->readers[i] = text_copy(arena, mailbox->seals_also_to[i]);
        if (!record->readers[i])
            return SKP_E_NO_MEMORY;
    }
    record->reader_count = mailbox->n_seals_also_to;
    return SKP_OK;
}

/* Unpacked in `scratch`; what the registry asks for is kept, the rest stays in the bytes. */
static enum skp_err unpack_record(struct span bytes, struct arena *scratch,
                                  const Skp__V1__MailboxRecord **ret_mailbox)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *outer = NULL;
    ProtobufCMessage *inner = NULL;
    enum skp_err err =
        wire_unpack(&skp__v1__signed_record__descriptor, bytes, scratch, path, &outer);
    if (err)
        return err;
    ProtobufCBinaryData said = ((Skp__V1__SignedRecord *)outer)->record;
    err = wire_unpack(&skp__v1__mailbox_record__descriptor, span_of(said.data, said.len), scratch,
                      path, &inner);
    if (err)
        return err;
    *ret_mailbox = (Skp__V1__MailboxRecord *)inner;
    return fact_check_record(*ret_mailbox, path);
}

static enum skp_err read_record(struct span bytes, struct arena *scratch, struct arena *arena,
                                struct registry_record *record)
{
    const Skp__V1__MailboxRecord *mailbox;
    enum skp_err err = unpack_record(bytes, scratch, &mailbox);
    if (!err && !oin_take(span_text(mailbox->participant), &record->participant))
        err = SKP_E_OIN_FORMAT;
    if (err)
        return err;
    record->mailbox = text_copy(arena, mailbox->mailbox);
    record->version = mailbox->version;
    const uint8_t *copy = arena_copy(arena, bytes.data, bytes.len);
    record->bytes = span_of(copy, bytes.len);
    if (!record->mailbox || !copy)
        return SKP_E_NO_MEMORY;
    err = keep_readers(mailbox, arena, record);
    return err ? err : keep_withdrawn(mailbox, arena, record);
}

enum skp_err registry_add_record(struct registry_builder *builder, struct span bytes)
{
    struct arena *arena = registry_row_arena(builder);
    struct map *records = &builder->registry->records_by_key;
    struct registry_record *record = arena_calloc(arena, 1, sizeof *record);
    if (!record)
        return SKP_E_NO_MEMORY;
    enum skp_err err = read_record(bytes, &builder->scratch, arena, record);
    if (err)
        return err;
    struct skp_hash key = mailbox_key(record);
    const struct registry_record *present = map_get(records, key.bytes);
    if (present && present->version >= record->version)
        return SKP_OK;
    return map_put(records, key.bytes, record);
}
