/* A delivery in the hands of a participant: every line into the history, every part opened. */
#include "fact.h"
#include "sim_desk.h"
#include "sim_party.h"
#include "wire.h"

#define DELIVERY_ARENA_BYTES ((size_t)4 << 20)
#define TOGETHER_US          (10 * SIM_SECOND) /* what comes within it is collected together */

struct looking {
    struct sim_party *party;
    const Skp__V1__Delivery *delivery;
    const struct envelope_delivery *checked;
    struct arena arena;
    struct sim_text text;
};

static const char *hex(ProtobufCBinaryData bytes)
{
    return sim_hex(bytes.data, bytes.len);
}

static void complain(struct looking *looking, const char *why)
{
    sim_history("problem", looking->party->oin.text, "\"err\":\"DELIVERY\",\"why\":\"%s\"", why);
}

static void check_part(struct looking *looking, size_t index, const Skp__V1__Line *line)
{
    struct span part;
    struct skp_id item;
    struct skp_hash commitment;
    bool is_request = line->fact_case == SKP__V1__LINE__FACT_REQUEST;
    if (!fact_commitment(line, &commitment))
        return;
    enum skp_err err = skp_open_part(looking->party->client, looking->delivery, looking->checked,
                                     index, &looking->arena, &part);
    if (err || fact_item_id(line, &item) || !sim_part_fits(part, &item, is_request))
        complain(looking, "a sealed part is not what was sealed");
}

/* ---------------------------------------------------------------- lines */

static void tell_event(struct looking *looking, const Skp__V1__EventFact *event)
{
    struct sim_text *text = &looking->text;
    const char *why = "";
    struct skp_oin signer;
    sim_text_add(text, "\"fact\":\"event\",\"kind\":%d,\"at\":%lld,\"other\":\"%s\",\"due\":%d",
                 (int)event->kind, (long long)event->happened_at_ms, event->other,
                 (int)event->due_date);
    sim_text_add(text, ",\"case\":\"%s\",\"round\":\"%s\",\"requests\":[", hex(event->case_id),
                 hex(event->round_id));
    for (size_t i = 0; i < event->n_request_ids; i++)
        sim_text_add(text, "%s\"%s\"", i > 0 ? "," : "", hex(event->request_ids[i]));
    struct skp_hash statement_hash = sha256(wire_span(event->statement));
    sim_text_add(text, "],\"statement\":\"%s\",\"positions\":[",
                 sim_hex(statement_hash.bytes, HASH_BYTES));
    if (event->kind == SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED) {
        if (skp_check_collected(looking->party->client, event, &signer, &why))
            complain(looking, "a statement is not its addressee's");
        for (size_t i = 0; i < event->n_collected; i++)
            sim_text_add(text, "%s%llu", i > 0 ? "," : "",
                         (unsigned long long)event->collected[i]->position);
    }
    sim_text_add(text, "]");
}

static void tell_overview(struct looking *looking, const Skp__V1__OverviewFact *overview)
{
    sim_text_add(&looking->text,
                 "\"fact\":\"overview\",\"round\":\"%s\",\"part\":%u,\"last\":%s,\"total\":%u,"
                 "\"due\":%d,\"items\":[",
                 hex(overview->round_id), overview->part, overview->last ? "true" : "false",
                 overview->total_items, (int)overview->due_date);
    for (size_t i = 0; i < overview->n_items; i++)
        sim_text_add(&looking->text, "%s\"%s\"", i > 0 ? "," : "",
                     hex(overview->items[i]->request_id));
    sim_text_add(&looking->text, "]");
}

static void tell_line(struct looking *looking, size_t index, const Skp__V1__Line *line)
{
    if (line->fact_case == SKP__V1__LINE__FACT_REQUEST) {
        sim_text_add(&looking->text, "\"fact\":\"request\",\"id\":\"%s\"",
                     hex(line->request->request_id));
        if (looking->party->creditor)
            desk_take_request(looking->party->desk, looking->checked, index, line->request);
    } else if (line->fact_case == SKP__V1__LINE__FACT_ANSWER) {
        sim_text_add(&looking->text, "\"fact\":\"answer\",\"id\":\"%s\"",
                     hex(line->answer->request_id));
    } else if (line->fact_case == SKP__V1__LINE__FACT_EVENT) {
        tell_event(looking, line->event);
    } else if (line->fact_case == SKP__V1__LINE__FACT_OVERVIEW) {
        tell_overview(looking, line->overview);
    } else {
        sim_text_add(&looking->text, "\"fact\":\"other\"");
        complain(looking, "a line of a kind that is not expected");
    }
}

static void take_line(struct looking *looking, size_t index)
{
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line;
    struct span bytes = wire_span(looking->checked->bundle->lines[index]);
    sim_text_add(&looking->text, "%s{\"leaf\":\"%s\",", index > 0 ? "," : "",
                 sim_hex(looking->checked->leaves[index].bytes, HASH_BYTES));
    if (bytes.len == 0) {
        sim_text_add(&looking->text, "\"fact\":\"withheld\"");
    } else if (fact_read(bytes, &looking->arena, path, &line)) {
        sim_text_add(&looking->text, "\"fact\":\"unreadable\"");
        complain(looking, "a line cannot be read");
    } else {
        check_part(looking, index, line);
        tell_line(looking, index, line);
    }
    sim_text_add(&looking->text, "}");
}

/* ---------------------------------------------------------------- and then */

/* Mostly soon, sometimes much later, and now and then it goes back for another try. */
static void keep(struct sim_party *party, uint64_t position, const struct skp_hash *head_hash)
{
    struct sim_random *random = &party->random;
    if (party->working && party->collecting == 0 && sim_chance(random, 4) &&
        skp_release(party->client, "", &position, 1) == SKP_OK) {
        sim_history("release", party->oin.text, "\"position\":%llu", (unsigned long long)position);
        return;
    }
    int64_t wait = sim_chance(random, 8) && party->working
                       ? sim_between(random, 10 * SIM_SECOND, 90 * SIM_SECOND)
                       : sim_between(random, 50 * SIM_MS, 3 * SIM_SECOND);
    if (party->kept_count == sizeof party->kept / sizeof party->kept[0])
        sim_die("too much waits to be collected");
    int64_t at_us = (sim_now() + wait) / TOGETHER_US * TOGETHER_US + TOGETHER_US;
    party->kept[party->kept_count++] =
        (struct sim_kept){.position = position, .head_hash = *head_hash, .collect_at_us = at_us};
}

void party_take_delivery(struct sim_party *party, const Skp__V1__Delivery *delivery,
                         const struct envelope_delivery *checked)
{
    struct looking looking = {.party = party, .delivery = delivery, .checked = checked};
    arena_init(&looking.arena, DELIVERY_ARENA_BYTES);
    for (size_t i = 0; i < checked->bundle->n_lines; i++)
        take_line(&looking, i);
    sim_history(
        "deliver", party->oin.text,
        "\"position\":%llu,\"attempt\":%u,\"from\":\"%s\",\"batch\":\"%s\",\"bundle\":\"%s\","
        "\"at\":%lld,\"lines\":[%s]",
        (unsigned long long)delivery->position, delivery->attempt, checked->header.sender.text,
        sim_id(&checked->header.batch_id), sim_id(&checked->head.bundle_id),
        (long long)delivery->stored_at_ms, looking.text.data);
    sim_text_fini(&looking.text);
    arena_fini(&looking.arena);
    keep(party, delivery->position, &checked->head_hash);
}
