/* What becomes of trust when the broker's own certificates are not right, and of them when they are
 * another's. */
#include "tls_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define OTHER_BROKER "00000099000000000002"

static const struct counters *counters_of(const struct tls_net *tls)
{
    return server_status(tls->net.server).counters;
}

/* The way in which a new list or a new CA comes in by itself. */
static void let_it_be_noticed(struct tls_net *tls)
{
    for (int seconds = 0; seconds < 4; seconds++)
        net_pass(&tls->net, 1000);
}

static void copy(const char *from, const char *to)
{
    char command[4 * PATH_BYTES];
    assert_true(snprintf(command, sizeof command, "cp %s %s", from, to) < (int)sizeof command);
    assert_int_equal(system(command), 0);
}

static void expect_cut(struct tls_client *client)
{
    uint32_t code = 0;
    assert_int_equal(counters_of(client->tls)->sessions_untrusted, 1);
    assert_int_equal(tls_client_frame(client, &code), FRAME_ERROR);
    assert_err(code, SKP_E_IDENTITY_INVALID);
}

static void an_expired_signing_certificate_keeps_no_crl_out(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    char why[CREDENTIALS_WHY_BYTES];
    tls_make_certs(tls->folder, "--days 1 --renew broker/sign");
    clock_manual_advance(&tls->net.clock, 60000); /* it stood still while they were made */
    assert_ok(server_reload(tls->net.server, why));
    net_pass(&tls->net, 48 * INT64_C(3600000));
    tls_client_open_up(&client, tls);
    tls_make_certs(tls->folder, "--revoke " OIN_COUNSELLOR "/tls");
    let_it_be_noticed(tls);
    expect_cut(&client);
    assert_int_equal(counters_of(tls)->reloads_failed, 0);
    tls_client_free(&client);
}

/* As it is between the two halves of a renewal, or for as long as the key is a copy of the start. */
static void a_key_that_does_not_fit_keeps_no_crl_out(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    tls_client_open_up(&client, tls);
    copy(tls->files[3], tls->files[5]);
    tls_make_certs(tls->folder, "--revoke " OIN_COUNSELLOR "/tls");
    let_it_be_noticed(tls);
    expect_cut(&client);
    tls_client_free(&client);
}

static void a_reload_that_refuses_the_keys_takes_the_crl(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    char why[CREDENTIALS_WHY_BYTES];
    tls_client_open_up(&client, tls);
    copy(tls->files[3], tls->files[5]);
    tls_make_certs(tls->folder, "--revoke " OIN_COUNSELLOR "/tls");
    assert_err(server_reload(tls->net.server, why), SKP_E_CERTIFICATE);
    assert_non_null(strstr(why, "sign.key"));
    assert_non_null(strstr(why, "ca_file and crl_file are taken over"));
    net_pass(&tls->net, 200);
    expect_cut(&client);
    tls_client_free(&client);
}

static void a_reload_does_not_make_it_another_broker(void **state)
{
    struct tls_net *tls = *state;
    char why[CREDENTIALS_WHY_BYTES];
    tls_make_certs(tls->folder, "--broker " OTHER_BROKER " --renew broker/tls --renew broker/sign");
    clock_manual_advance(&tls->net.clock, 60000);
    assert_err(server_reload(tls->net.server, why), SKP_E_CERTIFICATE);
    assert_non_null(strstr(why, "names OIN " OTHER_BROKER));
}

/* A file of another CA, put in place by mistake, would cut everybody. */
static void a_ca_file_that_no_longer_leads_to_the_broker_is_refused(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    char other[PATH_BYTES], file[PATH_BYTES];
    uint64_t generation = fake_of(tls->net.engine)->trust_generation;
    tls_client_open_up(&client, tls);
    assert_true(snprintf(other, sizeof other, "%s/ca/other", tls->folder) < PATH_BYTES);
    tls_make_certs(other, "");
    assert_true(snprintf(file, sizeof file, "%s/ca.pem", other) < PATH_BYTES);
    copy(file, tls->files[0]);
    let_it_be_noticed(tls);
    assert_int_equal(counters_of(tls)->reloads_failed, 1);
    assert_int_equal(counters_of(tls)->sessions_untrusted, 0);
    assert_int_equal(fake_of(tls->net.engine)->trust_generation, generation);
    tls_client_free(&client);
}

#define RELOAD_TEST(name) cmocka_unit_test_setup_teardown(name, tls_setup, tls_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RELOAD_TEST(an_expired_signing_certificate_keeps_no_crl_out),
        RELOAD_TEST(a_key_that_does_not_fit_keeps_no_crl_out),
        RELOAD_TEST(a_reload_that_refuses_the_keys_takes_the_crl),
        RELOAD_TEST(a_reload_does_not_make_it_another_broker),
        RELOAD_TEST(a_ca_file_that_no_longer_leads_to_the_broker_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
