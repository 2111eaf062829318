#include "log.h"

#include "log_line.h"

#include <pthread.h>
#include <string.h>

#define LIMITED_EVENTS 64

/* What the rate limit remembers of one event name. */
struct limit {
    char event[48];
    int64_t window_started_ms;
    unsigned in_window;
    unsigned suppressed; /* since the last line */
};

static struct {
    pthread_mutex_t lock;
    FILE *stream;
    const struct clock *clock;
    struct limit limits[LIMITED_EVENTS];
    uint64_t suppressed_total;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Atomic int top_level = LOG_INFO;

static const char *const level_names[] = {"error", "warn", "info", "debug"};
#define LEVEL_COUNT (sizeof(level_names) / sizeof(level_names[0]))

void log_set_level(enum log_level level)
{
    atomic_store(&top_level, (int)level);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&top_level, memory_order_relaxed);
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

bool log_level_parse(const char *name, enum log_level *ret_level)
{
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

void log_set_stream(FILE *stream)
{
    pthread_mutex_lock(&state.lock);
    state.stream = stream;
    pthread_mutex_unlock(&state.lock);
}

void log_set_clock(const struct clock *clock)
{
    pthread_mutex_lock(&state.lock);
    state.clock = clock;
    memset(state.limits, 0, sizeof(state.limits)); /* another clock's windows mean nothing */
    pthread_mutex_unlock(&state.lock);
}

uint64_t log_suppressed_total(void)
{
    pthread_mutex_lock(&state.lock);
    uint64_t total = state.suppressed_total;
    pthread_mutex_unlock(&state.lock);
    return total;
}

static const struct clock *present_clock(void)
{
    return state.clock ? state.clock : clock_system();
}

/* The entry of an event; a new event takes a free entry or the one whose window is oldest. */
static struct limit *find_limit(const char *event, int64_t now_ms)
{
    struct limit *oldest = &state.limits[0];
    for (size_t i = 0; i < LIMITED_EVENTS; i++) {
        struct limit *limit = &state.limits[i];
        if (strncmp(limit->event, event, sizeof(limit->event) - 1) == 0)
            return limit;
        if (oldest->event[0] &&
            (!limit->event[0] || limit->window_started_ms < oldest->window_started_ms))
            oldest = limit;
    }
    *oldest = (struct limit){.window_started_ms = now_ms};
    snprintf(oldest->event, sizeof(oldest->event), "%s", event);
    return oldest;
}

/* False: drop this warning. *ret_suppressed were dropped before it. */
static bool pass_limit(const char *event, unsigned *ret_suppressed)
{
    int64_t now_ms = clock_monotonic_ms(present_clock());
    struct limit *limit = find_limit(event, now_ms);
    if (now_ms - limit->window_started_ms >= LOG_WARN_WINDOW_MS) {
        limit->window_started_ms = now_ms;
        limit->in_window = 0;
    }
    if (limit->in_window >= LOG_WARN_BURST) {
        limit->suppressed++;
        state.suppressed_total++;
        return false;
    }
    limit->in_window++;
    *ret_suppressed = limit->suppressed;
    limit->suppressed = 0;
    return true;
}

/* One fwrite and one flush of a line that fits every stdio buffer: one write(2). */
static void write_line(const char *line, size_t len)
{
    FILE *stream = state.stream ? state.stream : stderr;
    fwrite(line, 1, len, stream);
    fflush(stream);
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    struct log_text line;
    unsigned suppressed = 0;
    pthread_mutex_lock(&state.lock);
    if (level != LOG_WARN || pass_limit(event, &suppressed)) {
        log_text_start(&line, clock_real_ms(present_clock()), log_level_name(level), event);
        if (suppressed)
            log_text_add(&line, "suppressed=%u", suppressed);
        va_list args;
        va_start(args, format);
        if (format)
            log_text_add_args(&line, format, args);
        va_end(args);
        log_text_end(&line);
        write_line(line.text, line.len);
    }
    pthread_mutex_unlock(&state.lock);
}
