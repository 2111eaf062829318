/* Base64url, the RFCs' own vectors, and JWE. Signatures are in test_jws.c. */
#include "test_keys.h"

#include "jwe_internal.h"

static struct arena arena;
static struct keypair *ec;
static struct keypair *other_ec;
static struct keypair *rsa;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 8 * 1024 * 1024);
    ec = key_of(COUNSELLOR_OIN, "enc");
    other_ec = key_of(CREDITOR_OIN, "enc");
    rsa = key_of(RSA_CREDITOR_OIN, "enc");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    keypair_unref(ec);
    keypair_unref(other_ec);
    keypair_unref(rsa);
    arena_fini(&arena);
    return 0;
}

/* ---------------------------------------------------------------- base64url */

static void base64url_is_that_of_rfc_7515_appendix_c(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {3, 236, 255, 224, 193};
    struct span decoded;
    assert_string_equal(base64url_encode(span_of(bytes, 5), &arena), "A-z_4ME");
    assert_ok(base64url_decode(span_text("A-z_4ME"), &arena, &decoded));
    assert_true(span_equal(decoded, span_of(bytes, 5)));
}

static void every_length_survives_base64url(void **state)
{
    (void)state;
    uint8_t bytes[70];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct span decoded;
        const char *text = base64url_encode(span_of(bytes, len), &arena);
        assert_ok(base64url_decode(span_text(text), &arena, &decoded));
        assert_true(span_equal(decoded, span_of(bytes, len)));
        text = base64_encode(span_of(bytes, len), &arena);
        assert_int_equal(strlen(text) % 4, 0);
        assert_ok(base64_decode(span_text(text), &arena, &decoded));
        assert_true(span_equal(decoded, span_of(bytes, len)));
    }
}

static void bytes_have_one_text_only(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "A",    "AAAAA",          /* a lone digit */
        "AB",   "AAB",            /* bits that say nothing */
        "AA==", "AAA=",  "A-z_ ", /* padding, space */
        "AA+A", "AA/A",  "AA\nA", "AA.A", "\xff\xff",
    };
    struct span decoded;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_err(base64url_decode(span_text(bad[i]), &arena, &decoded), SKP_E_DECODE);
    assert_err(base64url_decode(span_of("AA\0A", 4), &arena, &decoded), SKP_E_DECODE);
    static const char *const bad_padded[] = {"AA", "AAA", "AB==", "A===", "====", "AA=A", "AA-A"};
    for (size_t i = 0; i < sizeof bad_padded / sizeof bad_padded[0]; i++)
        assert_err(base64_decode(span_text(bad_padded[i]), &arena, &decoded), SKP_E_DECODE);
}

/* ---------------------------------------------------------------- the RFCs' vectors */

static EVP_PKEY *public_key(const char *crv, const char *x, const char *y)
{
    json_t *jwk = json_pack("{s:s, s:s, s:s, s:s}", "kty", "EC", "crv", crv, "x", x, "y", y);
    EVP_PKEY *key = jwe_epk_read(jwk, jose_curve_named(crv), &arena);
    json_decref(jwk);
    return key;
}

