/* Answers on paper, from the file to what the broker is told. */
#include "link_scene.h"

#define ASKED       SCENE_HEADER SCENE_CASE("2026-1") "Bakker Jansen;;;;30;eerste;overig\r\n"
#define ON_PAPER    "Dossier;Schuldeiser;Bedrag;Akkoord;Ontvangen;Uitkomst\r\n"
#define ROW(amount) "2026-1;Bakker Jansen;" amount ";voorstel nodig;16-11-2026;vorderingen\r\n"

static struct desk *open_desk(script_fn script)
{
    struct desk *desk = desk_new(script, NULL);
    scene_register(desk->scene, ASKED, false, NULL);
    struct envelope_batch batch = scene_outbox(desk->scene, &desk->scene->office);
    scene_settle(&desk->scene->office, &batch.batch_id, 0, 0, SKP_OK);
    return desk;
}

static void record(struct desk *desk, const char *csv, struct told *ret_told)
{
    char line[512];
    (void)scene_file(desk->scene, "in.csv", csv);
    (void)snprintf(line, sizeof line,
                   "--config %s counsellor record-answer %s/in.csv --result %s/out.csv",
                   desk->config, desk->scene->folder, desk->scene->folder);
    run(line, ret_told);
}

static void take_once(struct fake *fake)
{
    desk_session(fake, SKP__V1__ROLE__ROLE_COUNSELLOR, NULL);
    fake_take_batch(fake);
    fake_receipt(fake);
    fake_expect_end(fake);
    desk_session(fake, SKP__V1__ROLE__ROLE_COUNSELLOR, NULL);
    fake_expect_end(fake);
}

/* Whatever was recorded before: else the file said again would correct its own first row. */
static void a_second_row_of_one_request_is_refused(void **state)
{
    static const char twice[] = ON_PAPER ROW("250,00") ROW("300,00");
    (void)state;
    struct desk *desk = open_desk(take_once);
    struct told told;
    desk_hand_over(desk);
    for (int times = 0; times < 2; times++) {
        record(desk, twice, &told);
        assert_int_equal(told.code, EXIT_SOME);
        says(&told, times == 0 ? "1 regel: aangemeld" : "1 regel: al aangemeld");
        says(&told, "1 regel: geweigerd");
        const char *file = scene_read(desk->scene, "out.csv");
        assert_non_null(strstr(file, "\r\n3;'2026-1;Bakker Jansen;geweigerd;;DUPLICATE_ITEM;"));
    }
    assert_int_equal(cli_open_state(&desk->cli), 0);
    assert_int_equal(desk_count(desk, "SELECT count(*) FROM recorded"), 1);
    assert_int_equal(desk_count(desk, "SELECT total_cents FROM recorded WHERE stage = 2"), 25000);
    desk_free(desk);
}

static void take_one(struct fake *fake)
{
    desk_session(fake, SKP__V1__ROLE__ROLE_COUNSELLOR, NULL);
    fake_take_batch(fake);
    fake_receipt(fake);
    fake_expect_end(fake);
}

static void a_row_that_was_refused_does_not_make_the_next_a_second_one(void **state)
{
    (void)state;
    struct desk *desk = open_desk(take_one);
    struct told told;
    desk_hand_over(desk);
    record(desk, ON_PAPER ROW("") ROW("300,00"), &told);
    assert_int_equal(told.code, EXIT_SOME);
    const char *file = scene_read(desk->scene, "out.csv");
    assert_non_null(strstr(file, "\r\n2;'2026-1;Bakker Jansen;geweigerd;;REQUIRED;"));
    assert_non_null(strstr(file, "\r\n3;'2026-1;Bakker Jansen;aangemeld;"));
    desk_free(desk);
}

static void only_welcome(struct fake *fake)
{
    desk_session(fake, SKP__V1__ROLE__ROLE_COUNSELLOR, NULL);
    fake_expect_end(fake);
}

/* Of another run at the same moment: 250 euros. */
static void record_beside(const char *csv, const char *told_by_row)
{
    struct desk *desk = open_desk(only_welcome);
    struct told told;
    state_run(&desk->scene->office,
              "INSERT INTO recorded SELECT request_id, 1, 1, 0, 1, 2, 25000, 20261116 FROM request",
              "");
    desk_hand_over(desk);
    record(desk, csv, &told);
    assert_int_equal(told.code, EXIT_SOME);
    assert_non_null(strstr(scene_read(desk->scene, "out.csv"), told_by_row));
    assert_int_equal(cli_open_state(&desk->cli), 0);
    assert_int_equal(desk_count(desk, "SELECT count(*) FROM recorded"), 1);
    assert_int_equal(desk_count(desk, "SELECT total_cents FROM recorded"), 25000);
    desk_free(desk);
}

