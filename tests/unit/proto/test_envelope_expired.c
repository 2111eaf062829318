/* Mail and receipts that are older than the certificates they were signed with. */
#include "proof_fixture.h"
#include "tiny_signer.h"

#define ENDED_MS ((NOW_S + 11 * DAY_S) * 1000)

/* From here on counsellor and broker sign with certificates of `pki` that end in ten days. */
static void sign_for_ten_days(struct fixture *f, struct tiny_pki *pki)
{
    struct tiny_spec ten_days = {.oin = f->sender.text, .until_s = NOW_S + 10 * DAY_S};
    tiny_pki_init(pki);
    keypair_unref(f->counsellor);
    f->counsellor = tiny_signer(pki, ten_days);
    ten_days.oin = f->broker_oin.text;
    keypair_unref(f->broker);
    f->broker = tiny_signer(pki, ten_days);
    trust_unref(f->trust);
    f->trust = tiny_trust(pki, NULL);
    f->at_ms = NOW_MS;
}

static void list_revoked(struct fixture *f, struct tiny_pki *pki, const struct keypair *signer)
{
    trust_unref(f->trust);
    f->trust = tiny_trust(pki, signer);
}

static void send_for_ten_days(struct fixture *f, struct tiny_pki *pki,
                              Skp__V1__Delivery *ret_delivery)
{
    sign_for_ten_days(f, pki);
    fixture_write(f);
    deliver(f, 0, ret_delivery);
}

static enum skp_err take_in(struct fixture *f)
{
    struct envelope_header header;
    char path[WIRE_PATH_MAX];
    assert_ok(envelope_read_header(f->batch.header, &f->arena, path, &header));
    return envelope_check_signature(f->trust, f->cache, f->batch.header, &header,
                                    span_text(f->batch.jws), f->at_ms, &why);
}

static void mail_outlives_the_certificate_of_its_signer(void **state)
{
    struct fixture *f = *state;
    struct tiny_pki pki;
    Skp__V1__Delivery delivery;
    send_for_ten_days(f, &pki, &delivery);
    assert_ok(take_in(f));
    f->at_ms = ENDED_MS;
    for (int i = 0; i < 2; i++) {
        assert_ok(receive(f, &delivery));
        assert_err(take_in(f), SKP_E_SIGNER_INVALID);
    }
    tiny_pki_fini(&pki);
}

static void mail_of_a_revoked_signer_stays_and_says_what_to_do(void **state)
{
    struct fixture *f = *state;
    struct tiny_pki pki;
    Skp__V1__Delivery delivery;
    send_for_ten_days(f, &pki, &delivery);
    assert_ok(receive(f, &delivery));
    list_revoked(f, &pki, f->counsellor);
    for (int i = 0; i < 2; i++) {
        assert_err(receive(f, &delivery), SKP_E_SIGNER_REVOKED);
        assert_non_null(strstr(why, "was revoked"));
        assert_non_null(strstr(why, "call the sender"));
        f->at_ms = ENDED_MS;
    }
    tiny_pki_fini(&pki);
}

static void an_expired_signer_still_signs_for_nobody_else(void **state)
{
    struct fixture *f = *state;
    struct tiny_pki pki;
    Skp__V1__Delivery delivery;
    const char *jws = NULL;
    send_for_ten_days(f, &pki, &delivery);
    assert_ok(jws_sign(f->broker, f->batch.header, f->at_ms, &f->arena, &jws));
    delivery.jws = arena_copy(&f->arena, jws, strlen(jws) + 1);
    f->at_ms = ENDED_MS;
    assert_err(receive(f, &delivery), SKP_E_SIGNER_INVALID);
    tiny_pki_fini(&pki);
}

static void a_receipt_holds_after_the_brokers_certificate_ended(void **state)
{
    struct fixture *f = *state;
    struct tiny_pki pki;
    struct receipt_fixture r;
    Skp__V1__ReceiptBody *body = NULL;
    sign_for_ten_days(f, &pki);
    fixture_write(f);
    fill_receipt(f, &r);
    finish_receipt(f, &r);
    f->at_ms = ENDED_MS;
    assert_ok(check_receipt(f, &r, &body));
    list_revoked(f, &pki, f->broker);
    assert_err(check_receipt(f, &r, &body), SKP_E_PROOF_INVALID);
    tiny_pki_fini(&pki);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(mail_outlives_the_certificate_of_its_signer),
        TEST(mail_of_a_revoked_signer_stays_and_says_what_to_do),
        TEST(an_expired_signer_still_signs_for_nobody_else),
        TEST(a_receipt_holds_after_the_brokers_certificate_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
