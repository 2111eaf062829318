/* 300 + 20 durable queues (QTYPE=classic or quorum; QVER=1 or 2 for classic), persistent messages, publisher confirms,
 * acks of many at once: every 100, or when there is nothing to do. Channel 1 receives, channel 2 publishes. */
#include "workload.h"

#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define PORT             15671
#define FRAME_MAX        131072
#define NAME_BYTES       16
#define BODY_BYTES       512
#define ACK_EVERY        100
#define PUMP_EVERY       64
#define PREFETCH         250
#define LIMIT_S          150
#define CONNECT_TRIES    20
#define CONNECT_PAUSE_US 500000

enum role { PUBLISHER, LETTERS, REPLIES };

struct side {
    amqp_connection_state_t connection;
    enum role role;
    uint64_t last_tag; /* delivered */
    unsigned unacked;
    uint8_t body[BODY_BYTES];
    size_t body_bytes, body_wanted;
    uint8_t *confirmed; /* by tag of what we published */
    uint64_t all_confirmed_to;
};

static atomic_int ready;

static void must(int status, const char *what)
{
    if (status != AMQP_STATUS_OK)
        workload_die("%s: %s", what, amqp_error_string2(status));
}

static void must_reply(amqp_connection_state_t connection, const char *what)
{
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(connection);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL)
        workload_die("%s: refused, %s", what, amqp_error_string2(reply.library_error));
}

static amqp_socket_t *new_socket(amqp_connection_state_t connection)
{
    amqp_socket_t *socket = amqp_ssl_socket_new(connection);
    if (!socket)
        workload_die("no TLS socket");
    amqp_ssl_socket_set_cacert(socket, workload_cert("ca.pem"));
    amqp_ssl_socket_set_key(socket, workload_cert("client.pem"), workload_cert("client.key"));
    amqp_ssl_socket_set_verify_peer(socket, 1);
    amqp_ssl_socket_set_verify_hostname(socket, 1);
    return socket;
}

/* The server listens before it is ready: it is tried again for a while. */
static amqp_connection_state_t connect_secured(void)
{
    for (int left = CONNECT_TRIES;; left--) {
        amqp_connection_state_t connection = amqp_new_connection();
        int status = amqp_socket_open(new_socket(connection), HOST, PORT);
        if (status == AMQP_STATUS_OK)
            return connection;
        amqp_destroy_connection(connection);
        if (left == 0)
            must(status, "connect");
        usleep(CONNECT_PAUSE_US);
    }
}

static amqp_connection_state_t connect_one(void)
{
    amqp_connection_state_t connection = connect_secured();
    amqp_rpc_reply_t login =
        amqp_login(connection, "/", 0, FRAME_MAX, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
    if (login.reply_type != AMQP_RESPONSE_NORMAL)
        workload_die("login refused");
    amqp_channel_open(connection, 1);
    must_reply(connection, "channel 1");
    amqp_channel_open(connection, 2);
    must_reply(connection, "channel 2");
    amqp_confirm_select(connection, 2);
    must_reply(connection, "confirms");
    return connection;
}

static void side_init(struct side *side, enum role role)
{
    *side = (struct side){.connection = connect_one(),
                          .role = role,
                          .confirmed = calloc((size_t)workload_count() + 2, 1)};
    if (!side->confirmed)
        workload_die("out of memory");
}

static void declare_queues(amqp_connection_state_t connection, const char *kind, int count)
{
    const char *type = getenv("QTYPE");
    amqp_table_entry_t entries[2] = {{.key = amqp_cstring_bytes("x-queue-type")},
                                     {.key = amqp_cstring_bytes("x-queue-version")}};
    entries[0].value.kind = AMQP_FIELD_KIND_UTF8;
    entries[0].value.value.bytes = amqp_cstring_bytes(type ? type : "classic");
    entries[1].value.kind = AMQP_FIELD_KIND_I32;
    entries[1].value.value.i32 = 2;
    amqp_table_t table = {.num_entries = workload_setting("QVER", 1) == 2 ? 2 : 1,
                          .entries = entries};
    for (int i = 0; i < count; i++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "%s.%d", kind, i);
        amqp_queue_declare(connection, 1, amqp_cstring_bytes(name), 0, 1, 0, 0, table);
        must_reply(connection, "declare");
    }
}

static void publish(struct side *side, const char *queue, const uint8_t *body, size_t len)
{
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG,
                                          .delivery_mode = 2};
    amqp_bytes_t bytes = {.len = len, .bytes = (void *)(uintptr_t)body}; /* only read */
    must(amqp_basic_publish(side->connection, 2, amqp_empty_bytes, amqp_cstring_bytes(queue), 0, 0,
                            &properties, bytes),
         "publish");
}

/* ---------------------------------------------------------------- what comes in */

static void on_confirm(struct side *side, const amqp_basic_ack_t *ack)
{
    long more = 0;
    uint64_t from = ack->multiple ? side->all_confirmed_to + 1 : ack->delivery_tag;
    for (uint64_t tag = from; tag <= ack->delivery_tag; tag++) {
        more += !side->confirmed[tag];
        side->confirmed[tag] = 1;
    }
    while (side->all_confirmed_to < (uint64_t)workload_count() &&
           side->confirmed[side->all_confirmed_to + 1])
        side->all_confirmed_to++;
    if (side->role == PUBLISHER)
        workload_letters_confirmed(more);
    else
        workload_replies_confirmed(more);
}

