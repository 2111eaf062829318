/* One transaction of the store worker: everything that waits, decided and committed together.
 *
 *   want     each call says which rows it needs        load    in bulk
 *   decide   each call in its order, on those rows     say     what the broker itself has to tell
 *   link     receipts, the commit header, its signature
 *   save     in bulk                                   commit  on disk
 *   answer   each call
 *
 * After CONFLICT it all runs again from the start: deciding changes nothing outside the
 * transaction. */
#ifndef SKP_TXN_H
#define SKP_TXN_H

#include "engine_internal.h"
#include "workset.h"

struct said_line {
    struct skp_oin recipient;
    size_t place; /* in the order it was said */
    Skp__V1__Line *line;
    const struct kept_statement *kept; /* that it tells of; NULL: none */
};

struct wake_note {
    struct skp_oin oin;
    char mailbox[MAILBOX_NAME_MAX + 1];
};

struct txn {
    struct engine *engine;
    struct arena arena;
    struct workset ws;
    struct registry *registry;
    struct keypair *signer;
    int64_t now_ms; /* business time, one for the whole transaction */
    int64_t real_ms;
    uint64_t sequence; /* of this commit */
    bool registry_changed;
    int64_t offset_ms; /* the business clock's, when a call moved it */
    bool offset_changed;
    struct clock_mark clock_mark; /* hold.c: when it changed */
    bool mark_changed;
    int64_t first_due_ms; /* of the deadlines it sets; INT64_MAX: none */
    size_t held_count;    /* of deadlines due, when they are held or released from now on */
    const char *release_reason;

    struct id_pool ids;     /* for what it tells */
    struct said_line *said; /* what the broker tells */
    size_t said_count, said_room;
    struct skp_id said_id; /* batch id of the first batch it makes; nil: a new one */
    size_t kept_count;     /* statements of collection */

    size_t opened;                 /* cases */
    struct ws_row *progress_row;   /* asked for last: neighbouring cases share it; NULL: none */
    uint64_t progress_place;       /* a place in it */
    struct progress progress_lost; /* where no row can be read or written */

    const struct case_file **told; /* complete, where no row holds that they were */
    size_t told_count, told_room;

    struct note *notes; /* for the journal */
    size_t note_count, note_room;

    struct doomed *doomed; /* sealed parts to destroy */
    size_t doomed_count, doomed_room;

    struct aside_note *asides; /* damaged rows and what they hurt, kept elsewhere */
    size_t aside_count, aside_room;

    struct wake_note *wakes;
    size_t wake_count, wake_room;

    struct skp_hash *taken; /* leaves of header || jws of the batches taken */
    size_t taken_count, taken_room;

    struct engine_call **receipts; /* batch calls that get a receipt, in order */
    size_t receipt_count, receipt_room;

    struct span commit_header;
    const char *commit_jws;
    struct skp_hash commit_hash;
};

/* Grows an array in the arena by one and gives its new last element, zeroed; NULL: no memory. */
void *txn_grow(struct txn *txn, void *array_ptr, size_t *count, size_t *room, size_t element);

/* The decoded page or case of a row, decoding it the first time; NULL object when there is no row.
 */
enum skp_err txn_page(struct txn *txn, const struct skp_id *bundle_id, unsigned page,
                      struct ws_row **ret_row, struct page_row **ret_page) SKP_MUST_CHECK;
enum skp_err txn_case(struct txn *txn, const struct skp_oin *counsellor,
                      const struct skp_id *case_id, struct ws_row **ret_row,
                      struct case_file **ret_case) SKP_MUST_CHECK;

/* The place of a case that is opened now: another one each time. Places of one transaction follow
 * each other, and no other transaction gives them. */
uint64_t txn_place(struct txn *txn);

/* How far the case at this place is. ws_changed(*ret_row) after a change. A damaged row is set aside on
 * the way: then this and its neighbours are PROGRESS_LOST. *ret_row NULL: it cannot be written either,
 * what is changed is forgotten. */
