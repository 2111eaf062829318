/* What intake and delivery check alike. Internal to envelope_*.c. */
#ifndef SKP_ENVELOPE_INTERNAL_H
#define SKP_ENVELOPE_INTERNAL_H

#include "envelope.h"

/* SIGNER_INVALID unless who signed is the sender that the header names. */
enum skp_err envelope_check_sender(const struct jws_signer *signer,
                                   const struct envelope_header *header,
                                   const char **ret_why) SKP_MUST_CHECK;

/* Limits, counts against `head`, and a key box where something is sealed. BATCH_TOO_LARGE,
 * COUNT_MISMATCH, KEY_BOX_MISSING. */
enum skp_err bundle_check_shape(const Skp__V1__Bundle *bundle,
                                const struct envelope_head *head) SKP_MUST_CHECK;

/* Leaf hashes of the lines as they stand; ret_leaves has room for all of them. */
void bundle_hash_lines(const Skp__V1__Bundle *bundle, struct skp_hash *ret_leaves);

/* ROOT_MISMATCH unless the leaves add up to the root of `head`. */
enum skp_err bundle_check_root(const struct skp_hash *leaves,
                               const struct envelope_head *head) SKP_MUST_CHECK;

#endif
