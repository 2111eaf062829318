#include "testing.h"

#include "log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS INT64_C(1796292900123) /* 2026-12-03T10:15:00.123Z */

static struct clock_manual manual;
static char *text;
static size_t text_len;
static FILE *stream;

static int start(void **state)
{
    (void)state;
    clock_manual_init(&manual, NOW_MS);
    stream = open_memstream(&text, &text_len);
    log_set_stream(stream);
    log_set_clock(&manual.clock);
    log_set_level(LOG_INFO);
    return stream ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    log_set_stream(NULL);
    log_set_clock(NULL);
    log_set_level(LOG_INFO);
    fclose(stream);
    free(text);
    return 0;
}

/* The one line that was written, without time and newline; the next call sees the next one. */
static const char *last_line(void)
{
    static char line[LOG_LINE_MAX];
    static const char time[] = "2026-12-03T10:15:00.123Z ";
    assert_true(text_len > sizeof(time) - 1);
    assert_memory_equal(text, time, sizeof(time) - 1);
    assert_int_equal(text[text_len - 1], '\n');
    assert_ptr_equal(strchr(text, '\n'), text + text_len - 1);
    snprintf(line, sizeof(line), "%.*s", (int)(text_len - sizeof(time)), text + sizeof(time) - 1);
    rewind(stream);
    return line;
}

static size_t count_lines(void)
{
    size_t count = 0;
    for (size_t i = 0; i < text_len; i++)
        count += text[i] == '\n';
    return count;
}

static void a_line_is_time_level_event_and_pairs(void **state)
{
    (void)state;
    log_line(LOG_ERROR, "store_failed", "code=%d name=%s bytes=%zu", 702, "IO", (size_t)12);
    assert_string_equal(last_line(), "error store_failed code=702 name=IO bytes=12");
    log_line(LOG_INFO, "started", NULL);
    assert_string_equal(last_line(), "info started");
    log_line(LOG_INFO, "rate", "share=%d%% at=%" PRId64 " hex=%02x", 40, INT64_C(-5), 10U);
    assert_string_equal(last_line(), "info rate share=40% at=-5 hex=0a");
}

static void values_with_spaces_quotes_or_equals_signs_are_quoted(void **state)
{
    (void)state;
    log_line(LOG_INFO, "e", "why=%s n=%d", "idle too long", 3);
    assert_string_equal(last_line(), "info e why=\"idle too long\" n=3");
    log_line(LOG_INFO, "e", "a=%s b=%s c=%s", "", "x=y", "say \"no\" \\");
    assert_string_equal(last_line(), "info e a=\"\" b=\"x=y\" c=\"say \\\"no\\\" \\\\\"");
    log_line(LOG_INFO, "e", "peer=%s:%d", "a b", 80);
    assert_string_equal(last_line(), "info e peer=\"a b:80\"");
}

static void a_value_cannot_forge_a_line_or_a_key(void **state)
{
    (void)state;
    log_line(LOG_INFO, "e", "name=%s end=%d", "x\n2026 error forged key=1\t\x1b[31m\x7f\xc3\xa9",
             1);
    assert_string_equal(
        last_line(),
        "info e name=\"x\\x0a2026 error forged key=1\\x09\\x1b[31m\\x7f\\xc3\\xa9\" end=1");
}

static void lines_above_the_level_are_not_written(void **state)
{
    (void)state;
    log_line(LOG_DEBUG, "quiet", NULL);
    fflush(stream);
    assert_int_equal(text_len, 0);
    assert_false(log_enabled(LOG_DEBUG));
    log_set_level(LOG_DEBUG);
    log_line(LOG_DEBUG, "loud", NULL);
    assert_string_equal(last_line(), "debug loud");
    log_set_level(LOG_ERROR);
    assert_false(log_enabled(LOG_WARN));
    assert_true(log_enabled(LOG_ERROR));
}