enum skp_err txn_progress(struct txn *txn, uint64_t place, struct ws_row **ret_row,
                          struct progress **ret_progress) SKP_MUST_CHECK;

/* The next position of a mailbox: txn_deliver() must follow. */
enum skp_err txn_position(struct txn *txn, const struct skp_oin *oin, const char *mailbox,
                          uint64_t *ret_position) SKP_MUST_CHECK;

/* Above every position that was given in any mailbox before this transaction. */
uint64_t txn_position_beyond(const struct txn *txn);

/* A bundle into a mailbox, at a position that was asked for. */
enum skp_err txn_deliver(struct txn *txn, const struct skp_oin *oin, const char *mailbox,
                         uint64_t position, const struct entry_row *entry) SKP_MUST_CHECK;

/* Whether the creditor signed for a request of this page: its bundle was left in the mailbox and is
 * not there any more. An entry that is damaged, or was set aside, was not signed for. */
enum skp_err txn_is_collected(struct workset *ws, const struct page_row *page,
                              const struct request_state *request,
                              bool *ret_collected) SKP_MUST_CHECK;

/* This connected request was answered for the first time: to be counted later. */
enum skp_err txn_note(struct txn *txn, const struct skp_oin *counsellor,
                      const struct request_state *request) SKP_MUST_CHECK;

/* The sealed part of this line goes when the transaction is saved; nobody needs it any more. Flushed
 * after the rows of the workset, which may hold the bundle itself. */
enum skp_err txn_destroy_part(struct txn *txn, const struct skp_id *bundle_id,
                              size_t line) SKP_MUST_CHECK;
enum skp_err parts_flush(struct txn *txn) SKP_MUST_CHECK;

/* Packs what changed in decoded form, and what was noted, before the rows are saved. */
enum skp_err txn_pack_changed(struct txn *txn) SKP_MUST_CHECK;
enum skp_err txn_save_notes(struct txn *txn) SKP_MUST_CHECK;

/* Something to do when the clock gets there. Said twice before that, it is done once. */
enum skp_err txn_deadline(struct txn *txn, int64_t due_ms, enum deadline_kind kind,
                          const struct skp_id *object, uint32_t part) SKP_MUST_CHECK;

/* When the first deadline is due; INT64_MAX: there is none. Inside a transaction. */
enum skp_err deadline_first(struct store *store, struct arena *arena,
                            int64_t *ret_due_ms) SKP_MUST_CHECK;

/* The broker tells `recipient` a fact; the line lives in the transaction's arena. */
enum skp_err txn_say(struct txn *txn, const struct skp_oin *recipient,
                     Skp__V1__Line *line) SKP_MUST_CHECK;

/* The same of a line with this statement (statements.h). */
enum skp_err txn_say_statement(struct txn *txn, const struct skp_oin *recipient,
                               Skp__V1__Line *line,
                               const struct kept_statement *kept) SKP_MUST_CHECK;

/* A new event line, filled in as far as the transaction knows; NULL: no memory. */
Skp__V1__EventFact *txn_event(struct txn *txn, Skp__V1__EventKind kind, const struct skp_oin *other,
                              Skp__V1__Line **ret_line);

/* engine_registry.c: after a commit that changed participants, records or agreements. */
enum skp_err engine_renew_registry(struct txn *txn) SKP_MUST_CHECK;

/* said.c: turns what was said into signed batches with mailbox entries. */
enum skp_err said_flush(struct txn *txn) SKP_MUST_CHECK;

/* chain.c: receipts, commit header, batch rows of the calls, chain mark. */
enum skp_err chain_link(struct txn *txn) SKP_MUST_CHECK;

/* The leaf of a batch in CommitHeader.taken_root. */
struct skp_hash chain_taken_leaf(struct span header, struct span jws);

#endif
