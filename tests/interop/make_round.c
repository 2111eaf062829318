/* Makes a round of proto/vectors: one exchange as it travels and is proven, with the published keys
 * of crypto.json, for clients in other languages to check. Run by hand when a format is added:
 *
 *   interop_make_round proto/vectors/crypto.json --swapped >proto/vectors/round_swapped.json
 *
 * Counsellor, creditor and broker are the first, second and third of crypto.json's "jws" (they sign
 * with it) and "boxes" (they open with it), or with --swapped the third, second and first: then RSA
 * signs what EC signs otherwise. Salts, nonces and ids are random: each run makes another exchange.
 */
#include "make_round.h"

#include "statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COLLECTED 5 /* items of the statement */

struct round_world world;

void must(bool good, const char *what)
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

static void read_keys(const char *path, bool swapped)
{
    json_t *vectors = json_load_file(path, 0, NULL);
    must(vectors != NULL, path);
    world.at_ms = json_integer_value(json_object_get(vectors, "at_ms"));
    for (size_t i = 0; i < PARTIES; i++) {
        size_t place = world.places[i] = swapped ? PARTIES - 1 - i : i;
        const json_t *signer = json_array_get(json_object_get(vectors, "jws"), place);
        world.signers[i] = read_keypair(signer);
        world.openers[i] = read_keypair(json_array_get(json_object_get(vectors, "boxes"), place));
        must(oin_take(span_text(json_string_value(json_object_get(signer, "oin"))), &world.oins[i]),
             "oin_take");
    }
    json_decref(vectors);
}

/* ---------------------------------------------------------------- bytes as JSON */

