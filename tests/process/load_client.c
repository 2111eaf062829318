/* A client process on libskp that acts as counsellor or creditor, for the tests of this folder.
 *
 * Commands on stdin: go, stop (no new cases), status (one line of name=number), finish (lists the
 * cases into the history, ends). "ready" on stdout: published, and all peers found. */
#include "load_session.h"

#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] =
    "usage: load_client --role counsellor|creditor --oin OIN --pki FOLDER --port N --peers N\n"
    "                   --history FILE --head FILE [--seed N] [--window N] [--open N]\n"
    "                   [--batches N] [--canary TEXT]\n"
    "\n"
    "  --peers N     participants of the other role to wait for\n"
    "  --window N    batches under way at the same time (4)\n"
    "  --open N      requests without answer at the same time (40)\n"
    "  --batches N   stop after so many batches of cases (0: never)\n"
    "  --canary TEXT stands in every name, address and client number; one case per batch\n";

static const struct option long_options[] = {
    {"role", required_argument, NULL, 'r'},
    {"oin", required_argument, NULL, 'o'},
    {"pki", required_argument, NULL, 'k'},
    {"port", required_argument, NULL, 'p'},
    {"peers", required_argument, NULL, 'n'},
    {"history", required_argument, NULL, 'f'},
    {"head", required_argument, NULL, 'h'},
    {"seed", required_argument, NULL, 's'},
    {"window", required_argument, NULL, 'w'},
    {"open", required_argument, NULL, 'u'},
    {"batches", required_argument, NULL, 'b'},
    {"canary", required_argument, NULL, 'c'},
    {NULL, 0, NULL, 0},
};

static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

static bool take_option(int letter, struct load_options *options)
{
    switch (letter) {
    case 'r':
        options->role = optarg;
        return true;
    case 'o':
        options->oin = optarg;
        return true;
    case 'k':
        options->pki = optarg;
        return true;
    case 'p':
        options->port = number(optarg);
        return true;
    case 'n':
        options->peers = number(optarg);
        return true;
    case 'f':
        options->history = optarg;
        return true;
    case 'h':
        options->head = optarg;
        return true;
    case 's':
        options->seed = strtoull(optarg, NULL, 10);
        return true;
    case 'w':
        options->window = number(optarg);
        return true;
    case 'u':
        options->open = number(optarg);
        return true;
    case 'b':
        options->batches = number(optarg);
        return true;
    case 'c':
        options->canary = optarg;
        return true;
    default:
        return false;
    }
}

static bool parse(int argc, char **argv, struct load_options *ret_options)
{
    int letter;
    *ret_options = (struct load_options){.window = 4, .open = 40};
    while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (!take_option(letter, ret_options))
            return false;
    return optind == argc && ret_options->role != NULL && ret_options->oin != NULL &&
           ret_options->pki != NULL && ret_options->history != NULL && ret_options->head != NULL &&
           ret_options->peers <= FACTS_MAX_PEERS;
}

/* ---------------------------------------------------------------- commands */

static void print_status(const struct load *load)
{
    printf("outstanding=%zu collecting=%zu acks=%zu repeats=%zu resolved=%zu delivered=%zu "
           "redelivered=%zu downs=%zu problems=%zu stopped=%d\n",
           skp_outstanding(load->client), load->collecting + (load->collect_count > 0), load->acks,
           load->repeats, load->resolved, load->delivered, load->redelivered, load->downs,
           load->problems, (int)load->stopped);
    fflush(stdout);
}

static void obey(struct load *load, const char *word, bool *finishing)
{
    if (strcmp(word, "go") == 0)
        load->going = true;
    else if (strcmp(word, "stop") == 0)
        load->going = false;
    else if (strcmp(word, "status") == 0)
        print_status(load);
    else if (strcmp(word, "finish") == 0)
        *finishing = true;
    else
        fprintf(stderr, "load_client: no command '%s'\n", word);
}

/* Whole lines, as they come. False at the end of stdin: whoever steered us is gone. */
static bool read_commands(struct load *load, bool *finishing)
{
    static char buffer[256];
    static size_t len;
    ssize_t got = read(STDIN_FILENO, buffer + len, sizeof buffer - 1 - len);
    if (got <= 0)
        return false;
    len += (size_t)got;
    buffer[len] = '\0';
    char *start = buffer, *end;
    while ((end = strchr(start, '\n')) != NULL) {
        *end = '\0';
        obey(load, start, finishing);
        start = end + 1;
    }
    len = (size_t)(buffer + len - start);
    memmove(buffer, start, len);
    return len < sizeof buffer - 1;
}

int main(int argc, char **argv)
{
    struct load_options options;
    static struct load load;
    bool finishing = false;
    if (!parse(argc, argv, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    session_open(&options, &load);
    while (!load.listed) {
        struct pollfd ready[] = {{.fd = skp_fd(load.client), .events = POLLIN},
                                 {.fd = STDIN_FILENO, .events = POLLIN}};
        (void)poll(ready, 2, -1); /* an interrupted wait is a turn like any other */
        if (ready[1].revents != 0 && !read_commands(&load, &finishing))
            return 1;
        skp_process(load.client);
        session_work(&load);
        if (finishing)
            session_list_cases(&load);
    }
    session_close(&load);
    return 0;
}
