/* What a watch outlives: a broker that is away, new revocation lists. And what ends it. */
#include "link_scene.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

/* Longer than the settings' wait. On a busy machine it may not be: then silence makes up for it. */
#define AWAY_MS 3300

/* Up to an empty mailbox. */
static void begin_watch(struct fake *fake)
{
    desk_session(fake, SKP__V1__ROLE__ROLE_COUNSELLOR, NULL);
    desk_directory(fake, NULL);
    fake_expect(fake, FRAME_FETCH);
    fake_waiting(fake, 0);
}

static void end_watch(struct fake *fake)
{
    (void)kill(getpid(), SIGTERM);
    fake_expect_end(fake);
}

static void watch(struct desk *desk, const char *option, struct told *ret_told)
{
    char line[256];
    (void)snprintf(line, sizeof line, "--config %s counsellor watch%s", desk->config, option);
    run(line, ret_told);
}

/* ---------------------------------------------------------------- a broker that is away */

static void say_directory(struct fake *fake, uint64_t tag)
{
    Skp__V1__Directory directory;
    skp__v1__directory__init(&directory);
    directory.tag = tag;
    fake_send(fake, FRAME_DIRECTORY, &directory.base);
}

static const ProtobufCMessage *hear(struct fake *fake, enum frame_type *ret_type)
{
    const ProtobufCMessage *said = fake_receive(fake, ret_type);
    if (said == NULL)
        fake_die("it is gone");
    if (*ret_type == FRAME_FETCH)
        fake_waiting(fake, 0);
    return said;
}

/* Says nothing to the question with `given_up`, until there is another one. */
static void answer_the_next_try(struct fake *fake, uint64_t given_up)
{
    enum frame_type type;
    uint64_t tag = given_up;
    while (tag == given_up) {
        const ProtobufCMessage *said = hear(fake, &type);
        if (type == FRAME_DIRECTORY_GET)
            tag = ((const Skp__V1__DirectoryGet *)said)->tag;
    }
    say_directory(fake, tag);
}

static void be_away_when_the_directory_is_asked(struct fake *fake)
{
    begin_watch(fake);
    uint64_t tag = ((const Skp__V1__DirectoryGet *)fake_expect(fake, FRAME_DIRECTORY_GET))->tag;
    fake_hang_up(fake);
    sleep_ms(AWAY_MS);
    desk_session(fake, SKP__V1__ROLE__ROLE_COUNSELLOR, NULL);
    answer_the_next_try(fake, tag);
    end_watch(fake);
}

/* As if creditors had asked to seal again what `rows` names. */
static void ask_to_reseal(struct desk *desk, const char *rows)
{
    char sql[256];
    (void)snprintf(sql, sizeof sql, "INSERT INTO reseal %s", rows);
    assert_int_equal(sqlite3_exec(desk->scene->office.db, sql, NULL, NULL, NULL), SQLITE_OK);
    desk_hand_over(desk);
}

static void sealing_again_waits_for_a_broker_that_is_away(void **state)
{
    (void)state;
    struct told told;
    struct desk *desk = desk_new(be_away_when_the_directory_is_asked, NULL);
    ask_to_reseal(desk, "VALUES (randomblob(16), randomblob(16), 8, 1, 0, 0)");
    watch(desk, "", &told);
    assert_int_equal(told.code, EXIT_ALL_OK);
    desk_free(desk);
}

/* Once more by libskp itself; then it fetches again, when it has waited long enough for the receipt. */
static void take_batch_until_it_waits_no_longer(struct fake *fake)
{
    enum frame_type type;
    size_t batches = 0, fetches = 0;
    while (batches < 1 || fetches < 2) {
        (void)hear(fake, &type);
        batches += type == FRAME_BEGIN;
        fetches += type == FRAME_FETCH;
    }
    if (batches != 1)
        fake_die("the batch came %zu times", batches);
}

static void leave_a_batch_without_receipt(struct fake *fake)
{
    begin_watch(fake);
    desk_directory(fake, NULL);
    fake_take_batch(fake);
    fake_hang_up(fake);
    desk_session(fake, SKP__V1__ROLE__ROLE_COUNSELLOR, NULL);
    take_batch_until_it_waits_no_longer(fake);
    sleep_ms(300); /* long enough to send it twice */
    if (has_said("opnieuw verstuurd: 1"))
        fake_die("it is told before the receipt came");
    fake_receipt(fake);
    if (!will_say("opnieuw verstuurd: 1 saldoverzoek\n"))
        fake_die("it is not told");
    sleep_ms(300); /* long enough to try the other one again */
    end_watch(fake);
}

