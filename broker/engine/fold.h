/* Folding: answers, counted for the cases they belong to.
 *
 * Accepting an answer only writes a note in the journal, so that large creditors do not serialise
 * on cases. A follow-up step takes many notes at once, counts down what each touched case waits for
 * and, when that is nothing any more, tells its counsellor that it is complete. What the
 * answers say stands on the pages of the requests and nowhere else. */
#ifndef SKP_FOLD_H
#define SKP_FOLD_H

#include "txn.h"

/* Takes the oldest journal rows; asks for another turn when there may be more. */
enum skp_err fold_journal(struct txn *txn) SKP_MUST_CHECK;

/* A case was opened (`present` NULL), or its next version was taken: what it declares is waited for. When
 * that is nothing any more, since the rest was dropped, the counsellor hears that it is complete. */
enum skp_err fold_declared(struct txn *txn, const struct skp_oin *counsellor,
                           const struct case_file *present,
                           const struct case_file *file) SKP_MUST_CHECK;

/* A request of the case that went by letter came back, for the first time; as above. */
enum skp_err fold_recorded(struct txn *txn, const struct skp_oin *counsellor,
                           const struct case_file *file) SKP_MUST_CHECK;

#endif
