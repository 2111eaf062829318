/* Folding: answers, counted for the cases they belong to.
 *
 * Accepting an answer only writes a note in the journal, so that large creditors do not serialise
 * on cases. A follow-up step takes many notes at once, counts them in the progress of each touched
 * case and, when that says that all came back, tells its counsellor that it is complete. What the
 * answers say stands on the pages of the requests and nowhere else. */
#ifndef SKP_FOLD_H
#define SKP_FOLD_H

#include "txn.h"

/* Takes the oldest journal rows; asks for another turn when there may be more. */
enum skp_err fold_journal(struct txn *txn) SKP_MUST_CHECK;

/* A connected request of the case was taken. */
enum skp_err fold_asked(struct txn *txn, const struct case_file *file) SKP_MUST_CHECK;

/* The counsellor hears, once, that nothing of the case is waited for any more. `row` is the case's,
 * decoded. */
enum skp_err fold_tell_complete(struct txn *txn, const struct skp_oin *counsellor,
                                struct ws_row *row) SKP_MUST_CHECK;

#endif
