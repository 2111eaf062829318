/* The engine: calls in, transactions, answers and wake-ups out.
 *
 * The network hands over whole calls (a batch, a fetch, a collect ...) and gets each back exactly
 * once, on the loop, with the frames to send. In between run, on workers of the engine: verifying
 * (hashes, signatures, schema), one store worker that decides and commits everything that waits in
 * one transaction, and readers. The store worker is a turn rather than a thread: its own thread takes it, or
 * a verify worker that finds nobody at it. The engine never sees a socket, and decides nothing itself: it
 * applies the rules of broker/domain.
 *
 * Threads: all is called on the loop thread, but for what says "Any thread". With `threads` = 0 nothing runs by
 * itself and engine_pump() does one piece of work at a time: so a simulation drives the whole
 * broker in one thread. */
#ifndef SKP_ENGINE_H
#define SKP_ENGINE_H

#include "arena.h"
#include "clock.h"
#include "frame.h"
#include "identity.h"
#include "registry.h"
#include "rows.h"
#include "work.h"

struct engine;

/* The most credit a session may hold for one mailbox: Welcome tells it, the network keeps to it. */
#define ENGINE_CREDIT_MESSAGES 4096U
#define ENGINE_CREDIT_BYTES    (16U << 20)

struct engine_config {
    struct store *store; /* writer handle; the engine takes it, also when it fails to open */
    struct clock *clock;
    struct trust *trust;     /* for signatures of participants; a reference is taken */
    struct keypair *signer;  /* the broker's signing certificate; a reference is taken */
    const char *name;        /* of the post office, for Welcome */
    bool play;               /* only for a new store: marks it for play, for ever */
    unsigned verify_threads; /* 0: everything is pumped */
    size_t intake_bytes;     /* budget of all batches under way; 0: 64 MiB */
    uint32_t lease_seconds;  /* 0: 300 */
    uint32_t idle_seconds;   /* for Limits; 0: 60 */
    int64_t hold_limit_ms;   /* deadlines are held when the clock goes further ahead; 0: never */
    bool hold_deadlines;     /* hold them now, whatever the clock says: the store was restored */
    uint64_t accepted_loss;  /* up to this link what was confirmed is given up; 0: nothing is */
    uint32_t fold_pause_ms; /* answers are counted for their cases at most this often; 0: at once */
    void (*wake)(void *ctx); /* any thread: engine_run_done() has work; may be NULL when pumped */
    void *wake_ctx;
};

/* Loads registry and chain, checks that what is there is whole. DATA_LOSS, IO, CERTIFICATE with
 * words. */
enum skp_err engine_open(const struct engine_config *config, struct engine **ret_engine,
                         char *ret_why /* [512] */) SKP_MUST_CHECK;

/* Finishes what is under way (calls come back through engine_run_done() inside), then closes the
 * store. */
void engine_close(struct engine *engine);

/* Runs the done function of every call that is ready. Call after `wake`. */
void engine_run_done(struct engine *engine);

/* Pumped engines: does one piece of work; false when there was none. */
bool engine_pump(struct engine *engine);

/* Replaces trust (new CA or CRL) and signer for calls that start from now on. */
void engine_set_trust(struct engine *engine, struct trust *trust);
void engine_set_signer(struct engine *engine, struct keypair *signer);

bool engine_is_play(const struct engine *engine);

/* Nothing that is due happens before an operator releases it. Any thread. */
bool engine_deadlines_held(struct engine *engine);

/* A page of deadlines is damaged, and no row of it is to blame: what is due there and behind it waits
 * until it can be read again, or for a backup. Any thread. */
bool engine_deadlines_unreadable(const struct engine *engine);

/* The last loss that an operator accepted; `lost` 0: there was none. Any thread. */
struct loss_mark engine_loss(const struct engine *engine);

/* Damaged rows, and what they hurt, that were set aside since the store was made. Any thread. */
size_t engine_rows_aside(const struct engine *engine);

/* The current registry; a reference the caller drops. Any thread. */
struct registry *engine_registry(struct engine *engine);

/* After a failed sync the engine takes nothing more: leave the process with this sentence. NULL:
 * healthy. */
const char *engine_failed(const struct engine *engine);

/* Why: OUTCOME_UNKNOWN (start again, the disk knows) or DATA_LOSS (do not start again before a
 * restore); SKP_OK: healthy. */
enum skp_err engine_failure(const struct engine *engine);

/* ---------------------------------------------------------------- calls */

