/* Operators: each command, and what it refuses. */
#include "engine_mail.h"
#include "quarantine.h"

#include <jansson.h>
#include <stdio.h>

static json_int_t number(json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static const char *text(json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "(none)";
}

/* The command with the id where # stands. */
static const char *with_id(struct world *w, const char *command, const struct skp_id *id)
{
    char id_text[ID_TEXT_BYTES];
    size_t room = strlen(command) + ID_TEXT_BYTES;
    char *made = arena_calloc(&w->arena, 1, room);
    const char *place = strchr(command, '#');
    id_print(id, id_text);
    (void)snprintf(made, room, "%.*s%s%s", (int)(place - command), command, id_text, place + 1);
    return made;
}

static void what_is_no_command_is_refused(void **state)
{
    struct world *w = *state;
    assert_admin_refused(w, "not json", SKP_E_DECODE);
    assert_admin_refused(w, "[]", SKP_E_DECODE);
    assert_admin_refused(w, "{}", SKP_E_USAGE);
    assert_admin_refused(w, "{'command':'case.decide'}", SKP_E_USAGE);
    assert_admin_refused(w, "{'command':7}", SKP_E_USAGE);
}

static void participants_are_added_and_replaced(void **state)
{
    struct world *w = *state;
    json_t *said =
        world_admin(w, "{'command':'participant.add','oin':'00000099000000005000',"
                       "'name':'TEST Water','roles':['creditor'],'claim_kinds':['water'],"
                       "'brands':['Bron'],'search_names':['Waterbedrijf']}");
    assert_true(json_is_false(json_object_get(said, "replaced")));
    json_decref(said);
    said = world_admin(w, "{'command':'participant.add','oin':'00000099000000005000',"
                          "'name':'TEST Water BV','roles':['creditor','counsellor']}");
    assert_true(json_is_true(json_object_get(said, "replaced")));
    json_decref(said);
    said = world_admin(w, "{'command':'participant.list'}");
    json_t *rows = json_object_get(said, "rows");
    assert_int_equal(json_array_size(rows), 4);
    json_t *water = json_array_get(rows, 3);
    assert_string_equal(text(water, "name"), "TEST Water BV");
    assert_int_equal(json_array_size(json_object_get(water, "roles")), 2);
    assert_true(json_is_false(json_object_get(water, "connected")));
    assert_true(json_is_true(json_object_get(json_array_get(rows, 0), "connected")));
    json_decref(said);
}

static void assert_only(const json_t *said, const char *member, const char *expected)
{
    const json_t *list = json_object_get(said, member);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(json_array_get(list, 0)), expected);
}

static void assert_as_registered(json_t *water)
{
    assert_only(water, "roles", "creditor");
    assert_only(water, "claim_kinds", "water");
    assert_only(water, "brands", "Bron");
    assert_only(water, "search_names", "Waterbedrijf");
    assert_string_equal(text(water, "postal_address"), "Postbus 1, Proefstad");
    assert_int_equal(json_array_size(json_object_get(water, "mailboxes")), 0);
}

static void a_participant_is_shown_as_it_was_registered(void **state)
{
    struct world *w = *state;
    assert_admin_ok(w, "{'command':'participant.add','oin':'00000099000000005000',"
                       "'name':'TEST Water','roles':['creditor'],'claim_kinds':['water'],"
                       "'brands':['Bron'],'search_names':['Waterbedrijf'],"
                       "'postal_address':'Postbus 1, Proefstad'}");
    json_t *said = world_admin(w, "{'command':'participant.list'}");
    const json_t *rows = json_object_get(said, "rows");
    assert_as_registered(json_array_get(rows, 3));
    assert_only(json_array_get(rows, 0), "mailboxes", ""); /* the main one */
    json_decref(said);
    said = world_admin(w, "{'command':'participant.show','oin':'00000099000000005000'}");
    assert_as_registered(said);
    json_decref(said);
}

