/* Words on the command line become requests; answers become tables. */
#include "ctl_explain.h"
#include "ctl_print.h"
#include "ctl_request.h"

#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_WORDS 16

/* The request of a whole line of words, as JSON text; or the complaint. */
static const char *request_of(const char *line)
{
    static char text[4096];
    char copy[512];
    char *words[MAX_WORDS];
    char why[CTL_WHY_BYTES];
    bool file = false;
    int count = 0;
    int taken = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
        words[count++] = word;
    const struct ctl_command *command = ctl_command_find(count, words, &taken, why);
    json_t *request = command != NULL
                          ? ctl_request_build(command, count - taken, words + taken, &file, why)
                          : NULL;
    if (request == NULL) {
        snprintf(text, sizeof text, "%s", why);
        return text;
    }
    char *json = json_dumps(request, JSON_COMPACT);
    snprintf(text, sizeof text, "%s", json);
    free(json);
    json_decref(request);
    return text;
}

static void words_become_requests(void **state)
{
    (void)state;
    assert_string_equal(request_of("status"), "{\"command\":\"status\"}");
    assert_string_equal(
        request_of("participant add --oin 00000099000000001000 --name=TEST --role counsellor "
                   "--claim-kind HEALTH --claim-kind WATER --bsn-entitled"),
        "{\"command\":\"participant.add\",\"oin\":\"00000099000000001000\",\"name\":\"TEST\","
        "\"roles\":[\"counsellor\"],\"claim_kinds\":[\"HEALTH\",\"WATER\"],\"bsn_entitled\":true}");
    assert_string_equal(request_of("round open --agreement 1 --reason haast"),
                        "{\"command\":\"round.open\",\"agreement_id\":\"1\",\"reason\":\"haast\"}");
    assert_string_equal(request_of("clock advance --working-days 10"),
                        "{\"command\":\"clock.advance\",\"working_days\":10}");
    assert_string_equal(request_of("round open --agreement 1 --again --reason haast"),
                        "{\"command\":\"round.open\",\"agreement_id\":\"1\",\"again\":true,"
                        "\"reason\":\"haast\"}");
    assert_string_equal(request_of("round show 1"),
                        "{\"command\":\"round.show\",\"round_id\":\"1\"}");
    assert_string_equal(request_of("participant show 00000099000000001000"),
                        "{\"command\":\"participant.show\",\"oin\":\"00000099000000001000\"}");
    assert_string_equal(request_of("deadline release --count 0 --reason hersteld"),
                        "{\"command\":\"deadline.release\",\"count\":0,\"reason\":\"hersteld\"}");
    assert_string_equal(request_of("session list"), "{\"command\":\"sessions\"}");
}

static void words_may_be_shortened_while_unambiguous(void **state)
{
    (void)state;
    assert_string_equal(request_of("part li"), "{\"command\":\"participant.list\"}");
    assert_non_null(strstr(request_of("m l"), "mailbox metrics"));
    assert_string_equal(request_of("ma l"), "{\"command\":\"mailbox.list\"}");
    assert_non_null(strstr(request_of("r list"), "round reload"));
    assert_non_null(strstr(request_of("s"), "status session stop"));
    assert_non_null(strstr(request_of("round"), "open close list"));
    assert_non_null(strstr(request_of("round x"), "open close list"));
    assert_non_null(strstr(request_of("frobnicate"), "--help"));
}

static void mistakes_are_told_before_anything_is_sent(void **state)
{
    (void)state;
    assert_non_null(strstr(request_of("participant add --oin 1"), "--name is missing"));
    assert_non_null(strstr(request_of("participant add --oin 1 --oin 2"), "given twice"));
    assert_non_null(strstr(request_of("participant add --colour red"), "--colour is not"));
    assert_non_null(strstr(request_of("participant add --oin"), "--oin needs a value"));
    assert_non_null(strstr(request_of("participant add --bsn-entitled=yes"), "takes no value"));
    assert_non_null(strstr(request_of("clock advance"), "either"));
    assert_non_null(strstr(request_of("clock advance --to x --working-days 1"), "either"));
    assert_non_null(strstr(request_of("clock advance --working-days 0"), "whole number"));
    assert_non_null(strstr(request_of("agreement admit /nowhere/file"), "cannot be opened"));
    assert_non_null(strstr(request_of("status now"), "now is not an option"));
}

