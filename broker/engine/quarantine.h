/* Damaged rows that stand in everybody's way are set aside, and the rest goes on.
 *
 * A damaged row that is only ever asked for by its key hurts who asks, and stays where it is. One
 * that is met by scans (an entry of a mailbox, a deadline, a list of what waits) would stop all
 * that lies behind it: it is moved, byte by byte as it was found, to a row "aside" in the table
 * meta, with the moment and the cause. What its key and other rows still say is written again
 * (deadlines and lists); an entry leaves a gap in its mailbox, and open requests in it go back to
 * their counsellor to be sealed again. An entry whose bundle is damaged goes the same way (park.c).
 * Progress of cases is asked for by its key, but 64 cases need it: it is moved too, and what then
 * stands there sends who counts to their pages. So is the counter of a mailbox, which everybody
 * needs who writes there: it goes on behind a gap. A round is moved and is then not there: nothing
 * more of it happens, and what waits for it leaves with the next. Nothing is deleted: skpctl damage
 * list shows it, and requests that were only passed over until they can be read again. */
#ifndef SKP_QUARANTINE_H
#define SKP_QUARANTINE_H

#include "txn.h"

enum aside_cause {
    ASIDE_DAMAGED = 1,       /* value: the row as it was found */
    ASIDE_UNDELIVERABLE = 2, /* an entry, whole: its bundle or batch is damaged */
    ASIDE_NOT_COUNTED =
        3, /* a case, or a page of its requests, is damaged: an answer was not counted */
    ASIDE_NOT_DUE = 4, /* damaged requests, to which what was due did not happen, or its deadline */
    ASIDE_PASSED_OVER = 5, /* requests that a round could not read, for as long as nobody can */
};
const char *aside_cause_name(enum aside_cause cause);

/* What it means for the work, in words; constant text. */
const char *aside_means(enum aside_cause cause, enum store_table table);

/* Asks the store worker to set this row aside, when it is one of those that can be; done once,
 * however often it is asked. False: it is not. Any thread. */
bool quarantine_submit(struct engine *engine, const struct store_damaged *damaged);

/* The same, for whoever met it while fetching: woken when it, or the row before it, was set aside,
 * and by quarantine_retry() when neither came about. Loop only. */
void quarantine_mailbox(struct engine *engine, const struct store_damaged *damaged,
                        const struct skp_oin *oin, const char *mailbox);

/* Wakes this mailbox after a pause: woken at once, a fetch would meet the same again. Loop only. */
void quarantine_wake_later(struct engine *engine, const struct skp_oin *oin, const char *mailbox);

/* Wakes those who have waited long enough for a row to be set aside. Loop only. */
void quarantine_retry(struct engine *engine);

/* Keeps these bytes under the row's name, beside others that were kept before; without bytes (data
 * NULL) it is only named, and one that was kept or named before stays as it was, unless it was only
 * passed over. The caller removes the row, if it is to go. Store worker. */
enum skp_err quarantine_keep(struct txn *txn, enum store_table table, struct span key,
                             enum aside_cause cause, struct span value) SKP_MUST_CHECK;

/* Names requests that are damaged, or are not where they should be (NOT_DUE), or that may be readable
 * again later (PASSED_OVER). Store worker. */
enum skp_err quarantine_keep_page(struct txn *txn, const struct skp_id *bundle_id, unsigned number,
                                  enum aside_cause cause) SKP_MUST_CHECK;

/* These requests can be read: that they were passed over is no longer named. DATA_LOSS, which goes by who can do
 * without these requests, is never said: on an error the transaction is over. Store worker. */
enum skp_err quarantine_page_is_read(struct txn *txn, const struct skp_id *bundle_id,
                                     unsigned number) SKP_MUST_CHECK;

/* Was a row of this table ever set aside? Store worker. */
enum skp_err quarantine_has_any(struct txn *txn, enum store_table table,
                                bool *ret_has) SKP_MUST_CHECK;

/* Sets a damaged row aside and writes again what is known of it, in this transaction, which is over on
 * an error. Store worker. */
enum skp_err quarantine_move(struct txn *txn, enum store_table table,
                             struct span key) SKP_MUST_CHECK;

/* Was this error a row that names itself? Directly after the call that failed. */
bool quarantine_is_named(const struct txn *txn, enum skp_err err);

/* After the commit: the log and the count hear of what was kept. */
void quarantine_committed(struct txn *txn);

/* At opening, inside a transaction: how many there are. */
enum skp_err quarantine_load(struct engine *engine) SKP_MUST_CHECK;

/* Where such a row stands in the table meta, and all of them: from the first to before the end. */
struct row_key quarantine_key(enum store_table table, struct span key);
struct row_key quarantine_first(void);
struct row_key quarantine_end(void);

#endif
