#include "engine_mail.h"

#include "fact.h"
#include "statement.h"

#include <stdio.h>

static void read_lines(struct world *w, struct mail *mail)
{
    const Skp__V1__Bundle *bundle = mail->checked.bundle;
    char path[WIRE_PATH_MAX] = "";
    mail->lines = arena_calloc(&w->arena, bundle->n_lines + 1, sizeof *mail->lines);
    assert_non_null(mail->lines);
    for (size_t i = 0; i < bundle->n_lines; i++) {
        if (bundle->lines[i].len == 0)
            continue;
        if (fact_read(wire_span(bundle->lines[i]), &w->arena, path, &mail->lines[i]))
            fail_msg("a delivered line is not valid at \"%s\"", path);
    }
}

static void read_mail(struct world *w, const struct party *party, struct mail *mail)
{
    const char *why = "";
    if (envelope_check_delivery(w->trust, w->cache, mail->delivery, &party->oin,
                                clock_real_ms(&w->clock.clock), &w->arena, &mail->checked, &why))
        fail_msg("a delivery does not verify: %s", why);
    read_lines(w, mail);
}

static struct mail *add_mail(struct world *w, struct post *post)
{
    if (post->count == post->room) {
        size_t room = post->room ? post->room * 2 : 16;
        struct mail *mails = arena_calloc(&w->arena, room, sizeof *mails);
        assert_non_null(mails);
        if (post->count > 0)
            memcpy(mails, post->mails, post->count * sizeof *mails);
        post->mails = mails;
        post->room = room;
    }
    return &post->mails[post->count++];
}

static void add_frames(struct world *w, const struct party *party, const struct answer *answer,
                       struct post *post)
{
    for (size_t i = 0; i < answer->frame_count; i++) {
        if (answer->frames[i].type == FRAME_WAITING) {
            Skp__V1__Waiting *waiting =
                world_frame(w, answer, i, FRAME_WAITING, &skp__v1__waiting__descriptor);
            post->told_waiting = true;
            post->waiting = waiting->waiting;
            continue;
        }
        struct mail *mail = add_mail(w, post);
        mail->delivery = world_frame(w, answer, i, FRAME_DELIVERY, &skp__v1__delivery__descriptor);
        read_mail(w, party, mail);
    }
}

static void fetch_into(struct world *w, const struct party *party, uint64_t session,
                       const char *mailbox, uint32_t messages, uint32_t bytes, struct post *post)
{
    Skp__V1__Fetch fetch;
    struct party worker = *party;
    worker.session = session;
    worker.place = post->place;
    skp__v1__fetch__init(&fetch);
    fetch.mailbox = wire_text(mailbox);
    fetch.messages = messages;
    fetch.bytes = bytes;
    struct answer *answer = world_ask(w, &worker, ENGINE_FETCH, &fetch.base);
    assert_ok(answer->err);
    post->caught_up = answer->caught_up;
    post->bytes += answer->fetched_bytes;
    post->place = answer->place;
    add_frames(w, party, answer, post);
}

struct post fetch_from(struct world *w, const struct party *party, uint64_t session,
                       const char *mailbox, uint32_t messages, uint32_t bytes)
{
    struct post post = {.count = 0};
    fetch_into(w, party, session, mailbox, messages, bytes, &post);
    return post;
}

struct post fetch_on(struct world *w, const struct party *party, uint64_t session,
                     const struct post *last, uint32_t messages, uint32_t bytes)
{
    struct post post = {.place = last->place};
    fetch_into(w, party, session, "", messages, bytes, &post);
    return post;
}

struct post fetch_all(struct world *w, const struct party *party)
{
    return fetch_from(w, party, party->session, "", 500, 16 << 20);
}

struct post fetch_to_the_end(struct world *w, const struct party *party, uint64_t session,
                             uint32_t messages)
{
    struct post post = {.count = 0};
    while (!post.caught_up)
        fetch_into(w, party, session, "", messages, 16 << 20, &post);
    return post;
}

/* ---------------------------------------------------------------- collecting */

struct answer *collect_ask(struct world *w, const struct party *party, uint64_t session,
                           const char *mailbox, const struct mail *mails, size_t count)
{
    Skp__V1__Collect request;
    struct party worker = *party;
    worker.session = session;
    Skp__V1__CollectedItem *items = arena_calloc(&w->arena, count, sizeof *items);
    assert_non_null(items);
    for (size_t i = 0; i < count; i++) {
        skp__v1__collected_item__init(&items[i]);
        items[i].position = mails[i].delivery->position;
        items[i].head_hash = wire_bytes(span_of(mails[i].checked.head_hash.bytes, HASH_BYTES));
    }
    assert_ok(statement_make(party->signs, &party->oin, mailbox, items, count,
                             clock_real_ms(&w->clock.clock), &w->arena, &request));
    request.tag = 9;
    return world_ask(w, &worker, ENGINE_COLLECT, &request.base);
}

