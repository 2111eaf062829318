/* Which questions a command asks a broker, here a child with answers by heart, and how it ends. */
#include "ctl_run.h"

#include "testing.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define CLOCK "{\"ok\":true,\"play\":false}\n"
#define LIST  "{\"ok\":true,\"rows\":[{\"due\":\"x\"}]}\n"
#define REFUSED                                                                                    \
    "{\"ok\":false,\"error\":{\"code\":1,\"name\":\"BUSY\",\"sentence\":\"s\",\"remedy\":\"r\"}}"  \
    "\n"

/* Ends with the number of questions. */
static void answer_by_heart(int listener, const char *const *answers)
{
    char question[4096];
    int asked = 0, fd = accept(listener, NULL, NULL);
    while (read(fd, question, sizeof question) > 0) {
        const char *answer = answers[asked++];
        if (write(fd, answer, strlen(answer)) < 0)
            _exit(99);
    }
    _exit(asked);
}

static int run_csv(enum ctl_way way, const char *const *answers, int *ret_asked)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct ctl_command command = {.way = way};
    char folder[] = "/tmp/skpctl-XXXXXX", why[CTL_WHY_BYTES];
    int status = 0, listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/s", folder);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        answer_by_heart(listener, answers);
    struct ctl_channel *channel = ctl_channel_open(address.sun_path, why);
    assert_non_null(channel);
    int code = ctl_run(channel, &command, json_pack("{s:s}", "command", "x"), CTL_CSV);
    ctl_channel_close(channel);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    *ret_asked = WEXITSTATUS(status);
    (void)close(listener);
    assert_int_equal(unlink(address.sun_path), 0);
    assert_int_equal(rmdir(folder), 0);
    return code;
}

static void a_table_comes_only_when_the_broker_says_whether_it_is_a_play(void **state)
{
    int asked = 0;
    (void)state;
    assert_int_equal(run_csv(CTL_ASK, (const char *const[]){CLOCK, LIST}, &asked), EX_OK);
    assert_int_equal(asked, 2);
    assert_int_equal(run_csv(CTL_ASK, (const char *const[]){REFUSED, LIST}, &asked),
                     CTL_EXIT_REFUSED);
    assert_int_equal(asked, 1);
}

static void what_ends_without_a_table_does_not_ask_it(void **state)
{
    int asked = 0;
    (void)state;
    assert_int_equal(run_csv(CTL_STOP, (const char *const[]){REFUSED, REFUSED}, &asked),
                     CTL_EXIT_REFUSED);
    assert_int_equal(asked, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_comes_only_when_the_broker_says_whether_it_is_a_play),
        cmocka_unit_test(what_ends_without_a_table_does_not_ask_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