#define ADD "{'command':'participant.add','oin':'00000099000000005000','name':'TEST'"

/* What the registry would not load again may not get into the store: nobody could start it. */
static void a_participant_that_cannot_be_loaded_is_refused(void **state)
{
    struct world *w = *state;
    assert_admin_refused(w, "{'command':'participant.add','oin':'123','name':'x','roles':[]}",
                         SKP_E_OIN_FORMAT);
    assert_admin_refused(w, ADD ",'roles':[]}", SKP_E_REQUIRED);
    assert_admin_refused(w, ADD ",'roles':['king']}", SKP_E_ENUM_VALUE);
    assert_admin_refused(w, ADD ",'roles':[3]}", SKP_E_ENUM_VALUE);
    assert_admin_refused(w, ADD ",'roles':['creditor'],'claim_kinds':['']}", SKP_E_ENUM_VALUE);
    assert_admin_refused(w, ADD ",'roles':['creditor'],'brands':[' ']}", SKP_E_REQUIRED);
    assert_admin_refused(w, ADD ",'roles':['creditor'],'search_names':['']}", SKP_E_REQUIRED);
    assert_admin_refused(w, ADD ",'roles':['creditor'],'brands':[7]}", SKP_E_VALUE_INVALID);
    assert_admin_refused(w,
                         "{'command':'participant.add','oin':'00000099000000005000',"
                         "'name':'  ','roles':['creditor']}",
                         SKP_E_REQUIRED);
    assert_admin_refused(w, ADD ",'roles':['creditor'],'postal_address':'a\\u0007'}",
                         SKP_E_TEXT_CONTROL);
    char broker[256];
    (void)snprintf(broker, sizeof broker,
                   "{'command':'participant.add','oin':'%s','name':'x','roles':['creditor']}",
                   w->broker.text);
    assert_admin_refused(w, broker, SKP_E_RECIPIENT_SELF);
    json_t *said = world_admin(w, "{'command':'participant.list'}");
    assert_int_equal(json_array_size(json_object_get(said, "rows")), 3);
    json_decref(said);
    assert_ok(store_begin(w->store));
    assert_ok(engine_load_registry(w->engine, w->store));
    store_rollback(w->store);
}

static void a_participant_with_endless_lists_is_refused(void **state)
{
    struct world *w = *state;
    char *command = arena_calloc(&w->arena, 1, 100000);
    size_t len = (size_t)snprintf(command, 100000, ADD ",'roles':['creditor'");
    for (int i = 0; i < 8000; i++)
        len += (size_t)snprintf(command + len, 100000 - len, ",'operator'");
    (void)snprintf(command + len, 100000 - len, "]}");
    assert_admin_refused(w, command, SKP_E_DECODE_ITEMS);
}

static void an_agreement_is_admitted_as_its_parties_signed_it(void **state)
{
    struct world *w = *state;
    struct agreement_terms terms = {.weekdays = MONDAYS, .minute_of_day = TEN_HOURS};
    struct skp_id id;
    struct span file = agreement_file(w, &w->creditor, &terms, &id);
    json_t *said = world_admin(w, agreement_command(w, file));
    assert_true(json_is_true(json_object_get(said, "ok")));
    assert_true(json_is_false(json_object_get(said, "known")));
    json_decref(said);
    said = world_admin(w, agreement_command(w, file));
    assert_true(json_is_true(json_object_get(said, "known")));
    json_decref(said);
    said = world_admin(w, "{'command':'agreement.list'}");
    json_t *row = json_array_get(json_object_get(said, "rows"), 0);
    assert_string_equal(text(row, "creditor"), OIN_CREDITOR);
    assert_string_equal(text(row, "next_round"), "2027-02-01T10:00");
    assert_int_equal(number(row, "term_working_days"), 10);
    json_decref(said);
    said = world_admin(w, "{'command':'deadline.list'}");
    assert_int_equal(json_array_size(json_object_get(said, "rows")), 1);
    json_decref(said);
}

