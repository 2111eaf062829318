#include "load.h"

#include "power_disk.h"

#include <stdio.h>
#include <stdlib.h>

static size_t pick(struct load *load, size_t count)
{
    return (size_t)(power_random(&load->random) % count);
}

static const struct party *party_of(const struct load *load, size_t index)
{
    return load->boxes[index].party;
}

static bool is_well(const struct load *load)
{
    return !engine_failed(load->w.engine);
}

struct load *load_new(struct store *store, uint64_t seed)
{
    struct load *load = calloc(1, sizeof *load);
    struct agreement_terms terms = {.weekdays = THURSDAYS | MONDAYS, .minute_of_day = TEN_HOURS};
    assert_non_null(load);
    load->cases = calloc(LOAD_CASES, sizeof *load->cases);
    load->batches = calloc(LOAD_BATCHES, sizeof *load->batches);
    assert_true(load->cases && load->batches);
    load->random = seed;
    world_init(&load->w, true);
    world_close(&load->w);
    assert_ok(world_open(&load->w, store, true));
    world_people(&load->w);
    agreement_make(&load->w, &load->w.rsa, &terms);
    load->boxes[0].party = &load->w.counsellor;
    load->boxes[1].party = &load->w.creditor;
    load->boxes[2].party = &load->w.rsa;
    return load;
}

void load_free(struct load *load)
{
    world_fini(&load->w);
    free(load->cases);
    free(load->batches);
    free(load);
}

size_t load_acknowledged(const struct load *load)
{
    size_t count = 0;
    for (size_t i = 0; i < load->batch_count; i++)
        count += load->batches[i].acknowledged_at > 0;
    return count;
}

/* ---------------------------------------------------------------- sending */

static struct load_batch *batch_new(struct load *load, size_t from)
{
    if (load->batch_count == LOAD_BATCHES)
        return NULL;
    struct load_batch *batch = &load->batches[load->batch_count++];
    batch->from = from;
    batch->sent_at = ++load->turn;
    letter_begin(&batch->letter, &load->w, party_of(load, from));
    return batch;
}

static void bundle_begin(struct load *load, struct load_batch *batch, size_t to)
{
    letter_to(&batch->letter, party_of(load, to));
    batch->bundles[batch->bundle_count++] =
        (struct load_bundle){.id = batch->letter.bundle_id, .to = to};
}

static struct load_batch *batch_register(struct load *load, const char *part)
{
    if (load->case_count == LOAD_CASES)
        return NULL;
    struct load_batch *batch = batch_new(load, 0);
    if (!batch)
        return NULL;
    struct load_case *made = &load->cases[load->case_count++];
    size_t count = 1 + pick(load, LOAD_REQUESTS);
    size_t to = 0;
    case_make(&made->told, &load->w.creditor, count);
    letter_to_broker(&batch->letter);
    line_case(&batch->letter, &made->told);
    for (size_t i = 0; i < count; i++) {
        size_t creditor = 1 + pick(load, 2);
        made->told.requests[i].creditor = party_of(load, creditor);
        if (creditor != to)
            bundle_begin(load, batch, creditor);
        to = creditor;
        line_request_part(&batch->letter, &made->told.requests[i], part);
        made->requests[i].asked = made->told.requests[i];
    }
    batch->registers = made;
    return batch;
}

/* A request that its creditor has seen and not answered. */
static struct load_batch *batch_answer(struct load *load)
{
    for (size_t tries = 0; load->case_count > 0 && tries < 20; tries++) {
        struct load_case *one = &load->cases[pick(load, load->case_count)];
        struct load_request *request = &one->requests[pick(load, one->told.count)];
        if (!request->is_delivered || request->is_answered)
            continue;
        struct load_batch *batch =
            batch_new(load, request->asked.creditor == party_of(load, 1) ? 1 : 2);
        if (!batch)
            return NULL;
        batch->answered = request;
        batch->cents = 1 + (int64_t)pick(load, 100000);
        request->is_answered = true;
        bundle_begin(load, batch, 0);
        letter_line(&batch->letter, answer_new(&load->w, &request->asked, batch->cents), "", NULL);
        return batch;
    }
    return NULL;
}

/* ---------------------------------------------------------------- what the broker says to it */

