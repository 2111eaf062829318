#include "test_keys.h"

#include "jose_internal.h"
#include "merkle.h"

#include <openssl/pem.h>

static struct arena arena;
static struct trust *trust;
static struct keypair *ec;
static struct keypair *rsa;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 8 * 1024 * 1024);
    trust = test_trust();
    ec = key_of(COUNSELLOR_OIN, "sign");
    rsa = key_of(RSA_CREDITOR_OIN, "sign");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    keypair_unref(ec);
    keypair_unref(rsa);
    trust_unref(trust);
    arena_fini(&arena);
    return 0;
}

static const char *const payload = "postzak";

static const char *sign(const struct keypair *signer)
{
    const char *jws;
    assert_ok(jws_sign(signer, span_text(payload), now_ms(), &arena, &jws));
    return jws;
}

static enum skp_err verify_at(struct trust *by, struct jws_cache *cache, struct span jws,
                              int64_t at_ms)
{
    struct jws_signer signer;
    const char *why = NULL;
    enum skp_err err = jws_verify(by, cache, jws, span_text(payload), at_ms, &signer, &why);
    assert_true((err == SKP_OK) == (why == NULL));
    return err;
}

static enum skp_err verify(const char *jws)
{
    return verify_at(trust, NULL, span_text(jws), now_ms());
}

static void names_its_signer(const struct keypair *keypair, const char *oin)
{
    struct jws_signer signer;
    const char *why = NULL;
    const char *jws;
    struct skp_hash thumbprint = cert_thumbprint(keypair_cert(keypair));
    int64_t signed_at_ms = now_ms() - 5000;
    assert_ok(jws_sign(keypair, span_text(payload), signed_at_ms + 7, &arena, &jws));
    assert_ok(jws_verify(trust, NULL, span_text(jws), span_text(payload), now_ms(), &signer, &why));
    assert_string_equal(signer.oin.text, oin);
    assert_true(hash_equal(&signer.thumbprint, &thumbprint));
    assert_int_equal(signer.signed_at_ms, signed_at_ms);
}

static void a_signature_of_ec_and_rsa_names_its_signer(void **state)
{
    (void)state;
    names_its_signer(ec, COUNSELLOR_OIN);
    names_its_signer(rsa, RSA_CREDITOR_OIN);
}

static void every_length_of_payload_is_signed_whole(void **state)
{
    (void)state;
    static uint8_t bytes[2400];
    static const size_t lengths[] = {0, 1, 2, 3, 767, 768, 769, 1535, 1536, 1537, 2400};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct jws_signer signer;
        const char *why;
        const char *jws;
        struct span signed_bytes = span_of(bytes, lengths[i]);
        assert_ok(jws_sign(ec, signed_bytes, now_ms(), &arena, &jws));
        assert_ok(jws_verify(trust, NULL, span_text(jws), signed_bytes, now_ms(), &signer, &why));
        if (lengths[i] == 0)
            continue;
        bytes[lengths[i] - 1] ^= 1;
        assert_err(jws_verify(trust, NULL, span_text(jws), signed_bytes, now_ms(), &signer, &why),
                   SKP_E_SIGNATURE_INVALID);
        bytes[lengths[i] - 1] ^= 1;
    }
}

/* With a cache, or the flips in the signature would each cost a chain check. */
static void no_changed_character_is_taken(const struct keypair *keypair, size_t step)
{
    struct jws_cache *cache = jws_cache_new(16);
    const char *jws = sign(keypair);
    size_t len = strlen(jws);
    char *changed = arena_copy(&arena, jws, len + 1);
    assert_ok(verify_at(trust, cache, span_text(jws), now_ms()));
    for (size_t i = 0; i < len; i += step) {
        changed[i] = (char)(jws[i] ^ 1);
        assert_int_not_equal(verify_at(trust, cache, span_of(changed, len), now_ms()), SKP_OK);
        changed[i] = jws[i];
        if (i % 64 == 0)
            assert_int_not_equal(verify_at(trust, cache, span_of(changed, i), now_ms()), SKP_OK);
    }
    assert_ok(verify_at(trust, cache, span_of(changed, len), now_ms()));
    jws_cache_free(cache);
}

