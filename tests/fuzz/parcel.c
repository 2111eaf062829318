#include "parcel.h"

#include "fact.h"
#include "fuzz.h"
#include "grow.h"

void parcel_begin(struct parcel *parcel, struct world *w, const struct party *from)
{
    memset(parcel, 0, sizeof *parcel);
    parcel->world = w;
    parcel->from = from;
}

void parcel_bundle(struct parcel *parcel, const struct skp_oin *recipient, struct span mailbox,
                   unsigned number)
{
    if (parcel->bundle_count == PARCEL_BUNDLES)
        return;
    struct parcel_bundle *bundle = &parcel->bundles[parcel->bundle_count++];
    size_t len = mailbox.len < sizeof bundle->mailbox ? mailbox.len : sizeof bundle->mailbox - 1;
    bundle->recipient = *recipient;
    bundle->id = grow_id(number);
    if (len > 0)
        memcpy(bundle->mailbox, mailbox.data, len);
}

static struct parcel_bundle *last_bundle(struct parcel *parcel)
{
    return parcel->bundle_count ? &parcel->bundles[parcel->bundle_count - 1] : NULL;
}

/* A line that commits to something brings something, so that the broker looks further. */
static bool commits(struct world *w, struct span bytes)
{
    Skp__V1__Line *line;
    struct skp_hash commitment;
    char path[WIRE_PATH_MAX];
    return fact_read(bytes, &w->arena, path, &line) == SKP_OK && fact_commitment(line, &commitment);
}

void parcel_line(struct parcel *parcel, struct span line)
{
    static const uint8_t sealed[64] = {1};
    struct parcel_bundle *bundle = last_bundle(parcel);
    if (bundle == NULL || bundle->line_count == PARCEL_LINES)
        return;
    bundle->lines[bundle->line_count++] = wire_bytes(line);
    if (commits(parcel->world, line))
        parcel_sealed(parcel, span_of(sealed, sizeof sealed));
}

void parcel_sealed(struct parcel *parcel, struct span sealed)
{
    struct parcel_bundle *bundle = last_bundle(parcel);
    if (bundle == NULL || bundle->line_count == 0)
        return;
    bundle->sealed[bundle->line_count - 1] = wire_bytes(sealed);
    if (bundle->box_count == 0)
        bundle->boxes[bundle->box_count++] = wire_text("box");
}

void parcel_box(struct parcel *parcel, struct span text)
{
    struct parcel_bundle *bundle = last_bundle(parcel);
    if (bundle == NULL || bundle->box_count == 4)
        return;
    char *copy = arena_calloc(&parcel->world->arena, 1, text.len + 1);
    EXPECT(copy != NULL);
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    bundle->boxes[bundle->box_count++] = copy;
}

/* ---------------------------------------------------------------- signing */

static struct span pack(const struct parcel *parcel, const ProtobufCMessage *message)
{
    struct span bytes = wire_pack(message, &parcel->world->arena);
    EXPECT(bytes.data != NULL);
    return bytes;
}

static struct span pack_bundle(const struct parcel *parcel, const struct parcel_bundle *bundle,
                               struct skp_hash *ret_leaf)
{
    struct skp_hash leaves[PARCEL_LINES];
    struct parcel_bundle copy = *bundle; /* protobuf-c wants its bytes non-const */
    Skp__V1__BundleHead head;
    Skp__V1__Bundle message;
    skp__v1__bundle_head__init(&head);
    skp__v1__bundle__init(&message);
    for (size_t i = 0; i < copy.line_count; i++)
        leaves[i] = merkle_leaf(wire_span(copy.lines[i]));
    struct skp_hash root = merkle_root(leaves, copy.line_count);
    head.recipient = copy.recipient.text;
    head.mailbox = copy.mailbox;
    head.bundle_id = wire_id(&copy.id);
    head.line_count = (uint32_t)copy.line_count;
    head.lines_root = wire_bytes(span_of(root.bytes, HASH_BYTES));
    message.head = wire_bytes(pack(parcel, &head.base));
    *ret_leaf = merkle_leaf(wire_span(message.head));
    message.n_lines = message.n_sealed = copy.line_count;
    message.lines = copy.lines;
    message.sealed = copy.sealed;
    message.n_key_boxes = copy.box_count;
    message.key_boxes = copy.boxes;
    return pack(parcel, &message.base);
}

