#include "collecting.h"

#include "wire.h"

#define CREDIT_MESSAGES 64
#define CREDIT_BYTES    (8u << 20)
#define TURN_MS         50

static enum skp_err open_part(void *ctx, const Skp__V1__Delivery *delivery,
                              const struct envelope_delivery *checked, size_t index,
                              struct arena *arena, struct span *ret_part)
{
    struct collecting *collecting = ctx;
    return skp_open_part(collecting->link.client, delivery, checked, index, arena, ret_part);
}

static enum skp_err check_collected(void *ctx, const Skp__V1__EventFact *event)
{
    struct collecting *collecting = ctx;
    struct skp_oin signer;
    const char *why = "";
    enum skp_err err = skp_check_collected(collecting->link.client, event, &signer, &why);
    if (err)
        cli_warn(collecting->cli, "%s: het bewijs van ophalen klopt niet: %s",
                 "%s: the proof of collecting does not hold: %s", event->other, why);
    return err;
}

/* ---------------------------------------------------------------- keep, then collect */

static enum skp_err say_collected(struct collecting *collecting)
{
    Skp__V1__CollectedItem items[FACT_MAX_COLLECTED];
    for (size_t i = 0; i < collecting->item_count; i++) {
        skp__v1__collected_item__init(&items[i]);
        items[i].position = collecting->items[i].position;
        items[i].head_hash = wire_bytes(span_of(collecting->items[i].head_hash.bytes, HASH_BYTES));
    }
    enum skp_err err = skp_collect(collecting->link.client, collecting->cli->settings.mailbox,
                                   items, collecting->item_count, 1);
    if (!err)
        collecting->asked++;
    return err;
}

static enum skp_err keep_and_collect(struct collecting *collecting)
{
    enum skp_err err = SKP_OK;
    if (!collecting->in_transaction)
        return SKP_OK;
    collecting->in_transaction = false;
    err = state_commit(&collecting->cli->state);
    if (!err && collecting->item_count > 0)
        err = say_collected(collecting);
    collecting->item_count = 0;
    return err;
}

static void note_left(struct collecting *collecting, const struct envelope_delivery *checked)
{
    char sender[BOOK_LABEL_BYTES];
    const struct skp_error_info *error = skp_error(collecting->opening.problem);
    collecting->not_collected++;
    cli_warn(collecting->cli, "Een bundel van %s is niet opgehaald: %s",
             "A bundle of %s was not collected: %s",
             book_label(&collecting->link.book, checked->header.sender.text, sender),
             collecting->cli->english ? error->sentence : error->dutch);
}

static void note_taken(struct collecting *collecting, const Skp__V1__Delivery *delivery,
                       const struct envelope_delivery *checked)
{
    collecting->items[collecting->item_count].position = delivery->position;
    collecting->items[collecting->item_count].head_hash = checked->head_hash;
    collecting->item_count++;
}

static void on_delivery(void *ctx, const Skp__V1__Delivery *delivery,
                        const struct envelope_delivery *checked)
{
    struct collecting *collecting = ctx;
    if (!collecting->in_transaction)
        state_begin(&collecting->cli->state);
    collecting->in_transaction = true;
    opening_take(&collecting->opening, delivery, checked);
    collecting->drained = false;
    if (collecting->opening.problem)
        note_left(collecting, checked);
    else
        note_taken(collecting, delivery, checked);
    bool full = collecting->item_count == FACT_MAX_COLLECTED;
    bool alone = collecting->alone || collecting->link.settled < collecting->link.sent;
    enum skp_err err = full || alone ? keep_and_collect(collecting) : SKP_OK;
    if (err)
        collecting->link.err = err;
}

static void on_drained(void *ctx, uint64_t waiting)
{
    struct collecting *collecting = ctx;
    collecting->drained = collecting->turn_over = true;
    collecting->elsewhere = waiting;
}

static void on_collected(void *ctx, const Skp__V1__Collected *collected)
{
    struct collecting *collecting = ctx;
    collecting->collected += collected->collected;
    collecting->confirmed++;
    collecting->turn_over = collecting->confirmed == collecting->asked;
}

