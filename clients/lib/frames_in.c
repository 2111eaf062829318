/* One handler per frame the broker may send. Every frame is unpacked strictly; one that is not
 * valid, or not expected in this state, ends the connection: what follows it could not be trusted
 * to mean what it says. */
#include "skp_internal.h"

#include <stdio.h>

/* ---------------------------------------------------------------- the session */

/* A broker that leaves a limit out gets ours. */
static void take_limits(struct skp_client *client, const Skp__V1__Limits *said)
{
    Skp__V1__Limits none;
    skp__v1__limits__init(&none);
    Skp__V1__Limits *limits = &client->limits;
    *limits = said != NULL ? *said : none;
    struct {
        uint32_t *limit;
        uint32_t otherwise;
    } gaps[] = {
        {&limits->frame_bytes, FRAME_MAX_BYTES},     {&limits->bundle_lines, BUNDLE_MAX_LINES},
        {&limits->batch_bundles, BATCH_MAX_BUNDLES}, {&limits->batch_lines, BATCH_MAX_LINES},
        {&limits->batch_bytes, BATCH_MAX_BYTES},     {&limits->credit_messages, 1},
        {&limits->credit_bytes, FRAME_MAX_BYTES},    {&limits->idle_seconds, 60},
    };
    for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
        if (*gaps[i].limit == 0)
            *gaps[i].limit = gaps[i].otherwise;
    }
}

static bool welcome_fits(struct skp_client *client, const Skp__V1__Welcome *welcome)
{
    if (welcome->version != PROTOCOL_VERSION)
        client_fail(client, SKP_E_VERSION_UNSUPPORTED, "the broker chose version %u",
                    welcome->version);
    else if (strcmp(welcome->broker, client->broker.text) != 0)
        client_fail(client, SKP_E_CERTIFICATE,
                    "Welcome names another broker than the certificate of %s", client->broker.text);
    else if (strcmp(welcome->participant, client->self.text) != 0)
        client_fail(client, SKP_E_IDENTITY_INVALID, "the broker takes us for somebody else than %s",
                    client->self.text);
    return !client->failure.err;
}

static void on_welcome(struct skp_client *client, const ProtobufCMessage *message, size_t bytes)
{
    (void)bytes;
    const Skp__V1__Welcome *welcome = (const Skp__V1__Welcome *)message;
    if (!welcome_fits(client, welcome))
        return;
    take_limits(client, welcome->limits);
    client->up_at_ms = client->said_at_ms = client->heard_at_ms = monotonic_ms();
    client->pinged_at_ms = 0;
    client->deadline_ms = NEVER_MS;
    client_move(client, CLIENT_UP);
    if (welcome->head != NULL)
        head_take_unchecked(client, welcome->head);
    if (client->callbacks.on_welcome != NULL)
        client->callbacks.on_welcome(client->ctx, welcome);
}

static void on_ping(struct skp_client *client, const ProtobufCMessage *message, size_t bytes)
{
    (void)bytes;
    Skp__V1__Pong pong;
    skp__v1__pong__init(&pong);
    pong.nonce = ((const Skp__V1__Ping *)message)->nonce;
    if (buffer_add_frame(&client->connection.out, FRAME_PONG, &pong.base))
        client_fail(client, SKP_E_FLOOD, "the broker pings and does not read");
}

/* That it came is all there is to know: heard_at_ms is set already. */
static void on_pong(struct skp_client *client, const ProtobufCMessage *message, size_t bytes)
{
    (void)client, (void)message, (void)bytes;
}

static void remember_last_words(struct skp_client *client, enum skp_err err, const char *sentence,
                                int64_t until_ms)
{
    client->last_words.err = err;
    client->last_words.until_ms = until_ms;
    snprintf(client->last_words.sentence, sizeof client->last_words.sentence, "%s", sentence);
}

