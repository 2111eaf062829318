/* Fetch gives credit per mailbox; deliveries flow while it lasts, one call of the engine at a time.
 */
#include "handle.h"
#include "send.h"
#include "server_internal.h"
#include "skp.pb-c.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>

#define CALL_ARENA_BYTES 2048
#define MAILBOX_BYTES    257 /* 64 code points of at most 4 bytes, and a NUL */
#define FLOWS_MAX        64  /* mailboxes per session */
/* Of one call: the answer is held in memory, and others want their turn. */
#define CALL_MESSAGES_MAX 256U
#define CALL_BYTES_MAX    ((uint64_t)128 << 10)
/* Of one participant in all its sessions: enough that the one worker that reads never waits for us. */
#define PEER_CALLS_MAX 4U

struct flow {
    LIST_ENTRY(flow) link;
    TAILQ_ENTRY(flow) turn; /* in its participant's queue, when it waits */
    bool waits;
    struct session *session;
    char mailbox[MAILBOX_BYTES];
    uint32_t lease_seconds;
    uint32_t messages;        /* credit left */
    uint64_t bytes;           /* credit left */
    struct fetch_place place; /* where the next call goes on */
    bool ready;               /* there may be something to fetch */
    bool under_way;
    bool told; /* Waiting was sent since the last delivery or Fetch */
};

static void run(struct flow *flow);

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void use_credit(struct flow *flow, const struct engine_call *call)
{
    flow->messages -= (uint32_t)least(flow->messages, call->fetched_count);
    flow->bytes -= least(flow->bytes, call->fetched_bytes);
    flow->place = call->place;
    /* Nothing fetched and not caught up: no credit is left. Only more credit or a wake-up helps. */
    if (!call->caught_up && (call->fetched_count > 0 || call->place.position > 0))
        flow->ready = true;
}

static void leave_queue(struct flow *flow)
{
    if (flow->waits)
        TAILQ_REMOVE(&flow->session->participant->turns, flow, turn);
    flow->waits = false;
}

/* Whoever waits longest comes first; one that may not run any more asks again when it may. */
static void give_turns(struct participant *participant)
{
    struct flow *next;
    while (participant->fetches < PEER_CALLS_MAX &&
           (next = TAILQ_FIRST(&participant->turns)) != NULL) {
        leave_queue(next);
        run(next);
    }
}

static void on_fetched(struct engine_call *call)
{
    struct flow *flow = call->ctx;
    struct session *session = flow->session;
    flow->under_way = false;
    session->participant->fetches--;
    give_turns(session->participant);
    if (call->err) {
        flow->messages = 0; /* the peer decides whether to ask again */
        flow->bytes = 0;
        flow->place = (struct fetch_place){.position = 0};
        session_refuse_call(session, call);
    } else {
        use_credit(flow, call);
        if (call->fetched_count > 0)
            flow->told = false;
        /* Who asked again meanwhile is told by the next one, which sees what came until then. */
        bool is_quiet = flow->told || flow->ready;
        send_frames(session, call->frames, call->frame_count, is_quiet ? FRAME_WAITING : 0);
        flow->told = flow->told || (call->caught_up && !is_quiet);
    }
    session_call_end(session, call);
}

/* The Fetch that the engine gets: what is left of the credit, in portions. */
static enum skp_err fill(struct engine_call *call, const struct flow *flow)
{
    struct arena arena;
    Skp__V1__Fetch fetch;
    skp__v1__fetch__init(&fetch);
    fetch.mailbox = (char *)(uintptr_t)flow->mailbox; /* packing does not write */
    fetch.messages = (uint32_t)least(flow->messages, CALL_MESSAGES_MAX);
    fetch.bytes = (uint32_t)least(flow->bytes, CALL_BYTES_MAX);
    fetch.lease_seconds = flow->lease_seconds;
    arena_init(&arena, CALL_ARENA_BYTES);
    struct span body = wire_pack(&fetch.base, &arena);
    enum skp_err err = body.data != NULL ? engine_call_request(call, body) : SKP_E_NO_MEMORY;
    arena_fini(&arena);
    return err;
}

