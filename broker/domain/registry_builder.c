/* Rows in, registry out. */
#include "fact.h"
#include "registry_internal.h"

#include "merkle.h"
#include "text.h"

#include <assert.h>
#include <stdlib.h>

#define MAX_ROWS          1000000U
#define MAX_ENTRY_BYTES   65536U /* an entry travels in a Directory frame, with others */
#define MAILBOX_KEY_BYTES HASH_BYTES

struct registry_builder {
    struct registry *registry;
    struct map records; /* mailbox_key() -> struct registry_record */
};

struct registry_builder *registry_builder_new(void)
{
    struct registry_builder *builder = calloc(1, sizeof *builder);
    struct registry *registry = calloc(1, sizeof *registry);
    if (!builder || !registry) {
        free(builder);
        free(registry);
        return NULL;
    }
    builder->registry = registry;
    atomic_init(&registry->references, 1);
    arena_init(&registry->arena, REGISTRY_MAX_BYTES);
    if (map_init(&registry->nodes_by_oin, OIN_CHARS, 64, MAX_ROWS) ||
        map_init(&registry->agreements_by_key, sizeof(struct agreement_key), 64, MAX_ROWS) ||
        map_init(&builder->records, MAILBOX_KEY_BYTES, 64, MAX_ROWS)) {
        registry_builder_free(builder);
        return NULL;
    }
    return builder;
}

void registry_builder_free(struct registry_builder *builder)
{
    if (!builder)
        return;
    if (builder->registry)
        registry_free(builder->registry);
    map_fini(&builder->records);
    free(builder);
}

/* ---------------------------------------------------------------- participants */

static enum skp_err check_names(char *const *names, size_t count, size_t max_chars)
{
    for (size_t i = 0; i < count; i++) {
        enum skp_err err = fact_check_text(names[i], max_chars);
        if (err)
            return err;
        if (text_is_blank(span_text(names[i])))
            return SKP_E_REQUIRED;
    }
    return SKP_OK;
}

static enum skp_err take_roles(const Skp__V1__DirectoryEntry *entry, uint32_t *ret_roles)
{
    uint32_t roles = 0;
    for (size_t i = 0; i < entry->n_roles; i++) {
        if (entry->roles[i] == SKP__V1__ROLE__ROLE_UNSPECIFIED)
            return SKP_E_ENUM_VALUE;
        roles |= ROLE_BIT(entry->roles[i]);
    }
    *ret_roles = roles;
    return roles ? SKP_OK : SKP_E_REQUIRED;
}

static enum skp_err check_entry(const Skp__V1__DirectoryEntry *entry)
{
    enum skp_err err = fact_check_oin(entry->oin);
    if (!err)
        err = check_names(&entry->name, 1, MAX_ENTRY_BYTES);
    if (!err)
        err = check_names(entry->search_names, entry->n_search_names, MAX_ENTRY_BYTES);
    if (!err)
        err = check_names(entry->brands, entry->n_brands, FACT_MAX_BRAND);
    if (!err && (entry->n_records > 0 || entry->n_agreements > 0))
        err = SKP_E_FIELD_UNEXPECTED;
    return err;
}

enum skp_err registry_add_participant(struct registry_builder *builder, struct span bytes)
{
    struct registry *registry = builder->registry;
    ProtobufCMessage *message = NULL;
    char path[WIRE_PATH_MAX];
    if (bytes.len > MAX_ENTRY_BYTES)
        return SKP_E_TEXT_TOO_LONG;
    enum skp_err err =
        wire_unpack(&skp__v1__directory_entry__descriptor, bytes, &registry->arena, path, &message);
    if (err)
        return err;
    Skp__V1__DirectoryEntry *entry = (Skp__V1__DirectoryEntry *)message;
    struct registry_node *node = arena_calloc(&registry->arena, 1, sizeof *node);
    if (!node)
        return SKP_E_NO_MEMORY;
    err = check_entry(entry);
    if (!err)
        err = take_roles(entry, &node->participant.roles);
    if (!err && !oin_take(span_text(entry->oin), &node->participant.oin))
        err = SKP_E_OIN_FORMAT;
    if (err)
        return err;
    node->participant.bsn_entitled = entry->bsn_entitled;
    node->participant.entry = entry;
    err = map_add(&registry->nodes_by_oin, node->participant.oin.text, node);
    return err == SKP_E_DUPLICATE_ITEM ? SKP_E_ID_REUSED : err;
}

/* ---------------------------------------------------------------- mailbox records */

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

static enum skp_err read_record(struct span bytes, struct arena *arena,
                                struct registry_record *record)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *outer = NULL;
    ProtobufCMessage *inner = NULL;
    enum skp_err err = wire_unpack(&skp__v1__signed_record__descriptor, bytes, arena, path, &outer);
    if (err)
        return err;
    ProtobufCBinaryData said = ((Skp__V1__SignedRecord *)outer)->record;
    err = wire_unpack(&skp__v1__mailbox_record__descriptor, span_of(said.data, said.len), arena,
                      path, &inner);
    if (err)
        return err;
    const Skp__V1__MailboxRecord *mailbox = (Skp__V1__MailboxRecord *)inner;
    err = fact_check_record(mailbox, path);
    if (!err && !oin_take(span_text(mailbox->participant), &record->participant))
        err = SKP_E_OIN_FORMAT;
    if (err)
        return err;
    record->mailbox = mailbox->mailbox;
    record->version = mailbox->version;
    record->readers = mailbox->seals_also_to;
    record->reader_count = mailbox->n_seals_also_to;
    err = keep_withdrawn(mailbox, arena, record);
    if (err)
        return err;
    const uint8_t *copy = arena_copy(arena, bytes.data, bytes.len);
    record->bytes = span_of(copy, bytes.len);
    return copy ? SKP_OK : SKP_E_NO_MEMORY;
}

