/* JetStream on files, one replica: streams L (l.<consumer>.<queue>) and R (r.<queue>) as work queues, explicit acks.
 * PULL=1: pull consumers that fetch 500 at a time; else push. */
#include "workload.h"

#include <nats/nats.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define URL         "tls://localhost:14222"
#define SUBJECT     32
#define FETCH       500
#define WAIT_MS     200
#define ACK_PENDING 20000
#define ACK_WAIT_NS 120000000000

static atomic_int ready;
static bool pull;

static void must(natsStatus status, const char *what)
{
    if (status != NATS_OK)
        workload_die("%s: %s (%s)", what, natsStatus_GetText(status), nats_GetLastError(NULL));
}

static natsConnection *connect_one(void)
{
    natsOptions *options;
    natsConnection *connection;
    must(natsOptions_Create(&options), "options");
    must(natsOptions_SetURL(options, URL), "options");
    must(natsOptions_SetSecure(options, true), "options");
    must(natsOptions_LoadCATrustedCertificates(options, workload_cert("ca.pem")), "TLS");
    must(natsOptions_LoadCertificatesChain(options, workload_cert("client.pem"),
                                           workload_cert("client.key")),
         "TLS");
    must(natsOptions_SetExpectedHostname(options, HOST), "TLS");
    must(natsOptions_SetMaxPendingMsgs(options, 1000000), "options");
    must(natsConnection_Connect(&connection, options), "connect");
    return connection;
}

static void on_letter_ack(jsCtx *js, natsMsg *message, jsPubAck *ack, jsPubAckErr *error, void *ctx)
{
    (void)js, (void)ack, (void)ctx;
    if (error)
        workload_die("publish: %s", error->ErrText);
    workload_letters_confirmed(1);
    natsMsg_Destroy(message);
}

static void on_reply_ack(jsCtx *js, natsMsg *message, jsPubAck *ack, jsPubAckErr *error, void *ctx)
{
    (void)js, (void)ack, (void)ctx;
    if (error)
        workload_die("reply: %s", error->ErrText);
    workload_replies_confirmed(1);
    natsMsg_Destroy(message);
}

static jsCtx *open_stream_context(jsPubAckHandler on_ack)
{
    jsOptions options;
    jsCtx *js;
    jsOptions_Init(&options);
    options.Wait = 10000;
    options.PublishAsync.MaxPending = workload_window();
    options.PublishAsync.StallWait = 60000;
    options.PublishAsync.AckHandler = on_ack;
    must(natsConnection_JetStream(&js, connect_one(), &options), "JetStream");
    return js;
}

static void add_stream(jsCtx *js, const char *name, const char *subject)
{
    jsStreamConfig config;
    jsErrCode error;
    const char *subjects[] = {subject};
    jsStreamConfig_Init(&config);
    config.Name = name;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.Retention = js_WorkQueuePolicy;
    config.Replicas = 1;
    must(js_AddStream(NULL, js, &config, NULL, &error), "stream");
}

static natsSubscription *subscribe(jsCtx *js, const char *stream, const char *subject,
                                   const char *durable)
{
    jsSubOptions options;
    jsErrCode error;
    natsSubscription *subscription;
    jsSubOptions_Init(&options);
    options.Stream = stream;
    options.ManualAck = true;
    options.Config.MaxAckPending = ACK_PENDING;
    options.Config.AckPolicy = js_AckExplicit;
    options.Config.AckWait = ACK_WAIT_NS;
    options.Config.Durable = durable;
    must(pull ? js_PullSubscribe(&subscription, js, subject, durable, NULL, &options, &error)
              : js_SubscribeSync(&subscription, js, subject, NULL, &options, &error),
         "subscribe");
    return subscription;
}

typedef void (*message_fn)(jsCtx *js, natsMsg *message);

static void handle(jsCtx *js, natsMsg *message, message_fn take)
{
    take(js, message);
    must(natsMsg_Ack(message, NULL), "ack");
}

static void receive_for_ever(jsCtx *js, natsSubscription *subscription, message_fn take)
{
    for (;;) {
        natsMsgList list = {0};
        natsMsg *message = NULL;
        natsStatus status = pull ? natsSubscription_Fetch(&list, subscription, FETCH, WAIT_MS, NULL)
                                 : natsSubscription_NextMsg(&message, subscription, WAIT_MS);
        if (status == NATS_TIMEOUT)
            continue;
        must(status, "receive");
        for (int i = 0; i < list.Count; i++)
            handle(js, list.Msgs[i], take);
        if (message)
            handle(js, message, take);
        natsMsg_Destroy(message);
        natsMsgList_Destroy(&list);
    }
}

static void take_letter(jsCtx *js, natsMsg *message)
{
    uint64_t id;
    unsigned queue;
    uint8_t body[REPLY_BYTES];
    char subject[SUBJECT];
    workload_got_letter(natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message), &id,
                        &queue);
    workload_reply(id, queue % REPLY_QUEUES, body);
    snprintf(subject, sizeof subject, "r.%u", queue % REPLY_QUEUES);
    must(js_PublishAsync(js, subject, body, REPLY_BYTES, NULL), "reply");
}

static void take_reply(jsCtx *js, natsMsg *message)
{
    (void)js;
    workload_got_reply(natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message));
}

static void *consume_letters(void *ctx)
{
    unsigned consumer = *(const unsigned *)ctx;
    char subject[SUBJECT];
    char durable[SUBJECT];
    jsCtx *js = open_stream_context(on_reply_ack);
    snprintf(subject, sizeof subject, "l.%u.>", consumer);
    snprintf(durable, sizeof durable, "c%u", consumer);
    natsSubscription *subscription = subscribe(js, "L", subject, durable);
    ready++;
    receive_for_ever(js, subscription, take_letter);
    return NULL;
}

static void *consume_replies(void *ctx)
{
    (void)ctx;
    jsCtx *js = open_stream_context(on_reply_ack);
    natsSubscription *subscription = subscribe(js, "R", "r.>", "rc");
    ready++;
    receive_for_ever(js, subscription, take_reply);
    return NULL;
}

static void start_consumers(void)
{
    static unsigned numbers[CONSUMERS];
    pthread_t thread;
    for (unsigned i = 0; i < CONSUMERS; i++) {
        numbers[i] = i;
        if (pthread_create(&thread, NULL, consume_letters, &numbers[i]) != 0)
            workload_die("no thread");
    }
    if (pthread_create(&thread, NULL, consume_replies, NULL) != 0)
        workload_die("no thread");
    while (ready < CONSUMERS + 1)
        usleep(1000);
}

int main(void)
{
    uint8_t body[LETTER_BYTES];
    char subject[SUBJECT];
    workload_init();
    pull = workload_setting("PULL", 0) != 0;
    nats_Open(-1);
    jsCtx *js = open_stream_context(on_letter_ack);
    add_stream(js, "L", "l.>");
    add_stream(js, "R", "r.>");
    start_consumers();
    workload_start();
    for (long i = 0; i < workload_count(); i++) {
        unsigned queue = workload_queue(i);
        workload_letter(i, body);
        snprintf(subject, sizeof subject, "l.%u.%u", queue % CONSUMERS, queue);
        must(js_PublishAsync(js, subject, body, LETTER_BYTES, NULL), "publish");
    }
    _exit(workload_finish(120));
}