static void on_going_away(struct skp_client *client, const ProtobufCMessage *message, size_t bytes)
{
    (void)bytes;
    const Skp__V1__GoingAway *going = (const Skp__V1__GoingAway *)message;
    remember_last_words(client, SKP_E_GOING_AWAY,
                        going->sentence[0] != '\0' ? going->sentence
                                                   : skp_error(SKP_E_GOING_AWAY)->sentence,
                        NEVER_MS);
    client->asked_pause_ms = going->reconnect_after_ms < RETRY_ASKED_MAX_MS
                                 ? going->reconnect_after_ms
                                 : RETRY_ASKED_MAX_MS;
    if (client->state == CLIENT_LEAVING)
        return;
    client->deadline_ms = monotonic_ms() + LEAVING_TIMEOUT_MS;
    client_move(client, CLIENT_LEAVING);
}

/* ---------------------------------------------------------------- errors */

/* A code this version does not know comes from a newer broker; its retry class still says what to
 * do. */
static enum skp_err error_code(const Skp__V1__Error *error)
{
    enum skp_err err = (enum skp_err)error->code;
    if (skp_error(err)->code == err)
        return err;
    return error->retry == SKP__V1__RETRY__RETRY_LATER ? SKP_E_INTERNAL : SKP_E_VERSION_UNSUPPORTED;
}

static bool ends_connection(const struct skp_client *client, enum skp_err err)
{
    return client->state == CLIENT_HELLO || (err >= 100 && err < 200) || err == SKP_E_GOING_AWAY ||
           err == SKP_E_DATA_LOSS;
}

static void on_error(struct skp_client *client, const ProtobufCMessage *message, size_t bytes)
{
    (void)bytes;
    const Skp__V1__Error *error = (const Skp__V1__Error *)message;
    enum skp_err err = error_code(error);
    const char *sentence = error->sentence[0] != '\0' ? error->sentence : skp_error(err)->sentence;
    if (error->batch_id.len > 0) {
        outbox_take_error(client, error, err);
    } else if (ends_connection(client, err)) {
        client->asked_pause_ms =
            error->retry_after_ms < RETRY_ASKED_MAX_MS ? error->retry_after_ms : RETRY_ASKED_MAX_MS;
        client_fail(client, err, "%s", sentence);
    } else {
        if (skp_error(err)->retry == SKP_RETRY_LATER)
            lookup_postponed(client, error->frame, error->tag, error->retry_after_ms);
        else
            lookup_refused(client, error->frame, error->tag);
        if (err >= 300 && err < 400) /* about who we are: a broker that closes now means it */
            remember_last_words(client, err, sentence, monotonic_ms() + LAST_WORDS_MS);
        client_problem(client, err, error->path, sentence);
    }
}

/* ---------------------------------------------------------------- passed on */

static void on_receipt(struct skp_client *client, const ProtobufCMessage *message, size_t bytes)
{
    (void)bytes;
    outbox_take_receipt(client, (const Skp__V1__Receipt *)message);
}

static void on_delivery(struct skp_client *client, const ProtobufCMessage *message, size_t bytes)
{
    fetch_take_delivery(client, (const Skp__V1__Delivery *)message, bytes);
}

static void on_waiting(struct skp_client *client, const ProtobufCMessage *message, size_t bytes)
{
    (void)bytes;
    const Skp__V1__Waiting *waiting = (const Skp__V1__Waiting *)message;
    if (client->callbacks.on_drained != NULL)
        client->callbacks.on_drained(client->ctx, waiting->mailbox, waiting->waiting);
}

static void on_collected(struct skp_client *client, const ProtobufCMessage *message, size_t bytes)
{
    (void)bytes;
    const Skp__V1__Collected *collected = (const Skp__V1__Collected *)message;
    uint64_t tag;
    if (lookup_answered(client, FRAME_COLLECT, collected->tag, &tag) &&
        client->callbacks.on_collected != NULL)
        client->callbacks.on_collected(client->ctx, tag, collected);
}

