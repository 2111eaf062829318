#include "control.h"

#include "log.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct connection {
    LIST_ENTRY(connection) link;
    struct control *control;
    struct bufferevent *stream; /* NULL: gone, waits for its call */
    bool busy;                  /* a call of the engine is under way */
};

struct control {
    struct control_config config;
    char path[CONTROL_PATH_MAX + 1];
    struct evconnlistener *listener;
    LIST_HEAD(, connection) connections; /* who asked last comes first */
    unsigned connection_count;
};

static void next_request(struct connection *connection);

static void connection_free(struct connection *connection)
{
    LIST_REMOVE(connection, link);
    connection->control->connection_count--;
    if (connection->stream != NULL)
        bufferevent_free(connection->stream);
    free(connection);
}

static void write_line(struct connection *connection, const char *line)
{
    struct evbuffer *output = bufferevent_get_output(connection->stream);
    evbuffer_add(output, line, strlen(line));
    evbuffer_add(output, "\n", 1);
}

/* Takes the reference. */
static void write_answer(struct connection *connection, json_t *answer)
{
    char *line = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL;
    if (line != NULL)
        write_line(connection, line);
    else
        write_line(connection, "{\"ok\":false}");
    free(line);
    json_decref(answer);
}

static void on_engine_answer(struct engine_call *call)
{
    struct connection *connection = call->ctx;
    connection->busy = false;
    if (connection->stream != NULL) {
        if (call->err)
            write_answer(connection, control_error(call->err, call->path, call->sentence));
        else
            write_line(connection, call->answer_text != NULL ? call->answer_text : "{\"ok\":true}");
    }
    engine_call_free(call);
    if (connection->stream == NULL)
        connection_free(connection);
    else
        next_request(connection);
}

static void ask_engine(struct connection *connection, const char *command, struct span line)
{
    struct skp_oin nobody = {0};
    if (server_status(connection->control->config.server).stopping) {
        write_answer(connection, control_error(SKP_E_GOING_AWAY, NULL, NULL));
        return;
    }
    struct engine_call *call =
        engine_call_new(server_engine(connection->control->config.server),
                        engine_admin_verb(command), &nobody, 0, on_engine_answer, connection);
    enum skp_err err = call != NULL ? engine_call_request(call, line) : SKP_E_BUSY;
    if (err) {
        if (call != NULL)
            engine_call_free(call);
        write_answer(connection, control_error(err, NULL, NULL));
        return;
    }
    connection->busy = true;
    engine_submit(call);
}

static void handle_line(struct connection *connection, const char *line, size_t len)
{
    json_error_t error;
    json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
    const char *command = json_string_value(json_object_get(request, "command"));
    if (command == NULL) {
        write_answer(connection, control_error(SKP_E_DECODE, "command",
                                               request == NULL ? error.text : "no command"));
    } else {
        log_line(LOG_INFO, "control_command", "command=%s", command);
        json_t *answer = control_answer_own(&connection->control->config, command);
        if (answer != NULL)
            write_answer(connection, answer);
        else
            ask_engine(connection, command, span_of(line, len));
    }
    json_decref(request);
}

static void next_request(struct connection *connection)
{
    size_t len;
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    while (!connection->busy) {
        char *line = evbuffer_readln(input, &len, EVBUFFER_EOL_LF);
        if (line == NULL)
            break;
        LIST_REMOVE(connection, link);
        LIST_INSERT_HEAD(&connection->control->connections, connection, link);
        handle_line(connection, line, len);
        free(line);
    }
    if (!connection->busy && evbuffer_get_length(input) >= CONTROL_LINE_MAX_BYTES) {
        write_answer(connection, control_error(SKP_E_BATCH_TOO_LARGE, NULL,
                                               "the request is longer than 2 MiB"));
        evbuffer_drain(input, evbuffer_get_length(input));
    }
}

static void on_read(struct bufferevent *stream, void *ctx)
{
    (void)stream;
    next_request(ctx);
}

