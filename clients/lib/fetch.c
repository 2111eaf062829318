/* Mailboxes: credit that is kept filled, deliveries that are checked before they are shown, and the
 * signed word that they are safe. */
#include "fact.h"
#include "skp_internal.h"
#include "statement.h"

#include <stdio.h>
#include <stdlib.h>

#define COLLECT_MAX_BYTES (256 * 1024) /* arena for one statement, its signature and its items */

struct fetch_box {
    struct fetch_box *next;
    char *mailbox;
    uint32_t wanted_messages; /* 0: no more */
    uint32_t wanted_bytes;
    uint32_t left_messages; /* credit the broker still holds */
    uint32_t left_bytes;
    bool asks; /* for another Waiting, also when no credit is to be added */
};

/* ---------------------------------------------------------------- credit */

static struct fetch_box *find_box(const struct skp_client *client, const char *mailbox)
{
    struct fetch_box *box = client->boxes;
    while (box != NULL && strcmp(box->mailbox, mailbox) != 0)
        box = box->next;
    return box;
}

static struct fetch_box *add_box(struct skp_client *client, const char *mailbox)
{
    struct fetch_box *box = calloc(1, sizeof *box);
    if (box == NULL)
        return NULL;
    box->mailbox = strdup(mailbox);
    if (box->mailbox == NULL) {
        free(box);
        return NULL;
    }
    box->next = client->boxes;
    client->boxes = box;
    return box;
}

enum skp_err skp_fetch(struct skp_client *client, const char *mailbox, uint32_t messages,
                       uint32_t bytes)
{
    struct fetch_box *box = find_box(client, mailbox);
    if (box == NULL)
        box = add_box(client, mailbox);
    if (box == NULL)
        return SKP_E_NO_MEMORY;
    bool wanted = messages > 0 || bytes > 0;
    box->wanted_messages = wanted && messages == 0 ? UINT32_MAX : messages;
    box->wanted_bytes = wanted && bytes == 0 ? UINT32_MAX : bytes;
    client_wake(client);
    return SKP_OK;
}

enum skp_err skp_fetch_ask(struct skp_client *client, const char *mailbox)
{
    struct fetch_box *box = find_box(client, mailbox);
    if (box == NULL || box->wanted_messages == 0)
        return SKP_E_NOT_FOUND;
    box->asks = true;
    client_wake(client);
    return SKP_OK;
}

static uint32_t at_most(uint32_t value, uint32_t limit)
{
    return value < limit ? value : limit;
}

/* Refilled at half, so that one Fetch serves many deliveries; and always before one delivery of the
 * largest size would not fit, or a mailbox whose head is large would stand still. */
static bool needs_credit(const struct fetch_box *box, uint32_t messages, uint32_t bytes)
{
    if (messages <= box->left_messages && bytes <= box->left_bytes)
        return false;
    return box->left_messages <= messages / 2 || box->left_bytes <= bytes / 2 ||
           box->left_bytes < FRAME_MAX_BYTES;
}

static void fill_box(struct skp_client *client, struct fetch_box *box)
{
    uint32_t bytes = box->wanted_bytes > FRAME_MAX_BYTES ? box->wanted_bytes : FRAME_MAX_BYTES;
    uint32_t messages = at_most(box->wanted_messages, client->limits.credit_messages);
    bytes = at_most(bytes, client->limits.credit_bytes);
    if (box->wanted_messages == 0 || (!box->asks && !needs_credit(box, messages, bytes)))
        return;
    Skp__V1__Fetch fetch;
    skp__v1__fetch__init(&fetch);
    fetch.mailbox = box->mailbox;
    fetch.messages = messages > box->left_messages ? messages - box->left_messages : 0;
    fetch.bytes = bytes > box->left_bytes ? bytes - box->left_bytes : 0;
    if (buffer_add_frame(&client->connection.out, FRAME_FETCH, &fetch.base))
        return; /* the buffer is full: the next turn tries again */
    box->asks = false;
    box->left_messages += fetch.messages;
    box->left_bytes += fetch.bytes;
}

void fetch_pump(struct skp_client *client)
{
    if (client->state != CLIENT_UP || lookups_are_held(client))
        return;
    for (struct fetch_box *box = client->boxes; box != NULL; box = box->next)
        fill_box(client, box);
}

