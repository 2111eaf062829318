#include "jwe_internal.h"

#include "gcm.h"
#include "random.h"

#include <openssl/err.h>

enum part { HEADER, WRAPPED_KEY, NONCE, CIPHERTEXT, TAG, PARTS };

/* What stands before the ciphertext. */
struct lock {
    json_t *epk; /* NULL for RSA */
    uint8_t wrapped[JWE_MAX_WRAPPED];
    size_t wrapped_len;
};

static bool lock_for_ec(EVP_PKEY *recipient, const uint8_t *key, struct arena *arena,
                        struct lock *ret_lock)
{
    EVP_PKEY *ephemeral;
    if (!jwe_ec_wrap(recipient, key, &ephemeral, ret_lock->wrapped, &ret_lock->wrapped_len))
        return false;
    ret_lock->epk = jwe_epk_write(ephemeral, arena);
    EVP_PKEY_free(ephemeral);
    return ret_lock->epk != NULL;
}

static bool lock_for(EVP_PKEY *recipient, const uint8_t *key, struct arena *arena,
                     struct lock *ret_lock)
{
    ret_lock->epk = NULL;
    if (EVP_PKEY_is_a(recipient, "RSA"))
        return jwe_rsa_wrap(recipient, key, ret_lock->wrapped, &ret_lock->wrapped_len);
    return lock_for_ec(recipient, key, arena, ret_lock);
}

/* Takes the reference to `epk`. */
static const char *header_of(X509 *cert, const char *alg, json_t *epk, struct arena *arena)
{
    struct skp_hash thumbprint = cert_thumbprint(cert);
    const char *x5t = base64url_encode(span_of(thumbprint.bytes, HASH_BYTES), arena);
    if (x5t == NULL) {
        json_decref(epk);
        return NULL;
    }
    return jose_header_write(
        json_pack("{s:s, s:s, s:s, s:o*}", "alg", alg, "enc", JWE_ENC, "x5t#S256", x5t, "epk", epk),
        arena);
}

static const char *join(const char *header, const struct span *parts, struct arena *arena)
{
    const char *texts[PARTS] = {header};
    size_t bytes = strlen(header) + 1;
    for (size_t i = WRAPPED_KEY; i < PARTS; i++) {
        texts[i] = base64url_encode(parts[i], arena);
        if (texts[i] == NULL)
            return NULL;
        bytes += 1 + strlen(texts[i]);
    }
    char *jwe = arena_alloc(arena, bytes);
    if (jwe == NULL)
        return NULL;
    char *end = stpcpy(jwe, header);
    for (size_t i = WRAPPED_KEY; i < PARTS; i++)
        end = stpcpy(stpcpy(end, "."), texts[i]);
    return jwe;
}

static enum skp_err encrypt_with(const uint8_t *key, X509 *cert, struct span plaintext,
                                 struct arena *arena, const char **ret_jwe)
{
    struct lock lock;
    uint8_t nonce[GCM_NONCE_BYTES];
    uint8_t tag[GCM_TAG_BYTES];
    EVP_PKEY *recipient = X509_get0_pubkey(cert);
    if (!lock_for(recipient, key, arena, &lock)) {
        ERR_clear_error();
        return SKP_E_CERTIFICATE;
    }
    const char *header = header_of(cert, jwe_alg_of(recipient), lock.epk, arena);
    uint8_t *ciphertext = arena_alloc(arena, plaintext.len + 1);
    random_bytes(nonce, sizeof nonce);
    if (header == NULL || ciphertext == NULL ||
        !gcm_encrypt(key, nonce, span_text(header), plaintext, ciphertext, tag))
        return SKP_E_NO_MEMORY;
    struct span parts[PARTS] = {
        [WRAPPED_KEY] = span_of(lock.wrapped, lock.wrapped_len),
        [NONCE] = span_of(nonce, sizeof nonce),
        [CIPHERTEXT] = span_of(ciphertext, plaintext.len),
        [TAG] = span_of(tag, sizeof tag),
    };
    *ret_jwe = join(header, parts, arena);
    return *ret_jwe != NULL ? SKP_OK : SKP_E_NO_MEMORY;
}

