/* The socket: resolve, connect, read, write. Nothing here waits. */
#include "skp_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_MAX_BYTES     (FRAME_HEADER_BYTES + FRAME_MAX_BYTES + WRITE_BYTES)
#define OUT_MAX_BYTES    (2 * FRAME_MAX_BYTES)
#define PEER_VANISHED_MS 30000u

void connection_init(struct connection *connection)
{
    *connection = (struct connection){.fd = -1};
    buffer_init(&connection->in, IN_MAX_BYTES);
    buffer_init(&connection->out, OUT_MAX_BYTES);
}

static void close_socket(struct skp_client *client)
{
    struct connection *connection = &client->connection;
    if (connection->ssl != NULL && SSL_is_init_finished(connection->ssl) &&
        !connection->write_broken) {
        ERR_clear_error();
        (void)SSL_shutdown(
            connection->ssl); /* close_notify if there is room; no waiting for theirs */
    }
    ERR_clear_error();
    SSL_free(connection->ssl);
    connection->ssl = NULL;
    if (connection->fd >= 0)
        close(connection->fd); /* leaves the epoll set with it */
    connection->fd = -1;
}

/* An answer that comes while the client is down must not make its descriptor readable for ever. */
static void ignore_addresses(struct skp_client *client)
{
    if (client->resolving != NULL)
        (void)epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, resolve_fd(client->resolving), NULL);
}

void connection_close(struct skp_client *client)
{
    struct connection *connection = &client->connection;
    ignore_addresses(client);
    close_socket(client);
    if (connection->addresses != NULL)
        freeaddrinfo(connection->addresses);
    buffer_fini(&connection->in);
    buffer_fini(&connection->out);
    connection_init(connection);
}

static void watch(struct skp_client *client, uint32_t events)
{
    struct connection *connection = &client->connection;
    if (connection->events == events || connection->fd < 0)
        return;
    struct epoll_event event = {.events = events, .data.fd = connection->fd};
    int how = connection->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(client->epoll_fd, how, connection->fd, &event) != 0)
        client_fail(client, SKP_E_NOT_CONNECTED, "epoll: %s", strerror(errno));
    connection->events = events;
}

/* ---------------------------------------------------------------- connecting */

static int open_socket(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1;
    unsigned vanished_ms = PEER_VANISHED_MS;
    /* Both only make it better; a kernel without them still works. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &vanished_ms, sizeof vanished_ms);
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* Goes through the addresses until one lets itself be tried; `why` is the errno of the previous
 * one. */
static void try_address(struct skp_client *client, int why)
{
    struct connection *connection = &client->connection;
    close_socket(client);
    connection->events = 0;
    for (; connection->address != NULL; connection->address = connection->address->ai_next) {
        connection->fd = open_socket(connection->address);
        if (connection->fd >= 0) {
            client->deadline_ms = monotonic_ms() + CONNECT_TIMEOUT_MS;
            watch(client, EPOLLOUT);
            return;
        }
        why = errno;
    }
    client_fail(client, SKP_E_NOT_CONNECTED, "%s port %u: %s", client->host, client->port,
                strerror(why));
}

static void try_addresses(struct skp_client *client)
{
    client_move(client, CLIENT_CONNECTING);
    client->connection.address = client->connection.addresses;
    try_address(client, 0);
}

/* The thread of an earlier attempt may still be at it: there are never two. */
static void await_addresses(struct skp_client *client)
{
    client->deadline_ms = monotonic_ms() + CONNECT_TIMEOUT_MS;
    client_move(client, CLIENT_RESOLVING);
    if (client->resolving == NULL)
        client->resolving = resolve_start(client->host, client->port);
    struct epoll_event event = {.events = EPOLLIN};
    if (client->resolving == NULL)
        client_fail(client, SKP_E_NOT_CONNECTED, "%s: no means to look it up", client->host);
    else if (epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, resolve_fd(client->resolving), &event) != 0)
        client_fail(client, SKP_E_NOT_CONNECTED, "epoll: %s", strerror(errno));
}