static void what_is_on_its_way_is_not_replaced(void **state)
{
    (void)state;
    record_beside(ON_PAPER ROW("300,00"), "geweigerd;;CONFLICT;\"Gelijktijdige wijziging; probeer "
                                          "het opnieuw\";\"Probeer het later opnieuw; ");
}

static void the_same_on_its_way_is_waited_for(void **state)
{
    (void)state;
    record_beside(ON_PAPER ROW("250,00"), ";geweigerd;;OUTCOME_UNKNOWN;");
}

/* Which of both letters it was, the file must say. */
static void of_two_brands_by_letter_the_file_names_one(void **state)
{
    (void)state;
    struct desk *desk = desk_new(only_welcome, NULL);
    struct told told;
    scene_register(
        desk->scene,
        SCENE_HEADER SCENE_CASE("2026-1") "Bakker Jansen;;Krenten;;30;eerste;overig\r\n" SCENE_CASE(
            "2026-1") "Bakker Jansen;;Tarwe;;40;eerste;overig\r\n",
        false, NULL);
    struct envelope_batch batch = scene_outbox(desk->scene, &desk->scene->office);
    scene_settle(&desk->scene->office, &batch.batch_id, 0, 0, SKP_OK);
    desk_hand_over(desk);
    record(desk, ON_PAPER ROW("300,00"), &told);
    assert_int_equal(told.code, EXIT_SOME);
    assert_non_null(strstr(scene_read(desk->scene, "out.csv"),
                           ";niet eenduidig;;REQUIRED;kolom Merk: Verplicht veld is leeg;Vul de "
                           "kolom in;"));
    desk_free(desk);
}

/* Where there was one letter, a row needs no brand: who reads that a row is double must learn of which. */
static void a_row_with_and_one_without_the_brand_of_one_letter_name_each_other(void **state)
{
    static const char rows[] =
        "Dossier;Schuldeiser;Merk;Bedrag;Akkoord;Ontvangen;Uitkomst\r\n"
        "2026-1;Bakker Jansen;;250,00;voorstel nodig;16-11-2026;vorderingen\r\n"
        "2026-1;Bakker Jansen;Krenten;300,00;voorstel nodig;16-11-2026;vorderingen\r\n";
    (void)state;
    struct desk *desk = desk_new(take_one, NULL);
    struct told told;
    scene_register(desk->scene,
                   SCENE_HEADER SCENE_CASE("2026-1") "Bakker Jansen;;Krenten;;30;eerste;overig\r\n",
                   false, NULL);
    struct envelope_batch batch = scene_outbox(desk->scene, &desk->scene->office);
    scene_settle(&desk->scene->office, &batch.batch_id, 0, 0, SKP_OK);
    desk_hand_over(desk);
    record(desk, rows, &told);
    assert_int_equal(told.code, EXIT_SOME);
    const char *file = scene_read(desk->scene, "out.csv");
    assert_non_null(strstr(file, "\r\n2;'2026-1;Bakker Jansen;aangemeld;"));
    assert_non_null(strstr(file,
                           "\r\n3;'2026-1;Bakker Jansen;geweigerd;;DUPLICATE_ITEM;Regel staat er "
                           "dubbel in (zie ook regel 2);Haal de dubbele regel weg;"));
    desk_free(desk);
}

static void take_once_of_three(struct fake *fake)
{
    take_once(fake);
    only_welcome(fake);
}

