/* The life of a client: its states, and the one function that does all the work. */
#include "random.h"
#include "skp_internal.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_OUTBOX_BYTES (64u * 1024 * 1024)
#define JWS_CACHE_ENTRIES    4096 /* chains: a counsellor hears from all creditors of the country */

int64_t skp_now_ms(const struct skp_client *client)
{
    int64_t now_ms;
    if (client->clock != NULL && client->clock(client->ctx, &now_ms) == 0)
        return now_ms;
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        abort(); /* only for a clock that does not exist */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const struct skp_oin *skp_self(const struct skp_client *client)
{
    return &client->self;
}

const struct skp_oin *skp_broker(const struct skp_client *client)
{
    return &client->broker;
}

struct keypair *skp_signer(struct skp_client *client)
{
    return client->sign_pair;
}

int skp_fd(const struct skp_client *client)
{
    return client->epoll_fd;
}

/* ---------------------------------------------------------------- states */

static const struct {
    const char *name;
    const char *moves; /* initials of the states it may move to */
} states[] = {
#define X(name, moves) {#name, moves},
    CLIENT_STATES(X)
#undef X
};

void client_move(struct skp_client *client, enum client_state state)
{
    if (strchr(states[client->state].moves, states[state].name[0]) == NULL)
        abort();
    client->state = state;
}

void client_fail(struct skp_client *client, enum skp_err err, const char *format, ...)
{
    if (client->failure.err)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(client->failure.why, sizeof client->failure.why, format, arguments);
    va_end(arguments);
    client->failure.err = err;
}

void client_problem(struct skp_client *client, enum skp_err err, const char *path,
                    const char *sentence)
{
    if (client->callbacks.on_problem != NULL)
        client->callbacks.on_problem(client->ctx, err, path, sentence);
}

int64_t client_pause_ms(unsigned attempts)
{
    int64_t ceiling = RETRY_MAX_MS;
    if (attempts < 16 && (RETRY_FIRST_MS << attempts) < RETRY_MAX_MS)
        ceiling = RETRY_FIRST_MS << attempts;
    return 1 + (int64_t)(random_u64() % (uint64_t)ceiling);
}

int64_t client_later_ms(uint32_t asked_ms, unsigned attempts)
{
    if (asked_ms == 0)
        return client_pause_ms(attempts);
    return asked_ms < RETRY_ASKED_MAX_MS ? asked_ms : RETRY_ASKED_MAX_MS;
}

/* A broker that says why and then closes is down for that reason, not for the closing. */
static void name_true_reason(struct skp_client *client)
{
    struct failure *failure = &client->failure;
    if (failure->err != SKP_E_NOT_CONNECTED)
        return;
    if (client->last_words.err && monotonic_ms() <= client->last_words.until_ms) {
        failure->err = client->last_words.err;
        snprintf(failure->why, sizeof failure->why, "%s", client->last_words.sentence);
    } else if (client->state == CLIENT_LEAVING) {
        failure->err = SKP_E_GOING_AWAY;
        snprintf(failure->why, sizeof failure->why, "%s", skp_error(SKP_E_GOING_AWAY)->sentence);
    }
}

static int64_t next_pause_ms(const struct skp_client *client)
{
    int64_t pause_ms = client_pause_ms(client->attempts);
    bool too_long = client->retry_max_ms > 0 && pause_ms > client->retry_max_ms;
    return too_long ? 1 + pause_ms % client->retry_max_ms : pause_ms;
}

static void plan_next_attempt(struct skp_client *client, int64_t now_ms)
{
    if (client_is_up(client) && now_ms - client->up_at_ms >= SESSION_LIVED_MS)
        client->attempts = 0;
    client->connect_at_ms = now_ms + client->asked_pause_ms + next_pause_ms(client);
    client->attempts++;
    client->asked_pause_ms = 0;
    client->deadline_ms = NEVER_MS;
}

static void go_down(struct skp_client *client)
{
    name_true_reason(client);
    struct failure failure = client->failure;
    bool again = skp_error(failure.err)->retry == SKP_RETRY_LATER;
    plan_next_attempt(client, monotonic_ms());
    connection_close(client);
    client_move(client, again ? CLIENT_DOWN : CLIENT_STOPPED);
    client->failure.err = SKP_OK;
    client->last_words.err = SKP_OK;
    outbox_disconnected(client);
    lookups_disconnected(client);
    fetch_disconnected(client);
    head_save(client);
    if (client->callbacks.on_down != NULL)
        client->callbacks.on_down(client->ctx, failure.err, failure.why);
}

/* ---------------------------------------------------------------- work */

void skp_process(struct skp_client *client)
{
    assert(!client->processing);
    client->processing = true;
    client->wake = false;
    timers_clear(client);
    if (client->state != CLIENT_STOPPED) {
        timers_check(client);
        if (!client->failure.err && client->state != CLIENT_DOWN)
            connection_step(client);
        if (!client->failure.err)
            timers_check_silence(client);
        if (client->failure.err)
            go_down(client);
    }
    client->processing = false;
    timers_set(client);
}

void skp_run(struct skp_client *client, const bool *stop, int deadline_ms)
{
    int64_t until = deadline_ms < 0 ? NEVER_MS : monotonic_ms() + deadline_ms;
    while (!*stop) {
        int64_t left = until == NEVER_MS ? INT32_MAX : until - monotonic_ms();
        if (left <= 0)
            return;
        struct pollfd ready = {.fd = client->epoll_fd, .events = POLLIN};
        (void)poll(&ready, 1, (int)left); /* an interrupted wait is a turn like any other */
        skp_process(client);
    }
}

/* ---------------------------------------------------------------- birth and death */

static enum skp_err check_own(struct skp_client *client, struct keypair *pair,
                              enum cert_purpose purpose, const char **ret_why)
{
    struct skp_oin oin;
    if (cert_oin(keypair_cert(pair), &oin)) {
        *ret_why = "the certificate names no valid OIN";
        return SKP_E_IDENTITY_INVALID;
    }
    if (client->self.text[0] != '\0' && !oin_equal(&oin, &client->self)) {
        *ret_why = "TLS and signing certificate are of different organisations";
        return SKP_E_CERTIFICATE;
    }
    client->self = oin;
    return trust_check(client->trust, keypair_cert(pair), keypair_chain(pair), purpose,
                       skp_now_ms(client), ret_why);
}

static enum skp_err load_own(struct skp_client *client, const char *cert_file, const char *key_file,
                             enum cert_purpose purpose, struct keypair **pair, const char **ret_why)
{
    static _Thread_local char why[512];
    enum skp_err err = keypair_load(cert_file, key_file, pair, ret_why);
    if (err)
        return err;
    const char *reason = "";
    err = check_own(client, *pair, purpose, &reason);
    if (err) {
        snprintf(why, sizeof why, "%s: %s", cert_file, reason);
        *ret_why = why;
    }
    return err;
}

static enum skp_err load_trust(struct skp_client *client, const struct skp_config *config,
                               const char **ret_why)
{
    if (config->same_trust == NULL)
        return trust_load(config->ca_file, config->crl_file, &client->trust, ret_why);
    client->trust = trust_ref(config->same_trust->trust);
    return SKP_OK;
}

static enum skp_err load_identity(struct skp_client *client, const struct skp_config *config,
                                  const char **ret_why)
{
    enum skp_err err = load_trust(client, config, ret_why);
    if (!err)
        err = load_own(client, config->tls_cert_file, config->tls_key_file, CERT_TLS_CLIENT,
                       &client->tls_pair, ret_why);
    if (!err)
        err = load_own(client, config->sign_cert_file, config->sign_key_file, CERT_SIGNING,
                       &client->sign_pair, ret_why);
    if (!err && config->broker_oin != NULL &&
        !oin_take(span_text(config->broker_oin), &client->broker)) {
        *ret_why = "the broker's OIN is not 20 characters 0-9 A-Z";
        err = SKP_E_OIN_FORMAT;
    }
    return err;
}

static bool copy_settings(struct skp_client *client, const struct skp_config *config)
{
    client->host = strdup(config->host);
    client->software = strdup(config->software != NULL ? config->software : "libskp " SKP_VERSION);
    client->port = config->port;
    client->retry_max_ms = config->retry_max_ms;
    client->clock = config->now_ms;
    client->borrows_cache = config->same_trust != NULL;
    client->jws_cache =
        client->borrows_cache ? config->same_trust->jws_cache : jws_cache_new(JWS_CACHE_ENTRIES);
    client->decrypt_keys = calloc(config->decrypt_key_count + 1, sizeof(struct keypair *));
    if (!client->host || !client->software || !client->jws_cache || !client->decrypt_keys)
        return false;
    for (size_t i = 0; i < config->decrypt_key_count; i++)
        client->decrypt_keys[i] = keypair_ref(config->decrypt_keys[i]);
    client->decrypt_key_count = config->decrypt_key_count;
    return true;
}

static bool open_fds(struct skp_client *client)
{
    client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    client->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = client->timer_fd};
    return client->epoll_fd >= 0 && client->timer_fd >= 0 &&
           epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, client->timer_fd, &event) == 0;
}