static void level_names_go_both_ways(void **state)
{
    (void)state;
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
        enum log_level level;
        assert_true(log_level_parse(log_level_name((enum log_level)i), &level));
        assert_int_equal(level, i);
    }
    enum log_level untouched = LOG_WARN;
    assert_false(log_level_parse("verbose", &untouched));
    assert_int_equal(untouched, LOG_WARN);
}

static void a_line_that_is_too_long_is_cut_and_says_so(void **state)
{
    (void)state;
    char longer[3 * LOG_LINE_MAX];
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    log_line(LOG_INFO, "e", "long=%s", longer);
    assert_true(text_len <= LOG_LINE_MAX);
    assert_memory_equal(text + text_len - 4, "...\n", 4);
    rewind(stream);
    memset(longer, '\n', sizeof(longer) - 1);
    log_line(LOG_INFO, "e", "long=%s n=%d", longer, 1);
    assert_int_equal(count_lines(), 1);
    assert_memory_equal(text + text_len - 4, "...\n", 4);
}

static void warnings_of_one_event_are_limited_and_counted(void **state)
{
    (void)state;
    uint64_t before = log_suppressed_total();
    for (int i = 0; i < LOG_WARN_BURST + 7; i++)
        log_line(LOG_WARN, "flood", "n=%d", i);
    assert_int_equal(count_lines(), LOG_WARN_BURST);
    log_line(LOG_WARN, "other", NULL);
    log_line(LOG_ERROR, "flood", NULL);
    log_line(LOG_INFO, "flood", NULL);
    assert_int_equal(count_lines(), LOG_WARN_BURST + 3);
    assert_int_equal(log_suppressed_total() - before, 7);
}

static void after_the_window_the_line_says_how_many_were_dropped(void **state)
{
    (void)state;
    for (int i = 0; i < LOG_WARN_BURST + 7; i++)
        log_line(LOG_WARN, "flood", NULL);
    rewind(stream);
    clock_manual_advance(&manual, LOG_WARN_WINDOW_MS - 1);
    clock_manual_jump(&manual, 1 - LOG_WARN_WINDOW_MS);
    log_line(LOG_WARN, "flood", NULL);
    clock_manual_advance(&manual, 1);
    clock_manual_jump(&manual, -1);
    log_line(LOG_WARN, "flood", "n=%d", 1);
    assert_string_equal(last_line(), "warn flood suppressed=8 n=1");
    log_line(LOG_WARN, "flood", "n=%d", 2);
    assert_string_equal(last_line(), "warn flood n=2");
}

static void many_event_names_do_not_break_the_limit(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 200; i++) {
            char event[32];
            snprintf(event, sizeof(event), "event_%d", i);
            log_line(LOG_WARN, event, NULL);
        }
    }
    assert_int_equal(count_lines(), 600);
}

static void *write_many(void *arg)
{
    for (int i = 0; i < 200; i++)
        log_line(LOG_INFO, "thread", "n=%d name=%s", i, (const char *)arg);
    return NULL;
}

static void lines_of_several_threads_stay_whole(void **state)
{
    (void)state;
    static const char expected[] = "2026-12-03T10:15:00.123Z info thread n=";
    char names[4][2] = {"a", "b", "c", "d"};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, names[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(count_lines(), 800);
    for (char *line = text; line < text + text_len; line = strchr(line, '\n') + 1)
        assert_memory_equal(line, expected, sizeof(expected) - 1);
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(a_line_is_time_level_event_and_pairs),
        LOG_TEST(values_with_spaces_quotes_or_equals_signs_are_quoted),
        LOG_TEST(a_value_cannot_forge_a_line_or_a_key),
        LOG_TEST(lines_above_the_level_are_not_written),
        LOG_TEST(level_names_go_both_ways),
        LOG_TEST(a_line_that_is_too_long_is_cut_and_says_so),
        LOG_TEST(warnings_of_one_event_are_limited_and_counted),
        LOG_TEST(after_the_window_the_line_says_how_many_were_dropped),
        LOG_TEST(many_event_names_do_not_break_the_limit),
        LOG_TEST(lines_of_several_threads_stay_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