static void on_published(struct skp_client *client, const ProtobufCMessage *message, size_t bytes)
{
    (void)bytes;
    const Skp__V1__Published *published = (const Skp__V1__Published *)message;
    uint64_t tag;
    if (lookup_answered(client, FRAME_PUBLISH, published->tag, &tag) &&
        client->callbacks.on_published != NULL)
        client->callbacks.on_published(client->ctx, tag, published);
}

static void on_directory(struct skp_client *client, const ProtobufCMessage *message, size_t bytes)
{
    (void)bytes;
    const Skp__V1__Directory *directory = (const Skp__V1__Directory *)message;
    uint64_t tag;
    if (lookup_answered(client, FRAME_DIRECTORY_GET, directory->tag, &tag) &&
        client->callbacks.on_directory != NULL)
        client->callbacks.on_directory(client->ctx, tag, directory);
}

static void on_cases(struct skp_client *client, const ProtobufCMessage *message, size_t bytes)
{
    (void)bytes;
    const Skp__V1__Cases *cases = (const Skp__V1__Cases *)message;
    uint64_t tag;
    if (lookup_answered(client, FRAME_CASES_GET, cases->tag, &tag) &&
        client->callbacks.on_cases != NULL)
        client->callbacks.on_cases(client->ctx, tag, cases);
}

/* ---------------------------------------------------------------- the table */

#define IN(state)  (1u << CLIENT_##state)
#define IN_SESSION (IN(UP) | IN(LEAVING))

static const struct frame_handler {
    enum frame_type type;
    const ProtobufCMessageDescriptor *message;
    unsigned states; /* where it may come */
    void (*take)(struct skp_client *client, const ProtobufCMessage *message, size_t bytes);
} handlers[] = {
    {FRAME_WELCOME, &skp__v1__welcome__descriptor, IN(HELLO), on_welcome},
    {FRAME_PING, &skp__v1__ping__descriptor, IN_SESSION, on_ping},
    {FRAME_PONG, &skp__v1__pong__descriptor, IN_SESSION, on_pong},
    {FRAME_GOING_AWAY, &skp__v1__going_away__descriptor, IN_SESSION, on_going_away},
    {FRAME_ERROR, &skp__v1__error__descriptor, IN(HELLO) | IN_SESSION, on_error},
    {FRAME_RECEIPT, &skp__v1__receipt__descriptor, IN_SESSION, on_receipt},
    {FRAME_DELIVERY, &skp__v1__delivery__descriptor, IN_SESSION, on_delivery},
    {FRAME_WAITING, &skp__v1__waiting__descriptor, IN_SESSION, on_waiting},
    {FRAME_COLLECTED, &skp__v1__collected__descriptor, IN_SESSION, on_collected},
    {FRAME_PUBLISHED, &skp__v1__published__descriptor, IN_SESSION, on_published},
    {FRAME_DIRECTORY, &skp__v1__directory__descriptor, IN_SESSION, on_directory},
    {FRAME_CASES, &skp__v1__cases__descriptor, IN_SESSION, on_cases},
};

static const struct frame_handler *handler_of(enum frame_type type)
{
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (handlers[i].type == type)
            return &handlers[i];
    }
    return NULL;
}

void frame_take(struct skp_client *client, const struct frame *frame)
{
    char path[WIRE_PATH_MAX] = "";
    ProtobufCMessage *message = NULL;
    const struct frame_handler *handler = handler_of(frame->type);
    if (handler == NULL || (handler->states & 1u << client->state) == 0) {
        client_fail(client, SKP_E_PROTOCOL_STATE, "the broker sent %s, which is not expected here",
                    frame_type_name(frame->type));
        return;
    }
    if (client->state != CLIENT_LEAVING)
        client->last_words.err = SKP_OK;
    arena_reset(&client->arena);
    enum skp_err err = wire_unpack(handler->message, frame->body, &client->arena, path, &message);
    if (err)
        client_fail(client, err, "the broker's %s is not valid: %s%s%s",
                    frame_type_name(frame->type), skp_error(err)->sentence,
                    path[0] != '\0' ? " at " : "", path);
    else
        handler->take(client, message, frame->body.len);
}
