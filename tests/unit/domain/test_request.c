#include "testing.h"

#include "request_scene.h"

#include <string.h>

/* ---------------------------------------------------------------- states and moves */

/* Written out by hand, apart from the source's list. */
static const struct {
    const char *name;
    uint8_t number;
    const char *moves;
} moves[] = {
    {"REGISTERED", 1, "WAITING_FOR_ROUND REQUESTED RESEAL_NEEDED WITHDRAWN ENDED"},
    {"WAITING_FOR_ROUND", 2, "REQUESTED RESEAL_NEEDED WITHDRAWN ENDED"},
    {"REQUESTED", 3, "OVERDUE ANSWERED ANSWERED_LATE RESEAL_NEEDED UNREADABLE WITHDRAWN ENDED"},
    {"OVERDUE", 4, "ANSWERED ANSWERED_LATE RESEAL_NEEDED UNREADABLE WITHDRAWN ENDED"},
    {"ANSWERED", 5, "REGISTERED WITHDRAWN ENDED"},
    {"ANSWERED_LATE", 6, "REGISTERED WITHDRAWN ENDED"},
    {"OFF_NETWORK", 7, "RECORDED WITHDRAWN ENDED"},
    {"RECORDED", 8, "WITHDRAWN ENDED"},
    {"RESEAL_NEEDED", 9, "RECORDED WITHDRAWN ENDED RESEALED"},
    {"UNREADABLE", 10, "RECORDED WITHDRAWN ENDED RESEALED"},
    {"WITHDRAWN", 11, ""},
    {"ENDED", 12, ""},
    {"RESEALED", 13, ""},
};

#define MOVE_ROWS (sizeof moves / sizeof moves[0])

static bool has_word(const char *words, const char *word)
{
    char padded[128];
    char wanted[40];
    (void)snprintf(padded, sizeof padded, " %s ", words);
    (void)snprintf(wanted, sizeof wanted, " %s ", word);
    return strstr(padded, wanted) != NULL;
}

static void every_pair_of_states_moves_as_the_table_says(void **state)
{
    (void)state;
    for (size_t from = 0; from < MOVE_ROWS; from++) {
        for (size_t to = 0; to < MOVE_ROWS; to++)
            assert_int_equal(request_may_move(moves[from].number, moves[to].number),
                             has_word(moves[from].moves, moves[to].name));
    }
}

static void a_state_that_does_not_exist_moves_nowhere(void **state)
{
    (void)state;
    for (unsigned other = 0; other < 256; other++) {
        assert_false(request_may_move(0, (uint8_t)other));
        assert_false(request_may_move((uint8_t)other, 0));
        assert_false(request_may_move(14, (uint8_t)other));
        assert_false(request_may_move((uint8_t)other, 14));
        assert_false(request_may_move(255, (uint8_t)other));
        assert_false(request_may_move((uint8_t)other, 255));
    }
}

static void every_state_has_the_name_of_the_protocol(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOVE_ROWS; i++) {
        assert_string_equal(request_state_name(moves[i].number), moves[i].name);
        const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
            &skp__v1__request_state__descriptor, moves[i].number);
        assert_string_equal(value->name + strlen("REQUEST_STATE_"), moves[i].name);
    }
    assert_int_equal(skp__v1__request_state__descriptor.n_values, MOVE_ROWS + 1);
    assert_null(request_state_name(0));
    assert_null(request_state_name(14));
    assert_null(request_state_name(255));
}

static void open_and_answered_are_told_apart(void **state)
{
    (void)state;
    for (uint8_t number = 1; number <= MOVE_ROWS; number++) {
        struct request_state request = {.state = number};
        assert_int_equal(request_is_open(&request), number == 3 || number == 4);
        assert_int_equal(request_is_answered(&request), number == 5 || number == 6 || number == 8);
        assert_int_equal(request_awaits_seal(&request), number == 9 || number == 10);
    }
}

/* ---------------------------------------------------------------- from registration to overdue */

static void a_registered_request_keeps_what_was_asked(void **state)
{
    struct scene *scene = *state;
    struct skp_id case_id = id_of(200);
    scene_register(scene);
    assert_int_equal(scene->state.state, STATE(REGISTERED));
    assert_true(id_equal(&scene->state.request_id, &scene->request_id));
    assert_true(id_equal(&scene->state.case_id, &case_id));
    assert_true(hash_equal(&scene->state.leaf, &scene->leaf));
    assert_int_equal(scene->state.claim_kinds, BIT(KIND(HEALTH)));
    assert_int_equal(scene->state.flags, REQUEST_CONTAINS_BSN);
    assert_true(scene->state.brand_mark == request_brand_mark("Zorgzaam"));
    assert_int_equal(scene->state.due_date, 0);
    assert_int_equal(scene->state.answer_version, 0);
}

static void brands_are_told_apart_by_their_marks(void **state)
{
    (void)state;
    assert_true(request_brand_mark("") == 0);
    assert_true(request_brand_mark("Zorgzaam") != 0);
    assert_true(request_brand_mark("Zorgzaam") != request_brand_mark("zorgzaam"));
}

static void a_request_is_published_once(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(scene->state.state, STATE(REQUESTED));
    assert_int_equal(scene->state.due_date, DUE);
    assert_true(scene->state.published_at_ms == at(20261119, 10, 0));
    assert_true(scene->state.position == 7);
    assert_err(request_publish(&scene->state, 8, at(20261120, 10, 0), 20261204),
               SKP_E_STATE_INVALID);
    assert_int_equal(scene->state.due_date, DUE);
    assert_true(scene->state.position == 7);
}

