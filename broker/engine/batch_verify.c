/* Reading a batch: signature, tree and schema. Runs on verify workers; needs no state but the
 * trust. */
#include "batch_work.h"

#include "fact.h"
#include "mutant.h"

#include <stdio.h>

static enum skp_err alloc_failed(const void *pointer)
{
    return pointer ? SKP_OK : SKP_E_NO_MEMORY;
}

static enum skp_err check_age(struct engine_call *call, const struct envelope_header *header)
{
    int64_t now = clock_real_ms(call->engine->clock);
    int64_t oldest = now - (int64_t)ENGINE_BATCH_AGE_DAYS * 86400 * 1000;
    bool is_old = header->created_at_ms < oldest && !MUTANT(age_not_checked);
    if (is_old || header->created_at_ms > now + 5 * 60 * 1000)
        return engine_refuse(call, SKP_E_BATCH_TOO_OLD, "header.created_at_ms", NULL);
    return SKP_OK;
}

static enum skp_err check_signature(struct engine_call *call, const struct batch_work *work)
{
    struct trust *trust = engine_trust_ref(call->engine);
    const char *why = NULL;
    enum skp_err err =
        envelope_check_signature(trust, call->engine->cache, work->header_bytes, &work->header,
                                 work->jws, clock_real_ms(call->engine->clock), &why);
    if (err)
        engine_refuse(call, err, "header", why);
    trust_unref(trust);
    return err;
}

static enum skp_err read_begin(struct engine_call *call, struct batch_work *work)
{
    Skp__V1__Begin *begin;
    char path[WIRE_PATH_MAX] = "";
    enum skp_err err = engine_unpack(call, &skp__v1__begin__descriptor, (void *)&begin);
    if (err)
        return err;
    work->header_bytes = wire_span(begin->header);
    work->jws = span_text(begin->jws);
    err = envelope_read_header(work->header_bytes, &call->arena, path, &work->header);
    if (err)
        return engine_refuse_in(call, err, "header", path);
    if (!id_is_nil(&call->batch_id) && !id_equal(&call->batch_id, &work->header.batch_id))
        return engine_refuse(call, SKP_E_PROTOCOL_STATE, "end.batch_id",
                             "End names another batch than Begin");
    call->batch_id = work->header.batch_id;
    if (!oin_equal(&work->header.sender, &call->peer) && !MUTANT(sender_not_compared))
        return engine_refuse(call, SKP_E_SENDER_MISMATCH, "header.sender", NULL);
    if (work->header.on_behalf_of.text[0])
        return engine_refuse(call, SKP_E_MANDATE_MISSING, "header.on_behalf_of", NULL);
    if (work->header.bundle_count != call->part_count)
        return engine_refuse(call, SKP_E_COUNT_MISMATCH, "header.bundle_count", NULL);
    err = check_age(call, &work->header);
    return err ? err : check_signature(call, work);
}

static enum skp_err read_head(struct engine_call *call, const Skp__V1__Bundle *unpacked,
                              struct batch_bundle *bundle, char *path)
{
    const uint8_t *head = arena_copy(&call->arena, unpacked->head.data, unpacked->head.len);
    if (!head)
        return SKP_E_NO_MEMORY;
    bundle->head_bytes = span_of(head, unpacked->head.len);
    enum skp_err err = envelope_read_head(bundle->head_bytes, &call->arena, path, &bundle->head);
    if (err)
        return err;
    if (bundle->body.len > BUNDLE_MAX_BYTES)
        return SKP_E_BATCH_TOO_LARGE;
    bundle->head_hash = sha256(bundle->head_bytes);
    bundle->leaves = arena_calloc(&call->arena, bundle->head.line_count, sizeof *bundle->leaves);
    if (!bundle->leaves)
        return SKP_E_NO_MEMORY;
    return envelope_check_bundle(unpacked, &bundle->head, bundle->leaves);
}

static enum skp_err refuse_bundle(struct engine_call *call, enum skp_err err, size_t index,
                                  const char *path)
{
    char bundle[32];
    (void)snprintf(bundle, sizeof bundle, "bundle[%zu]", index);
    return engine_refuse_in(call, err, bundle, path);
}

/* What is sealed and what is committed to must go together, line by line. */
static enum skp_err check_commitment(const struct batch_line *line, size_t sealed_bytes)
{
    struct skp_hash commitment;
    bool commits = fact_commitment(line->fact, &commitment);
    bool fits = commits == (sealed_bytes > 0) || MUTANT(commitment_not_needed);
    return fits ? SKP_OK : SKP_E_COMMITMENT_MISSING;
}

/* A line that breaks a rule still has a name, which its refusal tells; one that is no message has
 * none. */
static void name_refused(struct engine_call *call, struct span bytes, struct batch_line *line)
{
    char ignored[WIRE_PATH_MAX] = "";
    ProtobufCMessage *message;
    if (!wire_unpack(&skp__v1__line__descriptor, bytes, &call->arena, ignored, &message) &&
        fact_item_id((const Skp__V1__Line *)(const void *)message, &line->item_id))
        line->item_id = (struct skp_id){0};
}

