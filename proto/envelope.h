/* Batches: putting lines together, signing them once, and checking what somebody else put together.
 *
 * A batch is built by `envelope_writer` (clients, and the broker for its own facts) and checked by
 * `envelope_check_*` (the broker on intake, every receiver on delivery). Both see the same bytes.
 */
#ifndef SKP_ENVELOPE_H
#define SKP_ENVELOPE_H

#include "jose.h"
#include "merkle.h"
#include "seal.h"
#include "skp.pb-c.h"

#define BATCH_CONTEXT     "skp.v1 batch"
#define COMMIT_CONTEXT    "skp.v1 commit"
#define RECEIPT_CONTEXT   "skp.v1 receipt"
#define COLLECT_CONTEXT   "skp.v1 collect"
#define MAILBOX_CONTEXT   "skp.v1 mailbox"
#define AGREEMENT_CONTEXT "skp.v1 agreement"
#define PROTOCOL_VERSION  1

#define BUNDLE_MAX_LINES  256
#define BUNDLE_MAX_BYTES  (224 * 1024) /* packed Bundle: leaves room for the proof in Delivery */
#define BUNDLE_MAX_BOXES  16
#define BATCH_MAX_LINES   8192
#define BATCH_MAX_BUNDLES 2048
#define BATCH_MAX_BYTES   (8 * 1024 * 1024)

/* ---------------------------------------------------------------- writing */

struct envelope_writer;

/* A new batch of `sender`, for itself (on_behalf_of NULL) or for another; everything it makes lives
 * in `arena`. NULL: the arena is full. */
struct envelope_writer *envelope_writer_new(struct arena *arena, const struct skp_oin *sender,
                                            const struct skp_oin *on_behalf_of,
                                            const struct skp_id *batch_id);

/* Opens a bundle; the following lines go into it. `certs` are those it is sealed for (may be 0:
 * then no line may carry a part). Boxes are made once per bundle. BATCH_TOO_LARGE: more than
 * BATCH_MAX_BUNDLES or BUNDLE_MAX_BOXES; CERTIFICATE: nothing can be sealed for the key of one;
 * NO_MEMORY. After an error no bundle is open. */
enum skp_err envelope_bundle_begin(struct envelope_writer *writer, const struct skp_oin *recipient,
                                   const char *mailbox, X509 *const *certs, size_t cert_count,
                                   struct skp_id *ret_bundle_id) SKP_MUST_CHECK;

/* Adds one line to the open bundle; there must be one. `part` (may be empty) is sealed under
 * `line`'s item id; its commitment is written into the line before packing, so pass the unpacked
 * line. BATCH_TOO_LARGE when the bundle or batch is full: begin another. TEXT_TOO_LONG: line or
 * part fits in none; COMMITMENT_MISSING: a part with a kind of line that seals none, or a
 * commitment without its part; KEY_BOX_MISSING: a part in a bundle that is sealed for nobody;
 * NO_MEMORY, or an error of fact_item_id. After an error the line is as it was. *ret_leaf (may be
 * NULL) is the line's leaf hash. */
enum skp_err envelope_line_add(struct envelope_writer *writer, Skp__V1__Line *line,
                               struct span part, struct skp_hash *ret_leaf) SKP_MUST_CHECK;

/* A line as it travels and what was sealed with it (salt || part; empty: nothing). Who keeps both can
 * seal the line again for other certificates, and every proof of it stays valid. */
struct envelope_kept {
    struct span line;
    struct span plaintext; /* personal data */
};

/* The line added last (there must be one in the open bundle); lives in the writer's arena. */
struct envelope_kept envelope_line_kept(const struct envelope_writer *writer);

/* The very same line again, byte for byte, its part sealed anew. COMMITMENT_MISMATCH: it is not what
 * the line commits to; BATCH_TOO_LARGE, TEXT_TOO_LONG, KEY_BOX_MISSING and NO_MEMORY as above, or an
 * error of fact_read. */
enum skp_err envelope_line_reseal(struct envelope_writer *writer, const struct envelope_kept *kept,
                                  struct skp_hash *ret_leaf) SKP_MUST_CHECK;

struct envelope_batch {
    struct skp_id batch_id;
    struct skp_hash root;
    struct span header; /* BatchHeader */
    const char *jws;
    struct span *bundles; /* packed Bundle frames' bodies */
    struct span *heads;   /* BundleHead of each */
    size_t bundle_count;
    size_t line_count;
};

/* Signs at `at_ms`, which header and signature name as the time it was made: Unix milliseconds of
 * real time, not the broker's business time. The batch lives in the arena; the writer is used up.
 * REQUIRED: there is no line; CERTIFICATE: the signer's key or chain is none to sign with;
 * NO_MEMORY. */