/* ---------------------------------------------------------------- the loop */

static enum skp_err begin_to_fetch(struct collecting *collecting)
{
    collecting->drained = false;
    collecting->opening.broker = skp_broker(collecting->link.client);
    return skp_fetch(collecting->link.client, collecting->cli->settings.mailbox, CREDIT_MESSAGES,
                     CREDIT_BYTES);
}

int collecting_open(struct cli *cli, struct collecting *collecting,
                    void (*on_event)(void *ctx, const Skp__V1__EventFact *event))
{
    static const struct link_events events = {
        .on_delivery = on_delivery, .on_drained = on_drained, .on_collected = on_collected};
    *collecting = (struct collecting){.cli = cli};
    int code = link_open(cli, &collecting->link, &events, collecting);
    if (code != 0)
        return code;
    collecting->opening = (struct opening){.db = &cli->state,
                                           .open_part = open_part,
                                           .check_collected = check_collected,
                                           .ctx = collecting,
                                           .on_event = on_event};
    enum skp_err err = link_fetch_directory(&collecting->link);
    const Skp__V1__DirectoryEntry *self =
        book_find(&collecting->link.book, skp_self(collecting->link.client)->text);
    collecting->opening.bsn_forbidden = self && !self->bsn_entitled;
    if (!err)
        err = begin_to_fetch(collecting);
    /* From here on a final Error is about this mailbox or what was collected, and libskp does not say that again. */
    collecting->link.asking = true;
    return err ? link_failed(&collecting->link, err) : 0;
}

void collecting_close(struct collecting *collecting)
{
    if (collecting->in_transaction)
        state_rollback(&collecting->cli->state);
    link_close(&collecting->link);
}

enum skp_err collecting_turn(struct collecting *collecting, int ms)
{
    collecting->turn_over = false;
    skp_run(collecting->link.client, &collecting->turn_over, ms);
    enum skp_err err = keep_and_collect(collecting);
    return err ? err : collecting->link.err;
}

enum skp_err collecting_refresh(struct collecting *collecting)
{
    enum skp_err err = keep_and_collect(collecting);
    if (err)
        return err;
    book_fini(&collecting->link.book);
    book_init(&collecting->link.book);
    collecting->alone = true;
    err = link_fetch_directory(&collecting->link);
    collecting->alone = false;
    return err;
}

enum skp_err collecting_send(struct collecting *collecting)
{
    enum skp_err err = keep_and_collect(collecting);
    collecting->alone = true;
    if (!err)
        err = link_send_outbox(&collecting->link);
    collecting->alone = false;
    return err;
}

enum skp_err collecting_drain(struct collecting *collecting)
{
    struct link *link = &collecting->link;
    int64_t silent_ms = 0;
    while (!collecting->drained || collecting->in_transaction ||
           collecting->confirmed < collecting->asked) {
        uint64_t heard = link->heard;
        enum skp_err err = collecting_turn(collecting, TURN_MS);
        if (err)
            return err;
        silent_ms = heard == link->heard ? silent_ms + TURN_MS : 0;
        if (silent_ms >= collecting->cli->settings.wait_ms)
            return SKP_E_NOT_CONNECTED;
    }
    return SKP_OK;
}

enum skp_err collecting_ask_again(struct collecting *collecting)
{
    collecting->drained = false;
    return skp_fetch_ask(collecting->link.client, collecting->cli->settings.mailbox);
}

enum skp_err collecting_drain_again(struct collecting *collecting)
{
    enum skp_err err = collecting_ask_again(collecting);
    return err ? err : collecting_drain(collecting);
}

enum skp_err collecting_reload(struct collecting *collecting)
{
    bool settled = collecting->confirmed == collecting->asked || collecting->link.away;
    if (!settled || collecting->in_transaction || !link_reload(&collecting->link))
        return SKP_OK;
    collecting->asked = collecting->confirmed; /* what was not confirmed comes again */
    return begin_to_fetch(collecting);
}