static enum skp_err read_line(struct engine_call *call, const Skp__V1__Bundle *unpacked,
                              struct batch_line *line)
{
    char path[WIRE_PATH_MAX] = "";
    struct span bytes = wire_span(unpacked->lines[line->line]);
    struct arena_mark before = arena_mark(&call->arena);
    enum skp_err err = fact_read(bytes, &call->arena, path, &line->fact);
    if (err && bytes.len <= FACT_MAX_LINE)
        name_refused(call, bytes, line);
    if (!err)
        err = fact_item_id(line->fact, &line->item_id);
    if (!err)
        err = check_commitment(line, unpacked->sealed[line->line].len);
    if (err == SKP_E_NO_MEMORY)
        return err;
    if (err) {
        /* A bad line can unpack to fifty times its size; it leaves nothing but its refusal. */
        arena_rewind(&call->arena, &before);
        line->fact = NULL;
        line->read_err = err;
        line->read_path = arena_copy(&call->arena, path, strlen(path) + 1);
        return alloc_failed(line->read_path);
    }
    return SKP_OK;
}

/* Each thing is said once per batch; the second mention is refused. */
static enum skp_err find_repeats(struct batch_work *work)
{
    struct map seen;
    enum skp_err err = map_init(&seen, ID_BYTES, work->line_count + 1, BATCH_MAX_LINES + 1);
    for (size_t i = 0; !err && i < work->line_count; i++) {
        struct batch_line *line = &work->lines[i];
        if (line->read_err)
            continue;
        err = map_add(&seen, line->item_id.bytes, line);
        if (err == SKP_E_DUPLICATE_ITEM) {
            line->read_err = MUTANT(said_twice_taken) ? SKP_OK : err;
            line->read_path = "";
            err = SKP_OK;
        }
    }
    map_fini(&seen);
    return err;
}

static enum skp_err read_lines(struct engine_call *call, struct batch_work *work,
                               const struct batch_bundle *bundle, const Skp__V1__Bundle *unpacked)
{
    enum skp_err err = SKP_OK;
    for (uint32_t n = 0; !err && n < bundle->head.line_count; n++) {
        struct batch_line *line = &work->lines[bundle->first_line + n];
        line->bundle = (uint32_t)(bundle - work->bundles);
        line->line = n;
        line->leaf = &bundle->leaves[n];
        err = read_line(call, unpacked, line);
    }
    return err;
}

/* A bundle is unpacked to be looked at and then forgotten: what stays is its bytes as they came, its
 * head, its leaves and the facts of its lines. */
static enum skp_err read_bundle(struct engine_call *call, struct batch_work *work, size_t index,
                                struct arena *scratch)
{
    char path[WIRE_PATH_MAX] = "";
    ProtobufCMessage *message = NULL;
    struct batch_bundle *bundle = &work->bundles[index];
    bundle->body = call->parts[index];
    bundle->first_line = work->line_count;
    arena_reset(scratch);
    enum skp_err err =
        wire_unpack(&skp__v1__bundle__descriptor, bundle->body, scratch, path, &message);
    const Skp__V1__Bundle *unpacked = (const Skp__V1__Bundle *)(const void *)message;
    if (!err)
        err = read_head(call, unpacked, bundle, path);
    if (err)
        return refuse_bundle(call, err, index, path);
    work->line_count += bundle->head.line_count;
    if (work->line_count > work->header.line_count)
        return engine_refuse(call, SKP_E_COUNT_MISMATCH, "header.line_count", NULL);
    return read_lines(call, work, bundle, unpacked);
}

static enum skp_err check_root(struct engine_call *call, struct batch_work *work)
{
    struct skp_hash *leaves =
        arena_calloc(&call->arena, merkle_tree_room(work->bundle_count), sizeof *leaves);
    if (!leaves)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < work->bundle_count; i++)
        leaves[i] = merkle_leaf(work->bundles[i].head_bytes);
    work->heads = merkle_tree_make(leaves, work->bundle_count, leaves);
    struct skp_hash root = merkle_tree_root(&work->heads);
    if (!hash_equal(&root, &work->header.root) && !MUTANT(root_not_compared))
        return engine_refuse(call, SKP_E_ROOT_MISMATCH, "header.root", NULL);
    return SKP_OK;
}

static enum skp_err read_bundles(struct engine_call *call, struct batch_work *work)
{
    struct arena scratch;
    work->bundle_count = call->part_count;
    work->bundles = arena_calloc(&call->arena, work->bundle_count + 1, sizeof *work->bundles);
    work->lines = arena_calloc(&call->arena, work->header.line_count + 1, sizeof *work->lines);
    if (!work->bundles || !work->lines)
        return SKP_E_NO_MEMORY;
    enum skp_err err = SKP_OK;
    arena_init(&scratch, ENGINE_CALL_ARENA_BYTES);
    for (size_t i = 0; !err && i < work->bundle_count; i++)
        err = read_bundle(call, work, i, &scratch);
    arena_fini(&scratch);
    if (err)
        return err;
    if (work->line_count != work->header.line_count)
        return engine_refuse(call, SKP_E_COUNT_MISMATCH, "header.line_count", NULL);
    err = check_root(call, work);
    return err ? err : find_repeats(work);
}

static enum skp_err verify(struct engine_call *call)
{
    struct batch_work *work = arena_calloc(&call->arena, 1, sizeof *work);
    if (!work)
        return SKP_E_NO_MEMORY;
    call->state = work;
    enum skp_err err = read_begin(call, work);
    return err ? err : read_bundles(call, work);
}

const struct verb verb_batch = {
    .name = "batch",
    .verify = verify,
    .want = batch_want,
    .decide = batch_decide,
    .answer = batch_answer,
};
