/* How a content key travels in a JWE: RSA-OAEP-256, or ECDH-ES+A256KW (RFC 7518 sections 4.3
 * and 4.6). */
#include "jwe_internal.h"

#include "merkle.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#define WRAPPED_BYTES (JWE_KEY_BYTES + 8)
#define MAX_SHARED    JOSE_MAX_COORDINATE

static void put_u32(uint8_t *out, size_t value)
{
    out[0] = (uint8_t)(value >> 24);
    out[1] = (uint8_t)(value >> 16);
    out[2] = (uint8_t)(value >> 8);
    out[3] = (uint8_t)value;
}

void jwe_concat_kdf(struct span shared, const char *algorithm, struct span apu, struct span apv,
                    size_t key_bytes, uint8_t *ret_key)
{
    uint8_t numbers[5][4];
    assert(key_bytes <= HASH_BYTES);
    put_u32(numbers[0], 1); /* the round: one gives 32 bytes */
    put_u32(numbers[1], strlen(algorithm));
    put_u32(numbers[2], apu.len);
    put_u32(numbers[3], apv.len);
    put_u32(numbers[4], key_bytes * 8);
    struct span spans[] = {
        span_of(numbers[0], 4), shared, span_of(numbers[1], 4), span_text(algorithm),
        span_of(numbers[2], 4), apu,    span_of(numbers[3], 4), apv,
        span_of(numbers[4], 4),
    };
    struct skp_hash hash = sha256_spans(spans, sizeof spans / sizeof spans[0]);
    memcpy(ret_key, hash.bytes, key_bytes);
    OPENSSL_cleanse(&hash, sizeof hash);
}

const char *jwe_alg_of(const EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_size(key) <= JWE_MAX_WRAPPED)
        return JWE_ALG_RSA;
    return jose_curve_of(key) != NULL ? JWE_ALG_EC : NULL;
}

/* ---------------------------------------------------------------- RSA */

static bool use_oaep(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
}

bool jwe_rsa_wrap(EVP_PKEY *recipient, const uint8_t *key, uint8_t *ret_wrapped, size_t *ret_len)
{
    size_t len = JWE_MAX_WRAPPED;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, recipient, NULL);
    bool wrapped = ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1 && use_oaep(ctx) &&
                   EVP_PKEY_encrypt(ctx, ret_wrapped, &len, key, JWE_KEY_BYTES) == 1;
    EVP_PKEY_CTX_free(ctx);
    *ret_len = len;
    return wrapped;
}

bool jwe_rsa_unwrap(EVP_PKEY *own, struct span wrapped, uint8_t *ret_key)
{
    uint8_t plain[JWE_MAX_WRAPPED];
    size_t len = sizeof plain;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    bool opened = ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 && use_oaep(ctx) &&
                  EVP_PKEY_decrypt(ctx, plain, &len, wrapped.data, wrapped.len) == 1 &&
                  len == JWE_KEY_BYTES;
    if (opened)
        memcpy(ret_key, plain, JWE_KEY_BYTES);
    OPENSSL_cleanse(plain, sizeof plain);
    EVP_PKEY_CTX_free(ctx);
    return opened;
}

/* ---------------------------------------------------------------- ECDH */

/* The key that wraps: Z of both keys, through the concat KDF. */
static bool agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t *ret_wrapping_key)
{
    uint8_t shared[MAX_SHARED];
    size_t len = sizeof shared;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    bool agreed = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
                  EVP_PKEY_derive_set_peer_ex(ctx, peer, 1) == 1 &&
                  EVP_PKEY_derive(ctx, shared, &len) == 1;
    if (agreed) {
        struct span none = span_of(NULL, 0);
        jwe_concat_kdf(span_of(shared, len), JWE_ALG_EC, none, none, JWE_KEY_BYTES,
                       ret_wrapping_key);
    }
    OPENSSL_cleanse(shared, sizeof shared);
    EVP_PKEY_CTX_free(ctx);
    return agreed;
}

