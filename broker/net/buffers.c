/* What waits in the buffers of all sessions, unsent or of unfinished frames. It is counted as it
 * comes and goes, so that nobody has to look for it in thousands of sessions that hold nothing. */
#include "log.h"
#include "server_internal.h"

#include <event2/buffer.h>

#define TIGHT_OUTPUT_BYTES (64U * 1024)
#define TIGHT_ASKS         2U
#define TIGHT_FRAME_MS     3000

size_t server_output_bytes(const struct server *server)
{
    unsigned bytes = server->limits.output_bytes;
    return server->output_tight && bytes > TIGHT_OUTPUT_BYTES ? TIGHT_OUTPUT_BYTES : bytes;
}

unsigned server_asks(const struct server *server)
{
    return server->output_tight ? TIGHT_ASKS : server->limits.asks;
}

int64_t server_frame_ms(const struct server *server)
{
    int64_t ms = server->limits.frame_ms;
    return server->input_tight && ms > TIGHT_FRAME_MS ? TIGHT_FRAME_MS : ms;
}

/* Nobody alone can fill the memory, but all together could; then each gets little, and the many who
 * need no more notice nothing. */
static void judge(struct server *server, bool output_tight, bool input_tight)
{
    bool was_tight = server->output_tight || server->input_tight;
    server->output_tight = output_tight;
    server->input_tight = input_tight;
    if (was_tight || (!output_tight && !input_tight))
        return;
    server->counters.buffers_tight++;
    log_line(LOG_WARN, "buffers_tight", "unsent_bytes=%zu unfinished_bytes=%zu",
             server->unsent_bytes, server->unfinished_bytes);
}

/* Answers may come by the thousand before the next sweep, so too much is noticed at once. */
static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *ctx)
{
    struct session *session = ctx;
    (void)output;
    session->unsent_bytes += info->n_added - info->n_deleted;
    session->server->unsent_bytes += info->n_added - info->n_deleted;
    session->output_moved = session->output_moved || info->n_deleted > 0;
    if (!session->server->output_tight &&
        session->server->unsent_bytes > session->server->limits.buffers_bytes)
        judge(session->server, true, session->server->input_tight);
}

static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *ctx)
{
    struct session *session = ctx;
    (void)input;
    session->unfinished_bytes += info->n_added - info->n_deleted;
    session->server->unfinished_bytes += info->n_added - info->n_deleted;
}

bool buffers_count(struct session *session)
{
    struct evbuffer *output = bufferevent_get_output(session->stream);
    struct evbuffer *input = bufferevent_get_input(session->stream);
    return evbuffer_add_cb(output, on_output, session) != NULL &&
           evbuffer_add_cb(input, on_input, session) != NULL;
}

void buffers_forget(struct session *session)
{
    evbuffer_remove_cb(bufferevent_get_output(session->stream), on_output, session);
    evbuffer_remove_cb(bufferevent_get_input(session->stream), on_input, session);
    session->server->unsent_bytes -= session->unsent_bytes;
    session->server->unfinished_bytes -= session->unfinished_bytes;
}

void buffers_sweep(struct server *server)
{
    size_t most = server->limits.buffers_bytes;
    judge(server, server->unsent_bytes > most, server->unfinished_bytes > most);
}
