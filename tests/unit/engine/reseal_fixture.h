/* Saying that a part cannot be read, sealing it again, opening it as a client does. */
#ifndef SKP_RESEAL_FIXTURE_H
#define SKP_RESEAL_FIXTURE_H

#include "engine_mail.h"

#define STATE(name) SKP__V1__REQUEST_STATE__REQUEST_STATE_##name
#define EVENT(name) SKP__V1__EVENT_KIND__EVENT_KIND_##name

static inline Skp__V1__Line *unreadable_new(struct world *w, const struct asked *asked)
{
    Skp__V1__Line *line = answer_new(w, asked, 100);
    line->answer->outcome = SKP__V1__OUTCOME__OUTCOME_UNREADABLE;
    line->answer->n_claims = 0;
    line->answer->total_cents = 0;
    return line;
}

static inline Skp__V1__ReceiptBody *say_unreadable(struct world *w, const struct asked *asked)
{
    struct letter letter;
    letter_begin(&letter, w, asked->creditor);
    letter_to(&letter, &w->counsellor);
    letter_line(&letter, unreadable_new(w, asked), "", NULL);
    return letter_send(&letter);
}

/* A case of which the creditor cannot read the first request. */
static inline void register_unreadable(struct world *w, struct told_case *told, size_t requests)
{
    case_make(told, &w->creditor, requests);
    case_register(w, told);
    assert_taken(say_unreadable(w, &told->requests[0]), 1);
}

/* The case again, and these of its requests in a new bundle. */
static inline Skp__V1__ReceiptBody *reseal_to(struct world *w, struct told_case *told,
                                              const struct party *to, size_t first, size_t count)
{
    struct letter letter;
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, told);
    letter_to(&letter, to);
    for (size_t i = 0; i < count; i++)
        line_reseal(&letter, &told->requests[first + i]);
    return letter_send(&letter);
}

static inline Skp__V1__ReceiptBody *reseal(struct world *w, struct told_case *told, size_t n)
{
    return reseal_to(w, told, told->requests[n].creditor, n, 1);
}

static inline void assert_resealed(const Skp__V1__ReceiptBody *body)
{
    assert_taken(body, 2);
    assert_int_equal(body->without_effect, 1); /* the case, said again */
}

static inline void assert_unchanged(const Skp__V1__ReceiptBody *body)
{
    assert_taken(body, 2);
    assert_int_equal(body->without_effect, 2);
}

static inline void assert_state(struct world *w, const struct told_case *told, size_t n,
                                Skp__V1__RequestState wanted)
{
    assert_int_equal(view_request(w, told, n)->state, wanted);
}

/* Opens line `n` as a client does: with the creditor's key, held against the signed commitment. */
static inline enum skp_err open_part(struct world *w, const struct party *party,
                                     const struct mail *mail, size_t n, const struct asked *asked)
{
    struct seal_place place = {.sender = mail->checked.header.sender,
                               .recipient = mail->checked.head.recipient,
                               .batch_id = mail->checked.header.batch_id,
                               .bundle_id = mail->checked.head.bundle_id};
    struct span boxes[] = {span_text(mail->checked.bundle->key_boxes[0])};
    struct skp_hash commitment;
    struct seal_key key;
    struct span part;
    assert_ok(unseal_box(&party->opens, 1, boxes, 1, &place, &w->arena, &key));
    assert_true(hash_take(wire_span(mail->lines[n]->request->commitment), &commitment));
    return unseal_part(&key, &place, &asked->id, &commitment,
                       wire_span(mail->checked.bundle->sealed[n]), &w->arena, &part);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

#endif
