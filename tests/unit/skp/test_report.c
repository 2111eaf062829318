/* Reports of an office: what is counted together, and what is told to others. */
#include "report_groups.h"

#include "testing.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOVEMBER_MS INT64_C(1793610000000) /* 2026-11-02T09:00 Amsterdam */
#define JANUARY_MS  INT64_C(1799100000000) /* 2027-01-05 */

static struct skp_oin oin(const char *text)
{
    struct skp_oin oin = {.text = ""};
    assert_true(text[0] == '\0' || oin_take(span_text(text), &oin));
    return oin;
}

/* A request of case `number`, to this creditor. */
static struct request_view request(uint8_t number, const char *creditor, const char *name,
                                   Skp__V1__RequestState state)
{
    static char dossiers[256][16];
    struct request_view view = {.dossier = dossiers[number],
                                .creditor = oin(creditor),
                                .creditor_name = name,
                                .route = ROUTE_DIGITAL,
                                .stage = STAGE_STORED,
                                .state = state,
                                .due_date = 20261117,
                                .responsible = oin("00000099100000153000"),
                                .case_created_at_ms = NOVEMBER_MS};
    snprintf(dossiers[number], sizeof dossiers[number], "2026-%03u", number);
    view.case_id.bytes[0] = number;
    return view;
}

#define STATE(name) SKP__V1__REQUEST_STATE__REQUEST_STATE_##name

static void count(struct report_groups *groups, enum report_by by, const struct request_view *views,
                  size_t view_count)
{
    assert_ok(report_groups_init(groups, by));
    for (size_t i = 0; i < view_count; i++)
        assert_ok(report_groups_add(groups, &views[i]));
    report_groups_finish(groups);
}

#define LINDE "00000099200000001000"
#define ZEE   "00000099200000003000"

static size_t example(struct request_view *views)
{
    size_t count = 0;
    views[count++] = request(1, LINDE, "De Linde", STATE(ANSWERED));
    views[count++] = request(1, ZEE, "Zeemeeuw", STATE(ANSWERED_LATE));
    views[count++] = request(2, LINDE, "Zorgverz. De Linde", STATE(OVERDUE));
    views[count++] = request(2, "", "Garage 7", STATE(RECORDED));
    views[count++] = request(3, "", "Garage 7", STATE(OFF_NETWORK));
    views[count++] = request(3, LINDE, "De Linde", STATE(REQUESTED));
    views[count++] = request(3, LINDE, "De Linde", STATE(REGISTERED));
    views[3].route = views[4].route = ROUTE_LETTER;
    for (size_t i = 0; i < 3; i++)
        views[i].collected = true;
    views[0].consent = SKP__V1__CONSENT__CONSENT_PRE_AGREED;
    return count;
}

static void every_request_is_counted_in_one_way(void **state)
{
    (void)state;
    struct request_view views[16];
    struct report_groups groups;
    size_t views_count = example(views);
    count(&groups, REPORT_WHOLE, views, views_count);
    const struct report *r = &groups.total;
    assert_int_equal(r->requests, 7);
    assert_int_equal(r->answered + r->overdue + r->open + r->off_network + r->refused, 7);
    assert_int_equal(r->answered, 2);
    assert_int_equal(r->late, 1);
    assert_int_equal(r->overdue, 1);
    assert_int_equal(r->open, 2);
    assert_int_equal(r->off_network, 2);
    assert_int_equal(r->recorded, 1);
    assert_int_equal(r->collected, 3);
    assert_int_equal(r->cases, 3);
    assert_int_equal(r->complete, 1);
    report_groups_fini(&groups);
}

static void a_case_is_complete_when_all_of_it_came_back(void **state)
{
    (void)state;
    struct request_view views[16];
    struct report_groups groups;
    size_t views_count = example(views);
    count(&groups, REPORT_BY_CASE, views, views_count);
    assert_int_equal(groups.count, 3);
    assert_string_equal(groups.list[0]->name, "2026-001");
    assert_int_equal(groups.list[0]->state, SKP__V1__CASE_STATE__CASE_STATE_COMPLETE);
    assert_int_equal(groups.list[1]->state, SKP__V1__CASE_STATE__CASE_STATE_INVENTORY);
    assert_int_equal(groups.list[1]->report.recorded, 1);
    assert_int_equal(groups.list[2]->report.requests, 3);
    report_groups_fini(&groups);
}

static void a_creditor_is_its_oin_else_its_name(void **state)
{
    (void)state;
    struct request_view views[16];
    struct report_groups groups;
    size_t views_count = example(views);
    count(&groups, REPORT_BY_CREDITOR, views, views_count);
    assert_int_equal(groups.count, 3);
    assert_string_equal(groups.list[0]->name, "De Linde");
    assert_int_equal(groups.list[0]->report.requests, 4);
    assert_int_equal(groups.list[0]->report.cases, 3); /* twice in the last one */
    assert_string_equal(groups.list[2]->name, "Garage 7");
    assert_int_equal(groups.list[2]->report.requests, 2);
    report_groups_fini(&groups);
}

/* ---------------------------------------------------------------- files */

