#include "rows.h"

#include <assert.h>

static void add(struct row_key *key, const void *data, size_t len)
{
    assert(key->len + len <= sizeof key->bytes);
    memcpy(key->bytes + key->len, data, len);
    key->len += len;
}

static void add_number(struct row_key *key, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i > 0; i--) {
        uint8_t byte = (uint8_t)(value >> (8 * (i - 1)));
        add(key, &byte, 1);
    }
}

static void add_oin(struct row_key *key, const struct skp_oin *oin)
{
    assert(strlen(oin->text) == OIN_CHARS);
    add(key, oin->text, OIN_CHARS);
}

static void add_id(struct row_key *key, const struct skp_id *id)
{
    add(key, id->bytes, ID_BYTES);
}

/* Length first, so that no mailbox's keys start with another's. */
static void add_mailbox(struct row_key *key, const char *mailbox)
{
    size_t len = strlen(mailbox);
    assert(len <= MAILBOX_NAME_MAX);
    add_number(key, len, 1);
    add(key, mailbox, len);
}

struct row_key key_meta(const char *name)
{
    struct row_key key = {.len = 0};
    add(&key, name, strlen(name));
    return key;
}

struct row_key key_participant(const struct skp_oin *oin)
{
    struct row_key key = {.len = 0};
    add_oin(&key, oin);
    return key;
}

struct row_key key_record(const struct skp_oin *oin, const char *mailbox)
{
    return key_mailbox(oin, mailbox);
}

struct row_key key_agreement(const struct skp_id *agreement_id, uint32_t version)
{
    struct row_key key = {.len = 0};
    add_id(&key, agreement_id);
    add_number(&key, version, 4);
    return key;
}

struct row_key key_batch(const struct skp_oin *sender, const struct skp_id *batch_id)
{
    struct row_key key = {.len = 0};
    add_oin(&key, sender);
    add_id(&key, batch_id);
    return key;
}

struct row_key key_bundle(const struct skp_id *bundle_id)
{
    struct row_key key = {.len = 0};
    add_id(&key, bundle_id);
    return key;
}

struct row_key key_page(const struct skp_id *bundle_id, unsigned page)
{
    struct row_key key = key_bundle(bundle_id);
    add_number(&key, page, 2);
    return key;
}

struct row_key key_case(const struct skp_oin *counsellor, const struct skp_id *case_id)
{
    return key_batch(counsellor, case_id);
}

struct row_key key_mailbox(const struct skp_oin *oin, const char *mailbox)
{
    struct row_key key = {.len = 0};
    add_oin(&key, oin);
    add_mailbox(&key, mailbox);
    return key;
}

struct row_key key_entry(const struct skp_oin *oin, const char *mailbox, uint64_t position)
{
    struct row_key key = key_mailbox(oin, mailbox);
    add_number(&key, position, 8);
    return key;
}

struct row_key key_waiting(const struct skp_id *agreement_id, uint64_t sequence, uint64_t place,
                           const struct skp_id *bundle_id, unsigned page)
{
    struct row_key key = {.len = 0};
    add_id(&key, agreement_id);
    add_number(&key, sequence, 8);
    add_number(&key, place, 8);
    add_id(&key, bundle_id);
    add_number(&key, page, 2);
    return key;
}

struct row_key key_deadline(int64_t due_ms, uint8_t kind, const struct skp_id *object,
                            uint32_t part)
{
    struct row_key key = {.len = 0};
    add_number(&key, (uint64_t)due_ms, 8);
    add_number(&key, kind, 1);
    add_id(&key, object);
    add_number(&key, part, 4);
    return key;
}

struct row_key key_round(const struct skp_id *round_id)
{
    return key_bundle(round_id);
}

struct row_key key_round_part(const struct skp_id *round_id, uint32_t part)
{
    struct row_key key = key_round(round_id);
    add_number(&key, part, 4);
    return key;
}

bool key_is_round_part(struct span key)
{
    return key.len == ID_BYTES + 4;
}

struct row_key key_journal(uint64_t sequence, uint32_t part)
{
    struct row_key key = {.len = 0};
    add_number(&key, sequence, 8);
    add_number(&key, part, 4);
    return key;
}

struct row_key key_commit(uint64_t sequence)
{
    struct row_key key = {.len = 0};
    add_number(&key, sequence, 8);
    return key;
}

struct row_key key_progress(uint64_t place)
{
    return key_commit(place / PROGRESS_CASES);
}

struct row_key key_statement(uint64_t number)
{
    return key_commit(number);
}

struct row_key key_open(const struct skp_oin *creditor, int64_t published_ms,
                        const struct skp_id *bundle_id, unsigned page)
{
    struct row_key key = {.len = 0};
    add_oin(&key, creditor);
    add_number(&key, (uint64_t)published_ms, 8);
    add_id(&key, bundle_id);
    add_number(&key, page, 2);
    return key;
}

struct row_key key_after_prefix(const struct row_key *prefix)
{
    struct row_key key = *prefix;
    while (key.len > 0 && key.bytes[key.len - 1] == 0xff)
        key.len--;
    if (key.len > 0)
        key.bytes[key.len - 1]++;
    return key;
}

static uint64_t number_at(struct span key, size_t at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | key.data[at + i];
    return value;
}

static void id_at(struct span key, size_t at, struct skp_id *ret_id)
{
    memcpy(ret_id->bytes, key.data + at, ID_BYTES);
}

enum skp_err key_read_entry(struct span key, uint64_t *ret_position)
{
    if (key.len < OIN_CHARS + 1 + 8)
        return SKP_E_DATA_LOSS;
    *ret_position = number_at(key, key.len - 8, 8);
    return SKP_OK;
}

enum skp_err key_read_waiting(struct span key, struct skp_id *ret_bundle_id, unsigned *ret_page)
{
    if (key.len != ID_BYTES + 8 + 8 + ID_BYTES + 2)
        return SKP_E_DATA_LOSS;
    id_at(key, ID_BYTES + 8 + 8, ret_bundle_id);
    *ret_page = (unsigned)number_at(key, key.len - 2, 2);
    return SKP_OK;
}

enum skp_err key_read_open(struct span key, int64_t *ret_published_ms, struct skp_id *ret_bundle_id,
                           unsigned *ret_page)
{
    if (key.len != OIN_CHARS + 8 + ID_BYTES + 2)
        return SKP_E_DATA_LOSS;
    *ret_published_ms = (int64_t)number_at(key, OIN_CHARS, 8);
    id_at(key, OIN_CHARS + 8, ret_bundle_id);
    *ret_page = (unsigned)number_at(key, key.len - 2, 2);
    return SKP_OK;
}

enum skp_err key_read_deadline(struct span key, struct deadline_key *ret_deadline)
{
    if (key.len != 8 + 1 + ID_BYTES + 4 || number_at(key, 0, 8) > INT64_MAX)
        return SKP_E_DATA_LOSS;
    ret_deadline->due_ms = (int64_t)number_at(key, 0, 8);
    ret_deadline->kind = key.data[8];
    id_at(key, 9, &ret_deadline->object);
    ret_deadline->part = (uint32_t)number_at(key, key.len - 4, 4);
    return SKP_OK;
}
