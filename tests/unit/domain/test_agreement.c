#include "testing.h"

#include "domain_facts.h"

#include <limits.h>
#include <string.h>
#include <time.h>

struct desk {
    struct arena arena;
    struct agreement_text text;
    struct agreement agreement;
    struct skp_oin municipality;
    struct skp_oin stranger;
};

static int setup(void **state)
{
    static struct desk desk;
    desk = (struct desk){.municipality = oin_of(MUNICIPALITY), .stranger = oin_of(STRANGER)};
    arena_init(&desk.arena, 4 * 1024 * 1024);
    agreement_text_init(&desk.text, 50);
    assert_ok(agreement_of(&desk.text, &desk.arena, &desk.agreement));
    *state = &desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;
    arena_fini(&desk->arena);
    return 0;
}

/* ---------------------------------------------------------------- reading */

static void a_file_says_what_was_agreed(void **state)
{
    struct desk *desk = *state;
    Skp__V1__ClaimKind kinds[] = {KIND(HEALTH), KIND(RENT)};
    Skp__V1__Product products[] = {PRODUCT(DEBT_MEDIATION)};
    Skp__V1__Guidance guidances[] = {GUIDANCE(NONE), GUIDANCE(BUDGET)};
    char brand[] = "Zorgzaam";
    Skp__V1__Agreement *said = &desk->text.said;
    said->n_claim_kinds = 2;
    said->claim_kinds = kinds;
    said->n_products = 1;
    said->products = products;
    said->n_guidances = 2;
    said->guidances = guidances;
    said->brand = brand;
    said->waiting_working_days = 3;
    desk->text.schedule.first_date = 20260201;
    struct agreement agreement;
    assert_ok(agreement_of(&desk->text, &desk->arena, &agreement));
    memset(brand, 'x', sizeof brand - 1);
    assert_true(id_equal(&agreement.agreement_id, &desk->text.id));
    assert_string_equal(agreement.creditor.text, CREDITOR);
    assert_int_equal(agreement.valid_from, 20260101);
    assert_int_equal(agreement.valid_until, 20271231);
    assert_int_equal(agreement.term_working_days, 10);
    assert_int_equal(agreement.waiting_working_days, 3);
    assert_int_equal(agreement.weekdays, MONDAYS);
    assert_int_equal(agreement.minute_of_day, 540);
    assert_int_equal(agreement.first_date, 20260201);
    assert_int_equal(agreement.claim_kinds, BIT(KIND(HEALTH)) | BIT(KIND(RENT)));
    assert_int_equal(agreement.products, BIT(PRODUCT(DEBT_MEDIATION)));
    assert_int_equal(agreement.guidances, BIT(GUIDANCE(NONE)) | BIT(GUIDANCE(BUDGET)));
    assert_string_equal(agreement.brand, "Zorgzaam");
}

static void counsellors_are_sorted_and_no_waiting_time_means_five_days(void **state)
{
    struct desk *desk = *state;
    desk->text.said.n_counsellors = 2;
    desk->text.counsellors[0] = desk->text.second;
    desk->text.counsellors[1] = desk->text.municipality;
    struct agreement agreement;
    assert_ok(agreement_of(&desk->text, &desk->arena, &agreement));
    assert_int_equal(agreement.counsellor_count, 2);
    assert_string_equal(agreement.counsellors[0].text, MUNICIPALITY);
    assert_string_equal(agreement.counsellors[1].text, STRANGER);
    assert_int_equal(agreement.waiting_working_days, 5);
}

static void no_schedule_means_by_hand_only(void **state)
{
    struct desk *desk = *state;
    desk->text.said.schedule = NULL;
    struct agreement agreement;
    assert_ok(agreement_of(&desk->text, &desk->arena, &agreement));
    assert_int_equal(agreement.weekdays, 0);
    assert_true(agreement_next_opening(&agreement, NULL, at(20260601, 8, 0)) == 0);
}

static void an_agreement_that_lets_silence_consent_is_not_read(void **state)
{
    struct desk *desk = *state;
    struct agreement agreement = {.version = 77};
    desk->text.said.silence = SKP__V1__SILENCE_MEANS__SILENCE_MEANS_CONSENT;
    assert_err(agreement_of(&desk->text, &desk->arena, &agreement), SKP_E_NOT_YET_AVAILABLE);
    assert_int_equal(agreement.version, 77);
}

static void no_beginning_of_a_file_reads_as_a_file(void **state)
{
    struct desk *desk = *state;
    struct span file = agreement_file(&desk->text, NULL, 0, &desk->arena);
    for (size_t len = 0; len < file.len; len++) {
        struct agreement agreement;
        char path[WIRE_PATH_MAX];
        assert_int_not_equal(
            agreement_read(span_of(file.data, len), &desk->arena, path, &agreement), SKP_OK);
    }
}

