#include "envelope.h"
#include "fact.h"

#include <assert.h>

/* What the varints of a line and its sealed part can add to their bytes: tag and length of each. */
#define LINE_PREFIX_BYTES 8

/* A commitment adds itself with tag and length, and may lengthen the length of the fact around it.
 */
#define COMMITMENT_BYTES (HASH_BYTES + 3)

struct open_bundle {
    bool is_open;
    struct seal_place place;
    const char *mailbox;
    struct seal_key key;
    char *boxes[BUNDLE_MAX_BOXES];
    size_t box_count;
    ProtobufCBinaryData lines[BUNDLE_MAX_LINES];
    ProtobufCBinaryData sealed[BUNDLE_MAX_LINES];
    struct skp_hash leaves[BUNDLE_MAX_LINES];
    struct span last_plaintext; /* of the line added last */
    size_t line_count;
    size_t bytes; /* never less than the packed Bundle */
};

struct envelope_writer {
    struct arena *arena;
    struct skp_oin sender;
    struct skp_oin on_behalf_of;
    struct skp_id batch_id;
    struct open_bundle open;
    size_t bundle_count;
    size_t line_count; /* with those of the open bundle */
    size_t bytes;      /* without the open bundle */
    struct id_pool ids;
    struct span bundles[BATCH_MAX_BUNDLES];
    struct span heads[BATCH_MAX_BUNDLES];
    struct skp_hash head_leaves[BATCH_MAX_BUNDLES];
};

struct envelope_writer *envelope_writer_new(struct arena *arena, const struct skp_oin *sender,
                                            const struct skp_oin *on_behalf_of,
                                            const struct skp_id *batch_id)
{
    struct envelope_writer *writer = arena_alloc(arena, sizeof *writer);
    if (!writer)
        return NULL;
    /* Not the 128 KiB of lists, which are written before they are read: most batches are small. */
    memset(writer, 0, offsetof(struct envelope_writer, bundles));
    writer->arena = arena;
    writer->sender = *sender;
    if (on_behalf_of)
        writer->on_behalf_of = *on_behalf_of;
    writer->batch_id = *batch_id;
    return writer;
}

/* ---------------------------------------------------------------- bundles */

static struct span pack_head(struct envelope_writer *writer, const struct skp_hash *root)
{
    struct open_bundle *open = &writer->open;
    Skp__V1__BundleHead head;
    skp__v1__bundle_head__init(&head);
    head.recipient = open->place.recipient.text;
    head.mailbox = wire_text(open->mailbox);
    head.bundle_id = wire_id(&open->place.bundle_id);
    head.line_count = (uint32_t)open->line_count;
    head.lines_root = wire_bytes(span_of(root->bytes, HASH_BYTES));
    return wire_pack(&head.base, writer->arena);
}

static struct span pack_bundle(struct envelope_writer *writer, struct span head)
{
    struct open_bundle *open = &writer->open;
    Skp__V1__Bundle bundle;
    skp__v1__bundle__init(&bundle);
    bundle.head = wire_bytes(head);
    bundle.n_key_boxes = open->box_count;
    bundle.key_boxes = open->boxes;
    bundle.n_lines = open->line_count;
    bundle.lines = open->lines;
    bundle.n_sealed = open->line_count;
    bundle.sealed = open->sealed;
    return wire_pack(&bundle.base, writer->arena);
}

/* Packs the open bundle. One without lines disappears: nothing was said to anybody. */
static enum skp_err close_bundle(struct envelope_writer *writer)
{
    struct open_bundle *open = &writer->open;
    if (open->is_open && open->line_count > 0) {
        struct skp_hash root = merkle_root(open->leaves, open->line_count);
        struct span head = pack_head(writer, &root);
        struct span bundle = head.data ? pack_bundle(writer, head) : (struct span){0};
        if (!bundle.data)
            return SKP_E_NO_MEMORY;
        assert(bundle.len <= open->bytes);
        size_t at = writer->bundle_count++;
        writer->heads[at] = head;
        writer->head_leaves[at] = merkle_leaf(head);
        writer->bundles[at] = bundle;
        writer->bytes += bundle.len;
    }
    seal_key_wipe(&open->key);
    open->is_open = false;
    open->line_count = 0;
    open->box_count = 0;
    return SKP_OK;
}

