/* What the simulation asks the broker's engine directly: an operator's commands, and in the end its chain. */
#include "engine_internal.h"
#include "sim_broker.h"
#include "sim_history.h"
#include "sim_time.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

struct ask {
    broker_answer_fn done;
    void *ctx;
};

/* ---------------------------------------------------------------- the operator */

static void on_admin(struct engine_call *call)
{
    struct ask *ask = call->ctx;
    ask->done(ask->ctx, call->err ? NULL : call->answer_text);
    engine_call_free(call);
    free(ask);
}

static void refuse(void *ctx)
{
    struct ask *ask = ctx;
    ask->done(ask->ctx, NULL);
    free(ask);
}

static enum engine_verb way_in(const char *request)
{
    json_t *json = json_loads(request, 0, NULL);
    enum engine_verb verb = engine_admin_verb(json_string_value(json_object_get(json, "command")));
    json_decref(json);
    return verb;
}

void broker_ask(const char *command, broker_answer_fn done, void *ctx)
{
    struct ask *ask = malloc(sizeof *ask);
    assert(ask != NULL);
    *ask = (struct ask){.done = done, .ctx = ctx};
    struct engine *engine = broker_engine();
    struct engine_call *call =
        engine != NULL ? engine_call_new(engine, way_in(command), NULL, 0, on_admin, ask) : NULL;
    if (call == NULL || engine_call_request(call, span_text(command))) {
        engine_call_free(call);
        sim_after(0, refuse, ask);
        return;
    }
    engine_submit(call);
    broker_plan_work();
}

/* ---------------------------------------------------------------- the chain */

static void tell_link(uint64_t sequence, const struct store_row *row)
{
    struct commit_row commit;
    struct sim_text text = {.data = NULL};
    if (row->version == 0 || commit_row_read(row->value, &commit))
        sim_die("link %llu of the chain is missing", (unsigned long long)sequence);
    sim_text_hex(&text, commit.header);
    sim_history("link", "", "\"sequence\":%llu,\"header\":\"%s\"", (unsigned long long)sequence,
                text.data);
    sim_text_fini(&text);
}

void broker_tell_chain(void)
{
    struct store *reader = broker_engine()->reader;
    uint64_t last = broker_engine()->chain.sequence;
    for (uint64_t sequence = 1; sequence <= last; sequence++) {
        struct arena arena;
        struct row_key key = key_commit(sequence);
        struct store_row row = {.key = row_key_span(&key)};
        arena_init(&arena, 1 << 20);
        if (store_begin(reader) || store_get(reader, STORE_COMMIT, &row, 1, &arena))
            sim_die("the chain cannot be read");
        tell_link(sequence, &row);
        store_rollback(reader);
        arena_fini(&arena);
    }
}