static struct span receipt_bytes(struct load *load, const Skp__V1__Receipt *receipt)
{
    struct span jws = span_text(receipt->jws);
    size_t len = receipt->body.len + receipt->commit.len + jws.len;
    uint8_t *bytes = arena_calloc(&load->w.arena, 1, len);
    assert_non_null(bytes);
    memcpy(bytes, receipt->body.data, receipt->body.len);
    memcpy(bytes + receipt->body.len, receipt->commit.data, receipt->commit.len);
    memcpy(bytes + receipt->body.len + receipt->commit.len, jws.data, jws.len);
    return span_of(bytes, len);
}

static void note_receipt(struct load *load, struct load_batch *batch, const struct answer *answer)
{
    Skp__V1__Receipt *receipt;
    const Skp__V1__ReceiptBody *body = receipt_of(&batch->letter, answer, &receipt);
    struct span bytes = receipt_bytes(load, receipt);
    assert_taken(body, (uint32_t)batch->letter.batch.line_count);
    if (batch->acknowledged_at > 0) {
        assert_true(receipt->duplicate);
        assert_true(span_equal(batch->receipt, bytes));
        return;
    }
    load->kept += receipt->duplicate ? 1 : 0;
    batch->receipt = bytes;
    batch->acknowledged_at = ++load->turn;
    load->sequence = load->w.engine->chain.sequence;
    if (batch->registers)
        batch->registers->is_acknowledged = true;
    else
        batch->answered->cents = batch->cents;
}

static bool note_answer(struct load *load, struct load_batch *batch, const struct answer *answer)
{
    assert_int_equal(answer->times, 1);
    if (!answer->err) {
        note_receipt(load, batch, answer);
        return true;
    }
    if (answer->err != SKP_E_OUTCOME_UNKNOWN && answer->err != SKP_E_UNAVAILABLE)
        fail_msg("%s at \"%s\": %s", skp_error_name(answer->err), answer->path, answer->sentence);
    load->unknown++;
    return false;
}

/* All of them in one transaction. */
bool load_send(struct load *load, struct load_batch **batches, size_t count)
{
    struct answer *answers[4] = {NULL};
    bool all_well = true;
    assert_true(count <= 4);
    for (size_t i = 0; i < count; i++)
        answers[i] = letter_submit(&batches[i]->letter);
    while (work_run_one(load->w.engine->verify_queue))
        continue;
    world_pump(&load->w);
    for (size_t i = 0; i < count; i++)
        all_well &= note_answer(load, batches[i], answers[i]);
    return all_well && is_well(load);
}

