/* Who signed, whether the signature fits, and whether its signer could sign then. */
#include "identity_internal.h"
#include "jose_internal.h"

#include "merkle.h"
#include "mutant.h"

#define MAX_CHAIN     4            /* x5c: leaf and three intermediates */
#define MAX_IAT       253402300799 /* the last second of year 9999 */
#define SCRATCH_BYTES (8 * JWS_MAX_BYTES)

/* ---------------------------------------------------------------- what the header says */

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

/* ---------------------------------------------------------------- whose it is, and was valid when */

/* By what and for what a signature is looked at. */
struct judging {
    struct trust *trust;
    struct jws_cache *cache; /* may be NULL */
    int64_t at_ms;
    bool is_stored; /* taken by a broker when it was said */
};

static enum skp_err check_signer(const struct judging *judging, STACK_OF(X509) * chain,
                                 struct jws_known *ret_known, const char **ret_why)
{
    struct jws_known known;
    X509 *leaf = sk_X509_value(chain, 0);
    enum skp_err err =
        trust_check_signer(judging->trust, leaf, chain, judging->at_ms, &known.period, ret_why);
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

static bool find_known(const struct judging *judging, const struct jws_claimed *claimed,
                       struct jws_known *ret_known)
{
    return jws_cache_find(judging->cache, &claimed->chain, trust_generation(judging->trust),
                          judging->at_ms, ret_known);
}

/* *ret_known holds an own reference to the key. */
static enum skp_err find_signer(const struct judging *judging, const json_t *x5c,
                                const struct jws_claimed *claimed, struct arena *arena,
                                struct jws_known *ret_known, const char **ret_why)
{
    struct jws_cache *cache = judging->cache;
    if (cache != NULL && find_known(judging, claimed, ret_known))
        return SKP_OK;
    STACK_OF(X509) *chain = parse_chain(x5c, arena);
    if (chain == NULL) {
        *ret_why = "x5c holds no readable certificates";
        return SKP_E_SIGNER_INVALID;
    }
    enum skp_err err = check_signer(judging, chain, ret_known, ret_why);
    sk_X509_pop_free(chain, X509_free);
    if (err == SKP_OK && cache != NULL)
        jws_cache_put(cache, &claimed->chain, trust_generation(judging->trust), judging->at_ms,
                      ret_known);
    return err;
}

/* A time of signing before the beginning is that of a slow clock: it proves no less, and refused after the
 * end it would lose what a broker took. */
static const char *judge_period(const struct judging *judging, const struct cert_period *period,
                                int64_t signed_at_ms)
{
    int64_t signed_at_s = signed_at_ms / 1000;
    int64_t at_s = judging->at_ms / 1000;
    if (at_s < period->from_s)
        return "certificate is not yet valid";
    bool forgiven = judging->is_stored ? !MUTANT(waiting_expires) : MUTANT(expired_signs);
    if (at_s >= period->until_s && !forgiven)
        return "certificate has expired";
    if (signed_at_s >= period->until_s && !MUTANT(iat_not_judged))
        return "the time of signing (iat) is after the certificate's end";
    return NULL;
}

/* Whether the signer could sign when the signature says so; whether it fits is looked at apart. Takes
 * the reference in `known` unless it is so. */
static enum skp_err judge(const struct judging *judging, const struct jws_claimed *claimed,
                          const struct jws_known *known, const char **ret_why)
{
    const char *why = judge_period(judging, &known->period, claimed->signed_at_ms);
    if (why == NULL)
        return SKP_OK;
    EVP_PKEY_free(known->key);
    *ret_why = why;
    return SKP_E_SIGNER_INVALID;
}

/* ---------------------------------------------------------------- all of it */

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
static enum skp_err find_claimed(const struct judging *judging, struct span header_text,
                                 struct arena *arena, struct jws_claimed *ret_claimed,
                                 struct jws_known *ret_known, const char **ret_why)
{
    const json_t *x5c;
    struct jws_cache *cache = judging->cache;
    struct skp_hash name;
    int64_t signed_at_ms;
    enum skp_err err = SKP_E_SIGNATURE_INVALID;
    bool named = cache != NULL && jose_header_name(header_text, arena, &name, &signed_at_ms);
    if (named && jws_cache_find_header(cache, &name, ret_claimed)) {
        ret_claimed->signed_at_ms = signed_at_ms;
        if (find_known(judging, ret_claimed, ret_known))
            return SKP_OK;
    }
    json_t *header = jose_header_read(header_text, arena);
    if (header == NULL || !read_claimed(header, arena, &x5c, ret_claimed))
        *ret_why = "the protected header does not hold alg, x5c, x5t#S256 and iat";
    else
        err = find_signer(judging, x5c, ret_claimed, arena, ret_known, ret_why);
    json_decref(header);
    if (err == SKP_OK && named)
        jws_cache_put_header(cache, &name, ret_claimed);
    return err;
}

static enum skp_err verify_anew(const struct judging *judging, const struct span *parts,
                                struct span payload, struct jws_claimed *ret_claimed,
                                struct jws_signer *ret_signer, const char **ret_why)
{
    struct jws_known known;
    struct arena arena;
    arena_init(&arena, SCRATCH_BYTES);
    enum skp_err err = find_claimed(judging, parts[0], &arena, ret_claimed, &known, ret_why);
    if (err == SKP_OK)
        err = judge(judging, ret_claimed, &known, ret_why);
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

static enum skp_err verify(const struct judging *judging, struct span jws, struct span payload,
                           struct jws_signer *ret_signer, const char **ret_why)
{
    struct span parts[3];
    struct jws_claimed claimed;
    struct jws_known known;
    struct jws_cache *cache = judging->cache;
    if (jws.len > JWS_MAX_BYTES || !jose_split(jws, parts, 3) || parts[1].len != 0) {
        *ret_why = "not a detached JWS in compact form";
        return SKP_E_SIGNATURE_INVALID;
    }
    if (cache == NULL)
        return verify_anew(judging, parts, payload, &claimed, ret_signer, ret_why);
    struct skp_hash name = name_of(jws, payload);
    if (jws_cache_find_good(cache, &name, &claimed) && find_known(judging, &claimed, &known)) {
        enum skp_err judged = judge(judging, &claimed, &known, ret_why);
        if (judged == SKP_OK)
            name_signer(&claimed, &known, ret_signer);
        return judged;
    }
    enum skp_err err = verify_anew(judging, parts, payload, &claimed, ret_signer, ret_why);
    if (err == SKP_OK)
        jws_cache_put_good(cache, &name, &claimed);
    return err;
}

enum skp_err jws_verify(struct trust *trust, struct jws_cache *cache, struct span jws,
                        struct span payload, int64_t at_ms, struct jws_signer *ret_signer,
                        const char **ret_why)
{
    struct judging judging = {.trust = trust, .cache = cache, .at_ms = at_ms};
    return verify(&judging, jws, payload, ret_signer, ret_why);
}

enum skp_err jws_verify_stored(struct trust *trust, struct jws_cache *cache, struct span jws,
                               struct span payload, int64_t at_ms, struct jws_signer *ret_signer,
                               const char **ret_why)
{
    struct judging judging = {.trust = trust, .cache = cache, .at_ms = at_ms, .is_stored = true};
    return verify(&judging, jws, payload, ret_signer, ret_why);
}

enum skp_err jws_claimed_signer(struct span jws, struct skp_hash *ret_thumbprint)
{
    struct span parts[3];
    struct arena arena;
    if (jws.len > JWS_MAX_BYTES || !jose_split(jws, parts, 3))
        return SKP_E_DECODE;
    arena_init(&arena, SCRATCH_BYTES);
    json_t *header = jose_header_read(parts[0], &arena);
    bool named = header != NULL && jose_thumbprint(header, &arena, ret_thumbprint);
    json_decref(header);
    arena_fini(&arena);
    return named ? SKP_OK : SKP_E_DECODE;
}
