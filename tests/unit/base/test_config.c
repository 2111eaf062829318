#include "testing.h"

#include "config.h"
#include "file.h"

#include <stdlib.h>
#include <unistd.h>

struct sample {
    struct config_address listen;
    struct config_address metrics;
    char store_path[CONFIG_TEXT_BYTES];
    char title[CONFIG_TEXT_BYTES];
    int64_t listen_port;
    int64_t offset;
    int64_t idle_ms;
    int64_t intake_bytes;
    bool play;
};

#define FIELD(name) offsetof(struct sample, name), NULL

static const struct config_option options[] = {
    {"listen", CONFIG_ADDRESS, "0.0.0.0:8443", 1, 0, NULL, "Where clients connect.", FIELD(listen)},
    {"metrics", CONFIG_ADDRESS, NULL, 0, 0, NULL, "Where metrics are served.", FIELD(metrics)},
    {"store_path", CONFIG_PATH, NULL, 1, 0, NULL, "The store's file.", FIELD(store_path)},
    {"title", CONFIG_TEXT, "a #1 \"broker\"", 0, 20, NULL, "Shown in Welcome.", FIELD(title)},
    {"listen_port", CONFIG_INT, "8443", 1, 65535, NULL, "A port.", FIELD(listen_port)},
    {"offset", CONFIG_INT, "0", -10, 10, "hours", "Hours.", FIELD(offset)},
    {"idle", CONFIG_DURATION, "90s", 1000, 3600000, NULL, "Silence that is allowed.",
     FIELD(idle_ms)},
    {"intake", CONFIG_SIZE, "64MiB", 0, INT64_C(1) << 40, NULL, "Intake.", FIELD(intake_bytes)},
    {"play", CONFIG_BOOL, "no", 0, 0, NULL, "A store for play.", FIELD(play)},
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

static struct sample sample;
static char why[CONFIG_WHY_BYTES];

static int start(void **state)
{
    (void)state;
    memset(&sample, 0xa5, sizeof(sample)); /* presets must not depend on zeroes */
    config_init(options, OPTION_COUNT, &sample);
    why[0] = '\0';
    return 0;
}

static enum skp_err parse(const char *text)
{
    return config_parse(options, OPTION_COUNT, "skpd.conf", span_text(text), &sample, why);
}

static void presets_fill_every_field(void **state)
{
    (void)state;
    assert_string_equal(sample.listen.host, "0.0.0.0");
    assert_int_equal(sample.listen.port, 8443);
    assert_string_equal(sample.metrics.host, "");
    assert_string_equal(sample.store_path, "");
    assert_string_equal(sample.title, "a #1 \"broker\"");
    assert_int_equal(sample.listen_port, 8443);
    assert_int_equal(sample.idle_ms, 90000);
    assert_int_equal(sample.intake_bytes, 64 << 20);
    assert_false(sample.play);
}

static void a_file_sets_what_it_names(void **state)
{
    (void)state;
    assert_ok(parse("\xef\xbb\xbf# first\r\n\n  listen = [::1]:9000   # IPv6\r\n"
                    "store_path=/var/lib/a#b.db\n"
                    "title = \"a # \\\"quoted\\\" \\\\\" # comment\n"
                    "listen_port\t=\t1\noffset = -10\nidle = 5m\nintake = 1GiB\nplay = Yes"));
    assert_string_equal(sample.listen.host, "::1");
    assert_int_equal(sample.listen.port, 9000);
    assert_string_equal(sample.store_path, "/var/lib/a#b.db");
    assert_string_equal(sample.title, "a # \"quoted\" \\");
    assert_int_equal(sample.listen_port, 1);
    assert_int_equal(sample.offset, -10);
    assert_int_equal(sample.idle_ms, 300000);
    assert_int_equal(sample.intake_bytes, 1 << 30);
    assert_true(sample.play);
}

static void units_and_words_are_read(void **state)
{
    (void)state;
    assert_ok(parse("idle = 1500ms\nintake = 0"));
    assert_int_equal(sample.idle_ms, 1500);
    assert_int_equal(sample.intake_bytes, 0);
    assert_ok(parse("idle = 1h\nintake = 4096\nplay = on"));
    assert_int_equal(sample.idle_ms, 3600000);
    assert_int_equal(sample.intake_bytes, 4096);
    assert_true(sample.play);
    assert_ok(parse("play = FALSE\nintake = 7KiB\nmetrics ="));
    assert_int_equal(sample.intake_bytes, 7168);
    assert_false(sample.play);
}

struct sentence {
    const char *text;
    const char *why;
};

static const struct sentence sentences[] = {
    {"\n\nlisten_port = 70000", "skpd.conf:3: listen_port: 70000 is over 65535; give 1 to 65535"},
    {"listen_port = 0", "skpd.conf:1: listen_port: 0 is under 1; give 1 to 65535"},
    {"offset = 11", "skpd.conf:1: offset: 11 is over 10; give -10 to 10 hours"},
    {"offset = ten", "skpd.conf:1: offset: ten is not a whole number; give -10 to 10 hours"},
    {"offset = 1.5", "skpd.conf:1: offset: 1.5 is not a whole number; give -10 to 10 hours"},
    {"offset = -", "skpd.conf:1: offset: - is not a whole number; give -10 to 10 hours"},
    {"offset =", "skpd.conf:1: offset: is not a whole number; give -10 to 10 hours"},
    {"offset = 99999999999999999999",
     "skpd.conf:1: offset: 99999999999999999999 is too large to count with; give -10 to 10 hours"},
    {"idle = 90", "skpd.conf:1: idle: 90 is not a duration as 500ms, 90s, 5m, 2h or 1d; "
                  "give 1s to 1h"},
    {"idle = 1d", "skpd.conf:1: idle: 1d is over 1h; give 1s to 1h"},
    {"idle = 0", "skpd.conf:1: idle: 0 is under 1s; give 1s to 1h"},
    {"idle = 999999999999999999d",
     "skpd.conf:1: idle: 999999999999999999d is too large to count with; give 1s to 1h"},
    {"intake = 5kb", "skpd.conf:1: intake: 5kb is not a size as 4096, 64KiB, 10MiB or 1GiB; "
                     "give 0 to 1024GiB"},
    {"intake = -1", "skpd.conf:1: intake: -1 is under 0; give 0 to 1024GiB"},
    {"play = perhaps", "skpd.conf:1: play: perhaps is neither yes nor no; give yes or no"},
    {"store_path =", "skpd.conf:1: store_path: is empty; give a path of at most 255 bytes"},
    {"title = 123456789012345678901",
     "skpd.conf:1: title: 123456789012345678901 is too long; give a text of at most 20 bytes"},
    {"title = a\x01", "skpd.conf:1: title: holds a control character or is not UTF-8; "
                      "give a text of at most 20 bytes"},
    {"title = a\xff", "skpd.conf:1: title: holds a control character or is not UTF-8; "
                      "give a text of at most 20 bytes"},
    {"listen = 8443", "skpd.conf:1: listen: 8443 is not an address; "
                      "give host:port, as 0.0.0.0:8443 or [::1]:8443"},
    {"listen = ::1:8443", "skpd.conf:1: listen: ::1:8443 is not an address; "
                          "give host:port, as 0.0.0.0:8443 or [::1]:8443"},
    {"listen = [::1]", "skpd.conf:1: listen: [::1] is not an address; "
                       "give host:port, as 0.0.0.0:8443 or [::1]:8443"},
    {"listen = [::1", "skpd.conf:1: listen: [::1 is not an address; "
                      "give host:port, as 0.0.0.0:8443 or [::1]:8443"},
    {"listen = a:65536", "skpd.conf:1: listen: a:65536 has no port from 1 to 65535; "
                         "give host:port, as 0.0.0.0:8443 or [::1]:8443"},
    {"listen = a:", "skpd.conf:1: listen: a: has no port from 1 to 65535; "
                    "give host:port, as 0.0.0.0:8443 or [::1]:8443"},
    {"listen =", "skpd.conf:1: listen: is empty; give host:port, as 0.0.0.0:8443 or [::1]:8443"},
    {"lisen_port = 1", "skpd.conf:1: lisen_port: no such option; did you mean listen_port?"},
    {"quite_other = 1",
     "skpd.conf:1: quite_other: no such option; see --help-config for all options"},
    {"play = yes\n# twice\nplay = yes",
     "skpd.conf:3: play: given before in line 1; remove one of the two"},
    {"play", "skpd.conf:1: not an option; write name = value, or start a comment with #"},
    {"= yes", "skpd.conf:1: not an option; write name = value, or start a comment with #"},
    {"pl ay = yes",
     "skpd.conf:1: the name holds a space, a quote or a strange character; write name = value"},
    {"a234567890123456789012345678901234567890123456789012345678901234 = 1",
     "skpd.conf:1: the name is too long; see --help-config for all options"},
    {"title = \"open", "skpd.conf:1: the closing quote is missing; add it"},
    {"title = \"open\\", "skpd.conf:1: a backslash in quotes stands before a quote or a backslash "
                         "only; write \\\\ for one backslash"},
    {"title = \"a\\n\"", "skpd.conf:1: a backslash in quotes stands before a quote or a backslash "
                         "only; write \\\\ for one backslash"},
    {"title = \"a\" b",
     "skpd.conf:1: text follows the closing quote; put the whole value in quotes"},
    {"title = a \"b\"",
     "skpd.conf:1: a quote in the middle of a value; put the whole value in quotes"},
};

static void every_error_says_place_reason_and_remedy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        assert_err(parse(sentences[i].text), SKP_E_CONFIG);
        assert_string_equal(why, sentences[i].why);
    }
}