void fetch_disconnected(struct skp_client *client)
{
    for (struct fetch_box *box = client->boxes; box != NULL; box = box->next)
        box->left_messages = box->left_bytes = 0;
}

void fetch_fini(struct skp_client *client)
{
    while (client->boxes != NULL) {
        struct fetch_box *box = client->boxes;
        client->boxes = box->next;
        free(box->mailbox);
        free(box);
    }
}

/* ---------------------------------------------------------------- deliveries */

static void use_credit(struct skp_client *client, const char *mailbox, size_t body_bytes)
{
    struct fetch_box *box = find_box(client, mailbox);
    if (box == NULL)
        return;
    uint32_t bytes = (uint32_t)body_bytes; /* a frame, so far below 4 GiB */
    box->left_messages -= at_most(1, box->left_messages);
    box->left_bytes -= at_most(bytes, box->left_bytes);
}

static void refuse_delivery(struct skp_client *client, const Skp__V1__Delivery *delivery,
                            enum skp_err err, const char *why)
{
    char path[128];
    snprintf(path, sizeof path, "mailbox[%.64s].position[%llu]", delivery->mailbox,
             (unsigned long long)delivery->position);
    client_problem(client, err, path, why);
}

/* What fails its proof is left where it is: the broker offers it again each time its lease ends, and
 * somebody looks. */
void fetch_take_delivery(struct skp_client *client, const Skp__V1__Delivery *delivery,
                         size_t body_bytes)
{
    struct envelope_delivery checked;
    const char *why = "";
    client->lookups.pauses = 0;
    use_credit(client, delivery->mailbox, body_bytes);
    enum skp_err err =
        envelope_check_delivery(client->trust, client->jws_cache, delivery, &client->self,
                                skp_now_ms(client), &client->arena, &checked, &why);
    if (err) {
        refuse_delivery(client, delivery, err, why);
    } else if (client->callbacks.on_delivery != NULL) {
        open_begin(client, &checked);
        client->callbacks.on_delivery(client->ctx, delivery, &checked);
        open_end(client);
    }
}

/* ---------------------------------------------------------------- collecting */

enum skp_err skp_collect(struct skp_client *client, const char *mailbox,
                         const Skp__V1__CollectedItem *items, size_t count, uint64_t tag)
{
    if (count == 0 || count > FACT_MAX_COLLECTED)
        return count == 0 ? SKP_E_REQUIRED : SKP_E_DECODE_ITEMS;
    struct arena arena;
    arena_init(&arena, COLLECT_MAX_BYTES);
    Skp__V1__Collect collect;
    enum skp_err err = statement_make(client->sign_pair, &client->self, mailbox, items, count,
                                      skp_now_ms(client), &arena, &collect);
    if (!err)
        err = lookup_ask(client, FRAME_COLLECT, &collect.base, &collect.tag, tag);
    arena_fini(&arena);
    return err;
}

/* ---------------------------------------------------------------- leases */

/* About leases of this session: not kept for the next one. */
static enum skp_err say_now(struct skp_client *client, enum frame_type type,
                            const ProtobufCMessage *message)
{
    if (!client_is_up(client))
        return SKP_E_NOT_CONNECTED;
    enum skp_err err = buffer_add_frame(&client->connection.out, type, message);
    client_wake(client);
    return err;
}

enum skp_err skp_extend(struct skp_client *client, const char *mailbox, const uint64_t *positions,
                        size_t count, uint32_t lease_seconds)
{
    Skp__V1__Extend extend;
    if (count == 0)
        return SKP_E_REQUIRED;
    skp__v1__extend__init(&extend);
    extend.mailbox = wire_text(mailbox);
    extend.positions = (uint64_t *)(uintptr_t)positions;
    extend.n_positions = count;
    extend.lease_seconds = lease_seconds;
    return say_now(client, FRAME_EXTEND, &extend.base);
}

enum skp_err skp_release(struct skp_client *client, const char *mailbox, const uint64_t *positions,
                         size_t count)
{
    Skp__V1__Release release;
    if (count == 0)
        return SKP_E_REQUIRED;
    skp__v1__release__init(&release);
    release.mailbox = wire_text(mailbox);
    release.positions = (uint64_t *)(uintptr_t)positions;
    release.n_positions = count;
    return say_now(client, FRAME_RELEASE, &release.base);
}
