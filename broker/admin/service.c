#include "service.h"

#include "control.h"
#include "log.h"
#include "notify.h"

#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define LAST_WORDS_MS 20 /* for the answer to skpctl stop */
#define MS_PER_SECOND 1000
#define MS_PER_HOUR   INT64_C(3600000)
#define FOLD_PAUSE_MS 200

/* Of malloc, for all threads: each keeps what its largest piece of work took. */
#define HEAPS 2

struct service {
    const struct options *options;
    struct credential_files files;
    struct credentials credentials;
    struct event_base *base;
    struct wakeup *wakeup;
    struct engine *engine;
    struct server *server;
    struct control *control;
    struct event *signals[3];
    bool failed;
};

/* What service_said() gives. */
static char said[CREDENTIALS_WHY_BYTES + CONFIG_TEXT_BYTES];

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(said, sizeof said, format, values);
    va_end(values);
}

const char *service_said(void)
{
    return said;
}

static int complain(int code, const char *event, const char *why)
{
    log_line(LOG_ERROR, event, "why=%s", why);
    say("%s", why);
    return code;
}

static int exit_code(enum skp_err err)
{
    if (err == SKP_E_CERTIFICATE || err == SKP_E_CONFIG)
        return EX_CONFIG;
    if (err == SKP_E_DATA_LOSS)
        return EX_DATAERR;
    if (err == SKP_E_NO_MEMORY)
        return EX_OSERR;
    return EX_IOERR;
}

static int complain_store(const struct options *options, enum skp_err err, const char *why)
{
    log_line(LOG_ERROR, "store_unusable", "store=%s why=%s", options->store_path, why);
    say("%s: %s", options->store_path, why);
    return exit_code(err);
}

static int load_credentials(struct service *service)
{
    char why[CREDENTIALS_WHY_BYTES];
    service->files = options_files(service->options);
    enum skp_err err = credentials_load(&service->files, clock_real_ms(clock_system()),
                                        &service->credentials, why);
    return err ? complain(exit_code(err), "certificates_unusable", why) : EX_OK;
}

/* Shown with every start: what went on from a backup is not what participants were once told. */
static void say_loss(const struct engine *engine)
{
    struct loss_mark loss = engine_loss(engine);
    if (loss.lost > 0)
        log_line(LOG_WARN, "data_loss_accepted",
                 "confirmed_up_to=%" PRIu64 " kept_up_to=%" PRIu64 " accepted_at_ms=%" PRId64,
                 loss.lost, loss.kept, loss.accepted_ms);
}

static int open_engine(struct service *service, bool create, bool play, uint64_t accepted_loss)
{
    char why[512];
    const struct options *options = service->options;
    struct engine_config config = {
        .clock = clock_system(),
        .trust = service->credentials.trust,
        .signer = service->credentials.signer,
        .name = options->name,
        .play = play,
        .verify_threads = (unsigned)options->verify_threads,
        .intake_bytes = (size_t)options->intake_bytes,
        .lease_seconds = (uint32_t)(options->lease_ms / MS_PER_SECOND),
        .idle_seconds = (uint32_t)(options->idle_ms / MS_PER_SECOND),
        .hold_limit_ms = options->deadline_hold_hours * MS_PER_HOUR,
        .hold_deadlines = options->deadline_hold,
        .accepted_loss = accepted_loss,
        .fold_pause_ms = FOLD_PAUSE_MS,
        .wake = service->wakeup != NULL ? wakeup_signal : NULL,
        .wake_ctx = service->wakeup,
    };
    enum skp_err err = store_sqlite_open(options->store_path, create, &config.store, why);
    if (err)
        return complain_store(options, err, why);
    err = engine_open(&config, &service->engine, why);
    if (err)
        return complain(exit_code(err), "engine_unusable", why);
    say_loss(service->engine);
    return EX_OK;
}

static void on_stopped(void *ctx)
{
    struct service *service = ctx;
    struct timeval soon = {.tv_sec = 0, .tv_usec = LAST_WORDS_MS * 1000};
    event_base_loopexit(service->base, &soon);
}