enum skp_err envelope_finish(struct envelope_writer *writer, const struct keypair *signer,
                             int64_t at_ms, struct envelope_batch *ret_batch) SKP_MUST_CHECK;

/* ---------------------------------------------------------------- checking */

struct envelope_header {
    struct skp_oin sender;
    struct skp_oin on_behalf_of; /* empty: for itself */
    struct skp_id batch_id;
    int64_t created_at_ms;
    uint32_t bundle_count;
    uint32_t line_count;
    struct skp_hash root;
};

struct envelope_head {
    struct skp_oin recipient;
    const char *mailbox; /* in the arena */
    struct skp_id bundle_id;
    uint32_t line_count;
    struct skp_hash lines_root;
};

/* Reads a BatchHeader and checks its context, version, ids, counts and limits: VERSION_UNSUPPORTED,
 * BATCH_TOO_LARGE, COUNT_MISMATCH (fewer lines than bundles), REQUIRED, FIELD_UNEXPECTED (another
 * context), OIN_FORMAT, ID_FORMAT, HASH_FORMAT, DATE_RANGE, or an error of wire_unpack.
 * ret_path[WIRE_PATH_MAX] names the place on error. */
enum skp_err envelope_read_header(struct span bytes, struct arena *arena, char *ret_path,
                                  struct envelope_header *ret_header) SKP_MUST_CHECK;

/* The same for a BundleHead: REQUIRED, OIN_FORMAT, ID_FORMAT, HASH_FORMAT, TEXT_TOO_LONG,
 * BATCH_TOO_LARGE, or an error of wire_unpack. */
enum skp_err envelope_read_head(struct span bytes, struct arena *arena, char *ret_path,
                                struct envelope_head *ret_head) SKP_MUST_CHECK;

/* Intake: verifies the signature over `header`, of a certificate that is valid now (`at_ms`, real
 * time), and that the signer is `header`'s sender: SIGNER_INVALID when not, or an error of
 * jws_verify; *ret_why in words. */
enum skp_err envelope_check_signature(struct trust *trust, struct jws_cache *cache,
                                      struct span header_bytes,
                                      const struct envelope_header *header, struct span jws,
                                      int64_t at_ms, const char **ret_why) SKP_MUST_CHECK;

/* One bundle as taken in: lines hashed, root and counts compared with its head.
 * ret_leaves has room for BUNDLE_MAX_LINES. A bundle with withheld lines is refused here
 * (PROTOCOL_STATE). ROOT_MISMATCH, COUNT_MISMATCH, BATCH_TOO_LARGE, KEY_BOX_MISSING. */
enum skp_err envelope_check_bundle(const Skp__V1__Bundle *bundle, const struct envelope_head *head,
                                   struct skp_hash *ret_leaves) SKP_MUST_CHECK;

/* A delivery as received: signature (of a certificate that may have expired since, see
 * jws_verify_stored()), audit path, head, lines (withheld ones by their leaf hash), recipient `me`.
 * SIGNER_REVOKED: *ret_why says what a person can do. MANDATE_MISSING: it speaks on behalf of
 * another, which nothing proves. PROOF_INVALID: not of the signed batch, not for `me`, or a list of
 * withheld lines that does not fit. Else what jws_verify_stored(), envelope_check_signature(),
 * envelope_check_bundle() and the readers above say; *ret_why in words. Everything returned lives
 * in the arena or in the delivery. */
struct envelope_delivery {
    struct envelope_header header;
    struct envelope_head head;
    Skp__V1__Bundle *bundle;   /* unpacked from delivery->bundle; withheld lines are empty */
    struct skp_hash head_hash; /* SHA-256 of the BundleHead: what a CollectStatement names */
    struct skp_hash *leaves;   /* per line */
};
enum skp_err envelope_check_delivery(struct trust *trust, struct jws_cache *cache,
                                     const Skp__V1__Delivery *delivery, const struct skp_oin *me,
                                     int64_t at_ms, struct arena *arena,
                                     struct envelope_delivery *ret_delivery,
                                     const char **ret_why) SKP_MUST_CHECK;

/* A receipt, however old: body is a leaf of the commit's tree, the commit is signed by `broker` (see
 * jws_verify_stored()), and body is about `batch_id` with `root`. The unpacked body lives in the
 * arena. PROOF_INVALID otherwise, *ret_why in words; NO_MEMORY. */
enum skp_err envelope_check_receipt(struct trust *trust, struct jws_cache *cache,
                                    const Skp__V1__Receipt *receipt, const struct skp_oin *broker,
                                    const struct skp_oin *sender, const struct skp_id *batch_id,
                                    const struct skp_hash *root, int64_t at_ms, struct arena *arena,
                                    Skp__V1__ReceiptBody **ret_body,
                                    const char **ret_why) SKP_MUST_CHECK;

#endif