static enum skp_err make_boxes(struct envelope_writer *writer, X509 *const *certs, size_t count)
{
    struct open_bundle *open = &writer->open;
    for (size_t i = 0; i < count; i++) {
        const char *box = NULL;
        enum skp_err err = seal_box(&open->key, &open->place, certs[i], writer->arena, &box);
        if (err)
            return err;
        open->boxes[open->box_count++] = wire_text(box);
        open->bytes += strlen(box) + LINE_PREFIX_BYTES;
    }
    return SKP_OK;
}

/* The size of the head is what it will be with the most lines. */
static size_t head_bytes(const struct open_bundle *open)
{
    return OIN_CHARS + strlen(open->mailbox) + ID_BYTES + HASH_BYTES + 3 * LINE_PREFIX_BYTES;
}

enum skp_err envelope_bundle_begin(struct envelope_writer *writer, const struct skp_oin *recipient,
                                   const char *mailbox, X509 *const *certs, size_t cert_count,
                                   struct skp_id *ret_bundle_id)
{
    struct open_bundle *open = &writer->open;
    enum skp_err err = close_bundle(writer);
    if (err)
        return err;
    if (writer->bundle_count == BATCH_MAX_BUNDLES || cert_count > BUNDLE_MAX_BOXES)
        return SKP_E_BATCH_TOO_LARGE;
    open->mailbox = arena_copy(writer->arena, mailbox, strlen(mailbox) + 1);
    if (!open->mailbox)
        return SKP_E_NO_MEMORY;
    open->place =
        (struct seal_place){.sender = writer->sender,
                            .recipient = *recipient,
                            .batch_id = writer->batch_id,
                            .bundle_id = id_pool_take_beside(&writer->ids, &writer->batch_id)};
    open->bytes = head_bytes(open);
    if (cert_count > 0)
        seal_key_new(&open->key);
    err = make_boxes(writer, certs, cert_count);
    if (err) {
        seal_key_wipe(&open->key);
        open->box_count = 0;
        return err;
    }
    open->is_open = true;
    *ret_bundle_id = open->place.bundle_id;
    return SKP_OK;
}

/* ---------------------------------------------------------------- lines */

/* Where the commitment of this kind of line stands; NULL: its kind seals nothing. */
static ProtobufCBinaryData *commitment_of(Skp__V1__Line *line)
{
    if (line->fact_case == SKP__V1__LINE__FACT_REQUEST)
        return &line->request->commitment;
    if (line->fact_case == SKP__V1__LINE__FACT_ANSWER)
        return &line->answer->commitment;
    return NULL;
}

/* Asked before anything is sealed, so that a line that does not fit is left as it was. */
static enum skp_err check_room(const struct envelope_writer *writer, size_t line_bytes,
                               struct span part, size_t *ret_bytes)
{
    const struct open_bundle *open = &writer->open;
    size_t bytes = line_bytes + 2 * LINE_PREFIX_BYTES;
    if (part.len > 0)
        bytes += COMMITMENT_BYTES + part.len + SEAL_OVERHEAD_BYTES;
    /* No other bundle would take these either: not BATCH_TOO_LARGE, which says "begin another". */
    if (part.len > SEAL_MAX_PART_BYTES || line_bytes + COMMITMENT_BYTES > FACT_MAX_LINE)
        return SKP_E_TEXT_TOO_LONG;
    if (open->line_count == BUNDLE_MAX_LINES || writer->line_count == BATCH_MAX_LINES ||
        open->bytes + bytes > BUNDLE_MAX_BYTES ||
        writer->bytes + open->bytes + bytes > BATCH_MAX_BYTES)
        return SKP_E_BATCH_TOO_LARGE;
    *ret_bytes = bytes;
    return SKP_OK;
}

