/* What the broker made of the batch of envelope_fixture.h: a delivery, and a receipt in a commit of
 * its own. */
#ifndef SKP_TEST_PROOF_FIXTURE_H
#define SKP_TEST_PROOF_FIXTURE_H

#include "envelope_fixture.h"

/* Bundle `index` of the batch as the broker delivers it. */
static inline void deliver(struct fixture *f, size_t index, Skp__V1__Delivery *ret_delivery)
{
    struct skp_hash heads[2] = {merkle_leaf(f->batch.heads[0]), merkle_leaf(f->batch.heads[1])};
    struct skp_hash *path = arena_calloc(&f->arena, MERKLE_MAX_PATH, sizeof *path);
    ProtobufCBinaryData *steps = arena_calloc(&f->arena, MERKLE_MAX_PATH, sizeof *steps);
    skp__v1__delivery__init(ret_delivery);
    ret_delivery->n_path = merkle_path(heads, f->batch.bundle_count, index, path);
    for (size_t i = 0; i < ret_delivery->n_path; i++)
        steps[i] = wire_bytes(span_of(path[i].bytes, HASH_BYTES));
    ret_delivery->path = steps;
    ret_delivery->position = 1;
    ret_delivery->attempt = 1;
    ret_delivery->header = fixture_copy(f, f->batch.header);
    ret_delivery->jws = arena_copy(&f->arena, f->batch.jws, strlen(f->batch.jws) + 1);
    ret_delivery->bundle_index = (uint32_t)index;
    ret_delivery->bundle = fixture_copy(f, f->batch.bundles[index]);
}

static struct envelope_delivery read_delivery;
static const char *why;

static inline enum skp_err receive_as(struct fixture *f, const Skp__V1__Delivery *delivery,
                                      const struct skp_oin *me)
{
    why = NULL;
    enum skp_err err = envelope_check_delivery(f->trust, f->cache, delivery, me, f->at_ms,
                                               &f->arena, &read_delivery, &why);
    assert_true(err == SKP_OK || (why && *why));
    return err;
}

static inline enum skp_err receive(struct fixture *f, const Skp__V1__Delivery *delivery)
{
    return receive_as(f, delivery, &f->recipient);
}

#define COMMIT_RECEIPTS 3

struct receipt_fixture {
    Skp__V1__ReceiptBody body;
    Skp__V1__CommitHeader commit;
    Skp__V1__Receipt receipt;
    char receipt_context[32];
    char commit_context[32];
    struct keypair *signer;
    uint8_t zeros[HASH_BYTES];
};

static inline void fill_receipt(struct fixture *f, struct receipt_fixture *r)
{
    memset(r, 0, sizeof *r);
    skp__v1__receipt_body__init(&r->body);
    skp__v1__commit_header__init(&r->commit);
    skp__v1__receipt__init(&r->receipt);
    (void)strcpy(r->receipt_context, RECEIPT_CONTEXT);
    (void)strcpy(r->commit_context, COMMIT_CONTEXT);
    r->body.context = r->receipt_context;
    r->body.sender = f->sender.text;
    r->body.batch_id = fixture_copy(f, span_of(f->batch.batch_id.bytes, ID_BYTES));
    r->body.batch_root = fixture_copy(f, span_of(f->batch.root.bytes, HASH_BYTES));
    r->body.stored = FIXTURE_LINES;
    r->commit.context = r->commit_context;
    r->commit.broker = f->broker_oin.text;
    r->commit.store_id = fixture_copy(f, span_of(f->ids[0].bytes, ID_BYTES));
    r->commit.sequence = 1;
    r->commit.previous = wire_bytes(span_of(r->zeros, HASH_BYTES));
    r->commit.receipt_count = COMMIT_RECEIPTS;
    r->receipt.index = 1;
    r->signer = f->broker;
}

/* Packs body and commit, builds the tree around the body, signs. */
static inline void finish_receipt(struct fixture *f, struct receipt_fixture *r)
{
    struct skp_hash leaves[COMMIT_RECEIPTS] = {{.bytes = {1}}, {.bytes = {2}}, {.bytes = {3}}};
    struct skp_hash *path = arena_calloc(&f->arena, MERKLE_MAX_PATH, sizeof *path);
    ProtobufCBinaryData *steps = arena_calloc(&f->arena, MERKLE_MAX_PATH, sizeof *steps);
    struct span body = wire_pack(&r->body.base, &f->arena);
    leaves[1] = merkle_leaf(body);
    struct skp_hash root = merkle_root(leaves, COMMIT_RECEIPTS);
    r->commit.receipts_root = fixture_copy(f, span_of(root.bytes, HASH_BYTES));
    r->receipt.n_path = merkle_path(leaves, COMMIT_RECEIPTS, 1, path);
    for (size_t i = 0; i < r->receipt.n_path; i++)
        steps[i] = wire_bytes(span_of(path[i].bytes, HASH_BYTES));
    r->receipt.path = steps;
    r->receipt.body = wire_bytes(body);
    struct span commit = wire_pack(&r->commit.base, &f->arena);
    const char *jws = NULL;
    assert_ok(jws_sign(r->signer, commit, f->at_ms, &f->arena, &jws));
    r->receipt.commit = wire_bytes(commit);
    r->receipt.jws = arena_copy(&f->arena, jws, strlen(jws) + 1);
}

static inline enum skp_err check_receipt(struct fixture *f, const struct receipt_fixture *r,
                                         Skp__V1__ReceiptBody **ret_body)
{
    why = NULL;
    enum skp_err err = envelope_check_receipt(f->trust, f->cache, &r->receipt, &f->broker_oin,
                                              &f->sender, &f->batch.batch_id, &f->batch.root,
                                              f->at_ms, &f->arena, ret_body, &why);
    assert_true(err == SKP_OK || (why && *why));
    return err;
}

#endif
