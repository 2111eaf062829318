/* Makes proto/vectors/round.json: one exchange as it travels and is proven, with the published keys
 * of crypto.json, for clients in other languages to check. Run by hand when a format changes:
 *
 *   interop_make_round proto/vectors/crypto.json >proto/vectors/round.json
 *
 * Counsellor, creditor and broker are the first, second and third of crypto.json's "jws" (they sign
 * with it) and "boxes" (they open with it). Salts, nonces and ids are random: each run makes
 * another exchange. */
#include "envelope.h"
#include "wire.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { COUNSELLOR, CREDITOR, BROKER, PARTIES };

struct said {
    struct envelope_batch batch;
    struct skp_hash request_leaf; /* of the line that is answered */
    struct skp_id request_bundle;
    json_t *items; /* per bundle, per line: {item_id, part}, then the rest */
};

static struct arena arena;
static struct keypair *signers[PARTIES];
static struct keypair *openers[PARTIES];
static struct skp_oin oins[PARTIES];
static int64_t at_ms;

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "interop_make_round: %s failed\n", what);
        exit(1);
    }
}

/* ---------------------------------------------------------------- the published keys */

static void write_pem(const json_t *vector, const char *member, const char *path)
{
    const char *text = json_string_value(json_object_get(vector, member));
    FILE *file = fopen(path, "w");
    must(file != NULL && text != NULL && fputs(text, file) >= 0 && fclose(file) == 0, path);
}

static struct keypair *read_keypair(const json_t *vector)
{
    char folder[] = "/tmp/skp-round-XXXXXX";
    char cert_file[64];
    char key_file[64];
    struct keypair *keypair = NULL;
    const char *why = "";
    must(mkdtemp(folder) != NULL, "mkdtemp");
    snprintf(cert_file, sizeof cert_file, "%s/cert.pem", folder);
    snprintf(key_file, sizeof key_file, "%s/key.pem", folder);
    write_pem(vector, "cert_pem", cert_file);
    write_pem(vector, "key_pem", key_file);
    must(keypair_load(cert_file, key_file, &keypair, &why) == SKP_OK, "keypair_load");
    unlink(cert_file);
    unlink(key_file);
    rmdir(folder);
    return keypair;
}

static void read_keys(const char *path)
{
    json_t *vectors = json_load_file(path, 0, NULL);
    must(vectors != NULL, path);
    at_ms = json_integer_value(json_object_get(vectors, "at_ms"));
    for (size_t i = 0; i < PARTIES; i++) {
        const json_t *signer = json_array_get(json_object_get(vectors, "jws"), i);
        signers[i] = read_keypair(signer);
        openers[i] = read_keypair(json_array_get(json_object_get(vectors, "boxes"), i));
        must(oin_take(span_text(json_string_value(json_object_get(signer, "oin"))), &oins[i]),
             "oin_take");
    }
    json_decref(vectors);
}

/* ---------------------------------------------------------------- bytes as JSON */

static json_t *hex(struct span bytes)
{
    char *text = arena_calloc(&arena, bytes.len + 1, 2);
    must(text != NULL, "hex");
    for (size_t i = 0; i < bytes.len; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes.data[i]);
    return json_string(text);
}

static json_t *hex_hash(struct skp_hash hash)
{
    return hex(span_of(hash.bytes, HASH_BYTES));
}

static json_t *hex_path(const struct skp_hash *leaves, size_t count, size_t index)
{
    struct skp_hash path[MERKLE_MAX_PATH];
    size_t len = merkle_path(leaves, count, index, path);
    json_t *list = json_array();
    for (size_t i = 0; i < len; i++)
        json_array_append_new(list, hex_hash(path[i]));
    return list;
}

static ProtobufCBinaryData of_id(const struct skp_id *id)
{
    return wire_bytes(span_of(id->bytes, ID_BYTES));
}

static ProtobufCBinaryData of_hash(const struct skp_hash *hash)
{
    return wire_bytes(span_of(hash->bytes, HASH_BYTES));
}

/* ---------------------------------------------------------------- the two batches */

static struct envelope_writer *begin(struct said *said, int sender)
{
    struct skp_id batch_id = id_new();
    struct envelope_writer *writer = envelope_writer_new(&arena, &oins[sender], NULL, &batch_id);
    must(writer != NULL, "envelope_writer_new");
    said->items = json_array();
    return writer;
}

