/* Begin, Bundle..., End: collected into one call and handed over at End.
 *
 * A batch that is turned away (no room, stopping) is skipped frame by frame up to its End, which
 * carries the batch id that the Error frame must name; so the stream stays in order and the peer
 * knows what to send again. */
#include "handle.h"
#include "send.h"
#include "server_internal.h"
#include "skp.pb-c.h"

#define COMING_PART 4 /* of the intake: for batches of one participant, which may never end */

static void drop_call(struct session *session)
{
    if (session->batch.call != NULL)
        session->participant->coming_bytes -= session->batch.call->budget_bytes;
    engine_call_free(session->batch.call);
    session->batch.call = NULL;
}

static void turn_away(struct session *session, enum skp_err err)
{
    drop_call(session);
    session->batch.refused = err;
    session->server->counters.batches_turned_away++;
}

static void on_receipt(struct engine_call *call)
{
    struct session *session = call->ctx;
    session->asks--;
    session->batches--;
    if (call->err)
        session_refuse_call(session, call);
    else
        send_frames(session, call->frames, call->frame_count, 0);
    session_call_end(session, call);
}

static void refuse_order(struct session *session, const char *path, const char *sentence)
{
    session_refuse(session, SKP_E_PROTOCOL_STATE, path, sentence, NULL);
}

static bool has_room(const struct session *session, size_t bytes)
{
    return session->participant->coming_bytes + bytes <=
               engine_intake_share(session->server->engine, COMING_PART) &&
           participant_has_room(session, bytes);
}

/* `put` copies the body of a Begin or a Bundle into the call. */
static enum skp_err take_in(struct session *session, struct span body,
                            enum skp_err (*put)(struct engine_call *call, struct span body))
{
    struct engine_call *call = session->batch.call;
    if (call == NULL || !has_room(session, body.len))
        return SKP_E_BUSY;
    size_t before = call->budget_bytes;
    enum skp_err err = put(call, body);
    session->participant->coming_bytes += call->budget_bytes - before;
    return err;
}

void handle_begin(struct session *session, struct span body)
{
    struct open_batch *batch = &session->batch;
    if (batch->open) {
        refuse_order(session, "Begin", "a batch is open already; End expected first");
        return;
    }
    *batch = (struct open_batch){
        .open = true, .begun_ms = session->heard_ms, .heard_ms = session->heard_ms};
    if (session->leaving) {
        turn_away(session, SKP_E_GOING_AWAY);
        return;
    }
    batch->call = engine_call_new(session->server->engine, ENGINE_BATCH, &session->peer,
                                  session->id, on_receipt, session);
    enum skp_err err = take_in(session, body, engine_call_request);
    if (err)
        turn_away(session, err);
}

void handle_bundle(struct session *session, struct span body)
{
    struct open_batch *batch = &session->batch;
    if (!batch->open) {
        refuse_order(session, "Bundle", "Begin expected before Bundle");
        return;
    }
    batch->heard_ms = session->heard_ms;
    if (batch->refused)
        return;
    enum skp_err err = take_in(session, body, engine_call_part);
    if (err)
        turn_away(session, err);
}

static void hand_over(struct session *session)
{
    struct engine_call *call = session->batch.call;
    session->batch = (struct open_batch){0};
    session->participant->coming_bytes -= call->budget_bytes;
    session->asks++;
    session->batches++;
    session->server->counters.batches_received++;
    session_submit(session, call);
}

/* What is wrong with the batch at its End, SKP_OK when it may be handed over. */
static enum skp_err judge_end(const struct open_batch *batch, const Skp__V1__End *end,
                              struct skp_id *ret_id)
{
    if (!id_take(span_of(end->batch_id.data, end->batch_id.len), ret_id))
        return SKP_E_ID_FORMAT;
    return batch->refused;
}

void handle_end(struct session *session, struct span body)
{
    Skp__V1__End *end;
    struct arena arena;
    struct skp_id batch_id = {0};
    if (!session->batch.open) {
        refuse_order(session, "End", "Begin expected before End");
        return;
    }
    arena_init(&arena, HANDLE_ARENA_BYTES);
    if (!handle_unpack(session, FRAME_END, &skp__v1__end__descriptor, body, &arena, &end)) {
        batch_abandon(session);
    } else {
        enum skp_err err = judge_end(&session->batch, end, &batch_id);
        if (err) {
            batch_abandon(session);
            struct error_about about = {.batch_id = batch_id, .frame = FRAME_END};
            session_refuse(session, err, err == SKP_E_ID_FORMAT ? "end.batch_id" : NULL,
                           err == SKP_E_GOING_AWAY ? session->why : NULL, &about);
        } else {
            session->batch.call->batch_id = batch_id;
            hand_over(session);
        }
    }
    arena_fini(&arena);
}

void batch_abandon(struct session *session)
{
    drop_call(session);
    session->batch = (struct open_batch){0};
}

bool batch_sweep(struct session *session, int64_t now_ms)
{
    const struct server_limits *limits = &session->server->limits;
    const struct open_batch *batch = &session->batch;
    if (!batch->open || (now_ms - batch->heard_ms <= limits->frame_ms &&
                         now_ms - batch->begun_ms <= limits->batch_ms))
        return false;
    session_refuse(session, SKP_E_FRAME_TIMEOUT, "Bundle",
                   "the rest of the batch did not come in time", NULL);
    return true;
}