static void on_event(struct bufferevent *stream, short what, void *ctx)
{
    struct connection *connection = ctx;
    (void)what;
    if (!connection->busy) {
        connection_free(connection);
        return;
    }
    bufferevent_free(stream);
    connection->stream = NULL;
}

static bool may_control(evutil_socket_t fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

/* So that connections that nobody uses any more keep no operator out; those that have an answer to read go
 * when there are no others. */
static void make_room(struct control *control)
{
    struct connection *connection, *quiet = NULL, *unread = NULL;
    LIST_FOREACH(connection, &control->connections, link)
    {
        if (connection->busy)
            continue;
        if (evbuffer_get_length(bufferevent_get_output(connection->stream)) > 0)
            unread = connection;
        else
            quiet = connection;
    }
    if (quiet != NULL || unread != NULL)
        connection_free(quiet ? quiet : unread);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int address_len, void *ctx)
{
    struct control *control = ctx;
    (void)listener, (void)address, (void)address_len;
    bool allowed = may_control(fd);
    struct connection *connection = NULL;
    if (allowed && control->connection_count >= CONTROL_CONNECTIONS)
        make_room(control);
    if (allowed && control->connection_count < CONTROL_CONNECTIONS)
        connection = calloc(1, sizeof *connection);
    if (connection != NULL)
        connection->stream =
            bufferevent_socket_new(control->config.base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (connection == NULL || connection->stream == NULL) {
        log_line(LOG_WARN, "control_refused", "why=%s",
                 allowed ? "too many connections" : "neither root nor the broker's user");
        free(connection);
        evutil_closesocket(fd);
        return;
    }
    connection->control = control;
    LIST_INSERT_HEAD(&control->connections, connection, link);
    control->connection_count++;
    bufferevent_setcb(connection->stream, on_read, NULL, on_event, connection);
    bufferevent_setwatermark(connection->stream, EV_READ, 0, CONTROL_LINE_MAX_BYTES);
    bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
}

static bool is_live(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool live = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    close(fd);
    return live;
}

static enum skp_err bind_socket(struct control *control, char *ret_why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    static_assert(sizeof address.sun_path == sizeof control->path, "the system's limit");
    memcpy(address.sun_path, control->path, sizeof address.sun_path);
    if (is_live(&address)) {
        snprintf(ret_why, CONTROL_WHY_BYTES, "%s: another broker answers here; stop it first",
                 control->path);
        return SKP_E_IO;
    }
    unlink(control->path);
    mode_t before = umask(0177);
    control->listener = evconnlistener_new_bind(control->config.base, on_accept, control,
                                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1,
                                                (struct sockaddr *)&address, (int)sizeof address);
    int error = errno;
    umask(before);
    if (control->listener != NULL)
        return SKP_OK;
    snprintf(ret_why, CONTROL_WHY_BYTES, "%s: the control socket cannot be made: %s", control->path,
             strerror(error));
    return SKP_E_IO;
}

enum skp_err control_open(const struct control_config *config, struct control **ret_control,
                          char *ret_why)
{
    struct control *control = calloc(1, sizeof *control);
    if (control == NULL) {
        snprintf(ret_why, CONTROL_WHY_BYTES, "out of memory");
        return SKP_E_NO_MEMORY;
    }
    control->config = *config;
    LIST_INIT(&control->connections);
    int len = snprintf(control->path, sizeof control->path, "%s", config->path);
    assert(len > 0 && len <= CONTROL_PATH_MAX); /* the option's limit */
    enum skp_err err = bind_socket(control, ret_why);
    if (err) {
        free(control);
        return err;
    }
    *ret_control = control;
    return SKP_OK;
}

void control_close(struct control *control)
{
    if (control == NULL)
        return;
    while (!LIST_EMPTY(&control->connections))
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it does not see LIST_REMOVE move the head on */
        connection_free(LIST_FIRST(&control->connections));
    evconnlistener_free(control->listener);
    unlink(control->path);
    free(control);
}
