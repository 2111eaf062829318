/* The command line as a person meets it: the whole program, with what it prints. */
#include "skp_scene.h"

#include "told.h"

static size_t times(const struct told *told, const char *text)
{
    size_t count = 0;
    for (const char *at = told->text; (at = strstr(at, text)); at++)
        count++;
    return count;
}

static void help_works_anywhere_and_needs_no_configuration(void **state)
{
    static const char *const lines[] = {
        "counsellor register --help",
        "--help counsellor register",
        "--config /nowhere.conf counsellor register aanmelding.csv --help --check",
    };
    struct told told;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        run(lines[i], &told);
        assert_int_equal(told.code, EXIT_ALL_OK);
        says(&told, "skp counsellor register FILE.csv");
        does_not_say(&told, "skp counsellor watch");
    }
}

static void a_group_lists_its_own_commands(void **state)
{
    struct told told;
    (void)state;
    run("creditor --help", &told);
    assert_int_equal(told.code, EXIT_ALL_OK);
    says(&told, "skp creditor waiting");
    says(&told, "skp creditor collect --out DIR");
    says(&told, "skp creditor answer");
    does_not_say(&told, "skp counsellor");
    run("--help", &told);
    says(&told, "skp counsellor watch");
    says(&told, "skp creditor waiting");
}

static void help_on_an_agreement_shows_what_its_description_holds(void **state)
{
    struct told told;
    (void)state;
    run("agreement draft --help", &told);
    assert_int_equal(told.code, EXIT_ALL_OK);
    says(&told, "skp agreement draft --from");
    says(&told, "consent_form");
}

static void what_is_not_there_has_no_help(void **state)
{
    struct told told;
    (void)state;
    run("banker --help", &told);
    assert_int_equal(told.code, EXIT_USAGE);
    says(&told, "onbekende opdracht: banker");
}

static void the_version_is_said(void **state)
{
    struct told told;
    (void)state;
    run("--version", &told);
    assert_int_equal(told.code, EXIT_ALL_OK);
    assert_string_equal(told.text, "skp " SKP_VERSION "\n");
}

static void json_and_language_work_behind_the_command(void **state)
{
    struct told told;
    (void)state;
    run("show NOT_FOUND --json", &told);
    assert_int_equal(told.code, EXIT_ALL_OK);
    assert_int_equal(told.text[0], '{');
    says(&told, "\"exit\": 0");
    run("show --language en NOT_FOUND", &told);
    says(&told, "there is no such thing");
    run("show NOT_FOUND", &told);
    says(&told, "Niet gevonden");
    run("show NOT_FOUND --language fr", &told);
    assert_int_equal(told.code, EXIT_USAGE);
}

static void a_missing_option_is_called_missing_and_not_unknown(void **state)
{
    static const struct {
        const char *line, *said;
    } cases[] = {
        {"agreement draft --from a.conf",
         "er ontbreekt: --out FILE; zie skp agreement draft --help"},
        {"agreement draft --out a.skp", "er ontbreekt: --from FILE.conf"},
        {"agreement draft --from", "er ontbreekt een waarde achter --from"},
        {"agreement draft --form a.conf", "onbekende optie --form"},
        {"agreement show", "er ontbreekt: FILE"},
        {"agreement show a b", "te veel: b"},
        {"agreement show a --language", "er ontbreekt een waarde achter --language"},
        {"creditor waiting --soon --config /nowhere.conf", "onbekende optie --soon"},
        {"", "er ontbreekt: een opdracht"},
    };
    struct told told;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(cases[i].line, &told);
        assert_int_equal(told.code, EXIT_USAGE);
        says(&told, cases[i].said);
        does_not_say(&told, "Onbekende opdracht of optie");
    }
}

static void a_file_that_is_not_there_is_said_once(void **state)
{
    struct scene *scene = scene_new();
    struct told told;
    char line[3 * PATH_MAX]; /* the folder of the tests is of any length */
    (void)state;
    (void)snprintf(line, sizeof line, "counsellor record-answer /nope.csv --config %s",
                   scene_file(scene, "a.conf",
                              "host = h\nca = a\ncrl = a\ntls_cert = a\ntls_key = a\n"
                              "sign_cert = a\nsign_key = a\nenc_cert = a\nenc_key = a\n"
                              "state = /nowhere\n"));
    run(line, &told);
    assert_int_equal(told.code, EXIT_DATA);
    assert_string_equal(told.text, "/nope.csv: Niet gevonden (No such file or directory)\n");
    (void)strcat(line, " --language en");
    run(line, &told);
    assert_int_equal(times(&told, "No such file"), 1);
    says(&told, "there is no such thing");
    scene_free(scene);
}