static void an_agreement_that_was_changed_is_refused(void **state)
{
    struct world *w = *state;
    struct agreement_terms terms = {.weekdays = 0};
    struct skp_id id;
    struct span file = agreement_file(w, &w->creditor, &terms, &id);
    assert_admin_refused(w, "{'command':'agreement.admit'}", SKP_E_DECODE);
    assert_admin_refused(w, "{'command':'agreement.admit','file_base64':'*$!#'}", SKP_E_DECODE);
    assert_admin_refused(w, "{'command':'agreement.admit','file_base64':'AAAA'}", SKP_E_DECODE);
    uint8_t *changed = arena_copy(&w->arena, file.data, file.len);
    changed[60] ^= 1; /* inside the agreement's random id */
    json_t *said = world_admin(w, agreement_command(w, span_of(changed, file.len)));
    assert_true(json_is_false(json_object_get(said, "ok")));
    json_decref(said);
    assert_admin_ok(w, agreement_command(w, file));
    terms.id = id;
    terms.term_working_days = 5;
    assert_admin_refused(w, agreement_command(w, agreement_file(w, &w->creditor, &terms, &id)),
                         SKP_E_ID_REUSED);
}

static void the_parties_of_an_agreement_take_part(void **state)
{
    struct world *w = *state;
    struct agreement_terms terms = {.weekdays = 0};
    struct skp_id id;
    world_fini(w);
    world_init(w, true);
    assert_admin_refused(w, agreement_command(w, agreement_file(w, &w->creditor, &terms, &id)),
                         SKP_E_RECIPIENT_UNKNOWN);
    assert_admin_ok(w, "{'command':'participant.add','oin':'" OIN_CREDITOR
                       "','name':'TEST','roles':['creditor']}");
    assert_admin_refused(w, agreement_command(w, agreement_file(w, &w->creditor, &terms, &id)),
                         SKP_E_RECIPIENT_UNKNOWN);
}

static void rounds_are_opened_and_closed_by_hand_with_a_reason(void **state)
{
    struct world *w = *state;
    struct agreement_terms terms = {.weekdays = 0};
    struct skp_id id = agreement_make(w, &w->creditor, &terms);
    struct skp_id nothing = id_new();
    assert_admin_refused(w, "{'command':'round.open','reason':'x'}", SKP_E_ID_FORMAT);
    assert_admin_refused(w, with_id(w, "{'command':'round.open','agreement_id':'#'}", &id),
                         SKP_E_REASON_MISSING);
    assert_admin_refused(
        w, with_id(w, "{'command':'round.open','agreement_id':'#','reason':'x'}", &nothing),
        SKP_E_AGREEMENT_UNKNOWN);
    json_t *said = world_admin(
        w, with_id(w, "{'command':'round.open','agreement_id':'#','reason':'drukte'}", &id));
    struct skp_id round_id;
    assert_true(id_parse(text(said, "round_id"), &round_id));
    json_decref(said);
    const char *close =
        with_id(w, "{'command':'round.close','round_id':'#','reason':'vergissing'}", &round_id);
    assert_admin_refused(w, close, SKP_E_STATE_INVALID); /* not published yet */
    world_tick(w);
    assert_admin_refused(w, with_id(w, "{'command':'round.close','round_id':'#'}", &round_id),
                         SKP_E_REASON_MISSING);
    assert_admin_refused(
        w, with_id(w, "{'command':'round.close','round_id':'#','reason':'x'}", &nothing),
        SKP_E_NOT_FOUND);
    assert_admin_ok(w, close);
    assert_admin_refused(w, close, SKP_E_STATE_INVALID);
    said = world_admin(w, "{'command':'round.list'}");
    json_t *row = json_array_get(json_object_get(said, "rows"), 0);
    assert_string_equal(text(row, "reason"), "drukte");
    assert_string_equal(text(row, "state"), "CLOSED");
    json_decref(said);
    /* Its deadline passes without effect. */
    world_go_to(w, 20270301, 8 * 60);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_events(&post, SKP__V1__EVENT_KIND__EVENT_KIND_ROUND_CLOSED), 1);
}

