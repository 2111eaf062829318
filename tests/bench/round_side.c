#include "round_side.h"

#include "bench.h"
#include "round_party.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define COLLECT_MS    100 /* a desk signs for what it has stored at most this often */
#define EVENTS_MAX    64
#define VIEW_S        60
#define VIEW_PAUSE_MS 50
#define STALL_MS      30000 /* nothing done by any party for this long: something is lost */

struct side {
    const struct round_side_config *config;
    struct party *parties;
    unsigned count;
    int epoll;
    double collected_s; /* when all were asked to collect */
    bool told;          /* by the parent: the next step */
};

typedef bool (*party_test_fn)(const struct party *party);

static bool each(const struct side *side, party_test_fn test)
{
    for (unsigned i = 0; i < side->count; i++)
        if (!test(&side->parties[i]))
            return false;
    return true;
}

static void collect_all(struct side *side)
{
    double now_s = bench_now_s();
    if ((now_s - side->collected_s) * 1000 < COLLECT_MS)
        return;
    side->collected_s = now_s;
    for (unsigned i = 0; i < side->count; i++)
        party_collect(&side->parties[i]);
}

/* One turn of the loop; the parent's pipe has no party. */
static void turn(struct side *side, int wait_ms)
{
    struct epoll_event events[EVENTS_MAX];
    collect_all(side);
    int count = epoll_wait(side->epoll, events, EVENTS_MAX, wait_ms);
    if (count < 0 && errno != EINTR)
        bench_die("epoll_wait failed");
    for (int i = 0; i < count; i++) {
        struct party *party = events[i].data.ptr;
        if (party)
            skp_process(party->client);
        else
            side->told = true;
    }
}

static void say(const struct side *side, char word)
{
    if (write(side->config->to_parent, &word, 1) != 1)
        bench_die("the parent is gone");
}

static void hear(struct side *side)
{
    char word;
    while (!side->told)
        turn(side, COLLECT_MS);
    side->told = false;
    if (read(side->config->from_parent, &word, 1) != 1)
        bench_die("the parent is gone");
}

static const struct party *first_not(const struct side *side, party_test_fn test)
{
    const struct party *party = side->parties;
    while (test(party))
        party++;
    return party;
}

static unsigned done_so_far(const struct side *side)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < side->count; i++)
        sum += party_progress(&side->parties[i]);
    return sum;
}

static void until(struct side *side, party_test_fn test, const char *what)
{
    unsigned progress = done_so_far(side);
    double since_s = bench_now_s();
    while (!each(side, test)) {
        turn(side, COLLECT_MS);
        double now_s = bench_now_s();
        if (progress != done_so_far(side))
            since_s = now_s;
        else if ((now_s - since_s) * 1000 >= STALL_MS)
            party_complain(first_not(side, test), what);
        progress = done_so_far(side);
    }
}

static void watch(struct side *side, int fd, struct party *party)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = party}};
    if (epoll_ctl(side->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        bench_die("epoll_ctl failed");
}

static void open_all(struct side *side)
{
    const struct round_side_config *config = side->config;
    side->parties = bench_calloc(config->party_count, sizeof *side->parties);
    side->epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(side, config->from_parent, NULL);
    for (unsigned i = 0; i < config->party_count; i++) {
        struct party *party = &side->parties[side->count++];
        party_open(party, config->plan, config->first_party + i, config->pki, config->port,
                   i > 0 ? side->parties[0].client : NULL);
        watch(side, skp_fd(party->client), party);
        skp_process(party->client);
        turn(side, 0); /* the broker does not wait long for a handshake */
    }
    until(side, party_is_ready, "connecting and publishing");
}

/* One party reads the directory for all: they share what was verified. */
static void learn(struct side *side)
{
    party_learn(&side->parties[0]);
    until(side, party_has_learned, "reading the directory");
}

static unsigned ask_view(struct side *side)
{
    unsigned answered = 0;
    for (unsigned i = 0; i < side->count; i++)
        party_ask_view(&side->parties[i]);
    until(side, party_has_view, "the cases view");
    for (unsigned i = 0; i < side->count; i++)
        answered += side->parties[i].answered;
    return answered;
}

/* Cases are folded a moment after their answers: so the view is asked again until it agrees. */
static unsigned check_view(struct side *side)
{
    double end_s = bench_now_s() + VIEW_S;
    unsigned answered;
    while ((answered = ask_view(side)) < side->config->plan->request_count &&
           bench_now_s() < end_s) {
        struct timespec pause = {.tv_nsec = VIEW_PAUSE_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    return answered;
}

/* Every line opened, and counted by the number of its request. */
static void check_post(struct side *side, struct round_side_result *ret_result)
{
    const struct round_plan *plan = side->config->plan;
    unsigned char *seen = bench_calloc(plan->request_count, 1);
    for (unsigned i = 0; i < side->count; i++) {
        struct party *party = &side->parties[i];
        ret_result->wrong += party_open_post(party, seen);
        ret_result->lines += party->lines;
        ret_result->deliveries += party->deliveries;
        ret_result->delivery_bytes += party->delivery_bytes;
        ret_result->collects += party->collects;
    }
    for (unsigned i = 0; i < plan->request_count; i++)
        ret_result->missing += seen[i] == 0;
    free(seen);
}

void round_side_run(const struct round_side_config *config, struct round_side_result *ret_result)
{
    struct side side = {.config = config};
    *ret_result = (struct round_side_result){.lines = 0};
    open_all(&side);
    say(&side, 'R');
    hear(&side);
    learn(&side);
    say(&side, 'L');
    hear(&side);
    for (unsigned i = 0; i < side.count; i++)
        party_start(&side.parties[i]);
    until(&side, party_is_done, "the round");
    say(&side, 'D');
    hear(&side);
    if (round_is_counsellor(config->plan, config->first_party))
        ret_result->answered = check_view(&side);
    check_post(&side, ret_result);
    for (unsigned i = side.count; i > 0; i--)
        party_close(&side.parties[i - 1]);
    free(side.parties);
    close(side.epoll);
}
