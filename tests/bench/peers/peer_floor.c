/* The floor's client: confirms are cumulative, acks go in bundles, writes are coalesced. */
#include "floor_link.h"
#include "workload.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_ACKS 65536
#define PUT_MOST  256 /* letters before the socket is looked at again */
#define LIMIT_S   60

static _Thread_local uint64_t acks[MOST_ACKS];
static _Thread_local size_t ack_count;

static struct floor_link *connect_one(SSL_CTX *context, unsigned kind)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(FLOOR_PORT),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    Floor__Env hello;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SSL *ssl = SSL_new(context);
    struct floor_link *link = malloc(sizeof *link);
    if (fd < 0 || !ssl || !link || connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
        workload_die("floor: no connection");
    floor_link_init(link, fd, ssl);
    link->kind = kind;
    floor_envelope(&hello, FLOOR_HELLO, kind, 0, NULL, 0);
    floor_put(link, &hello);
    floor_flush(link);
    return link;
}

static void take_letter(struct floor_link *link, const Floor__Env *envelope)
{
    uint64_t id;
    unsigned queue;
    uint8_t body[REPLY_BYTES];
    Floor__Env reply;
    workload_got_letter(envelope->body.data, envelope->body.len, &id, &queue);
    workload_reply(id, queue % REPLY_QUEUES, body);
    floor_envelope(&reply, FLOOR_PUBLISH, 0, FLOOR_REPLIES + queue % REPLY_QUEUES, body,
                   REPLY_BYTES);
    floor_put(link, &reply);
}

static void handle(struct floor_link *link, Floor__Env *envelope)
{
    if (envelope->type == FLOOR_CONFIRM && link->kind == FLOOR_PUBLISHER) {
        workload_letters_confirmed((long)envelope->id);
    } else if (envelope->type == FLOOR_CONFIRM) {
        workload_replies_confirmed((long)envelope->id);
    } else {
        if (ack_count == MOST_ACKS)
            workload_die("floor: too many acks");
        acks[ack_count++] = envelope->id;
        if (link->kind < CONSUMERS)
            take_letter(link, envelope);
        else
            workload_got_reply(envelope->body.data, envelope->body.len);
    }
    floor__env__free_unpacked(envelope, NULL);
}

static void turn(struct floor_link *link, int wait_ms)
{
    struct pollfd watched = {.fd = link->fd,
                             .events = floor_has_output(link) ? POLLIN | POLLOUT : POLLIN};
    poll(&watched, 1, wait_ms);
    if ((watched.revents & POLLIN) && !floor_receive(link, handle))
        workload_die("floor: closed");
    if (ack_count > 0) {
        Floor__Env ack;
        floor_envelope(&ack, FLOOR_ACK, 0, 0, acks, ack_count * sizeof acks[0]);
        floor_put(link, &ack);
        ack_count = 0;
    }
    floor_flush(link);
}

static void *turn_for_ever(void *link)
{
    for (;;)
        turn(link, 1000);
    return NULL;
}

static void publish_all(struct floor_link *link)
{
    long count = workload_count();
    long sent = 0;
    while (workload_unconfirmed(count) > 0 && workload_seconds() < LIMIT_S) {
        int put = 0;
        for (; sent < count && workload_unconfirmed(sent) < workload_window() && put < PUT_MOST;
             put++) {
            uint8_t body[LETTER_BYTES];
            Floor__Env letter;
            workload_letter(sent, body);
            floor_envelope(&letter, FLOOR_PUBLISH, 0, workload_queue(sent++), body, LETTER_BYTES);
            floor_put(link, &letter);
        }
        turn(link, put > 0 ? 0 : 100);
    }
}

int main(void)
{
    pthread_t thread;
    workload_init();
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX *context = floor_context(false);
    for (unsigned kind = 0; kind <= CONSUMERS; kind++)
        if (pthread_create(&thread, NULL, turn_for_ever, connect_one(context, kind)) != 0)
            workload_die("no thread");
    struct floor_link *publisher = connect_one(context, FLOOR_PUBLISHER);
    usleep(200000); /* all have said who they are */
    workload_start();
    publish_all(publisher);
    _exit(workload_finish(LIMIT_S));
}