static void no_memory_is_an_error_and_no_crash(void **state)
{
    struct desk *desk = *state;
    struct span file = agreement_file(&desk->text, NULL, 0, &desk->arena);
    bool read = false;
    for (size_t cap = 0; cap < 8192 && !read; cap += 64) {
        struct arena small;
        struct agreement agreement;
        char path[WIRE_PATH_MAX];
        arena_init(&small, cap);
        enum skp_err err = agreement_read(file, &small, path, &agreement);
        read = err == SKP_OK;
        assert_true(read || err == SKP_E_NO_MEMORY);
        arena_fini(&small);
    }
}

/* ---------------------------------------------------------------- validity and scope */

static void an_agreement_holds_from_its_first_to_its_last_day(void **state)
{
    struct desk *desk = *state;
    assert_false(agreement_in_force(&desk->agreement, &desk->municipality, 20251231));
    assert_true(agreement_in_force(&desk->agreement, &desk->municipality, 20260101));
    assert_true(agreement_in_force(&desk->agreement, &desk->municipality, 20271231));
    assert_false(agreement_in_force(&desk->agreement, &desk->municipality, 20280101));
    desk->agreement.valid_until = 0;
    assert_true(agreement_in_force(&desk->agreement, &desk->municipality, 20991231));
}

static void an_agreement_holds_only_for_its_parties(void **state)
{
    struct desk *desk = *state;
    assert_false(agreement_in_force(&desk->agreement, &desk->stranger, 20260601));
    assert_false(agreement_in_force(&desk->agreement, &desk->agreement.creditor, 20260601));
}

static void no_scope_covers_everything(void **state)
{
    struct desk *desk = *state;
    assert_true(agreement_covers(&desk->agreement, 0, 0, 0, ""));
    assert_true(agreement_covers(&desk->agreement, UINT32_MAX, 5, 6, "Zorgzaam"));
}

static void every_claim_kind_must_be_in_scope(void **state)
{
    struct desk *desk = *state;
    uint32_t health = BIT(KIND(HEALTH));
    uint32_t rent = BIT(KIND(RENT));
    desk->agreement.claim_kinds = health;
    assert_true(agreement_covers(&desk->agreement, health, 2, 1, ""));
    assert_false(agreement_covers(&desk->agreement, rent, 2, 1, ""));
    assert_false(agreement_covers(&desk->agreement, health | rent, 2, 1, ""));
    assert_true(agreement_covers(&desk->agreement, 0, 2, 1, ""));
}

static void product_and_guidance_must_be_in_scope(void **state)
{
    struct desk *desk = *state;
    desk->agreement.products = BIT(2);
    desk->agreement.guidances = BIT(1) | BIT(6);
    assert_true(agreement_covers(&desk->agreement, 0, 2, 6, ""));
    assert_false(agreement_covers(&desk->agreement, 0, 1, 6, ""));
    assert_false(agreement_covers(&desk->agreement, 0, 2, 5, ""));
    assert_false(agreement_covers(&desk->agreement, 0, 0, 6, ""));
    assert_false(agreement_covers(&desk->agreement, 0, 255, 6, ""));
}

static void a_brand_is_covered_by_its_own_agreement_only(void **state)
{
    struct desk *desk = *state;
    desk->agreement.brand = "Zorgzaam";
    assert_true(agreement_covers(&desk->agreement, 0, 2, 1, "Zorgzaam"));
    assert_false(agreement_covers(&desk->agreement, 0, 2, 1, "zorgzaam"));
    assert_false(agreement_covers(&desk->agreement, 0, 2, 1, "Zorg"));
    assert_false(agreement_covers(&desk->agreement, 0, 2, 1, ""));
}

/* ---------------------------------------------------------------- schedule */

static void assert_opening(const struct desk *desk, int64_t after_ms, int64_t opening_ms)
{
    assert_true(agreement_next_opening(&desk->agreement, NULL, after_ms) == opening_ms);
}

static void a_round_opens_strictly_after_now(void **state)
{
    struct desk *desk = *state;
    assert_opening(desk, at(20260601, 8, 59), at(20260601, 9, 0));
    assert_opening(desk, at(20260601, 9, 0) - 1, at(20260601, 9, 0));
    assert_opening(desk, at(20260601, 9, 0), at(20260608, 9, 0));
    assert_opening(desk, at(20260603, 23, 59), at(20260608, 9, 0));
}

