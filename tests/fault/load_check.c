/* Holding the broker to what it acknowledged. */
#include "load.h"

#include <stdlib.h>

#define SESSION_CHECK 900

static void on_damage(void *context, unsigned table, struct span key, const char *what)
{
    (void)context;
    (void)key;
    fail_msg("table %u: %s", table, what);
}

static void check_receipts(struct load *load)
{
    for (size_t i = 0; i < load->batch_count; i++) {
        struct load_batch *batch = &load->batches[i];
        assert_true(load_send(load, &batch, 1));
    }
}

static void check_mailbox(struct load *load, size_t box)
{
    struct load_mailbox *mailbox = &load->boxes[box];
    bool *is_there = calloc(LOAD_POSITIONS, sizeof *is_there);
    struct post post = fetch_to_the_end(&load->w, mailbox->party, SESSION_CHECK, 200);
    for (size_t i = 0; i < post.count; i++) {
        load_note_mail(load, box, &post.mails[i]);
        is_there[post.mails[i].delivery->position] = true;
    }
    engine_session_closed(load->w.engine, SESSION_CHECK);
    for (uint64_t position = 1; position <= mailbox->last; position++) {
        if (is_there[position])
            continue;
        if (mailbox->places[position] == LOAD_COLLECTING)
            mailbox->places[position] = LOAD_COLLECTED;
        if (mailbox->places[position] != LOAD_COLLECTED)
            fail_msg("position %u is gone and nobody collected it", (unsigned)position);
    }
    free(is_there);
}

/* What was acknowledged before something else was sent stands before it. */
static void check_lane(const struct load *load, const struct load_batch *early,
                       const struct load_batch *late)
{
    (void)load;
    if (early->from != late->from || early->acknowledged_at > late->sent_at)
        return;
    for (size_t i = 0; i < early->bundle_count; i++)
        for (size_t n = 0; n < late->bundle_count; n++)
            if (early->bundles[i].to == late->bundles[n].to)
                assert_true(early->bundles[i].position < late->bundles[n].position);
}

static bool is_visible(const struct load_batch *batch)
{
    for (size_t i = 0; i < batch->bundle_count; i++)
        if (batch->bundles[i].position == 0)
            return false;
    return batch->acknowledged_at > 0;
}

static void check_order(const struct load *load)
{
    for (size_t i = 0; i < load->batch_count; i++)
        for (size_t n = i + 1; n < load->batch_count; n++)
            if (is_visible(&load->batches[i]) && is_visible(&load->batches[n]))
                check_lane(load, &load->batches[i], &load->batches[n]);
}

/* A request in a round waits; everything else that was acknowledged stands in a mailbox. */
static void check_arrived(const struct load *load)
{
    for (size_t i = 0; i < load->batch_count; i++) {
        const struct load_batch *batch = &load->batches[i];
        for (size_t n = 0; n < batch->bundle_count; n++) {
            bool waits = batch->registers && batch->bundles[n].to == 2;
            if (batch->bundles[n].position == 0 && !waits)
                fail_msg("a bundle of batch %zu did not arrive", i);
        }
    }
}

static void check_case(struct load *load, const struct load_case *one)
{
    const Skp__V1__CaseView *view = view_case(&load->w, &load->w.counsellor, &one->told.id);
    assert_non_null(view);
    assert_int_equal(view->n_requests, one->told.count);
    for (size_t i = 0; i < one->told.count; i++) {
        const struct load_request *request = &one->requests[i];
        const Skp__V1__RequestView *seen = view_request(&load->w, &one->told, i);
        assert_int_equal(seen->total_cents, request->cents);
        assert_in_range(request->published, 0, 1);
        assert_in_range(request->overdue, 0, 1);
    }
}

static void check_cases(struct load *load)
{
    for (size_t c = 0; c < load->case_count; c++)
        if (load->cases[c].is_acknowledged)
            check_case(load, &load->cases[c]);
}

void load_check(struct load *load)
{
    assert_ok(store_verify(load->w.store, on_damage, NULL));
    assert_true(load->w.engine->chain.sequence >= load->sequence);
    check_receipts(load);
    assert_true(load_tick(load));
    for (size_t box = 0; box < LOAD_PARTIES; box++)
        check_mailbox(load, box);
    check_arrived(load);
    check_order(load);
    check_cases(load);
}

static void check_finished(const struct load_case *one)
{
    bool is_complete = true;
    for (size_t i = 0; i < one->told.count; i++) {
        assert_int_equal(one->requests[i].published, 1);
        is_complete &= one->requests[i].cents > 0;
    }
    assert_int_equal(one->complete, is_complete);
}

/* Ten days: every round has been. */
void load_finish(struct load *load)
{
    clock_set_business_offset(&load->w.clock.clock, clock_business_offset(&load->w.clock.clock) +
                                                        (int64_t)10 * 86400 * 1000);
    load_check(load);
    for (size_t i = 0; i < load->batch_count; i++)
        assert_true(is_visible(&load->batches[i]));
    for (size_t c = 0; c < load->case_count; c++)
        check_finished(&load->cases[c]);
}
