/* The settings of skpd. */
#include "options.h"

#include "testing.h"
#include "tls_groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

static const char *const required[] = {"ca_file=ca.pem",     "crl_file=crl.pem",
                                       "tls_cert=tls.pem",   "tls_key=tls.key",
                                       "sign_cert=sign.pem", "sign_key=sign.key"};

static void only_certificates_must_be_given(void **state)
{
    char why[CONFIG_WHY_BYTES];
    struct options options;
    (void)state;
    assert_ok(options_load(NULL, &options, why));
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        assert_err(options_finish(NULL, &options, why), SKP_E_CONFIG);
        assert_ok(options_set(&options, required[i], why));
    }
    assert_ok(options_finish(NULL, &options, why));
    assert_int_equal(options.listen.port, 7443);
    assert_string_equal(options_files(&options).sign_key, "sign.key");
    assert_false(options.play);
}

static void presets_are_the_defaults_of_the_server(void **state)
{
    char why[CONFIG_WHY_BYTES];
    struct options options;
    (void)state;
    assert_ok(options_load(NULL, &options, why));
    struct server_limits ours = options_limits(&options);
    struct server_limits theirs = server_limits_default();
    assert_int_equal(ours.sessions, theirs.sessions);
    assert_int_equal(ours.sessions_per_peer, theirs.sessions_per_peer);
    assert_int_equal(ours.handshakes, theirs.handshakes);
    assert_int_equal(ours.handshakes_per_source, theirs.handshakes_per_source);
    assert_int_equal(ours.batches, theirs.batches);
    assert_int_equal(ours.output_bytes, theirs.output_bytes);
    assert_int_equal(ours.handshake_ms, theirs.handshake_ms);
    assert_int_equal(ours.hello_ms, theirs.hello_ms);
    assert_int_equal(ours.frame_ms, theirs.frame_ms);
    assert_int_equal(ours.batch_ms, theirs.batch_ms);
    assert_int_equal(ours.idle_ms, theirs.idle_ms);
    assert_int_equal(ours.stall_ms, theirs.stall_ms);
    assert_int_equal(ours.recheck_ms, theirs.recheck_ms);
    assert_int_equal(ours.session_age_ms, theirs.session_age_ms);
}

static void mistakes_are_told_in_a_sentence(void **state)
{
    char why[CONFIG_WHY_BYTES];
    struct options options;
    (void)state;
    assert_ok(options_load(NULL, &options, why));
    assert_err(options_set(&options, "log_level", why), SKP_E_CONFIG);
    assert_non_null(strstr(why, "name=value"));
    assert_err(options_set(&options, "no_such=1", why), SKP_E_CONFIG);
    assert_err(options_set(&options, "idle_timeout=5", why), SKP_E_CONFIG); /* no unit */
    assert_err(options_set(&options, "log_level=loud", why), SKP_E_CONFIG);
    assert_non_null(strstr(why, "log_level: loud; give error"));
}

static void a_policy_that_is_no_object_identifier_is_refused_with_place_and_remedy(void **state)
{
    static const char *const bad[] = {"zzz",  "1",    "3.1.2", "1.40.1",
                                      "1..2", "1.2.", "1.2 3", "1.2,3"};
    static const char *const good[] = {"", "2.16.528.1.1003.1.2.5.6", "1.3.6.1"};
    char text[128], why[CONFIG_WHY_BYTES];
    struct options options;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_ok(options_load(NULL, &options, why));
        snprintf(text, sizeof text, "play = no\npolicy_oid = \"%s\"\n", bad[i]);
        assert_err(
            config_parse(options_table, options_count, "skpd.conf", span_text(text), &options, why),
            SKP_E_CONFIG);
        assert_ptr_equal(strstr(why, "skpd.conf:2: policy_oid: "), why);
        assert_non_null(strstr(why, "give numbers with dots"));
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_ok(options_load(NULL, &options, why));
        snprintf(text, sizeof text, "policy_oid = \"%s\"\n", good[i]);
        assert_ok(config_parse(options_table, options_count, "skpd.conf", span_text(text), &options,
                               why));
        assert_string_equal(options.policy_oid, good[i]);
    }
}