static void take_addresses(struct skp_client *client)
{
    int failed = 0;
    if (!resolve_take(client->resolving, &failed, &client->connection.addresses))
        return;
    ignore_addresses(client);
    resolve_drop(client->resolving);
    client->resolving = NULL;
    if (failed == 0)
        try_addresses(client);
    else
        client_fail(client, SKP_E_NOT_CONNECTED, "%s: %s", client->host, gai_strerror(failed));
}

void connection_open(struct skp_client *client)
{
    if (resolve_numeric(client->host, client->port, &client->connection.addresses) == 0)
        try_addresses(client);
    else
        await_addresses(client);
}

static void start_tls(struct skp_client *client)
{
    struct connection *connection = &client->connection;
    connection->ssl = tls_start(client, connection->fd);
    if (connection->ssl == NULL) {
        client_fail(client, SKP_E_NO_MEMORY, "out of memory");
        return;
    }
    client->deadline_ms = monotonic_ms() + CONNECT_TIMEOUT_MS;
    client_move(client, CLIENT_TLS);
}

static void finish_connect(struct skp_client *client)
{
    struct connection *connection = &client->connection;
    struct pollfd ready = {.fd = connection->fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) != 1)
        return;
    int why = 0;
    socklen_t why_bytes = sizeof why;
    if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &why, &why_bytes) != 0)
        why = errno;
    if (why == 0) {
        start_tls(client);
    } else {
        connection->address = connection->address->ai_next;
        try_address(client, why);
    }
}

static void say_hello(struct skp_client *client)
{
    uint32_t versions[] = {PROTOCOL_VERSION};
    Skp__V1__Hello hello;
    skp__v1__hello__init(&hello);
    Skp__V1__ChainHead head;
    skp__v1__chain_head__init(&head);
    hello.versions = versions;
    hello.n_versions = 1;
    hello.software = client->software;
    if (client->head.commit != NULL) {
        head.commit = wire_bytes(span_of(client->head.commit, client->head.commit_bytes));
        head.jws = client->head.jws;
        hello.latest_head = &head;
    }
    if (buffer_add_frame(&client->connection.out, FRAME_HELLO, &hello.base)) {
        client_fail(client, SKP_E_NO_MEMORY, "out of memory");
        return;
    }
    client->deadline_ms = monotonic_ms() + CONNECT_TIMEOUT_MS;
    client_move(client, CLIENT_HELLO);
}

static void shake_hands(struct skp_client *client)
{
    ERR_clear_error();
    errno = 0;
    int done = SSL_connect(client->connection.ssl);
    int system_error = errno;
    int ssl_error = SSL_get_error(client->connection.ssl, done);
    if (done == 1) {
        if (tls_accept_broker(client))
            say_hello(client);
    } else if (ssl_error == SSL_ERROR_WANT_READ) {
        watch(client, EPOLLIN);
    } else if (ssl_error == SSL_ERROR_WANT_WRITE) {
        watch(client, EPOLLOUT);
    } else {
        tls_fail(client, ssl_error, system_error);
    }
}

/* ---------------------------------------------------------------- reading */

/* Handles every whole frame that is there. Returns how many bytes the next one needs, 0 on failure.
 */
static size_t take_frames(struct skp_client *client)
{
    struct buffer *in = &client->connection.in;
    while (!client->failure.err) {
        struct frame frame;
        size_t total = 0;
        enum skp_err err = SKP_OK;
        switch (frame_peek(buffer_bytes(in), in->len, &frame.type, &total, &err)) {
        case FRAME_NEED_MORE:
            return total;
        case FRAME_BAD:
            client_fail(client, err, "the broker sent %s", skp_error(err)->sentence);
            break;
        case FRAME_READY:
            frame.body = span_of(buffer_bytes(in) + FRAME_HEADER_BYTES, total - FRAME_HEADER_BYTES);
            client->heard_at_ms = monotonic_ms();
            frame_take(client, &frame);
            buffer_consume(in, total);
            break;
        }
    }
    return 0;
}