static void an_agreement_is_of_one_creditor_in_all_versions(void **state)
{
    struct world *w = *state;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    terms.id = agreement_make(w, &w->creditor, &terms);
    terms.version = 2;
    struct skp_id id;
    struct span file = agreement_file(w, &w->rsa, &terms, &id);
    assert_admin_refused(w, agreement_command(w, file), SKP_E_ID_REUSED);
    agreement_make(w, &w->creditor, &terms);
}

static struct answer *submit_agreement(struct world *w, const struct party *creditor,
                                       const struct agreement_terms *terms)
{
    struct party nobody = {.session = 0};
    struct skp_id id;
    const char *command = agreement_command(w, agreement_file(w, creditor, terms, &id));
    char *json = arena_copy(&w->arena, command, strlen(command) + 1);
    for (char *quote = json; (quote = strchr(quote, '\'')) != NULL;)
        *quote = '"';
    return world_submit(w, &nobody, ENGINE_ADMIN, span_text(json), NULL, 0);
}

static void two_creditors_admit_no_agreement_of_one_id_in_one_commit(void **state)
{
    struct world *w = *state;
    struct agreement_terms terms = {.id = id_new()};
    struct answer *first = submit_agreement(w, &w->creditor, &terms);
    terms.version = 2;
    struct answer *other = submit_agreement(w, &w->rsa, &terms);
    struct answer *second = submit_agreement(w, &w->creditor, &terms);
    world_pump(w);
    assert_non_null(strstr(first->text, "\"known\":"));
    assert_null(strstr(other->text, "\"known\":"));
    assert_non_null(strstr(second->text, "\"known\":"));
}

static void the_state_of_the_post_office_is_told(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    agreement_make(w, &w->creditor, &terms);
    case_make(&told, &w->creditor, 2);
    told.requests[1].creditor = &w->rsa;
    case_register(w, &told);
    json_t *said = world_admin(w, "{'command':'status'}");
    assert_string_equal(text(said, "broker"), w->broker.text);
    assert_string_equal(text(said, "business_time"), "2027-02-01T09:00");
    assert_int_equal(number(said, "participants"), 3);
    assert_int_equal(number(said, "agreements"), 1);
    assert_int_equal(number(said, "waiting_for_round"), 1);
    assert_int_equal(number(said, "waiting_in_mailboxes"), 2); /* request, event */
    assert_int_equal(number(said, "open_pages"), 1);
    assert_int_equal(number(said, "deadlines"), 2);
    assert_int_equal(number(said, "commits"), w->engine->chain.sequence);
    json_decref(said);
    said = world_admin(w, "{'command':'mailbox.list'}");
    json_t *rows = json_object_get(said, "rows");
    assert_int_equal(json_array_size(rows), 2);
    assert_string_equal(text(json_array_get(rows, 0), "participant"), OIN_COUNSELLOR);
    assert_string_equal(text(json_array_get(rows, 1), "participant"), OIN_RSA);
    assert_string_equal(text(json_array_get(rows, 1), "mailbox"), "");
    assert_string_equal(text(json_array_get(rows, 1), "oldest"), "2027-02-01T09:00");
    assert_int_equal(number(json_array_get(rows, 1), "waiting"), 1);
    json_decref(said);
    said = world_admin(w, "{'command':'deadline.list'}");
    rows = json_object_get(said, "rows");
    assert_string_equal(text(json_array_get(rows, 0), "kind"), "ROUND_OPEN");
    assert_string_equal(text(json_array_get(rows, 0), "due"), "2027-02-04T10:00");
    assert_string_equal(text(json_array_get(rows, 1), "kind"), "EXPIRE");
    json_decref(said);
}

