/* What the files of the engine share. Nothing outside broker/engine includes this, but tests may.
 */
#ifndef SKP_ENGINE_INTERNAL_H
#define SKP_ENGINE_INTERNAL_H

#include "done.h"
#include "engine.h"
#include "envelope.h"
#include "lease.h"
#include "rows.h"

#include <pthread.h>
#include <stdatomic.h>

#define ENGINE_DEFAULT_INTAKE_BYTES ((size_t)64 << 20)
#define ENGINE_CALL_ARENA_BYTES     ((size_t)4 << 20)
#define ENGINE_BATCH_ARENA_BYTES    ((size_t)96 << 20)
#define ENGINE_UNPACKED_BYTES       ((size_t)16 << 20) /* of verified calls that wait for the store */
#define ENGINE_BATCH_AGE_DAYS       60
#define ENGINE_TXN_BYTES            ((size_t)512 << 20) /* of memory for one transaction */
#define ENGINE_COMMIT_CALLS         128               /* waiting calls taken into one transaction */
#define ENGINE_COMMIT_BYTES         ((size_t)2 << 20) /* of their frames and what collects tell */
#define ENGINE_SMALL_BYTES          ((size_t)64 << 10) /* of a call that a verify worker may commit itself */
#define ENGINE_LEASE_MAX_SECONDS    3600
#define ENGINE_TICK_LINES           1000
#define ENGINE_ASIDE_WAITING        64 /* mailboxes that wait until a damaged row is set aside */
#define RECORDS_MAX_BYTES           ((size_t)160 << 10) /* of one participant's mailboxes */

enum tick_part { TICK_NONE, TICK_DUE, TICK_FOLD };

/* One deadline that cannot be done keeps none behind it waiting (tick.c). */
struct due_state {
    size_t stuck;   /* so many of what is due, from the first, could not be done */
    unsigned alone; /* so many behind them are done one by one, since one of these cannot be */
    bool retries;   /* the last tick tried one of the stuck: there was nothing else */
    size_t retry;   /* which of them */
    bool
        is_chosen; /* the last tick found any to do: if it failed, then at them or what they left */
    bool is_unreadable; /* the last look met damage that no row is to blame for */
};

struct engine {
    struct store *store;  /* store worker only */
    struct store *reader; /* read worker only */
    struct clock *clock;
    struct skp_oin broker;
    char name[80];
    bool play;
    struct skp_id store_id;
    unsigned threads;
    size_t intake_max;
    size_t txn_bytes;
    uint32_t lease_seconds;
    uint32_t idle_seconds;
    uint32_t fold_pause_ms;
    int64_t hold_limit_ms; /* 0: time is not watched */
    struct loss_mark loss; /* set while opening */
    bool hold_asked;       /* the store worker's: to be held at the next tick */

    struct work_queue *verify_queue;
    struct work_queue *store_queue;
    struct work_queue *read_queue;
    struct done_queue done;
    struct jws_cache *cache;
    struct lease_table leases;

    pthread_mutex_t lock; /* guards the references and the head below */
    struct trust *trust;
    struct keypair *signer;
    struct registry *registry;
    struct chain_mark chain; /* written by the store worker */
    uint8_t *head_bytes;     /* ChainHead, packed; owned */
    size_t head_len;
    struct clock_mark clock_mark; /* written by the store worker */
    int64_t next_due_ms; /* business time of the first deadline; INT64_MAX: none; 0: look */

    bool closing;  /* the loop's: nothing new is taken */
    bool is_tight; /* the store worker's: it said that the disk is full */

    enum tick_part tick_failed_in; /* the store worker's: of the last tick */
    struct due_state due;          /* the store worker's */

    pthread_mutex_t watermark_lock; /* not `lock`, which the loop takes: held while it is written */
    uint64_t watermark_raised;      /* by a client's head: to this commit, where it stays; 0: not */

    pthread_mutex_t unpack_lock; /* guards the three below */
    pthread_cond_t unpack_room;
    size_t unpacked_bytes;
    bool unpack_freely;

    atomic_size_t intake_used;
    atomic_bool watermark_failed; /* it was said */
    atomic_bool is_setting_aside; /* a damaged row: one at a time */
    struct aside_queue {
        unsigned count;
        int64_t since_ms; /* monotonic: the first of them */
        struct {
            struct skp_oin oin;
            char mailbox[MAILBOX_NAME_MAX + 1];
        } waiting[ENGINE_ASIDE_WAITING];
    } aside_queue; /* the loop's: mailboxes that stand before a damaged row */
    atomic_size_t asides;
    atomic_bool deadlines_unreadable;
    atomic_bool fold_wanted;   /* the journal holds notes that no fold is under way for */
    atomic_llong fold_from_ms; /* monotonic: not before */
    atomic_int failure;        /* enum skp_err; set before `failed` */
    _Atomic(const char *) failed;