static const char *settings_of(struct scene *scene)
{
    return scene_file(scene, "a.conf",
                      "host = h\nca = a\ncrl = a\ntls_cert = a\ntls_key = a\n"
                      "sign_cert = a\nsign_key = a\nenc_cert = a\nenc_key = a\n"
                      "state = /nowhere\n");
}

static void expect_content(const char *path, const char *expected)
{
    char text[256];
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t len = fread(text, 1, sizeof text - 1, in);
    text[len] = '\0';
    (void)fclose(in);
    assert_string_equal(text, expected);
}

/* The settings lead nowhere: whatever is said is said before anything is sent. */
static void what_is_read_is_never_written_to(void **state)
{
    static const char *const lines[][2] = {
        {"counsellor register", "--result"},
        {"counsellor register /nope.csv --bsn", "--result"},
        {"counsellor record-answer", "--result"},
        {"creditor answer", "--result"},
        {"counsellor creditors", "--out"},
        {"agreement draft --from", "--out"},
    };
    struct scene *scene = scene_new();
    struct told told;
    char config[PATH_MAX], file[PATH_MAX], other[PATH_MAX], line[3 * PATH_MAX + 128];
    (void)state;
    (void)snprintf(config, sizeof config, "%s", settings_of(scene));
    (void)snprintf(file, sizeof file, "%s", scene_file(scene, "in.csv", "Dossier\n1\n"));
    (void)snprintf(other, sizeof other, "%.*s/out.csv", (int)(strrchr(file, '/') - file), file);
    assert_int_equal(symlink(file, other), 0);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        (void)snprintf(line, sizeof line, "--config %s %s %s %s %s", config, lines[i][0], file,
                       lines[i][1], other);
        run(line, &told);
        assert_int_equal(told.code, EXIT_USAGE);
        says(&told, "dit bestand wordt gelezen");
        expect_content(file, "Dossier\n1\n");
    }
    assert_int_equal(unlink(other), 0);
    scene_free(scene);
}

static void a_result_that_cannot_be_written_stops_before_anything_is_sent(void **state)
{
    struct scene *scene = scene_new();
    struct told told;
    char config[PATH_MAX], file[PATH_MAX], line[3 * PATH_MAX];
    (void)state;
    (void)snprintf(config, sizeof config, "%s", settings_of(scene));
    (void)snprintf(file, sizeof file, "%s", scene_file(scene, "in.csv", "Dossier\n1\n"));
    (void)snprintf(line, sizeof line, "--config %s counsellor register %s --result /nope/x.csv",
                   config, file);
    run(line, &told);
    assert_int_equal(told.code, EXIT_IO);
    says(&told, "/nope/x.csv");
    says(&told, "Er is niets verstuurd.");
    (void)snprintf(line, sizeof line, "--config %s counsellor register /nope.csv --result %s",
                   config, file);
    run(line, &told);
    assert_int_equal(told.code, EXIT_USAGE);
    says(&told, "hier staat al een ander bestand");
    expect_content(file, "Dossier\n1\n");
    scene_free(scene);
}

#define ENC_FILES TEST_CERTS "/participants/" SCENE_COUNSELLOR "/enc"

static void a_folder_that_cannot_be_made_is_told_with_the_reason(void **state)
{
    static const char *const commands[] = {"creditor report",
                                           "creditor collect --out /proc/nowhere", "cert publish"};
    struct scene *scene = scene_new();
    struct told told;
    char line[3 * PATH_MAX];
    (void)state;
    const char *config = scene_file(scene, "a.conf",
                                    "host = h\ncrl = a\ntls_cert = a\ntls_key = a\nsign_cert = a\n"
                                    "sign_key = a\nca = a\nstate = /proc/nowhere\n"
                                    "enc_cert = " ENC_FILES ".pem\nenc_key = " ENC_FILES ".key\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        (void)snprintf(line, sizeof line, "--config %s %s", config, commands[i]);
        run(line, &told);
        assert_int_equal(told.code, EXIT_IO);
        says(&told, "Lezen of schrijven is mislukt");
        says(&told, "/proc/nowhere");
        says(&told, "No such file or directory");
    }
    scene_free(scene);
}

static void a_failure_in_json_holds_what_a_program_needs(void **state)
{
    struct scene *scene = scene_new();
    struct told told;
    char config[PATH_MAX], file[PATH_MAX], line[3 * PATH_MAX];
    (void)state;
    (void)snprintf(config, sizeof config, "%s", settings_of(scene));
    (void)snprintf(file, sizeof file, "%s", scene_file(scene, "in.csv", "Dossier;Naam\n1;2\n"));
    (void)snprintf(line, sizeof line, "--config %s counsellor record-answer %s --json", config,
                   file);
    run(line, &told);
    assert_int_equal(told.code, EXIT_DATA);
    says(&told, "\"error\": \"CSV_HEADER\"");
    says(&told, "\"line\": 1");
    says(&told, "\"column\": \"Schuldeiser\"");
    says(&told, "\"sentence\": \"regel 1, kolom Schuldeiser");
    says(&told, "\"remedy\": \"");
    says(&told, "\"file\": \"");
    scene_free(scene);
}

