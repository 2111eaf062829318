/* Participants: who takes part. Identity is the certificate's; what somebody may do is registered
 * here. */
#include "admin_tally.h"

#include "fact.h"

#include <stdio.h>

#define NAMES_MAX 32
#define CODES_MAX 64

#define SLICE_ROWS        256
#define SLICE_BYTES       ((size_t)2 << 20)
#define SLICE_ARENA_BYTES ((size_t)8 << 20)

static enum skp_err take_names(struct admin_run *run, const char *field, size_t *ret_count,
                               char ***ret_names)
{
    json_t *list = json_object_get(run->request, field);
    size_t count = json_array_size(list);
    if (count > NAMES_MAX)
        return engine_refuse(run->call, SKP_E_DECODE_ITEMS, field, NULL);
    char **names = arena_calloc(&run->txn->arena, count + 1, sizeof *names);
    if (!names)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        enum skp_err err = text ? fact_check_text(text, 80) : SKP_E_VALUE_INVALID;
        if (err)
            return engine_refuse(run->call, err, field, NULL);
        names[i] = wire_text(text);
    }
    *ret_names = names;
    *ret_count = count;
    return SKP_OK;
}

/* "HEALTH" or "COUNSELLOR" with its prefix is the enum's own name. */
static enum skp_err take_codes(struct admin_run *run, const char *field, const char *prefix,
                               const ProtobufCEnumDescriptor *words, size_t *ret_count,
                               int **ret_codes)
{
    json_t *list = json_object_get(run->request, field);
    size_t count = json_array_size(list);
    if (count > CODES_MAX)
        return engine_refuse(run->call, SKP_E_DECODE_ITEMS, field, NULL);
    int *codes = arena_calloc(&run->txn->arena, count + 1, sizeof *codes);
    if (!codes)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        char name[64];
        snprintf(name, sizeof name, "%s%s", prefix, text ? text : "");
        for (char *c = name; *c; c++)
            if (*c >= 'a' && *c <= 'z')
                *c = (char)(*c - 'a' + 'A');
        const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name(words, name);
        if (!value || value->value == 0)
            return engine_refuse(run->call, SKP_E_ENUM_VALUE, field, NULL);
        codes[i] = value->value;
    }
    *ret_codes = codes;
    *ret_count = count;
    return SKP_OK;
}

/* Test OINs begin so, in certificates of test CAs too. Which kind of broker this is, its own OIN
 * says: invented organisations never meet real ones. */
static bool is_test(const char *oin)
{
    static const char prefix[] = "00000099";
    return strncmp(oin, prefix, sizeof prefix - 1) == 0;
}

static enum skp_err check_name(struct admin_run *run, const Skp__V1__DirectoryEntry *entry)
{
    enum skp_err err = fact_check_oin(entry->oin);
    if (err)
        return engine_refuse(run->call, err, "oin", NULL);
    err = entry->name[0] ? fact_check_text(entry->name, 80) : SKP_E_REQUIRED;
    if (err)
        return engine_refuse(run->call, err, "name", NULL);
    err = fact_check_text(entry->postal_address, 200);
    if (err)
        return engine_refuse(run->call, err, "postal_address", NULL);
    if (entry->n_roles == 0)
        return engine_refuse(run->call, SKP_E_REQUIRED, "roles", NULL);
    if (strcmp(entry->oin, run->txn->engine->broker.text) == 0)
        return engine_refuse(run->call, SKP_E_RECIPIENT_SELF, "oin",
                             "this is the broker's own OIN");
    if (is_test(entry->oin) != is_test(run->txn->engine->broker.text))
        return engine_refuse(run->call, SKP_E_ENVIRONMENT_MISMATCH, "oin", NULL);
    return SKP_OK;
}

static enum skp_err fill(struct admin_run *run, Skp__V1__DirectoryEntry *entry)
{
    entry->oin = wire_text(admin_text(run, "oin"));
    entry->name = wire_text(admin_text(run, "name"));
    entry->postal_address = wire_text(admin_text(run, "postal_address"));
    entry->bsn_entitled = json_is_true(json_object_get(run->request, "bsn_entitled"));
    int *roles = NULL;
    int *kinds = NULL;
    enum skp_err err =
        take_codes(run, "roles", "ROLE_", &skp__v1__role__descriptor, &entry->n_roles, &roles);
    if (!err)
        err = take_codes(run, "claim_kinds", "CLAIM_KIND_", &skp__v1__claim_kind__descriptor,
                         &entry->n_claim_kinds, &kinds);
    if (!err)
        err = take_names(run, "search_names", &entry->n_search_names, &entry->search_names);
    if (!err)
        err = take_names(run, "brands", &entry->n_brands, &entry->brands);
    entry->roles = (Skp__V1__Role *)(void *)roles;
    entry->claim_kinds = (Skp__V1__ClaimKind *)(void *)kinds;
    return err ? err : check_name(run, entry);
}