static void only_waiting_requests_are_published(void **state)
{
    (void)state;
    for (uint8_t number = 1; number <= MOVE_ROWS; number++) {
        struct request_state request = {.state = number};
        bool waits = number == STATE(REGISTERED) || number == STATE(WAITING_FOR_ROUND);
        assert_err(request_publish(&request, 1, 1, DUE), waits ? SKP_OK : SKP_E_STATE_INVALID);
        assert_int_equal(request.state, waits ? STATE(REQUESTED) : number);
    }
}

static void silence_is_never_consent(void **state)
{
    struct scene *scene = *state;
    scene->state.product = PRODUCT(NO_CAPACITY);
    struct request_state expected = scene->state;
    expected.state = STATE(OVERDUE);
    assert_true(request_expire(&scene->state, at(20361231, 23, 0)));
    assert_memory_equal(&scene->state, &expected, sizeof expected);
    assert_int_equal(scene->state.consent, CONSENT(UNSPECIFIED));
    assert_int_equal(scene->state.outcome, OUTCOME(UNSPECIFIED));
    assert_false(request_is_answered(&scene->state));
}

static void a_term_passes_at_midnight_and_once(void **state)
{
    struct scene *scene = *state;
    assert_false(request_expire(&scene->state, at(DUE, 24, 0) - 1));
    assert_int_equal(scene->state.state, STATE(REQUESTED));
    assert_true(request_expire(&scene->state, at(DUE, 24, 0)));
    assert_false(request_expire(&scene->state, at(DUE, 24, 0)));
}

static void what_is_not_open_or_has_no_term_never_expires(void **state)
{
    (void)state;
    struct request_state no_term = {.state = STATE(REQUESTED)};
    assert_false(request_expire(&no_term, at(20991231, 0, 0)));
    for (uint8_t number = 1; number <= MOVE_ROWS; number++) {
        struct request_state request = {.state = number, .due_date = DUE};
        assert_int_equal(request_expire(&request, at(20991231, 0, 0)), number == STATE(REQUESTED));
    }
}

/* ---------------------------------------------------------------- sealed again */

static void only_open_requests_go_back_undelivered(void **state)
{
    (void)state;
    for (uint8_t number = 1; number <= MOVE_ROWS; number++) {
        struct request_state request = {.state = number, .position = 5};
        bool open = number == STATE(REQUESTED) || number == STATE(OVERDUE);
        assert_int_equal(request_undeliverable(&request), open);
        assert_int_equal(request.state, open ? STATE(RESEAL_NEEDED) : number);
        assert_true(request.position == (open ? 0 : 5));
    }
}

static void a_resealed_request_starts_anew_at_its_new_place(void **state)
{
    struct scene *scene = *state;
    struct request_state registered;
    struct request_state next;
    struct skp_id case_id = id_of(200);
    Skp__V1__KnownClaim known;
    Skp__V1__RequestFact fact;
    Skp__V1__KnownClaim *knowns[] = {&known};
    char brand[] = "Zorgzaam";
    scene_request(scene, &fact, &known, knowns, brand);
    request_register(&fact, &case_id, SCENE_PLACE, &scene->leaf, &registered);
    scene->state.state = STATE(UNREADABLE);
    scene->state.answer_version = 1;
    scene->state.answer_leaf = hash_of(21);
    request_reseal(&scene->state, &fact, &next);
    uint8_t wanted[REQUEST_PACKED_BYTES], got[REQUEST_PACKED_BYTES];
    request_pack(&registered, wanted);
    request_pack(&next, got);
    assert_memory_equal(got, wanted, sizeof wanted);
    assert_true(next.case_place == SCENE_PLACE);
    assert_int_equal(scene->state.state, STATE(RESEALED));
    assert_int_equal(scene->state.answer_version, 1); /* what was said here stays */
    assert_ok(request_publish(&next, 9, at(20261126, 10, 0), 20261210));
    assert_int_equal(next.due_date, 20261210);
}

static void what_cannot_be_read_is_recorded_from_paper(void **state)
{
    (void)state;
    Skp__V1__RecordedAnswerFact fact;
    struct request_state request = {.state = STATE(UNREADABLE), .answer_version = 1};
    skp__v1__recorded_answer_fact__init(&fact);
    fact.outcome = SKP__V1__OUTCOME__OUTCOME_CLAIMS;
    fact.consent = SKP__V1__CONSENT__CONSENT_NEEDS_OFFER;
    fact.total_cents = 250;
    request_record(&request, &fact, 5);
    assert_true(request_is_answered(&request));
    assert_int_equal(request.state, STATE(RECORDED));
    assert_int_equal(request.total_cents, 250);
    assert_int_equal(request.consent, fact.consent);
    assert_int_equal(request.answered_at_ms, 5);
    fact.total_cents = 300;
    request_record(&request, &fact, 9);
    assert_int_equal(request.total_cents, 300);
    assert_int_equal(request.answered_at_ms, 5); /* the first answer's */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_pair_of_states_moves_as_the_table_says),
        TEST(a_state_that_does_not_exist_moves_nowhere),
        TEST(every_state_has_the_name_of_the_protocol),
        TEST(open_and_answered_are_told_apart),
        TEST(a_registered_request_keeps_what_was_asked),
        TEST(brands_are_told_apart_by_their_marks),
        TEST(a_request_is_published_once),
        TEST(only_waiting_requests_are_published),
        TEST(silence_is_never_consent),
        TEST(a_term_passes_at_midnight_and_once),
        TEST(what_is_not_open_or_has_no_term_never_expires),
        TEST(only_open_requests_go_back_undelivered),
        TEST(a_resealed_request_starts_anew_at_its_new_place),
        TEST(what_cannot_be_read_is_recorded_from_paper),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
