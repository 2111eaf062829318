/* Batches, from skp_send() to their one report.
 *
 * A batch waits, is sent frame by frame, is under way until the broker answers, and is reported. A
 * lost connection makes all that are under way wait again, in their old order and under their own
 * ids: the broker knows an id it has stored and gives the original receipt. What the broker asks to
 * send later holds the queue, because what comes after may build on it. */
#include "skp_internal.h"

#include <assert.h>
#include <stdlib.h>

#define MAX_UNDER_WAY  64 /* batches; bytes are bounded by Welcome.limits.batch_bytes */
#define MAX_BAD_PROOFS 3

enum batch_state { BATCH_WAITING, BATCH_SENDING, BATCH_UNDER_WAY };

struct outbox_batch {
    struct outbox_batch *next;
    struct skp_id id;
    struct skp_hash root;
    void *tag;
    enum batch_state state;
    bool offered; /* some of it may have reached the broker, on this connection or an earlier one */
    bool answered; /* while it was still being sent: nothing more happens but sending the rest */
    bool again;    /* answered with "later" while it was still being sent */
    unsigned bad_proofs;
    size_t bundle_count;
    size_t line_count;
    size_t largest_frame; /* value of the length field */
    size_t bundle_bytes;  /* what Welcome.limits.batch_bytes counts */
    struct buffer wire;   /* all its frames */
    size_t sent_bytes;
};

void outbox_init(struct outbox *outbox, size_t max_bytes)
{
    *outbox = (struct outbox){.max_bytes = max_bytes};
    outbox->end = &outbox->first;
}

/* ---------------------------------------------------------------- taking batches */

static void batch_free(struct outbox_batch *batch)
{
    if (batch != NULL)
        buffer_fini(&batch->wire);
    free(batch);
}

static void measure_batch(struct outbox_batch *batch, const struct envelope_batch *from)
{
    batch->bundle_count = from->bundle_count;
    batch->line_count = from->line_count;
    for (size_t i = 0; i < from->bundle_count; i++) {
        size_t frame_bytes = from->bundles[i].len + 2;
        batch->bundle_bytes += from->bundles[i].len;
        if (frame_bytes > batch->largest_frame)
            batch->largest_frame = frame_bytes;
    }
}

static enum skp_err write_batch(struct outbox_batch *batch, const struct envelope_batch *from)
{
    Skp__V1__Begin begin;
    skp__v1__begin__init(&begin);
    Skp__V1__End end;
    skp__v1__end__init(&end);
    begin.header = wire_bytes(from->header);
    begin.jws = wire_text(from->jws);
    end.batch_id = wire_id(&from->batch_id);
    enum skp_err err = buffer_add_frame(&batch->wire, FRAME_BEGIN, &begin.base);
    for (size_t i = 0; !err && i < from->bundle_count; i++)
        err = buffer_add_body(&batch->wire, FRAME_BUNDLE, from->bundles[i]);
    if (!err)
        err = buffer_add_frame(&batch->wire, FRAME_END, &end.base);
    return err == SKP_E_FRAME_TOO_LARGE ? SKP_E_BATCH_TOO_LARGE : err;
}

static enum skp_err batch_new(const struct envelope_batch *from, void *tag, size_t max_bytes,
                              struct outbox_batch **ret_batch)
{
    struct outbox_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return SKP_E_NO_MEMORY;
    batch->id = from->batch_id;
    batch->root = from->root;
    batch->tag = tag;
    measure_batch(batch, from);
    buffer_init(&batch->wire, max_bytes);
    /* In one piece when it fits; when it does not, write_batch() says so. */
    (void)buffer_room(&batch->wire, batch->bundle_bytes + JWS_MAX_BYTES +
                                        (batch->bundle_count + 2) * FRAME_HEADER_BYTES);
    enum skp_err err = write_batch(batch, from);
    if (err) {
        batch_free(batch);
        return err;
    }
    *ret_batch = batch;
    return SKP_OK;
}

enum skp_err skp_send(struct skp_client *client, const struct envelope_batch *batch, void *tag)
{
    struct outbox *outbox = &client->outbox;
    struct outbox_batch *copy = NULL;
    if (client->state == CLIENT_STOPPED)
        return SKP_E_NOT_CONNECTED;
    if (outbox->bytes >= outbox->max_bytes)
        return SKP_E_FULL;
    enum skp_err err = batch_new(batch, tag, outbox->max_bytes - outbox->bytes, &copy);
    if (err)
        return err == SKP_E_FULL && outbox->count == 0 ? SKP_E_BATCH_TOO_LARGE : err;
    *outbox->end = copy;
    outbox->end = &copy->next;
    outbox->count++;
    outbox->bytes += copy->wire.len;
    client_wake(client);
    return SKP_OK;
}

size_t skp_outstanding(const struct skp_client *client)
{
    return client->outbox.count;
}

/* ---------------------------------------------------------------- reporting */

