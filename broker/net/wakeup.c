#include "wakeup.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct wakeup {
    int fd;
    struct event *event;
    void (*fn)(void *ctx);
    void *ctx;
};

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
    struct wakeup *wakeup = ctx;
    uint64_t count;
    (void)what;
    if (wakeup->fn == NULL)
        return;
    if (read(fd, &count, sizeof count) == (ssize_t)sizeof count)
        wakeup->fn(wakeup->ctx);
}

enum skp_err wakeup_new(struct event_base *base, struct wakeup **ret_wakeup)
{
    struct wakeup *wakeup = calloc(1, sizeof *wakeup);
    if (wakeup == NULL)
        return SKP_E_NO_MEMORY;
    wakeup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wakeup->fd >= 0)
        wakeup->event = event_new(base, wakeup->fd, EV_READ | EV_PERSIST, on_signal, wakeup);
    if (wakeup->event == NULL) {
        wakeup_free(wakeup);
        return SKP_E_IO;
    }
    *ret_wakeup = wakeup;
    return SKP_OK;
}

void wakeup_free(struct wakeup *wakeup)
{
    if (wakeup == NULL)
        return;
    if (wakeup->event != NULL)
        event_free(wakeup->event);
    if (wakeup->fd >= 0)
        close(wakeup->fd);
    free(wakeup);
}

void wakeup_signal(void *ctx)
{
    struct wakeup *wakeup = ctx;
    uint64_t one = 1;
    /* EAGAIN means that the counter is full, and then the loop is awake anyway. */
    ssize_t written = write(wakeup->fd, &one, sizeof one);
    (void)written;
}

void wakeup_listen(struct wakeup *wakeup, void (*fn)(void *ctx), void *ctx)
{
    wakeup->fn = fn;
    wakeup->ctx = ctx;
    if (fn != NULL)
        event_add(wakeup->event, NULL);
    else
        event_del(wakeup->event);
}
