/* What must happen at its time: connecting, deadlines, pings, resending, saving the head. All of it hangs on
 * one timerfd in the epoll set, so that skp_fd() alone is enough to wait for. */
#include "skp_internal.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int64_t monotonic_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        abort(); /* only for a clock that does not exist */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t idle_ms(const struct skp_client *client)
{
    return (int64_t)client->limits.idle_seconds * 1000;
}

/* Half the allowed silence of either side; one ping per such half. */
static int64_t ping_at_ms(const struct skp_client *client)
{
    int64_t quiet_since = earlier(client->said_at_ms, client->heard_at_ms);
    if (client->pinged_at_ms > quiet_since)
        quiet_since = client->pinged_at_ms;
    return quiet_since + idle_ms(client) / 2;
}

static int64_t next_at_ms(const struct skp_client *client)
{
    if (client->wake)
        return 0;
    int64_t at = client->head.unsaved ? client->head.save_at_ms : NEVER_MS;
    if (client->state == CLIENT_DOWN)
        at = earlier(at, client->connect_at_ms);
    else
        at = earlier(at, client->deadline_ms);
    if (client_is_up(client)) {
        at = earlier(at, ping_at_ms(client));
        at = earlier(at, client->heard_at_ms + idle_ms(client));
        at = earlier(at, outbox_next_ms(client));
        if (lookups_are_held(client))
            at = earlier(at, client->lookups.resume_at_ms);
    }
    return at;
}

int skp_timeout_ms(const struct skp_client *client)
{
    int64_t at = next_at_ms(client);
    if (at == NEVER_MS)
        return -1;
    int64_t left = at - monotonic_ms();
    if (left < 0)
        return 0;
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

void timers_set(struct skp_client *client)
{
    int64_t at = next_at_ms(client);
    if (at == client->timer_at_ms)
        return;
    client->timer_at_ms = at;
    struct itimerspec timer = {0};
    if (at != NEVER_MS) {
        timer.it_value.tv_sec = (time_t)(at / 1000);
        timer.it_value.tv_nsec = (long)(at % 1000) * 1000000 + (at == 0);
    }
    if (timerfd_settime(client->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL) != 0)
        abort(); /* only for a descriptor that somebody else closed */
}

void client_wake(struct skp_client *client)
{
    client->wake = true;
    if (!client->processing)
        timers_set(client);
}

void timers_clear(struct skp_client *client)
{
    uint64_t expirations;
    if (read(client->timer_fd, &expirations, sizeof expirations) == (ssize_t)sizeof expirations)
        client->timer_at_ms = NEVER_MS;
}

static void ping(struct skp_client *client, int64_t now_ms)
{
    Skp__V1__Ping message;
    skp__v1__ping__init(&message);
    message.nonce = ++client->ping_nonce;
    client->pinged_at_ms = now_ms;
    if (buffer_add_frame(&client->connection.out, FRAME_PING, &message.base))
        client_fail(client, SKP_E_NOT_CONNECTED, "no room to send a ping");
}

void timers_check(struct skp_client *client)
{
    int64_t now_ms = monotonic_ms();
    if (client->head.unsaved && now_ms >= client->head.save_at_ms)
        head_save(client);
    if (client->state == CLIENT_DOWN && now_ms >= client->connect_at_ms) {
        connection_open(client);
    } else if (client->state != CLIENT_DOWN && now_ms >= client->deadline_ms) {
        client_fail(client, SKP_E_NOT_CONNECTED, "%s port %u: no %s in time", client->host,
                    client->port, client->state == CLIENT_RESOLVING ? "address" : "answer");
    } else if (client_is_up(client) && now_ms >= ping_at_ms(client)) {
        ping(client, now_ms);
    }
}

void timers_check_silence(struct skp_client *client)
{
    if (client_is_up(client) && monotonic_ms() >= client->heard_at_ms + idle_ms(client))
        client_fail(client, SKP_E_IDLE_TIMEOUT, "nothing was heard from the broker for %u seconds",
                    client->limits.idle_seconds);
}