Skp__V1__Collected *collect(struct world *w, const struct party *party, uint64_t session,
                            const char *mailbox, const struct mail *mails, size_t count)
{
    struct answer *answer = collect_ask(w, party, session, mailbox, mails, count);
    Skp__V1__Collected *collected =
        world_frame(w, answer, 0, FRAME_COLLECTED, &skp__v1__collected__descriptor);
    assert_int_equal(collected->tag, 9);
    assert_int_equal(collected->collected + collected->n_unknown, count);
    return collected;
}

struct post collect_all(struct world *w, const struct party *party)
{
    struct post post = fetch_to_the_end(w, party, party->session, 200);
    for (size_t at = 0; at < post.count; at += 200) {
        size_t count = post.count - at < 200 ? post.count - at : 200;
        Skp__V1__Collected *collected =
            collect(w, party, party->session, "", &post.mails[at], count);
        assert_int_equal(collected->collected, count);
    }
    return post;
}

/* ---------------------------------------------------------------- looking into it */

static const Skp__V1__Line *find_line(const struct post *post, Skp__V1__Line__FactCase fact,
                                      Skp__V1__EventKind kind, size_t n)
{
    for (size_t i = 0; i < post->count; i++) {
        const struct mail *mail = &post->mails[i];
        for (size_t l = 0; l < mail->checked.bundle->n_lines; l++) {
            const Skp__V1__Line *line = mail->lines[l];
            if (line && line->fact_case == fact &&
                (fact != SKP__V1__LINE__FACT_EVENT || line->event->kind == kind) && n-- == 0)
                return line;
        }
    }
    return NULL;
}

const Skp__V1__EventFact *find_event(const struct post *post, Skp__V1__EventKind kind, size_t n)
{
    const Skp__V1__Line *line = find_line(post, SKP__V1__LINE__FACT_EVENT, kind, n);
    return line ? line->event : NULL;
}

size_t count_events(const struct post *post, Skp__V1__EventKind kind)
{
    size_t count = 0;
    while (find_event(post, kind, count))
        count++;
    return count;
}

const Skp__V1__OverviewFact *find_overview(const struct post *post, size_t n)
{
    const Skp__V1__Line *line = find_line(post, SKP__V1__LINE__FACT_OVERVIEW,
                                          SKP__V1__EVENT_KIND__EVENT_KIND_UNSPECIFIED, n);
    return line ? line->overview : NULL;
}

size_t count_lines(const struct post *post, Skp__V1__Line__FactCase fact)
{
    size_t count = 0;
    for (size_t i = 0; i < post->count; i++)
        for (size_t l = 0; l < post->mails[i].checked.bundle->n_lines; l++)
            count += post->mails[i].lines[l] && post->mails[i].lines[l]->fact_case == fact;
    return count;
}

/* ---------------------------------------------------------------- views */

Skp__V1__CaseView *view_case(struct world *w, const struct party *party, const struct skp_id *id)
{
    Skp__V1__CasesGet get;
    ProtobufCBinaryData ids[] = {wire_id(id)};
    skp__v1__cases_get__init(&get);
    get.n_case_ids = 1;
    get.case_ids = ids;
    struct answer *answer = world_ask(w, party, ENGINE_CASES, &get.base);
    Skp__V1__Cases *cases = world_frame(w, answer, 0, FRAME_CASES, &skp__v1__cases__descriptor);
    return cases->n_cases > 0 ? cases->cases[0] : NULL;
}

const Skp__V1__RequestView *view_request(struct world *w, const struct told_case *told, size_t n)
{
    const Skp__V1__CaseView *view = view_case(w, &w->counsellor, &told->id);
    assert_non_null(view);
    for (size_t i = 0; i < view->n_requests; i++)
        if (span_equal(wire_span(view->requests[i]->request_id),
                       span_of(told->requests[n].id.bytes, ID_BYTES)))
            return view->requests[i];
    fail_msg("the case does not show this request");
    return NULL;
}

void fill_from_broker(struct world *w)
{
    struct agreement_terms terms = {.weekdays = 0};
    char command[256];
    char text[ID_TEXT_BYTES];
    struct skp_id id = agreement_make(w, &w->creditor, &terms);
    id_print(&id, text);
    (void)snprintf(command, sizeof command,
                   "{'command':'round.open','agreement_id':'%s','reason':'test','again':true}",
                   text);
    assert_admin_ok(w, command);
    world_tick(w);
}