static void every_flipped_character_is_refused(void **state)
{
    (void)state;
    no_changed_character_is_taken(ec, 1);
    no_changed_character_is_taken(rsa, 5); /* long chains take long */
}

static void another_payload_is_refused(void **state)
{
    (void)state;
    struct jws_signer signer = {.signed_at_ms = -1};
    const char *why = NULL;
    assert_err(
        jws_verify(trust, NULL, span_text(sign(ec)), span_text("postzag"), now_ms(), &signer, &why),
        SKP_E_SIGNATURE_INVALID);
    assert_non_null(why);
    assert_int_equal(signer.signed_at_ms, -1);
}

static void a_tls_or_encryption_certificate_signs_nothing(void **state)
{
    (void)state;
    static const char *const purposes[] = {"tls", "enc"};
    for (size_t i = 0; i < 2; i++) {
        struct keypair *wrong = key_of(COUNSELLOR_OIN, purposes[i]);
        assert_err(verify(sign(wrong)), SKP_E_SIGNER_INVALID);
        keypair_unref(wrong);
    }
}

static void a_time_outside_the_certificate_is_refused(void **state)
{
    (void)state;
    const int64_t ten_years_ms = 10LL * 365 * 86400 * 1000;
    struct span jws = span_text(sign(ec));
    assert_err(verify_at(trust, NULL, jws, now_ms() + ten_years_ms), SKP_E_SIGNER_INVALID);
    assert_err(verify_at(trust, NULL, jws, now_ms() - ten_years_ms), SKP_E_SIGNER_INVALID);
}

/* ---------------------------------------------------------------- headers of our own making */

static json_t *header_of(const char *jws)
{
    json_t *header = jose_header_read(span_of(jws, (size_t)(strchr(jws, '.') - jws)), &arena);
    assert_non_null(header);
    return header;
}

/* Takes `header` and signs under it with the key of `ec`: only what it says can be wrong. */
static enum skp_err verify_under(json_t *header)
{
    const char *jws;
    const char *text = jose_header_write(header, &arena);
    assert_ok(jws_sign_header(keypair_key(ec), text, span_text(payload), &arena, &jws));
    return verify(jws);
}

static void a_signature_that_carries_its_payload_is_refused(void **state)
{
    (void)state;
    const char *jws = sign(ec);
    const char *carried = base64url_encode(span_text(payload), &arena);
    const char *dots = strstr(jws, "..");
    char *whole = arena_alloc(&arena, strlen(jws) + strlen(carried) + 1);
    char *end = mempcpy(whole, jws, (size_t)(dots + 1 - jws));
    stpcpy(stpcpy(end, carried), dots + 1);
    assert_ok(verify(jws));
    assert_err(verify(whole), SKP_E_SIGNATURE_INVALID);
}

static void a_malformed_signature_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", ".", "..", "e30..", "e30..AA", "e30.cG9zdHphaw.AA", "a..b..c"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_err(verify(texts[i]), SKP_E_SIGNATURE_INVALID);
    static char huge[JWS_MAX_BYTES + 2];
    memset(huge, 'A', sizeof huge - 1);
    assert_err(verify(huge), SKP_E_SIGNATURE_INVALID);
}

static void a_header_that_misses_a_member_is_refused(void **state)
{
    (void)state;
    static const char *const members[] = {"alg", "x5c", "x5t#S256", "iat"};
    const char *jws = sign(ec);
    assert_ok(verify_under(header_of(jws)));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        json_t *header = header_of(jws);
        json_object_del(header, members[i]);
        assert_err(verify_under(header), SKP_E_SIGNATURE_INVALID);
        header = header_of(jws);
        json_object_set_new(header, members[i], json_real(1.5));
        assert_err(verify_under(header), SKP_E_SIGNATURE_INVALID);
    }
}

static void a_critical_extension_is_refused(void **state)
{
    (void)state;
    const char *jws = sign(ec);
    json_t *header = header_of(jws);
    json_object_set_new(header, "crit", json_pack("[s]", "b64"));
    assert_err(verify_under(header), SKP_E_SIGNATURE_INVALID);
}

