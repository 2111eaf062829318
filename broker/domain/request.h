/* One request (saldoverzoek): its states, the legal moves, and what an answer does to it.
 *
 * Pure: values in, values out; no I/O, no clock, no allocation, any thread. States and moves are
 * data, one list in request.c. Read the table by row: from the state on the left to those marked.
 *
 *                        REG WAI REQ OVE ANS LAT OFF REC NEE UNR WIT END RES
 *     REGISTERED          .   x   x   .   .   .   .   .   x   .   x   x   .
 *     WAITING_FOR_ROUND   .   .   x   .   .   .   .   .   x   .   x   x   .
 *     REQUESTED           .   .   .   x   x   x   .   .   x   x   x   x   .
 *     OVERDUE             .   .   .   .   x   x   .   .   x   x   x   x   .
 *     ANSWERED            x   .   .   .   .   .   .   .   .   .   x   x   .
 *     ANSWERED_LATE       x   .   .   .   .   .   .   .   .   .   x   x   .
 *     OFF_NETWORK         .   .   .   .   .   .   .   x   .   .   x   x   .
 *     RECORDED            .   .   .   .   .   .   .   .   .   .   x   x   .
 *     RESEAL_NEEDED       .   .   .   .   .   .   .   x   .   .   x   x   x
 *     UNREADABLE          .   .   .   .   .   .   .   x   .   .   x   x   x
 *     WITHDRAWN           .   .   .   .   .   .   .   .   .   .   .   .   .
 *     ENDED               .   .   .   .   .   .   .   .   .   .   .   .   .
 *     RESEALED            .   .   .   .   .   .   .   .   .   .   .   .   .
 *
 * OVERDUE -> ANSWERED is legal: an answer received in time counts as in time, whatever committed
 * first. ANSWERED -> REGISTERED is asking again with a corrected number.
 * A request lives in one place, a line of a bundle. Sealed again it gets a new place, where it
 * starts at REGISTERED; RESEALED is what its old place then says. When sealing does not help, a
 * letter goes, and what comes back on it is RECORDED. No function here makes the moves to
 * WITHDRAWN, ENDED and back to REGISTERED. */
#ifndef SKP_REQUEST_H
#define SKP_REQUEST_H

#include "agreement.h"
#include "bytes.h"
#include "calendar.h"
#include "errors.h"
#include "skp.pb-c.h"

#define REQUEST_URGENT       0x01 /* never waits for a round */
#define REQUEST_CONTAINS_BSN 0x02

struct request_state {
    struct skp_id request_id;
    struct skp_id case_id;
    struct skp_hash leaf;        /* of the RequestFact: what an answer must name */
    struct skp_hash answer_leaf; /* of the answer in force; zeros: none yet */
    uint64_t case_place;         /* of the case: where it is counted when this is answered */
    uint64_t position;           /* in the creditor's mailbox, also when collected; 0: not there */
    int64_t published_at_ms;     /* into the mailbox, business time; 0: not yet */
    int64_t answered_at_ms;      /* the first answer's, business time; corrections keep it */
    int64_t total_cents;         /* of the answer in force, at the reference date */
    uint64_t brand_mark;         /* request_brand_mark() of the RequestFact's brand */
    plain_date due_date;         /* 0: no term runs */
    uint32_t version;
    uint32_t answer_version; /* 0: none */
    uint32_t claim_kinds;    /* bit n = ClaimKind n is among the claims the client knows of */
    uint8_t state;           /* Skp__V1__RequestState */
    uint8_t outcome;         /* Skp__V1__Outcome */
    uint8_t consent;         /* Skp__V1__Consent */
    uint8_t product;         /* Skp__V1__Product */
    uint8_t guidance;        /* Skp__V1__Guidance */
    uint8_t flags;           /* REQUEST_* */
    uint8_t last_round;      /* request_round_mark() of whose last round it left in; 0: none */
};

/* Packed form: fixed size, little endian, so that a page of requests is one run of bytes. Unpacking
 * takes only what packing can write: anything else (state, code, flag or date that does not exist,
 * nil id, place 0, negative amount) is DATA_LOSS and leaves *ret_state alone. */
#define REQUEST_PACKED_BYTES 168
void request_pack(const struct request_state *state, uint8_t ret_bytes[REQUEST_PACKED_BYTES]);
enum skp_err request_unpack(const uint8_t bytes[REQUEST_PACKED_BYTES],
                            struct request_state *ret_state) SKP_MUST_CHECK;

/* "WAITING_FOR_ROUND"; NULL when there is no such state. */
const char *request_state_name(uint8_t state);