static void several_weekdays_take_turns(void **state)
{
    struct desk *desk = *state;
    desk->agreement.weekdays = MONDAYS | BIT(3);
    assert_opening(desk, at(20260601, 9, 0), at(20260604, 9, 0));
    assert_opening(desk, at(20260604, 9, 0), at(20260608, 9, 0));
}

static void a_holiday_opens_no_round(void **state)
{
    struct desk *desk = *state;
    /* 29 March 2027 is Easter Monday. */
    assert_opening(desk, at(20270322, 9, 0), at(20270405, 9, 0));
    /* 27 April 2027, a Tuesday, is King's Day. */
    desk->agreement.weekdays = TUESDAYS;
    assert_opening(desk, at(20270420, 9, 0), at(20270504, 9, 0));
}

static void an_extra_day_off_opens_no_round(void **state)
{
    struct desk *desk = *state;
    const plain_date extra[] = {20260608};
    struct calendar calendar = {.extra_days = extra, .extra_count = 1};
    assert_true(agreement_next_opening(&desk->agreement, &calendar, at(20260601, 9, 0)) ==
                at(20260615, 9, 0));
}

static void rounds_keep_to_the_clock_on_the_wall(void **state)
{
    struct desk *desk = *state;
    /* 07:00Z before and 08:00Z after the clocks went back on Sunday 25 October 2026. */
    assert_opening(desk, INT64_C(1792393199999), INT64_C(1792393200000));
    assert_opening(desk, INT64_C(1792393200000), INT64_C(1793001600000));
    /* 08:00Z on 22 March, 07:00Z on 5 April 2027: 14 days less an hour. */
    int64_t before = agreement_next_opening(&desk->agreement, NULL, at(20270321, 12, 0));
    int64_t after = agreement_next_opening(&desk->agreement, NULL, before);
    assert_true(after - before == (INT64_C(14) * 24 - 1) * 3600 * 1000);
}

static void rounds_open_within_validity_only(void **state)
{
    struct desk *desk = *state;
    assert_opening(desk, at(20200101, 0, 0), at(20260105, 9, 0));
    assert_opening(desk, at(20271220, 9, 0), at(20271227, 9, 0));
    assert_opening(desk, at(20271227, 9, 0), 0);
    desk->agreement.valid_until = 0;
    assert_opening(desk, at(20271227, 9, 0), at(20280103, 9, 0));
}

static void no_round_opens_before_the_first_date(void **state)
{
    struct desk *desk = *state;
    desk->agreement.first_date = 20260609;
    assert_opening(desk, at(20260601, 8, 0), at(20260615, 9, 0));
    desk->agreement.first_date = 20260608;
    assert_opening(desk, at(20260601, 8, 0), at(20260608, 9, 0));
}

static void rounds_on_sundays_never_open(void **state)
{
    struct desk *desk = *state;
    desk->agreement.weekdays = SUNDAYS;
    desk->agreement.valid_until = 0;
    assert_opening(desk, at(20260601, 8, 0), 0);
}

/* ---------------------------------------------------------------- signatures */

struct notary {
    struct desk *desk;
    struct trust *trust;
    int64_t now_ms;
    char *signatures[4];
    size_t count;
};

static void notary_init(struct notary *notary, struct desk *desk)
{
    const char *why = "";
    *notary = (struct notary){.desk = desk, .now_ms = (int64_t)time(NULL) * 1000};
    desk->text.said.n_counsellors = 2;
    assert_ok(trust_load(TEST_CERTS "/ca.pem", TEST_CERTS "/crl.pem", &notary->trust, &why));
}

/* `kind` is the certificate to sign with: "sign", or the wrong one. */
static void sign_with(struct notary *notary, const char *oin, const char *kind)
{
    char cert[PATH_MAX];
    char key[PATH_MAX];
    const char *why = "";
    const char *jws = NULL;
    struct keypair *keypair = NULL;
    (void)snprintf(cert, sizeof cert, TEST_CERTS "/participants/%s/%s.pem", oin, kind);
    (void)snprintf(key, sizeof key, TEST_CERTS "/participants/%s/%s.key", oin, kind);
    assert_ok(keypair_load(cert, key, &keypair, &why));
    struct arena *arena = &notary->desk->arena;
    struct span bytes = wire_pack(&notary->desk->text.said.base, arena);
    assert_ok(jws_sign(keypair, bytes, notary->now_ms, arena, &jws));
    notary->signatures[notary->count++] = arena_copy(arena, jws, strlen(jws) + 1);
    keypair_unref(keypair);
}

