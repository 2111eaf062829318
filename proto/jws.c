#include "identity_internal.h"
#include "jose_internal.h"

#include "merkle.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#define MAX_SIGNATURE 512          /* RSA-4096 */
#define MAX_CHAIN     4            /* x5c: leaf and three intermediates */
#define MAX_IAT       253402300799 /* the last second of year 9999 */
#define SCRATCH_BYTES (8 * JWS_MAX_BYTES)

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

static struct skp_hash hash_chain(const json_t *x5c)
{
    struct span texts[MAX_CHAIN];
    size_t count = json_array_size(x5c);
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(x5c, i));
        texts[i] = span_of(text, strlen(text) + 1); /* the NUL keeps neighbours apart */
    }
    return sha256_spans(texts, count);
}

/* *ret_x5c belongs to `header`. */
static bool read_claimed(const json_t *header, struct arena *arena, const json_t **ret_x5c,
                         struct jws_claimed *ret_claimed)
{
    const json_t *x5c = json_object_get(header, "x5c");
    const json_t *iat = json_object_get(header, "iat");
    const char *alg = jose_member(header, "alg");
    json_int_t seconds = json_integer_value(iat);
    if (alg == NULL || strlen(alg) >= sizeof ret_claimed->alg || !json_is_integer(iat) ||
        seconds < 0 || seconds > MAX_IAT || json_array_size(x5c) < 1 ||
        json_array_size(x5c) > MAX_CHAIN)
        return false;
    for (size_t i = 0; i < json_array_size(x5c); i++) {
        if (!json_is_string(json_array_get(x5c, i)))
            return false;
    }
    memcpy(ret_claimed->alg, alg, strlen(alg) + 1);
    ret_claimed->signed_at_ms = (int64_t)seconds * 1000;
    ret_claimed->chain = hash_chain(x5c);
    *ret_x5c = x5c;
    return jose_thumbprint(header, arena, &ret_claimed->thumbprint);
}

static STACK_OF(X509) * parse_chain(const json_t *x5c, struct arena *arena)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    for (size_t i = 0; chain != NULL && i < json_array_size(x5c); i++) {
        struct span der;
        X509 *cert = NULL;
        const char *text = json_string_value(json_array_get(x5c, i));
        if (base64_decode(span_text(text), arena, &der) != SKP_OK ||
            cert_parse(der, &cert) != SKP_OK || sk_X509_push(chain, cert) <= 0) {
            X509_free(cert);
            sk_X509_pop_free(chain, X509_free);
            return NULL;
        }
    }
    return chain;
}

static enum skp_err check_signer(struct trust *trust, STACK_OF(X509) * chain, int64_t at_ms,
                                 struct jws_known *ret_known, const char **ret_why)
{
    struct jws_known known;
    X509 *leaf = sk_X509_value(chain, 0);
    enum skp_err err = trust_check(trust, leaf, chain, CERT_SIGNING, at_ms, ret_why);
    if (err != SKP_OK)
        return err;
    if (cert_oin(leaf, &known.oin) != SKP_OK) {
        *ret_why = "the signing certificate names no valid OIN";
        return SKP_E_SIGNER_INVALID;
    }
    known.thumbprint = cert_thumbprint(leaf);
    known.key = X509_get_pubkey(leaf);
    *ret_known = known;
    return SKP_OK;
}

/* *ret_known holds an own reference to the key. */
static enum skp_err find_signer(struct trust *trust, struct jws_cache *cache, const json_t *x5c,
                                const struct skp_hash *chain_hash, int64_t at_ms,
                                struct arena *arena, struct jws_known *ret_known,
                                const char **ret_why)
{
    uint64_t generation = trust_generation(trust);
    if (cache != NULL && jws_cache_find(cache, chain_hash, generation, at_ms, ret_known))
        return SKP_OK;
    STACK_OF(X509) *chain = parse_chain(x5c, arena);
    if (chain == NULL) {
        *ret_why = "x5c holds no readable certificates";
        return SKP_E_SIGNER_INVALID;
    }
    enum skp_err err = check_signer(trust, chain, at_ms, ret_known, ret_why);
    sk_X509_pop_free(chain, X509_free);
    if (err == SKP_OK && cache != NULL)
        jws_cache_put(cache, chain_hash, generation, at_ms, ret_known);
    return err;
}

/* Takes the reference in `known`. */
static void name_signer(const struct jws_claimed *claimed, const struct jws_known *known,
                        struct jws_signer *ret_signer)
{
    *ret_signer = (struct jws_signer){
        .oin = known->oin, .thumbprint = known->thumbprint, .signed_at_ms = claimed->signed_at_ms};
    EVP_PKEY_free(known->key);
}

