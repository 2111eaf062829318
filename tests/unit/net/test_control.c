/* The operator's socket: lines in, lines out, and who may. */
#include "control.h"
#include "net_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct desk {
    struct net *net;
    struct control *control;
    char path[64];
    int fd;
};

static struct control_config config_of(const struct desk *desk)
{
    return (struct control_config){.base = desk->net->base,
                                   .server = desk->net->server,
                                   .path = desk->path,
                                   .stop_grace_ms = 1000};
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_true(fd >= 0);
    assert_ok(connect(fd, (struct sockaddr *)&address, sizeof address));
    assert_ok(fcntl(fd, F_SETFL, O_NONBLOCK));
    return fd;
}

static int desk_setup(void **state)
{
    char why[CONTROL_WHY_BYTES];
    struct desk *desk = calloc(1, sizeof *desk);
    assert_non_null(desk);
    net_setup((void **)&desk->net);
    snprintf(desk->path, sizeof desk->path, "/tmp/skp-test-control-%d", (int)getpid());
    struct control_config config = config_of(desk);
    assert_ok(control_open(&config, &desk->control, why));
    desk->fd = connect_to(desk->path);
    *state = desk;
    return 0;
}

static int desk_teardown(void **state)
{
    struct desk *desk = *state;
    close(desk->fd);
    control_close(desk->control);
    assert_int_equal(access(desk->path, F_OK), -1);
    net_teardown((void **)&desk->net);
    free(desk);
    return 0;
}

static void ask(struct desk *desk, const char *line)
{
    assert_int_equal(write(desk->fd, line, strlen(line)), (ssize_t)strlen(line));
    net_pump(desk->net);
}