/* One SSL_read into the room of a frame. Returns the bytes, 0 when there is nothing now or ever. */
static size_t read_some(struct skp_client *client, size_t frame_bytes)
{
    struct connection *connection = &client->connection;
    size_t missing = frame_bytes - connection->in.len;
    size_t wanted = missing > WRITE_BYTES ? missing : WRITE_BYTES;
    uint8_t *room = buffer_room(&connection->in, wanted);
    if (room == NULL) {
        client_fail(client, SKP_E_NO_MEMORY, "out of memory");
        return 0;
    }
    ERR_clear_error();
    errno = 0;
    int got = SSL_read(connection->ssl, room, (int)wanted);
    int system_error = errno;
    if (got > 0) {
        buffer_added(&connection->in, (size_t)got);
        return (size_t)got;
    }
    int ssl_error = SSL_get_error(connection->ssl, got);
    if (ssl_error == SSL_ERROR_WANT_WRITE)
        connection->read_wants_write = true;
    else if (ssl_error != SSL_ERROR_WANT_READ)
        tls_fail(client, ssl_error, system_error);
    return 0;
}

static void read_frames(struct skp_client *client)
{
    size_t turn_bytes = 0;
    client->connection.read_wants_write = false;
    while (turn_bytes < READ_TURN_BYTES) {
        size_t needed = take_frames(client);
        if (client->failure.err)
            return;
        size_t got = read_some(client, needed);
        if (got == 0)
            return;
        turn_bytes += got;
    }
    client_wake(client); /* TLS may hold bytes that the socket no longer shows */
}

/* ---------------------------------------------------------------- writing */

/* Frames in the order of their weight: control frames are in the buffer already, then what a person
 * waits for, then batches. The buffer is filled to one record at a time, so that a ping never
 * stands behind megabytes. */
static void fill(struct skp_client *client)
{
    if (!client_is_up(client))
        return;
    fetch_pump(client);
    lookups_pump(client);
    outbox_pump(client);
}

static bool write_some(struct skp_client *client)
{
    struct connection *connection = &client->connection;
    size_t bytes = connection->out.len < WRITE_BYTES ? connection->out.len : WRITE_BYTES;
    ERR_clear_error();
    errno = 0;
    int put = SSL_write(connection->ssl, buffer_bytes(&connection->out), (int)bytes);
    if (put > 0) {
        client->said_at_ms = monotonic_ms();
        buffer_consume(&connection->out, (size_t)put);
        return true;
    }
    int ssl_error = SSL_get_error(connection->ssl, put);
    if (ssl_error == SSL_ERROR_WANT_WRITE)
        connection->write_blocked = true;
    else if (ssl_error != SSL_ERROR_WANT_READ)
        connection->write_broken = true;
    return false;
}

static void write_frames(struct skp_client *client)
{
    struct connection *connection = &client->connection;
    connection->write_blocked = false;
    if (connection->write_broken)
        return;
    do {
        if (connection->out.len < WRITE_BYTES)
            fill(client);
        if (client->failure.err || connection->out.len == 0)
            return;
    } while (write_some(client));
}

/* After GoingAway: the last answer is in, so nothing is lost by leaving before the broker closes.
 */
static bool may_leave(const struct skp_client *client)
{
    return client->state == CLIENT_LEAVING && client->outbox.under_way == 0 &&
           client->lookups.sent == 0 && client->connection.out.len == 0;
}

static void exchange(struct skp_client *client)
{
    struct connection *connection = &client->connection;
    read_frames(client);
    if (!client->failure.err)
        write_frames(client);
    if (connection->write_broken && !client->failure.err) {
        /* A broker that refuses us says why and closes: that may have come in the meantime. */
        read_frames(client);
        client_fail(client, SKP_E_NOT_CONNECTED, "the broker closed the connection");
    }
    if (!client->failure.err && may_leave(client))
        client_fail(client, SKP_E_NOT_CONNECTED, "the broker is going away");
    if (!client->failure.err)
        watch(client, connection->write_blocked || connection->read_wants_write ? EPOLLIN | EPOLLOUT
                                                                                : EPOLLIN);
}

void connection_step(struct skp_client *client)
{
    if (client->state == CLIENT_RESOLVING)
        take_addresses(client);
    if (client->state == CLIENT_CONNECTING && !client->failure.err)
        finish_connect(client);
    if (client->state == CLIENT_TLS && !client->failure.err)
        shake_hands(client);
    if ((client->state == CLIENT_HELLO || client_is_up(client)) && !client->failure.err)
        exchange(client);
}