/* The broker gets no key box: nothing for it is sealed. */
static struct skp_id open_bundle(struct said *said, struct envelope_writer *writer, int recipient)
{
    struct skp_id bundle_id;
    X509 *cert = keypair_cert(openers[recipient]);
    must(!envelope_bundle_begin(writer, &oins[recipient], "", &cert, recipient != BROKER,
                                &bundle_id),
         "envelope_bundle_begin");
    json_array_append_new(said->items, json_array());
    return bundle_id;
}

static struct skp_hash add_line(struct said *said, struct envelope_writer *writer,
                                Skp__V1__Line *line, const struct skp_id *item_id,
                                const ProtobufCMessage *part)
{
    struct skp_hash leaf;
    struct span packed = part != NULL ? wire_pack(part, &arena) : span_of(NULL, 0);
    must(!envelope_line_add(writer, line, packed, &leaf), "envelope_line_add");
    json_array_append_new(json_array_get(said->items, json_array_size(said->items) - 1),
                          json_pack("{s:o, s:o}", "item_id", hex(span_of(item_id->bytes, ID_BYTES)),
                                    "part", hex(packed)));
    return leaf;
}

static void add_case(struct said *said, struct envelope_writer *writer,
                     const struct skp_id *requests, size_t count)
{
    struct skp_id case_id = id_new();
    Skp__V1__Line line = SKP__V1__LINE__INIT;
    Skp__V1__CaseFact fact = SKP__V1__CASE_FACT__INIT;
    fact.case_id = of_id(&case_id);
    fact.version = 1;
    fact.persons = 1;
    fact.product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    fact.guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    fact.reference_date = 20261101;
    fact.responsible = oins[COUNSELLOR].text;
    fact.n_request_ids = count;
    fact.request_ids = arena_calloc(&arena, count, sizeof *fact.request_ids);
    must(fact.request_ids != NULL, "add_case");
    for (size_t i = 0; i < count; i++)
        fact.request_ids[i] = of_id(&requests[i]);
    line.fact_case = SKP__V1__LINE__FACT_CASE_FACT;
    line.case_fact = &fact;
    add_line(said, writer, &line, &case_id, NULL);
}

static struct skp_hash add_request(struct said *said, struct envelope_writer *writer,
                                   const struct skp_id *request_id, bool sealed)
{
    char surname[] = "Verzonnen";
    char invoice[] = "F1/2026";
    char *invoices[] = {invoice};
    struct skp_id claim_id = id_new();
    Skp__V1__Line line = SKP__V1__LINE__INIT;
    Skp__V1__RequestFact fact = SKP__V1__REQUEST_FACT__INIT;
    Skp__V1__KnownClaim claim = SKP__V1__KNOWN_CLAIM__INIT;
    Skp__V1__KnownClaim *claims[] = {&claim};
    Skp__V1__Person person = SKP__V1__PERSON__INIT;
    Skp__V1__PersonPart part = SKP__V1__PERSON_PART__INIT;
    claim.claim_id = of_id(&claim_id);
    claim.kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_ENERGY;
    claim.amount_cents = 12345;
    claim.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    fact.request_id = of_id(request_id);
    fact.version = 1;
    fact.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    fact.product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    fact.guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    fact.reference_date = 20261101;
    fact.n_claims = 1;
    fact.claims = claims;
    person.surname = surname;
    person.birth_date = 19800101;
    part.client = &person;
    part.n_invoice_numbers = 1;
    part.invoice_numbers = invoices;
    line.fact_case = SKP__V1__LINE__FACT_REQUEST;
    line.request = &fact;
    return add_line(said, writer, &line, request_id, sealed ? &part.base : NULL);
}

static void finish(struct said *said, struct envelope_writer *writer, int sender)
{
    must(!envelope_finish(writer, signers[sender], at_ms, &said->batch), "envelope_finish");
}

static void ask(struct said *said, struct skp_id *requests)
{
    struct envelope_writer *writer = begin(said, COUNSELLOR);
    open_bundle(said, writer, BROKER);
    add_case(said, writer, requests, 3);
    said->request_bundle = open_bundle(said, writer, CREDITOR);
    said->request_leaf = add_request(said, writer, &requests[0], true);
    add_request(said, writer, &requests[1], false);
    add_request(said, writer, &requests[2], true);
    finish(said, writer, COUNSELLOR);
}