static uint64_t store_turns(const struct world *w)
{
    struct work_counters counters;
    work_queue_counters(w->engine->store_queue, &counters);
    return counters.turns;
}

/* However many rows it reads for that. */
static void who_only_asks_holds_up_no_commit(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"status",         "mailbox.list", "deadline.list",
                                        "damage.list",    "clock.show",   "participant.list",
                                        "agreement.list", "round.list"};
    struct told_case told;
    struct skp_id nothing = id_new();
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    uint64_t before = store_turns(w);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char command[64];
        (void)snprintf(command, sizeof command, "{'command':'%s'}", names[i]);
        assert_admin_ok(w, command);
    }
    assert_admin_ok(w, "{'command':'participant.show','oin':'" OIN_CREDITOR "'}");
    assert_admin_refused(w, with_id(w, "{'command':'round.show','round_id':'#'}", &nothing),
                         SKP_E_NOT_FOUND);
    assert_int_equal(store_turns(w), before);
}

static void what_changes_something_does_not_go_in_as_a_question(void **state)
{
    struct world *w = *state;
    struct party nobody = {.session = 0};
    static const char add[] = "{\"command\":\"participant.add\",\"oin\":\"00000099000000005000\","
                              "\"name\":\"TEST Water\",\"roles\":[\"creditor\"]}";
    struct answer *answer = world_submit(w, &nobody, ENGINE_ADMIN_READ, span_text(add), NULL, 0);
    world_pump(w);
    assert_non_null(strstr(answer->text, skp_error_name(SKP_E_USAGE)));
    assert_int_equal(engine_admin_verb("participant.add"), ENGINE_ADMIN);
}

/* So many of each in the store, all due. */
static void store_many(struct world *w, size_t count)
{
    assert_ok(store_begin(w->store));
    for (size_t n = 0; n < count; n++) {
        struct skp_id id = id_new();
        struct row_key due = key_deadline(1, DEADLINE_EXPIRE, &id, 0);
        struct row_key hurt = quarantine_key(STORE_CASE, span_of(id.bytes, ID_BYTES));
        struct aside_row aside = {
            .table = STORE_CASE, .cause = ASIDE_DAMAGED, .key = span_of(id.bytes, ID_BYTES)};
        struct store_row deadline = {.key = row_key_span(&due), .value = u64_pack(1, &w->arena)};
        struct store_row kept = {.key = row_key_span(&hurt),
                                 .value = aside_row_pack(&aside, &w->arena)};
        assert_ok(store_put(w->store, STORE_DEADLINE, &deadline, 1));
        assert_ok(store_put(w->store, STORE_META, &kept, 1));
    }
    assert_ok(store_commit(w->store));
}

static void a_list_that_is_cut_says_how_much_is_missing(void **state)
{
    struct world *w = *state;
    static const char *const lists[] = {"{'command':'deadline.list'}", "{'command':'damage.list'}"};
    store_many(w, 10000);
    for (size_t i = 0; i < 2; i++) {
        json_t *said = world_admin(w, lists[i]);
        assert_int_equal(json_array_size(json_object_get(said, "rows")), 10000);
        assert_null(json_object_get(said, "more"));
        json_decref(said);
    }
    store_many(w, 7);
    for (size_t i = 0; i < 2; i++) {
        json_t *said = world_admin(w, lists[i]);
        assert_int_equal(json_array_size(json_object_get(said, "rows")), 10000);
        assert_int_equal(number(said, "more"), 7);
        if (i == 0)
            assert_int_equal(number(said, "due_now"), 10007);
        json_decref(said);
    }
}

