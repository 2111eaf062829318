#include "identity_internal.h"
#include "jose_internal.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#define MAX_SIGNATURE 512 /* RSA-4096 */

static const char *alg_of(const EVP_PKEY *key)
{
    const struct jose_curve *curve = jose_curve_of(key);
    if (curve != NULL)
        return curve->jws_alg;
    return EVP_PKEY_is_a(key, "RSA") ? "PS256" : NULL;
}

static bool use_pss(EVP_PKEY *key, EVP_PKEY_CTX *ctx)
{
    return !EVP_PKEY_is_a(key, "RSA") ||
           (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static const char *digest_of(const EVP_PKEY *key)
{
    const struct jose_curve *curve = jose_curve_of(key);
    return curve != NULL ? curve->digest : "SHA256";
}

/* ---------------------------------------------------------------- ECDSA: DER inside, r || s
 * outside */

static bool raw_from_der(const struct jose_curve *curve, uint8_t *signature, size_t *len)
{
    const uint8_t *at = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)*len);
    if (pair == NULL)
        return false;
    int size = (int)curve->coordinate_bytes;
    bool whole = BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, size) == size &&
                 BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + size, size) == size;
    ECDSA_SIG_free(pair);
    *len = 2 * curve->coordinate_bytes;
    return whole;
}

static bool der_from_raw(const struct jose_curve *curve, struct span raw, uint8_t *der, size_t *len)
{
    if (raw.len != 2 * curve->coordinate_bytes)
        return false;
    int size = (int)curve->coordinate_bytes;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw.data, size, NULL);
    BIGNUM *s = BN_bin2bn(raw.data + size, size, NULL);
    int der_len = -1;
    if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
        der_len = i2d_ECDSA_SIG(pair, &der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    *len = (size_t)der_len;
    return der_len > 0;
}

/* ---------------------------------------------------------------- signing */

static bool sign_bytes(EVP_PKEY *key, struct span header_text, struct span payload,
                       uint8_t *signature, size_t *len)
{
    EVP_PKEY_CTX *key_ctx;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const struct jose_curve *curve = jose_curve_of(key);
    bool signed_ok =
        ctx != NULL &&
        EVP_DigestSignInit_ex(ctx, &key_ctx, digest_of(key), NULL, NULL, key, NULL) == 1 &&
        use_pss(key, key_ctx) &&
        EVP_DigestSignUpdate(ctx, header_text.data, header_text.len) == 1 &&
        EVP_DigestSignUpdate(ctx, ".", 1) == 1 &&
        base64url_feed(payload, EVP_DigestSignUpdate, ctx) &&
        EVP_DigestSignFinal(ctx, signature, len) == 1;
    EVP_MD_CTX_free(ctx);
    return signed_ok && (curve == NULL || raw_from_der(curve, signature, len));
}

static bool append_cert(json_t *x5c, X509 *cert, struct arena *arena)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);
    const char *text = len > 0 ? base64_encode(span_of(der, (size_t)len), arena) : NULL;
    OPENSSL_free(der);
    return text != NULL && json_array_append_new(x5c, json_string(text)) == 0;
}

static json_t *chain_of(const struct keypair *signer, struct arena *arena)
{
    json_t *x5c = json_array();
    bool whole = x5c != NULL;
    for (int i = 0; whole && i < sk_X509_num(keypair_chain(signer)); i++) {
        X509 *cert = sk_X509_value(keypair_chain(signer), i);
        if (i == 0 || !cert_is_self_issued(cert))
            whole = append_cert(x5c, cert, arena);
    }
    if (whole)
        return x5c;
    json_decref(x5c);
    return NULL;
}

static const char *make_header(const struct keypair *signer, int64_t second, struct arena *arena)
{
    struct skp_hash thumbprint = cert_thumbprint(keypair_cert(signer));
    const char *x5t = base64url_encode(span_of(thumbprint.bytes, HASH_BYTES), arena);
    json_t *x5c = chain_of(signer, arena);
    if (x5t == NULL || x5c == NULL) {
        json_decref(x5c);
        return NULL;
    }
    json_t *header = json_pack("{s:s, s:o, s:s, s:I}", "alg", alg_of(keypair_key(signer)), "x5c",
                               x5c, "x5t#S256", x5t, "iat", (json_int_t)second);
    return jose_header_write(header, arena);
}

static const char *header_of(const struct keypair *signer, int64_t second, struct arena *arena)
{
    const char *header = keypair_header(signer, second, arena);
    if (header != NULL)
        return header;
    header = make_header(signer, second, arena);
    if (header != NULL)
        keypair_keep_header(signer, second, header);
    return header;
}

enum skp_err jws_sign_header(EVP_PKEY *key, const char *header, struct span payload,
                             struct arena *arena, const char **ret_jws)
{
    uint8_t signature[MAX_SIGNATURE];
    size_t len = sizeof signature;
    if (!sign_bytes(key, span_text(header), payload, signature, &len)) {
        ERR_clear_error();
        return SKP_E_CERTIFICATE;
    }
    const char *text = base64url_encode(span_of(signature, len), arena);
    size_t bytes = strlen(header) + 2 + (text != NULL ? strlen(text) : 0) + 1;
    char *jws = text != NULL ? arena_alloc(arena, bytes) : NULL;
    if (jws == NULL)
        return SKP_E_NO_MEMORY;
    if (bytes > JWS_MAX_BYTES)
        return SKP_E_CERTIFICATE; /* a chain nobody would take */
    stpcpy(stpcpy(stpcpy(jws, header), ".."), text);
    *ret_jws = jws;
    return SKP_OK;
}

enum skp_err jws_sign(const struct keypair *signer, struct span payload, int64_t at_ms,
                      struct arena *arena, const char **ret_jws)
{
    EVP_PKEY *key = keypair_key(signer);
    if (alg_of(key) == NULL || EVP_PKEY_get_size(key) > MAX_SIGNATURE)
        return SKP_E_CERTIFICATE;
    const char *header = header_of(signer, at_ms / 1000, arena);
    if (header == NULL)
        return SKP_E_NO_MEMORY;
    return jws_sign_header(key, header, payload, arena, ret_jws);
}

/* ---------------------------------------------------------------- verifying */

bool jws_check_bytes(EVP_PKEY *key, const char *alg, struct span header_text, struct span payload,
                     struct span signature)
{
    uint8_t der[MAX_SIGNATURE];
    size_t len = signature.len;
    const char *expected = alg_of(key);
    const struct jose_curve *curve = jose_curve_of(key);
    if (expected == NULL || strcmp(alg, expected) != 0)
        return false;
    if (curve != NULL && !der_from_raw(curve, signature, der, &len))
        return false;
    EVP_PKEY_CTX *key_ctx;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good =
        ctx != NULL &&
        EVP_DigestVerifyInit_ex(ctx, &key_ctx, digest_of(key), NULL, NULL, key, NULL) == 1 &&
        use_pss(key, key_ctx) &&
        EVP_DigestVerifyUpdate(ctx, header_text.data, header_text.len) == 1 &&
        EVP_DigestVerifyUpdate(ctx, ".", 1) == 1 &&
        base64url_feed(payload, EVP_DigestVerifyUpdate, ctx) &&
        EVP_DigestVerifyFinal(ctx, curve != NULL ? der : signature.data, len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good;
}