static enum skp_err seal_into(struct envelope_writer *writer, const struct skp_id *item_id,
                              struct span plaintext, struct span *ret_sealed)
{
    struct open_bundle *open = &writer->open;
    return seal_part(&open->key, &open->place, item_id, plaintext, writer->arena, ret_sealed);
}

static enum skp_err append_line(struct envelope_writer *writer, struct span line,
                                struct span plaintext, struct span sealed,
                                struct skp_hash *ret_leaf)
{
    struct open_bundle *open = &writer->open;
    size_t at = open->line_count++;
    open->lines[at] = wire_bytes(line);
    open->sealed[at] = wire_bytes(sealed);
    open->last_plaintext = plaintext;
    open->leaves[at] = merkle_leaf(line);
    writer->line_count++;
    if (ret_leaf)
        *ret_leaf = open->leaves[at];
    return SKP_OK;
}

static enum skp_err add_sealed(struct envelope_writer *writer, Skp__V1__Line *line,
                               ProtobufCBinaryData *commitment, struct span part,
                               struct skp_hash *ret_leaf)
{
    struct skp_id item_id;
    enum skp_err err = fact_item_id(line, &item_id);
    if (err)
        return err;
    struct skp_hash *kept = arena_alloc(writer->arena, sizeof *kept);
    if (!kept)
        return SKP_E_NO_MEMORY;
    struct span plaintext = {0};
    struct span sealed = {0};
    err = seal_prepare(part, writer->arena, &plaintext, kept);
    if (!err)
        err = seal_into(writer, &item_id, plaintext, &sealed);
    if (err)
        return err;
    ProtobufCBinaryData before = *commitment;
    *commitment = wire_bytes(span_of(kept->bytes, HASH_BYTES));
    struct span packed = wire_pack(&line->base, writer->arena);
    if (!packed.data) {
        *commitment = before;
        return SKP_E_NO_MEMORY;
    }
    return append_line(writer, packed, plaintext, sealed, ret_leaf);
}

static enum skp_err add_open(struct envelope_writer *writer, const Skp__V1__Line *line,
                             struct skp_hash *ret_leaf)
{
    struct span packed = wire_pack(&line->base, writer->arena);
    if (!packed.data)
        return SKP_E_NO_MEMORY;
    return append_line(writer, packed, (struct span){0}, (struct span){0}, ret_leaf);
}

enum skp_err envelope_line_add(struct envelope_writer *writer, Skp__V1__Line *line,
                               struct span part, struct skp_hash *ret_leaf)
{
    assert(writer->open.is_open);
    ProtobufCBinaryData *commitment = commitment_of(line);
    if (part.len > 0 ? !commitment : commitment && commitment->len > 0)
        return SKP_E_COMMITMENT_MISSING;
    if (part.len > 0 && writer->open.box_count == 0)
        return SKP_E_KEY_BOX_MISSING;
    size_t bytes = 0;
    enum skp_err err =
        check_room(writer, protobuf_c_message_get_packed_size(&line->base), part, &bytes);
    if (err)
        return err;
    err = part.len > 0 ? add_sealed(writer, line, commitment, part, ret_leaf)
                       : add_open(writer, line, ret_leaf);
    if (!err)
        writer->open.bytes += bytes;
    return err;
}

/* ---------------------------------------------------------------- sealed again */

struct envelope_kept envelope_line_kept(const struct envelope_writer *writer)
{
    const struct open_bundle *open = &writer->open;
    assert(open->is_open && open->line_count > 0);
    return (struct envelope_kept){.line = wire_span(open->lines[open->line_count - 1]),
                                  .plaintext = open->last_plaintext};
}

