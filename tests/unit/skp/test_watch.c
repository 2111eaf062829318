/* What ends a watch. */
#include "link_scene.h"

#include <signal.h>
#include <sys/wait.h>

static void sleep_ms(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

static void watch(struct desk *desk, const char *option, struct told *ret_told)
{
    char line[256];
    (void)snprintf(line, sizeof line, "--config %s counsellor watch%s", desk->config, option);
    run(line, ret_told);
}

/* ---------------------------------------------------------------- signals */

static void hear_nothing(struct fake *fake)
{
    char byte;
    fake_accept(fake);
    while (recv(fake->fd, &byte, 1, 0) > 0)
        continue;
}

static int watch_in_a_process(struct desk *desk, const char *option)
{
    struct told told;
    int status = 0;
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGTERM, SIG_DFL); /* as in a process that just began */
        watch(desk, option, &told);
        _exit(told.code);
    }
    sleep_ms(1000); /* connecting, until its wait of three seconds is over */
    assert_int_equal(kill(child, SIGTERM), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void a_signal_ends_what_is_still_connecting(void **state)
{
    (void)state;
    static const char *const options[] = {"", " --once"};
    for (size_t i = 0; i < 2; i++) {
        struct desk *desk = desk_new(hear_nothing, NULL);
        desk_hand_over(desk);
        int status = watch_in_a_process(desk, options[i]);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGTERM);
        desk_free(desk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_ends_what_is_still_connecting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
