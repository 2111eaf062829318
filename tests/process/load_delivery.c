#include "load_delivery.h"

#include "fact.h"

#include <stdlib.h>

#define DELIVERY_ARENA_BYTES ((size_t)4 << 20)

/* One delivery while it is looked at. */
struct looking {
    struct load *load;
    const Skp__V1__Delivery *delivery;
    const struct envelope_delivery *checked;
    struct arena arena;
    json_t *lines;
    struct facts_question questions[BUNDLE_MAX_LINES];
    size_t question_count;
    size_t answer_count;
};

static void complain(struct looking *looking, const char *what)
{
    looking->load->problems++;
    history_write(looking->load->history, "problem",
                  json_pack("{s:s, s:s, s:I}", "err", "DELIVERY", "why", what, "position",
                            (json_int_t)looking->delivery->position));
}

static json_t *hex_of(ProtobufCBinaryData bytes)
{
    return history_hex(bytes.data, bytes.len);
}

static void check_part(struct looking *looking, size_t index, bool is_request,
                       ProtobufCBinaryData item)
{
    struct load *load = looking->load;
    struct span part;
    struct skp_id id;
    enum skp_err err = skp_open_part(load->client, looking->delivery, looking->checked, index,
                                     &looking->arena, &part);
    if (!id_take(wire_span(item), &id))
        complain(looking, "an item without id");
    else if (!is_request && facts_is_open_answer(&load->facts, &id))
        return;
    else if (err)
        complain(looking, "the sealed part does not open");
    else if (!facts_part_fits(&load->facts, &id, is_request, part))
        complain(looking, "the sealed part is not what was sealed");
}

/* ---------------------------------------------------------------- one line */

static void take_request(struct looking *looking, size_t index, const Skp__V1__RequestFact *fact)
{
    json_array_append_new(looking->lines, json_pack("{s:o}", "request", hex_of(fact->request_id)));
    check_part(looking, index, true, fact->request_id);
    struct facts_question *question = &looking->questions[looking->question_count];
    question->bundle_id = looking->checked->head.bundle_id;
    question->leaf = looking->checked->leaves[index];
    question->line = (uint32_t)index;
    question->again = false;
    if (fact->n_claims != 1 || !id_take(wire_span(fact->request_id), &question->request_id) ||
        !id_take(wire_span(fact->claims[0]->claim_id), &question->claim_id)) {
        complain(looking, "the request is not what was asked");
        return;
    }
    question->kind = fact->claims[0]->kind;
    looking->question_count++;
}

static void take_answer(struct looking *looking, size_t index, const Skp__V1__AnswerFact *fact)
{
    json_array_append_new(looking->lines,
                          json_pack("{s:o, s:I}", "answer", hex_of(fact->request_id), "total",
                                    (json_int_t)fact->total_cents));
    check_part(looking, index, false, fact->request_id);
    looking->answer_count++;
}

static json_t *collected_positions(const Skp__V1__EventFact *fact)
{
    json_t *positions = json_array();
    for (size_t i = 0; i < fact->n_collected; i++)
        json_array_append_new(positions, json_integer((json_int_t)fact->collected[i]->position));
    return positions;
}

static void take_event(struct looking *looking, const Skp__V1__EventFact *fact)
{
    const ProtobufCEnumValue *kind =
        protobuf_c_enum_descriptor_get_value(&skp__v1__event_kind__descriptor, (int)fact->kind);
    json_t *said = json_pack("{s:s, s:s}", "event", kind->name, "other", fact->other);
    json_t *requests = json_array();
    for (size_t i = 0; i < fact->n_request_ids; i++)
        json_array_append_new(requests, hex_of(fact->request_ids[i]));
    json_object_set_new(said, "requests", requests);
    if (fact->case_id.len > 0)
        json_object_set_new(said, "case", hex_of(fact->case_id));
    if (fact->kind == SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED)
        json_object_set_new(said, "positions", collected_positions(fact));
    json_array_append_new(looking->lines, said);
}

static void take_line(struct looking *looking, size_t index)
{
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line;
    struct span bytes = wire_span(looking->checked->bundle->lines[index]);
    if (bytes.len == 0)
        return; /* withheld */
    if (fact_read(bytes, &looking->arena, path, &line)) {
        complain(looking, "a line cannot be read");
    } else if (line->fact_case == SKP__V1__LINE__FACT_REQUEST) {
        take_request(looking, index, line->request);
    } else if (line->fact_case == SKP__V1__LINE__FACT_ANSWER) {
        take_answer(looking, index, line->answer);
    } else if (line->fact_case == SKP__V1__LINE__FACT_EVENT) {
        take_event(looking, line->event);
    } else if (line->fact_case == SKP__V1__LINE__FACT_OVERVIEW) {
        json_array_append_new(looking->lines,
                              json_pack("{s:i}", "overview", (int)line->overview->n_items));
    } else {
        complain(looking, "a line of a kind that is not expected");
    }
}

/* ---------------------------------------------------------------- the whole */

static void write_delivery(struct looking *looking)
{
    const Skp__V1__Delivery *delivery = looking->delivery;
    const struct envelope_delivery *checked = looking->checked;
    history_write(
        looking->load->history, "deliver",
        json_pack("{s:I, s:i, s:s, s:o, s:o, s:o, s:o}", "position", (json_int_t)delivery->position,
                  "attempt", (int)delivery->attempt, "from", checked->header.sender.text, "batch",
                  history_id(&checked->header.batch_id), "bundle",
                  history_id(&checked->head.bundle_id), "head",
                  history_hex(checked->head_hash.bytes, HASH_BYTES), "lines", looking->lines));
}

/* A bundle may be delivered again with other lines only when it waited for rounds, which the load
 * never does: so one answer per bundle is one answer per request. */
static bool is_new(struct looking *looking)
{
    struct load *load = looking->load;
    enum skp_err err = map_add(&load->seen, looking->checked->head.bundle_id.bytes, load);
    if (err && err != SKP_E_DUPLICATE_ITEM) {
        fprintf(stderr, "load_client: out of memory\n");
        exit(1);
    }
    return err == SKP_OK;
}

static void answer(struct looking *looking)
{
    struct load *load = looking->load;
    const struct facts_peer *peer =
        facts_find_peer(&load->facts, looking->checked->header.sender.text);
    if (peer == NULL)
        complain(looking, "a request from a stranger");
    else
        session_send(load, facts_say_answers(&load->facts, peer, looking->questions,
                                             looking->question_count));
}

void delivery_take(void *ctx, const Skp__V1__Delivery *delivery,
                   const struct envelope_delivery *checked)
{
    struct load *load = ctx;
    static struct looking looking; /* large, and one at a time */
    looking = (struct looking){
        .load = load, .delivery = delivery, .checked = checked, .lines = json_array()};
    arena_init(&looking.arena, DELIVERY_ARENA_BYTES);
    bool fresh = is_new(&looking);
    for (size_t i = 0; i < checked->bundle->n_lines; i++)
        take_line(&looking, i);
    write_delivery(&looking);
    load->delivered += fresh;
    load->redelivered += !fresh;
    if (fresh && looking.question_count > 0)
        answer(&looking);
    if (fresh)
        load->open -= looking.answer_count < load->open ? looking.answer_count : load->open;
    session_collect(load, delivery->position, &checked->head_hash);
    arena_fini(&looking.arena);
}
