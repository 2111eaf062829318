#include "testing.h"

#include "domain_facts.h"
#include "fact.h"

#include <string.h>

#define COUNSELLOR_ROLE SKP__V1__ROLE__ROLE_COUNSELLOR
#define CREDITOR_ROLE   SKP__V1__ROLE__ROLE_CREDITOR

/* A builder with three participants, and room for rows. */
struct desk {
    struct arena arena;
    struct registry_builder *builder;
    struct registry *registry;
    struct skp_oin municipality;
    struct skp_oin creditor;
    struct skp_oin stranger;
    bool large; /* records */
};

static enum skp_err add_participant(struct desk *desk, const char *oin, const char *name,
                                    Skp__V1__Role role)
{
    Skp__V1__DirectoryEntry entry;
    skp__v1__directory_entry__init(&entry);
    char oin_text[32];
    char name_text[32];
    (void)snprintf(oin_text, sizeof oin_text, "%s", oin);
    (void)snprintf(name_text, sizeof name_text, "%s", name);
    entry.oin = oin_text;
    entry.name = name_text;
    entry.n_roles = 1;
    entry.roles = &role;
    entry.bsn_entitled = role == COUNSELLOR_ROLE;
    return registry_add_participant(desk->builder, wire_pack(&entry.base, &desk->arena));
}

static enum skp_err add_record_read_by(struct desk *desk, const char *oin, const char *mailbox,
                                       uint32_t version, const char *reader)
{
    Skp__V1__MailboxRecord record;
    skp__v1__mailbox_record__init(&record);
    Skp__V1__SignedRecord row;
    skp__v1__signed_record__init(&row);
    char context[] = "skp.v1 mailbox";
    char oin_text[32];
    char mailbox_text[32];
    uint8_t certificate[FACT_MAX_CERTIFICATE] = {1};
    ProtobufCBinaryData certificates[FACT_MAX_CERTIFICATES];
    for (size_t i = 0; i < FACT_MAX_CERTIFICATES; i++)
        certificates[i] = (ProtobufCBinaryData){desk->large ? sizeof certificate : 1, certificate};
    (void)snprintf(oin_text, sizeof oin_text, "%s", oin);
    (void)snprintf(mailbox_text, sizeof mailbox_text, "%s", mailbox);
    record.context = context;
    record.participant = oin_text;
    record.mailbox = mailbox_text;
    record.version = version;
    record.created_at_ms = 1;
    record.n_encryption_certificates = desk->large ? FACT_MAX_CERTIFICATES : 1;
    record.encryption_certificates = certificates;
    char reader_text[32];
    char *readers[] = {reader_text};
    if (reader) {
        (void)snprintf(reader_text, sizeof reader_text, "%s", reader);
        record.seals_also_to = readers;
        record.n_seals_also_to = 1;
    }
    struct span bytes = wire_pack(&record.base, &desk->arena);
    row.record.len = bytes.len;
    row.record.data = arena_copy(&desk->arena, bytes.data, bytes.len);
    return registry_add_record(desk->builder, wire_pack(&row.base, &desk->arena));
}

static enum skp_err add_record(struct desk *desk, const char *oin, const char *mailbox,
                               uint32_t version)
{
    return add_record_read_by(desk, oin, mailbox, version, NULL);
}

static enum skp_err add_agreement(struct desk *desk, const struct agreement_text *text)
{
    return registry_add_agreement(desk->builder, agreement_file(text, NULL, 0, &desk->arena));
}

static int setup(void **state)
{
    static struct desk desk;
    desk = (struct desk){.builder = registry_builder_new(),
                         .municipality = oin_of(MUNICIPALITY),
                         .creditor = oin_of(CREDITOR),
                         .stranger = oin_of(STRANGER)};
    arena_init(&desk.arena, 4 * 1024 * 1024);
    assert_non_null(desk.builder);
    assert_ok(add_participant(&desk, STRANGER, "Gemeente Elders", COUNSELLOR_ROLE));
    assert_ok(add_participant(&desk, MUNICIPALITY, "Gemeente Hier", COUNSELLOR_ROLE));
    assert_ok(add_participant(&desk, CREDITOR, "Zorgzaam", CREDITOR_ROLE));
    *state = &desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;
    registry_builder_free(desk->builder);
    registry_unref(desk->registry);
    arena_fini(&desk->arena);
    return 0;
}

