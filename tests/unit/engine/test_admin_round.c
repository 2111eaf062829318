/* Operators: what became of the requests of a round, and of a participant. */
#include "admin_tally.h"
#include "engine_mail.h"

#include <jansson.h>
#include <stdio.h>

#define THURSDAY 20270204

static json_int_t number(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static const char *text(json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "(none)";
}

static json_t *row(json_t *list, size_t index)
{
    return json_array_get(json_object_get(list, "rows"), index);
}

/* The command with the text where # stands. */
static const char *with(struct world *w, const char *command, const char *what)
{
    size_t room = strlen(command) + strlen(what) + 1;
    char *made = arena_calloc(&w->arena, 1, room);
    const char *place = strchr(command, '#');
    (void)snprintf(made, room, "%.*s%s%s", (int)(place - command), command, what, place + 1);
    return made;
}

static const char *with_id(struct world *w, const char *command, const struct skp_id *id)
{
    char id_text[ID_TEXT_BYTES];
    id_print(id, id_text);
    return with(w, command, id_text);
}

static struct skp_id thursdays(struct world *w)
{
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    return agreement_make(w, &w->creditor, &terms);
}

/* The only round there is, as shown; owned by the caller. */
static json_t *show_round(struct world *w, size_t index)
{
    json_t *list = world_admin(w, "{'command':'round.list'}");
    json_t *shown = world_admin(
        w, with(w, "{'command':'round.show','round_id':'#'}", text(row(list, index), "round_id")));
    json_decref(list);
    return shown;
}

/* All slices, added up. */
static json_int_t count_of(struct world *w, const char *oin, const char *name)
{
    char command[512], after[256] = "";
    json_int_t sum = 0;
    do {
        (void)snprintf(command, sizeof command,
                       "{'command':'participant.show','oin':'%s','after':'%s'}", oin, after);
        json_t *said = world_admin(w, command);
        const char *next = json_string_value(json_object_get(said, "after"));
        (void)snprintf(after, sizeof after, "%s", next ? next : "");
        sum += number(said, name);
        json_decref(said);
    } while (after[0] != '\0');
    return sum;
}

static void assert_round(struct world *w, size_t index, json_int_t published, json_int_t collected,
                         json_int_t answered, json_int_t overdue, json_int_t open)
{
    json_t *round = show_round(w, index);
    assert_int_equal(number(round, "published"), published);
    assert_int_equal(number(round, "collected"), collected);
    assert_int_equal(number(round, "answered"), answered);
    assert_int_equal(number(round, "overdue"), overdue);
    assert_int_equal(number(round, "open"), open);
    assert_int_equal(number(round, "stopped"), 0);
    json_decref(round);
}

static void a_round_tells_what_became_of_its_requests(void **state)
{
    struct world *w = *state;
    static struct told_case told;
    thursdays(w);
    case_make(&told, &w->creditor, 5);
    case_register(w, &told);
    world_go_to(w, THURSDAY, TEN_HOURS);
    assert_round(w, 0, 5, 0, 0, 0, 5);
    collect_all(w, &w->creditor);
    assert_round(w, 0, 5, 5, 0, 0, 5);
    request_answer_with(w, &told.requests[0], 5000);
    request_answer_with(w, &told.requests[3], 5000);
    assert_round(w, 0, 5, 5, 2, 0, 3);
    world_go_to(w, 20270219, 7 * 60);
    request_answer_with(w, &told.requests[1], 5000);
    assert_round(w, 0, 5, 5, 3, 2, 0);
    json_t *round = show_round(w, 0);
    assert_int_equal(number(round, "answered_late"), 1);
    assert_string_equal(text(round, "opened"), "2027-02-04T10:00");
    assert_string_equal(text(round, "due"), "2027-02-18");
    assert_string_equal(text(round, "state"), "CLOSED");
    assert_string_equal(text(round, "creditor"), OIN_CREDITOR);
    assert_true(text(round, "name")[0] != '\0');
    json_decref(round);
}

static void a_round_counts_its_own_requests_only(void **state)
{
    struct world *w = *state;
    static struct told_case first, second, urgent;
    thursdays(w);
    case_make(&first, &w->creditor, 3);
    case_register(w, &first);
    world_go_to(w, THURSDAY, TEN_HOURS);
    /* The same due date, and no part of the round. */
    case_make(&urgent, &w->creditor, 2);
    urgent.requests[0].urgent = urgent.requests[1].urgent = true;
    case_register(w, &urgent);
    case_make(&second, &w->creditor, 1);
    case_register(w, &second);
    world_go_to(w, 20270211, TEN_HOURS);
    assert_round(w, 0, 3, 0, 0, 0, 3);
    assert_round(w, 1, 1, 0, 0, 0, 1);
}

static void a_large_round_is_counted_in_all_its_parts(void **state)
{
    struct world *w = *state;
    static struct told_case cases[6];
    thursdays(w);
    for (size_t i = 0; i < 6; i++) {
        case_make(&cases[i], &w->creditor, 200);
        case_register(w, &cases[i]);
    }
    world_go_to(w, THURSDAY, TEN_HOURS);
    assert_round(w, 0, 1200, 0, 0, 0, 1200);
}

static void rounds_are_listed_by_hour_and_name(void **state)
{
    struct world *w = *state;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    assert_admin_ok(w, "{'command':'participant.add','oin':'" OIN_RSA
                       "','name':'Aardappel (test)','roles':['creditor']}");
    assert_admin_ok(w, "{'command':'participant.add','oin':'" OIN_CREDITOR
                       "','name':'Zeep (test)','roles':['creditor']}");
    thursdays(w);
    agreement_make(w, &w->rsa, &terms);
    world_go_to(w, THURSDAY, TEN_HOURS);
    world_go_to(w, 20270211, TEN_HOURS);
    json_t *list = world_admin(w, "{'command':'round.list'}");
    assert_int_equal(json_array_size(json_object_get(list, "rows")), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(text(row(list, i), "name"), i % 2 ? "Zeep (test)" : "Aardappel (test)");
        assert_string_equal(text(row(list, i), "opened"),
                            i < 2 ? "2027-02-04T10:00" : "2027-02-11T10:00");
    }
    json_decref(list);
    list = world_admin(w, "{'command':'round.list','creditor':'" OIN_RSA "','since':'2027-02-05'}");
    assert_int_equal(json_array_size(json_object_get(list, "rows")), 1);
    assert_string_equal(text(row(list, 0), "name"), "Aardappel (test)");
    json_decref(list);
    assert_admin_refused(w, "{'command':'round.list','since':'2027-02-30'}", SKP_E_DATE_INVALID);
    assert_admin_refused(w, "{'command':'round.list','since':'5-2-2027'}", SKP_E_DATE_INVALID);
}

/* Version 2 replaces version 1 for good, also when it has ended itself. */
static void a_version_that_was_replaced_opens_no_round_by_hand(void **state)
{
    struct world *w = *state;
    struct agreement_terms terms = {.weekdays = 0};
    struct skp_id id = terms.id = agreement_make(w, &w->creditor, &terms);
    terms.version = 2;
    terms.valid_from = terms.valid_until = 20270202;
    agreement_make(w, &w->creditor, &terms);
    world_go_to(w, 20270203, 0);
    assert_admin_refused(
        w, with_id(w, "{'command':'round.open','agreement_id':'#','reason':'drukte'}", &id),
        SKP_E_AGREEMENT_UNKNOWN);
}

static void a_second_round_by_hand_is_asked_about(void **state)
{
    struct world *w = *state;
    struct skp_id id = thursdays(w);
    const char *open =
        with_id(w, "{'command':'round.open','agreement_id':'#','reason':'drukte'}", &id);
    const char *again = with_id(
        w, "{'command':'round.open','agreement_id':'#','reason':'drukte','again':true}", &id);
    world_go_to(w, THURSDAY, TEN_HOURS);
    assert_admin_ok(w, open); /* the scheduled one does not count */
    world_tick(w);
    assert_admin_refused(w, open, SKP_E_STATE_INVALID);
    assert_admin_ok(w, again);
    world_go_to(w, 20270301, 8 * 60); /* both are closed */
    assert_admin_ok(w, open);
}

static void what_is_no_round_is_not_shown(void **state)
{
    struct world *w = *state;
    struct skp_id nothing = id_new();
    assert_admin_refused(w, "{'command':'round.show','round_id':'x'}", SKP_E_ID_FORMAT);
    assert_admin_refused(w, with_id(w, "{'command':'round.show','round_id':'#'}", &nothing),
                         SKP_E_NOT_FOUND);
}

static void a_participant_is_shown_with_what_became_of_its_requests(void **state)
{
    struct world *w = *state;
    static struct told_case cases[3];
    thursdays(w);
    for (size_t i = 0; i < 3; i++) {
        case_make(&cases[i], &w->creditor, 150);
        cases[i].requests[0].creditor = &w->rsa;
        case_register(w, &cases[i]);
    }
    assert_int_equal(count_of(w, OIN_CREDITOR, "waiting_for_round"), 447);
    assert_int_equal(count_of(w, OIN_CREDITOR, "published"), 0);
    assert_int_equal(count_of(w, OIN_RSA, "published"), 3);
    world_go_to(w, THURSDAY, TEN_HOURS);
    collect_all(w, &w->creditor);
    request_answer_with(w, &cases[2].requests[149], 100);
    assert_int_equal(count_of(w, OIN_CREDITOR, "published"), 447);
    assert_int_equal(count_of(w, OIN_CREDITOR, "collected"), 447);
    assert_int_equal(count_of(w, OIN_CREDITOR, "answered"), 1);
    assert_int_equal(count_of(w, OIN_CREDITOR, "open"), 446);
    assert_int_equal(count_of(w, OIN_RSA, "collected"), 0);
    assert_int_equal(count_of(w, OIN_COUNSELLOR, "published"), 450);
    world_go_to(w, 20270219, 7 * 60);
    assert_int_equal(count_of(w, OIN_CREDITOR, "overdue"), 446);
}

static void what_was_sealed_again_counts_where_it_stands_now(void **state)
{
    (void)state;
    struct admin_tally tally = {0};
    struct request_state old = {.state = SKP__V1__REQUEST_STATE__REQUEST_STATE_RESEALED,
                                .published_at_ms = 1};
    struct request_state unreadable = {.state = SKP__V1__REQUEST_STATE__REQUEST_STATE_UNREADABLE,
                                       .published_at_ms = 1};
    admin_tally_add(&tally, &old, true);
    assert_int_equal(tally.published + tally.collected + tally.stopped, 0);
    assert_int_equal(tally.resealed, 1);
    admin_tally_add(&tally, &unreadable, false);
    assert_int_equal(tally.published, 1);
    assert_int_equal(tally.stopped, 1);
}

static void who_is_no_participant_is_not_shown(void **state)
{
    struct world *w = *state;
    assert_admin_refused(w, "{'command':'participant.show','oin':'x'}", SKP_E_OIN_FORMAT);
    assert_admin_refused(w, "{'command':'participant.show','oin':'00000099000000009000'}",
                         SKP_E_NOT_REGISTERED);
    assert_admin_refused(w, "{'command':'participant.show','oin':'" OIN_CREDITOR "','after':'0x'}",
                         SKP_E_DECODE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_round_tells_what_became_of_its_requests),
        TEST(a_round_counts_its_own_requests_only),
        TEST(a_large_round_is_counted_in_all_its_parts),
        TEST(rounds_are_listed_by_hour_and_name),
        TEST(a_version_that_was_replaced_opens_no_round_by_hand),
        TEST(a_second_round_by_hand_is_asked_about),
        TEST(what_is_no_round_is_not_shown),
        TEST(a_participant_is_shown_with_what_became_of_its_requests),
        cmocka_unit_test(what_was_sealed_again_counts_where_it_stands_now),
        TEST(who_is_no_participant_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