/* False for states that do not exist. No state moves to itself. */
bool request_may_move(uint8_t from, uint8_t to);

/* The only way a request changes state; asserts that the move is legal. */
void request_move(struct request_state *state, uint8_t to);

/* What stands for a brand in fixed size: 0 for none, else a part of its SHA-256. Two brands of one
 * creditor are as good as never mistaken for each other; letters and case count. */
uint64_t request_brand_mark(const char *brand);

/* What stands for a version of an agreement in one byte, never 0. Versions of one id that are less
 * than 255 apart have different ones; versions of two ids have the same by chance, once in 255. */
uint8_t request_round_mark(const struct agreement *agreement);

/* A well-formed RequestFact becomes a request in REGISTERED. */
void request_register(const Skp__V1__RequestFact *fact, const struct skp_id *case_id,
                      uint64_t case_place, const struct skp_hash *leaf,
                      struct request_state *ret_state);

/* Into the creditor's mailbox, at `position` (not 0): REGISTERED or WAITING_FOR_ROUND -> REQUESTED; the
 * term runs until due_date (valid, or 0 for no term). STATE_INVALID: published before, or stopped. */
enum skp_err request_publish(struct request_state *state, uint64_t position, int64_t now_ms,
                             plain_date due_date) SKP_MUST_CHECK;

/* REQUESTED -> OVERDUE when the term has passed at `now_ms`. True when it moved. Silence is never
 * consent (no answer is never yes): nothing else changes. */
bool request_expire(struct request_state *state, int64_t now_ms);

bool request_is_open(const struct request_state *state);     /* REQUESTED or OVERDUE */
bool request_is_answered(const struct request_state *state); /* ANSWERED, ANSWERED_LATE, RECORDED */
bool request_awaits_seal(const struct request_state *state); /* UNREADABLE or RESEAL_NEEDED */

/* An open request that cannot be delivered as it was sealed: -> RESEAL_NEEDED. True when it moved. */
bool request_undeliverable(struct request_state *state);

/* The very same line, sealed again (request_awaits_seal(), asserted): *ret_next is the request at
 * its new place, in REGISTERED and never answered; this place becomes RESEALED. */
void request_reseal(struct request_state *state, const Skp__V1__RequestFact *fact,
                    struct request_state *ret_next);

/* What came back by letter of a request that waits for its seal, or its correction: RECORDED
 * (asserted to be a legal move, or the present state). Which versions count is for
 * case_record(). */
void request_record(struct request_state *state, const Skp__V1__RecordedAnswerFact *fact,
                    int64_t now_ms);

enum answer_effect { ANSWER_TAKEN, ANSWER_NO_EFFECT };

/* Who answers whom, and the agreement the answer names (NULL when it names none, or none that it may
 * name). */
struct answer_context {
    const struct skp_oin *creditor;
    const struct skp_oin *counsellor;
    const struct agreement *agreement;
    int64_t now_ms; /* business time of receipt */
};

/* Decides a well-formed AnswerFact about this request. ANSWER_NO_EFFECT: exactly the answer in
 * force, said again. *ret_state (may alias `state`) is written only when taken, *ret_effect only on
 * SKP_OK. In this order:
 *
 *   LEAF_MISMATCH      it names another text than was asked
 *   STATE_INVALID      the request is not open or answered, or the version skips one; UNREADABLE
 *                      about a request that is not open
 *   NOT_YET_AVAILABLE  it is not marked complete
 *   STALE              another content under a version that was answered before
 *   CORRECTION_REASON  the next version, without a reason
 *   CONSENT_INVALID    PRE_AGREED without claims, without naming an agreement, or with a reason
 *   AGREEMENT_UNKNOWN  the named agreement is not in force between the two on the day of receipt
 *   AGREEMENT_SCOPE    it does not cover the request or the kinds of the claims answered
 *
 * UNREADABLE is no answer about the debt: the request becomes UNREADABLE and waits for its seal.
 * Answered in time = received by the end of the due date, Europe/Amsterdam. A correction (version =
 * present + 1) replaces the answer and keeps ANSWERED or ANSWERED_LATE of the first one. Claims
 * without a word on consent are PRE_AGREED when the answer names a covenant (UNLESS_IMPEDIMENT). */
enum skp_err request_answer(const struct request_state *state, const Skp__V1__AnswerFact *fact,
                            const struct skp_hash *answer_leaf,
                            const struct answer_context *context, struct request_state *ret_state,
                            enum answer_effect *ret_effect) SKP_MUST_CHECK;

#endif