static enum skp_err build(struct desk *desk)
{
    struct registry_builder *builder = desk->builder;
    desk->builder = NULL;
    return registry_build(builder, &desk->registry);
}

/* ---------------------------------------------------------------- participants */

static void participants_are_found_and_listed_by_oin(void **state)
{
    struct desk *desk = *state;
    struct skp_oin nobody = oin_of("00000099000000009000");
    assert_ok(build(desk));
    const struct registry_participant *found = registry_find(desk->registry, &desk->creditor);
    assert_non_null(found);
    assert_string_equal(found->entry->name, "Zorgzaam");
    assert_int_equal(found->roles, ROLE_BIT(CREDITOR_ROLE));
    assert_false(found->bsn_entitled);
    assert_int_equal(found->record_count, 0);
    assert_null(registry_find(desk->registry, &nobody));
    assert_int_equal(registry_count(desk->registry), 3);
    assert_string_equal(registry_at(desk->registry, 0)->oin.text, MUNICIPALITY);
    assert_string_equal(registry_at(desk->registry, 1)->oin.text, CREDITOR);
    assert_string_equal(registry_at(desk->registry, 2)->oin.text, STRANGER);
    assert_true(registry_at(desk->registry, 0)->bsn_entitled);
}

static void a_bad_row_is_named_and_leaves_the_builder_usable(void **state)
{
    struct desk *desk = *state;
    const uint8_t noise[] = {0xff, 0xff, 0xff};
    assert_err(add_participant(desk, CREDITOR, "Dubbel", CREDITOR_ROLE), SKP_E_ID_REUSED);
    assert_err(add_participant(desk, "kort", "Kort", CREDITOR_ROLE), SKP_E_OIN_FORMAT);
    assert_err(add_participant(desk, "00000099000000004000", "", CREDITOR_ROLE), SKP_E_REQUIRED);
    assert_err(add_participant(desk, "00000099000000004000", "  ", CREDITOR_ROLE), SKP_E_REQUIRED);
    assert_err(add_participant(desk, "00000099000000004000", "Rolloos", 0), SKP_E_ENUM_VALUE);
    assert_err(registry_add_participant(desk->builder, span_of(noise, sizeof noise)), SKP_E_DECODE);
    assert_int_not_equal(registry_add_record(desk->builder, span_of(noise, sizeof noise)), SKP_OK);
    assert_int_not_equal(registry_add_agreement(desk->builder, span_of(noise, sizeof noise)),
                         SKP_OK);
    assert_ok(build(desk));
    assert_int_equal(registry_count(desk->registry), 3);
    assert_string_equal(registry_find(desk->registry, &desk->creditor)->entry->name, "Zorgzaam");
}

static void records_do_not_travel_inside_a_participant_row(void **state)
{
    struct desk *desk = *state;
    Skp__V1__DirectoryEntry entry;
    skp__v1__directory_entry__init(&entry);
    Skp__V1__SignedRecord record;
    skp__v1__signed_record__init(&record);
    Skp__V1__SignedRecord *records[] = {&record};
    Skp__V1__Role role = CREDITOR_ROLE;
    char oin[] = "00000099000000004000";
    char name[] = "Vreemd";
    entry.oin = oin;
    entry.name = name;
    entry.n_roles = 1;
    entry.roles = &role;
    entry.n_records = 1;
    entry.records = records;
    assert_err(registry_add_participant(desk->builder, wire_pack(&entry.base, &desk->arena)),
               SKP_E_FIELD_UNEXPECTED);
}

static void a_registry_lives_as_long_as_its_last_reference(void **state)
{
    struct desk *desk = *state;
    assert_ok(build(desk));
    struct registry *second = registry_ref(desk->registry);
    registry_unref(desk->registry);
    assert_int_equal(registry_count(second), 3);
    desk->registry = second;
}