/* All there is to read, as text. */
static char *hear(struct desk *desk)
{
    static char text[65536];
    ssize_t len = read(desk->fd, text, sizeof text - 1);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

static json_t *hear_json(struct desk *desk)
{
    json_error_t error;
    json_t *answer = json_loads(hear(desk), 0, &error);
    assert_non_null(answer);
    return answer;
}

static void expect_error(struct desk *desk, enum skp_err err)
{
    json_t *answer = hear_json(desk);
    const json_t *error = json_object_get(answer, "error");
    assert_true(json_is_false(json_object_get(answer, "ok")));
    assert_int_equal(json_integer_value(json_object_get(error, "code")), err);
    assert_string_equal(json_string_value(json_object_get(error, "name")), skp_error_name(err));
    assert_non_null(json_string_value(json_object_get(error, "remedy")));
    if (!fake_gave(err))
        test_met((int)err);
    json_decref(answer);
}

static void the_socket_is_for_its_owner_only(void **state)
{
    struct desk *desk = *state;
    struct stat status;
    assert_ok(stat(desk->path, &status));
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void other_commands_are_the_engines(void **state)
{
    struct desk *desk = *state;
    ask(desk, "{\"command\":\"participant.list\"}\n");
    struct engine_call *call = fake_take(desk->net->engine, ENGINE_ADMIN);
    assert_memory_equal(call->request.data, "{\"command\":\"participant.list\"}",
                        call->request.len);
    call->answer_text = "{\"ok\":true,\"rows\":[]}";
    fake_finish(call, SKP_OK);
    net_pump(desk->net);
    assert_string_equal(hear(desk), "{\"ok\":true,\"rows\":[]}\n");
}

static void answers_come_in_the_order_of_the_requests(void **state)
{
    struct desk *desk = *state;
    ask(desk, "{\"command\":\"status\"}\n{\"command\":\"sessions\"}\n{\"command\":\"sta");
    assert_string_equal(hear(desk), "");
    struct engine_call *call = fake_take(desk->net->engine, ENGINE_ADMIN_READ);
    call->answer_text = "{\"ok\":true}";
    fake_finish(call, SKP_OK);
    net_pump(desk->net);
    assert_string_equal(hear(desk), "{\"ok\":true}\n{\"ok\":true,\"rows\":[]}\n");
    ask(desk, "tus\"}\n");
    fake_finish(fake_take(desk->net->engine, ENGINE_ADMIN_READ), SKP_E_UNAVAILABLE);
    net_pump(desk->net);
    expect_error(desk, SKP_E_UNAVAILABLE);
}

static void sessions_are_listed(void **state)
{
    struct desk *desk = *state;
    struct peer peer;
    peer_open_up(&peer, desk->net, OIN_CREDITOR);
    ask(desk, "{\"command\":\"sessions\"}\n");
    json_t *answer = hear_json(desk);
    const json_t *row = json_array_get(json_object_get(answer, "rows"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "peer")), OIN_CREDITOR);
    assert_string_equal(json_string_value(json_object_get(row, "state")), "up");
    json_decref(answer);
    peer_free(&peer);
}

static void metrics_are_prometheus_text(void **state)
{
    struct desk *desk = *state;
    struct peer peer;
    peer_open(&peer, desk->net, OIN_CREDITOR);
    peer_send_raw(&peer, "\0\0\0\0", 4);
    ask(desk, "{\"command\":\"metrics\"}\n");
    json_t *answer = hear_json(desk);
    const char *text = json_string_value(json_object_get(answer, "text"));
    assert_non_null(text);
    assert_non_null(strstr(text, "# TYPE skp_sessions_opened_total counter\n"
                                 "skp_sessions_opened_total 1\n"));
    assert_non_null(strstr(text, "skp_errors_sent_total{name=\"FRAME_EMPTY\"} 1\n"));
    assert_non_null(strstr(text, "skp_handshake_failures_total{cause=\"revoked\"} 0\n"));
    json_decref(answer);
    peer_free(&peer);
}

static void what_is_no_request_is_told(void **state)
{
    struct desk *desk = *state;
    ask(desk, "status\n");
    expect_error(desk, SKP_E_DECODE);
    ask(desk, "[1]\n");
    expect_error(desk, SKP_E_DECODE);
    ask(desk, "{\"command\":7}\n");
    expect_error(desk, SKP_E_DECODE);
}

static void a_full_engine_is_told(void **state)
{
    struct desk *desk = *state;
    fake_of(desk->net->engine)->request_err = SKP_E_BUSY;
    ask(desk, "{\"command\":\"status\"}\n");
    expect_error(desk, SKP_E_BUSY);
}

static void who_hangs_up_before_the_answer_does_no_harm(void **state)
{
    struct desk *desk = *state;
    ask(desk, "{\"command\":\"status\"}\n");
    close(desk->fd);
    net_pump(desk->net);
    fake_finish(fake_take(desk->net->engine, ENGINE_ADMIN_READ), SKP_OK);
    net_pump(desk->net);
    desk->fd = connect_to(desk->path);
    ask(desk, "{\"command\":\"sessions\"}\n");
    assert_string_equal(hear(desk), "{\"ok\":true,\"rows\":[]}\n");
}

/* As scripts leave them behind that forget to close. */
static void who_was_quiet_longest_gives_way_to_an_operator(void **state)
{
    struct desk *desk = *state;
    int waits = desk->fd, quiet[CONTROL_CONNECTIONS - 1];
    char byte;
    ask(desk, "{\"command\":\"status\"}\n"); /* the engine is at it: stays, though the oldest */
    for (size_t i = 0; i < CONTROL_CONNECTIONS - 1; i++)
        quiet[i] = connect_to(desk->path);
    net_pump(desk->net);
    desk->fd = quiet[0];
    for (size_t i = 0; i < 20000; i++) /* more answers than fit: the rest waits for who reads */
        ask(desk, "{\"command\":\"sessions\"}\n");
    for (size_t i = 1; i < CONTROL_CONNECTIONS - 1; i++) {
        desk->fd = quiet[i];
        ask(desk, "{\"command\":\"sessions\"}\n");
        (void)hear(desk);
    }
    desk->fd = connect_to(desk->path);
    net_pump(desk->net);
    ask(desk, "{\"command\":\"sessions\"}\n");
    assert_string_equal(hear(desk), "{\"ok\":true,\"rows\":[]}\n");
    assert_int_equal(read(quiet[0], &byte, 1), 1);
    assert_int_equal(read(quiet[1], &byte, 1), 0);
    assert_int_equal(read(quiet[2], &byte, 1), -1);
    fake_finish(fake_take(desk->net->engine, ENGINE_ADMIN_READ), SKP_OK);
    net_pump(desk->net);
    assert_int_equal(read(waits, &byte, 1), 1);
    for (size_t i = 0; i < CONTROL_CONNECTIONS - 1; i++)
        close(quiet[i]);
    close(waits);
}

static void stop_stops_the_server(void **state)
{
    struct desk *desk = *state;
    ask(desk, "{\"command\":\"stop\"}\n");
    assert_string_equal(hear(desk), "{\"ok\":true}\n");
    assert_int_equal(desk->net->stopped, 1);
    ask(desk, "{\"command\":\"status\"}\n");
    expect_error(desk, SKP_E_GOING_AWAY);
}

static void a_second_broker_does_not_take_the_socket(void **state)
{
    struct desk *desk = *state;
    char why[CONTROL_WHY_BYTES];
    struct control *second;
    struct control_config config = config_of(desk);
    assert_err(control_open(&config, &second, why), SKP_E_IO);
    assert_non_null(strstr(why, "another broker"));
    net_pump(desk->net);
    ask(desk, "{\"command\":\"sessions\"}\n");
    assert_string_equal(hear(desk), "{\"ok\":true,\"rows\":[]}\n");
}

static void a_stale_socket_is_replaced(void **state)
{
    struct desk *desk = *state;
    char why[CONTROL_WHY_BYTES];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    control_close(desk->control);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", desk->path);
    assert_ok(bind(fd, (struct sockaddr *)&address, sizeof address));
    close(fd); /* as after kill -9: the name stays, nobody listens */
    struct control_config config = config_of(desk);
    assert_ok(control_open(&config, &desk->control, why));
}

#define DESK_TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(the_socket_is_for_its_owner_only),
        DESK_TEST(other_commands_are_the_engines),
        DESK_TEST(answers_come_in_the_order_of_the_requests),
        DESK_TEST(sessions_are_listed),
        DESK_TEST(metrics_are_prometheus_text),
        DESK_TEST(what_is_no_request_is_told),
        DESK_TEST(a_full_engine_is_told),
        DESK_TEST(who_hangs_up_before_the_answer_does_no_harm),
        DESK_TEST(who_was_quiet_longest_gives_way_to_an_operator),
        DESK_TEST(stop_stops_the_server),
        DESK_TEST(a_second_broker_does_not_take_the_socket),
        DESK_TEST(a_stale_socket_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