/* Nobody could fill in the brand of the letter that was for none. */
static void an_empty_brand_is_that_of_the_letter_that_was_for_none(void **state)
{
    static const char rows[] =
        "Dossier;Schuldeiser;Merk;Bedrag;Akkoord;Ontvangen;Uitkomst\r\n"
        "2026-1;Bakker Jansen;;250,00;voorstel nodig;16-11-2026;vorderingen\r\n"
        "2026-1;Bakker Jansen;Krenten;300,00;voorstel nodig;16-11-2026;vorderingen\r\n";
    static const char forgotten[] =
        "Dossier;Schuldeiser;Merk;Bedrag;Akkoord;Ontvangen;Uitkomst\r\n"
        "2026-1;Bakker Jansen;;250,00;voorstel nodig;16-11-2026;vorderingen\r\n"
        "2026-1;Bakker Jansen;;300,00;voorstel nodig;16-11-2026;vorderingen\r\n";
    (void)state;
    struct desk *desk = desk_new(take_once_of_three, NULL);
    struct told told;
    scene_register(
        desk->scene,
        SCENE_HEADER SCENE_CASE("2026-1") "Bakker Jansen;;Krenten;;30;eerste;overig\r\n" SCENE_CASE(
            "2026-1") "Bakker Jansen;;;;40;eerste;overig\r\n",
        false, NULL);
    struct envelope_batch batch = scene_outbox(desk->scene, &desk->scene->office);
    scene_settle(&desk->scene->office, &batch.batch_id, 0, 0, SKP_OK);
    desk_hand_over(desk);
    record(desk, rows, &told);
    assert_int_equal(told.code, EXIT_ALL_OK);
    const char *file = scene_read(desk->scene, "out.csv");
    assert_non_null(strstr(file,
                           "\r\n2;'2026-1;Bakker Jansen;aangemeld;;;\"Vastgelegd bij de brief "
                           "zonder merk; er is ook een brief voor een merk\";Vul Merk in als "));
    assert_non_null(strstr(file, "\r\n3;'2026-1;Bakker Jansen;aangemeld;;;;;"));
    record(desk, forgotten, &told);
    assert_non_null(
        strstr(scene_read(desk->scene, "out.csv"),
               "\r\n3;'2026-1;Bakker Jansen;geweigerd;;DUPLICATE_ITEM;kolom Merk: Regel "
               "staat er dubbel in (zie ook regel 2);\"Vul Merk in als "));
    record(desk, ON_PAPER ROW("300,00"), &told); /* without the column nothing is said of a brand */
    assert_non_null(strstr(scene_read(desk->scene, "out.csv"), ";niet eenduidig;;REQUIRED;"));
    assert_int_equal(cli_open_state(&desk->cli), 0);
    assert_int_equal(desk_count(desk, "SELECT total_cents FROM recorded JOIN request USING"
                                      " (request_id) WHERE brand = ''"),
                     25000);
    assert_int_equal(desk_count(desk, "SELECT total_cents FROM recorded JOIN request USING"
                                      " (request_id) WHERE brand = 'Krenten'"),
                     30000);
    desk_free(desk);
}

/* It stands among the letters, but the broker was never told of it. */
static void an_answer_of_a_creditor_that_is_not_known_by_name_waits_for_its_oin(void **state)
{
    (void)state;
    struct desk *desk = desk_new(only_welcome, NULL);
    struct told told;
    scene_add_entry(desk->scene, SCENE_CREDITOR, "Bakker Jansen", NULL, true, NULL);
    scene_add_entry(desk->scene, SCENE_SECOND, "Bakker Jansen", NULL, true, NULL);
    scene_register(desk->scene, ASKED, false, NULL);
    struct envelope_batch batch = scene_outbox(desk->scene, &desk->scene->office);
    scene_settle(&desk->scene->office, &batch.batch_id, 0, 0, SKP_OK);
    desk_hand_over(desk);
    record(desk, ON_PAPER ROW("300,00"), &told);
    assert_int_equal(told.code, EXIT_SOME);
    assert_non_null(
        strstr(scene_read(desk->scene, "out.csv"), ";niet eenduidig;;CREDITOR_AMBIGUOUS;"));
    desk_free(desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_row_of_one_request_is_refused),
        cmocka_unit_test(a_row_that_was_refused_does_not_make_the_next_a_second_one),
        cmocka_unit_test(what_is_on_its_way_is_not_replaced),
        cmocka_unit_test(the_same_on_its_way_is_waited_for),
        cmocka_unit_test(of_two_brands_by_letter_the_file_names_one),
        cmocka_unit_test(a_row_with_and_one_without_the_brand_of_one_letter_name_each_other),
        cmocka_unit_test(an_empty_brand_is_that_of_the_letter_that_was_for_none),
        cmocka_unit_test(an_answer_of_a_creditor_that_is_not_known_by_name_waits_for_its_oin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