enum skp_err registry_add_record(struct registry_builder *builder, struct span bytes)
{
    struct arena *arena = &builder->registry->arena;
    struct registry_record *record = arena_calloc(arena, 1, sizeof *record);
    if (!record)
        return SKP_E_NO_MEMORY;
    enum skp_err err = read_record(bytes, arena, record);
    if (err)
        return err;
    struct skp_hash key = mailbox_key(record);
    const struct registry_record *present = map_get(&builder->records, key.bytes);
    if (present && present->version >= record->version)
        return SKP_OK;
    return map_put(&builder->records, key.bytes, record);
}

/* ---------------------------------------------------------------- agreements */

enum skp_err registry_add_agreement(struct registry_builder *builder, struct span bytes)
{
    struct registry *registry = builder->registry;
    struct agreement *agreement = arena_calloc(&registry->arena, 1, sizeof *agreement);
    char path[WIRE_PATH_MAX];
    if (!agreement)
        return SKP_E_NO_MEMORY;
    enum skp_err err = agreement_read(bytes, &registry->arena, path, agreement);
    if (err)
        return err;
    struct agreement_key key = registry_agreement_key(&agreement->agreement_id, agreement->version);
    err = map_add(&registry->agreements_by_key, key.bytes, agreement);
    return err == SKP_E_DUPLICATE_ITEM ? SKP_E_ID_REUSED : err;
}

/* ---------------------------------------------------------------- building */

static int compare_nodes(const void *a, const void *b)
{
    const struct registry_node *left = *(struct registry_node *const *)a;
    const struct registry_node *right = *(struct registry_node *const *)b;
    return strcmp(left->participant.oin.text, right->participant.oin.text);
}

static int compare_records(const void *a, const void *b)
{
    const struct registry_record *left = *(struct registry_record *const *)a;
    const struct registry_record *right = *(struct registry_record *const *)b;
    int order = strcmp(left->participant.text, right->participant.text);
    return order ? order : strcmp(left->mailbox, right->mailbox);
}

static int compare_agreements(const void *a, const void *b)
{
    const struct agreement *left = *(struct agreement *const *)a;
    const struct agreement *right = *(struct agreement *const *)b;
    int order = strcmp(left->creditor.text, right->creditor.text);
    if (order == 0)
        order = id_compare(&left->agreement_id, &right->agreement_id);
    if (order == 0)
        order = (left->version > right->version) - (left->version < right->version);
    return order;
}

typedef int (*compare_fn)(const void *a, const void *b);

/* The values of a map as a sorted array in the arena. NULL when there is no memory. */
static void *sorted_values(const struct map *map, struct arena *arena, compare_fn compare)
{
    void **values = arena_calloc(arena, map->count + 1, sizeof *values);
    if (!values)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        values[i] = map_value_at(map, i);
    qsort(values, map->count, sizeof *values, compare);
    return values;
}

/* Records and agreements are sorted by owner, so that each owner gets one run of the array. */
static enum skp_err hand_out_records(struct registry *registry, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct registry_record *record = registry->records[i];
        struct registry_node *node = map_get(&registry->nodes_by_oin, record->participant.text);
        if (!node)
            return SKP_E_NOT_REGISTERED;
        if (node->participant.record_count++ == 0)
            node->participant.records = &registry->records[i];
    }
    return SKP_OK;
}

static bool parties_registered(const struct registry *registry, const struct agreement *agreement)
{
    for (size_t i = 0; i < agreement->counsellor_count; i++) {
        if (!map_has(&registry->nodes_by_oin, agreement->counsellors[i].text))
            return false;
    }
    return map_has(&registry->nodes_by_oin, agreement->creditor.text);
}

static enum skp_err hand_out_agreements(struct registry *registry)
{
    for (size_t i = 0; i < registry->agreements_by_key.count; i++) {
        struct agreement *agreement = registry->agreements[i];
        if (!parties_registered(registry, agreement))
            return SKP_E_NOT_REGISTERED;
        struct registry_node *node = map_get(&registry->nodes_by_oin, agreement->creditor.text);
        if (node->agreement_count++ == 0)
            node->agreements = &registry->agreements[i];
    }
    return SKP_OK;
}

enum skp_err registry_build(struct registry_builder *builder, struct registry **ret_registry)
{
    struct registry *registry = builder->registry;
    struct arena *arena = &registry->arena;
    registry->nodes = sorted_values(&registry->nodes_by_oin, arena, compare_nodes);
    registry->agreements = sorted_values(&registry->agreements_by_key, arena, compare_agreements);
    registry->records = sorted_values(&builder->records, arena, compare_records);
    enum skp_err err = SKP_OK;
    if (!registry->nodes || !registry->agreements || !registry->records)
        err = SKP_E_NO_MEMORY;
    if (!err)
        err = hand_out_records(registry, builder->records.count);
    if (!err)
        err = hand_out_agreements(registry);
    if (!err) {
        *ret_registry = registry;
        builder->registry = NULL;
    }
    registry_builder_free(builder);
    return err;
}