enum skp_err jwe_encrypt(X509 *cert, struct span plaintext, struct arena *arena,
                         const char **ret_jwe)
{
    const char *jwe;
    uint8_t key[JWE_KEY_BYTES];
    EVP_PKEY *recipient = X509_get0_pubkey(cert);
    if (recipient == NULL || jwe_alg_of(recipient) == NULL)
        return SKP_E_CERTIFICATE;
    if (plaintext.len > JWE_MAX_PLAINTEXT)
        return SKP_E_TEXT_TOO_LONG;
    random_bytes(key, sizeof key);
    enum skp_err err = encrypt_with(key, cert, plaintext, arena, &jwe);
    OPENSSL_cleanse(key, sizeof key);
    if (err == SKP_OK)
        *ret_jwe = jwe;
    return err;
}

/* ---------------------------------------------------------------- opening */

/* A JWE of this protocol, split and its header parsed. "zip" would make the content something else
 * than it says, "apu" and "apv" would enter the key: nobody here sends them, so nobody may. */
static json_t *read_header(struct span jwe, struct arena *arena, struct span *ret_parts)
{
    if (jwe.len > JWE_MAX_BYTES || !jose_split(jwe, ret_parts, PARTS))
        return NULL;
    json_t *header = jose_header_read(ret_parts[HEADER], arena);
    const char *enc = jose_member(header, "enc");
    if (enc != NULL && strcmp(enc, JWE_ENC) == 0 && json_object_get(header, "zip") == NULL &&
        json_object_get(header, "apu") == NULL && json_object_get(header, "apv") == NULL)
        return header;
    json_decref(header);
    return NULL;
}

enum skp_err jwe_recipient(struct span jwe, struct skp_hash *ret_thumbprint)
{
    struct span parts[PARTS];
    struct arena arena;
    arena_init(&arena, 4 * JWE_MAX_BYTES);
    json_t *header = read_header(jwe, &arena, parts);
    bool named = jose_thumbprint(header, &arena, ret_thumbprint);
    json_decref(header);
    arena_fini(&arena);
    return named ? SKP_OK : SKP_E_DECODE;
}

static bool unlock(EVP_PKEY *own, const json_t *header, struct span wrapped, struct arena *arena,
                   uint8_t *ret_key)
{
    const char *alg = jose_member(header, "alg");
    const char *expected = jwe_alg_of(own);
    if (alg == NULL || expected == NULL || strcmp(alg, expected) != 0)
        return false;
    if (strcmp(alg, JWE_ALG_RSA) == 0)
        return jwe_rsa_unwrap(own, wrapped, ret_key);
    EVP_PKEY *ephemeral = jwe_epk_read(json_object_get(header, "epk"), jose_curve_of(own), arena);
    bool unlocked = ephemeral != NULL && jwe_ec_unwrap(own, ephemeral, wrapped, ret_key);
    EVP_PKEY_free(ephemeral);
    return unlocked;
}

static bool is_for(const struct keypair *keypair, const json_t *header, struct arena *arena)
{
    struct skp_hash named;
    struct skp_hash own = cert_thumbprint(keypair_cert(keypair));
    return jose_thumbprint(header, arena, &named) && hash_equal(&named, &own);
}

static bool decode_parts(const struct span *texts, struct arena *arena, struct span *ret_parts)
{
    for (size_t i = WRAPPED_KEY; i < PARTS; i++) {
        if (base64url_decode(texts[i], arena, &ret_parts[i]) != SKP_OK)
            return false;
    }
    return ret_parts[NONCE].len == GCM_NONCE_BYTES && ret_parts[TAG].len == GCM_TAG_BYTES;
}

enum skp_err jwe_decrypt(const struct keypair *keypair, struct span jwe, struct arena *arena,
                         struct span *ret_plaintext)
{
    struct span texts[PARTS];
    struct span parts[PARTS];
    uint8_t key[JWE_KEY_BYTES];
    json_t *header = read_header(jwe, arena, texts);
    bool unlocked = header != NULL && is_for(keypair, header, arena) &&
                    decode_parts(texts, arena, parts) &&
                    unlock(keypair_key(keypair), header, parts[WRAPPED_KEY], arena, key);
    json_decref(header);
    uint8_t *plaintext = unlocked ? arena_alloc(arena, parts[CIPHERTEXT].len + 1) : NULL;
    bool opened = plaintext != NULL && gcm_decrypt(key, parts[NONCE].data, texts[HEADER],
                                                   parts[CIPHERTEXT], parts[TAG].data, plaintext);
    OPENSSL_cleanse(key, sizeof key);
    ERR_clear_error();
    if (!opened)
        return arena->exhausted ? SKP_E_NO_MEMORY : SKP_E_UNSEAL;
    *ret_plaintext = span_of(plaintext, parts[CIPHERTEXT].len);
    return SKP_OK;
}
