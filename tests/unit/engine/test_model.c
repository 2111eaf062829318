/* Random histories against a model: whatever happens in whatever order, nothing that was
 * acknowledged is lost, nothing that was collected comes again, every lane keeps its order, and
 * what the broker shows is what was said. */
#include "engine_mail.h"
#include "faulty_store.h"

#include <stdio.h>
#include <stdlib.h>

#define MODEL_CASES     64
#define MODEL_REQUESTS  4
#define MODEL_SESSIONS  3
#define MODEL_POSITIONS 4096
#define MODEL_VERSIONS  16
#define MODEL_STEPS     350

/* ---------------------------------------------------------------- what is known */

struct model_request {
    struct asked asked;
    int64_t total_cents;              /* of the answer in force */
    unsigned collected;               /* by its creditor */
    unsigned answers[MODEL_VERSIONS]; /* versions that the counsellor collected */
    unsigned published;               /* told */
    unsigned overdue[2];              /* told to counsellor, creditor */
};

struct model_case {
    struct told_case told;
    struct model_request requests[MODEL_REQUESTS];
    unsigned complete; /* told */
};

struct model_mailbox {
    const struct party *party;
    bool collected[MODEL_POSITIONS];
    struct skp_oin lane[MODEL_POSITIONS]; /* "": never seen */
    unsigned held_by[MODEL_POSITIONS];    /* session; 0: nobody */
    struct skp_hash head_hash[MODEL_POSITIONS];
    uint64_t last; /* the highest position seen */
};

struct model {
    struct world *w;
    struct store *inner;
    uint64_t random;
    struct model_case *cases;
    size_t case_count;
    struct model_mailbox boxes[3];
    size_t fetched, collected, answered, refused, reopened;
};

static uint64_t next_random(struct model *m)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return m->random;
}

static size_t pick(struct model *m, size_t count)
{
    return (size_t)(next_random(m) >> 11) % count;
}

static bool chance(struct model *m, unsigned percent)
{
    return pick(m, 100) < percent;
}

/* ---------------------------------------------------------------- sending */

/* Some commits fail; then the same batch goes again until it is taken. */
static Skp__V1__ReceiptBody *send_for_sure(struct model *m, struct letter *letter)
{
    if (chance(m, 10))
        faulty_store_fail_commit(m->w->store, SKP_E_CONFLICT, false);
    else if (chance(m, 5))
        faulty_store_fail_commit(m->w->store, SKP_E_UNAVAILABLE, false);
    struct answer *answer = letter_ask(letter);
    if (answer->err) {
        assert_err(answer->err, SKP_E_UNAVAILABLE);
        answer = letter_ask(letter);
    }
    Skp__V1__ReceiptBody *body = receipt_of(letter, answer, NULL);
    if (chance(m, 15)) {
        Skp__V1__Receipt *again;
        receipt_of(letter, letter_ask(letter), &again);
        assert_true(again->duplicate);
    }
    return body;
}

static void do_register(struct model *m)
{
    if (m->case_count == MODEL_CASES)
        return;
    struct model_case *made = &m->cases[m->case_count++];
    struct letter letter;
    struct asked stray;
    size_t count = 1 + pick(m, MODEL_REQUESTS);
    case_make(&made->told, &m->w->creditor, count);
    for (size_t i = 0; i < count; i++) {
        made->told.requests[i].creditor = chance(m, 50) ? &m->w->creditor : &m->w->rsa;
        made->told.requests[i].urgent = chance(m, 20);
    }
    letter_begin(&letter, m->w, &m->w->counsellor);
    case_write(&letter, &made->told);
    bool adds_stray = chance(m, 20);
    if (adds_stray) {
        stray = made->told.requests[0];
        stray.id = id_new();
        line_request(&letter, &stray);
    }
    const Skp__V1__ReceiptBody *body = send_for_sure(m, &letter);
    assert_int_equal(body->stored, count + 1);
    assert_int_equal(body->n_refusals, adds_stray);
    for (size_t i = 0; i < count; i++)
        made->requests[i].asked = made->told.requests[i];
}

static struct model_request *any_request(struct model *m, struct model_case **ret_case)
{
    struct model_case *one = &m->cases[pick(m, m->case_count)];
    *ret_case = one;
    return &one->requests[pick(m, one->told.count)];
}

