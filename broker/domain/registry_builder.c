/* Rows in, registry out. */
#include "fact.h"
#include "registry_internal.h"

#include "text.h"

#include <stdlib.h>

#define MAX_ROWS          1000000U
#define MAX_ENTRY_BYTES   65536U /* an entry travels in a Directory frame, with others */
#define MAILBOX_KEY_BYTES HASH_BYTES
#define ROW_ARENA_BYTES   ((size_t)4 << 20)
#define SPARE_ROWS        256 /* replaced ones that need no new beginning */
#define SPARE_BYTES       ((size_t)8 << 20)

static enum skp_err make_maps(struct registry *registry)
{
    if (map_init(&registry->nodes_by_oin, OIN_CHARS, 64, MAX_ROWS) ||
        map_init(&registry->agreements_by_key, sizeof(struct agreement_key), 64, MAX_ROWS) ||
        map_init(&registry->records_by_key, MAILBOX_KEY_BYTES, 64, MAX_ROWS))
        return SKP_E_NO_MEMORY;
    return SKP_OK;
}

static struct registry_rows *rows_new(void)
{
    struct registry_rows *rows = calloc(1, sizeof *rows);
    if (!rows)
        return NULL;
    atomic_init(&rows->references, 1);
    arena_init(&rows->arena, REGISTRY_MAX_BYTES);
    return rows;
}

/* Takes the reference to `rows`. */
static struct registry_builder *builder_on(struct registry_rows *rows)
{
    struct registry_builder *builder = calloc(1, sizeof *builder);
    struct registry *registry = calloc(1, sizeof *registry);
    if (!builder || !registry || !rows) {
        free(builder);
        builder = NULL;
    }
    if (registry) {
        registry->rows = rows;
        atomic_init(&registry->references, 1);
    }
    if (!builder) {
        if (registry)
            registry_free(registry);
        return NULL;
    }
    builder->registry = registry;
    arena_init(&builder->scratch, ROW_ARENA_BYTES);
    if (make_maps(registry)) {
        registry_builder_free(builder);
        return NULL;
    }
    return builder;
}

struct registry_builder *registry_builder_new(void)
{
    return builder_on(rows_new());
}

static enum skp_err add_present(struct map *map, const struct map *present)
{
    enum skp_err err = SKP_OK;
    for (size_t i = 0; !err && i < present->count; i++)
        err = map_put(map, map_key_at(present, i), map_value_at(present, i));
    return err;
}

static bool is_mostly_replaced(const struct registry *present)
{
    const struct registry_rows *rows = present->rows;
    size_t live = present->nodes_by_oin.count + present->agreements_by_key.count +
                  present->records_by_key.count;
    return rows->count > 2 * live + SPARE_ROWS ||
           rows->arena.used_bytes > 2 * rows->first_bytes + SPARE_BYTES;
}

struct registry_builder *registry_builder_from(const struct registry *present)
{
    if (is_mostly_replaced(present))
        return NULL;
    atomic_fetch_add(&present->rows->references, 1);
    struct registry_builder *builder = builder_on(present->rows);
    if (!builder)
        return NULL;
    struct registry *registry = builder->registry;
    if (add_present(&registry->nodes_by_oin, &present->nodes_by_oin) ||
        add_present(&registry->agreements_by_key, &present->agreements_by_key) ||
        add_present(&registry->records_by_key, &present->records_by_key)) {
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
    arena_fini(&builder->scratch);
    free(builder);
}

/* A row's memory, and that it was added. */
struct arena *registry_row_arena(struct registry_builder *builder)
{
    builder->registry->rows->count++;
    arena_reset(&builder->scratch);
    return &builder->registry->rows->arena;
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
    struct arena *arena = registry_row_arena(builder);
    ProtobufCMessage *message = NULL;
    char path[WIRE_PATH_MAX];
    if (bytes.len > MAX_ENTRY_BYTES)
        return SKP_E_TEXT_TOO_LONG;
    enum skp_err err =
        wire_unpack(&skp__v1__directory_entry__descriptor, bytes, arena, path, &message);
    if (err)
        return err;
    Skp__V1__DirectoryEntry *entry = (Skp__V1__DirectoryEntry *)message;
    struct registry_node *node = arena_calloc(arena, 1, sizeof *node);
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

/* ---------------------------------------------------------------- agreements */

enum skp_err registry_add_agreement(struct registry_builder *builder, struct span bytes)
{
    struct registry *registry = builder->registry;
    struct arena *arena = registry_row_arena(builder);
    struct agreement *agreement = arena_calloc(arena, 1, sizeof *agreement);
    char path[WIRE_PATH_MAX];
    if (!agreement)
        return SKP_E_NO_MEMORY;
    enum skp_err err = agreement_read(bytes, arena, path, agreement);
    if (err)
        return err;
    struct agreement_key key = registry_agreement_key(&agreement->agreement_id, agreement->version);
    err = map_add(&registry->agreements_by_key, key.bytes, agreement);
    return err == SKP_E_DUPLICATE_ITEM ? SKP_E_ID_REUSED : err;
}

/* ---------------------------------------------------------------- building */

static int compare_nodes(const void *a, const void *b)
{
    const struct registry_node *left = a;
    const struct registry_node *right = b;
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

/* The values of a map as a sorted array of its own. NULL when there is no memory. */
static void *sorted_values(const struct map *map, compare_fn compare)
{
    void **values = calloc(map->count + 1, sizeof *values);
    if (!values)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        values[i] = map_value_at(map, i);
    qsort(values, map->count, sizeof *values, compare);
    return values;
}

/* Participants of an older registry are copied: what they own differs. */
static enum skp_err take_nodes(struct registry *registry)
{
    struct map *map = &registry->nodes_by_oin;
    registry->nodes = calloc(map->count + 1, sizeof *registry->nodes);
    if (!registry->nodes)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < map->count; i++) {
        const struct registry_participant *known =
            &((const struct registry_node *)map_value_at(map, i))->participant;
        registry->nodes[i].participant = (struct registry_participant){
            .oin = known->oin,
            .roles = known->roles,
            .bsn_entitled = known->bsn_entitled,
            .entry = known->entry,
        };
    }
    qsort(registry->nodes, map->count, sizeof *registry->nodes, compare_nodes);
    enum skp_err err = SKP_OK;
    for (size_t i = 0; !err && i < map->count; i++)
        err = map_put(map, registry->nodes[i].participant.oin.text, &registry->nodes[i]);
    return err;
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
    if (registry->rows->first_bytes == 0)
        registry->rows->first_bytes = registry->rows->arena.used_bytes;
    registry->agreements = sorted_values(&registry->agreements_by_key, compare_agreements);
    registry->records = sorted_values(&registry->records_by_key, compare_records);
    enum skp_err err = take_nodes(registry);
    if (!registry->agreements || !registry->records)
        err = SKP_E_NO_MEMORY;
    if (!err)
        err = hand_out_records(registry, registry->records_by_key.count);
    if (!err)
        err = hand_out_agreements(registry);
    if (!err) {
        *ret_registry = registry;
        builder->registry = NULL;
    }
    registry_builder_free(builder);
    return err;
}
