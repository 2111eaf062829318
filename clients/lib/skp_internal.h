/* What the files of libskp share. Not installed; tests of this folder may look.
 *
 *   client.c      life, states, skp_process
 *   timers.c      what must happen at its time
 *   connection.c  the socket: connect, read, write
 *   resolve.c     the addresses of a host, without waiting for them
 *   tls_client.c  TLS 1.3 and who is at the other side
 *   frames_in.c   one handler per frame of the broker
 *   outbox.c      batches, until each has its one report
 *   fetch.c       credit, deliveries, collecting
 *   lookups.c     questions that get one answer, asked again after a reconnect
 *   open.c        certificates to seal for, sealed parts
 *   collected.c   the addressee's signature in a COLLECTED event
 *   head.c        the newest head of the broker's chain
 *
 * Handlers never drop the connection they run on: they call client_fail(), and skp_process() drops
 * it when the handler has returned. */
#ifndef SKP_INTERNAL_H
#define SKP_INTERNAL_H

#include "buffer.h"
#include "skp.h"
#include "wire.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#define CONNECT_TIMEOUT_MS 10000 /* for each of: the addresses, TCP, TLS, Welcome */
#define LEAVING_TIMEOUT_MS 10000 /* after GoingAway, for what is under way */
#define LAST_WORDS_MS      2000
#define SESSION_LIVED_MS   2000 /* up for so long: the next pause starts small again */
#define RETRY_FIRST_MS     100  /* ceiling of the first pause; doubles */
#define RETRY_MAX_MS       30000
#define RETRY_ASKED_MAX_MS 600000             /* the longest pause a broker can ask for */
#define WRITE_BYTES        16384              /* one TLS record */
#define READ_TURN_BYTES    262144             /* then the host's loop gets its turn */
#define ARENA_BYTES        (16 * 1024 * 1024) /* unpacked form of one frame and what is checked of it */
#define NEVER_MS           INT64_MAX

/* name, moves to: D down, R resolving, C connecting, T TLS, H hello sent, U up, L leaving, S stopped */
#define CLIENT_STATES(X)                                                                           \
    X(DOWN, "RCS")                                                                                 \
    X(RESOLVING, "CDS")                                                                            \
    X(CONNECTING, "TDS")                                                                           \
    X(TLS, "HDS")                                                                                  \
    X(HELLO, "UDS")                                                                                \
    X(UP, "LDS")                                                                                   \
    X(LEAVING, "DS")                                                                               \
    X(STOPPED, "")

enum client_state {
#define X(name, moves) CLIENT_##name,
    CLIENT_STATES(X)
#undef X
};

struct connection {
    int fd; /* -1: none */
    SSL *ssl;
    struct addrinfo *addresses; /* all of this attempt */
    struct addrinfo *address;   /* the one being tried */
    struct buffer in;
    struct buffer out;
    uint32_t events;       /* what epoll watches now */
    bool read_wants_write; /* TLS has something to say before it can read on */
    bool write_blocked;
    bool write_broken; /* what the broker said last may still be readable */
    char refused[256]; /* why OpenSSL did not accept the broker's certificate */
};

struct failure {
    enum skp_err err; /* SKP_OK: none */
    char why[512];
};

/* Why the broker closes, as it said itself just before. */
struct last_words {
    enum skp_err err;
    int64_t until_ms; /* a closing later than this has another reason */
    char sentence[256];
};

struct outbox {
    struct outbox_batch *first, **end;
    size_t count;
    size_t bytes;
    size_t max_bytes;
    size_t under_way; /* begun and not answered on this connection */
    size_t under_way_bytes;
    int64_t resume_at_ms; /* the broker asked to wait */
    unsigned pauses;      /* in a row */
};

struct lookups {
    struct lookup *first, **end;
    size_t bytes;
    size_t sent;          /* and not answered on this connection */
    uint64_t last_tag;    /* given to a question; it counts from 1 */
    int64_t resume_at_ms; /* the broker asked to wait; fetching waits with it */
    unsigned pauses;      /* in a row */
};