static void the_es256_signature_of_rfc_7515_appendix_a3_verifies(void **state)
{
    (void)state;
    struct span header = span_text("eyJhbGciOiJFUzI1NiJ9");
    struct span payload = span_text("{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n "
                                    "\"http://example.com/is_root\":true}");
    struct span signature;
    EVP_PKEY *key = public_key("P-256", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                               "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    assert_non_null(key);
    assert_ok(
        base64url_decode(span_text("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8"
                                   "ISlSApmWQxfKTUJqPP3-Kg6NU1Q"),
                         &arena, &signature));
    assert_true(jws_check_bytes(key, "ES256", header, payload, signature));
    assert_false(jws_check_bytes(key, "ES384", header, payload, signature));
    assert_false(jws_check_bytes(key, "none", header, payload, signature));
    payload.len--;
    assert_false(jws_check_bytes(key, "ES256", header, payload, signature));
    EVP_PKEY_free(key);
}

static void the_agreed_key_of_rfc_7518_appendix_c_comes_out(void **state)
{
    (void)state;
    static const uint8_t shared[] = {158, 86,  217, 29,  129, 113, 53,  211, 114, 131, 66,
                                     131, 191, 132, 38,  156, 251, 49,  110, 163, 218, 128,
                                     106, 72,  246, 218, 167, 121, 140, 254, 144, 196};
    uint8_t key[16];
    jwe_concat_kdf(span_of(shared, sizeof shared), "A128GCM", span_text("Alice"), span_text("Bob"),
                   sizeof key, key);
    assert_string_equal(base64url_encode(span_of(key, sizeof key), &arena),
                        "VqqN6vgjbSBcIijNcacQGg");
}

static void a_point_off_the_curve_is_no_key(void **state)
{
    (void)state;
    const char *x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const char *y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
    assert_null(public_key("P-256", x, x));
    assert_null(public_key("P-384", x, y));
    assert_null(public_key("P-256", x, "AA"));
    assert_null(public_key("P-256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                           "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
}

/* ---------------------------------------------------------------- JWE */

static const char *encrypt(const struct keypair *keypair, const char *plaintext)
{
    const char *jwe;
    assert_ok(jwe_encrypt(keypair_cert(keypair), span_text(plaintext), &arena, &jwe));
    assert_true(strlen(jwe) <= JWE_MAX_BYTES);
    return jwe;
}

static void comes_back(const struct keypair *keypair)
{
    struct span plaintext;
    struct skp_hash named;
    struct skp_hash own = cert_thumbprint(keypair_cert(keypair));
    const char *jwe = encrypt(keypair, "sleutel");
    assert_ok(jwe_recipient(span_text(jwe), &named));
    assert_true(hash_equal(&named, &own));
    assert_ok(jwe_decrypt(keypair, span_text(jwe), &arena, &plaintext));
    assert_true(span_equal(plaintext, span_text("sleutel")));
}

static void what_is_encrypted_for_ec_and_rsa_comes_back(void **state)
{
    (void)state;
    comes_back(ec);
    comes_back(rsa);
}

static void nothing_and_the_largest_plaintext_come_back_and_one_more_is_refused(void **state)
{
    (void)state;
    char text[JWE_MAX_PLAINTEXT + 2] = "";
    const char *jwe;
    struct span plaintext;
    assert_ok(jwe_decrypt(rsa, span_text(encrypt(rsa, "")), &arena, &plaintext));
    assert_int_equal(plaintext.len, 0);
    memset(text, 'x', JWE_MAX_PLAINTEXT);
    assert_ok(jwe_decrypt(rsa, span_text(encrypt(rsa, text)), &arena, &plaintext));
    assert_true(span_equal(plaintext, span_text(text)));
    text[JWE_MAX_PLAINTEXT] = 'x';
    assert_err(jwe_encrypt(keypair_cert(rsa), span_text(text), &arena, &jwe), SKP_E_TEXT_TOO_LONG);
}

static void the_same_text_is_never_encrypted_to_the_same(void **state)
{
    (void)state;
    assert_string_not_equal(encrypt(ec, "x"), encrypt(ec, "x"));
    assert_string_not_equal(encrypt(rsa, "x"), encrypt(rsa, "x"));
}

static void another_key_does_not_open_it(void **state)
{
    (void)state;
    struct span plaintext;
    const char *jwe = encrypt(ec, "sleutel");
    assert_err(jwe_decrypt(other_ec, span_text(jwe), &arena, &plaintext), SKP_E_UNSEAL);
    assert_err(jwe_decrypt(rsa, span_text(jwe), &arena, &plaintext), SKP_E_UNSEAL);
}

static void no_changed_character_is_taken(const struct keypair *keypair)
{
    struct span plaintext = span_of(NULL, 0);
    const char *jwe = encrypt(keypair, "sleutel");
    size_t len = strlen(jwe);
    char *changed = arena_copy(&arena, jwe, len + 1);
    struct arena scratch;
    arena_init(&scratch, 65536);
    for (size_t i = 0; i < len; i++) {
        changed[i] = jwe[i] == 'A' ? 'B' : 'A';
        assert_err(jwe_decrypt(keypair, span_of(changed, len), &scratch, &plaintext), SKP_E_UNSEAL);
        changed[i] = (char)(jwe[i] ^ 1);
        assert_err(jwe_decrypt(keypair, span_of(changed, len), &scratch, &plaintext), SKP_E_UNSEAL);
        changed[i] = jwe[i];
        assert_err(jwe_decrypt(keypair, span_of(changed, i), &scratch, &plaintext), SKP_E_UNSEAL);
        arena_reset(&scratch);
    }
    assert_ok(jwe_decrypt(keypair, span_of(changed, len), &scratch, &plaintext));
    arena_fini(&scratch);
}

static void every_flipped_or_missing_character_is_refused(void **state)
{
    (void)state;
    no_changed_character_is_taken(ec);
    no_changed_character_is_taken(rsa);
}

/* The JWE of `keypair` with a header of our own making in front. */
static const char *with_header(const char *jwe, json_t *header)
{
    const char *text = jose_header_write(header, &arena);
    const char *rest = strchr(jwe, '.');
    char *whole = arena_alloc(&arena, strlen(text) + strlen(rest) + 1);
    stpcpy(stpcpy(whole, text), rest);
    return whole;
}

static json_t *header_of(const char *jwe)
{
    json_t *header = jose_header_read(span_of(jwe, (size_t)(strchr(jwe, '.') - jwe)), &arena);
    assert_non_null(header);
    return header;
}

static void the_header_says_what_the_rfcs_ask(void **state)
{
    (void)state;
    json_t *header = header_of(encrypt(ec, "x"));
    assert_string_equal(jose_member(header, "alg"), "ECDH-ES+A256KW");
    assert_string_equal(jose_member(header, "enc"), "A256GCM");
    assert_string_equal(jose_member(json_object_get(header, "epk"), "crv"), "P-256");
    assert_int_equal(json_object_size(header), 4);
    json_decref(header);
    header = header_of(encrypt(rsa, "x"));
    assert_string_equal(jose_member(header, "alg"), "RSA-OAEP-256");
    assert_int_equal(json_object_size(header), 3);
    json_decref(header);
}

static void an_extension_that_we_do_not_know_is_refused(void **state)
{
    (void)state;
    static const char *const members[] = {"crit", "zip", "apu", "apv"};
    struct skp_hash thumbprint;
    const char *jwe = encrypt(ec, "x");
    assert_ok(jwe_recipient(span_text(with_header(jwe, header_of(jwe))), &thumbprint));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        json_t *header = header_of(jwe);
        json_object_set_new(header, members[i], json_string("DEF"));
        assert_err(jwe_recipient(span_text(with_header(jwe, header)), &thumbprint), SKP_E_DECODE);
    }
}

static void a_header_that_says_something_twice_is_refused(void **state)
{
    (void)state;
    const char *once = base64url_encode(span_text("{\"alg\":\"ES256\"}"), &arena);
    const char *twice = base64url_encode(span_text("{\"alg\":\"ES256\",\"alg\":\"none\"}"), &arena);
    const char *list = base64url_encode(span_text("[\"alg\"]"), &arena);
    json_t *header = jose_header_read(span_text(once), &arena);
    assert_non_null(header);
    json_decref(header);
    assert_null(jose_header_read(span_text(twice), &arena));
    assert_null(jose_header_read(span_text(list), &arena));
    assert_null(jose_header_read(span_text(""), &arena));
}

static void what_is_no_jwe_names_no_recipient(void **state)
{
    (void)state;
    static const char *const texts[] = {"", ".", "....", "a.b.c.d.e", "e30....", "e30.....", "e30"};
    struct skp_hash thumbprint;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_err(jwe_recipient(span_text(texts[i]), &thumbprint), SKP_E_DECODE);
}

static void a_full_arena_is_no_memory_and_never_half_a_text(void **state)
{
    (void)state;
    const char *jwe = NULL;
    size_t bytes = 0;
    enum skp_err err;
    do {
        struct arena small;
        arena_init(&small, bytes);
        err = jwe_encrypt(keypair_cert(rsa), span_text("x"), &small, &jwe);
        assert_true(err == SKP_OK ? jwe != NULL : err == SKP_E_NO_MEMORY && jwe == NULL);
        arena_fini(&small);
        bytes += 48;
    } while (err != SKP_OK);
    assert_true(bytes > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64url_is_that_of_rfc_7515_appendix_c),
        cmocka_unit_test(every_length_survives_base64url),
        cmocka_unit_test(bytes_have_one_text_only),
        cmocka_unit_test(the_es256_signature_of_rfc_7515_appendix_a3_verifies),
        cmocka_unit_test(the_agreed_key_of_rfc_7518_appendix_c_comes_out),
        cmocka_unit_test(a_point_off_the_curve_is_no_key),
        cmocka_unit_test(what_is_encrypted_for_ec_and_rsa_comes_back),
        cmocka_unit_test(nothing_and_the_largest_plaintext_come_back_and_one_more_is_refused),
        cmocka_unit_test(the_same_text_is_never_encrypted_to_the_same),
        cmocka_unit_test(another_key_does_not_open_it),
        cmocka_unit_test(every_flipped_or_missing_character_is_refused),
        cmocka_unit_test(the_header_says_what_the_rfcs_ask),
        cmocka_unit_test(an_extension_that_we_do_not_know_is_refused),
        cmocka_unit_test(a_header_that_says_something_twice_is_refused),
        cmocka_unit_test(what_is_no_jwe_names_no_recipient),
        cmocka_unit_test(a_full_arena_is_no_memory_and_never_half_a_text),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
