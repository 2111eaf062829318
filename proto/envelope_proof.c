/* What a receiver checks: deliveries and receipts, each with the path to a signature. */
#include "envelope_internal.h"
#include "mutant.h"
#include "wire.h"

static enum skp_err say(enum skp_err err, const char *why, const char **ret_why)
{
    *ret_why = why;
    return err;
}

static enum skp_err say_code(enum skp_err err, const char **ret_why)
{
    return say(err, skp_error(err)->sentence, ret_why);
}

/* Whether `leaf_data` is leaf `index` of the tree with `count` leaves and this root. */
static bool leads_to(struct span leaf_data, size_t index, size_t count,
                     const ProtobufCBinaryData *path, size_t path_len, const struct skp_hash *root)
{
    struct skp_hash steps[MERKLE_MAX_PATH];
    if (path_len > MERKLE_MAX_PATH)
        return false;
    for (size_t i = 0; i < path_len; i++) {
        if (!hash_take(wire_span(path[i]), &steps[i]))
            return false;
    }
    struct skp_hash leaf = merkle_leaf(leaf_data);
    return merkle_verify(&leaf, index, count, steps, path_len, root);
}

/* ---------------------------------------------------------------- deliveries */

static enum skp_err read_delivered(const Skp__V1__Delivery *delivery, struct arena *arena,
                                   struct envelope_delivery *read)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message = NULL;
    enum skp_err err =
        envelope_read_header(wire_span(delivery->header), arena, path, &read->header);
    if (!err)
        err = wire_unpack(&skp__v1__bundle__descriptor, wire_span(delivery->bundle), arena, path,
                          &message);
    if (err)
        return err;
    read->bundle = (Skp__V1__Bundle *)message;
    read->head_hash = sha256(wire_span(read->bundle->head));
    return envelope_read_head(wire_span(read->bundle->head), arena, path, &read->head);
}

/* Puts the leaf hashes of withheld lines in the place of the lines. Such a line is empty and has no
 * part. */
static bool place_withheld(const Skp__V1__Bundle *bundle, struct skp_hash *leaves)
{
    for (size_t i = 0; i < bundle->n_withheld; i++) {
        const Skp__V1__Withheld *withheld = bundle->withheld[i];
        size_t at = withheld->line;
        if (at >= bundle->n_lines || (i > 0 && at <= bundle->withheld[i - 1]->line))
            return false;
        if (bundle->lines[at].len > 0 || bundle->sealed[at].len > 0)
            return false;
        if (!hash_take(wire_span(withheld->leaf_hash), &leaves[at]))
            return false;
    }
    return true;
}

static enum skp_err check_lines(const struct envelope_delivery *read, const char **ret_why)
{
    enum skp_err err = bundle_check_shape(read->bundle, &read->head);
    if (err)
        return say_code(err, ret_why);
    bundle_hash_lines(read->bundle, read->leaves);
    if (!place_withheld(read->bundle, read->leaves))
        return say(SKP_E_PROOF_INVALID, "the list of withheld lines does not fit the bundle",
                   ret_why);
    err = bundle_check_root(read->leaves, &read->head);
    return err ? say_code(err, ret_why) : SKP_OK;
}

static enum skp_err check_delivered(const Skp__V1__Delivery *delivery, const struct skp_oin *me,
                                    const struct envelope_delivery *read, const char **ret_why)
{
    if (read->header.on_behalf_of.text[0] != '\0') /* no mandate can be proven yet */
        return say_code(SKP_E_MANDATE_MISSING, ret_why);
    if (!leads_to(wire_span(read->bundle->head), delivery->bundle_index, read->header.bundle_count,
                  delivery->path, delivery->n_path, &read->header.root))
        return say(SKP_E_PROOF_INVALID, "the bundle is not part of the signed batch", ret_why);
    if (!oin_equal(&read->head.recipient, me) && !MUTANT(replay_to_other))
        return say(SKP_E_PROOF_INVALID, "the bundle is addressed to another participant", ret_why);
    return check_lines(read, ret_why);
}

/* The broker took it from a signer who was valid then; expired since is no reason to leave it. */
static enum skp_err check_signer(struct trust *trust, struct jws_cache *cache,
                                 const Skp__V1__Delivery *delivery,
                                 const struct envelope_header *header, int64_t at_ms,
                                 const char **ret_why)
{
    static const char revoked[] =
        "the sender's signing certificate was revoked, so nobody can tell "
        "who signed this mail: call the sender, who must send it again "
        "with a new certificate";
    struct jws_signer signer;
    enum skp_err err = jws_verify_stored(trust, cache, span_text(delivery->jws),
                                         wire_span(delivery->header), at_ms, &signer, ret_why);
    if (err == SKP_E_SIGNER_REVOKED)
        return say(err, revoked, ret_why);
    return err ? err : envelope_check_sender(&signer, header, ret_why);
}

