/* A TCP proxy that does to connections what networks do. */
#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINKS_MAX 4096

static const char usage[] =
    "usage: fault_proxy --listen PORT --to PORT [--seed N] [fault ...]\n"
    "\n"
    "Passes TCP connections to 127.0.0.1:PORT on to another port, with faults that are drawn from\n"
    "the seed (RANGE is N or N-M).\n"
    "\n"
    "  --delay RANGE       each piece waits so many ms; the order is kept\n"
    "  --rate N            bytes per second and direction\n"
    "  --split N           pieces of at most N bytes; 1: one by one\n"
    "  --cut RANGE         the connection ends (FIN) after so many bytes of both directions\n"
    "  --reset RANGE       the same, with RST\n"
    "  --stall-up RANGE    after so many bytes nothing goes to the server any more, and nobody is "
    "told\n"
    "  --stall-down RANGE  the same to the client\n"
    "\n"
    "Commands on stdin: pass (new connections without faults; stalled ones are reset), faults (as\n"
    "before), status (one line of name=number), the end of stdin ends it. \"ready\" on stdout: it\n"
    "listens.\n";

static const struct option long_options[] = {
    {"listen", required_argument, NULL, 'l'},   {"to", required_argument, NULL, 't'},
    {"seed", required_argument, NULL, 's'},     {"delay", required_argument, NULL, 'd'},
    {"rate", required_argument, NULL, 'r'},     {"split", required_argument, NULL, 'p'},
    {"cut", required_argument, NULL, 'c'},      {"reset", required_argument, NULL, 'x'},
    {"stall-up", required_argument, NULL, 'u'}, {"stall-down", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
};

struct proxy {
    struct event_base *base;
    uint16_t listen, to;
    struct proxy_faults faults;
    bool passing;
    struct proxy_random random;
    struct proxy_counts counts;
    struct proxy_link *links[LINKS_MAX];
    size_t link_count;
};

static bool take_number(const char *text, uint64_t *ret_number)
{
    char *rest;
    errno = 0;
    unsigned long long number = strtoull(text, &rest, 10);
    if (errno != 0 || rest == text || *rest != '\0')
        return false;
    *ret_number = number;
    return true;
}

static bool take_port(const char *text, uint16_t *ret_port)
{
    uint64_t number;
    if (!take_number(text, &number) || number == 0 || number > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)number;
    return true;
}

static bool take_range(const char *text, struct proxy_range *ret_range)
{
    char first[32];
    struct proxy_range range;
    size_t len = strcspn(text, "-");
    if (len >= sizeof first)
        return false;
    memcpy(first, text, len);
    first[len] = '\0';
    if (!take_number(first, &range.from) ||
        !take_number(text[len] == '-' ? text + len + 1 : first, &range.to) ||
        range.to < range.from || range.to == 0)
        return false;
    *ret_range = range;
    return true;
}

static bool take_option(struct proxy *proxy, int letter, const char *value)
{
    struct proxy_faults *faults = &proxy->faults;
    switch (letter) {
    case 'l':
        return take_port(value, &proxy->listen);
    case 't':
        return take_port(value, &proxy->to);
    case 's':
        return take_number(value, &proxy->random.state);
    case 'd':
        return take_range(value, &faults->delay_ms);
    case 'r':
        return take_number(value, &faults->rate);
    case 'p':
        return take_number(value, &faults->split);
    case 'c':
        return take_range(value, &faults->cut);
    case 'x':
        return take_range(value, &faults->reset);
    case 'u':
        return take_range(value, &faults->stall_up);
    case 'o':
        return take_range(value, &faults->stall_down);
    default:
        return false;
    }
}

/* ---------------------------------------------------------------- connections */

static void on_closed(void *ctx, struct proxy_link *link)
{
    struct proxy *proxy = ctx;
    for (size_t i = 0; i < proxy->link_count; i++) {
        if (proxy->links[i] == link) {
            proxy->links[i] = proxy->links[--proxy->link_count];
            return;
        }
    }
}

static int dial(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0 &&
        errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t client,
                      struct sockaddr *address, int address_len, void *ctx)
{
    static const struct proxy_faults none;
    struct proxy *proxy = ctx;
    int on = 1;
    (void)listener, (void)address, (void)address_len;
    int server = proxy->link_count < LINKS_MAX ? dial(proxy->to) : -1;
    if (server < 0) {
        close(client);
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct proxy_link *link =
        proxy_link_new(proxy->base, client, server, proxy->passing ? &none : &proxy->faults,
                       &proxy->random, &proxy->counts, on_closed, proxy);
    if (link != NULL)
        proxy->links[proxy->link_count++] = link;
}

/* ---------------------------------------------------------------- commands */

static void pass(struct proxy *proxy)
{
    proxy->passing = true;
    for (size_t i = proxy->link_count; i > 0; i--) { /* the last one takes the place of who goes */
        if (proxy_link_is_stalled(proxy->links[i - 1]))
            proxy_link_reset(proxy->links[i - 1]);
    }
}

static void print_status(const struct proxy *proxy)
{
    const struct proxy_counts *counts = &proxy->counts;
    printf("open=%zu connections=%llu cuts=%llu resets=%llu stalls=%llu bytes_up=%llu "
           "bytes_down=%llu\n",
           proxy->link_count, (unsigned long long)counts->connections,
           (unsigned long long)counts->cuts, (unsigned long long)counts->resets,
           (unsigned long long)counts->stalls, (unsigned long long)counts->bytes_up,
           (unsigned long long)counts->bytes_down);
    fflush(stdout);
}

static void on_command(evutil_socket_t fd, short what, void *ctx)
{
    struct proxy *proxy = ctx;
    char word[64];
    (void)what;
    ssize_t got = read(fd, word, sizeof word - 1); /* the test waits between two commands */
    if (got <= 0) {
        event_base_loopbreak(proxy->base);
        return;
    }
    word[strcspn((word[got] = '\0', word), "\n")] = '\0';
    if (strcmp(word, "pass") == 0)
        pass(proxy);
    else if (strcmp(word, "faults") == 0)
        proxy->passing = false;
    else if (strcmp(word, "status") != 0)
        fprintf(stderr, "fault_proxy: no command '%s'\n", word);
    print_status(proxy);
}

static int run(struct proxy *proxy)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(proxy->listen),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    proxy->base = event_base_new();
    struct evconnlistener *listener = evconnlistener_new_bind(
        proxy->base, on_accept, proxy, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 512,
        (struct sockaddr *)&address, sizeof address);
    if (listener == NULL) {
        fprintf(stderr, "fault_proxy: port %u: %s\n", proxy->listen, strerror(errno));
        return 1;
    }
    struct event *commands =
        event_new(proxy->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_command, proxy);
    event_add(commands, NULL);
    puts("ready");
    fflush(stdout);
    event_base_dispatch(proxy->base);
    while (proxy->link_count > 0)
        proxy_link_reset(proxy->links[0]);
    event_free(commands);
    evconnlistener_free(listener);
    event_base_free(proxy->base);
    return 0;
}

int main(int argc, char **argv)
{
    static struct proxy proxy;
    int letter;
    while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (letter == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (!take_option(&proxy, letter, optarg)) {
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind != argc || proxy.listen == 0 || proxy.to == 0) {
        fputs(usage, stderr);
        return 2;
    }
    return run(&proxy);
}