static void the_algorithm_is_that_of_the_key(void **state)
{
    (void)state;
    static const char *const algorithms[] = {"none", "HS256", "ES384", "PS256", "RS256", "es256"};
    const char *jws = sign(ec);
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        json_t *header = header_of(jws);
        json_object_set_new(header, "alg", json_string(algorithms[i]));
        assert_err(verify_under(header), SKP_E_SIGNATURE_INVALID);
    }
}

static void a_thumbprint_of_another_certificate_is_refused(void **state)
{
    (void)state;
    const char *jws = sign(ec);
    json_t *header = header_of(jws);
    json_t *other = header_of(sign(rsa));
    json_object_set(header, "x5t#S256", json_object_get(other, "x5t#S256"));
    json_decref(other);
    assert_err(verify_under(header), SKP_E_SIGNER_INVALID);
}

static void a_chain_without_its_middle_or_too_long_is_refused(void **state)
{
    (void)state;
    const char *jws = sign(ec);
    json_t *header = header_of(jws);
    json_array_remove(json_object_get(header, "x5c"), 1);
    assert_err(verify_under(header), SKP_E_SIGNER_INVALID);
    header = header_of(jws);
    json_t *x5c = json_object_get(header, "x5c");
    while (json_array_size(x5c) < 5)
        json_array_append(x5c, json_array_get(x5c, 1));
    assert_err(verify_under(header), SKP_E_SIGNATURE_INVALID);
    header = header_of(jws);
    json_array_clear(json_object_get(header, "x5c"));
    assert_err(verify_under(header), SKP_E_SIGNATURE_INVALID);
}

/* ---------------------------------------------------------------- the cache */

/* When the first CRL of the test certificates runs out: from then on no chain verifies. */
static int64_t crl_end_ms(void)
{
    struct tm tm;
    FILE *file = fopen(TEST_CERTS "/crl.pem", "r");
    assert_non_null(file);
    X509_CRL *crl = PEM_read_X509_CRL(file, NULL, NULL, NULL);
    fclose(file);
    assert_int_equal(ASN1_TIME_to_tm(X509_CRL_get0_nextUpdate(crl), &tm), 1);
    X509_CRL_free(crl);
    return (int64_t)timegm(&tm) * 1000;
}

static void a_verified_chain_is_believed_for_a_minute_and_no_longer(void **state)
{
    (void)state;
    struct span jws = span_text(sign(ec));
    struct jws_cache *cache = jws_cache_new(16);
    int64_t start_ms = crl_end_ms() - 5000;
    assert_ok(verify_at(trust, cache, jws, start_ms));
    assert_ok(verify_at(trust, cache, jws, start_ms + 60000));
    assert_err(verify_at(trust, NULL, jws, start_ms + 60000), SKP_E_SIGNER_INVALID);
    assert_err(verify_at(trust, cache, jws, start_ms + 60001), SKP_E_SIGNER_INVALID);
    jws_cache_free(cache);
}

static void a_new_trust_believes_nothing_of_the_old_one(void **state)
{
    (void)state;
    struct span jws = span_text(sign(ec));
    struct jws_cache *cache = jws_cache_new(16);
    struct trust *reloaded = test_trust();
    int64_t start_ms = crl_end_ms() - 5000;
    assert_ok(verify_at(trust, cache, jws, start_ms));
    assert_err(verify_at(reloaded, cache, jws, start_ms + 30000), SKP_E_SIGNER_INVALID);
    trust_unref(reloaded);
    jws_cache_free(cache);
}

static void a_refused_chain_is_not_remembered_as_good(void **state)
{
    (void)state;
    struct jws_cache *cache = jws_cache_new(16);
    struct keypair *wrong = key_of(COUNSELLOR_OIN, "tls");
    struct span jws = span_text(sign(wrong));
    assert_err(verify_at(trust, cache, jws, now_ms()), SKP_E_SIGNER_INVALID);
    assert_err(verify_at(trust, cache, jws, now_ms()), SKP_E_SIGNER_INVALID);
    keypair_unref(wrong);
    jws_cache_free(cache);
}

static struct skp_hash name_of(struct span jws, struct span of)
{
    struct span parts[] = {jws, span_of("", 1), of};
    return sha256_spans(parts, 3);
}