static void a_nul_byte_and_an_endless_value_are_refused(void **state)
{
    (void)state;
    struct span nul = span_of("play = y\0es\n", 12);
    assert_err(config_parse(options, OPTION_COUNT, "f", nul, &sample, why), SKP_E_CONFIG);
    assert_string_equal(why, "f:1: a NUL byte; save the file as plain text");
    char text[3000] = "title = ";
    memset(text + 8, 'x', sizeof(text) - 9);
    text[sizeof(text) - 1] = '\0';
    assert_err(parse(text), SKP_E_CONFIG);
    assert_string_equal(why, "skpd.conf:1: the value is too long; shorten it");
    text[8] = '"';
    assert_err(parse(text), SKP_E_CONFIG);
    assert_string_equal(why, "skpd.conf:1: the value is too long; shorten it");
}

static void a_refused_value_leaves_its_field_alone(void **state)
{
    (void)state;
    assert_err(parse("listen = b:0"), SKP_E_CONFIG);
    assert_string_equal(sample.listen.host, "0.0.0.0");
    assert_err(parse("listen_port = 0"), SKP_E_CONFIG);
    assert_int_equal(sample.listen_port, 8443);
}

static void the_command_line_wins_and_speaks_of_itself(void **state)
{
    (void)state;
    char name[100];
    assert_ok(parse("listen_port = 1"));
    assert_ok(config_set(options, OPTION_COUNT, "listen_port", "2", &sample, why));
    assert_int_equal(sample.listen_port, 2);
    assert_err(config_set(options, OPTION_COUNT, "listen_port", "x", &sample, why), SKP_E_CONFIG);
    assert_string_equal(why, "command line: listen_port: x is not a whole number; give 1 to 65535");
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_err(config_set(options, OPTION_COUNT, name, "1", &sample, why), SKP_E_CONFIG);
    assert_string_equal(why,
                        "command line: the name is too long; see --help-config for all options");
}