static void unlink_batch(struct outbox *outbox, struct outbox_batch *batch)
{
    struct outbox_batch **at = &outbox->first;
    while (*at != batch)
        at = &(*at)->next;
    *at = batch->next;
    if (batch->next == NULL)
        outbox->end = at;
    outbox->bytes -= batch->wire.len;
}

static void leave_wire(struct outbox *outbox, struct outbox_batch *batch)
{
    assert(outbox->under_way > 0 && outbox->under_way_bytes >= batch->bundle_bytes);
    outbox->under_way--;
    outbox->under_way_bytes -= batch->bundle_bytes;
    batch->state = BATCH_WAITING;
    batch->sent_bytes = 0;
}

static void report(struct skp_client *client, struct outbox_batch *batch, struct skp_report *report)
{
    report->batch_id = batch->id;
    report->tag = batch->tag;
    if (report->err) {
        const struct skp_error_info *info = skp_error(report->err);
        if (report->path == NULL)
            report->path = "";
        if (report->sentence == NULL || report->sentence[0] == '\0')
            report->sentence = info->sentence;
        if (report->remedy == NULL || report->remedy[0] == '\0')
            report->remedy = info->remedy;
    }
    client->outbox.count--;
    if (batch->state == BATCH_SENDING) {
        batch->answered = true; /* half a batch would leave the stream in the middle of nowhere */
    } else {
        if (batch->state == BATCH_UNDER_WAY)
            leave_wire(&client->outbox, batch);
        unlink_batch(&client->outbox, batch);
        batch_free(batch);
    }
    if (client->callbacks.on_report != NULL)
        client->callbacks.on_report(client->ctx, report);
}

static void report_error(struct skp_client *client, struct outbox_batch *batch, enum skp_err err)
{
    struct skp_report final = {.err = err};
    report(client, batch, &final);
}

/* Until the pause is over nothing new is sent. */
static void pause_queue(struct skp_client *client, uint32_t asked_ms)
{
    struct outbox *outbox = &client->outbox;
    int64_t pause_ms = client_later_ms(asked_ms, outbox->pauses++);
    if (monotonic_ms() + pause_ms > outbox->resume_at_ms)
        outbox->resume_at_ms = monotonic_ms() + pause_ms;
}

static void send_again(struct skp_client *client, struct outbox_batch *batch, uint32_t asked_ms)
{
    if (batch->state == BATCH_SENDING)
        batch->again = true;
    else
        leave_wire(&client->outbox, batch);
    pause_queue(client, asked_ms);
}

/* ---------------------------------------------------------------- sending */

static enum skp_err fits_limits(const Skp__V1__Limits *limits, const struct outbox_batch *batch)
{
    bool fits =
        batch->bundle_count <= limits->batch_bundles && batch->line_count <= limits->batch_lines &&
        batch->bundle_bytes <= limits->batch_bytes && batch->largest_frame <= limits->frame_bytes;
    return fits ? SKP_OK : SKP_E_BATCH_TOO_LARGE;
}

static bool has_room_for(const struct skp_client *client, const struct outbox_batch *batch)
{
    const struct outbox *outbox = &client->outbox;
    return outbox->under_way < MAX_UNDER_WAY &&
           (outbox->under_way == 0 ||
            outbox->under_way_bytes + batch->bundle_bytes <= client->limits.batch_bytes);
}

static struct outbox_batch *first_in(const struct outbox *outbox, enum batch_state state)
{
    for (struct outbox_batch *batch = outbox->first; batch != NULL; batch = batch->next) {
        if (batch->state == state)
            return batch;
    }
    return NULL;
}

/* The batch that is being sent, or the next one that may be; NULL when none may. */
static struct outbox_batch *next_to_send(struct skp_client *client)
{
    struct outbox *outbox = &client->outbox;
    struct outbox_batch *batch = first_in(outbox, BATCH_SENDING);
    if (batch != NULL || client->state != CLIENT_UP || monotonic_ms() < outbox->resume_at_ms)
        return batch;
    while ((batch = first_in(outbox, BATCH_WAITING)) != NULL) {
        enum skp_err err = fits_limits(&client->limits, batch);
        if (!err)
            break;
        report_error(client, batch, err);
    }
    if (batch == NULL || !has_room_for(client, batch))
        return NULL;
    batch->state = BATCH_SENDING;
    batch->offered = true;
    outbox->under_way++;
    outbox->under_way_bytes += batch->bundle_bytes;
    return batch;
}

static void finish_sending(struct skp_client *client, struct outbox_batch *batch)
{
    batch->state = BATCH_UNDER_WAY;
    if (batch->answered || batch->again)
        leave_wire(&client->outbox, batch);
    batch->again = false;
    if (batch->answered) {
        unlink_batch(&client->outbox, batch);
        batch_free(batch);
    }
}