static void on_method(struct side *side, const amqp_method_t *method)
{
    switch (method->id) {
    case AMQP_BASIC_ACK_METHOD:
        on_confirm(side, method->decoded);
        break;
    case AMQP_BASIC_DELIVER_METHOD:
        side->last_tag = ((const amqp_basic_deliver_t *)method->decoded)->delivery_tag;
        break;
    default:
        workload_die("unexpected method %x", method->id);
    }
}

static void ack_all(struct side *side)
{
    if (side->unacked > 0)
        must(amqp_basic_ack(side->connection, 1, side->last_tag, 1), "ack");
    side->unacked = 0;
}

static void on_message(struct side *side)
{
    uint64_t id;
    unsigned queue;
    uint8_t body[REPLY_BYTES];
    char name[NAME_BYTES];
    if (side->role == LETTERS) {
        workload_got_letter(side->body, side->body_bytes, &id, &queue);
        workload_reply(id, queue % REPLY_QUEUES, body);
        snprintf(name, sizeof name, "r.%u", queue % REPLY_QUEUES);
        publish(side, name, body, REPLY_BYTES);
    } else {
        workload_got_reply(side->body, side->body_bytes);
    }
    if (++side->unacked >= ACK_EVERY)
        ack_all(side);
}

static void on_body(struct side *side, amqp_bytes_t part)
{
    if (side->body_bytes + part.len > BODY_BYTES)
        workload_die("too large a body");
    memcpy(side->body + side->body_bytes, part.bytes, part.len);
    side->body_bytes += part.len;
    if (side->body_bytes == side->body_wanted)
        on_message(side);
}

/* One frame; false when none came in time. */
static bool turn(struct side *side, long wait_us)
{
    amqp_frame_t frame;
    struct timeval wait = {.tv_sec = wait_us / 1000000, .tv_usec = wait_us % 1000000};
    amqp_maybe_release_buffers(side->connection);
    int status = amqp_simple_wait_frame_noblock(side->connection, &frame, &wait);
    if (status == AMQP_STATUS_TIMEOUT)
        return false;
    must(status, "frame");
    if (frame.frame_type == AMQP_FRAME_METHOD) {
        on_method(side, &frame.payload.method);
    } else if (frame.frame_type == AMQP_FRAME_HEADER) {
        side->body_wanted = (size_t)frame.payload.properties.body_size;
        side->body_bytes = 0;
    } else if (frame.frame_type == AMQP_FRAME_BODY) {
        on_body(side, frame.payload.body_fragment);
    }
    return true;
}

/* ---------------------------------------------------------------- consumers */

static void subscribe(const struct side *side, const char *kind, int first, int step, int end)
{
    for (int queue = first; queue < end; queue += step) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "%s.%d", kind, queue);
        amqp_basic_consume(side->connection, 1, amqp_cstring_bytes(name), amqp_empty_bytes, 0, 0, 0,
                           amqp_empty_table);
        must_reply(side->connection, "consume");
    }
}

static void *consume(void *ctx)
{
    int consumer = *(const int *)ctx;
    struct side side;
    side_init(&side, consumer < CONSUMERS ? LETTERS : REPLIES);
    amqp_basic_qos(side.connection, 1, 0, side.role == LETTERS ? PREFETCH : 4 * PREFETCH, 0);
    must_reply(side.connection, "qos");
    if (side.role == LETTERS)
        subscribe(&side, "l", consumer, CONSUMERS, QUEUES);
    else
        subscribe(&side, "r", 0, 1, REPLY_QUEUES);
    ready++;
    for (;;) {
        if (turn(&side, 0))
            continue;
        ack_all(&side);
        turn(&side, 200000);
    }
    return NULL;
}

static void start_consumers(void)
{
    static int numbers[CONSUMERS + 1];
    for (int i = 0; i <= CONSUMERS; i++) {
        pthread_t thread;
        numbers[i] = i;
        if (pthread_create(&thread, NULL, consume, &numbers[i]) != 0)
            workload_die("no thread");
    }
    while (ready < CONSUMERS + 1)
        usleep(1000);
}

static void publish_all(struct side *side)
{
    uint8_t body[LETTER_BYTES];
    char name[NAME_BYTES];
    for (long i = 0; i < workload_count(); i++) {
        while (workload_unconfirmed(i) >= workload_window())
            turn(side, 1000000);
        for (bool more = i % PUMP_EVERY == 0; more;)
            more = turn(side, 0);
        workload_letter(i, body);
        snprintf(name, sizeof name, "l.%u", workload_queue(i));
        publish(side, name, body, LETTER_BYTES);
    }
    while (workload_unconfirmed(workload_count()) > 0 && workload_seconds() < LIMIT_S)
        turn(side, 100000);
}

int main(void)
{
    struct side side;
    workload_init();
    side_init(&side, PUBLISHER);
    declare_queues(side.connection, "l", QUEUES);
    declare_queues(side.connection, "r", REPLY_QUEUES);
    start_consumers();
    sleep((unsigned)workload_setting("SETTLE", 0));
    workload_start();
    publish_all(&side);
    _exit(workload_finish(LIMIT_S));
}