/* ---------------------------------------------------------------- mailbox records */

static void the_newest_record_of_each_mailbox_stays(void **state)
{
    struct desk *desk = *state;
    assert_ok(add_record(desk, CREDITOR, "zuid", 1));
    assert_ok(add_record(desk, CREDITOR, "", 1));
    assert_ok(add_record(desk, CREDITOR, "", 3));
    assert_ok(add_record(desk, CREDITOR, "", 2));
    assert_ok(add_record(desk, MUNICIPALITY, "", 7));
    assert_ok(build(desk));
    const struct registry_participant *creditor = registry_find(desk->registry, &desk->creditor);
    assert_int_equal(creditor->record_count, 2);
    assert_string_equal(creditor->records[0]->mailbox, "");
    assert_int_equal(creditor->records[0]->version, 3);
    assert_string_equal(creditor->records[1]->mailbox, "zuid");
    assert_true(creditor->records[0]->bytes.len > 0);
    const struct registry_participant *municipality =
        registry_find(desk->registry, &desk->municipality);
    assert_int_equal(municipality->record_count, 1);
    assert_int_equal(municipality->records[0]->version, 7);
    assert_int_equal(registry_find(desk->registry, &desk->stranger)->record_count, 0);
}

static void a_record_of_nobody_builds_no_registry(void **state)
{
    struct desk *desk = *state;
    assert_ok(add_record(desk, "00000099000000009000", "", 1));
    assert_err(build(desk), SKP_E_NOT_REGISTERED);
    assert_null(desk->registry);
}

/* In these tests counsellors are entitled to the BSN, creditors are not. */
static void a_bsn_goes_only_where_everybody_who_opens_may_have_it(void **state)
{
    struct desk *desk = *state;
    assert_ok(add_record(desk, MUNICIPALITY, "", 1));
    assert_ok(add_record_read_by(desk, MUNICIPALITY, "bureau", 1, CREDITOR));
    assert_ok(add_record_read_by(desk, MUNICIPALITY, "zelf", 1, MUNICIPALITY));
    assert_ok(add_record_read_by(desk, MUNICIPALITY, "vreemd", 1, "00000099000000009000"));
    assert_ok(add_record(desk, CREDITOR, "", 1));
    assert_ok(build(desk));
    const struct registry_participant *entitled =
        registry_find(desk->registry, &desk->municipality);
    const struct registry_participant *creditor = registry_find(desk->registry, &desk->creditor);
    assert_true(registry_may_read_bsn(desk->registry, entitled, ""));
    assert_true(registry_may_read_bsn(desk->registry, entitled, "zelf"));
    assert_false(registry_may_read_bsn(desk->registry, entitled, "bureau"));
    assert_false(registry_may_read_bsn(desk->registry, entitled, "vreemd"));
    assert_false(registry_may_read_bsn(desk->registry, entitled, "nergens"));
    assert_false(registry_may_read_bsn(desk->registry, creditor, ""));
}

static void what_a_record_withdraws_is_known(void **state)
{
    struct desk *desk = *state;
    Skp__V1__MailboxRecord record;
    Skp__V1__SignedRecord row;
    struct skp_hash lost[2] = {{{1}}, {{2}}};
    uint8_t certificate_byte = 1;
    ProtobufCBinaryData certificate = {.len = 1, .data = &certificate_byte};
    ProtobufCBinaryData withdrawn[] = {hash_bytes_of(&lost[0]), hash_bytes_of(&lost[1])};
    skp__v1__mailbox_record__init(&record);
    skp__v1__signed_record__init(&row);
    record.context = wire_text("skp.v1 mailbox");
    record.participant = desk->creditor.text;
    record.version = 1;
    record.created_at_ms = 1;
    record.n_encryption_certificates = 1;
    record.encryption_certificates = &certificate;
    record.n_withdrawn = 2;
    record.withdrawn = withdrawn;
    row.record = wire_bytes(wire_pack(&record.base, &desk->arena));
    assert_ok(registry_add_record(desk->builder, wire_pack(&row.base, &desk->arena)));
    assert_ok(build(desk));
    const struct registry_record *known =
        registry_record_of(registry_find(desk->registry, &desk->creditor), "");
    assert_int_equal(known->withdrawn_count, 2);
    assert_true(hash_equal(&known->withdrawn[1], &lost[1]));
}

