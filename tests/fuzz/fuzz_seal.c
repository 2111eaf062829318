/* Sealed parts and key boxes, spoiled: nothing opens but what was sealed, at its own place.
 *
 * The first byte chooses: any text as a box; a good box whose header is edited; a box with edited
 * contents; a sealed part, edited, at an edited place,
 * or with another commitment in its line. */
#include "edits.h"
#include "seal.h"
#include "skp.pb-c.h"
#include "tiny_ca.h"
#include "wire.h"

#define ROOM 8192

struct scene {
    struct arena arena;
    struct keypair *keypair;
    struct seal_place place;
    struct seal_key key;
    struct skp_id item;
    uint8_t room[ROOM];
};

static void scene_init(struct scene *scene, bool rsa)
{
    memset(scene, 0, sizeof *scene);
    arena_init(&scene->arena, (size_t)1 << 20);
    scene->keypair = tiny_keypair(rsa);
    EXPECT(oin_take(span_text("00000099000000001000"), &scene->place.sender));
    EXPECT(oin_take(span_text("00000099000000002000"), &scene->place.recipient));
    memset(scene->place.batch_id.bytes, 1, ID_BYTES);
    memset(scene->place.bundle_id.bytes, 2, ID_BYTES);
    memset(scene->item.bytes, 3, ID_BYTES);
    memset(scene->key.bytes, 4, SEAL_KEY_BYTES);
}

static enum skp_err open_box(struct scene *scene, struct span box, struct seal_key *ret_key)
{
    struct skp_hash named;
    enum skp_err err = jwe_recipient(box, &named);
    EXPECT(err == SKP_OK || err == SKP_E_DECODE);
    return unseal_box(&scene->keypair, 1, &box, 1, &scene->place, &scene->arena, ret_key);
}

/* ---------------------------------------------------------------- boxes */

static void feed_text(struct scene *scene, struct span text)
{
    struct seal_key key;
    struct span plaintext;
    EXPECT(open_box(scene, text, &key) != SKP_OK);
    EXPECT(jwe_decrypt(scene->keypair, text, &scene->arena, &plaintext) != SKP_OK);
}

/* The header is authenticated, and base64url has one spelling. */
static void feed_header(struct scene *scene, struct span edits)
{
    const char *box = NULL;
    struct seal_key key;
    struct span json;
    EXPECT(seal_box(&scene->key, &scene->place, keypair_cert(scene->keypair), &scene->arena,
                    &box) == SKP_OK);
    const char *behind = strchr(box, '.');
    EXPECT(base64url_decode(span_of(box, (size_t)(behind - box)), &scene->arena, &json) == SKP_OK);
    size_t len = edit_bytes(json, edits, scene->room, ROOM);
    const char *header = base64url_encode(span_of(scene->room, len), &scene->arena);
    char *edited = arena_alloc(&scene->arena, strlen(header) + strlen(behind) + 1);
    EXPECT(edited != NULL);
    (void)stpcpy(stpcpy(edited, header), behind);
    bool same = span_equal(json, span_of(scene->room, len));
    EXPECT((open_box(scene, span_text(edited), &key) == SKP_OK) == same);
    EXPECT(!same || memcmp(key.bytes, scene->key.bytes, SEAL_KEY_BYTES) == 0);
}

static bool text_is(const char *text, const struct skp_oin *oin)
{
    return strcmp(text, oin->text) == 0;
}

/* What a box must say to open, by a reader that is not ours. */
static bool is_of_place(struct span packed, const struct seal_place *place)
{
    Skp__V1__KeyBox *box = skp__v1__key_box__unpack(NULL, packed.len, packed.data);
    if (box == NULL)
        return false;
    bool fits = text_is(box->sender, &place->sender) &&
                text_is(box->recipient, &place->recipient) &&
                span_equal(wire_span(box->batch_id), span_of(place->batch_id.bytes, ID_BYTES)) &&
                span_equal(wire_span(box->bundle_id), span_of(place->bundle_id.bytes, ID_BYTES)) &&
                box->bundle_key.len == SEAL_KEY_BYTES;
    skp__v1__key_box__free_unpacked(box, NULL);
    return fits;
}

static struct span good_contents(struct scene *scene)
{
    Skp__V1__KeyBox box;
    skp__v1__key_box__init(&box);
    box.bundle_key = wire_bytes(span_of(scene->key.bytes, SEAL_KEY_BYTES));
    box.sender = scene->place.sender.text;
    box.recipient = scene->place.recipient.text;
    box.batch_id = wire_id(&scene->place.batch_id);
    box.bundle_id = wire_id(&scene->place.bundle_id);
    return wire_pack(&box.base, &scene->arena);
}

static void feed_contents(struct scene *scene, struct span edits)
{
    const char *box = NULL;
    struct seal_key key;
    struct span good = good_contents(scene);
    struct span packed = span_of(scene->room, edit_bytes(good, edits, scene->room, ROOM));
    enum skp_err err = jwe_encrypt(keypair_cert(scene->keypair), packed, &scene->arena, &box);
    EXPECT((err == SKP_OK) == (packed.len <= JWE_MAX_PLAINTEXT));
    if (err)
        return;
    err = open_box(scene, span_text(box), &key);
    EXPECT(err == SKP_OK || err == SKP_E_UNSEAL);
    EXPECT(err || is_of_place(packed, &scene->place));
    EXPECT(!err || !span_equal(good, packed));
}

/* ---------------------------------------------------------------- parts */

static void feed_part(struct scene *scene, struct span edits, bool other_commitment)
{
    struct span plaintext, sealed, opened;
    struct skp_hash commitment;
    struct seal_place place = scene->place;
    struct span place_edits = take_span(&edits, take_byte(&edits) % 16);
    struct span part = take_span(&edits, take_byte(&edits));
    EXPECT(seal_prepare(part, &scene->arena, &plaintext, &commitment) == SKP_OK);
    EXPECT(seal_part(&scene->key, &scene->place, &scene->item, plaintext, &scene->arena, &sealed) ==
           SKP_OK);
    struct span spoiled = span_of(scene->room, edit_bytes(sealed, edits, scene->room, ROOM));
    (void)edit_bytes(span_of(&scene->place, sizeof place), place_edits, (uint8_t *)&place,
                     sizeof place);
    place.sender.text[OIN_CHARS] = place.recipient.text[OIN_CHARS] = '\0';
    commitment.bytes[0] = (uint8_t)(commitment.bytes[0] ^ other_commitment);
    bool same = span_equal(sealed, spoiled) && memcmp(&place, &scene->place, sizeof place) == 0;
    enum skp_err err = unseal_part(&scene->key, &place, &scene->item, &commitment, spoiled,
                                   &scene->arena, &opened);
    enum skp_err spoilt = other_commitment ? SKP_E_COMMITMENT_MISMATCH : SKP_OK;
    EXPECT(err == (same ? spoilt : SKP_E_UNSEAL));
    EXPECT(err || span_equal(opened, part));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scene scene;
    struct span rest = span_of(data, size);
    unsigned form = take_byte(&rest);
    fuzz_steer(1);
    scene_init(&scene, form & 4);
    if (form % 4 == 0)
        feed_text(&scene, rest);
    else if (form % 4 == 1)
        feed_header(&scene, rest);
    else if (form % 4 == 2)
        feed_contents(&scene, rest);
    else
        feed_part(&scene, rest, form & 8);
    arena_fini(&scene.arena);
    return 0;
}
