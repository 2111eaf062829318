#include "waiting.h"

#include "fact.h"
#include "lists_write.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES ((size_t)8 << 20)

enum skp_err waiting_init(struct waiting *waiting, const struct book *book)
{
    *waiting = (struct waiting){.book = book};
    if (map_init(&waiting->lists, OIN_CHARS, 64, 1 << 20) ||
        map_init(&waiting->in_rounds, ID_BYTES, 64, 1 << 24) ||
        map_init(&waiting->asked, ID_BYTES, 64, 1 << 24) ||
        map_init(&waiting->overdue, ID_BYTES, 64, 1 << 24))
        return SKP_E_NO_MEMORY;
    return SKP_OK;
}

void waiting_fini(struct waiting *waiting)
{
    map_fini(&waiting->lists);
    map_fini(&waiting->in_rounds);
    map_fini(&waiting->asked);
    map_fini(&waiting->overdue);
    free(waiting->requests);
    waiting->requests = NULL;
}

static void put(struct waiting *waiting, struct map *map, const void *key)
{
    if (map_put(map, key, NULL))
        waiting->err = SKP_E_NO_MEMORY;
}

/* A counsellor and a round are each one list; both kinds share the map, padded to 20 characters. */
static void note_list(struct waiting *waiting, struct span name)
{
    uint8_t key[OIN_CHARS] = {0};
    memcpy(key, name.data, name.len < sizeof key ? name.len : sizeof key);
    put(waiting, &waiting->lists, key);
}

/* When what becomes a list came; notices that lie about for longer do not count. */
static void note_age(struct waiting *waiting, const Skp__V1__Delivery *delivery)
{
    if (waiting->oldest_ms == 0 || delivery->stored_at_ms < waiting->oldest_ms)
        waiting->oldest_ms = delivery->stored_at_ms;
}

static void note_due(struct waiting *waiting, plain_date due, const void *request_id)
{
    if (due == 0)
        return;
    if (waiting->due == 0 || due < waiting->due)
        waiting->due = due;
    if (due < waiting->today)
        put(waiting, &waiting->overdue, request_id);
}

static void look_at_request(struct waiting *waiting, const Skp__V1__Delivery *delivery,
                            const struct envelope_delivery *checked,
                            const Skp__V1__RequestFact *fact)
{
    if (waiting->request_count == waiting->request_room) {
        size_t room = waiting->request_room > 0 ? 2 * waiting->request_room : 64;
        struct waiting_request *requests = reallocarray(waiting->requests, room, sizeof *requests);
        if (!requests) {
            waiting->err = SKP_E_NO_MEMORY;
            return;
        }
        waiting->requests = requests;
        waiting->request_room = room;
    }
    struct waiting_request *request = &waiting->requests[waiting->request_count];
    *request = (struct waiting_request){.counsellor = checked->header.sender,
                                        .due = lists_request_due_date(waiting->book,
                                                                      &checked->header.sender, fact,
                                                                      delivery->stored_at_ms)};
    if (!id_take(wire_span(fact->request_id), &request->request_id))
        return;
    waiting->request_count++;
    note_age(waiting, delivery);
    put(waiting, &waiting->asked, request->request_id.bytes);
}

void waiting_finish(struct waiting *waiting)
{
    for (size_t i = 0; i < waiting->request_count; i++) {
        const struct waiting_request *request = &waiting->requests[i];
        if (map_has(&waiting->in_rounds, request->request_id.bytes))
            continue; /* its overview said when */
        note_list(waiting, span_text(request->counsellor.text));
        note_due(waiting, request->due, request->request_id.bytes);
    }
}

static void look_at_overview(struct waiting *waiting, const Skp__V1__Delivery *delivery,
                             const Skp__V1__OverviewFact *fact)
{
    note_age(waiting, delivery);
    note_list(waiting, wire_span(fact->round_id));
    for (size_t i = 0; i < fact->n_items; i++) {
        const Skp__V1__OverviewItem *item = fact->items[i];
        put(waiting, &waiting->asked, item->request_id.data);
        put(waiting, &waiting->in_rounds, item->request_id.data);
        note_due(waiting, item->due_date, item->request_id.data);
        if (item->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_OVERDUE)
            put(waiting, &waiting->overdue, item->request_id.data);
    }
}

static void look_at_event(struct waiting *waiting, const Skp__V1__EventFact *event)
{
    if (event->kind != SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE)
        return;
    for (size_t i = 0; i < event->n_request_ids; i++)
        put(waiting, &waiting->overdue, event->request_ids[i].data);
}

void waiting_look(struct waiting *waiting, const Skp__V1__Delivery *delivery,
                  const struct envelope_delivery *checked)
{
    struct arena arena;
    char path[WIRE_PATH_MAX];
    waiting->messages++;
    arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < checked->bundle->n_lines; i++) {
        Skp__V1__Line *line = NULL;
        struct span bytes = wire_span(checked->bundle->lines[i]);
        arena_reset(&arena);
        if (bytes.len == 0 || fact_read(bytes, &arena, path, &line))
            continue;
        if (line->fact_case == SKP__V1__LINE__FACT_REQUEST)
            look_at_request(waiting, delivery, checked, line->request);
        else if (line->fact_case == SKP__V1__LINE__FACT_OVERVIEW)
            look_at_overview(waiting, delivery, line->overview);
        else if (line->fact_case == SKP__V1__LINE__FACT_EVENT)
            look_at_event(waiting, line->event);
    }
    arena_fini(&arena);
}

size_t waiting_overdue(const struct waiting *waiting)
{
    size_t count = 0;
    for (size_t i = 0; i < waiting->overdue.count; i++)
        count += map_has(&waiting->asked, map_key_at(&waiting->overdue, i));
    return count;
}
