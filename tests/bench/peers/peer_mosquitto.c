/* MQTT 3.1.1, QoS 1, sessions that persist; a poll loop of its own per connection. */
#include "workload.h"

#include <mosquitto.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define PORT       18883
#define TOPIC      16
#define KEEPALIVE  600
#define PUBLISHER  (CONSUMERS + 1) /* roles: consumers of letters, then of replies, then this */
#define PUMP_EVERY 32

static atomic_int ready;

static void must(int rc, const char *what)
{
    if (rc != MOSQ_ERR_SUCCESS)
        workload_die("%s: %s", what, mosquitto_strerror(rc));
}

static void turn(struct mosquitto *client, int wait_ms)
{
    short events = mosquitto_want_write(client) ? POLLIN | POLLOUT : POLLIN;
    struct pollfd watched = {.fd = mosquitto_socket(client), .events = events};
    poll(&watched, 1, wait_ms);
    must(mosquitto_loop_read(client, 1000), "read");
    must(mosquitto_loop_write(client, 1), "write");
}

static void *turn_for_ever(void *client)
{
    for (;;)
        turn(client, 1);
    return NULL;
}

static void subscribe(struct mosquitto *client, int role)
{
    char topics[QUEUES][TOPIC];
    char *list[QUEUES];
    int count = 0;
    int step = role < CONSUMERS ? CONSUMERS : 1;
    int end = role < CONSUMERS ? QUEUES : REPLY_QUEUES;
    for (int queue = role < CONSUMERS ? role : 0; queue < end; queue += step) {
        snprintf(topics[count], TOPIC, role < CONSUMERS ? "l/%d" : "r/%d", queue);
        list[count] = topics[count];
        count++;
    }
    must(mosquitto_subscribe_multiple(client, NULL, count, list, 1, 0, NULL), "subscribe");
}

static void on_connect(struct mosquitto *client, void *ctx, int rc)
{
    int role = *(const int *)ctx;
    must(rc, "connect");
    if (role == PUBLISHER)
        ready++;
    else
        subscribe(client, role);
}

static void on_subscribe(struct mosquitto *client, void *ctx, int mid, int count, const int *qos)
{
    (void)client, (void)ctx, (void)mid, (void)count, (void)qos;
    ready++;
}

static void on_publish(struct mosquitto *client, void *ctx, int mid)
{
    (void)client, (void)mid;
    if (*(const int *)ctx == PUBLISHER)
        workload_letters_confirmed(1);
    else
        workload_replies_confirmed(1);
}

static void on_message(struct mosquitto *client, void *ctx, const struct mosquitto_message *message)
{
    uint64_t id;
    unsigned queue;
    uint8_t body[REPLY_BYTES];
    char topic[TOPIC];
    if (*(const int *)ctx == CONSUMERS) {
        workload_got_reply(message->payload, (size_t)message->payloadlen);
        return;
    }
    workload_got_letter(message->payload, (size_t)message->payloadlen, &id, &queue);
    workload_reply(id, queue % REPLY_QUEUES, body);
    snprintf(topic, sizeof topic, "r/%u", queue % REPLY_QUEUES);
    must(mosquitto_publish(client, NULL, topic, REPLY_BYTES, body, 1, false), "reply");
}

static struct mosquitto *connect_as(int role)
{
    static int roles[PUBLISHER + 1];
    char name[TOPIC];
    roles[role] = role;
    snprintf(name, sizeof name, "c%d", role);
    struct mosquitto *client = mosquitto_new(name, false, &roles[role]);
    if (!client)
        workload_die("mosquitto_new");
    mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, (int)workload_window());
    mosquitto_int_option(client, MOSQ_OPT_RECEIVE_MAXIMUM, (int)workload_window());
    mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
    must(mosquitto_tls_set(client, workload_cert("ca.pem"), NULL, workload_cert("client.pem"),
                           workload_cert("client.key"), NULL),
         "TLS");
    must(mosquitto_tls_opts_set(client, 1, "tlsv1.3", NULL), "TLS");
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    mosquitto_publish_callback_set(client, on_publish);
    mosquitto_message_callback_set(client, on_message);
    must(mosquitto_connect(client, HOST, PORT, KEEPALIVE), "connect");
    return client;
}

static void publish_all(struct mosquitto *publisher)
{
    uint8_t body[LETTER_BYTES];
    char topic[TOPIC];
    for (long i = 0; i < workload_count(); i++) {
        while (workload_unconfirmed(i) >= workload_window())
            turn(publisher, 1);
        if (i % PUMP_EVERY == 0)
            turn(publisher, 0);
        workload_letter(i, body);
        snprintf(topic, sizeof topic, "l/%u", workload_queue(i));
        must(mosquitto_publish(publisher, NULL, topic, LETTER_BYTES, body, 1, false), "publish");
    }
    while (workload_unconfirmed(workload_count()) > 0 && workload_seconds() < 100)
        turn(publisher, 1);
}

int main(void)
{
    workload_init();
    mosquitto_lib_init();
    for (int role = 0; role < PUBLISHER; role++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, turn_for_ever, connect_as(role)) != 0)
            workload_die("no thread");
    }
    struct mosquitto *publisher = connect_as(PUBLISHER);
    while (ready < PUBLISHER + 1)
        turn(publisher, 1);
    workload_start();
    publish_all(publisher);
    _exit(workload_finish(100));
}
