/* The floor: the smallest honest durable broker, to bound what is possible. Not a product: no rules, routing, limits or
 * recovery.
 *
 *   floor_server ENGINE FOLDER      ENGINE: null, log, sqlite, sqlite-idx
 *
 * One thread for sockets, one for commits; a commit takes everything that arrived while the one before ran. A letter
 * is confirmed and delivered only after its commit; an ack is a deletion in the next. */
#include "floor_store.h"
#include "workload.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_LINKS 64
#define KINDS     128

static struct {
    SSL_CTX *context;
    int listener, event;
    struct floor_link *links[MAX_LINKS];
    unsigned link_count;
    struct floor_link *by_kind[KINDS];
    struct floor_batch batches[2];
    unsigned filling; /* the other one is being committed */
    bool is_committing;
    uint64_t last_id;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    const struct floor_batch *work; /* under the lock */
    atomic_bool done;
} office = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

/* ---------------------------------------------------------------- commits */

static void *commit_for_ever(void *ctx)
{
    (void)ctx;
    for (;;) {
        uint64_t one = 1;
        pthread_mutex_lock(&office.lock);
        while (!office.work)
            pthread_cond_wait(&office.wake, &office.lock);
        const struct floor_batch *work = office.work;
        office.work = NULL;
        pthread_mutex_unlock(&office.lock);
        floor_store_commit(work);
        office.done = true;
        if (write(office.event, &one, sizeof one) != sizeof one)
            workload_die("floor: no event");
    }
    return NULL;
}

static void start_commit(void)
{
    struct floor_batch *batch = &office.batches[office.filling];
    if (office.is_committing || (batch->entry_count == 0 && batch->deleted_count == 0))
        return;
    office.is_committing = true;
    office.filling ^= 1;
    pthread_mutex_lock(&office.lock);
    office.work = batch;
    pthread_cond_signal(&office.wake);
    pthread_mutex_unlock(&office.lock);
}

static void deliver(const struct floor_entry *entry)
{
    Floor__Env *envelope = entry->envelope;
    unsigned kind =
        envelope->queue >= FLOOR_REPLIES ? CONSUMERS : (unsigned)(envelope->queue % CONSUMERS);
    entry->from->confirmed++;
    envelope->type = FLOOR_DELIVER;
    envelope->id = entry->id;
    floor_put(office.by_kind[kind], envelope);
    floor__env__free_unpacked(envelope, NULL);
}

static void finish_commit(void)
{
    uint64_t count;
    struct floor_batch *batch = &office.batches[office.filling ^ 1];
    if (!office.done || read(office.event, &count, sizeof count) < 0)
        return;
    for (size_t i = 0; i < batch->entry_count; i++)
        deliver(&batch->entries[i]);
    for (unsigned i = 0; i < office.link_count; i++) {
        Floor__Env confirm;
        floor_envelope(&confirm, FLOOR_CONFIRM, office.links[i]->confirmed, 0, NULL, 0);
        if (office.links[i]->confirmed > 0)
            floor_put(office.links[i], &confirm);
        office.links[i]->confirmed = 0;
    }
    batch->entry_count = batch->deleted_count = 0;
    office.is_committing = false;
    office.done = false;
}

/* ---------------------------------------------------------------- links */

static void *grown(void *array, size_t *room, size_t count, size_t bytes)
{
    if (count <= *room)
        return array;
    while (*room < count)
        *room = *room ? 2 * *room : 4096;
    array = realloc(array, *room * bytes);
    if (!array)
        workload_die("out of memory");
    return array;
}

static void take_letter(struct floor_batch *batch, struct floor_link *link, Floor__Env *envelope)
{
    batch->entries =
        grown(batch->entries, &batch->entry_room, batch->entry_count + 1, sizeof *batch->entries);
    batch->entries[batch->entry_count++] =
        (struct floor_entry){.from = link, .envelope = envelope, .id = ++office.last_id};
}

static void take_acks(struct floor_batch *batch, const Floor__Env *envelope)
{
    size_t count = envelope->body.len / sizeof *batch->deleted;
    batch->deleted = grown(batch->deleted, &batch->deleted_room, batch->deleted_count + count,
                           sizeof *batch->deleted);
    memcpy(batch->deleted + batch->deleted_count, envelope->body.data,
           count * sizeof *batch->deleted);
    batch->deleted_count += count;
}

static void handle(struct floor_link *link, Floor__Env *envelope)
{
    struct floor_batch *batch = &office.batches[office.filling];
    if (envelope->type == FLOOR_PUBLISH) {
        take_letter(batch, link, envelope);
        return;
    }
    if (envelope->type == FLOOR_ACK)
        take_acks(batch, envelope);
    if (envelope->type == FLOOR_HELLO && envelope->id < KINDS) {
        link->kind = (unsigned)envelope->id;
        office.by_kind[link->kind] = link;
    }
    floor__env__free_unpacked(envelope, NULL);
}

/* Who only looks whether the port is open makes no handshake. */
static void accept_one(void)
{
    int fd = accept(office.listener, NULL, NULL);
    SSL *ssl = SSL_new(office.context);
    struct floor_link *link = malloc(sizeof *link);
    if (fd < 0 || !ssl || !link || office.link_count == MAX_LINKS || SSL_set_fd(ssl, fd) != 1)
        workload_die("floor: no connection");
    floor_link_init(link, fd, ssl);
    fcntl(fd, F_SETFL, 0); /* the handshake waits */
    if (SSL_accept(ssl) != 1) {
        ERR_clear_error();
        floor_link_fini(link);
        free(link);
        return;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    office.links[office.link_count++] = link;
    (void)floor_receive(link, handle); /* what came with the handshake wakes no poll */
}

static void forget(unsigned index)
{
    struct floor_link *link = office.links[index];
    office.links[index] = office.links[--office.link_count];
    floor_link_fini(link);
    free(link);
}

/* Backwards, because the last takes the place of who is forgotten. Nobody leaves before the last letter. */
static void receive_all(const struct pollfd *watched, unsigned count)
{
    for (unsigned i = count; i > 0; i--)
        if ((watched[i - 1].revents & (POLLIN | POLLHUP)) &&
            !floor_receive(office.links[i - 1], handle))
            forget(i - 1);
}

static void turn(void)
{
    struct pollfd watched[MAX_LINKS + 2] = {{.fd = office.listener, .events = POLLIN},
                                            {.fd = office.event, .events = POLLIN}};
    unsigned count = office.link_count;
    for (unsigned i = 0; i < count; i++)
        watched[i + 2] = (struct pollfd){
            .fd = office.links[i]->fd,
            .events = floor_has_output(office.links[i]) ? POLLIN | POLLOUT : POLLIN};
    poll(watched, count + 2, -1);
    receive_all(watched + 2, count);
    if (watched[0].revents)
        accept_one();
    finish_commit();
    start_commit();
    for (unsigned i = 0; i < office.link_count; i++)
        floor_flush(office.links[i]);
}

static int listen_on(uint16_t port)
{
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 16) != 0)
        workload_die("floor: port %u is taken", port);
    return fd;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc != 3)
        workload_die("usage: floor_server ENGINE FOLDER");
    signal(SIGPIPE, SIG_IGN);
    floor_store_open(argv[1], argv[2]);
    office.context = floor_context(true);
    office.event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (pthread_create(&thread, NULL, commit_for_ever, NULL) != 0)
        workload_die("no thread");
    office.listener = listen_on(FLOOR_PORT);
    for (;;)
        turn();
}