/* Whatever the registry would not take again at the next start does not get into the store. */
static enum skp_err check_loads(struct admin_run *run, struct span value)
{
    struct registry_builder *builder = registry_builder_new();
    if (!builder)
        return SKP_E_NO_MEMORY;
    enum skp_err err = registry_add_participant(builder, value);
    registry_builder_free(builder);
    return err ? engine_refuse(run->call, err, "", NULL) : SKP_OK;
}

static enum skp_err participant_add(struct admin_run *run)
{
    Skp__V1__DirectoryEntry entry;
    skp__v1__directory_entry__init(&entry);
    struct skp_oin oin;
    enum skp_err err = fill(run, &entry);
    if (err)
        return run->call->err ? SKP_OK : err;
    if (!oin_take(span_text(entry.oin), &oin))
        return admin_refuse(run, SKP_E_OIN_FORMAT, "oin", NULL);
    struct span value = wire_pack(&entry.base, &run->txn->arena);
    struct ws_row *row;
    if (!value.data)
        return SKP_E_NO_MEMORY;
    if ((err = check_loads(run, value)))
        return run->call->err ? SKP_OK : err;
    err = ws_get(&run->txn->ws, STORE_PARTICIPANT, key_participant(&oin), &row);
    if (err)
        return err;
    bool known = row->value.len > 0;
    ws_put(row, value);
    run->txn->registry_changed = true;
    return json_object_set_new(run->answer, "replaced", json_boolean(known)) ? SKP_E_NO_MEMORY
                                                                             : SKP_OK;
}

static json_t *role_names(uint32_t roles)
{
    json_t *list = json_array();
    if (roles & ROLE_BIT(SKP__V1__ROLE__ROLE_COUNSELLOR))
        json_array_append_new(list, json_string("counsellor"));
    if (roles & ROLE_BIT(SKP__V1__ROLE__ROLE_CREDITOR))
        json_array_append_new(list, json_string("creditor"));
    if (roles & ROLE_BIT(SKP__V1__ROLE__ROLE_OPERATOR))
        json_array_append_new(list, json_string("operator"));
    return list;
}

static json_t *texts(char *const *list, size_t count)
{
    json_t *said = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(said, json_string(list[i]));
    return said;
}

/* As participant.add takes them. */
static json_t *kind_names(const Skp__V1__DirectoryEntry *entry)
{
    json_t *said = json_array();
    for (size_t i = 0; i < entry->n_claim_kinds; i++) {
        const ProtobufCEnumValue *kind = protobuf_c_enum_descriptor_get_value(
            &skp__v1__claim_kind__descriptor, (int)entry->claim_kinds[i]);
        char name[64] = "";
        if (kind)
            snprintf(name, sizeof name, "%s", kind->name + strlen("CLAIM_KIND_"));
        for (char *c = name; *c; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c - 'A' + 'a');
        json_array_append_new(said, json_string(name));
    }
    return said;
}

/* The main mailbox has no name. */
static json_t *mailbox_names(const struct registry_participant *who)
{
    json_t *said = json_array();
    for (size_t i = 0; i < who->record_count; i++)
        json_array_append_new(said, json_string(who->records[i]->mailbox));
    return said;
}

/* As it is registered; NULL: no memory. */
static json_t *describe(const struct registry_participant *who)
{
    const Skp__V1__DirectoryEntry *entry = who->entry;
    return json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:s,s:b,s:o,s:b}", "oin", who->oin.text, "name",
                     entry->name, "roles", role_names(who->roles), "search_names",
                     texts(entry->search_names, entry->n_search_names), "brands",
                     texts(entry->brands, entry->n_brands), "claim_kinds", kind_names(entry),
                     "postal_address", entry->postal_address, "connected", who->record_count > 0,
                     "mailboxes", mailbox_names(who), "bsn_entitled", who->bsn_entitled);
}

