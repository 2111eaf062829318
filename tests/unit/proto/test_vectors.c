/* Holds the C code against proto/vectors/crypto.json, which python3-cryptography and
 * python3-jwcrypto made. */
#include "testing.h"

#include "merkle.h"
#include "random.h"
#include "seal.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static json_t *vectors;
static struct arena arena;
static struct trust *trust;
static char folder[] = "/tmp/skp-vectors-XXXXXX";

static void write_file(const char *name, const char *text, char *ret_path, size_t bytes)
{
    snprintf(ret_path, bytes, "%s/%s", folder, name);
    FILE *file = fopen(ret_path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static const char *text_of(const json_t *vector, const char *member)
{
    const char *text = json_string_value(json_object_get(vector, member));
    if (text == NULL)
        fail_msg("the vector has no text %s", member);
    return text;
}

static struct span from_hex(const char *text)
{
    size_t len = strlen(text) / 2;
    uint8_t *bytes = arena_alloc(&arena, len + 1);
    for (size_t i = 0; i < len; i++) {
        unsigned byte;
        assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
    return span_of(bytes, len);
}

static struct span bytes_of(const json_t *vector, const char *member)
{
    return from_hex(text_of(vector, member));
}

static struct skp_hash hash_from(const char *hex)
{
    struct skp_hash hash;
    assert_true(hash_take(from_hex(hex), &hash));
    return hash;
}

static struct skp_id id_of(const json_t *vector, const char *member)
{
    struct skp_id id;
    assert_true(id_take(bytes_of(vector, member), &id));
    return id;
}

static int set_up(void **state)
{
    (void)state;
    char ca_file[PATH_MAX];
    char crl_file[PATH_MAX];
    const char *why = "";
    json_error_t error;
    arena_init(&arena, 4 * 1024 * 1024);
    vectors = json_load_file(PROTO_VECTORS "/crypto.json", JSON_REJECT_DUPLICATES, &error);
    if (vectors == NULL || mkdtemp(folder) == NULL)
        return -1;
    write_file("ca.pem", text_of(vectors, "ca_pem"), ca_file, sizeof ca_file);
    write_file("crl.pem", text_of(vectors, "crl_pem"), crl_file, sizeof crl_file);
    assert_ok(trust_load(ca_file, crl_file, &trust, &why));
    unlink(ca_file);
    unlink(crl_file);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rmdir(folder);
    trust_unref(trust);
    json_decref(vectors);
    arena_fini(&arena);
    return 0;
}

/* The list `name`, which must hold something. */
static const json_t *list_of(const json_t *vector, const char *name)
{
    const json_t *list = json_object_get(vector, name);
    assert_true(json_array_size(list) > 0);
    return list;
}

static struct keypair *keypair_of(const json_t *vector)
{
    char cert_file[PATH_MAX];
    char key_file[PATH_MAX];
    struct keypair *keypair;
    const char *why = "";
    write_file("cert.pem", text_of(vector, "cert_pem"), cert_file, sizeof cert_file);
    write_file("key.pem", text_of(vector, "key_pem"), key_file, sizeof key_file);
    enum skp_err err = keypair_load(cert_file, key_file, &keypair, &why);
    unlink(cert_file);
    unlink(key_file);
    if (err != SKP_OK)
        fail_msg("%s", why);
    return keypair;
}

static int64_t at_ms(void)
{
    return json_integer_value(json_object_get(vectors, "at_ms"));
}

/* ---------------------------------------------------------------- Merkle */

static void one_tree_is_as_python_says(const json_t *vector)
{
    const json_t *data = json_object_get(vector, "data");
    const json_t *paths = json_object_get(vector, "paths");
    size_t count = json_array_size(data);
    struct skp_hash leaves[16];
    struct skp_hash root = hash_from(text_of(vector, "root"));
    for (size_t i = 0; i < count; i++)
        leaves[i] = merkle_leaf(from_hex(json_string_value(json_array_get(data, i))));
    struct skp_hash own_root = merkle_root(leaves, count);
    assert_true(hash_equal(&own_root, &root));
    for (size_t i = 0; i < count; i++) {
        const json_t *expected = json_array_get(paths, i);
        struct skp_hash path[MERKLE_MAX_PATH];
        size_t len = merkle_path(leaves, count, i, path);
        assert_int_equal(len, json_array_size(expected));
        for (size_t step = 0; step < len; step++) {
            struct skp_hash hash = hash_from(json_string_value(json_array_get(expected, step)));
            assert_true(hash_equal(&path[step], &hash));
        }
        assert_true(merkle_verify(&leaves[i], i, count, path, len, &root));
    }
}

static void every_tree_has_the_root_and_paths_of_python(void **state)
{
    (void)state;
    const json_t *list = list_of(vectors, "merkle");
    for (size_t i = 0; i < json_array_size(list); i++)
        one_tree_is_as_python_says(json_array_get(list, i));
}

/* ---------------------------------------------------------------- sealed parts */

static void give_nonce(void *ctx, void *ret_bytes, size_t len)
{
    const struct span *nonce = ctx;
    assert_int_equal(len, nonce->len);
    memcpy(ret_bytes, nonce->data, len);
}

static struct seal_place place_of(const json_t *vector)
{
    struct seal_place place;
    assert_true(oin_take(span_text(text_of(vector, "sender")), &place.sender));
    assert_true(oin_take(span_text(text_of(vector, "recipient")), &place.recipient));
    place.batch_id = id_of(vector, "batch_id");
    place.bundle_id = id_of(vector, "bundle_id");
    return place;
}

static struct seal_key bundle_key_of(const json_t *vector)
{
    struct seal_key key;
    struct span bytes = bytes_of(vector, "bundle_key");
    assert_int_equal(bytes.len, SEAL_KEY_BYTES);
    memcpy(key.bytes, bytes.data, SEAL_KEY_BYTES);
    return key;
}

static void one_part_is_as_python_says(const json_t *vector)
{
    struct seal_key key = bundle_key_of(vector);
    struct seal_place place = place_of(vector);
    struct skp_id item = id_of(vector, "item_id");
    struct skp_hash commitment = hash_from(text_of(vector, "commitment"));
    struct span sealed = bytes_of(vector, "sealed");
    struct span nonce = bytes_of(vector, "nonce");
    struct span salt = bytes_of(vector, "salt");
    struct span part = bytes_of(vector, "part");
    struct span opened;
    struct span own;
    assert_ok(unseal_part(&key, &place, &item, &commitment, sealed, &arena, &opened));
    assert_true(span_equal(opened, part));

    uint8_t *plaintext = arena_alloc(&arena, salt.len + part.len);
    memcpy(plaintext, salt.data, salt.len);
    memcpy(plaintext + salt.len, part.data, part.len);
    random_steer(give_nonce, &nonce);
    assert_ok(
        seal_part(&key, &place, &item, span_of(plaintext, salt.len + part.len), &arena, &own));
    random_steer(NULL, NULL);
    assert_true(span_equal(own, sealed));
}

static void every_part_is_sealed_and_opened_as_in_python(void **state)
{
    (void)state;
    const json_t *list = list_of(vectors, "parts");
    for (size_t i = 0; i < json_array_size(list); i++)
        one_part_is_as_python_says(json_array_get(list, i));
}

/* ---------------------------------------------------------------- JOSE */

static void a_signature_of_jwcrypto_verifies(void **state)
{
    (void)state;
    const json_t *list = list_of(vectors, "jws");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *vector = json_array_get(list, i);
        struct jws_signer signer;
        const char *why = NULL;
        enum skp_err err = jws_verify(trust, NULL, span_text(text_of(vector, "jws")),
                                      bytes_of(vector, "payload"), at_ms(), &signer, &why);
        if (err != SKP_OK)
            fail_msg("%s: %s", text_of(vector, "alg"), why);
        assert_string_equal(signer.oin.text, text_of(vector, "oin"));
        assert_int_equal(signer.signed_at_ms,
                         json_integer_value(json_object_get(vector, "iat")) * 1000);
    }
}

static void our_signature_with_every_algorithm_verifies(void **state)
{
    (void)state;
    const json_t *list = list_of(vectors, "jws");
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct keypair *keypair = keypair_of(json_array_get(list, i));
        struct jws_signer signer;
        const char *why;
        const char *jws;
        assert_ok(jws_sign(keypair, span_text("x"), at_ms(), &arena, &jws));
        assert_ok(jws_verify(trust, NULL, span_text(jws), span_text("x"), at_ms(), &signer, &why));
        assert_err(jws_verify(trust, NULL, span_text(jws), span_text("y"), at_ms(), &signer, &why),
                   SKP_E_SIGNATURE_INVALID);
        keypair_unref(keypair);
    }
}

static void a_jwe_of_jwcrypto_opens(void **state)
{
    (void)state;
    const json_t *list = list_of(vectors, "jwe");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *vector = json_array_get(list, i);
        struct keypair *keypair = keypair_of(vector);
        struct span opened;
        struct skp_hash named;
        struct span jwe = span_text(text_of(vector, "jwe"));
        assert_ok(jwe_decrypt(keypair, jwe, &arena, &opened));
        assert_true(span_equal(opened, bytes_of(vector, "plaintext")));
        assert_ok(jwe_recipient(jwe, &named));
        assert_string_equal(base64url_encode(span_of(named.bytes, HASH_BYTES), &arena),
                            text_of(vector, "thumbprint"));
        keypair_unref(keypair);
    }
}