static struct span pack_header(const struct parcel *parcel, const struct signed_parcel *letter)
{
    struct skp_oin sender = parcel->from->oin;
    Skp__V1__BatchHeader header;
    skp__v1__batch_header__init(&header);
    header.context = wire_text(BATCH_CONTEXT);
    header.protocol_version = PROTOCOL_VERSION;
    header.sender = sender.text;
    header.batch_id = wire_id(&letter->batch_id);
    header.created_at_ms = clock_real_ms(&parcel->world->clock.clock);
    header.bundle_count = (uint32_t)letter->bundle_count;
    header.line_count = (uint32_t)letter->line_count + (parcel->spoil == SPOIL_COUNT);
    header.root = wire_bytes(span_of(letter->root.bytes, HASH_BYTES));
    return pack(parcel, &header.base);
}

static struct span flip(const struct parcel *parcel, struct span bytes)
{
    struct span where = parcel->spoil_bytes;
    uint8_t *copy = arena_copy(&parcel->world->arena, bytes.data, bytes.len);
    EXPECT(copy != NULL);
    size_t at = take_pair(&where) % bytes.len;
    copy[at] = (uint8_t)(copy[at] ^ (1u << take_byte(&where) % 8));
    return span_of(copy, bytes.len);
}

static struct span pack_begin(const struct parcel *parcel, struct span header)
{
    const char *jws = NULL;
    Skp__V1__Begin begin;
    skp__v1__begin__init(&begin);
    const struct party *from = parcel->from;
    if (parcel->spoil == SPOIL_SIGNER)
        from = from == &parcel->world->rsa ? &parcel->world->creditor : &parcel->world->rsa;
    EXPECT(jws_sign(from->signs, header, clock_real_ms(&parcel->world->clock.clock),
                    &parcel->world->arena, &jws) == SKP_OK);
    struct span text = span_of(jws, strlen(jws) + 1);
    if (parcel->spoil == SPOIL_JWS)
        text = flip(parcel, span_of(jws, strlen(jws)));
    char *copy = arena_calloc(&parcel->world->arena, 1, text.len + 1);
    EXPECT(copy != NULL);
    memcpy(copy, text.data, text.len);
    begin.header = wire_bytes(parcel->spoil == SPOIL_HEADER ? flip(parcel, header) : header);
    begin.jws = copy;
    return pack(parcel, &begin.base);
}

bool parcel_sign(const struct parcel *parcel, const struct skp_id *batch_id,
                 struct signed_parcel *ret_signed)
{
    struct skp_hash leaves[PARCEL_BUNDLES];
    struct signed_parcel letter = {.batch_id = *batch_id, .bundle_count = parcel->bundle_count};
    if (parcel->bundle_count == 0)
        return false;
    for (size_t i = 0; i < parcel->bundle_count; i++) {
        letter.bodies[i] = pack_bundle(parcel, &parcel->bundles[i], &leaves[i]);
        letter.line_count += parcel->bundles[i].line_count;
    }
    if (parcel->spoil == SPOIL_BODY)
        letter.bodies[0] = flip(parcel, letter.bodies[0]);
    letter.root = merkle_root(leaves, parcel->bundle_count);
    letter.root.bytes[0] = (uint8_t)(letter.root.bytes[0] ^ (parcel->spoil == SPOIL_ROOT));
    letter.begin = pack_begin(parcel, pack_header(parcel, &letter));
    letter.spoiled = parcel->spoil != SPOIL_NOTHING && parcel->spoil != SPOIL_BODY;
    *ret_signed = letter;
    return true;
}