static void a_file_travels_as_base64(void **state)
{
    char path[] = "/tmp/skp-test-file-XXXXXX";
    char line[64];
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "\x00\x01\xff", 3), 3);
    close(fd);
    snprintf(line, sizeof line, "agreement admit %s", path);
    assert_string_equal(request_of(line),
                        "{\"command\":\"agreement.admit\",\"file_base64\":\"AAH/\"}");
    unlink(path);
}

typedef void (*print_fn)(FILE *stream, const json_t *answer);

static const char *printed_by(print_fn print, const char *json)
{
    static char text[4096];
    json_error_t error;
    json_t *answer = json_loads(json, 0, &error);
    assert_non_null(answer);
    text[0] = '\0';
    FILE *stream = fmemopen(text, sizeof text, "w");
    print(stream, answer);
    fclose(stream);
    json_decref(answer);
    return text;
}

static const char *printed(const char *json, bool refusal)
{
    return printed_by(refusal ? ctl_print_refusal : ctl_print_answer, json);
}

static void what_stands_beside_a_list_is_told_below_it(void **state)
{
    (void)state;
    assert_string_equal(
        printed("{\"ok\":true,\"rows\":[{\"due\":\"x\"}],\"more\":3,\"due_now\":4}", false),
        "due\nx\nmore     3\ndue_now  4\n");
    assert_string_equal(printed("{\"ok\":true,\"rows\":[{\"due\":\"x\"}]}", false), "due\nx\n");
}

static void print_csv(FILE *stream, const json_t *answer)
{
    ctl_print_csv(stream, answer, false);
}

static void print_csv_of_play(FILE *stream, const json_t *answer)
{
    ctl_print_csv(stream, answer, true);
}

static void csv_is_what_a_spreadsheet_keeps(void **state)
{
    (void)state;
    assert_string_equal(
        printed_by(
            print_csv,
            "{\"ok\":true,\"rows\":[{\"oin\":\"00000099200000001000\",\"name\":\"Eén; \\\"B\\\"\","
            "\"waiting\":-7,\"due\":null},{\"oin\":\"x\",\"name\":\"=cmd\",\"waiting\":0,"
            "\"due\":\"2026-12-03\"}]}"),
        "\xef\xbb\xbfoin;name;waiting;due\r\n"
        "'00000099200000001000;\"Eén; \"\"B\"\"\";-7;\r\n"
        "x;'=cmd;0;'2026-12-03\r\n");
    assert_string_equal(printed_by(print_csv, "{\"ok\":true,\"overdue\":3,\"play\":true}"),
                        "\xef\xbb\xbfoverdue;play\r\n3;yes\r\n");
    assert_string_equal(printed_by(print_csv, "{\"ok\":true,\"rows\":[]}"), "");
}

static void csv_of_a_play_says_so_on_every_row(void **state)
{
    (void)state;
    assert_string_equal(
        printed_by(print_csv_of_play, "{\"ok\":true,\"rows\":[{\"due\":\"x\"},{\"due\":\"y\"}]}"),
        "\xef\xbb\xbf"
        "due;Proef\r\nx;Ja\r\ny;Ja\r\n");
}