    engine_wake_fn wake;
    void *wake_ctx;
};

struct txn;

/* What each verb does at each stage; NULL = nothing. Errors end the call; in decide, SKP_OK with
 * call->err set means this call was refused and others go on, while a returned error ends the whole
 * transaction. */
struct verb {
    const char *name;
    bool runs_when_full; /* also on a full disk: it makes room, or an operator asks */
    enum skp_err (*verify)(struct engine_call *call);                     /* verify worker */
    enum skp_err (*want)(struct txn *txn, struct engine_call *call);      /* store worker */
    enum skp_err (*decide)(struct txn *txn, struct engine_call *call);    /* store worker */
    enum skp_err (*answer)(struct txn *txn, struct engine_call *call);    /* after the commit */
    enum skp_err (*read)(struct engine_call *call, struct store *reader); /* read worker */
    void (*finish)(struct engine_call *call); /* loop, just before `done`; not after an error */
};

extern const struct verb verb_hello, verb_batch, verb_fetch, verb_collect, verb_publish,
    verb_directory, verb_cases, verb_admin, verb_admin_read, verb_tick, verb_park, verb_set_aside;
const struct verb *engine_verb_of(enum engine_verb verb);

/* Adds a frame to the answer; `body` lives in the call's arena. */
enum skp_err engine_answer(struct engine_call *call, enum frame_type type,
                           const ProtobufCMessage *message) SKP_MUST_CHECK;
enum skp_err engine_answer_bytes(struct engine_call *call, enum frame_type type,
                                 struct span body) SKP_MUST_CHECK;

/* Refuses the call: sets err, path and sentence (NULL = the list's) and returns `err`. */
enum skp_err engine_refuse(struct engine_call *call, enum skp_err err, const char *path,
                           const char *sentence);

/* The same for a place inside something that is packed by itself: "header" and "root" make
 * "header.root". */
enum skp_err engine_refuse_in(struct engine_call *call, enum skp_err err, const char *outer,
                              const char *path);

/* The bytes as a text with its NUL, in the arena; NULL: no memory. */
char *engine_text(struct arena *arena, struct span text);

/* The number of the newest link of the chain. Any thread. */
uint64_t engine_commits(struct engine *engine);

/* References for one piece of work; the caller drops them. */
struct trust *engine_trust_ref(struct engine *engine);
struct keypair *engine_signer_ref(struct engine *engine);

/* Posts a wake-up to the loop. Any thread. */
void engine_post_wake(struct engine *engine, const struct skp_oin *oin, const char *mailbox);

/* Did the peer of this call sign `payload`? Refuses the call otherwise, naming `path`. */
enum skp_err engine_check_peer(struct engine_call *call, struct span payload, const char *jws,
                               const char *path) SKP_MUST_CHECK;

/* From now on the engine takes nothing more; `sentence` lives for ever. Any thread. */
void engine_fail(struct engine *engine, enum skp_err err, const char *sentence);

/* When a lease asked for `seconds` ends, monotonic: 0 or more than ENGINE_LEASE_MAX_SECONDS is the
 * default. Any thread. */
int64_t engine_lease_until(struct engine *engine, uint32_t seconds);

/* A batch holds several times its frames once it is verified. Verify workers wait here while all that
 * is verified and not yet freed is over ENGINE_UNPACKED_BYTES; a pumped engine, which decides each
 * call before it verifies the next, does not. */
void engine_await_room(struct engine *engine);
void engine_hold_unpacked(struct engine_call *call);
void engine_unpack_freely(struct engine *engine); /* nobody waits any more: it is closing */

/* As engine_submit(), for a call of the engine's own that goes to the store worker. Any thread. */
void engine_submit_inside(struct engine_call *call);

/* The call goes back to the loop. Any thread. */
void engine_finish(struct engine_call *call);

/* Reads the registry from the store, inside a transaction. */
enum skp_err engine_load_registry(struct engine *engine, struct store *store) SKP_MUST_CHECK;

/* Drains: the store worker's handler. */
void txn_drain(void *engine, struct work_item *items);

/* Unpacks a request frame's body; the call is refused when it is not valid. */
enum skp_err engine_unpack(struct engine_call *call, const ProtobufCMessageDescriptor *type,
                           void *ret_message) SKP_MUST_CHECK;

#endif
