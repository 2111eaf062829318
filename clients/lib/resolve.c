/* The addresses of the broker's host. A number is its own address; a name is looked up on a thread,
 * since getaddrinfo() may ask DNS and wait, and the C library has no way to ask without waiting that
 * also honours /etc/nsswitch.conf. The thread cannot be stopped: who no longer wants the answer drops
 * its half of the shared struct, and the thread frees the rest when its answer is there. */
#include "skp_internal.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct resolving {
    atomic_uint references; /* the client's and the thread's */
    atomic_bool answered;   /* what stands below is written before, and read after */
    int failed;             /* 0 or EAI_... */
    struct addrinfo *addresses;
    int fd; /* an eventfd: readable when answered */
    uint16_t port;
    char host[];
};

static int look_up(const char *host, uint16_t port, int flags, struct addrinfo **ret_addresses)
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    return getaddrinfo(host, service, &hints, ret_addresses);
}

int resolve_numeric(const char *host, uint16_t port, struct addrinfo **ret_addresses)
{
    return look_up(host, port, AI_NUMERICHOST, ret_addresses);
}

void resolve_drop(struct resolving *resolving)
{
    if (resolving == NULL || atomic_fetch_sub(&resolving->references, 1) > 1)
        return;
    if (resolving->addresses != NULL)
        freeaddrinfo(resolving->addresses);
    close(resolving->fd);
    free(resolving);
}

static void *look_up_name(void *ctx)
{
    struct resolving *resolving = ctx;
    resolving->failed = look_up(resolving->host, resolving->port, 0, &resolving->addresses);
    atomic_store(&resolving->answered, true);
    (void)eventfd_write(resolving->fd, 1); /* the first: cannot be full */
    resolve_drop(resolving);
    return NULL;
}

/* Detached, and deaf to signals: those are for the host's own threads. */
static bool start_thread(struct resolving *resolving)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, &attributes, look_up_name, resolving);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return failed == 0;
}

struct resolving *resolve_start(const char *host, uint16_t port)
{
    size_t host_bytes = strlen(host) + 1;
    struct resolving *resolving = calloc(1, sizeof *resolving + host_bytes);
    if (resolving == NULL)
        return NULL;
    memcpy(resolving->host, host, host_bytes);
    resolving->port = port;
    resolving->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_init(&resolving->references, 2);
    if (resolving->fd >= 0 && start_thread(resolving))
        return resolving;
    if (resolving->fd >= 0)
        close(resolving->fd);
    free(resolving);
    return NULL;
}

int resolve_fd(const struct resolving *resolving)
{
    return resolving->fd;
}

bool resolve_take(struct resolving *resolving, int *ret_failed, struct addrinfo **ret_addresses)
{
    if (!atomic_load(&resolving->answered))
        return false;
    *ret_failed = resolving->failed;
    *ret_addresses = resolving->addresses;
    resolving->addresses = NULL;
    return true;
}