static int open_server(struct service *service)
{
    char why[CREDENTIALS_WHY_BYTES];
    const struct options *options = service->options;
    struct server_config config = {
        .base = service->base,
        .engine = service->engine,
        .clock = clock_system(),
        .wakeup = service->wakeup,
        .host = options->listen.host,
        .port = options->listen.port,
        .credentials = &service->credentials,
        .files = &service->files,
        .rules = options_tls_rules(options),
        .limits = options_limits(options),
        .stopped = on_stopped,
        .stopped_ctx = service,
    };
    enum skp_err err = server_new(&config, &service->server, why);
    if (err == SKP_E_IO)
        return complain(EX_UNAVAILABLE, "server_unusable", why);
    return err ? complain(exit_code(err), "server_unusable", why) : EX_OK;
}

static int open_control(struct service *service)
{
    char why[CONTROL_WHY_BYTES];
    struct control_config config = {
        .base = service->base,
        .server = service->server,
        .path = service->options->control_socket,
        .stop_grace_ms = service->options->stop_grace_ms,
    };
    return control_open(&config, &service->control, why)
               ? complain(EX_UNAVAILABLE, "control_unusable", why)
               : EX_OK;
}

static void on_stop_signal(evutil_socket_t number, short what, void *ctx)
{
    struct service *service = ctx;
    (void)number, (void)what;
    notify_service("STOPPING=1");
    server_stop(service->server, service->options->stop_grace_ms);
}

static void on_reload_signal(evutil_socket_t number, short what, void *ctx)
{
    char why[CREDENTIALS_WHY_BYTES];
    struct service *service = ctx;
    (void)number, (void)what;
    enum skp_err err = server_reload(service->server, why); /* logs by itself */
    notify_service(err ? "STATUS=the last reload was refused, see the log" : "STATUS=running");
}

static int watch_signals(struct service *service)
{
    static const struct {
        int number;
        event_callback_fn fn;
    } watched[] = {
        {SIGTERM, on_stop_signal},
        {SIGINT, on_stop_signal},
        {SIGHUP, on_reload_signal},
    };
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++) {
        service->signals[i] =
            evsignal_new(service->base, watched[i].number, watched[i].fn, service);
        if (service->signals[i] == NULL || event_add(service->signals[i], NULL) != 0)
            return complain(EX_OSERR, "signals_unusable", "out of memory");
    }
    return EX_OK;
}

/* The memory of this process holds keys: no core, no debugger. */
static void forbid_dumps(const struct options *options)
{
#if !defined(__SANITIZE_ADDRESS__)
    if (!options->core_dumps)
        prctl(PR_SET_DUMPABLE, 0);
#else
    (void)options; /* the leak check of the sanitizer is a debugger too */
#endif
}

/* This process runs no program; if it ever did, set-user-ID bits would give that one nothing. */
static void forbid_new_rights(void)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int open_all(struct service *service)
{
    int code = load_credentials(service);
    service->base = event_base_new();
    if (code == EX_OK && (service->base == NULL || wakeup_new(service->base, &service->wakeup)))
        code = complain(EX_OSERR, "loop_unusable", "out of memory or descriptors");
    if (code == EX_OK)
        code = open_engine(service, service->options->create_store, service->options->play, 0);
    if (code == EX_OK)
        code = open_server(service);
    if (code == EX_OK)
        code = open_control(service);
    if (code == EX_OK)
        code = watch_signals(service);
    return code;
}

/* The engine goes before those its last calls come back to. */
static void close_all(struct service *service)
{
    for (size_t i = 0; i < sizeof service->signals / sizeof service->signals[0]; i++) {
        if (service->signals[i] != NULL)
            event_free(service->signals[i]);
    }
    if (service->engine != NULL)
        engine_close(service->engine);
    control_close(service->control);
    server_free(service->server);
    wakeup_free(service->wakeup);
    credentials_fini(&service->credentials);
    if (service->base != NULL)
        event_base_free(service->base);
}