static void a_batch_without_receipt_does_not_leave_twice_and_is_told_when_it_is_there(void **state)
{
    (void)state;
    struct told told;
    struct desk *desk = desk_new(leave_a_batch_without_receipt, NULL);
    scene_add_entry(desk->scene, SCENE_CREDITOR, "Telecom Zeemeeuw", "Zeemeeuw", true, NULL);
    scene_register(
        desk->scene,
        SCENE_HEADER SCENE_CASE("2026-1") "Zeemeeuw;;;F-001;12,50;eerste;telecom\r\n" SCENE_CASE(
            "2026-2") "Zeemeeuw;;;F-002;12,50;eerste;telecom\r\n",
        false, NULL);
    /* One is sealed again, and in the outbox; of the other one the creditor is not in the directory. */
    ask_to_reseal(desk,
                  "SELECT request_id, bundle_id, 8, 1, row_number() OVER () % 2, 0 FROM request");
    watch(desk, "", &told);
    assert_int_equal(told.code, EXIT_SOME);
    const char *left = strstr(told.text, "is niet opnieuw verstuurd");
    assert_non_null(left);
    assert_null(strstr(left + 1, "is niet opnieuw verstuurd"));
    assert_int_equal(cli_open_state(&desk->cli), 0);
    assert_int_equal(desk_count(desk, "SELECT count(*) FROM outbox"), 0);
    assert_int_equal(desk_count(desk, "SELECT count(*) FROM receipt"), 1);
    desk_free(desk);
}

/* ---------------------------------------------------------------- nothing new */

static atomic_int asked_for_reseals; /* of the state database */

int64_t __real_state_number(struct state_db *db, int64_t otherwise, const char *sql,
                            const char *types, ...);
int64_t __wrap_state_number(struct state_db *db, int64_t otherwise, const char *sql,
                            const char *types, ...);

int64_t __wrap_state_number(struct state_db *db, int64_t otherwise, const char *sql,
                            const char *types, ...)
{
    assert_string_equal(types, ""); /* no parameters to hand on */
    asked_for_reseals += strstr(sql, "FROM reseal") != NULL;
    return __real_state_number(db, otherwise, sql, types);
}

static void say_nothing_for_some_turns(struct fake *fake)
{
    begin_watch(fake);
    sleep_ms(400); /* what came is dealt with */
    int before = asked_for_reseals;
    sleep_ms(800);
    if (asked_for_reseals != before)
        fake_die("asked %d times", asked_for_reseals - before);
    end_watch(fake);
}

static void a_turn_without_news_asks_the_database_nothing(void **state)
{
    (void)state;
    struct told told;
    struct desk *desk = desk_new(say_nothing_for_some_turns, NULL);
    desk_hand_over(desk);
    watch(desk, "", &told);
    assert_int_equal(told.code, EXIT_ALL_OK);
    desk_free(desk);
}

/* ---------------------------------------------------------------- files that change */

static void replace_the_crl(struct fake *fake)
{
    const char *crl = desk_of(fake)->crl;
    char aside[PATH_MAX];
    (void)snprintf(aside, sizeof aside, "%s.aside", crl);
    begin_watch(fake);
    if (rename(crl, aside) != 0)
        fake_die("cannot move the CRL away");
    if (!will_say("gaat verder met de vorige"))
        fake_die("it did not miss the CRL");
    fake_waiting(fake, 0); /* the session still stands */
    if (rename(aside, crl) != 0)
        fake_die("cannot move the CRL back");
    fake_expect_end(fake);
    desk_session(fake, SKP__V1__ROLE__ROLE_COUNSELLOR, NULL);
    fake_expect(fake, FRAME_FETCH);
    fake_waiting(fake, 0);
    end_watch(fake);
}

static void a_new_crl_is_taken_over_by_a_new_session(void **state)
{
    (void)state;
    struct told told;
    struct desk *desk = desk_new(replace_the_crl, NULL);
    watch(desk, "", &told);
    assert_int_equal(told.code, EXIT_ALL_OK);
    says(&told, "gaat verder met de vorige");
    desk_free(desk);
}

/* ---------------------------------------------------------------- signals */

/* Says nothing; `ctx` is a pipe to tell that it began. */
static void hear_nothing(struct fake *fake)
{
    char byte = 0;
    fake_accept(fake);
    if (write(((const int *)fake->ctx)[1], &byte, 1) != 1)
        fake_die("cannot tell");
    while (recv(fake->fd, &byte, 1, 0) > 0)
        continue;
}

static int watch_in_a_process(struct desk *desk, const char *option)
{
    struct told told;
    char byte;
    int status = 0;
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGTERM, SIG_DFL); /* as in a process that just began */
        watch(desk, option, &told);
        _exit(told.code);
    }
    assert_int_equal(read(((const int *)desk->fake.ctx)[0], &byte, 1), 1); /* it is connecting */
    assert_int_equal(kill(child, SIGTERM), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void a_signal_ends_what_is_still_connecting(void **state)
{
    (void)state;
    static const char *const options[] = {"", " --once"};
    for (size_t i = 0; i < 2; i++) {
        int began[2];
        assert_int_equal(pipe(began), 0);
        struct desk *desk = desk_new(hear_nothing, began);
        desk_hand_over(desk);
        int status = watch_in_a_process(desk, options[i]);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGTERM);
        desk_free(desk);
        (void)close(began[0]);
        (void)close(began[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealing_again_waits_for_a_broker_that_is_away),
        cmocka_unit_test(a_batch_without_receipt_does_not_leave_twice_and_is_told_when_it_is_there),
        cmocka_unit_test(a_turn_without_news_asks_the_database_nothing),
        cmocka_unit_test(a_new_crl_is_taken_over_by_a_new_session),
        cmocka_unit_test(a_signal_ends_what_is_still_connecting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