/* ---------------------------------------------------------------- agreements */

static const struct agreement *agreement_for(struct desk *desk, plain_date date, const char *brand)
{
    return registry_agreement_for(desk->registry, &desk->municipality, &desk->creditor, date,
                                  BIT(KIND(HEALTH)), PRODUCT(DEBT_MEDIATION), GUIDANCE(NONE),
                                  brand);
}

static void agreements_are_found_by_id_and_version(void **state)
{
    struct desk *desk = *state;
    struct agreement_text text;
    struct skp_id id = id_of(50);
    agreement_text_init(&text, 50);
    assert_ok(add_agreement(desk, &text));
    assert_err(add_agreement(desk, &text), SKP_E_ID_REUSED);
    text.said.version = 2;
    assert_ok(add_agreement(desk, &text));
    assert_ok(build(desk));
    assert_int_equal(registry_agreement(desk->registry, &id, 1)->version, 1);
    assert_int_equal(registry_agreement(desk->registry, &id, 2)->version, 2);
    assert_null(registry_agreement(desk->registry, &id, 3));
    assert_int_equal(registry_agreement_count(desk->registry), 2);
    assert_int_equal(registry_agreement_at(desk->registry, 0)->version, 1);
    assert_int_equal(registry_agreement_at(desk->registry, 1)->version, 2);
}

static void an_agreement_with_nobody_builds_no_registry(void **state)
{
    struct desk *desk = *state;
    struct agreement_text text;
    agreement_text_init(&text, 50);
    memcpy(text.municipality, "00000099000000009000", OIN_CHARS);
    assert_ok(add_agreement(desk, &text));
    assert_err(build(desk), SKP_E_NOT_REGISTERED);
}

static void a_request_goes_under_an_agreement_in_force_that_covers_it(void **state)
{
    struct desk *desk = *state;
    struct agreement_text text;
    Skp__V1__Product products[] = {PRODUCT(DEBT_MEDIATION)};
    agreement_text_init(&text, 50);
    text.said.n_products = 1;
    text.said.products = products;
    assert_ok(add_agreement(desk, &text));
    assert_ok(build(desk));
    assert_non_null(agreement_for(desk, 20260601, ""));
    assert_null(agreement_for(desk, 20251231, ""));
    assert_null(agreement_for(desk, 20280101, ""));
    assert_null(registry_agreement_for(desk->registry, &desk->stranger, &desk->creditor, 20260601,
                                       0, PRODUCT(DEBT_MEDIATION), 1, ""));
    assert_null(registry_agreement_for(desk->registry, &desk->municipality, &desk->stranger,
                                       20260601, 0, PRODUCT(DEBT_MEDIATION), 1, ""));
    assert_null(registry_agreement_for(desk->registry, &desk->municipality, &desk->creditor,
                                       20260601, 0, PRODUCT(RESTRUCTURING_LOAN), 1, ""));
}

static void the_agreement_for_the_brand_goes_first(void **state)
{
    struct desk *desk = *state;
    struct agreement_text all;
    struct agreement_text one;
    char brand[] = "Zorgzaam";
    agreement_text_init(&all, 50);
    all.said.valid_from_date = 20260301;
    agreement_text_init(&one, 51);
    one.said.brand = brand;
    assert_ok(add_agreement(desk, &one));
    assert_ok(add_agreement(desk, &all));
    assert_ok(build(desk));
    assert_true(id_equal(&agreement_for(desk, 20260601, "Zorgzaam")->agreement_id, &one.id));
    assert_true(id_equal(&agreement_for(desk, 20260601, "Anders")->agreement_id, &all.id));
    assert_true(id_equal(&agreement_for(desk, 20260601, "")->agreement_id, &all.id));
}