bool load_resend(struct load *load)
{
    for (size_t i = 0; i < load->batch_count; i++) {
        struct load_batch *batch = &load->batches[i];
        if (batch->acknowledged_at == 0 && !load_send(load, &batch, 1))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- mail */

static struct load_request *find_request(struct load *load, ProtobufCBinaryData id)
{
    for (size_t c = 0; c < load->case_count; c++)
        for (size_t i = 0; i < load->cases[c].told.count; i++)
            if (span_equal(wire_span(id),
                           span_of(load->cases[c].requests[i].asked.id.bytes, ID_BYTES)))
                return &load->cases[c].requests[i];
    fail_msg("mail about a request that nobody made");
    return NULL;
}

static void note_event(struct load *load, size_t box, const Skp__V1__EventFact *event)
{
    if (event->kind == SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE)
        for (size_t c = 0; c < load->case_count; c++)
            load->cases[c].complete += span_equal(wire_span(event->case_id),
                                                  span_of(load->cases[c].told.id.bytes, ID_BYTES));
    for (size_t i = 0; i < event->n_request_ids; i++) {
        struct load_request *request = find_request(load, event->request_ids[i]);
        request->published += event->kind == SKP__V1__EVENT_KIND__EVENT_KIND_PUBLISHED;
        request->overdue += box == 0 && event->kind == SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE;
    }
}

static void note_lines(struct load *load, size_t box, const struct mail *mail)
{
    for (size_t i = 0; i < mail->checked.bundle->n_lines; i++) {
        const Skp__V1__Line *line = mail->lines[i];
        if (line && line->fact_case == SKP__V1__LINE__FACT_REQUEST)
            find_request(load, line->request->request_id)->is_delivered = true;
        else if (line && line->fact_case == SKP__V1__LINE__FACT_EVENT)
            note_event(load, box, line->event);
    }
}

static struct load_bundle *find_bundle(struct load *load, size_t box, const struct mail *mail)
{
    for (size_t b = 0; b < load->batch_count; b++)
        for (size_t i = 0; i < load->batches[b].bundle_count; i++)
            if (load->batches[b].bundles[i].to == box &&
                id_equal(&load->batches[b].bundles[i].id, &mail->checked.head.bundle_id))
                return &load->batches[b].bundles[i];
    fail_msg("mail that nobody sent");
    return NULL;
}

static void note_first_sight(struct load *load, size_t box, const struct mail *mail)
{
    uint64_t position = mail->delivery->position;
    note_lines(load, box, mail);
    load->boxes[box].heads[position] = mail->checked.head_hash;
    if (oin_equal(&mail->checked.header.sender, &load->w.broker))
        return;
    struct load_bundle *bundle = find_bundle(load, box, mail);
    assert_int_equal(bundle->position, 0);
    bundle->position = position;
}

void load_note_mail(struct load *load, size_t box, const struct mail *mail)
{
    struct load_mailbox *mailbox = &load->boxes[box];
    uint64_t position = mail->delivery->position;
    assert_in_range(position, 1, LOAD_POSITIONS - 1);
    if (mailbox->places[position] == LOAD_COLLECTED)
        fail_msg("position %u comes again after it was collected", (unsigned)position);
    if (mailbox->places[position] == LOAD_UNSEEN)
        note_first_sight(load, box, mail);
    assert_true(hash_equal(&mailbox->heads[position], &mail->checked.head_hash));
    mailbox->places[position] = LOAD_SEEN;
    if (position > mailbox->last)
        mailbox->last = position;
}

static bool step_collect(struct load *load)
{
    size_t box = pick(load, LOAD_PARTIES);
    struct load_mailbox *mailbox = &load->boxes[box];
    struct post post = fetch_from(&load->w, mailbox->party, mailbox->party->session, "",
                                  1 + (uint32_t)pick(load, 20), 1 << 20);
    for (size_t i = 0; i < post.count; i++)
        load_note_mail(load, box, &post.mails[i]);
    size_t count = post.count > 0 ? pick(load, post.count + 1) : 0;
    bool is_done = true;
    if (count > 0) {
        for (size_t i = 0; i < count; i++)
            mailbox->places[post.mails[i].delivery->position] = LOAD_COLLECTING;
        is_done =
            !collect_ask(&load->w, mailbox->party, mailbox->party->session, "", post.mails, count)
                 ->err;
        for (size_t i = 0; is_done && i < count; i++)
            mailbox->places[post.mails[i].delivery->position] = LOAD_COLLECTED;
    }
    engine_session_closed(load->w.engine, mailbox->party->session);
    return is_done && is_well(load);
}

/* ---------------------------------------------------------------- steps */

bool load_tick(struct load *load)
{
    struct party nobody = {.session = 0};
    while (is_well(load) && engine_next_tick_ms(load->w.engine) == 0)
        if (world_ask(&load->w, &nobody, ENGINE_TICK, NULL)->err)
            return false;
    return is_well(load);
}

static void pass_time(struct load *load, int64_t ms)
{
    clock_set_business_offset(&load->w.clock.clock,
                              clock_business_offset(&load->w.clock.clock) + ms);
}

static bool step_time(struct load *load)
{
    pass_time(load, (1 + (int64_t)pick(load, 30)) * 3600 * 1000);
    return load_tick(load);
}

static bool step_send(struct load *load, const char *part, size_t count, bool answers)
{
    struct load_batch *group[4];
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        group[made] = answers ? batch_answer(load) : batch_register(load, part);
        made += group[made] != NULL;
    }
    return made == 0 || load_send(load, group, made);
}

bool load_step(struct load *load)
{
    size_t act = pick(load, 100);
    pass_time(load, 1);
    if (act < 25)
        return step_send(load, "TEST Jansen", 1 + pick(load, 3), false);
    if (act < 55)
        return step_send(load, "", 1 + pick(load, 3), true);
    if (act < 85)
        return step_collect(load);
    return step_time(load);
}
