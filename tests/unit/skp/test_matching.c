#include "skp_scene.h"

static void names_match_whatever_case_dots_and_spaces(void **state)
{
    char key[MATCHING_KEY_BYTES], same[MATCHING_KEY_BYTES];
    (void)state;
    matching_key("  KPN  B.V. ", key);
    matching_key("kpn bv", same);
    assert_string_equal(key, same);
    matching_key("kpnbv", same);
    assert_string_not_equal(key, same);
}

static enum match find(struct scene *scene, const char *name, const char *oin, const char *wanted)
{
    const Skp__V1__DirectoryEntry *entry = NULL;
    struct skp_oin given = {""};
    if (oin)
        given = scene_oin(oin);
    enum match match = matching_find(&scene->book, name, &given, &entry);
    if (wanted)
        assert_string_equal(entry->oin, wanted);
    else
        assert_null(entry);
    return match;
}

static void a_creditor_is_found_by_its_name_and_its_search_names(void **state)
{
    struct scene *scene = scene_new();
    (void)state;
    scene_add_entry(scene, SCENE_CREDITOR, "Telecom Zeemeeuw", "Zeemeeuw Mobiel", true, NULL);
    assert_int_equal(find(scene, "telecom zeemeeuw", NULL, SCENE_CREDITOR), MATCH_FOUND);
    assert_int_equal(find(scene, "ZEEMEEUW MOBIEL", NULL, SCENE_CREDITOR), MATCH_FOUND);
    assert_int_equal(find(scene, "Zeemeeuw", NULL, NULL), MATCH_NOT_FOUND);
    scene_free(scene);
}

static void two_creditors_with_one_name_are_never_guessed(void **state)
{
    struct scene *scene = scene_new();
    (void)state;
    scene_add_entry(scene, SCENE_CREDITOR, "De Linde", NULL, true, NULL);
    scene_add_entry(scene, SCENE_SECOND, "Woonstichting", "de linde", true, NULL);
    assert_int_equal(find(scene, "De Linde", NULL, NULL), MATCH_AMBIGUOUS);
    assert_int_equal(find(scene, "De Linde", SCENE_SECOND, SCENE_SECOND), MATCH_FOUND);
    scene_free(scene);
}

static void one_creditor_with_its_name_twice_is_no_doubt(void **state)
{
    struct scene *scene = scene_new();
    (void)state;
    scene_add_entry(scene, SCENE_CREDITOR, "De Linde", "De Linde", true, NULL);
    assert_int_equal(find(scene, "de linde", NULL, SCENE_CREDITOR), MATCH_FOUND);
    scene_free(scene);
}

static void an_unknown_oin_is_not_replaced_by_a_name(void **state)
{
    struct scene *scene = scene_new();
    (void)state;
    scene_add_entry(scene, SCENE_CREDITOR, "De Linde", NULL, true, NULL);
    assert_int_equal(find(scene, "De Linde", SCENE_SECOND, NULL), MATCH_NOT_FOUND);
    scene_free(scene);
}

static void an_agreement_covers_only_its_scope_and_days(void **state)
{
    struct scene *scene = scene_new();
    Skp__V1__AgreementSummary agreement;
    skp__v1__agreement_summary__init(&agreement);
    Skp__V1__Product products[] = {SKP__V1__PRODUCT__PRODUCT_RESTRUCTURING_LOAN};
    Skp__V1__ClaimKind kinds[] = {SKP__V1__CLAIM_KIND__CLAIM_KIND_RENT};
    (void)state;
    agreement.valid_from_date = 20260101;
    agreement.valid_until_date = 20261231;
    agreement.n_products = agreement.n_claim_kinds = 1;
    agreement.products = products;
    agreement.claim_kinds = kinds;
    scene_add_entry(scene, SCENE_CREDITOR, "De Linde", NULL, true, &agreement);
    const Skp__V1__DirectoryEntry *entry = book_find(&scene->book, SCENE_CREDITOR);
    struct book_scope scope = {.kinds = 1U << SKP__V1__CLAIM_KIND__CLAIM_KIND_RENT,
                               .product = SKP__V1__PRODUCT__PRODUCT_RESTRUCTURING_LOAN,
                               .guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE,
                               .brand = ""};
    assert_non_null(book_agreement(entry, &scope, 20261231));
    assert_null(book_agreement(entry, &scope, 20270101));
    scope.product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    assert_null(book_agreement(entry, &scope, 20261231));
    scope.product = SKP__V1__PRODUCT__PRODUCT_RESTRUCTURING_LOAN;
    scope.kinds |= 1U << SKP__V1__CLAIM_KIND__CLAIM_KIND_FINE;
    assert_null(book_agreement(entry, &scope, 20261231));
    scene_free(scene);
}

/* What of an unsigned record counts here: the name of its mailbox. */
static Skp__V1__SignedRecord *record_of(struct scene *scene, const char *mailbox)
{
    Skp__V1__MailboxRecord record;
    skp__v1__mailbox_record__init(&record);
    record.mailbox = (char *)(uintptr_t)mailbox;
    Skp__V1__SignedRecord *made = arena_alloc(&scene->arena, sizeof *made);
    skp__v1__signed_record__init(made);
    made->record = wire_bytes(wire_pack(&record.base, &scene->arena));
    return made;
}

static void a_request_goes_to_the_mailbox_named_like_its_brand(void **state)
{
    struct scene *scene = scene_new();
    (void)state;
    Skp__V1__DirectoryEntry entry;
    skp__v1__directory_entry__init(&entry);
    Skp__V1__SignedRecord *records[] = {record_of(scene, "zwaan telecom"), record_of(scene, ""),
                                        record_of(scene, "Incasso")};
    entry.n_records = 3;
    entry.records = records;
    assert_ptr_equal(book_record(&entry, "Zwaan Telecom"), records[0]);
    assert_ptr_equal(book_record(&entry, "INCASSO"), records[2]);
    assert_ptr_equal(book_record(&entry, "Zwaan"),
                     records[1]); /* no box of that name: the main one */
    assert_ptr_equal(book_record(&entry, ""), records[1]);
    entry.n_records = 1; /* and without a main one, the first */
    assert_ptr_equal(book_record(&entry, "Incasso"), records[0]);
    assert_ptr_equal(book_record(&entry, ""), records[0]);
    entry.n_records = 0;
    assert_null(book_record(&entry, "Incasso"));
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_match_whatever_case_dots_and_spaces),
        cmocka_unit_test(a_creditor_is_found_by_its_name_and_its_search_names),
        cmocka_unit_test(two_creditors_with_one_name_are_never_guessed),
        cmocka_unit_test(one_creditor_with_its_name_twice_is_no_doubt),
        cmocka_unit_test(an_unknown_oin_is_not_replaced_by_a_name),
        cmocka_unit_test(a_request_goes_to_the_mailbox_named_like_its_brand),
        cmocka_unit_test(an_agreement_covers_only_its_scope_and_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
