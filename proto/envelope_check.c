#include "envelope_internal.h"
#include "fact_values.h"
#include "mutant.h"

/* ---------------------------------------------------------------- headers and heads */

static void check_counts(struct fact_check *check, const Skp__V1__BatchHeader *header)
{
    fact_need_number(check, "bundle_count", header->bundle_count);
    fact_expect(check, header->bundle_count <= BATCH_MAX_BUNDLES, SKP_E_BATCH_TOO_LARGE,
                "bundle_count");
    fact_need_number(check, "line_count", header->line_count);
    fact_expect(check, header->line_count <= BATCH_MAX_LINES, SKP_E_BATCH_TOO_LARGE, "line_count");
    /* Every bundle holds at least one line. */
    fact_expect(check, header->line_count >= header->bundle_count, SKP_E_COUNT_MISMATCH,
                "line_count");
}

static void check_header(struct fact_check *check, const Skp__V1__BatchHeader *header)
{
    fact_need_context(check, header->context, BATCH_CONTEXT);
    fact_expect(check, header->protocol_version == PROTOCOL_VERSION, SKP_E_VERSION_UNSUPPORTED,
                "protocol_version");
    fact_need_oin(check, "sender", header->sender);
    fact_may_oin(check, "on_behalf_of", header->on_behalf_of);
    fact_need_id(check, "batch_id", header->batch_id);
    fact_need_instant(check, "created_at_ms", header->created_at_ms);
    check_counts(check, header);
    fact_need_hash(check, "root", header->root);
}

enum skp_err envelope_read_header(struct span bytes, struct arena *arena, char *ret_path,
                                  struct envelope_header *ret_header)
{
    ProtobufCMessage *message = NULL;
    enum skp_err err =
        wire_unpack(&skp__v1__batch_header__descriptor, bytes, arena, ret_path, &message);
    if (err)
        return err;
    const Skp__V1__BatchHeader *header = (const Skp__V1__BatchHeader *)message;
    struct fact_check check = {.path = ret_path};
    check_header(&check, header);
    if (check.err)
        return check.err;
    struct envelope_header read = {.created_at_ms = header->created_at_ms,
                                   .bundle_count = header->bundle_count,
                                   .line_count = header->line_count};
    (void)oin_take(span_text(header->sender), &read.sender);
    (void)oin_take(span_text(header->on_behalf_of), &read.on_behalf_of);
    (void)id_take(wire_span(header->batch_id), &read.batch_id);
    (void)hash_take(wire_span(header->root), &read.root);
    *ret_header = read;
    return SKP_OK;
}

static void check_head(struct fact_check *check, const Skp__V1__BundleHead *head)
{
    fact_need_oin(check, "recipient", head->recipient);
    fact_may_mailbox(check, head->mailbox);
    fact_need_id(check, "bundle_id", head->bundle_id);
    fact_need_number(check, "line_count", head->line_count);
    fact_expect(check, head->line_count <= BUNDLE_MAX_LINES, SKP_E_BATCH_TOO_LARGE, "line_count");
    fact_need_hash(check, "lines_root", head->lines_root);
}

enum skp_err envelope_read_head(struct span bytes, struct arena *arena, char *ret_path,
                                struct envelope_head *ret_head)
{
    ProtobufCMessage *message = NULL;
    enum skp_err err =
        wire_unpack(&skp__v1__bundle_head__descriptor, bytes, arena, ret_path, &message);
    if (err)
        return err;
    const Skp__V1__BundleHead *head = (const Skp__V1__BundleHead *)message;
    struct fact_check check = {.path = ret_path};
    check_head(&check, head);
    if (check.err)
        return check.err;
    struct envelope_head read = {.mailbox = head->mailbox, .line_count = head->line_count};
    (void)oin_take(span_text(head->recipient), &read.recipient);
    (void)id_take(wire_span(head->bundle_id), &read.bundle_id);
    (void)hash_take(wire_span(head->lines_root), &read.lines_root);
    *ret_head = read;
    return SKP_OK;
}

enum skp_err envelope_check_sender(const struct jws_signer *signer,
                                   const struct envelope_header *header, const char **ret_why)
{
    if (oin_equal(&signer->oin, &header->sender) || MUTANT(signer_not_compared))
        return SKP_OK;
    *ret_why = "signed by another participant than the sender";
    return SKP_E_SIGNER_INVALID;
}

enum skp_err envelope_check_signature(struct trust *trust, struct jws_cache *cache,
                                      struct span header_bytes,
                                      const struct envelope_header *header, struct span jws,
                                      int64_t at_ms, const char **ret_why)
{
    struct jws_signer signer;
    enum skp_err err = jws_verify(trust, cache, jws, header_bytes, at_ms, &signer, ret_why);
    return err ? err : envelope_check_sender(&signer, header, ret_why);
}

/* ---------------------------------------------------------------- bundles */

static bool seals_something(const Skp__V1__Bundle *bundle)
{
    for (size_t i = 0; i < bundle->n_sealed; i++) {
        if (bundle->sealed[i].len > 0)
            return true;
    }
    return false;
}

static bool is_within_limits(const Skp__V1__Bundle *bundle)
{
    if (bundle->n_lines > BUNDLE_MAX_LINES || bundle->n_key_boxes > BUNDLE_MAX_BOXES)
        return false;
    for (size_t i = 0; i < bundle->n_key_boxes; i++) {
        if (strlen(bundle->key_boxes[i]) > JWE_MAX_BYTES)
            return false;
    }
    for (size_t i = 0; i < bundle->n_sealed; i++) {
        if (bundle->sealed[i].len > SEAL_MAX_PART_BYTES + SEAL_OVERHEAD_BYTES)
            return false;
    }
    return true;
}

enum skp_err bundle_check_shape(const Skp__V1__Bundle *bundle, const struct envelope_head *head)
{
    if (!is_within_limits(bundle))
        return SKP_E_BATCH_TOO_LARGE;
    if (bundle->n_lines != head->line_count || bundle->n_sealed != bundle->n_lines)
        return SKP_E_COUNT_MISMATCH;
    if (bundle->n_key_boxes == 0 && seals_something(bundle))
        return SKP_E_KEY_BOX_MISSING;
    return SKP_OK;
}

void bundle_hash_lines(const Skp__V1__Bundle *bundle, struct skp_hash *ret_leaves)
{
    for (size_t i = 0; i < bundle->n_lines; i++)
        ret_leaves[i] = merkle_leaf(wire_span(bundle->lines[i]));
}

enum skp_err bundle_check_root(const struct skp_hash *leaves, const struct envelope_head *head)
{
    struct skp_hash root = merkle_root(leaves, head->line_count);
    return hash_equal(&root, &head->lines_root) ? SKP_OK : SKP_E_ROOT_MISMATCH;
}

enum skp_err envelope_check_bundle(const Skp__V1__Bundle *bundle, const struct envelope_head *head,
                                   struct skp_hash *ret_leaves)
{
    if (bundle->n_withheld > 0)
        return SKP_E_PROTOCOL_STATE;
    enum skp_err err = bundle_check_shape(bundle, head);
    if (err)
        return err;
    bundle_hash_lines(bundle, ret_leaves);
    return bundle_check_root(ret_leaves, head);
}