/* The bundle key of the delivery whose callback runs: one box, however many parts. */
struct open_bundle {
    bool current;
    bool tried;
    enum skp_err err;
    struct skp_id batch_id;
    struct skp_id bundle_id;
    struct seal_key key;
};

struct chain_head {
    char *file; /* NULL: in memory only */
    uint8_t *commit;
    size_t commit_bytes;
    char *jws;
    uint64_t sequence;
    struct skp_id store_id;
    bool unsaved;
    int64_t save_at_ms;
};

struct skp_client {
    struct skp_callbacks callbacks;
    void *ctx;
    int (*clock)(void *ctx, int64_t *ret_ms);
    char *host;
    char *software;
    uint16_t port;
    struct skp_oin self;
    struct skp_oin broker; /* empty until known; then for life */
    struct trust *trust;
    struct jws_cache *jws_cache;
    bool borrows_cache; /* it is that of config.same_trust */
    struct keypair *tls_pair;
    struct keypair *sign_pair;
    struct keypair **decrypt_keys;
    size_t decrypt_key_count;
    SSL_CTX *tls;
    BIO_METHOD *socket_method;

    enum client_state state;
    bool processing;
    bool closing; /* in skp_client_free() */
    bool wake;    /* something to do at once */
    int epoll_fd;
    int timer_fd;
    int64_t timer_at_ms; /* what timer_fd is set to */

    int64_t connect_at_ms;
    unsigned attempts;     /* since a session that lived */
    uint32_t retry_max_ms; /* 0: RETRY_MAX_MS */
    uint32_t asked_pause_ms;
    int64_t deadline_ms; /* of the present state */
    int64_t up_at_ms;
    int64_t heard_at_ms;
    int64_t said_at_ms;
    int64_t pinged_at_ms;
    uint64_t ping_nonce;
    Skp__V1__Limits limits; /* of Welcome, gaps filled */

    struct resolving *resolving; /* outlives an attempt that gave up; NULL: none */
    struct connection connection;
    struct failure failure;
    struct last_words last_words;
    struct outbox outbox;
    struct fetch_box *boxes;
    struct lookups lookups;
    struct open_bundle open;
    struct chain_head head;
    struct arena arena; /* of the frame being handled */
};

/* ---- client.c */

/* A move the table does not know is a bug and aborts. */
void client_move(struct skp_client *client, enum client_state state);