static bool may_run(const struct flow *flow)
{
    const struct session *session = flow->session;
    return flow->ready && !flow->under_way && flow->messages > 0 && flow->bytes > 0 &&
           session->state == SESSION_UP && !session->choked && !session->leaving;
}

static void run(struct flow *flow)
{
    struct session *session = flow->session;
    if (!may_run(flow) || flow->waits)
        return;
    if (session->participant->fetches >= PEER_CALLS_MAX) {
        TAILQ_INSERT_TAIL(&session->participant->turns, flow, turn);
        flow->waits = true;
        return;
    }
    struct engine_call *call = engine_call_new(session->server->engine, ENGINE_FETCH,
                                               &session->peer, session->id, on_fetched, flow);
    if (call == NULL || fill(call, flow)) {
        engine_call_free(call);
        session->fetch_again = true;
        return;
    }
    call->place = flow->place;
    flow->ready = false;
    flow->under_way = true;
    session->participant->fetches++;
    session_submit(session, call);
}

static struct flow *flow_find(struct session *session, const char *mailbox)
{
    struct flow *flow;
    LIST_FOREACH(flow, &session->flows, link)
    {
        if (strcmp(flow->mailbox, mailbox) == 0)
            return flow;
    }
    return NULL;
}

static struct flow *flow_new(struct session *session, const char *mailbox)
{
    struct flow *flow = session->flow_count < FLOWS_MAX ? calloc(1, sizeof *flow) : NULL;
    if (flow == NULL)
        return NULL;
    snprintf(flow->mailbox, sizeof flow->mailbox, "%s", mailbox);
    flow->session = session;
    LIST_INSERT_HEAD(&session->flows, flow, link);
    session->flow_count++;
    return flow;
}

static void add_credit(struct session *session, const Skp__V1__Fetch *fetch)
{
    struct flow *flow = flow_find(session, fetch->mailbox);
    if (flow == NULL)
        flow = flow_new(session, fetch->mailbox);
    if (flow == NULL) {
        handle_refuse(session, FRAME_FETCH, SKP_E_BUSY, "fetch.mailbox",
                      "too many mailboxes in one session");
        return;
    }
    flow->messages =
        (uint32_t)least((uint64_t)flow->messages + fetch->messages, ENGINE_CREDIT_MESSAGES);
    flow->bytes = least(flow->bytes + fetch->bytes, ENGINE_CREDIT_BYTES);
    flow->lease_seconds = fetch->lease_seconds;
    flow->ready = true;
    flow->told = false;
    run(flow);
}

void handle_fetch(struct session *session, struct span body)
{
    Skp__V1__Fetch *fetch;
    struct arena arena;
    if (session_control_flood(session, SESSION_WEIGHT_OTHER))
        return;
    arena_init(&arena, HANDLE_ARENA_BYTES);
    if (handle_unpack(session, FRAME_FETCH, &skp__v1__fetch__descriptor, body, &arena, &fetch)) {
        if (strlen(fetch->mailbox) < MAILBOX_BYTES)
            add_credit(session, fetch);
        else
            handle_refuse(session, FRAME_FETCH, SKP_E_TEXT_TOO_LONG, "fetch.mailbox", NULL);
    }
    arena_fini(&arena);
}

void fetch_wake(struct session *session, const char *mailbox)
{
    struct flow *flow;
    session->fetch_again = false;
    LIST_FOREACH(flow, &session->flows, link)
    {
        if (mailbox != NULL && strcmp(flow->mailbox, mailbox) == 0)
            flow->ready = true;
        run(flow);
    }
}

void fetch_free_flows(struct session *session)
{
    while (!LIST_EMPTY(&session->flows)) {
        struct flow *flow = LIST_FIRST(&session->flows);
        LIST_REMOVE(flow, link);
        leave_queue(flow);
        free(flow);
    }
    session->flow_count = 0;
}