static void assert_verdict(struct notary *notary, enum skp_err err, const char *word)
{
    struct arena *arena = &notary->desk->arena;
    struct span file =
        agreement_file(&notary->desk->text, notary->signatures, notary->count, arena);
    const char *why = "";
    assert_err(agreement_verify(file, notary->trust, notary->now_ms, arena, &why), err);
    if (word)
        assert_non_null(strstr(why, word));
    trust_unref(notary->trust);
}

static void an_agreement_signed_by_all_parties_holds(void **state)
{
    struct notary notary;
    notary_init(&notary, *state);
    sign_with(&notary, STRANGER, "sign");
    sign_with(&notary, CREDITOR, "sign");
    sign_with(&notary, MUNICIPALITY, "sign");
    assert_verdict(&notary, SKP_OK, NULL);
}

static void a_missing_signature_is_named(void **state)
{
    struct notary notary;
    notary_init(&notary, *state);
    sign_with(&notary, CREDITOR, "sign");
    sign_with(&notary, MUNICIPALITY, "sign");
    assert_verdict(&notary, SKP_E_SIGNATURE_INVALID, STRANGER);
}

static void counsellors_cannot_sign_for_the_creditor(void **state)
{
    struct notary notary;
    notary_init(&notary, *state);
    sign_with(&notary, STRANGER, "sign");
    sign_with(&notary, MUNICIPALITY, "sign");
    sign_with(&notary, MUNICIPALITY, "sign");
    assert_verdict(&notary, SKP_E_SIGNATURE_INVALID, CREDITOR);
}

static void an_unsigned_agreement_does_not_hold(void **state)
{
    struct notary notary;
    notary_init(&notary, *state);
    assert_verdict(&notary, SKP_E_SIGNATURE_INVALID, CREDITOR);
}

static void a_stranger_cannot_sign_along(void **state)
{
    struct notary notary;
    struct desk *desk = *state;
    notary_init(&notary, desk);
    desk->text.said.n_counsellors = 1;
    sign_with(&notary, CREDITOR, "sign");
    sign_with(&notary, MUNICIPALITY, "sign");
    sign_with(&notary, STRANGER, "sign");
    assert_verdict(&notary, SKP_E_SIGNER_INVALID, STRANGER);
}

static void a_changed_agreement_does_not_hold(void **state)
{
    struct notary notary;
    struct desk *desk = *state;
    notary_init(&notary, desk);
    sign_with(&notary, STRANGER, "sign");
    sign_with(&notary, CREDITOR, "sign");
    sign_with(&notary, MUNICIPALITY, "sign");
    desk->text.said.term_working_days = 9;
    assert_verdict(&notary, SKP_E_SIGNATURE_INVALID, NULL);
}

static void a_certificate_for_connections_signs_nothing(void **state)
{
    struct notary notary;
    struct desk *desk = *state;
    notary_init(&notary, desk);
    desk->text.said.n_counsellors = 1;
    sign_with(&notary, CREDITOR, "sign");
    sign_with(&notary, MUNICIPALITY, "tls");
    assert_verdict(&notary, SKP_E_SIGNER_INVALID, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_says_what_was_agreed),
        TEST(counsellors_are_sorted_and_no_waiting_time_means_five_days),
        TEST(no_schedule_means_by_hand_only),
        TEST(an_agreement_that_lets_silence_consent_is_not_read),
        TEST(no_beginning_of_a_file_reads_as_a_file),
        TEST(no_memory_is_an_error_and_no_crash),
        TEST(an_agreement_holds_from_its_first_to_its_last_day),
        TEST(an_agreement_holds_only_for_its_parties),
        TEST(no_scope_covers_everything),
        TEST(every_claim_kind_must_be_in_scope),
        TEST(product_and_guidance_must_be_in_scope),
        TEST(a_brand_is_covered_by_its_own_agreement_only),
        TEST(a_round_opens_strictly_after_now),
        TEST(several_weekdays_take_turns),
        TEST(a_holiday_opens_no_round),
        TEST(an_extra_day_off_opens_no_round),
        TEST(rounds_keep_to_the_clock_on_the_wall),
        TEST(rounds_open_within_validity_only),
        TEST(no_round_opens_before_the_first_date),
        TEST(rounds_on_sundays_never_open),
        TEST(an_agreement_signed_by_all_parties_holds),
        TEST(a_missing_signature_is_named),
        TEST(counsellors_cannot_sign_for_the_creditor),
        TEST(an_unsigned_agreement_does_not_hold),
        TEST(a_stranger_cannot_sign_along),
        TEST(a_changed_agreement_does_not_hold),
        TEST(a_certificate_for_connections_signs_nothing),
    };
    return cmocka_run_group_tests_name("agreement", tests, NULL, NULL);
}