int service_run(const struct options *options)
{
    struct service service = {.options = options};
    umask(0077);
    forbid_dumps(options);
    forbid_new_rights();
    (void)mallopt(M_ARENA_MAX, HEAPS);
    int code = open_all(&service);
    if (code == EX_OK) {
        log_line(LOG_INFO, "started", "version=%s broker=%s listen=%s port=%u play=%d", SKP_VERSION,
                 service.credentials.oin.text, options->listen.host,
                 (unsigned)server_port(service.server), (int)engine_is_play(service.engine));
        notify_service("READY=1\nSTATUS=running");
        event_base_dispatch(service.base);
        if (engine_failed(service.engine) != NULL)
            code = exit_code(engine_failure(service.engine));
    }
    close_all(&service);
    return code;
}

int service_check(const struct options *options)
{
    struct service service = {.options = options};
    int code = load_credentials(&service);
    if (code == EX_OK)
        say("settings, certificates, keys and CRLs are usable: broker %s listens on %s, port %u",
            service.credentials.oin.text, options->listen.host, (unsigned)options->listen.port);
    close_all(&service);
    return code;
}

int service_init(const struct options *options)
{
    struct service service = {.options = options};
    umask(0077);
    int code = load_credentials(&service);
    if (code == EX_OK)
        code = open_engine(&service, true, true, 0);
    if (code == EX_OK && !engine_is_play(service.engine))
        code = complain(EX_CONFIG, "store_unusable",
                        "the store exists and is not for play; choose another store_path");
    if (code == EX_OK)
        say("%s: a store for play is ready", options->store_path);
    close_all(&service);
    return code;
}

int service_accept_loss(const struct options *options, uint64_t lost)
{
    struct service service = {.options = options};
    umask(0077);
    int code = load_credentials(&service);
    if (code == EX_OK)
        code = open_engine(&service, false, false, lost);
    if (code == EX_OK && engine_loss(service.engine).lost != lost)
        code = complain(EX_USAGE, "nothing_to_accept",
                        "the store has every commit that it is known to have confirmed");
    if (code == EX_OK)
        say("%s: what was confirmed up to commit %" PRIu64 " and is not here is given up; the "
            "store goes on from commit %" PRIu64
            "; participants that were told more are refused until they forget their chain head; "
            "deadlines are held until skpctl deadline release",
            options->store_path, lost, engine_loss(service.engine).kept);
    close_all(&service);
    return code;
}

static void on_damage(void *context, unsigned table, struct span key, const char *what)
{
    char row[ROW_WORDS_BYTES];
    (void)context;
    if (table == 0 || key.len == 0) {
        log_line(LOG_ERROR, "store_damaged", "table=%s what=%s means=%s",
                 table > 0 ? store_table_name((enum store_table)table) : "", what,
                 "pages of the file are damaged: restore the newest backup");
        return;
    }
    struct row_advice advice = row_advice_of((enum store_table)table);
    row_describe((enum store_table)table, key, row, sizeof row);
    log_line(LOG_ERROR, "store_damaged", "table=%s row=%s what=%s means=%s remedy=%s",
             store_table_name((enum store_table)table), row, what, advice.means, advice.remedy);
}

/* The rows first, so that damage is named; then the engine, which follows the chain. */
int service_verify(const struct options *options)
{
    char why[256];
    struct store *store;
    struct service service = {.options = options};
    enum skp_err err = store_sqlite_open(options->store_path, false, &store, why);
    if (err)
        return complain_store(options, err, why);
    err = store_verify(store, on_damage, NULL);
    if (err)
        complain(exit_code(err), "store_damaged", store->why);
    store_close(store);
    if (err)
        return exit_code(err);
    int code = load_credentials(&service);
    if (code == EX_OK)
        code = open_engine(&service, false, false, 0);
    if (code == EX_OK)
        say("%s: every row and every link of the chain is whole", options->store_path);
    close_all(&service);
    return code;
}