void outbox_pump(struct skp_client *client)
{
    struct buffer *out = &client->connection.out;
    struct outbox_batch *batch;
    while (out->len < WRITE_BYTES && (batch = next_to_send(client)) != NULL) {
        const uint8_t *from = buffer_bytes(&batch->wire) + batch->sent_bytes;
        size_t left = batch->wire.len - batch->sent_bytes;
        enum frame_type type;
        size_t frame_bytes = 0;
        enum skp_err bad = SKP_OK;
        if (frame_peek(from, left, &type, &frame_bytes, &bad) != FRAME_READY)
            abort(); /* we wrote these frames ourselves */
        uint8_t *room = buffer_room(out, frame_bytes);
        if (room == NULL)
            return;
        memcpy(room, from, frame_bytes);
        buffer_added(out, frame_bytes);
        batch->sent_bytes += frame_bytes;
        if (batch->sent_bytes == batch->wire.len)
            finish_sending(client, batch);
    }
}

int64_t outbox_next_ms(const struct skp_client *client)
{
    bool held = client->state == CLIENT_UP && client->outbox.resume_at_ms > monotonic_ms();
    return held ? client->outbox.resume_at_ms : NEVER_MS;
}

void outbox_disconnected(struct skp_client *client)
{
    struct outbox *outbox = &client->outbox;
    struct outbox_batch *next;
    for (struct outbox_batch *batch = outbox->first; batch != NULL; batch = next) {
        next = batch->next;
        if (batch->state == BATCH_SENDING)
            finish_sending(client, batch); /* may free it */
    }
    for (struct outbox_batch *batch = outbox->first; batch != NULL; batch = batch->next) {
        if (batch->state == BATCH_UNDER_WAY)
            leave_wire(outbox, batch);
    }
}

void outbox_fini(struct skp_client *client)
{
    struct outbox *outbox = &client->outbox;
    outbox_disconnected(client);
    while (outbox->first != NULL)
        report_error(client, outbox->first,
                     outbox->first->offered ? SKP_E_OUTCOME_UNKNOWN : SKP_E_NOT_CONNECTED);
}

/* ---------------------------------------------------------------- answers */

static struct outbox_batch *offered_batch(const struct outbox *outbox, struct span id)
{
    struct outbox_batch *batch = outbox->first;
    while (batch != NULL && (batch->state == BATCH_WAITING || batch->answered || batch->again ||
                             !span_equal(id, span_of(batch->id.bytes, ID_BYTES))))
        batch = batch->next;
    return batch;
}

static void count_bad_proof(struct skp_client *client, struct outbox_batch *batch, const char *why)
{
    client_problem(client, SKP_E_PROOF_INVALID, "receipt", why);
    batch->bad_proofs++;
    if (batch->bad_proofs < MAX_BAD_PROOFS) {
        send_again(client, batch, 0);
        return;
    }
    struct skp_report final = {.err = SKP_E_PROOF_INVALID, .path = "receipt", .sentence = why};
    report(client, batch, &final);
}

static void take_good_receipt(struct skp_client *client, struct outbox_batch *batch,
                              const Skp__V1__Receipt *receipt, const Skp__V1__ReceiptBody *body)
{
    head_take(client, wire_span(receipt->commit), receipt->jws);
    client->outbox.pauses = 0;
    struct skp_report final = {
        .receipt = body,
        .proof = receipt,
        .duplicate = receipt->duplicate,
    };
    report(client, batch, &final);
}

void outbox_take_receipt(struct skp_client *client, const Skp__V1__Receipt *receipt)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message = NULL;
    Skp__V1__ReceiptBody *body = NULL;
    const char *why = "";
    if (wire_unpack(&skp__v1__receipt_body__descriptor, wire_span(receipt->body), &client->arena,
                    path, &message)) {
        /* It could be about any batch. Sending one again is always safe, waiting for ever is not.
         */
        struct outbox_batch *oldest = first_in(&client->outbox, BATCH_UNDER_WAY);
        if (oldest != NULL)
            count_bad_proof(client, oldest, "the receipt cannot be read");
        else
            client_problem(client, SKP_E_PROOF_INVALID, "receipt", "the receipt cannot be read");
        return;
    }
    struct span id = wire_span(((const Skp__V1__ReceiptBody *)message)->batch_id);
    struct outbox_batch *batch = offered_batch(&client->outbox, id);
    if (batch == NULL)
        client_problem(client, SKP_E_PROTOCOL_STATE, "receipt",
                       "a receipt for no batch that is under way");
    else if (envelope_check_receipt(client->trust, client->jws_cache, receipt, &client->broker,
                                    &client->self, &batch->id, &batch->root, skp_now_ms(client),
                                    &client->arena, &body, &why))
        count_bad_proof(client, batch, why);
    else
        take_good_receipt(client, batch, receipt, body);
}

void outbox_take_error(struct skp_client *client, const Skp__V1__Error *error, enum skp_err err)
{
    struct outbox_batch *batch = offered_batch(&client->outbox, wire_span(error->batch_id));
    if (batch == NULL) {
        client_problem(client, err, error->path, error->sentence);
    } else if (skp_error(err)->retry == SKP_RETRY_LATER) {
        send_again(client, batch, error->retry_after_ms);
    } else {
        struct skp_report final = {
            .err = err,
            .path = error->path,
            .sentence = error->sentence,
            .remedy = error->remedy,
        };
        report(client, batch, &final);
    }
}
