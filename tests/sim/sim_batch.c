#include "sim_batch.h"

#include "sim_party.h"
#include "wire.h"

#include <stdlib.h>

#define BATCH_ARENA_BYTES ((size_t)4 << 20)

static void must(enum skp_err err, const char *doing)
{
    if (err)
        sim_die("%s: %s", doing, skp_error_name(err));
}

void sim_batch_free(struct sim_batch *batch)
{
    arena_fini(&batch->arena);
    free(batch);
}

void sim_maker_begin(struct sim_maker *maker, struct sim_party *party,
                     const struct skp_id *batch_id)
{
    struct skp_id id = batch_id != NULL ? *batch_id : id_new();
    *maker = (struct sim_maker){.party = party, .batch = calloc(1, sizeof *maker->batch)};
    if (maker->batch == NULL)
        sim_die("out of memory");
    arena_init(&maker->batch->arena, BATCH_ARENA_BYTES);
    maker->writer = envelope_writer_new(&maker->batch->arena, &party->oin, NULL, &id);
    if (maker->writer == NULL)
        sim_die("out of memory");
}

void sim_maker_bundle(struct sim_maker *maker, const char *to, X509 *const *certs,
                      size_t cert_count)
{
    struct skp_oin oin;
    if (!oin_take(span_text(to), &oin))
        sim_die("%s is no OIN", to);
    must(envelope_bundle_begin(maker->writer, &oin, "", certs, cert_count, &maker->bundle_id),
         "a bundle");
    sim_text_add(&maker->text, "%s{\"to\":\"%s\",\"bundle\":\"%s\",\"lines\":[",
                 maker->bundles++ > 0 ? "]}," : "", to, sim_id(&maker->bundle_id));
    maker->line = 0;
}

/* ---------------------------------------------------------------- sealed parts */

static struct span pack(const ProtobufCMessage *message, struct arena *arena)
{
    struct span bytes = wire_pack(message, arena);
    if (bytes.data == NULL)
        sim_die("out of memory");
    return bytes;
}

static struct span person_part(const struct skp_id *item, struct arena *arena)
{
    Skp__V1__Person client;
    skp__v1__person__init(&client);
    Skp__V1__PersonPart part;
    skp__v1__person_part__init(&part);
    client.surname = wire_text("TEST");
    client.sex = SKP__V1__SEX__SEX_UNKNOWN;
    client.birth_date = 19800229;
    part.client = &client;
    part.client_number_creditor = wire_text(sim_id(item));
    return pack(&part.base, arena);
}

static struct span answer_part(const struct skp_id *item, struct arena *arena)
{
    Skp__V1__AnswerPart part;
    skp__v1__answer_part__init(&part);
    part.client_number_creditor = wire_text(sim_id(item));
    return pack(&part.base, arena);
}

bool sim_part_fits(struct span part, const struct skp_id *item, bool is_request)
{
    struct arena arena;
    arena_init(&arena, 64 * 1024);
    bool fits =
        span_equal(part, is_request ? person_part(item, &arena) : answer_part(item, &arena));
    arena_fini(&arena);
    return fits;
}

/* ---------------------------------------------------------------- lines */

void sim_maker_line(struct sim_maker *maker, Skp__V1__Line *line, const struct skp_id *part_of,
                    const char *format, ...)
{
    struct arena *arena = &maker->batch->arena;
    struct skp_hash leaf;
    struct span part = span_of(NULL, 0);
    char members[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(members, sizeof members, format, arguments);
    va_end(arguments);
    if (part_of != NULL)
        part = line->fact_case == SKP__V1__LINE__FACT_REQUEST ? person_part(part_of, arena)
                                                              : answer_part(part_of, arena);
    must(envelope_line_add(maker->writer, line, part, &leaf), "a line");
    sim_text_add(&maker->text, "%s{\"leaf\":\"%s\",%s}", maker->line++ > 0 ? "," : "",
                 sim_hex(leaf.bytes, HASH_BYTES), members);
}

struct sim_batch *sim_maker_finish(struct sim_maker *maker)
{
    struct sim_batch *batch = maker->batch;
    struct sim_party *party = maker->party;
    int64_t at_ms = party_now_ms(party);
    must(envelope_finish(maker->writer, party->signs, at_ms, &batch->sealed), "signing");
    struct skp_hash header = sha256(batch->sealed.header);
    sim_history("invoke", party->oin.text,
                "\"batch\":\"%s\",\"header\":\"%s\",\"root\":\"%s\",\"bundles\":[%s%s]",
                sim_id(&batch->sealed.batch_id), sim_hex(header.bytes, HASH_BYTES),
                sim_hex(batch->sealed.root.bytes, HASH_BYTES), maker->text.data,
                maker->bundles > 0 ? "]}" : "");
    sim_text_fini(&maker->text);
    party_take_batch(party, batch);
    return batch;
}