static void a_wrong_word_behind_a_group_is_the_one_that_is_named(void **state)
{
    struct told told;
    (void)state;
    run("counsellor regster x", &told);
    assert_int_equal(told.code, EXIT_USAGE);
    assert_string_equal(told.text, "onbekende opdracht: regster; zie skp counsellor --help\n");
    run("counsellor --nonsense", &told);
    assert_string_equal(told.text, "onbekende optie --nonsense; zie skp counsellor --help\n");
    run("banker x", &told);
    assert_string_equal(told.text, "onbekende opdracht: banker; zie skp --help\n");
}

static void settings_that_are_not_there_say_how_to_give_them(void **state)
{
    struct told told;
    (void)state;
    run("counsellor report --config /nope/skp.conf", &told);
    assert_int_equal(told.code, EXIT_SETTINGS);
    says(&told, "geef --config BESTAND of zet SKP_CONFIG");
}

static void a_receipt_is_checked_with_anchors_alone(void **state)
{
    struct scene *scene = scene_new();
    struct told told;
    char line[3 * PATH_MAX]; /* the folder of the tests is of any length */
    const char *file = scene_file(scene, "a.skp", "no receipt");
    (void)state;
    (void)snprintf(line, sizeof line, "verify-receipt %s --ca %s/ca.pem", file, TEST_CERTS);
    run(line, &told);
    assert_int_equal(told.code, EXIT_USAGE);
    says(&told, "er ontbreekt: --crl FILE");
    (void)snprintf(line, sizeof line, "verify-receipt %s --ca %s/ca.pem --crl %s/crl.pem --json",
                   file, TEST_CERTS, TEST_CERTS);
    run(line, &told);
    assert_int_equal(told.code, EXIT_DATA);
    says(&told, "a.skp");
    does_not_say(&told, "CONFIG");
    scene_free(scene);
}

static void one_is_no_plural(void **state)
{
    struct cli cli = {0};
    (void)state;
    assert_string_equal(cli_noun(&cli, 1, NOUN_CASE), "dossier");
    assert_string_equal(cli_noun(&cli, 0, NOUN_LIST), "lijsten");
    assert_string_equal(cli_noun(&cli, 2, NOUN_ROW), "regels");
    cli.english = true;
    assert_string_equal(cli_noun(&cli, 1, NOUN_BATCH), "batch");
    for (int noun = NOUN_CASE; noun <= NOUN_BATCH; noun++)
        assert_string_not_equal(cli_noun(&cli, 1, (enum noun)noun),
                                cli_noun(&cli, 2, (enum noun)noun));
}

static void a_participant_is_called_by_name_and_oin(void **state)
{
    struct scene *scene = scene_new();
    char text[BOOK_LABEL_BYTES];
    (void)state;
    scene_add_entry(scene, SCENE_CREDITOR, "Telecom Zeemeeuw", NULL, true, NULL);
    scene_add_entry(scene, SCENE_SECOND, "\x1b[2J", NULL, true, NULL);
    assert_string_equal(book_label(&scene->book, SCENE_CREDITOR, text),
                        "Telecom Zeemeeuw " SCENE_CREDITOR);
    assert_string_equal(book_label(&scene->book, SCENE_SECOND, text), SCENE_SECOND);
    assert_string_equal(book_label(&scene->book, SCENE_COUNSELLOR, text), SCENE_COUNSELLOR);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_works_anywhere_and_needs_no_configuration),
        cmocka_unit_test(a_group_lists_its_own_commands),
        cmocka_unit_test(help_on_an_agreement_shows_what_its_description_holds),
        cmocka_unit_test(what_is_not_there_has_no_help),
        cmocka_unit_test(the_version_is_said),
        cmocka_unit_test(json_and_language_work_behind_the_command),
        cmocka_unit_test(a_missing_option_is_called_missing_and_not_unknown),
        cmocka_unit_test(a_file_that_is_not_there_is_said_once),
        cmocka_unit_test(what_is_read_is_never_written_to),
        cmocka_unit_test(a_result_that_cannot_be_written_stops_before_anything_is_sent),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_told_with_the_reason),
        cmocka_unit_test(a_failure_in_json_holds_what_a_program_needs),
        cmocka_unit_test(a_wrong_word_behind_a_group_is_the_one_that_is_named),
        cmocka_unit_test(settings_that_are_not_there_say_how_to_give_them),
        cmocka_unit_test(a_receipt_is_checked_with_anchors_alone),
        cmocka_unit_test(one_is_no_plural),
        cmocka_unit_test(a_participant_is_called_by_name_and_oin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