enum skp_err envelope_check_delivery(struct trust *trust, struct jws_cache *cache,
                                     const Skp__V1__Delivery *delivery, const struct skp_oin *me,
                                     int64_t at_ms, struct arena *arena,
                                     struct envelope_delivery *ret_delivery, const char **ret_why)
{
    struct envelope_delivery read = {0};
    enum skp_err err = read_delivered(delivery, arena, &read);
    if (err)
        return say_code(err, ret_why);
    read.leaves = arena_calloc(arena, BUNDLE_MAX_LINES, sizeof *read.leaves);
    if (!read.leaves)
        return say_code(SKP_E_NO_MEMORY, ret_why);
    err = check_signer(trust, cache, delivery, &read.header, at_ms, ret_why);
    if (!err)
        err = check_delivered(delivery, me, &read, ret_why);
    if (!err)
        *ret_delivery = read;
    return err;
}

/* ---------------------------------------------------------------- receipts */

struct receipt_wanted {
    const struct skp_oin *broker;
    const struct skp_oin *sender;
    const struct skp_id *batch_id;
    const struct skp_hash *root;
};

static bool body_is_about(const Skp__V1__ReceiptBody *body, const struct receipt_wanted *wanted)
{
    return strcmp(body->context, RECEIPT_CONTEXT) == 0 &&
           strcmp(body->sender, wanted->sender->text) == 0 &&
           span_equal(wire_span(body->batch_id), span_of(wanted->batch_id->bytes, ID_BYTES)) &&
           span_equal(wire_span(body->batch_root), span_of(wanted->root->bytes, HASH_BYTES));
}

static bool commit_holds(const Skp__V1__CommitHeader *commit, const Skp__V1__Receipt *receipt)
{
    struct skp_hash root;
    return hash_take(wire_span(commit->receipts_root), &root) &&
           leads_to(wire_span(receipt->body), receipt->index, commit->receipt_count, receipt->path,
                    receipt->n_path, &root);
}

static enum skp_err unpack_proof(const ProtobufCMessageDescriptor *type, ProtobufCBinaryData bytes,
                                 struct arena *arena, const char **ret_why,
                                 ProtobufCMessage **ret_message)
{
    char path[WIRE_PATH_MAX];
    enum skp_err err = wire_unpack(type, wire_span(bytes), arena, path, ret_message);
    if (err == SKP_E_NO_MEMORY)
        return say_code(err, ret_why);
    return err ? say(SKP_E_PROOF_INVALID, skp_error(err)->sentence, ret_why) : SKP_OK;
}

static enum skp_err check_commit(struct trust *trust, struct jws_cache *cache,
                                 const Skp__V1__Receipt *receipt,
                                 const Skp__V1__CommitHeader *commit, const struct skp_oin *broker,
                                 int64_t at_ms, const char **ret_why)
{
    struct jws_signer signer;
    if (strcmp(commit->context, COMMIT_CONTEXT) != 0 || strcmp(commit->broker, broker->text) != 0)
        return say(SKP_E_PROOF_INVALID, "the receipt is of another broker", ret_why);
    if (!commit_holds(commit, receipt))
        return say(SKP_E_PROOF_INVALID, "the receipt is not part of the signed commit", ret_why);
    enum skp_err err = jws_verify_stored(trust, cache, span_text(receipt->jws),
                                         wire_span(receipt->commit), at_ms, &signer, ret_why);
    if (err)
        return err == SKP_E_NO_MEMORY ? err : SKP_E_PROOF_INVALID;
    if (!oin_equal(&signer.oin, broker))
        return say(SKP_E_PROOF_INVALID, "the receipt is not signed by the broker", ret_why);
    return SKP_OK;
}

static enum skp_err check_proof(struct trust *trust, struct jws_cache *cache,
                                const Skp__V1__Receipt *receipt,
                                const struct receipt_wanted *wanted, int64_t at_ms,
                                struct arena *arena, Skp__V1__ReceiptBody **ret_body,
                                const char **ret_why)
{
    ProtobufCMessage *body = NULL;
    ProtobufCMessage *commit = NULL;
    enum skp_err err =
        unpack_proof(&skp__v1__receipt_body__descriptor, receipt->body, arena, ret_why, &body);
    if (!err)
        err = unpack_proof(&skp__v1__commit_header__descriptor, receipt->commit, arena, ret_why,
                           &commit);
    if (err)
        return err;
    if (!body_is_about((const Skp__V1__ReceiptBody *)body, wanted))
        return say(SKP_E_PROOF_INVALID, "the receipt is about another batch", ret_why);
    err = check_commit(trust, cache, receipt, (const Skp__V1__CommitHeader *)commit, wanted->broker,
                       at_ms, ret_why);
    if (!err)
        *ret_body = (Skp__V1__ReceiptBody *)body;
    return err;
}

enum skp_err envelope_check_receipt(struct trust *trust, struct jws_cache *cache,
                                    const Skp__V1__Receipt *receipt, const struct skp_oin *broker,
                                    const struct skp_oin *sender, const struct skp_id *batch_id,
                                    const struct skp_hash *root, int64_t at_ms, struct arena *arena,
                                    Skp__V1__ReceiptBody **ret_body, const char **ret_why)
{
    struct receipt_wanted wanted = {
        .broker = broker, .sender = sender, .batch_id = batch_id, .root = root};
    return check_proof(trust, cache, receipt, &wanted, at_ms, arena, ret_body, ret_why);
}