/* Ends the connection once the running handler has returned. The first reason counts. */
void client_fail(struct skp_client *client, enum skp_err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void client_problem(struct skp_client *client, enum skp_err err, const char *path,
                    const char *sentence);

/* ---- timers.c */

int64_t monotonic_ms(void);
void timers_clear(struct skp_client *client); /* reads the descriptor */
void timers_check(struct skp_client *client);

/* After reading: a host that was busy for a minute must not take its own silence for the broker's. */
void timers_check_silence(struct skp_client *client);
void timers_set(struct skp_client *client);

/* Something can be written or looked at: makes skp_fd() readable if skp_process() is not running.
 */
void client_wake(struct skp_client *client);

static inline bool client_is_up(const struct skp_client *client)
{
    return client->state == CLIENT_UP || client->state == CLIENT_LEAVING;
}

/* A random pause below a ceiling that doubles with each of `attempts` (full jitter). */
int64_t client_pause_ms(unsigned attempts);

/* What the broker asked for if it did, within reason; else a random pause. */
int64_t client_later_ms(uint32_t asked_ms, unsigned attempts);

/* ---- connection.c */

void connection_init(struct connection *connection);
void connection_open(struct skp_client *client);  /* from DOWN */
void connection_step(struct skp_client *client);  /* as far as it goes without blocking */
void connection_close(struct skp_client *client); /* says goodbye, if TLS still can */

/* ---- resolve.c */

struct resolving;

/* 0 and addresses (freeaddrinfo() is yours) at once, or EAI_...: it is no number. */
int resolve_numeric(const char *host, uint16_t port, struct addrinfo **ret_addresses);

/* Begins to look a name up on a thread of its own. NULL: no thread, descriptor or memory. */
struct resolving *resolve_start(const char *host, uint16_t port);
int resolve_fd(const struct resolving *resolving); /* readable when it is answered */

/* False: not answered yet. True: *ret_failed is EAI_..., or 0 and the addresses are yours; it can be
 * asked once, then drop it. */
bool resolve_take(struct resolving *resolving, int *ret_failed, struct addrinfo **ret_addresses);

/* No longer wanted, answered or not; never waits. NULL is fine. */
void resolve_drop(struct resolving *resolving);

/* ---- tls_client.c */

enum skp_err tls_init(struct skp_client *client, const char **ret_why) SKP_MUST_CHECK;
void tls_fini(struct skp_client *client);
SSL *tls_start(struct skp_client *client, int fd); /* NULL: out of memory */

/* The handshake is done: is this the broker we want? Else client_fail(). */
bool tls_accept_broker(struct skp_client *client);

/* Fails the client in words for the error OpenSSL just gave. */
void tls_fail(struct skp_client *client, int ssl_error, int system_error);

/* ---- frames_in.c */

void frame_take(struct skp_client *client, const struct frame *frame);

/* ---- outbox.c */

void outbox_init(struct outbox *outbox, size_t max_bytes);
void outbox_fini(struct skp_client *client); /* gives the last reports */
void outbox_pump(struct skp_client *client);
void outbox_disconnected(struct skp_client *client);
int64_t outbox_next_ms(const struct skp_client *client);
void outbox_take_receipt(struct skp_client *client, const Skp__V1__Receipt *receipt);
void outbox_take_error(struct skp_client *client, const Skp__V1__Error *error, enum skp_err err);

/* ---- fetch.c */

void fetch_fini(struct skp_client *client);
void fetch_pump(struct skp_client *client);
void fetch_disconnected(struct skp_client *client); /* also: no credit is left that we know of */
void fetch_take_delivery(struct skp_client *client, const Skp__V1__Delivery *delivery,
                         size_t body_bytes);

/* ---- lookups.c */

void lookups_init(struct lookups *lookups);
void lookups_fini(struct lookups *lookups);
void lookups_pump(struct skp_client *client);
void lookups_disconnected(struct skp_client *client);

/* Queues a question under a tag of its own, which it writes to *message_tag, a field of `message`; `tag` is the
 * caller's. FULL over the bound. */
enum skp_err lookup_ask(struct skp_client *client, enum frame_type type,
                        const ProtobufCMessage *message, uint64_t *message_tag,
                        uint64_t tag) SKP_MUST_CHECK;

/* False: it has its answer already, since what was asked twice is answered twice. */
bool lookup_answered(struct skp_client *client, enum frame_type question, uint64_t wire_tag,
                     uint64_t *ret_tag) SKP_MUST_CHECK;

/* An Error about the question `wire_tag` of frame type `frame`, or the oldest one of that type when it is 0: it is over. */
void lookup_refused(struct skp_client *client, unsigned frame, uint64_t wire_tag);

/* "Later": the question (all of that type when `wire_tag` is 0), or the credit of a Fetch, goes again after a pause. */
void lookup_postponed(struct skp_client *client, unsigned frame, uint64_t wire_tag,
                      uint32_t asked_ms);
bool lookups_are_held(const struct skp_client *client);

/* ---- open.c */

void open_begin(struct skp_client *client, const struct envelope_delivery *checked);
void open_end(struct skp_client *client);

/* ---- collected.c */

/* skp_check_collected() against a trust of one's own; `cache` may be NULL. */
enum skp_err collected_check(struct trust *trust, struct jws_cache *cache,
                             const Skp__V1__EventFact *event, int64_t at_ms,
                             struct skp_oin *ret_signer, const char **ret_why) SKP_MUST_CHECK;

/* ---- head.c */

enum skp_err head_load(struct chain_head *head, const char *file, struct arena *arena,
                       const char **ret_why) SKP_MUST_CHECK;
void head_fini(struct chain_head *head);

/* Keeps it if it is newer. The signature was checked by the caller. */
void head_take(struct skp_client *client, struct span commit, const char *jws);

/* Checks the signature first: for heads that come without a receipt. */
void head_take_unchecked(struct skp_client *client, const Skp__V1__ChainHead *head);
void head_save(struct skp_client *client);

#endif
