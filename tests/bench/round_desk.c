#include "round_desk.h"

#include "bench.h"
#include "round_party.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Less than half of what the broker takes in at once: two desks never hear BUSY. */
#define MOST_BYTES_IN_AIR ((size_t)24 << 20)
#define CONNECT_AT_ONCE   64 /* the broker does not wait long for a handshake */
#define EVENTS_MAX        64
#define STALL_MS          60000 /* nothing done by any party for this long: something is lost */

static void watch(struct round_desk *desk, int fd, struct party *party)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = party}};
    if (epoll_ctl(desk->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        bench_die("epoll_ctl failed");
}

void round_desk_init(struct round_desk *desk, const struct round_plan *plan,
                     const struct round_pki *pki, uint16_t port)
{
    *desk = (struct round_desk){.plan = plan,
                                .pki = pki,
                                .port = port,
                                .parent = -1,
                                .epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (desk->epoll < 0)
        bench_die("epoll_create1 failed");
}

/* ---------------------------------------------------------------- sending */

static void stand_in_queue(struct round_desk *desk, struct party *party)
{
    desk->queue[(desk->queue_first + desk->queue_count++) % desk->count] = party;
}

void round_desk_send(struct round_desk *desk, struct party *party)
{
    if (party_has_batches(party))
        stand_in_queue(desk, party);
}

static void pump(struct round_desk *desk)
{
    while (desk->queue_count > 0 && desk->batches_in_air < desk->plan->shape.batches_in_air &&
           desk->bytes_in_air < MOST_BYTES_IN_AIR) {
        struct party *party = desk->queue[desk->queue_first];
        desk->queue_first = (desk->queue_first + 1) % desk->count;
        desk->queue_count--;
        party_send_next(party);
        if (party_has_batches(party))
            stand_in_queue(desk, party);
    }
}

/* ---------------------------------------------------------------- the loop */

static void collect_all(struct round_desk *desk)
{
    double now_s = bench_now_s();
    if ((now_s - desk->collected_s) * 1000 < desk->plan->shape.collect_ms)
        return;
    desk->collected_s = now_s;
    for (unsigned i = 0; i < desk->count; i++)
        if (desk->parties[i].collecting == 0) /* what comes meanwhile goes together */
            party_collect(&desk->parties[i]);
}

void round_desk_turn(struct round_desk *desk, int wait_ms)
{
    struct epoll_event events[EVENTS_MAX];
    collect_all(desk);
    pump(desk);
    int count = epoll_wait(desk->epoll, events, EVENTS_MAX, wait_ms);
    if (count < 0 && errno != EINTR)
        bench_die("epoll_wait failed");
    for (int i = 0; i < count; i++) {
        struct party *party = events[i].data.ptr;
        if (party)
            skp_process(party->client);
        else
            desk->told = true;
    }
}

static const struct party *first_not(const struct round_desk *desk, party_test_fn test)
{
    for (unsigned i = 0; i < desk->count; i++)
        if (!test(&desk->parties[i]))
            return &desk->parties[i];
    return NULL;
}

void round_desk_until(struct round_desk *desk, party_test_fn test, const char *what)
{
    uint64_t progress = desk->progress;
    double since_s = bench_now_s();
    for (const struct party *waits; (waits = first_not(desk, test));) {
        round_desk_turn(desk, DESK_TURN_MS);
        double now_s = bench_now_s();
        if (progress != desk->progress)
            since_s = now_s;
        else if ((now_s - since_s) * 1000 >= STALL_MS)
            party_complain(waits, what);
        progress = desk->progress;
    }
}

/* ---------------------------------------------------------------- opening and closing */

double round_desk_open(struct round_desk *desk, unsigned first, unsigned count)
{
    desk->parties = bench_calloc(count, sizeof *desk->parties);
    desk->queue = bench_calloc(count, sizeof(struct party *));
    desk->count = count;
    for (unsigned i = 0; i < count; i++)
        party_open(&desk->parties[i], desk, first + i);
    if (desk->parent >= 0)
        watch(desk, desk->parent, NULL);
    double start_s = bench_now_s();
    for (unsigned i = 0; i < count; i++) {
        watch(desk, skp_fd(desk->parties[i].client), &desk->parties[i]);
        skp_process(desk->parties[i].client);
        do
            round_desk_turn(desk, 0);
        while (i + 1 - desk->up_count >= CONNECT_AT_ONCE);
    }
    round_desk_until(desk, party_is_up, "connecting");
    return bench_now_s() - start_s;
}

void round_desk_publish(struct round_desk *desk)
{
    for (unsigned i = 0; i < desk->count; i++)
        party_publish(&desk->parties[i]);
    round_desk_until(desk, party_is_published, "publishing");
}

void round_desk_close(struct round_desk *desk)
{
    for (unsigned i = desk->count; i > 0; i--)
        party_close(&desk->parties[i - 1]);
    free(desk->parties);
    free(desk->queue);
    close(desk->epoll);
    if (desk->post)
        fclose(desk->post);
}