/* AES key wrap (RFC 3394), both ways. */
static bool key_wrap(bool wrapping, const uint8_t *wrapping_key, const uint8_t *in, size_t in_len,
                     uint8_t *out, size_t out_len)
{
    int len = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL)
        return false;
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    bool done =
        EVP_CipherInit_ex2(ctx, EVP_aes_256_wrap(), wrapping_key, NULL, wrapping, NULL) == 1 &&
        EVP_CipherUpdate(ctx, out, &len, in, (int)in_len) == 1 && (size_t)len == out_len;
    EVP_CIPHER_CTX_free(ctx);
    return done;
}

bool jwe_ec_wrap(EVP_PKEY *recipient, const uint8_t *key, EVP_PKEY **ret_ephemeral,
                 uint8_t *ret_wrapped, size_t *ret_len)
{
    uint8_t wrapping_key[JWE_KEY_BYTES];
    EVP_PKEY *ephemeral = EVP_EC_gen(jose_curve_of(recipient)->group);
    bool wrapped = ephemeral != NULL && agree(ephemeral, recipient, wrapping_key) &&
                   key_wrap(true, wrapping_key, key, JWE_KEY_BYTES, ret_wrapped, WRAPPED_BYTES);
    OPENSSL_cleanse(wrapping_key, sizeof wrapping_key);
    if (!wrapped) {
        EVP_PKEY_free(ephemeral);
        return false;
    }
    *ret_ephemeral = ephemeral;
    *ret_len = WRAPPED_BYTES;
    return true;
}

bool jwe_ec_unwrap(EVP_PKEY *own, EVP_PKEY *ephemeral, struct span wrapped, uint8_t *ret_key)
{
    uint8_t wrapping_key[JWE_KEY_BYTES];
    bool opened = wrapped.len == WRAPPED_BYTES && agree(own, ephemeral, wrapping_key) &&
                  key_wrap(false, wrapping_key, wrapped.data, wrapped.len, ret_key, JWE_KEY_BYTES);
    OPENSSL_cleanse(wrapping_key, sizeof wrapping_key);
    return opened;
}

/* ---------------------------------------------------------------- epk (RFC 7518 section 6.2.1) */

json_t *jwe_epk_write(const EVP_PKEY *key, struct arena *arena)
{
    uint8_t point[1 + 2 * JOSE_MAX_COORDINATE];
    size_t len;
    const struct jose_curve *curve = jose_curve_of(key);
    size_t size = curve->coordinate_bytes;
    /* "pub" of a fresh key is the uncompressed point: 4, x, y. */
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len) !=
            1 ||
        len != 1 + 2 * size || point[0] != POINT_CONVERSION_UNCOMPRESSED)
        return NULL;
    const char *x = base64url_encode(span_of(point + 1, size), arena);
    const char *y = base64url_encode(span_of(point + 1 + size, size), arena);
    if (x == NULL || y == NULL)
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:s}", "kty", "EC", "crv", curve->crv, "x", x, "y", y);
}

static EVP_PKEY *key_from_point(const struct jose_curve *curve, const uint8_t *point, size_t len)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (builder != NULL && ctx != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) ==
            1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, len) == 1 &&
        (params = OSSL_PARAM_BLD_to_param(builder)) != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static bool read_coordinate(const json_t *epk, const char *name, size_t size, struct arena *arena,
                            uint8_t *ret_coordinate)
{
    struct span bytes;
    const char *text = jose_member(epk, name);
    if (text == NULL || base64url_decode(span_text(text), arena, &bytes) != SKP_OK ||
        bytes.len != size)
        return false;
    memcpy(ret_coordinate, bytes.data, size);
    return true;
}

EVP_PKEY *jwe_epk_read(const json_t *epk, const struct jose_curve *curve, struct arena *arena)
{
    uint8_t point[1 + 2 * JOSE_MAX_COORDINATE] = {POINT_CONVERSION_UNCOMPRESSED};
    size_t size = curve->coordinate_bytes;
    const char *kty = jose_member(epk, "kty");
    const char *crv = jose_member(epk, "crv");
    if (kty == NULL || strcmp(kty, "EC") != 0 || crv == NULL || strcmp(crv, curve->crv) != 0 ||
        !read_coordinate(epk, "x", size, arena, point + 1) ||
        !read_coordinate(epk, "y", size, arena, point + 1 + size))
        return NULL;
    return key_from_point(curve, point, 1 + 2 * size);
}