static void answer(struct said *said, const struct said *asked, const struct skp_id *request_id)
{
    char number[] = "0042";
    Skp__V1__Line line = SKP__V1__LINE__INIT;
    Skp__V1__AnswerFact fact = SKP__V1__ANSWER_FACT__INIT;
    Skp__V1__AnswerPart part = SKP__V1__ANSWER_PART__INIT;
    struct envelope_writer *writer = begin(said, CREDITOR);
    open_bundle(said, writer, COUNSELLOR);
    fact.request_id = of_id(request_id);
    fact.version = 1;
    fact.request_bundle_id = of_id(&asked->request_bundle);
    fact.request_leaf = of_hash(&asked->request_leaf);
    fact.outcome = SKP__V1__OUTCOME__OUTCOME_ZERO_BALANCE;
    fact.complete = true;
    part.client_number_creditor = number;
    line.fact_case = SKP__V1__LINE__FACT_ANSWER;
    line.answer = &fact;
    add_line(said, writer, &line, request_id, &part.base);
    finish(said, writer, CREDITOR);
}

/* ---------------------------------------------------------------- a batch as JSON */

static Skp__V1__Bundle *unpack_bundle(struct span bytes)
{
    char path[WIRE_PATH_MAX] = "";
    ProtobufCMessage *message;
    must(!wire_unpack(&skp__v1__bundle__descriptor, bytes, &arena, path, &message), "a bundle");
    return (Skp__V1__Bundle *)(void *)message;
}

static json_t *json_lines(const Skp__V1__Bundle *bundle, json_t *lines)
{
    struct skp_hash leaves[BUNDLE_MAX_LINES];
    for (size_t i = 0; i < bundle->n_lines; i++)
        leaves[i] = merkle_leaf(wire_span(bundle->lines[i]));
    for (size_t i = 0; i < bundle->n_lines; i++) {
        json_t *line = json_array_get(lines, i);
        json_object_set_new(line, "line", hex(wire_span(bundle->lines[i])));
        json_object_set_new(line, "leaf", hex_hash(leaves[i]));
        json_object_set_new(line, "path", hex_path(leaves, bundle->n_lines, i));
    }
    return json_incref(lines);
}

static struct skp_hash taken_leaf(const struct envelope_batch *batch)
{
    size_t len = batch->header.len + strlen(batch->jws);
    uint8_t *both = arena_alloc(&arena, len);
    must(both != NULL, "taken_leaf");
    memcpy(both, batch->header.data, batch->header.len);
    memcpy(both + batch->header.len, batch->jws, strlen(batch->jws));
    return merkle_leaf(span_of(both, len));
}

static json_t *json_batch(const struct said *said)
{
    const struct envelope_batch *batch = &said->batch;
    struct skp_hash heads[2];
    json_t *bundles = json_array();
    for (size_t i = 0; i < batch->bundle_count; i++)
        heads[i] = merkle_leaf(batch->heads[i]);
    for (size_t i = 0; i < batch->bundle_count; i++) {
        json_array_append_new(
            bundles, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "bundle", hex(batch->bundles[i]),
                               "head", hex(batch->heads[i]), "head_leaf", hex_hash(heads[i]),
                               "head_hash", hex_hash(sha256(batch->heads[i])), "path",
                               hex_path(heads, batch->bundle_count, i), "lines",
                               json_lines(unpack_bundle(batch->bundles[i]),
                                          json_array_get(said->items, i))));
    }
    return json_pack("{s:o, s:s, s:o, s:o, s:o}", "header", hex(batch->header), "jws", batch->jws,
                     "root", hex_hash(batch->root), "taken_leaf", hex_hash(taken_leaf(batch)),
                     "bundles", bundles);
}

/* ---------------------------------------------------------------- what the broker says */