static void what_must_be_given_is_asked_for(void **state)
{
    (void)state;
    assert_err(config_check(options, OPTION_COUNT, "skpd.conf", &sample, why), SKP_E_CONFIG);
    assert_string_equal(why, "skpd.conf: store_path: is missing; give a path of at most 255 bytes");
    assert_ok(parse("store_path = a.db"));
    assert_ok(config_check(options, OPTION_COUNT, "skpd.conf", &sample, why));
}

static void a_file_is_loaded_and_a_missing_one_is_named(void **state)
{
    (void)state;
    char path[] = "/tmp/skp-test-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_ok(file_write_atomic(path, span_text("listen_port = 12\nplay = 2\n"), 0600, why));
    char expected[CONFIG_WHY_BYTES];
    assert_err(config_load(options, OPTION_COUNT, path, &sample, why), SKP_E_CONFIG);
    snprintf(expected, sizeof(expected), "%s:2: play: 2 is neither yes nor no; give yes or no",
             path);
    assert_string_equal(why, expected);
    assert_int_equal(sample.listen_port, 12);
    unlink(path);
    assert_err(config_load(options, OPTION_COUNT, path, &sample, why), SKP_E_NOT_FOUND);
    assert_non_null(strstr(why, "No such file"));
}

static char *print_to_text(void (*print)(FILE *stream))
{
    char *text = NULL;
    size_t len;
    FILE *stream = open_memstream(&text, &len);
    assert_non_null(stream);
    print(stream);
    fclose(stream);
    return text;
}