/* Found by --check already, and not only when the socket is made. */
static void a_control_socket_with_too_long_a_path_is_refused_with_place_and_remedy(void **state)
{
    char text[256], why[CONFIG_WHY_BYTES];
    struct options options;
    struct sockaddr_un address;
    int len = (int)sizeof address.sun_path;
    (void)state;
    assert_ok(options_load(NULL, &options, why));
    snprintf(text, sizeof text, "play = no\ncontrol_socket = /%0*d\n", len - 1, 0);
    assert_err(
        config_parse(options_table, options_count, "skpd.conf", span_text(text), &options, why),
        SKP_E_CONFIG);
    assert_ptr_equal(strstr(why, "skpd.conf:2: control_socket: /000"), why);
    assert_non_null(strstr(why, "is too long; give a path of at most 107 bytes"));
    snprintf(text, sizeof text, "control_socket = /%0*d\n", len - 2, 0);
    assert_ok(
        config_parse(options_table, options_count, "skpd.conf", span_text(text), &options, why));
}

static void groups_that_are_not_good_are_refused_with_place_and_remedy(void **state)
{
    static const char *const bad[] = {"secp256k1",       "P-224",
                                      "brainpoolP256r1", "",
                                      "X25519:",         "x25519",
                                      "X25519,P-256",    "P-256:P-256",
                                      "P-256 P-384",     "X25519MLKEM768:sect283r1"};
    char text[128];
    char why[CONFIG_WHY_BYTES];
    struct options options;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_ok(options_load(NULL, &options, why));
        snprintf(text, sizeof text, "play = no\ntls_groups = \"%s\"\n", bad[i]);
        assert_err(
            config_parse(options_table, options_count, "skpd.conf", span_text(text), &options, why),
            SKP_E_CONFIG);
        assert_non_null(strstr(why, "skpd.conf:2: tls_groups: "));
        assert_non_null(strstr(why, "; give "));
        assert_string_equal(options.tls_groups, TLS_GROUPS_PRESET);
    }
}

static void groups_unknown_to_openssl_are_left_out_as_long_as_one_stays(void **state)
{
    struct tls_groups groups;
    char why[TLS_GROUPS_WHY_BYTES];
    (void)state;
    assert_ok(tls_groups_read(TLS_GROUPS_PRESET, &groups, why));
    assert_string_equal(groups.used, groups.hybrid ? TLS_GROUPS_PRESET : "X25519:P-384:P-256");
    assert_string_equal(groups.left_out, groups.hybrid ? "" : "X25519MLKEM768");
    assert_int_equal(tls_groups_read("X25519MLKEM768", &groups, why),
                     groups.hybrid ? SKP_OK : SKP_E_CONFIG);
    assert_ok(tls_groups_read("P-521:X448", &groups, why));
    assert_string_equal(groups.used, "P-521:X448");
    assert_false(groups.hybrid);
}

static void the_example_file_is_what_the_table_prints(void **state)
{
    static char printed[65536];
    static char kept[65536];
    (void)state;
    FILE *stream = fmemopen(printed, sizeof printed, "w");
    config_print_help(options_table, options_count, stream);
    fclose(stream);
    stream = fopen(TEST_DATA "/../../broker/deploy/skpd.conf.example", "r");
    assert_non_null(stream);
    kept[fread(kept, 1, sizeof kept - 1, stream)] = '\0';
    fclose(stream);
    assert_string_equal(kept, printed); /* make it anew with: skpd --help-config */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_certificates_must_be_given),
        cmocka_unit_test(presets_are_the_defaults_of_the_server),
        cmocka_unit_test(mistakes_are_told_in_a_sentence),
        cmocka_unit_test(a_policy_that_is_no_object_identifier_is_refused_with_place_and_remedy),
        cmocka_unit_test(a_control_socket_with_too_long_a_path_is_refused_with_place_and_remedy),
        cmocka_unit_test(groups_that_are_not_good_are_refused_with_place_and_remedy),
        cmocka_unit_test(groups_unknown_to_openssl_are_left_out_as_long_as_one_stays),
        cmocka_unit_test(the_example_file_is_what_the_table_prints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