static struct span pack_body(const struct envelope_batch *batch, int sender, uint32_t stored,
                             Skp__V1__Refusal *refusal)
{
    char context[] = RECEIPT_CONTEXT;
    Skp__V1__ReceiptBody body = SKP__V1__RECEIPT_BODY__INIT;
    Skp__V1__ErrorText text = SKP__V1__ERROR_TEXT__INIT;
    Skp__V1__ErrorText *texts[] = {&text};
    body.context = context;
    body.sender = oins[sender].text;
    body.batch_id = of_id(&batch->batch_id);
    body.batch_root = of_hash(&batch->root);
    body.stored = stored;
    body.stored_at_ms = at_ms;
    if (refusal != NULL) {
        const struct skp_error_info *info = skp_error((enum skp_err)refusal->code);
        text.code = refusal->code;
        text.name = (char *)(uintptr_t)info->name;
        text.sentence = (char *)(uintptr_t)info->sentence;
        text.remedy = (char *)(uintptr_t)info->remedy;
        text.retry = (Skp__V1__Retry)info->retry;
        body.n_refusals = 1;
        body.refusals = &refusal;
        body.n_texts = 1;
        body.texts = texts;
    }
    return wire_pack(&body.base, &arena);
}

static struct span pack_commit(uint64_t sequence, const struct skp_hash *previous,
                               const struct skp_hash *receipts, uint32_t receipt_count,
                               const struct skp_hash *taken)
{
    static const struct skp_id store_id = {.bytes = "a store's id..."};
    char context[] = COMMIT_CONTEXT;
    Skp__V1__CommitHeader commit = SKP__V1__COMMIT_HEADER__INIT;
    commit.context = context;
    commit.broker = oins[BROKER].text;
    commit.store_id = of_id(&store_id);
    commit.sequence = sequence;
    commit.previous = of_hash(previous);
    commit.receipts_root = of_hash(receipts);
    commit.receipt_count = receipt_count;
    commit.taken_root = of_hash(taken);
    commit.committed_at_ms = at_ms;
    commit.play = true;
    return wire_pack(&commit.base, &arena);
}

static const char *sign(int who, struct span payload)
{
    const char *jws = NULL;
    must(!jws_sign(signers[who], payload, at_ms, &arena, &jws), "jws_sign");
    return jws;
}

static json_t *json_receipt(const struct span *bodies, const struct skp_hash *leaves, size_t index,
                            struct span commit, const char *jws)
{
    struct skp_hash path[MERKLE_MAX_PATH];
    ProtobufCBinaryData steps[MERKLE_MAX_PATH];
    Skp__V1__Receipt receipt = SKP__V1__RECEIPT__INIT;
    receipt.n_path = merkle_path(leaves, 2, index, path);
    for (size_t i = 0; i < receipt.n_path; i++)
        steps[i] = of_hash(&path[i]);
    receipt.path = steps;
    receipt.body = wire_bytes(bodies[index]);
    receipt.index = (uint32_t)index;
    receipt.commit = wire_bytes(commit);
    receipt.jws = (char *)(uintptr_t)jws;
    return json_pack("{s:o, s:o, s:o}", "body", hex(bodies[index]), "leaf", hex_hash(leaves[index]),
                     "receipt", hex(wire_pack(&receipt.base, &arena)));
}

/* Two commits: an empty one, and that of both batches; with a receipt for each of these. */
static void add_commits(json_t *round, const struct said *asked, const struct said *answered,
                        const struct skp_id *refused)
{
    static const struct skp_hash zeros;
    Skp__V1__Refusal refusal = SKP__V1__REFUSAL__INIT;
    refusal.bundle = 1;
    refusal.line = 1;
    refusal.item_id = of_id(refused);
    refusal.code = SKP_E_DATE_RANGE;
    char path[] = "request.reference_date";
    refusal.path = path;
    struct span bodies[] = {pack_body(&asked->batch, COUNSELLOR, 3, &refusal),
                            pack_body(&answered->batch, CREDITOR, 1, NULL)};
    struct skp_hash leaves[] = {merkle_leaf(bodies[0]), merkle_leaf(bodies[1])};
    struct skp_hash taken[] = {taken_leaf(&asked->batch), taken_leaf(&answered->batch)};
    struct skp_hash receipts_root = merkle_root(leaves, 2);
    struct skp_hash taken_root = merkle_root(taken, 2);
    struct span first = pack_commit(1, &zeros, &zeros, 0, &zeros);
    struct skp_hash previous = sha256(first);
    struct span second = pack_commit(2, &previous, &receipts_root, 2, &taken_root);
    const char *jws = sign(BROKER, second);
    json_object_set_new(round, "commits",
                        json_pack("[{s:o, s:s}, {s:o, s:s}]", "commit", hex(first), "jws",
                                  sign(BROKER, first), "commit", hex(second), "jws", jws));
    json_object_set_new(round, "receipts",
                        json_pack("[o, o]", json_receipt(bodies, leaves, 0, second, jws),
                                  json_receipt(bodies, leaves, 1, second, jws)));
}