static void do_answer(struct model *m)
{
    struct model_case *one;
    if (m->case_count == 0)
        return;
    struct model_request *request = any_request(m, &one);
    size_t n = (size_t)(request - one->requests);
    struct letter letter;
    int64_t cents = 1 + (int64_t)pick(m, 100000);
    bool waits = view_request(m->w, &one->told, n)->state ==
                 SKP__V1__REQUEST_STATE__REQUEST_STATE_WAITING_FOR_ROUND;
    if (request->asked.answer_version + 1 == MODEL_VERSIONS)
        return;
    letter_begin(&letter, m->w, request->asked.creditor);
    letter_to(&letter, &m->w->counsellor);
    Skp__V1__Line *line = answer_new(m->w, &request->asked, cents);
    letter_line(&letter, line, "", NULL);
    const Skp__V1__ReceiptBody *body = send_for_sure(m, &letter);
    if (waits) {
        assert_refused(body, 0, 0, SKP_E_STATE_INVALID, "answer");
        m->refused++;
        return;
    }
    assert_taken(body, 1);
    request->asked.answer_version++;
    request->total_cents = cents;
    m->answered++;
}

/* ---------------------------------------------------------------- mail */

static struct model_mailbox *any_box(struct model *m)
{
    return &m->boxes[pick(m, 3)];
}

static unsigned session_of(const struct model *m, const struct model_mailbox *box, size_t n)
{
    return 100 * (unsigned)(box - m->boxes + 1) + (unsigned)n;
}

static void note_delivery(struct model_mailbox *box, const struct mail *mail, unsigned session)
{
    uint64_t position = mail->delivery->position;
    const struct skp_oin *lane = &mail->checked.header.sender;
    assert_in_range(position, 1, MODEL_POSITIONS - 1);
    assert_false(box->collected[position]);
    assert_int_equal(box->held_by[position], 0);
    for (uint64_t before = 1; before < position; before++)
        if (oin_equal(&box->lane[before], lane) && !box->collected[before])
            assert_int_equal(box->held_by[before], session);
    for (uint64_t after = position + 1; after <= box->last; after++)
        if (oin_equal(&box->lane[after], lane))
            assert_int_equal(box->lane[position].text[0] != '\0', true);
    box->lane[position] = *lane;
    box->head_hash[position] = mail->checked.head_hash;
    box->held_by[position] = session;
    if (position > box->last)
        box->last = position;
}

static void do_fetch(struct model *m)
{
    struct model_mailbox *box = any_box(m);
    unsigned session = session_of(m, box, pick(m, MODEL_SESSIONS));
    uint32_t bytes = chance(m, 30) ? 6000 : 1 << 20;
    struct post post = fetch_from(m->w, box->party, session, "", (uint32_t)pick(m, 12), bytes);
    for (size_t i = 0; i < post.count; i++)
        note_delivery(box, &post.mails[i], session);
    m->fetched += post.count;
}

static struct model_request *find_request(struct model *m, ProtobufCBinaryData id)
{
    for (size_t c = 0; c < m->case_count; c++)
        for (size_t i = 0; i < m->cases[c].told.count; i++)
            if (span_equal(wire_span(id),
                           span_of(m->cases[c].requests[i].asked.id.bytes, ID_BYTES)))
                return &m->cases[c].requests[i];
    fail_msg("mail about a request that nobody made");
    return NULL;
}

static void note_event(struct model *m, const struct model_mailbox *box,
                       const Skp__V1__EventFact *event)
{
    if (event->kind == SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE)
        for (size_t c = 0; c < m->case_count; c++)
            m->cases[c].complete +=
                span_equal(wire_span(event->case_id), span_of(m->cases[c].told.id.bytes, ID_BYTES));
    for (size_t i = 0; i < event->n_request_ids; i++) {
        struct model_request *request = find_request(m, event->request_ids[i]);
        if (event->kind == SKP__V1__EVENT_KIND__EVENT_KIND_PUBLISHED)
            request->published++;
        else if (event->kind == SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE)
            request->overdue[box->party != &m->w->counsellor]++;
    }
}

static void note_collected(struct model *m, struct model_mailbox *box, const struct mail *mail)
{
    assert_false(box->collected[mail->delivery->position]);
    box->collected[mail->delivery->position] = true;
    box->held_by[mail->delivery->position] = 0;
    m->collected++;
    for (size_t i = 0; i < mail->checked.bundle->n_lines; i++) {
        const Skp__V1__Line *line = mail->lines[i];
        if (line && line->fact_case == SKP__V1__LINE__FACT_REQUEST)
            find_request(m, line->request->request_id)->collected++;
        else if (line && line->fact_case == SKP__V1__LINE__FACT_ANSWER)
            find_request(m, line->answer->request_id)->answers[line->answer->version]++;
        else if (line && line->fact_case == SKP__V1__LINE__FACT_EVENT)
            note_event(m, box, line->event);
    }
}