static void a_signature_is_remembered_for_its_own_payload_once_it_fitted(void **state)
{
    (void)state;
    struct jws_cache *cache = jws_cache_new(16);
    struct span jws = span_text(sign(ec));
    struct jws_claimed claimed;
    struct jws_signer signer;
    const char *why = NULL;
    struct skp_hash mine = name_of(jws, span_text(payload));
    struct skp_hash others = name_of(jws, span_text("postzegel"));
    assert_false(jws_cache_find_good(cache, &mine, &claimed));
    assert_ok(verify_at(trust, cache, jws, now_ms()));
    assert_true(jws_cache_find_good(cache, &mine, &claimed));
    assert_ok(verify_at(trust, cache, jws, now_ms()));
    for (unsigned i = 0; i < 2; i++)
        assert_err(jws_verify(trust, cache, jws, span_text("postzegel"), now_ms(), &signer, &why),
                   SKP_E_SIGNATURE_INVALID);
    assert_false(jws_cache_find_good(cache, &others, &claimed));
    jws_cache_free(cache);
}

static void a_remembered_signature_names_the_same_signer_and_time(void **state)
{
    (void)state;
    struct jws_cache *cache = jws_cache_new(16);
    struct span jws = span_text(sign(ec));
    struct jws_signer first, again;
    const char *why = NULL;
    assert_ok(jws_verify(trust, cache, jws, span_text(payload), now_ms(), &first, &why));
    assert_ok(jws_verify(trust, cache, jws, span_text(payload), now_ms(), &again, &why));
    assert_true(oin_equal(&first.oin, &again.oin));
    assert_true(hash_equal(&first.thumbprint, &again.thumbprint));
    assert_int_equal(first.signed_at_ms, again.signed_at_ms);
    jws_cache_free(cache);
}

static struct span header_text(const char *jws)
{
    return span_of(jws, (size_t)(strchr(jws, '.') - jws));
}

static void a_header_is_read_once_and_each_signature_keeps_its_time(void **state)
{
    (void)state;
    struct jws_cache *cache = jws_cache_new(16);
    const struct keypair *signers[] = {ec, rsa};
    for (int64_t second = 0; second < 3; second++) {
        for (size_t i = 0; i < 2; i++) {
            const char *jws, *why;
            struct skp_hash name;
            struct jws_claimed claimed;
            struct jws_signer signer;
            int64_t said_ms, signed_at_ms = (now_ms() / 1000 - second) * 1000;
            assert_ok(jws_sign(signers[i], span_text(payload), signed_at_ms, &arena, &jws));
            assert_true(jose_header_name(header_text(jws), &arena, &name, &said_ms));
            assert_int_equal(said_ms, signed_at_ms);
            assert_true(jws_cache_find_header(cache, &name, &claimed) == (second > 0));
            assert_ok(jws_verify(trust, cache, span_text(jws), span_text(payload), now_ms(),
                                 &signer, &why));
            assert_string_equal(signer.oin.text, i == 0 ? COUNSELLOR_OIN : RSA_CREDITOR_OIN);
            assert_int_equal(signer.signed_at_ms, signed_at_ms);
        }
    }
    jws_cache_free(cache);
}

/* The header of `jws` with other bytes for its last ones, signed by `ec`. */
static const char *ending_in(const char *jws, const char *end)
{
    struct span bytes;
    const char *changed;
    assert_ok(base64url_decode(header_text(jws), &arena, &bytes));
    size_t kept = bytes.len - strlen(",\"iat\":1763800000}");
    char *text = arena_calloc(&arena, 1, kept + strlen(end) + 1);
    stpcpy(mempcpy(text, bytes.data, kept), end);
    text = (char *)(uintptr_t)base64url_encode(span_text(text), &arena);
    assert_ok(jws_sign_header(keypair_key(ec), text, span_text(payload), &arena, &changed));
    return changed;
}