enum engine_verb {
    ENGINE_HELLO,      /* request: Hello          answer: Welcome */
    ENGINE_BATCH,      /* parts: Begin, Bundle... answer: Receipt */
    ENGINE_FETCH,      /* request: Fetch          answer: Delivery... [Waiting] */
    ENGINE_COLLECT,    /* request: Collect        answer: Collected */
    ENGINE_PUBLISH,    /* request: Publish        answer: Published */
    ENGINE_DIRECTORY,  /* request: DirectoryGet   answer: Directory */
    ENGINE_CASES,      /* request: CasesGet       answer: Cases */
    ENGINE_ADMIN,      /* request: JSON           answer_text: JSON */
    ENGINE_ADMIN_READ, /* the same, of a command that only asks */
    ENGINE_TICK,       /* the clock participant: what is due is done */
    ENGINE_PARK,       /* the engine's own: what it found undeliverable goes back */
    ENGINE_SET_ASIDE   /* the engine's own: a damaged row stands in everybody's way */
};

struct engine_frame {
    enum frame_type type;
    struct span body;
};

/* Where the fetches of one session from one mailbox go on, when the last ended among entries that are
 * others' for now. Both are the engine's: zeros at the beginning, then as the last call left them. When
 * others left a lane, the next begins anew. */
struct fetch_place {
    uint64_t position;
    uint64_t freed; /* lanes, until then */
};

struct engine_call;
typedef void (*engine_done_fn)(struct engine_call *call);

/* One thing asked. Made by engine_call_new(), filled, submitted; comes back in `done`, which frees
 * it. */
struct engine_call {
    struct work_item work; /* the engine's */
    struct engine *engine;
    enum engine_verb verb;
    struct skp_oin peer; /* as authenticated by TLS; empty for admin and tick */
    uint64_t session;    /* holder of leases */
    struct arena arena;  /* of request, working memory and answer */
    struct span request; /* frame body; in the arena */
    struct span *parts;  /* of a batch: bodies of its Bundle frames, in the arena */
    size_t part_count, part_room;
    size_t budget_bytes;   /* what it holds of the intake budget, until it is freed */
    size_t unpacked_bytes; /* what it holds of the room for verified calls */
    int64_t received_ms;   /* business time of engine_submit() */
    engine_done_fn done;
    void *ctx;

    enum skp_err err; /* SKP_OK, or what to say in an Error frame */
    char path[96];
    char sentence[256];     /* "" = the list's */
    struct skp_id batch_id; /* once known */
    uint64_t tag;           /* of the request, once known */
    struct engine_frame *frames;
    size_t frame_count;
    const char *answer_text; /* admin: JSON */
    bool caught_up;          /* fetch: nothing more is ready */
    /* Fetch: as the last one of this session and mailbox left it. A position afterwards, and not caught up:
     * others have their turn, then fetch again, also without a wake-up. */
    struct fetch_place place;
    size_t fetched_bytes; /* of Delivery bodies: what it used of the credit */
    size_t fetched_count;
    void *state; /* the verb's own, in the arena */
};

/* NULL when out of memory. The verb sets the cap of the call's arena. */
struct engine_call *engine_call_new(struct engine *engine, enum engine_verb verb,
                                    const struct skp_oin *peer, uint64_t session,
                                    engine_done_fn done, void *ctx);
void engine_call_free(struct engine_call *call);

/* Copies a frame body in. BUSY: the intake budget is used up (answer with retry_after); NO_MEMORY.
 */
enum skp_err engine_call_request(struct engine_call *call, struct span body) SKP_MUST_CHECK;

/* A batch's next Bundle body. BUSY, BATCH_TOO_LARGE. */
enum skp_err engine_call_part(struct engine_call *call, struct span body) SKP_MUST_CHECK;

/* A part of the intake budget (4: a quarter), and at least one whole batch: what one participant may
 * hold, so that nobody keeps others out. */
size_t engine_intake_share(const struct engine *engine, unsigned part);

/* Of an operator's command: ENGINE_ADMIN_READ when it only asks, so that no commit waits for it. */
enum engine_verb engine_admin_verb(const char *command);

/* Hands the call over; `done` runs later, never inside. */
void engine_submit(struct engine_call *call);

/* ---------------------------------------------------------------- leases and wake-ups */

/* The session is gone: what it held may go to others. */
void engine_session_closed(struct engine *engine, uint64_t session);

/* ACK_UNKNOWN when a position is not this session's; what stands beside it is done all the same. */
enum skp_err engine_extend(struct engine *engine, const struct skp_oin *peer, uint64_t session,
                           const char *mailbox, const uint64_t *positions, size_t count,
                           uint32_t lease_seconds) SKP_MUST_CHECK;
enum skp_err engine_release(struct engine *engine, const struct skp_oin *peer, uint64_t session,
                            const char *mailbox, const uint64_t *positions,
                            size_t count) SKP_MUST_CHECK;

/* Called on the loop when a mailbox may have something to fetch: after a commit, a release, an
 * expired lease. */
typedef void (*engine_wake_fn)(void *ctx, const struct skp_oin *participant, const char *mailbox);
void engine_on_wake(struct engine *engine, engine_wake_fn fn, void *ctx);

/* When the clock participant wants its next tick, in monotonic milliseconds from now (0 = now, at
 * most 60,000). */
int64_t engine_next_tick_ms(struct engine *engine);

#endif