static void a_long_cell_of_csv_is_whole(void **state)
{
    (void)state;
    char *json = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&json, &len);
    assert_non_null(stream);
    fprintf(stream, "{\"ok\":true,\"rows\":[{\"name\":\"%0600d\",\"brands\":[\"=a\",\"%0700d\"]}]}",
            1, 2);
    assert_int_equal(fclose(stream), 0);
    const char *csv = printed_by(print_csv, json);
    const char *row = strchr(csv, '\n');
    assert_non_null(row);
    assert_int_equal(strlen(row + 1), 1 + 600 + 1 + 1 + 3 + 700 + 2);
    assert_int_equal(strncmp(row + 1, "'000", 4), 0);
    assert_non_null(strstr(row, ";'=a,000"));
    free(json);
}

static void lists_are_aligned_tables(void **state)
{
    (void)state;
    assert_string_equal(
        printed("{\"ok\":true,\"rows\":[{\"name\":\"Één\",\"waiting\":7,\"roles\":[\"a\",\"b\"]},"
                "{\"name\":\"Twee en meer\",\"waiting\":1200,\"roles\":null}]}",
                false),
        "name          waiting  roles\n"
        "Één                 7  a,b\n"
        "Twee en meer     1200  -\n");
    assert_string_equal(printed("{\"ok\":true,\"rows\":[]}", false), "nothing\n");
}

static void other_answers_are_names_and_values(void **state)
{
    (void)state;
    assert_string_equal(printed("{\"ok\":true,\"play\":true,\"commits\":12}", false),
                        "play     yes\ncommits  12\n");
    assert_string_equal(printed("{\"ok\":true}", false), "ok\n");
    assert_string_equal(printed("{\"ok\":true,\"text\":\"a 1\\nb 2\\n\"}", false), "a 1\nb 2\n");
}

static void an_answer_cannot_steer_the_terminal(void **state)
{
    (void)state;
    assert_string_equal(printed("{\"ok\":true,\"name\":\"a\\u001b[2Jb\\u007f\"}", false),
                        "name  a?[2Jb?\n");
}

static void a_refusal_says_what_to_do(void **state)
{
    (void)state;
    assert_string_equal(
        printed("{\"ok\":false,\"error\":{\"code\":305,\"name\":\"RECIPIENT_UNKNOWN\",\"path\":"
                "\"oin\",\"sentence\":\"no such recipient for you\",\"remedy\":\"look it up\"}}",
                true),
        "305 RECIPIENT_UNKNOWN (oin): no such recipient for you. What to do: look it up\n");
}

static bool explains(const char *what, const char *expected)
{
    char text[32768] = "";
    text[0] = '\0';
    FILE *stream = fmemopen(text, sizeof text, "w");
    bool found = ctl_explain(stream, what, false);
    fclose(stream);
    return found && strstr(text, expected) != NULL;
}

static void errors_are_explained_offline(void **state)
{
    (void)state;
    assert_true(explains("305", "RECIPIENT_UNKNOWN"));
    assert_true(explains("recipient_unknown", "305"));
    assert_true(explains("FRAME_", "FRAME_TOO_LARGE"));
    assert_true(explains(NULL, "DATA_LOSS"));
    assert_false(explains("999", ""));
    assert_false(explains("NONSENSE", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_requests),
        cmocka_unit_test(words_may_be_shortened_while_unambiguous),
        cmocka_unit_test(mistakes_are_told_before_anything_is_sent),
        cmocka_unit_test(a_file_travels_as_base64),
        cmocka_unit_test(what_stands_beside_a_list_is_told_below_it),
        cmocka_unit_test(csv_is_what_a_spreadsheet_keeps),
        cmocka_unit_test(csv_of_a_play_says_so_on_every_row),
        cmocka_unit_test(a_long_cell_of_csv_is_whole),
        cmocka_unit_test(lists_are_aligned_tables),
        cmocka_unit_test(other_answers_are_names_and_values),
        cmocka_unit_test(an_answer_cannot_steer_the_terminal),
        cmocka_unit_test(a_refusal_says_what_to_do),
        cmocka_unit_test(errors_are_explained_offline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