static enum skp_err participant_list(struct admin_run *run)
{
    json_t *rows = admin_rows(run);
    const struct registry *registry = run->txn->registry;
    for (size_t i = 0; rows && i < registry_count(registry); i++)
        if (json_array_append_new(rows, describe(registry_at(registry, i))))
            return SKP_E_NO_MEMORY;
    return rows ? SKP_OK : SKP_E_NO_MEMORY;
}

/* ---------------------------------------------------------------- one of them */

/* Where the slice before ended: the hex of a key. Empty: from the start. */
static bool read_after(const char *hex, struct row_key *ret_key)
{
    size_t len = strlen(hex) / 2;
    *ret_key = (struct row_key){.len = 1};
    if (hex[0] == '\0')
        return true;
    if (strlen(hex) % 2 != 0 || len >= STORE_KEY_MAX || strspn(hex, "0123456789abcdef") != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned byte = 0;
        /* NOLINTNEXTLINE(cert-err34-c): strspn saw two digits here */
        (void)sscanf(hex + 2 * i, "%2x", &byte);
        ret_key->bytes[i] = (uint8_t)byte;
    }
    ret_key->len = len;
    return true;
}

static void say_after(struct admin_run *run, struct span key)
{
    uint8_t next[STORE_KEY_MAX + 1];
    char hex[2 * (STORE_KEY_MAX + 1) + 1] = "";
    struct span after = store_key_after(key, next);
    for (size_t i = 0; i < after.len; i++)
        snprintf(hex + 2 * i, 3, "%02x", after.data[i]);
    json_object_set_new(run->answer, "after", json_string(hex));
}

static enum skp_err tally_slice(struct admin_run *run, const struct skp_oin *oin,
                                const struct row_key *from, struct workset *ws,
                                struct admin_tally *tally)
{
    struct store_row *rows;
    size_t count = 0;
    enum skp_err err = store_scan(ws->store, STORE_PAGE, row_key_span(from), span_of(NULL, 0),
                                  SLICE_ROWS, SLICE_BYTES, ws->arena, &rows, &count);
    for (size_t i = 0; !err && i < count; i++) {
        struct page_row page;
        err = page_row_read(rows[i].value, &page);
        if (!err && (oin_equal(&page.creditor, oin) || oin_equal(&page.counsellor, oin)))
            err = admin_tally_page(tally, ws, &page, UINT32_MAX);
    }
    if (!err && count > 0)
        say_after(run, rows[count - 1].key);
    return err;
}

static enum skp_err say_participant(struct admin_run *run, const struct registry_participant *who,
                                    const struct admin_tally *tally)
{
    json_t *said = describe(who);
    if (!said)
        return SKP_E_NO_MEMORY;
    json_object_update(run->answer, said);
    json_decref(said);
    if (json_object_set_new(run->answer, "waiting_for_round",
                            json_integer((json_int_t)tally->waiting)))
        return SKP_E_NO_MEMORY;
    admin_tally_say(tally, run->answer);
    return SKP_OK;
}

/* Its requests, of the pages of one slice: who asks again from "after" until there is none, and adds
 * the numbers up, knows all of them and has held nobody up. */
static enum skp_err participant_show(struct admin_run *run)
{
    struct skp_oin oin;
    struct row_key from;
    struct admin_tally tally = {0};
    struct arena arena;
    struct workset ws;
    if (!oin_take(span_text(admin_text(run, "oin")), &oin))
        return admin_refuse(run, SKP_E_OIN_FORMAT, "oin", NULL);
    const struct registry_participant *who = registry_find(run->txn->registry, &oin);
    if (!who)
        return admin_refuse(run, SKP_E_NOT_REGISTERED, "oin", NULL);
    if (!read_after(admin_text(run, "after"), &from))
        return admin_refuse(run, SKP_E_DECODE, "after", "give it back as it was said");
    arena_init(&arena, SLICE_ARENA_BYTES);
    enum skp_err err = ws_init(&ws, run->txn->ws.store, &arena);
    if (!err)
        err = tally_slice(run, &oin, &from, &ws, &tally);
    ws_fini(&ws);
    arena_fini(&arena);
    return err ? err : say_participant(run, who, &tally);
}

const struct admin_command admin_participant_commands[] = {
    {"participant.add", participant_add, false},
    {"participant.list", participant_list, true},
    {"participant.show", participant_show, true},
    {NULL, NULL, false},
};
