#include "seal.h"

#include "merkle.h"
#include "mutant.h"
#include "random.h"
#include "skp.pb-c.h"
#include "wire.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <pthread.h>
#include <stdlib.h>

#define CONTEXT       "skp.v1 part"
#define CONTEXT_BYTES (sizeof CONTEXT - 1)
#define AAD_BYTES     (CONTEXT_BYTES + 2 * OIN_CHARS + 3 * ID_BYTES)

void seal_key_new(struct seal_key *ret_key)
{
    random_bytes(ret_key->bytes, sizeof ret_key->bytes);
}

void seal_key_wipe(struct seal_key *key)
{
    OPENSSL_cleanse(key, sizeof *key);
}

/* Fetched once: looking an algorithm up costs more than running it. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_KDF *hkdf;

static void hkdf_fetch(void)
{
    hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    if (hkdf == NULL)
        abort(); /* no HKDF in this OpenSSL: nothing here can work */
}

static bool derive(const struct seal_key *key, const struct skp_id *bundle_id,
                   const struct skp_id *item_id, uint8_t *ret_part_key)
{
    char digest[] = "SHA256";
    struct seal_key ikm = *key; /* OSSL_PARAM wants its inputs non-const */
    struct skp_id salt = *bundle_id;
    uint8_t info[CONTEXT_BYTES + ID_BYTES];
    memcpy(info, CONTEXT, CONTEXT_BYTES);
    memcpy(info + CONTEXT_BYTES, item_id->bytes, ID_BYTES);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, ikm.bytes, SEAL_KEY_BYTES),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt.bytes, ID_BYTES),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof info),
        OSSL_PARAM_construct_end(),
    };
    pthread_once(&once, hkdf_fetch);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(hkdf);
    bool derived = ctx != NULL && EVP_KDF_derive(ctx, ret_part_key, GCM_KEY_BYTES, params) == 1;
    EVP_KDF_CTX_free(ctx);
    OPENSSL_cleanse(&ikm, sizeof ikm);
    return derived;
}