static enum skp_err client_start(struct skp_client *client, const struct skp_config *config,
                                 const char **ret_why)
{
    if (!copy_settings(client, config)) {
        *ret_why = "out of memory";
        return SKP_E_NO_MEMORY;
    }
    if (!open_fds(client)) {
        *ret_why = "no file descriptors left";
        return SKP_E_IO;
    }
    enum skp_err err = load_identity(client, config, ret_why);
    if (!err)
        err = tls_init(client, ret_why);
    if (!err)
        err = head_load(&client->head, config->head_file, &client->arena, ret_why);
    return err;
}

enum skp_err skp_client_new(const struct skp_config *config, const struct skp_callbacks *callbacks,
                            void *ctx, struct skp_client **ret_client, const char **ret_why)
{
    struct skp_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        *ret_why = "out of memory";
        return SKP_E_NO_MEMORY;
    }
    client->callbacks = *callbacks;
    client->ctx = ctx;
    client->epoll_fd = client->timer_fd = -1;
    client->timer_at_ms = NEVER_MS;
    client->deadline_ms = NEVER_MS;
    connection_init(&client->connection);
    outbox_init(&client->outbox,
                config->max_outbox_bytes > 0 ? config->max_outbox_bytes : DEFAULT_OUTBOX_BYTES);
    lookups_init(&client->lookups);
    arena_init(&client->arena, ARENA_BYTES);
    enum skp_err err = client_start(client, config, ret_why);
    if (err) {
        skp_client_free(client);
        return err;
    }
    client_wake(client);
    *ret_client = client;
    return SKP_OK;
}

static void close_fds(struct skp_client *client)
{
    if (client->timer_fd >= 0)
        close(client->timer_fd);
    if (client->epoll_fd >= 0)
        close(client->epoll_fd);
}

void skp_client_free(struct skp_client *client)
{
    if (client == NULL)
        return;
    assert(!client->processing);
    client->processing = client->closing = true;
    connection_close(client);
    resolve_drop(client->resolving);
    if (client->state != CLIENT_STOPPED)
        client_move(client, CLIENT_STOPPED); /* the last reports must not start anything */
    outbox_fini(client);
    lookups_fini(&client->lookups);
    fetch_fini(client);
    head_save(client);
    head_fini(&client->head);
    tls_fini(client);
    for (size_t i = 0; i < client->decrypt_key_count; i++)
        keypair_unref(client->decrypt_keys[i]);
    free(client->decrypt_keys);
    keypair_unref(client->sign_pair);
    keypair_unref(client->tls_pair);
    if (!client->borrows_cache)
        jws_cache_free(client->jws_cache);
    trust_unref(client->trust);
    arena_fini(&client->arena);
    close_fds(client);
    free(client->software);
    free(client->host);
    free(client);
}