static void invented_organisations_never_meet_real_ones(void **state)
{
    struct world *w = *state;
    static const char add[] =
        "{'command':'participant.add','oin':'%s','name':'TEST','roles':['creditor']}";
    char real[200], invented[200];
    (void)snprintf(real, sizeof real, add, "00000001000000005000");
    (void)snprintf(invented, sizeof invented, add, "00000099000000005000");
    assert_admin_refused(w, real, SKP_E_ENVIRONMENT_MISMATCH);
    assert_admin_ok(w, invented);
    memcpy(w->engine->broker.text, "00000001", 8); /* as if its certificate said so */
    assert_admin_refused(w, invented, SKP_E_ENVIRONMENT_MISMATCH);
    memcpy(w->engine->broker.text, "00000099", 8);
}

static void the_clock_of_a_play_store_is_steered(void **state)
{
    struct world *w = *state;
    json_t *said = world_admin(w, "{'command':'clock.advance','working_days':2}");
    assert_string_equal(text(said, "business_time"), "2027-02-03T09:00");
    assert_true(json_is_true(json_object_get(said, "reached")));
    json_decref(said);
    said = world_admin(w, "{'command':'clock.show'}");
    assert_string_equal(text(said, "today"), "2027-02-03");
    assert_true(json_is_true(json_object_get(said, "play")));
    json_decref(said);
    assert_admin_refused(w, "{'command':'clock.advance'}", SKP_E_DATE_INVALID);
    assert_admin_refused(w, "{'command':'clock.advance','to':'2027-02-30T10:00'}",
                         SKP_E_DATE_INVALID);
    assert_admin_refused(w, "{'command':'clock.advance','to':'2027-02-02T10:00'}",
                         SKP_E_DATE_RANGE);
}

static void the_clock_of_a_real_store_is_not(void **state)
{
    struct world *w = *state;
    world_fini(w);
    world_init(w, false);
    assert_false(engine_is_play(w->engine));
    assert_admin_refused(w, "{'command':'clock.advance','working_days':1}", SKP_E_ROLE_FORBIDDEN);
}

/* A long list is one answer all the same, and no trouble for the others in its transaction. */
static void ten_thousand_rows_are_listed(void **state)
{
    struct world *w = *state;
    assert_ok(store_begin(w->store));
    for (uint32_t i = 0; i < 12000; i++) {
        struct skp_id id = id_new();
        struct row_key key = key_deadline(INT64_C(4000000000000), DEADLINE_ROUND_OPEN, &id, 1);
        struct store_row row = {
            .key = row_key_span(&key), .value = span_of("", 0), .version = STORE_NEW};
        assert_ok(store_put(w->store, STORE_DEADLINE, &row, 1));
    }
    assert_ok(store_commit(w->store));
    json_t *said = world_admin(w, "{'command':'deadline.list'}");
    assert_int_equal(json_array_size(json_object_get(said, "rows")), 10000);
    json_decref(said);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_command_is_refused),
        TEST(participants_are_added_and_replaced),
        TEST(a_participant_is_shown_as_it_was_registered),
        TEST(a_participant_that_cannot_be_loaded_is_refused),
        TEST(a_participant_with_endless_lists_is_refused),
        TEST(an_agreement_is_admitted_as_its_parties_signed_it),
        TEST(an_agreement_that_was_changed_is_refused),
        TEST(the_parties_of_an_agreement_take_part),
        TEST(rounds_are_opened_and_closed_by_hand_with_a_reason),
        TEST(an_agreement_is_of_one_creditor_in_all_versions),
        TEST(two_creditors_admit_no_agreement_of_one_id_in_one_commit),
        TEST(the_state_of_the_post_office_is_told),
        TEST(who_only_asks_holds_up_no_commit),
        TEST(what_changes_something_does_not_go_in_as_a_question),
        TEST(a_list_that_is_cut_says_how_much_is_missing),
        TEST(invented_organisations_never_meet_real_ones),
        TEST(the_clock_of_a_play_store_is_steered),
        TEST(the_clock_of_a_real_store_is_not),
        TEST(ten_thousand_rows_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