static void the_newest_agreement_goes_first(void **state)
{
    struct desk *desk = *state;
    struct agreement_text texts[3];
    const plain_date from[] = {20260101, 20260301, 20260201};
    for (uint8_t i = 0; i < 3; i++) {
        agreement_text_init(&texts[i], (uint8_t)(50 + i));
        texts[i].said.valid_from_date = from[i];
        assert_ok(add_agreement(desk, &texts[i]));
    }
    assert_ok(build(desk));
    assert_true(id_equal(&agreement_for(desk, 20260115, "")->agreement_id, &texts[0].id));
    assert_true(id_equal(&agreement_for(desk, 20260215, "")->agreement_id, &texts[2].id));
    assert_true(id_equal(&agreement_for(desk, 20260315, "")->agreement_id, &texts[1].id));
}

static void a_higher_version_replaces_the_lower_from_its_first_day(void **state)
{
    struct desk *desk = *state;
    struct agreement_text text;
    agreement_text_init(&text, 50);
    assert_ok(add_agreement(desk, &text));
    text.said.version = 2;
    text.said.valid_from_date = 20260301;
    text.said.valid_until_date = 20260630;
    assert_ok(add_agreement(desk, &text));
    assert_ok(build(desk));
    assert_int_equal(agreement_for(desk, 20260228, "")->version, 1);
    assert_int_equal(agreement_for(desk, 20260301, "")->version, 2);
    assert_null(agreement_for(desk, 20260701, ""));
}

static void a_counsellor_left_out_of_the_new_version_has_no_agreement(void **state)
{
    struct desk *desk = *state;
    struct agreement_text text;
    agreement_text_init(&text, 50);
    text.said.n_counsellors = 2;
    assert_ok(add_agreement(desk, &text));
    text.said.version = 2;
    text.said.n_counsellors = 1;
    text.counsellors[0] = text.second;
    assert_ok(add_agreement(desk, &text));
    assert_ok(build(desk));
    assert_null(agreement_for(desk, 20260601, ""));
    const struct agreement *other = registry_agreement_for(desk->registry, &desk->stranger,
                                                           &desk->creditor, 20260601, 0, 2, 1, "");
    assert_int_equal(other->version, 2);
}

/* What has begun follows what has begun, whatever stands between them. */
static void a_version_is_replaced_by_the_next_that_has_begun(void **state)
{
    struct desk *desk = *state;
    struct agreement_text text;
    const plain_date from[] = {20260101, 20260601, 20260301, 20260501};
    const struct agreement *versions[4];
    agreement_text_init(&text, 50);
    for (uint32_t i = 0; i < 4; i++) {
        text.said.version = i + 1;
        text.said.valid_from_date = from[i];
        assert_ok(add_agreement(desk, &text));
    }
    agreement_text_init(&text, 51);
    assert_ok(add_agreement(desk, &text));
    assert_ok(build(desk));
    for (size_t i = 0; i < 4; i++)
        versions[i] = registry_agreement_at(desk->registry, i);
    assert_null(registry_replaced_by(desk->registry, versions[0], 20260228));
    assert_ptr_equal(registry_replaced_by(desk->registry, versions[0], 20260301), versions[2]);
    assert_null(registry_replaced_by(desk->registry, versions[2], 20260430));
    assert_ptr_equal(registry_replaced_by(desk->registry, versions[2], 20260501), versions[3]);
    assert_ptr_equal(registry_replaced_by(desk->registry, versions[0], 20260601), versions[1]);
    assert_ptr_equal(registry_replaced_by(desk->registry, versions[1], 20260601), versions[2]);
    assert_null(registry_replaced_by(desk->registry, versions[3], 20271231));
}

/* ---------------------------------------------------------------- one made from another */