static enum skp_err check_kept(struct envelope_writer *writer, const struct envelope_kept *kept,
                               struct skp_id *ret_item_id)
{
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line = NULL;
    struct skp_hash commitment;
    enum skp_err err = fact_read(kept->line, writer->arena, path, &line);
    if (!err)
        err = fact_item_id(line, ret_item_id);
    if (err)
        return err;
    struct skp_hash opened = sha256(kept->plaintext);
    bool same = fact_commitment(line, &commitment)
                    ? kept->plaintext.len > SEAL_SALT_BYTES && hash_equal(&commitment, &opened)
                    : kept->plaintext.len == 0;
    return same ? SKP_OK : SKP_E_COMMITMENT_MISMATCH;
}

static struct span part_of(const struct envelope_kept *kept)
{
    return kept->plaintext.len > 0 ? span_of(kept->plaintext.data + SEAL_SALT_BYTES,
                                             kept->plaintext.len - SEAL_SALT_BYTES)
                                   : (struct span){0};
}

enum skp_err envelope_line_reseal(struct envelope_writer *writer, const struct envelope_kept *kept,
                                  struct skp_hash *ret_leaf)
{
    assert(writer->open.is_open);
    struct skp_id item_id;
    struct span sealed = {0};
    size_t bytes = 0;
    enum skp_err err = check_kept(writer, kept, &item_id);
    if (!err && kept->plaintext.len > 0 && writer->open.box_count == 0)
        err = SKP_E_KEY_BOX_MISSING;
    if (!err)
        err = check_room(writer, kept->line.len, part_of(kept), &bytes);
    if (!err && kept->plaintext.len > 0)
        err = seal_into(writer, &item_id, kept->plaintext, &sealed);
    if (err)
        return err;
    const void *line = arena_copy(writer->arena, kept->line.data, kept->line.len);
    const void *plaintext = arena_copy(writer->arena, kept->plaintext.data, kept->plaintext.len);
    if (!line || !plaintext)
        return SKP_E_NO_MEMORY;
    writer->open.bytes += bytes;
    return append_line(writer, span_of(line, kept->line.len),
                       span_of(plaintext, kept->plaintext.len), sealed, ret_leaf);
}

/* ---------------------------------------------------------------- the signature */

static struct span pack_header(struct envelope_writer *writer, const struct skp_hash *root,
                               int64_t at_ms)
{
    Skp__V1__BatchHeader header;
    char context[] = BATCH_CONTEXT;
    skp__v1__batch_header__init(&header);
    header.context = context;
    header.protocol_version = PROTOCOL_VERSION;
    header.sender = writer->sender.text;
    header.on_behalf_of = writer->on_behalf_of.text;
    header.batch_id = wire_id(&writer->batch_id);
    header.created_at_ms = at_ms;
    header.bundle_count = (uint32_t)writer->bundle_count;
    header.line_count = (uint32_t)writer->line_count;
    header.root = wire_bytes(span_of(root->bytes, HASH_BYTES));
    return wire_pack(&header.base, writer->arena);
}

enum skp_err envelope_finish(struct envelope_writer *writer, const struct keypair *signer,
                             int64_t at_ms, struct envelope_batch *ret_batch)
{
    enum skp_err err = close_bundle(writer);
    if (err)
        return err;
    if (writer->bundle_count == 0)
        return SKP_E_REQUIRED;
    struct skp_hash root = merkle_root(writer->head_leaves, writer->bundle_count);
    struct span header = pack_header(writer, &root, at_ms);
    if (!header.data)
        return SKP_E_NO_MEMORY;
    const char *jws = NULL;
    err = jws_sign(signer, header, at_ms, writer->arena, &jws);
    if (err)
        return err;
    *ret_batch = (struct envelope_batch){.batch_id = writer->batch_id,
                                         .root = root,
                                         .header = header,
                                         .jws = jws,
                                         .bundles = writer->bundles,
                                         .heads = writer->heads,
                                         .bundle_count = writer->bundle_count,
                                         .line_count = writer->line_count};
    return SKP_OK;
}
