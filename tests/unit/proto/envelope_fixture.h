/* Two participants, a broker and a batch of one with two bundles for the other. */
#ifndef SKP_TEST_ENVELOPE_FIXTURE_H
#define SKP_TEST_ENVELOPE_FIXTURE_H

#include "testing.h"

#include "envelope.h"
#include "fact.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNSELLOR  "00000099000000001000"
#define CREDITOR    "00000099000000002000"
#define RSA_PARTY   "00000099000000003000" /* signs and opens with RSA */
#define BROKER_CERT TEST_CERTS "/broker/sign"
#define PARTY_CERT  TEST_CERTS "/participants/"

#define FIXTURE_LINES 5

struct fixture {
    struct arena arena;
    struct trust *trust;
    struct jws_cache *cache;
    struct keypair *counsellor;
    struct keypair *broker;
    struct keypair *creditor_opens;
    struct keypair *rsa_opens;
    struct skp_oin sender;
    struct skp_oin recipient;
    struct skp_oin broker_oin;
    int64_t at_ms;
    Skp__V1__Line lines[FIXTURE_LINES];
    Skp__V1__RequestFact requests[FIXTURE_LINES];
    struct skp_id ids[FIXTURE_LINES];
    struct skp_hash leaves[FIXTURE_LINES];
    struct envelope_batch batch;
};

static inline struct keypair *fixture_keypair(const char *name)
{
    char cert[PATH_MAX];
    char key[PATH_MAX];
    const char *why = "";
    struct keypair *keypair = NULL;
    (void)snprintf(cert, sizeof cert, "%s.pem", name);
    (void)snprintf(key, sizeof key, "%s.key", name);
    if (keypair_load(cert, key, &keypair, &why))
        fail_msg("%s: %s (made by the test test_certificates)", name, why);
    return keypair;
}

static inline void fixture_request(struct fixture *f, size_t index)
{
    Skp__V1__RequestFact *request = &f->requests[index];
    f->ids[index] = id_new();
    skp__v1__line__init(&f->lines[index]);
    skp__v1__request_fact__init(request);
    f->lines[index].fact_case = SKP__V1__LINE__FACT_REQUEST;
    f->lines[index].request = request;
    request->request_id = wire_bytes(span_of(f->ids[index].bytes, ID_BYTES));
    request->version = 1;
    request->debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    request->product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    request->guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    request->reference_date = 20261203;
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const char *why = "";
    assert_non_null(f);
    arena_init(&f->arena, (size_t)64 << 20);
    assert_ok(trust_load(TEST_CERTS "/ca.pem", TEST_CERTS "/crl.pem", &f->trust, &why));
    f->cache = jws_cache_new(16);
    f->counsellor = fixture_keypair(PARTY_CERT COUNSELLOR "/sign");
    f->broker = fixture_keypair(BROKER_CERT);
    f->creditor_opens = fixture_keypair(PARTY_CERT CREDITOR "/enc");
    f->rsa_opens = fixture_keypair(PARTY_CERT RSA_PARTY "/enc");
    assert_ok(cert_oin(keypair_cert(f->counsellor), &f->sender));
    assert_ok(cert_oin(keypair_cert(f->creditor_opens), &f->recipient));
    assert_ok(cert_oin(keypair_cert(f->broker), &f->broker_oin));
    f->at_ms = (int64_t)time(NULL) * 1000;
    for (size_t i = 0; i < FIXTURE_LINES; i++)
        fixture_request(f, i);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    keypair_unref(f->counsellor);
    keypair_unref(f->broker);
    keypair_unref(f->creditor_opens);
    keypair_unref(f->rsa_opens);
    jws_cache_free(f->cache);
    trust_unref(f->trust);
    arena_fini(&f->arena);
    free(f);
    return 0;
}

static inline struct envelope_writer *fixture_writer(struct fixture *f)
{
    struct skp_id batch_id = id_new();
    struct envelope_writer *writer = envelope_writer_new(&f->arena, &f->sender, NULL, &batch_id);
    assert_non_null(writer);
    return writer;
}

static inline void fixture_begin(struct fixture *f, struct envelope_writer *writer)
{
    X509 *certs[] = {keypair_cert(f->creditor_opens), keypair_cert(f->rsa_opens)};
    struct skp_id bundle_id;
    assert_ok(envelope_bundle_begin(writer, &f->recipient, "", certs, 2, &bundle_id));
}

/* Lines 0, 1 and 2 in the first bundle, 3 and 4 in the second; line 1 and 4 seal nothing. */
static inline void fixture_write(struct fixture *f)
{
    struct envelope_writer *writer = fixture_writer(f);
    for (size_t i = 0; i < FIXTURE_LINES; i++) {
        bool seals = i != 1 && i != 4;
        if (i == 0 || i == 3)
            fixture_begin(f, writer);
        assert_ok(envelope_line_add(writer, &f->lines[i],
                                    seals ? span_text("TEST Jansen") : (struct span){0},
                                    &f->leaves[i]));
    }
    assert_ok(envelope_finish(writer, f->counsellor, f->at_ms, &f->batch));
}

static inline Skp__V1__Bundle *fixture_bundle(struct fixture *f, struct span bytes)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message = NULL;
    assert_ok(wire_unpack(&skp__v1__bundle__descriptor, bytes, &f->arena, path, &message));
    return (Skp__V1__Bundle *)message;
}

/* Bytes that may be changed without changing those of `bytes`. */
static inline ProtobufCBinaryData fixture_copy(struct fixture *f, struct span bytes)
{
    return wire_bytes(span_of(arena_copy(&f->arena, bytes.data, bytes.len), bytes.len));
}

#endif
