/* A crowd at the broker's door. */
#include "crowd.h"

#include "frame.h"
#include "identity.h"

#include <event2/bufferevent.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char usage[] =
    "usage: crowd KIND --pki FOLDER --oin OIN --port N --count N [--at-once N] [--sources N]\n"
    "             [--every MS] [--seed N]\n"
    "\n"
    "Connections of one participant to 127.0.0.1. KIND is one of:\n"
#define X(name, word, tls, help) "  " word ": " help "\n"
    CROWD_KINDS(X)
#undef X
        "\n"
        "  --count N    storm: handshakes in all; otherwise connections\n"
        "  --at-once N  storm: of these at the same time (all)\n"
        "  --sources N  from so many addresses 127.1.x.y (1)\n"
        "  --every MS   each does its next thing, or comes back, every so many ms (1000)\n"
        "  --seed N     at which instants in these (0): spread as those of strangers are\n"
        "\n"
        "storm prints its figures and ends. The others print \"ready\" when all have come as far "
        "as they\n"
        "get, answer each line on stdin with open=N lost=N, and go when stdin ends.\n";

static const struct option long_options[] = {
    {"pki", required_argument, NULL, 'k'},     {"oin", required_argument, NULL, 'o'},
    {"port", required_argument, NULL, 'p'},    {"count", required_argument, NULL, 'n'},
    {"at-once", required_argument, NULL, 'a'}, {"sources", required_argument, NULL, 's'},
    {"every", required_argument, NULL, 'e'},   {"seed", required_argument, NULL, 'd'},
    {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
};

struct options {
    const char *pki, *oin;
};

static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

static bool take_kind(const char *word, struct crowd *crowd)
{
    static const struct {
        const char *word;
        bool tls;
    } kinds[] = {
#define X(name, word, tls, help) {word, tls},
        CROWD_KINDS(X)
#undef X
    };
    for (unsigned i = 0; i < CROWD_KIND_COUNT; i++) {
        if (strcmp(word, kinds[i].word) == 0) {
            crowd->kind = (enum crowd_kind)i;
            crowd->speaks_tls = kinds[i].tls;
            return true;
        }
    }
    return false;
}

static bool take_option(int letter, struct crowd *crowd, struct options *options)
{
    switch (letter) {
    case 'k':
        options->pki = optarg;
        return true;
    case 'o':
        options->oin = optarg;
        return true;
    case 'p':
        crowd->port = (uint16_t)number(optarg);
        return true;
    case 'n':
        crowd->count = number(optarg);
        return true;
    case 'a':
        crowd->at_once = number(optarg);
        return true;
    case 's':
        crowd->sources = number(optarg);
        return true;
    case 'e':
        crowd->every_ms = number(optarg);
        return true;
    case 'd':
        crowd->seed = number(optarg);
        return true;
    default:
        return false;
    }
}

static bool parse(int argc, char **argv, struct crowd *crowd, struct options *options)
{
    int letter;
    while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (letter == 'h') {
            fputs(usage, stdout);
            exit(0);
        }
        if (!take_option(letter, crowd, options))
            return false;
    }
    if (crowd->at_once == 0 || crowd->at_once > crowd->count)
        crowd->at_once = crowd->count;
    return optind == argc - 1 && take_kind(argv[optind], crowd) && options->pki != NULL &&
           options->oin != NULL && crowd->port != 0 && crowd->count > 0 && crowd->sources > 0 &&
           crowd->every_ms > 0;
}

/* The broker's certificate is not looked at: this is about what the broker does. */
static SSL_CTX *open_tls(const struct options *options)
{
    static const unsigned char alpn[] = "\x05" SKP_ALPN;
    char file[4096];
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL)
        abort();
    snprintf(file, sizeof file, "%s/participants/%s/tls.pem", options->pki, options->oin);
    bool good = SSL_CTX_use_certificate_chain_file(tls, file) == 1;
    snprintf(file, sizeof file, "%s/participants/%s/tls.key", options->pki, options->oin);
    good = good && SSL_CTX_use_PrivateKey_file(tls, file, SSL_FILETYPE_PEM) == 1;
    if (!good || SSL_CTX_set_alpn_protos(tls, alpn, sizeof alpn - 1) != 0) {
        fprintf(stderr, "crowd: %s: no certificate and key\n", file);
        exit(1);
    }
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    return tls;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void print_storm(struct crowd *crowd, int64_t wall_us)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    qsort(crowd->took_us, crowd->done, sizeof *crowd->took_us, compare);
    int64_t p50 = crowd->done > 0 ? crowd->took_us[crowd->done / 2] : 0;
    int64_t p99 = crowd->done > 0 ? crowd->took_us[crowd->done * 99 / 100] : 0;
    printf("done=%u failed=%u wall_s=%.3f cpu_s=%.3f p50_ms=%.1f p99_ms=%.1f\n", crowd->done,
           crowd->failed, (double)wall_us / 1e6, cpu, (double)p50 / 1e3, (double)p99 / 1e3);
    fflush(stdout);
}

static void on_changed(struct crowd *crowd)
{
    static bool ready;
    if (crowd->kind == CROWD_STORM && crowd->done + crowd->failed >= crowd->count)
        event_base_loopbreak(crowd->base);
    if (crowd->kind != CROWD_STORM && !ready && crowd->settled == crowd->at_once) {
        ready = true;
        puts("ready");
        fflush(stdout);
    }
}

static void on_command(evutil_socket_t fd, short what, void *ctx)
{
    struct crowd *crowd = ctx;
    char line[64];
    (void)what;
    if (read(fd, line, sizeof line) <= 0) {
        event_base_loopbreak(crowd->base);
        return;
    }
    printf("open=%u lost=%u\n", crowd->settled, crowd->lost);
    fflush(stdout);
}

static void run(struct crowd *crowd)
{
    struct event *commands =
        event_new(crowd->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_command, crowd);
    if (commands == NULL)
        abort();
    if (crowd->kind != CROWD_STORM)
        event_add(commands, NULL);
    int64_t began_us = crowd_now_us();
    crowd_open(crowd);
    event_base_dispatch(crowd->base);
    if (crowd->kind == CROWD_STORM)
        print_storm(crowd, crowd_now_us() - began_us);
    crowd_close(crowd);
    event_free(commands);
}

int main(int argc, char **argv)
{
    struct crowd crowd = {.sources = 1, .every_ms = 1000, .changed = on_changed};
    struct options options = {0};
    if (!parse(argc, argv, &crowd, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    crowd.base = event_base_new();
    crowd.tls = open_tls(&options);
    if (crowd.base == NULL)
        abort();
    run(&crowd);
    SSL_CTX_free(crowd.tls);
    event_base_free(crowd.base);
    return crowd.failed > 0;
}