/* Fetches a little and collects some of it at once; sometimes with something that is not its own. */
static void do_collect(struct model *m)
{
    struct model_mailbox *box = any_box(m);
    unsigned session = session_of(m, box, pick(m, MODEL_SESSIONS));
    struct post post =
        fetch_from(m->w, box->party, session, "", 1 + (uint32_t)pick(m, 20), 1 << 20);
    for (size_t i = 0; i < post.count; i++)
        note_delivery(box, &post.mails[i], session);
    size_t count = post.count > 0 ? pick(m, post.count + 1) : 0;
    if (count == 0)
        return;
    if (chance(m, 10)) {
        unsigned other = session_of(m, box, MODEL_SESSIONS);
        const Skp__V1__Collected *none = collect(m->w, box->party, other, "", post.mails, count);
        assert_int_equal(none->collected, 0);
    }
    if (chance(m, 10))
        faulty_store_fail_commit(m->w->store, SKP_E_CONFLICT, false);
    const Skp__V1__Collected *collected = collect(m->w, box->party, session, "", post.mails, count);
    assert_int_equal(collected->collected, count);
    for (size_t i = 0; i < count; i++)
        note_collected(m, box, &post.mails[i]);
}

static void do_release(struct model *m)
{
    struct model_mailbox *box = any_box(m);
    for (uint64_t position = 1; position <= box->last; position++) {
        if (box->held_by[position] == 0 || chance(m, 50))
            continue;
        assert_ok(engine_release(m->w->engine, &box->party->oin, box->held_by[position], "",
                                 &position, 1));
        box->held_by[position] = 0;
    }
}

static void forget_held(struct model_mailbox *box, unsigned session)
{
    for (uint64_t position = 1; position <= box->last; position++)
        if (session == 0 || box->held_by[position] == session)
            box->held_by[position] = 0;
}

static void do_close_session(struct model *m)
{
    struct model_mailbox *box = any_box(m);
    unsigned session = session_of(m, box, pick(m, MODEL_SESSIONS));
    engine_session_closed(m->w->engine, session);
    forget_held(box, session);
}

static void do_expire(struct model *m)
{
    clock_manual_advance(&m->w->clock, 301 * 1000);
    (void)engine_next_tick_ms(m->w->engine);
    for (size_t i = 0; i < 3; i++)
        forget_held(&m->boxes[i], 0);
}

/* ---------------------------------------------------------------- time and restarts */

static void do_tick(struct model *m)
{
    int64_t hours = 1 + (int64_t)pick(m, 20);
    clock_set_business_offset(&m->w->clock.clock,
                              clock_business_offset(&m->w->clock.clock) + hours * 3600 * 1000);
    if (chance(m, 20))
        faulty_store_fail_commit(m->w->store, SKP_E_CONFLICT, false);
    world_tick(m->w);
}

static void do_reopen(struct model *m)
{
    world_close(m->w);
    assert_ok(world_open(m->w, faulty_store_borrow(m->inner), false));
    for (size_t i = 0; i < 3; i++)
        forget_held(&m->boxes[i], 0);
    m->reopened++;
}

/* ---------------------------------------------------------------- what must hold */

static void check_case(struct model *m, const struct model_case *one)
{
    size_t answered = 0;
    int64_t sum = 0;
    int64_t shown = 0;
    const Skp__V1__CaseView *view = view_case(m->w, &m->w->counsellor, &one->told.id);
    assert_int_equal(view->n_requests, one->told.count);
    for (size_t i = 0; i < one->told.count; i++) {
        const struct model_request *request = &one->requests[i];
        const Skp__V1__RequestView *seen = view_request(m->w, &one->told, i);
        bool is_answered = request->asked.answer_version > 0;
        assert_int_equal(seen->total_cents, request->total_cents);
        assert_int_equal(seen->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED ||
                             seen->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED_LATE,
                         is_answered);
        assert_int_equal(seen->collected, request->collected > 0);
        answered += is_answered;
        sum += request->total_cents;
        shown += seen->total_cents;
    }
    assert_int_equal(sum, shown);
    assert_int_equal(view->state == SKP__V1__CASE_STATE__CASE_STATE_COMPLETE,
                     answered == one->told.count);
}