static const char *written_for(const struct report_groups *groups, bool play)
{
    const struct state_db db = {.play = play};
    static char text[4096];
    char path[] = "/tmp/skp-report-XXXXXX";
    struct csv_problem problem;
    close(mkstemp(path));
    assert_ok(report_groups_write(groups, &db, path, &problem));
    FILE *file = fopen(path, "r");
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    unlink(path);
    return text;
}

static const char *written(const struct report_groups *groups)
{
    return written_for(groups, false);
}

static void a_report_of_a_play_says_so_on_every_row(void **state)
{
    (void)state;
    struct request_view views[16];
    struct report_groups groups;
    size_t views_count = example(views);
    count(&groups, REPORT_BY_CASE, views, views_count);
    const char *text = written_for(&groups, true);
    assert_non_null(strstr(text, ";Stand;Proef\r\n"));
    assert_non_null(strstr(text, ";compleet;Ja\r\n"));
    report_groups_fini(&groups);
}

static void what_cannot_be_delivered_is_a_letter_until_it_is_recorded(void **state)
{
    (void)state;
    struct request_view views[2];
    struct report_groups groups;
    views[0] = request(1, LINDE, "De Linde", STATE(UNREADABLE));
    views[0].unsealable = true;
    views[1] = request(1, LINDE, "De Linde", STATE(RECORDED));
    count(&groups, REPORT_WHOLE, views, 2);
    assert_int_equal(groups.total.unreadable, 1);
    assert_int_equal(groups.total.off_network, 2);
    assert_int_equal(groups.total.recorded, 1);
    assert_int_equal(groups.total.open, 0);
    assert_int_equal(groups.total.answered, 0);
    report_groups_fini(&groups);
}

static void cases_are_written_with_their_state(void **state)
{
    (void)state;
    struct request_view views[16];
    struct report_groups groups;
    size_t views_count = example(views);
    count(&groups, REPORT_BY_CASE, views, views_count);
    assert_string_equal(written(&groups),
                        "\xef\xbb\xbf"
                        "Dossier;Saldoverzoeken;Opgehaald;Beantwoord;TeLaatBeantwoord;"
                        "VoorafAkkoord;TeLaat;Open;PerBrief;BriefBeantwoord;Geweigerd;Stand\r\n"
                        "'2026-001;2;2;2;1;1;0;0;0;0;0;compleet\r\n"
                        "'2026-002;2;1;0;0;0;1;0;1;1;0;wacht op antwoorden\r\n"
                        "'2026-003;3;0;0;0;0;0;2;1;0;0;wacht op antwoorden\r\n");
    report_groups_fini(&groups);
}

static void creditors_are_written_with_all_their_names(void **state)
{
    (void)state;
    struct request_view views[16];
    struct report_groups groups;
    size_t views_count = example(views);
    count(&groups, REPORT_BY_CREDITOR, views, views_count);
    assert_string_equal(
        written(&groups),
        "\xef\xbb\xbf"
        "Schuldeiser;SchuldeiserOIN;Dossiers;Saldoverzoeken;Opgehaald;Beantwoord;"
        "TeLaatBeantwoord;VoorafAkkoord;TeLaat;Open;PerBrief;BriefBeantwoord;Geweigerd\r\n"
        "De Linde;'00000099200000001000;3;4;2;1;0;1;1;2;0;0;0\r\n"
        "Zeemeeuw;'00000099200000003000;1;1;1;1;1;0;0;0;0;0;0\r\n"
        "Garage 7;;2;2;0;0;0;0;0;0;2;1;0\r\n");
    report_groups_fini(&groups);
}

static void others_are_not_told_of_few(void **state)
{
    (void)state;
    static struct request_view views[32];
    struct report_groups groups;
    for (uint8_t i = 0; i < 20; i++) {
        views[i] = request((uint8_t)(i + 1), LINDE, "De Linde", STATE(REQUESTED));
        if (i >= 12)
            views[i].case_created_at_ms = JANUARY_MS;
        if (i < 9)
            views[i].state = STATE(ANSWERED);
        views[i].collected = i < 11;
    }
    count(&groups, REPORT_BY_MUNICIPALITY, views, 20);
    assert_string_equal(written(&groups),
                        "\xef\xbb\xbf"
                        "GemeenteOIN;Jaar;Kwartaal;Dossiers;Saldoverzoeken;Beantwoord;"
                        "VoorafAkkoord;BrievenVervangen\r\n"
                        "'00000099100000153000;2026;4;12;12;<10;0;20\r\n"
                        "'00000099100000153000;2027;1;<10;<10;0;0;0\r\n");
    report_groups_fini(&groups);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_is_counted_in_one_way),
        cmocka_unit_test(a_case_is_complete_when_all_of_it_came_back),
        cmocka_unit_test(a_creditor_is_its_oin_else_its_name),
        cmocka_unit_test(a_report_of_a_play_says_so_on_every_row),
        cmocka_unit_test(what_cannot_be_delivered_is_a_letter_until_it_is_recorded),
        cmocka_unit_test(cases_are_written_with_their_state),
        cmocka_unit_test(creditors_are_written_with_all_their_names),
        cmocka_unit_test(others_are_not_told_of_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