static void a_known_header_with_another_end_is_judged_as_an_unknown_one(void **state)
{
    (void)state;
    static const struct {
        const char *end;
        bool good;
    } cases[] = {
        {",\"iat\":1763800000}", true},
        {",\"iat\":1763800001}", true},
        {",\"iat\": 763800000}", true},
        {" ,\"iat\":1763800000}", true},
        {",\"iat\":1763800000 }", true},
        {",\"iat\":763800000}", true},
        {",\"iat\":0763800000}", false},
        {",\"iat\":17638000.0}", false},
        {",\"iat\":176380000e1}", false},
        {",\"iat\":-763800000}", false},
        {",\"iat\":1763800000]", false},
        {",\"iat\":17638000000000}", false},
        {",\"iat\":1763800000},", false},
        {"\"iat\":1763800000}", false},
        {",\"crit\":[],\"iat\":1763800000}", false},
        {",\"alg\":\"ES256\",\"iat\":1763800000}", false},
        {",\"a\":{\"b\":1,\"iat\":1763800000}", false},
        {",\"exp\":1763800000}", false},
    };
    struct jws_cache *cache = jws_cache_new(16);
    const char *jws = sign(ec);
    assert_ok(verify_at(trust, cache, span_text(jws), now_ms()));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct span changed = span_text(ending_in(jws, cases[i].end));
        enum skp_err expected = cases[i].good ? SKP_OK : SKP_E_SIGNATURE_INVALID;
        assert_int_equal(verify_at(trust, NULL, changed, now_ms()), expected);
        assert_int_equal(verify_at(trust, cache, changed, now_ms()), expected);
        assert_int_equal(verify_at(trust, cache, changed, now_ms()), expected);
    }
    jws_cache_free(cache);
}

static void a_full_cache_forgets_and_never_mixes(void **state)
{
    (void)state;
    struct jws_cache *cache = jws_cache_new(8);
    struct jws_known known = {.key = keypair_key(ec)};
    struct jws_known found;
    struct skp_hash chain = {{0}};
    unsigned kept = 0;
    for (uint8_t i = 0; i < 100; i++) {
        chain.bytes[5] = known.thumbprint.bytes[0] = i;
        jws_cache_put(cache, &chain, 1, 1000 + i, &known);
    }
    for (uint8_t i = 0; i < 100; i++) {
        chain.bytes[5] = i;
        if (!jws_cache_find(cache, &chain, 1, 1200, &found))
            continue;
        assert_int_equal(found.thumbprint.bytes[0], i);
        EVP_PKEY_free(found.key);
        kept++;
    }
    assert_int_equal(kept, 8);
    assert_false(jws_cache_find(cache, &chain, 2, 1200, &found));
    assert_false(jws_cache_find(cache, &chain, 1, 999, &found));
    jws_cache_free(cache);
    jws_cache_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_of_ec_and_rsa_names_its_signer),
        cmocka_unit_test(every_length_of_payload_is_signed_whole),
        cmocka_unit_test(every_flipped_character_is_refused),
        cmocka_unit_test(another_payload_is_refused),
        cmocka_unit_test(a_tls_or_encryption_certificate_signs_nothing),
        cmocka_unit_test(a_time_outside_the_certificate_is_refused),
        cmocka_unit_test(a_signature_that_carries_its_payload_is_refused),
        cmocka_unit_test(a_malformed_signature_is_refused),
        cmocka_unit_test(a_header_that_misses_a_member_is_refused),
        cmocka_unit_test(a_critical_extension_is_refused),
        cmocka_unit_test(the_algorithm_is_that_of_the_key),
        cmocka_unit_test(a_thumbprint_of_another_certificate_is_refused),
        cmocka_unit_test(a_chain_without_its_middle_or_too_long_is_refused),
        cmocka_unit_test(a_verified_chain_is_believed_for_a_minute_and_no_longer),
        cmocka_unit_test(a_new_trust_believes_nothing_of_the_old_one),
        cmocka_unit_test(a_refused_chain_is_not_remembered_as_good),
        cmocka_unit_test(a_signature_is_remembered_for_its_own_payload_once_it_fitted),
        cmocka_unit_test(a_remembered_signature_names_the_same_signer_and_time),
        cmocka_unit_test(a_header_is_read_once_and_each_signature_keeps_its_time),
        cmocka_unit_test(a_known_header_with_another_end_is_judged_as_an_unknown_one),
        cmocka_unit_test(a_full_cache_forgets_and_never_mixes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