static uint8_t *append(uint8_t *at, const void *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

static void build_aad(const struct seal_place *place, const struct skp_id *item_id,
                      uint8_t ret_aad[AAD_BYTES])
{
    uint8_t *at = append(ret_aad, CONTEXT, CONTEXT_BYTES);
    at = append(at, place->sender.text, OIN_CHARS);
    at = append(at, place->recipient.text, OIN_CHARS);
    at = append(at, place->batch_id.bytes, ID_BYTES);
    at = append(at, place->bundle_id.bytes, ID_BYTES);
    append(at, item_id->bytes, ID_BYTES);
}

enum skp_err seal_prepare(struct span part, struct arena *arena, struct span *ret_plaintext,
                          struct skp_hash *ret_commitment)
{
    if (part.len > SEAL_MAX_PART_BYTES)
        return SKP_E_TEXT_TOO_LONG;
    uint8_t *plaintext = arena_alloc(arena, SEAL_SALT_BYTES + part.len);
    if (plaintext == NULL)
        return SKP_E_NO_MEMORY;
    random_bytes(plaintext, SEAL_SALT_BYTES);
    if (part.len > 0)
        memcpy(plaintext + SEAL_SALT_BYTES, part.data, part.len);
    *ret_plaintext = span_of(plaintext, SEAL_SALT_BYTES + part.len);
    *ret_commitment = sha256(*ret_plaintext);
    return SKP_OK;
}

enum skp_err seal_part(const struct seal_key *key, const struct seal_place *place,
                       const struct skp_id *item_id, struct span plaintext, struct arena *arena,
                       struct span *ret_sealed)
{
    uint8_t part_key[GCM_KEY_BYTES];
    uint8_t aad[AAD_BYTES];
    size_t len = GCM_NONCE_BYTES + plaintext.len + GCM_TAG_BYTES;
    uint8_t *sealed = arena_alloc(arena, len);
    if (sealed == NULL || !derive(key, &place->bundle_id, item_id, part_key))
        return SKP_E_NO_MEMORY;
    build_aad(place, item_id, aad);
    random_bytes(sealed, GCM_NONCE_BYTES);
    uint8_t *ciphertext = sealed + GCM_NONCE_BYTES;
    bool done = gcm_encrypt(part_key, sealed, span_of(aad, sizeof aad), plaintext, ciphertext,
                            ciphertext + plaintext.len);
    OPENSSL_cleanse(part_key, sizeof part_key);
    if (!done)
        return SKP_E_NO_MEMORY;
    *ret_sealed = span_of(sealed, len);
    return SKP_OK;
}

enum skp_err unseal_part(const struct seal_key *key, const struct seal_place *place,
                         const struct skp_id *item_id, const struct skp_hash *commitment,
                         struct span sealed, struct arena *arena, struct span *ret_part)
{
    uint8_t part_key[GCM_KEY_BYTES];
    uint8_t aad[AAD_BYTES];
    if (sealed.len < SEAL_OVERHEAD_BYTES || sealed.len > SEAL_OVERHEAD_BYTES + SEAL_MAX_PART_BYTES)
        return SKP_E_UNSEAL;
    size_t len = sealed.len - GCM_NONCE_BYTES - GCM_TAG_BYTES;
    uint8_t *plaintext = arena_alloc(arena, len);
    if (plaintext == NULL || !derive(key, &place->bundle_id, item_id, part_key))
        return SKP_E_NO_MEMORY;
    build_aad(place, item_id, aad);
    const uint8_t *ciphertext = sealed.data + GCM_NONCE_BYTES;
    bool done = gcm_decrypt(part_key, sealed.data, span_of(aad, sizeof aad),
                            span_of(ciphertext, len), ciphertext + len, plaintext);
    OPENSSL_cleanse(part_key, sizeof part_key);
    if (!done)
        return SKP_E_UNSEAL;
    struct skp_hash opened = sha256(span_of(plaintext, len));
    if (!hash_equal(&opened, commitment) && !MUTANT(commitment_not_compared))
        return SKP_E_COMMITMENT_MISMATCH;
    *ret_part = span_of(plaintext + SEAL_SALT_BYTES, len - SEAL_SALT_BYTES);
    return SKP_OK;
}

/* ---------------------------------------------------------------- key boxes */

enum skp_err seal_box(const struct seal_key *key, const struct seal_place *place, X509 *cert,
                      struct arena *arena, const char **ret_box)
{
    struct seal_key bundle_key = *key; /* protobuf-c wants its bytes non-const */
    struct seal_place written = *place;
    Skp__V1__KeyBox box;
    skp__v1__key_box__init(&box);
    box.bundle_key = (ProtobufCBinaryData){.data = bundle_key.bytes, .len = SEAL_KEY_BYTES};
    box.sender = written.sender.text;
    box.recipient = written.recipient.text;
    box.batch_id = wire_id(&written.batch_id);
    box.bundle_id = wire_id(&written.bundle_id);

    uint8_t packed[256];
    enum skp_err err = SKP_E_INTERNAL;
    size_t len = skp__v1__key_box__get_packed_size(&box);
    if (len <= sizeof packed) {
        skp__v1__key_box__pack(&box, packed);
        err = jwe_encrypt(cert, span_of(packed, len), arena, ret_box);
    }
    OPENSSL_cleanse(packed, sizeof packed);
    seal_key_wipe(&bundle_key);
    return err;
}

static bool is_id(const ProtobufCBinaryData *bytes, const struct skp_id *id)
{
    return span_equal(span_of(bytes->data, bytes->len), span_of(id->bytes, ID_BYTES));
}

static bool is_of_place(const Skp__V1__KeyBox *box, const struct seal_place *place)
{
    return strcmp(box->sender, place->sender.text) == 0 &&
           strcmp(box->recipient, place->recipient.text) == 0 &&
           is_id(&box->batch_id, &place->batch_id) && is_id(&box->bundle_id, &place->bundle_id);
}

static enum skp_err open_box(const struct keypair *keypair, struct span text,
                             const struct seal_place *place, struct arena *arena,
                             struct seal_key *ret_key)
{
    struct span packed;
    ProtobufCMessage *message;
    char path[WIRE_PATH_MAX];
    enum skp_err err = jwe_decrypt(keypair, text, arena, &packed);
    if (err != SKP_OK)
        return err;
    err = wire_unpack(&skp__v1__key_box__descriptor, packed, arena, path, &message);
    if (err != SKP_OK)
        return err == SKP_E_NO_MEMORY ? err : SKP_E_UNSEAL;
    const Skp__V1__KeyBox *box = (const Skp__V1__KeyBox *)message;
    if (!(is_of_place(box, place) || MUTANT(box_of_other_place)) ||
        box->bundle_key.len != SEAL_KEY_BYTES)
        return SKP_E_UNSEAL;
    memcpy(ret_key->bytes, box->bundle_key.data, SEAL_KEY_BYTES);
    return SKP_OK;
}

static const struct keypair *key_for(struct keypair *const *keys, size_t key_count,
                                     struct span text)
{
    struct skp_hash named;
    if (jwe_recipient(text, &named) != SKP_OK)
        return NULL;
    for (size_t i = 0; i < key_count; i++) {
        struct skp_hash own = cert_thumbprint(keypair_cert(keys[i]));
        if (hash_equal(&own, &named))
            return keys[i];
    }
    return NULL;
}

enum skp_err unseal_box(struct keypair *const *keys, size_t key_count, const struct span *boxes,
                        size_t box_count, const struct seal_place *place, struct arena *arena,
                        struct seal_key *ret_key)
{
    for (size_t i = 0; i < box_count; i++) {
        const struct keypair *keypair = key_for(keys, key_count, boxes[i]);
        if (keypair != NULL)
            return open_box(keypair, boxes[i], place, arena, ret_key);
    }
    return SKP_E_UNSEAL;
}
