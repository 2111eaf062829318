#include "round_side.h"

#include "bench.h"
#include "round_party.h"
#include "round_post.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VIEW_S        300
#define VIEW_PAUSE_MS 50

struct side {
    const struct round_side_config *config;
    struct round_desk desk;
    int to_parent;
};

static void say(const struct side *side, char word)
{
    if (write(side->to_parent, &word, 1) != 1)
        bench_die("the parent is gone");
}

static void hear(struct side *side)
{
    char word;
    while (!side->desk.told)
        round_desk_turn(&side->desk, DESK_TURN_MS);
    side->desk.told = false;
    if (read(side->desk.parent, &word, 1) != 1)
        bench_die("the parent is gone");
}

/* One party reads the directory for all: they share what was verified. */
static void learn(struct side *side)
{
    party_learn(&side->desk.parties[0]);
    round_desk_until(&side->desk, party_has_learned, "reading the directory");
}

static void work(struct side *side)
{
    struct round_desk *desk = &side->desk;
    if (round_is_counsellor(desk->plan, side->config->first_party))
        for (unsigned i = 0; i < desk->count; i++)
            round_desk_send(desk, &desk->parties[i]);
    round_desk_until(desk, party_is_done, "the round");
}

/* ---------------------------------------------------------------- after the clock */

static unsigned ask_view(struct round_desk *desk)
{
    unsigned answered = 0;
    for (unsigned i = 0; i < desk->count; i++)
        party_ask_view(&desk->parties[i]);
    round_desk_until(desk, party_has_view, "the cases view");
    for (unsigned i = 0; i < desk->count; i++)
        answered += desk->parties[i].answered;
    return answered;
}

/* Cases are folded a moment after their answers: so the view is asked again until it agrees. */
static unsigned check_view(struct round_desk *desk)
{
    double end_s = bench_now_s() + VIEW_S;
    unsigned answered;
    while ((answered = ask_view(desk)) < desk->plan->request_count && bench_now_s() < end_s) {
        struct timespec pause = {.tv_nsec = VIEW_PAUSE_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    return answered;
}

/* Every line opened, and counted by the number of its request. */
static void check_post(struct round_desk *desk, struct round_side_result *ret_result)
{
    unsigned char *seen = bench_calloc(desk->plan->request_count, 1);
    for (unsigned i = 0; i < desk->count; i++) {
        const struct party *party = &desk->parties[i];
        ret_result->lines += party->lines;
        ret_result->deliveries += party->deliveries;
        ret_result->delivery_bytes += party->delivery_bytes;
        ret_result->collects += party->collects;
    }
    ret_result->wrong = round_post_open(desk, seen);
    for (unsigned i = 0; i < desk->plan->request_count; i++)
        ret_result->missing += seen[i] == 0;
    free(seen);
}

static void run(const struct round_side_config *config, int from_parent, int to_parent,
                struct round_side_result *ret_result)
{
    struct side side = {.config = config, .to_parent = to_parent};
    round_desk_init(&side.desk, config->plan, config->pki, config->port);
    side.desk.parent = from_parent;
    side.desk.post = round_post_create(config->post);
    round_desk_open(&side.desk, config->first_party, config->party_count);
    round_desk_publish(&side.desk);
    say(&side, 'R');
    hear(&side);
    learn(&side);
    say(&side, 'L');
    hear(&side);
    work(&side);
    say(&side, 'D');
    hear(&side);
    ret_result->rss_mb = bench_peak_rss_mb(getpid());
    if (round_is_counsellor(config->plan, config->first_party))
        ret_result->answered = check_view(&side.desk);
    check_post(&side.desk, ret_result);
    round_desk_close(&side.desk);
}

/* ---------------------------------------------------------------- the process */

void round_side_start(struct round_side *side, const struct round_side_config *config)
{
    int down[2];
    int up[2];
    side->result =
        mmap(NULL, sizeof *side->result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (side->result == MAP_FAILED || pipe(down) != 0 || pipe(up) != 0)
        bench_die("no memory or pipes for a process");
    side->pid = fork();
    if (side->pid < 0)
        bench_die("fork failed");
    if (side->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run(config, down[0], up[1], side->result);
        _exit(0);
    }
    close(down[0]);
    close(up[1]);
    side->to = down[1];
    side->from = up[0];
}

void round_side_tell(const struct round_side *side, char word)
{
    if (write(side->to, &word, 1) != 1)
        bench_die("a side is gone");
}

bool round_side_end(struct round_side *side)
{
    int status = 0;
    bool ended = waitpid(side->pid, &status, 0) == side->pid && status == 0;
    close(side->from);
    close(side->to);
    return ended;
}

void round_side_free(struct round_side *side)
{
    munmap(side->result, sizeof *side->result);
}
