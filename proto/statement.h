/* "Safe with me": what an addressee signs over the mail that it collects.
 *
 * The signed CollectStatement names who, which mailbox, when, how many bundles, and the root of a
 * Merkle tree over them. The items travel beside it: all to the broker, and to each sender its own
 * with what proves them, so that nobody learns which bundles others had there. Pure but for the signature; any
 * thread. */
#ifndef SKP_STATEMENT_H
#define SKP_STATEMENT_H

#include "envelope.h"

/* The leaf of an item: the position as 8 bytes, the most significant first, then the hash. */
struct skp_hash statement_leaf(uint64_t position, const struct skp_hash *head_hash);

/* Leaves of all items, in their order, into ret_leaves[count]. HASH_FORMAT at item *ret_bad: its hash
 * is no hash. */
enum skp_err statement_leaves(Skp__V1__CollectedItem *const *items, size_t count,
                              struct skp_hash *ret_leaves, size_t *ret_bad) SKP_MUST_CHECK;

/* A statement of `participant` over 1 or more items, signed by `signer` at `at_ms`, with the items
 * beside it; all but the tag. Lives in `arena`, but the hashes stay where `items` has them. HASH_FORMAT: an item's hash
 * is none; CERTIFICATE: the signer's key or chain is none to sign with; NO_MEMORY. */
enum skp_err statement_make(const struct keypair *signer, const struct skp_oin *participant,
                            const char *mailbox, const Skp__V1__CollectedItem *items, size_t count,
                            int64_t at_ms, struct arena *arena,
                            Skp__V1__Collect *ret_collect) SKP_MUST_CHECK;

/* Fills in event->proof for event->collected: at least one, ascending by index, all of the tree
 * `items`, which has at most FACT_MAX_COLLECTED. The hashes live in `arena`. NO_MEMORY. */
enum skp_err statement_prove(const struct merkle_tree *items, struct arena *arena,
                             Skp__V1__EventFact *event) SKP_MUST_CHECK;

/* Whether event->collected are items of `statement`, by event->proof. */
bool statement_holds_items(const Skp__V1__CollectStatement *statement,
                           const Skp__V1__EventFact *event);

#endif