static void print_effective(FILE *stream)
{
    config_print_effective(options, OPTION_COUNT, &sample, stream);
}

static void print_help(FILE *stream)
{
    config_print_help(options, OPTION_COUNT, stream);
}

static void what_is_in_force_reads_back_the_same(void **state)
{
    (void)state;
    assert_ok(parse("listen = [::1]:9000\nstore_path = \"/a b\\\\c\"\nidle = 61s\nplay = yes\n"
                    "intake = 3145729"));
    char *before = print_to_text(print_effective);
    assert_non_null(strstr(before, "listen = [::1]:9000\n"));
    assert_non_null(strstr(before, "metrics =\n"));
    assert_non_null(strstr(before, "title = \"a #1 \\\"broker\\\"\"\n"));
    assert_non_null(strstr(before, "idle = 61s\n"));
    struct sample old = sample;
    start(NULL);
    assert_ok(parse(before));
    assert_string_equal(sample.store_path, old.store_path);
    assert_string_equal(sample.store_path, "/a b\\c");
    assert_int_equal(sample.intake_bytes, 3145729);
    char *after = print_to_text(print_effective);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void the_manual_names_every_option_and_is_itself_a_valid_file(void **state)
{
    (void)state;
    char *manual = print_to_text(print_help);
    assert_non_null(strstr(manual, "# A port.\n# 1 to 65535.\n#listen_port = 8443\n"));
    assert_non_null(strstr(manual, "# The store's file.\n# a path of at most 255 bytes; "
                                   "must be given.\n#store_path =\n"));
    for (size_t i = 0; i < OPTION_COUNT; i++)
        assert_non_null(strstr(manual, options[i].help));
    assert_ok(parse(manual));
    free(manual);
}

#define CONFIG_TEST(f) cmocka_unit_test_setup(f, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(presets_fill_every_field),
        CONFIG_TEST(a_file_sets_what_it_names),
        CONFIG_TEST(units_and_words_are_read),
        CONFIG_TEST(every_error_says_place_reason_and_remedy),
        CONFIG_TEST(a_nul_byte_and_an_endless_value_are_refused),
        CONFIG_TEST(a_refused_value_leaves_its_field_alone),
        CONFIG_TEST(the_command_line_wins_and_speaks_of_itself),
        CONFIG_TEST(what_must_be_given_is_asked_for),
        CONFIG_TEST(a_file_is_loaded_and_a_missing_one_is_named),
        CONFIG_TEST(what_is_in_force_reads_back_the_same),
        CONFIG_TEST(the_manual_names_every_option_and_is_itself_a_valid_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