json_t *hex(struct span bytes)
{
    char *text = arena_calloc(&world.arena, bytes.len + 1, 2);
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

/* ---------------------------------------------------------------- a batch as JSON */

static Skp__V1__Bundle *unpack_bundle(struct span bytes)
{
    char path[WIRE_PATH_MAX] = "";
    ProtobufCMessage *message;
    must(!wire_unpack(&skp__v1__bundle__descriptor, bytes, &world.arena, path, &message),
         "a bundle");
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
    uint8_t *both = arena_alloc(&world.arena, len);
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
    Skp__V1__ReceiptBody body;
    Skp__V1__ErrorText text;
    Skp__V1__ErrorText *texts[] = {&text};
    skp__v1__receipt_body__init(&body);
    skp__v1__error_text__init(&text);
    body.context = context;
    body.sender = world.oins[sender].text;
    body.batch_id = of_id(&batch->batch_id);
    body.batch_root = of_hash(&batch->root);
    body.stored = stored;
    body.stored_at_ms = world.at_ms;
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
    return wire_pack(&body.base, &world.arena);
}

static struct span pack_commit(uint64_t sequence, const struct skp_hash *previous,
                               const struct skp_hash *receipts, uint32_t receipt_count,
                               const struct skp_hash *taken)
{
    static const struct skp_id store_id = {.bytes = "a store's id..."};
    char context[] = COMMIT_CONTEXT;
    Skp__V1__CommitHeader commit;
    skp__v1__commit_header__init(&commit);
    commit.context = context;
    commit.broker = world.oins[BROKER].text;
    commit.store_id = of_id(&store_id);
    commit.sequence = sequence;
    commit.previous = of_hash(previous);
    commit.receipts_root = of_hash(receipts);
    commit.receipt_count = receipt_count;
    commit.taken_root = of_hash(taken);
    commit.committed_at_ms = world.at_ms;
    commit.play = true;
    return wire_pack(&commit.base, &world.arena);
}

const char *round_sign(int who, struct span payload)
{
    const char *jws = NULL;
    must(!jws_sign(world.signers[who], payload, world.at_ms, &world.arena, &jws), "jws_sign");
    return jws;
}

static json_t *json_receipt(const struct span *bodies, const struct skp_hash *leaves, size_t index,
                            struct span commit, const char *jws)
{
    struct skp_hash path[MERKLE_MAX_PATH];
    ProtobufCBinaryData steps[MERKLE_MAX_PATH];
    Skp__V1__Receipt receipt;
    skp__v1__receipt__init(&receipt);
    receipt.n_path = merkle_path(leaves, 2, index, path);
    for (size_t i = 0; i < receipt.n_path; i++)
        steps[i] = of_hash(&path[i]);
    receipt.path = steps;
    receipt.body = wire_bytes(bodies[index]);
    receipt.index = (uint32_t)index;
    receipt.commit = wire_bytes(commit);
    receipt.jws = (char *)(uintptr_t)jws;
    return json_pack("{s:o, s:o, s:o}", "body", hex(bodies[index]), "leaf", hex_hash(leaves[index]),
                     "receipt", hex(wire_pack(&receipt.base, &world.arena)));
}

/* Two commits: an empty one, and that of both batches; with a receipt for each of these. */
static void add_commits(json_t *round, const struct said *asked, const struct said *answered,
                        const struct skp_id *refused)
{
    static const struct skp_hash zeros;
    Skp__V1__Refusal refusal;
    skp__v1__refusal__init(&refusal);
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
    const char *jws = round_sign(BROKER, second);
    json_object_set_new(round, "commits",
                        json_pack("[{s:o, s:s}, {s:o, s:s}]", "commit", hex(first), "jws",
                                  round_sign(BROKER, first), "commit", hex(second), "jws", jws));
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
    Skp__V1__Withheld gap;
    Skp__V1__Withheld *gaps[] = {&gap};
    struct skp_hash leaf = merkle_leaf(wire_span(bundle->lines[1]));
    skp__v1__withheld__init(&gap);
    gap.line = 1;
    gap.leaf_hash = of_hash(&leaf);
    bundle->lines[1] = (ProtobufCBinaryData){0};
    bundle->sealed[1] = (ProtobufCBinaryData){0};
    bundle->n_withheld = 1;
    bundle->withheld = gaps;
    Skp__V1__Delivery delivery;
    skp__v1__delivery__init(&delivery);
    delivery.position = 1;
    delivery.attempt = 1;
    delivery.stored_at_ms = world.at_ms;
    delivery.header = wire_bytes(batch->header);
    delivery.jws = (char *)(uintptr_t)batch->jws;
    delivery.n_path = merkle_path(heads, 2, 1, path);
    for (size_t i = 0; i < delivery.n_path; i++)
        steps[i] = of_hash(&path[i]);
    delivery.path = steps;
    delivery.bundle_index = 1;
    delivery.bundle = wire_bytes(wire_pack(&bundle->base, &world.arena));
    return hex(wire_pack(&delivery.base, &world.arena));
}

/* What the sender of the items at `places` hears. */
static json_t *json_collected(const Skp__V1__Collect *collect, const struct skp_hash *leaves,
                              const size_t *places, size_t count)
{
    struct skp_id event_id = id_new();
    struct skp_hash *room =
        arena_calloc(&world.arena, merkle_tree_room(collect->n_items), sizeof *room);
    Skp__V1__ProvenItem items[COLLECTED];
    Skp__V1__ProvenItem *list[COLLECTED];
    Skp__V1__EventFact event;
    skp__v1__event_fact__init(&event);
    event.event_id = of_id(&event_id);
    event.version = 1;
    event.kind = SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED;
    event.happened_at_ms = world.at_ms;
    event.other = world.oins[CREDITOR].text;
    event.statement = collect->statement;
    event.jws = collect->jws;
    for (size_t i = 0; i < count; i++) {
        skp__v1__proven_item__init(&items[i]);
        items[i].index = (uint32_t)places[i];
        items[i].position = collect->items[places[i]]->position;
        items[i].head_hash = collect->items[places[i]]->head_hash;
        list[i] = &items[i];
    }
    event.collected = list;
    event.n_collected = count;
    struct merkle_tree tree = merkle_tree_make(leaves, collect->n_items, room);
    must(!statement_prove(&tree, &world.arena, &event), "statement_prove");
    return hex(wire_pack(&event.base, &world.arena));
}

/* The first and the fourth item are the counsellor's, the others of senders that it hears nothing of. */
static json_t *json_collect(const struct envelope_batch *batch)
{
    static const size_t places[] = {0, 3};
    struct skp_hash heads[COLLECTED], leaves[COLLECTED];
    Skp__V1__CollectedItem items[COLLECTED];
    Skp__V1__Collect collect;
    json_t *list = json_array();
    for (size_t i = 0; i < COLLECTED; i++) {
        struct skp_id id = id_new();
        heads[i] = sha256(i == 0 ? batch->heads[1] : span_of(id.bytes, ID_BYTES));
        skp__v1__collected_item__init(&items[i]);
        items[i].position = 1 + 256 * i;
        items[i].head_hash = of_hash(&heads[i]);
        leaves[i] = statement_leaf(items[i].position, &heads[i]);
        json_array_append_new(list, json_pack("{s:I, s:o, s:o}", "position",
                                              (json_int_t)items[i].position, "head_hash",
                                              hex_hash(heads[i]), "leaf", hex_hash(leaves[i])));
    }
    must(!statement_make(world.signers[CREDITOR], &world.oins[CREDITOR], "", items, COLLECTED,
                         world.at_ms, &world.arena, &collect),
         "statement_make");
    return json_pack("{s:o, s:s, s:o, s:o}", "statement", hex(wire_span(collect.statement)), "jws",
                     collect.jws, "items", list, "event",
                     json_collected(&collect, leaves, places, 2));
}

/* Where each party stands in the lists "jws" and "boxes", from 0. */
static json_t *json_places(void)
{
    return json_pack("{s:I, s:I, s:I}", "counsellor", (json_int_t)world.places[COUNSELLOR],
                     "creditor", (json_int_t)world.places[CREDITOR], "broker",
                     (json_int_t)world.places[BROKER]);
}

static json_t *make_round(void)
{
    struct said asked;
    struct said answered;
    struct said again;
    struct skp_id requests[3] = {id_new(), id_new(), id_new()};
    round_ask(&asked, requests);
    round_answer(&answered, &asked, &requests[0]);
    round_reseal(&again, &asked);
    json_t *round = json_pack(
        "{s:s, s:o, s:I, s:o, s:o, s:o}", "note",
        "made by tests/interop/make_round.c; bytes are hex; \"places\" says which of \"jws\" in "
        "crypto.json each party signs with, from 0, and opens with the same of \"boxes\"",
        "places", json_places(), "at_ms", (json_int_t)world.at_ms, "batches",
        json_pack("[o, o]", json_batch(&asked), json_batch(&answered)), "delivery",
        json_delivery(&asked.batch), "collect", json_collect(&asked.batch));
    must(round != NULL, "json_pack");
    add_commits(round, &asked, &answered, &requests[1]);
    json_object_set_new(round, "record", json_record());
    json_object_set_new(round, "agreement", json_agreement());
    json_object_set_new(round, "reseal", json_batch(&again));
    json_decref(asked.items);
    json_decref(answered.items);
    json_decref(again.items);
    return round;
}

int main(int argc, char **argv)
{
    bool swapped = argc == 3 && strcmp(argv[2], "--swapped") == 0;
    if (argc != 2 && !swapped) {
        fputs("usage: interop_make_round CRYPTO.json [--swapped] >round.json\n", stderr);
        return 2;
    }
    arena_init(&world.arena, (size_t)8 * 1024 * 1024);
    read_keys(argv[1], swapped);
    json_t *round = make_round();
    must(json_dumpf(round, stdout, JSON_INDENT(1)) == 0 && putchar('\n') != EOF, "writing");
    json_decref(round);
    for (size_t i = 0; i < PARTIES; i++) {
        keypair_unref(world.signers[i]);
        keypair_unref(world.openers[i]);
    }
    arena_fini(&world.arena);
    return 0;
}