static void collect_the_rest(struct model *m)
{
    do_expire(m);
    world_tick(m->w);
    for (size_t left = 1; left > 0;) {
        left = 0;
        for (size_t i = 0; i < 3; i++) {
            struct model_mailbox *box = &m->boxes[i];
            unsigned session = session_of(m, box, 0);
            struct post post = fetch_from(m->w, box->party, session, "", 200, 1 << 20);
            for (size_t n = 0; n < post.count; n++)
                note_delivery(box, &post.mails[n], session);
            if (post.count > 0)
                collect(m->w, box->party, session, "", post.mails, post.count);
            for (size_t n = 0; n < post.count; n++)
                note_collected(m, box, &post.mails[n]);
            left += post.count;
        }
    }
}

static void check_request(struct model *m, const struct model_case *one, size_t n)
{
    const struct model_request *request = &one->requests[n];
    const Skp__V1__RequestView *view = view_request(m->w, &one->told, n);
    bool waits = view->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_WAITING_FOR_ROUND;
    assert_int_equal(request->collected, waits ? 0 : 1);
    assert_int_equal(request->published, waits ? 0 : 1);
    for (uint32_t version = 1; version < MODEL_VERSIONS; version++)
        assert_int_equal(request->answers[version], version <= request->asked.answer_version);
    assert_int_equal(request->overdue[0], request->overdue[1]);
    assert_in_range(request->overdue[0], 0, 1);
    if (view->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_OVERDUE)
        assert_int_equal(request->overdue[0], 1);
    if (view->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED)
        assert_int_equal(request->overdue[0], 0);
}

static void check_all(struct model *m)
{
    collect_the_rest(m);
    for (size_t c = 0; c < m->case_count; c++) {
        struct model_case *one = &m->cases[c];
        size_t answered = 0;
        check_case(m, one);
        for (size_t n = 0; n < one->told.count; n++) {
            check_request(m, one, n);
            answered += one->requests[n].asked.answer_version > 0;
        }
        assert_int_equal(one->complete, answered == one->told.count);
        arena_reset(&m->w->arena);
    }
    for (size_t i = 0; i < 3; i++)
        for (uint64_t position = 1; position <= m->boxes[i].last; position++)
            assert_true(m->boxes[i].collected[position]);
}

/* ---------------------------------------------------------------- histories */

static void step(struct model *m)
{
    static const struct {
        unsigned weight;
        void (*act)(struct model *m);
    } acts[] = {
        {14, do_register},     {24, do_answer}, {14, do_fetch}, {22, do_collect}, {5, do_release},
        {4, do_close_session}, {3, do_expire},  {10, do_tick},  {2, do_reopen},
    };
    unsigned at = (unsigned)pick(m, 98);
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        if (at < acts[i].weight) {
            acts[i].act(m);
            return;
        }
        at -= acts[i].weight;
    }
}

static void run_history(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    struct model *m = calloc(1, sizeof *m);
    struct agreement_terms terms = {.weekdays = THURSDAYS | MONDAYS, .minute_of_day = TEN_HOURS};
    m->cases = calloc(MODEL_CASES, sizeof *m->cases);
    m->w = w;
    m->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    world_init(w, true);
    world_close(w);
    assert_ok(store_memory_open(&m->inner));
    assert_ok(world_open(w, faulty_store_borrow(m->inner), true));
    world_people(w);
    agreement_make(w, &w->creditor, &terms);
    m->boxes[0].party = &w->counsellor;
    m->boxes[1].party = &w->creditor;
    m->boxes[2].party = &w->rsa;
    for (size_t i = 0; i < MODEL_STEPS; i++) {
        step(m);
        if (m->case_count > 0 && i % 10 == 0)
            check_case(m, &m->cases[pick(m, m->case_count)]);
        arena_reset(&w->arena);
    }
    check_all(m);
    print_message("seed %u: %zu cases, %zu delivered, %zu collected, %zu answered, %zu refused, "
                  "%zu reopened\n",
                  (unsigned)seed, m->case_count, m->fetched, m->collected, m->answered, m->refused,
                  m->reopened);
    assert_true(m->collected > 50 && m->answered > 20);
    world_fini(w);
    store_close(m->inner);
    free(m->cases);
    free(m);
    free(w);
}

static void whatever_happens_nothing_acknowledged_is_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        run_history(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_nothing_acknowledged_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
