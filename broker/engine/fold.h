/* Folding: what became of requests, into the cases they belong to.
 *
 * Accepting an answer only writes a note in the journal, so that large creditors do not serialise
 * on cases. A follow-up step takes many notes at once, brings each touched case up to date and
 * tells its counsellor when it is complete. */
#ifndef SKP_FOLD_H
#define SKP_FOLD_H

#include "txn.h"

/* Takes the oldest journal rows; asks for another turn when there may be more. */
enum skp_err fold_journal(struct txn *txn) SKP_MUST_CHECK;

/* The counsellor hears, once, that nothing of the case is waited for any more. */
enum skp_err fold_tell_complete(struct txn *txn, const struct skp_oin *counsellor,
                                struct case_file *file) SKP_MUST_CHECK;

#endif
