/* Signatures over a payload, spoiled: whoever is named as signer holds the key and the certificate.
 *
 * The first byte chooses: any text; a good signature, edited; a header that says anything, signed with a
 * good key, so that the reading of headers is reached in full. */
#include "edits.h"
#include "jose_internal.h"
#include "tiny_ca.h"

#define ROOM (2 * JWS_MAX_BYTES)

struct scene {
    struct arena arena;
    struct keypair *keypair;
    struct trust *trust;
    struct jws_cache *cache;
    const char *good;
    uint8_t room[ROOM];
};

static const char payload[] = "postzak";

static enum skp_err verify(struct scene *scene, struct span jws, struct jws_cache *cache)
{
    struct jws_signer signer;
    const char *why = NULL;
    enum skp_err err =
        jws_verify(scene->trust, cache, jws, span_text(payload), TINY_NOW_MS, &signer, &why);
    EXPECT((err == SKP_OK) == (why == NULL));
    if (err == SKP_OK) {
        struct skp_hash own = cert_thumbprint(keypair_cert(scene->keypair));
        EXPECT(strcmp(signer.oin.text, TINY_OIN) == 0 && hash_equal(&signer.thumbprint, &own));
        EXPECT(signer.signed_at_ms >= 0);
    }
    return err;
}

/* What was verified before changes nothing about what is good, nor that a broker took it, as long as the
 * certificate has not ended. */
static bool is_good(struct scene *scene, struct span jws)
{
    struct jws_signer signer;
    const char *why = NULL;
    enum skp_err fresh = verify(scene, jws, NULL);
    EXPECT(jws_verify_stored(scene->trust, scene->cache, jws, span_text(payload), TINY_NOW_MS,
                             &signer, &why) == fresh);
    EXPECT(verify(scene, jws, scene->cache) == fresh);
    EXPECT(verify(scene, jws, scene->cache) == fresh);
    return fresh == SKP_OK;
}

static void feed_edited(struct scene *scene, struct span edits)
{
    struct span good = span_text(scene->good);
    struct span edited = span_of(scene->room, edit_bytes(good, edits, scene->room, ROOM));
    EXPECT(is_good(scene, edited) == span_equal(good, edited));
}

static void feed_header(struct scene *scene, struct span edits)
{
    const char *jws = NULL;
    struct span json;
    const char *dot = strchr(scene->good, '.');
    EXPECT(base64url_decode(span_of(scene->good, (size_t)(dot - scene->good)), &scene->arena,
                            &json) == SKP_OK);
    struct span edited = span_of(scene->room, edit_bytes(json, edits, scene->room, ROOM / 2));
    const char *header = base64url_encode(edited, &scene->arena);
    EXPECT(header != NULL && jws_sign_header(keypair_key(scene->keypair), header,
                                             span_text(payload), &scene->arena, &jws) == SKP_OK);
    bool good = is_good(scene, span_text(jws));
    EXPECT(good || !span_equal(json, edited));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scene scene;
    struct span rest = span_of(data, size);
    unsigned form = take_byte(&rest);
    if (scene.trust == NULL)
        scene.trust = tiny_trust(NULL);
    fuzz_steer(1);
    arena_init(&scene.arena, (size_t)1 << 20);
    scene.keypair = tiny_keypair(form & 4);
    scene.cache = jws_cache_new(4);
    EXPECT(scene.cache != NULL && jws_sign(scene.keypair, span_text(payload), TINY_NOW_MS,
                                           &scene.arena, &scene.good) == SKP_OK);
    if (form % 3 == 0)
        EXPECT(!is_good(&scene, rest));
    else if (form % 3 == 1)
        feed_edited(&scene, rest);
    else
        feed_header(&scene, rest);
    jws_cache_free(scene.cache);
    arena_fini(&scene.arena);
    return 0;
}