static struct registry *made_from(struct desk *desk, const struct registry *present)
{
    struct registry *next = NULL;
    desk->builder = registry_builder_from(present);
    assert_non_null(desk->builder);
    assert_ok(add_participant(desk, "00000099000000009000", "Nieuw", CREDITOR_ROLE));
    assert_ok(add_record(desk, CREDITOR, "", 2));
    struct registry_builder *builder = desk->builder;
    desk->builder = NULL;
    assert_ok(registry_build(builder, &next));
    return next;
}

static void a_registry_made_from_another_holds_both_and_outlives_it(void **state)
{
    struct desk *desk = *state;
    struct skp_oin added = oin_of("00000099000000009000");
    assert_ok(add_record(desk, CREDITOR, "", 1));
    assert_ok(add_record(desk, CREDITOR, "regio", 1));
    assert_ok(build(desk));
    struct registry *first = desk->registry;
    desk->registry = made_from(desk, first);
    assert_int_equal(registry_count(first), 3);
    assert_null(registry_find(first, &added));
    assert_int_equal(registry_record_of(registry_find(first, &desk->creditor), "")->version, 1);
    registry_unref(first);
    assert_int_equal(registry_count(desk->registry), 4);
    assert_string_equal(registry_find(desk->registry, &added)->entry->name, "Nieuw");
    const struct registry_participant *creditor = registry_find(desk->registry, &desk->creditor);
    assert_string_equal(creditor->entry->name, "Zorgzaam");
    assert_int_equal(creditor->record_count, 2);
    assert_int_equal(registry_record_of(creditor, "")->version, 2);
    assert_int_equal(registry_record_of(creditor, "regio")->version, 1);
}

/* Else a participant that publishes for years would fill the memory. */
static void a_registry_of_which_much_was_replaced_begins_anew(void **state)
{
    struct desk *desk = *state;
    assert_ok(build(desk));
    for (uint32_t version = 1; version < 1000; version++) {
        desk->builder = registry_builder_from(desk->registry);
        if (!desk->builder)
            return;
        assert_ok(add_record(desk, CREDITOR, "", version));
        struct registry *old = desk->registry;
        assert_ok(build(desk));
        registry_unref(old);
        arena_reset(&desk->arena);
    }
    fail_msg("a thousand replaced records are all kept");
}

/* Few rows, each as large as a record may be. */
static void a_registry_of_which_many_bytes_were_replaced_begins_anew(void **state)
{
    struct desk *desk = *state;
    desk->large = true;
    assert_ok(build(desk));
    for (uint32_t version = 1; version < 200; version++) {
        desk->builder = registry_builder_from(desk->registry);
        if (!desk->builder)
            return;
        assert_ok(add_record(desk, CREDITOR, "", version));
        struct registry *old = desk->registry;
        assert_ok(build(desk));
        registry_unref(old);
        arena_reset(&desk->arena);
    }
    fail_msg("two hundred large records are all kept");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_record_withdraws_is_known),
        TEST(participants_are_found_and_listed_by_oin),
        TEST(a_bad_row_is_named_and_leaves_the_builder_usable),
        TEST(records_do_not_travel_inside_a_participant_row),
        TEST(a_registry_lives_as_long_as_its_last_reference),
        TEST(the_newest_record_of_each_mailbox_stays),
        TEST(a_record_of_nobody_builds_no_registry),
        TEST(a_bsn_goes_only_where_everybody_who_opens_may_have_it),
        TEST(agreements_are_found_by_id_and_version),
        TEST(an_agreement_with_nobody_builds_no_registry),
        TEST(a_request_goes_under_an_agreement_in_force_that_covers_it),
        TEST(the_agreement_for_the_brand_goes_first),
        TEST(the_newest_agreement_goes_first),
        TEST(a_higher_version_replaces_the_lower_from_its_first_day),
        TEST(a_counsellor_left_out_of_the_new_version_has_no_agreement),
        TEST(a_version_is_replaced_by_the_next_that_has_begun),
        TEST(a_registry_made_from_another_holds_both_and_outlives_it),
        TEST(a_registry_of_which_much_was_replaced_begins_anew),
        TEST(a_registry_of_which_many_bytes_were_replaced_begins_anew),
    };
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
