#include "crowd.h"

#include "frame.h"
#include "skp.pb-c.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOURCES_A_NET  250U
#define DEAF_FRAMES    50
#define QUEUE          16 /* patient ones come in one after the other: a broker limits each source */
#define SLOW_FRAME_LEN 200000

struct member {
    struct crowd *crowd;
    unsigned number;
    int fd;              /* while there is no TLS; -1 then */
    struct event *ready; /* of fd: connected, or something to read */
    struct event *turn;  /* its next thing */
    struct bufferevent *stream;
    bool up;     /* settled */
    size_t said; /* bytes of what is said byte by byte */
    int64_t begun_us;
};

static void member_open(struct member *member);

int64_t crowd_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---------------------------------------------------------------- the end of one */

static void member_shut(struct member *member)
{
    if (member->ready != NULL)
        event_free(member->ready);
    if (member->stream != NULL)
        bufferevent_free(member->stream);
    if (member->fd >= 0)
        close(member->fd);
    member->crowd->settled -= member->up;
    member->ready = NULL;
    member->stream = NULL;
    member->fd = -1;
    member->up = false;
}

static void member_lost(struct member *member)
{
    struct crowd *crowd = member->crowd;
    member_shut(member);
    if (crowd->kind == CROWD_STORM)
        crowd->failed++;
    else
        crowd->lost++; /* and comes back with its next step */
    if (crowd->kind == CROWD_STORM && crowd->begun < crowd->count)
        member_open(member);
    crowd->changed(crowd);
}

static void open_next(struct crowd *crowd)
{
    if (crowd->opened < crowd->at_once)
        member_open(&crowd->members[crowd->opened++]);
}

static void settle(struct member *member)
{
    struct crowd *crowd = member->crowd;
    member->up = true;
    crowd->settled++;
    open_next(crowd);
    if (crowd->kind == CROWD_STORM) {
        crowd->took_us[crowd->done++] = crowd_now_us() - member->begun_us;
        SSL_shutdown(bufferevent_openssl_get_ssl(member->stream));
        member_shut(member);
        if (crowd->begun < crowd->count)
            member_open(member);
    } else if (crowd->kind == CROWD_DEAF) {
        bufferevent_disable(member->stream, EV_READ);
    }
    crowd->changed(crowd);
}

/* ---------------------------------------------------------------- what is said */

static void say(struct member *member, enum frame_type type, const ProtobufCMessage *message)
{
    uint8_t bytes[256];
    size_t len = protobuf_c_message_get_packed_size(message);
    frame_write_header(type, len, bytes);
    protobuf_c_message_pack(message, bytes + FRAME_HEADER_BYTES);
    bufferevent_write(member->stream, bytes, FRAME_HEADER_BYTES + len);
}

static void say_hello(struct member *member)
{
    uint32_t versions[] = {1};
    Skp__V1__Hello hello;
    skp__v1__hello__init(&hello);
    hello.versions = versions;
    hello.n_versions = 1;
    say(member, FRAME_HELLO, &hello.base);
}

static void say_ping(struct member *member)
{
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    ping.nonce = 1;
    say(member, FRAME_PING, &ping.base);
}

static void ask_and_ask(struct member *member)
{
    Skp__V1__DirectoryGet ask;
    skp__v1__directory_get__init(&ask);
    for (int i = 0; i < DEAF_FRAMES; i++)
        say(member, FRAME_DIRECTORY_GET, &ask.base);
}

static void say_a_byte_of_a_frame(struct member *member)
{
    uint8_t header[FRAME_HEADER_BYTES];
    frame_write_header(FRAME_DIRECTORY_GET, SLOW_FRAME_LEN, header);
    uint8_t byte = member->said < sizeof header ? header[member->said] : 0;
    member->said++;
    bufferevent_write(member->stream, &byte, 1);
}