/* The creditor's delivery: the refused line is withheld. */
static json_t *json_delivery(const struct envelope_batch *batch)
{
    struct skp_hash heads[] = {merkle_leaf(batch->heads[0]), merkle_leaf(batch->heads[1])};
    struct skp_hash path[MERKLE_MAX_PATH];
    ProtobufCBinaryData steps[MERKLE_MAX_PATH];
    Skp__V1__Bundle *bundle = unpack_bundle(batch->bundles[1]);
    Skp__V1__Withheld gap = SKP__V1__WITHHELD__INIT;
    Skp__V1__Withheld *gaps[] = {&gap};
    struct skp_hash leaf = merkle_leaf(wire_span(bundle->lines[1]));
    gap.line = 1;
    gap.leaf_hash = of_hash(&leaf);
    bundle->lines[1] = (ProtobufCBinaryData){0};
    bundle->sealed[1] = (ProtobufCBinaryData){0};
    bundle->n_withheld = 1;
    bundle->withheld = gaps;
    Skp__V1__Delivery delivery = SKP__V1__DELIVERY__INIT;
    delivery.position = 1;
    delivery.attempt = 1;
    delivery.stored_at_ms = at_ms;
    delivery.header = wire_bytes(batch->header);
    delivery.jws = (char *)(uintptr_t)batch->jws;
    delivery.n_path = merkle_path(heads, 2, 1, path);
    for (size_t i = 0; i < delivery.n_path; i++)
        steps[i] = of_hash(&path[i]);
    delivery.path = steps;
    delivery.bundle_index = 1;
    delivery.bundle = wire_bytes(wire_pack(&bundle->base, &arena));
    return hex(wire_pack(&delivery.base, &arena));
}

static json_t *json_collect(const struct envelope_batch *batch)
{
    char context[] = COLLECT_CONTEXT;
    struct skp_hash head_hash = sha256(batch->heads[1]);
    Skp__V1__CollectedItem item = SKP__V1__COLLECTED_ITEM__INIT;
    Skp__V1__CollectedItem *items[] = {&item};
    Skp__V1__CollectStatement statement = SKP__V1__COLLECT_STATEMENT__INIT;
    item.position = 1;
    item.head_hash = of_hash(&head_hash);
    statement.context = context;
    statement.participant = oins[CREDITOR].text;
    statement.n_items = 1;
    statement.items = items;
    statement.collected_at_ms = at_ms;
    struct span packed = wire_pack(&statement.base, &arena);
    return json_pack("{s:o, s:s}", "statement", hex(packed), "jws", sign(CREDITOR, packed));
}

int main(int argc, char **argv)
{
    struct said asked;
    struct said answered;
    struct skp_id requests[3] = {id_new(), id_new(), id_new()};
    if (argc != 2) {
        fputs("usage: interop_make_round CRYPTO.json >round.json\n", stderr);
        return 2;
    }
    arena_init(&arena, (size_t)8 * 1024 * 1024);
    read_keys(argv[1]);
    ask(&asked, requests);
    answer(&answered, &asked, &requests[0]);
    json_t *round = json_pack(
        "{s:s, s:I, s:o, s:o, s:o}", "note",
        "made by tests/interop/make_round.c; bytes are hex; counsellor, creditor, broker sign with "
        "the 1st, 2nd, 3rd of \"jws\" in crypto.json and open with the same of \"boxes\"",
        "at_ms", (json_int_t)at_ms, "batches",
        json_pack("[o, o]", json_batch(&asked), json_batch(&answered)), "delivery",
        json_delivery(&asked.batch), "collect", json_collect(&asked.batch));
    must(round != NULL, "json_pack");
    add_commits(round, &asked, &answered, &requests[1]);
    must(json_dumpf(round, stdout, JSON_INDENT(1)) == 0 && putchar('\n') != EOF, "writing");
    json_decref(round);
    json_decref(asked.items);
    json_decref(answered.items);
    for (size_t i = 0; i < PARTIES; i++) {
        keypair_unref(signers[i]);
        keypair_unref(openers[i]);
    }
    arena_fini(&arena);
    return 0;
}