/* Takes the reference in `known`. */
static enum skp_err check_claimed(const struct jws_claimed *claimed, const struct jws_known *known,
                                  const struct span *parts, struct span payload,
                                  struct arena *arena, struct jws_signer *ret_signer,
                                  const char **ret_why)
{
    struct span signature;
    enum skp_err err = SKP_E_SIGNATURE_INVALID;
    if (base64url_decode(parts[2], arena, &signature) != SKP_OK) {
        *ret_why = "the signature is not base64url";
    } else if (!hash_equal(&known->thumbprint, &claimed->thumbprint)) {
        *ret_why = "x5t#S256 is not the thumbprint of the first certificate of x5c";
        err = SKP_E_SIGNER_INVALID;
    } else if (!jws_check_bytes(known->key, claimed->alg, parts[0], payload, signature)) {
        *ret_why = "the signature does not fit the bytes, the algorithm or the key";
    } else {
        name_signer(claimed, known, ret_signer);
        return SKP_OK;
    }
    EVP_PKEY_free(known->key);
    return err;
}

/* Reads the header and finds out who signed, from what was read or verified a moment ago where that
 * is known. */
static enum skp_err find_claimed(struct trust *trust, struct jws_cache *cache,
                                 struct span header_text, int64_t at_ms, struct arena *arena,
                                 struct jws_claimed *ret_claimed, struct jws_known *ret_known,
                                 const char **ret_why)
{
    const json_t *x5c;
    enum skp_err err = SKP_E_SIGNATURE_INVALID;
    if (cache != NULL && jws_cache_find_header(cache, header_text, ret_claimed) &&
        jws_cache_find(cache, &ret_claimed->chain, trust_generation(trust), at_ms, ret_known))
        return SKP_OK;
    json_t *header = jose_header_read(header_text, arena);
    if (header == NULL || !read_claimed(header, arena, &x5c, ret_claimed))
        *ret_why = "the protected header does not hold alg, x5c, x5t#S256 and iat";
    else
        err = find_signer(trust, cache, x5c, &ret_claimed->chain, at_ms, arena, ret_known, ret_why);
    json_decref(header);
    if (err == SKP_OK && cache != NULL)
        jws_cache_put_header(cache, header_text, ret_claimed);
    return err;
}

static enum skp_err verify_anew(struct trust *trust, struct jws_cache *cache,
                                const struct span *parts, struct span payload, int64_t at_ms,
                                struct jws_claimed *ret_claimed, struct jws_signer *ret_signer,
                                const char **ret_why)
{
    struct jws_known known;
    struct arena arena;
    arena_init(&arena, SCRATCH_BYTES);
    enum skp_err err =
        find_claimed(trust, cache, parts[0], at_ms, &arena, ret_claimed, &known, ret_why);
    if (err == SKP_OK)
        err = check_claimed(ret_claimed, &known, parts, payload, &arena, ret_signer, ret_why);
    /* What could not be looked at for want of memory is not called wrong. */
    if (err != SKP_OK && arena.exhausted) {
        *ret_why = "out of memory";
        err = SKP_E_NO_MEMORY;
    }
    arena_fini(&arena);
    return err;
}

/* What fitted holds no NUL, so jws and payload cannot be divided in another way under the same name. */
static struct skp_hash name_of(struct span jws, struct span payload)
{
    struct span parts[] = {jws, span_of("", 1), payload};
    return sha256_spans(parts, 3);
}

enum skp_err jws_verify(struct trust *trust, struct jws_cache *cache, struct span jws,
                        struct span payload, int64_t at_ms, struct jws_signer *ret_signer,
                        const char **ret_why)
{
    struct span parts[3];
    struct jws_claimed claimed;
    struct jws_known known;
    if (jws.len > JWS_MAX_BYTES || !jose_split(jws, parts, 3) || parts[1].len != 0) {
        *ret_why = "not a detached JWS in compact form";
        return SKP_E_SIGNATURE_INVALID;
    }
    if (cache == NULL)
        return verify_anew(trust, cache, parts, payload, at_ms, &claimed, ret_signer, ret_why);
    struct skp_hash name = name_of(jws, payload);
    if (jws_cache_find_good(cache, &name, &claimed) &&
        jws_cache_find(cache, &claimed.chain, trust_generation(trust), at_ms, &known)) {
        name_signer(&claimed, &known, ret_signer);
        return SKP_OK;
    }
    enum skp_err err =
        verify_anew(trust, cache, parts, payload, at_ms, &claimed, ret_signer, ret_why);
    if (err == SKP_OK)
        jws_cache_put_good(cache, &name, &claimed);
    return err;
}