static void say_a_byte_of_a_client_hello(struct member *member)
{
    static const uint8_t start[] = {22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3};
    uint8_t byte = member->said < sizeof start ? start[member->said] : 0;
    member->said++;
    send(member->fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void step(struct member *member)
{
    if (member->fd < 0 && member->stream == NULL && member->number < member->crowd->opened)
        member_open(member);
    if (!member->up)
        return;
    switch (member->crowd->kind) {
    case CROWD_IDLE:
        say_ping(member);
        break;
    case CROWD_DEAF:
        ask_and_ask(member);
        break;
    case CROWD_FRAME_BYTES:
        say_a_byte_of_a_frame(member);
        break;
    case CROWD_HELLO_BYTES:
        say_a_byte_of_a_client_hello(member);
        break;
    case CROWD_STORM:
    case CROWD_SILENT:
    case CROWD_KIND_COUNT:
        break;
    }
}

/* ---------------------------------------------------------------- what is heard */

static void on_read(struct bufferevent *stream, void *ctx)
{
    struct member *member = ctx;
    struct evbuffer *input = bufferevent_get_input(stream);
    uint8_t header[FRAME_HEADER_BYTES];
    bool welcomed = evbuffer_copyout(input, header, sizeof header) == (ev_ssize_t)sizeof header &&
                    header[4] == FRAME_WELCOME;
    evbuffer_drain(input, evbuffer_get_length(input));
    if (!member->up && welcomed)
        settle(member);
}

static void on_event(struct bufferevent *stream, short what, void *ctx)
{
    struct member *member = ctx;
    (void)stream;
    ERR_clear_error();
    if (what & BEV_EVENT_CONNECTED)
        say_hello(member);
    else
        member_lost(member);
}

static void start_tls(struct member *member)
{
    struct crowd *crowd = member->crowd;
    SSL *ssl = SSL_new(crowd->tls);
    if (ssl == NULL)
        abort();
    member->stream =
        bufferevent_openssl_socket_new(crowd->base, member->fd, ssl, BUFFEREVENT_SSL_CONNECTING,
                                       BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (member->stream == NULL)
        abort();
    member->fd = -1;
    bufferevent_setcb(member->stream, on_read, NULL, on_event, member);
    bufferevent_enable(member->stream, EV_READ | EV_WRITE);
}

/* For those without TLS: the other side says goodbye. */
static void on_end(evutil_socket_t fd, short what, void *ctx)
{
    char byte;
    (void)what;
    if (recv(fd, &byte, 1, MSG_DONTWAIT) <= 0 && errno != EAGAIN)
        member_lost(ctx);
}

static void on_connected(evutil_socket_t fd, short what, void *ctx)
{
    struct member *member = ctx;
    int error = 0;
    socklen_t len = sizeof error;
    (void)what;
    event_free(member->ready);
    member->ready = NULL;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
        member_lost(member);
    } else if (member->crowd->speaks_tls) {
        start_tls(member);
    } else {
        member->ready = event_new(member->crowd->base, fd, EV_READ | EV_PERSIST, on_end, member);
        event_add(member->ready, NULL);
        settle(member);
    }
}

/* ---------------------------------------------------------------- the beginning of one */

static void member_open(struct member *member)
{
    struct crowd *crowd = member->crowd;
    unsigned source = member->number % crowd->sources;
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(crowd->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    from.sin_addr.s_addr =
        htonl(0x7f010001U + ((source / SOURCES_A_NET) << 8) + source % SOURCES_A_NET);
    crowd->begun++;
    member->said = 0;
    member->begun_us = crowd_now_us();
    member->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (member->fd < 0 || bind(member->fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        (connect(member->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)) {
        perror("crowd");
        exit(1);
    }
    setsockopt(member->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    member->ready = event_new(crowd->base, member->fd, EV_WRITE, on_connected, member);
    if (member->ready == NULL)
        abort();
    event_add(member->ready, NULL);
}

static void wait_turn(struct member *member, unsigned ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    event_add(member->turn, &wait);
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
    struct member *member = ctx;
    (void)fd, (void)what;
    step(member);
    wait_turn(member, member->crowd->every_ms);
}

/* What strangers do falls together by chance only. */
static void start_turns(struct member *member, unsigned *state)
{
    member->turn = event_new(member->crowd->base, -1, 0, on_turn, member);
    if (member->turn == NULL)
        abort();
    wait_turn(member, (unsigned)rand_r(state) % member->crowd->every_ms);
}

void crowd_open(struct crowd *crowd)
{
    unsigned state = crowd->seed;
    crowd->members = calloc(crowd->at_once, sizeof *crowd->members);
    crowd->took_us = calloc(crowd->count, sizeof *crowd->took_us);
    if (crowd->members == NULL || crowd->took_us == NULL)
        abort();
    for (unsigned i = 0; i < crowd->at_once; i++)
        crowd->members[i] = (struct member){.crowd = crowd, .number = i, .fd = -1};
    for (unsigned i = 0; crowd->kind != CROWD_STORM && i < crowd->at_once; i++)
        start_turns(&crowd->members[i], &state);
    unsigned first = crowd->kind == CROWD_STORM || !crowd->speaks_tls ? crowd->at_once : QUEUE;
    for (unsigned i = 0; i < first; i++)
        open_next(crowd);
}

void crowd_close(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->at_once; i++) {
        member_shut(&crowd->members[i]);
        if (crowd->members[i].turn != NULL)
            event_free(crowd->members[i].turn);
    }
    free(crowd->members);
    free(crowd->took_us);
}