static void our_jwe_with_every_algorithm_opens(void **state)
{
    (void)state;
    const json_t *list = list_of(vectors, "jwe");
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct keypair *keypair = keypair_of(json_array_get(list, i));
        struct span opened;
        const char *jwe;
        const char *why;
        assert_ok(trust_check(trust, keypair_cert(keypair), keypair_chain(keypair), CERT_ENCRYPTION,
                              at_ms(), &why));
        assert_ok(jwe_encrypt(keypair_cert(keypair), span_text("x"), &arena, &jwe));
        assert_ok(jwe_decrypt(keypair, span_text(jwe), &arena, &opened));
        assert_true(span_equal(opened, span_text("x")));
        keypair_unref(keypair);
    }
}

static void a_key_box_of_python_opens_at_its_place(void **state)
{
    (void)state;
    const json_t *part = json_array_get(list_of(vectors, "parts"), 0);
    const json_t *list = list_of(vectors, "boxes");
    struct seal_key expected = bundle_key_of(part);
    struct seal_place place = place_of(part);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct keypair *keypair = keypair_of(json_array_get(list, i));
        struct span box = span_text(text_of(json_array_get(list, i), "jwe"));
        struct seal_key key;
        assert_ok(unseal_box(&keypair, 1, &box, 1, &place, &arena, &key));
        assert_memory_equal(key.bytes, expected.bytes, SEAL_KEY_BYTES);
        keypair_unref(keypair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tree_has_the_root_and_paths_of_python),
        cmocka_unit_test(every_part_is_sealed_and_opened_as_in_python),
        cmocka_unit_test(a_signature_of_jwcrypto_verifies),
        cmocka_unit_test(our_signature_with_every_algorithm_verifies),
        cmocka_unit_test(a_jwe_of_jwcrypto_opens),
        cmocka_unit_test(our_jwe_with_every_algorithm_opens),
        cmocka_unit_test(a_key_box_of_python_opens_at_its_place),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
