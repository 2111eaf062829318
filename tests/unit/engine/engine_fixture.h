/* A whole post office in one thread: a pumped engine, a clock that stands still, three participants
 * with real certificates.
 *
 * Everything that helpers return lives in the world's arena until the test ends. Business time
 * starts on a Monday morning and moves only when a test says so. */
#ifndef SKP_ENGINE_FIXTURE_H
#define SKP_ENGINE_FIXTURE_H

#include "testing.h"

#include "engine_internal.h"

#define OIN_COUNSELLOR "00000099000000001000"
#define OIN_CREDITOR   "00000099000000002000" /* EC */
#define OIN_RSA        "00000099000000003000" /* a creditor with RSA keys */

#define WORLD_MONDAY 20270201 /* no holiday within the next six weeks */
#define WORLD_MINUTE (9 * 60)

struct party {
    struct skp_oin oin;
    struct keypair *signs;
    struct keypair *opens;
    uint64_t session;
    struct fetch_place place; /* where its next fetch goes on */
};

struct world {
    struct arena arena;
    struct clock_manual clock;
    struct trust *trust;
    struct jws_cache *cache; /* of the participants' side */
    struct keypair *broker_signs;
    struct skp_oin broker;
    struct party counsellor;
    struct party creditor;
    struct party rsa;
    struct store *store; /* the engine's; to look into from tests */
    struct engine *engine;
    unsigned threads;      /* of verification, for the next world_open(); 0: everything is pumped */
    int64_t hold_limit_ms; /* as engine_config, for the next world_open() */
    bool hold_deadlines;
    uint64_t accepted_loss;   /* as engine_config */
    unsigned under_way;       /* calls that did not come back yet */
    struct skp_oin woken[64]; /* wake-ups since the last look */
    size_t woken_count;
};

/* What a call came back with. */
struct answer {
    enum skp_err err;
    const char *path;
    const char *sentence;
    struct engine_frame *frames;
    size_t frame_count;
    const char *text;
    bool caught_up;
    size_t fetched_bytes;
    struct fetch_place place;
    unsigned times; /* it came back */
};

/* Without participants; `play` as engine_config. */
void world_init(struct world *w, bool play);
void world_fini(struct world *w);

/* Opens an engine on this store, which it takes. */
enum skp_err world_open(struct world *w, struct store *store, bool play);
void world_close(struct world *w);

/* cmocka: a play world on the memory store with all three registered and connected. */
int world_setup(void **state);
int world_teardown(void **state);

/* Registers them with their roles and publishes their mailbox records. */
void world_people(struct world *w);

/* Business time becomes this minute in Amsterdam; nothing else moves and nothing is ticked. */
void world_set_time(struct world *w, plain_date date, int minute);
int64_t world_now_ms(const struct world *w);

/* Ticks until nothing is due and everything is folded; returns how many ticks that took. */
unsigned world_tick(struct world *w);

/* Sets the time, then ticks. */
void world_go_to(struct world *w, plain_date date, int minute);

/* ---------------------------------------------------------------- calls */

/* Submits without pumping; the answer is filled when it comes back. */
struct answer *world_submit(struct world *w, const struct party *who, enum engine_verb verb,
                            struct span request, const struct span *parts, size_t part_count);

/* Until nothing is left to do; with threads: until every call came back. */
void world_pump(struct world *w);

/* Submits a message (NULL: nothing) and pumps. */
struct answer *world_ask(struct world *w, const struct party *who, enum engine_verb verb,
                         const ProtobufCMessage *request);

/* The frame as a message; fails the test unless it is of this type and valid. */
void *world_frame(struct world *w, const struct answer *answer, size_t index, enum frame_type type,
                  const ProtobufCMessageDescriptor *descriptor);

/* An operator's command; ' may stand for ". Returns the answer's JSON, owned by the caller. */
struct json_t *world_admin(struct world *w, const char *json);

/* The command succeeds / is refused with this error. */
void assert_admin_ok(struct world *w, const char *json);
void assert_admin_refused(struct world *w, const char *json, enum skp_err err);

/* ---------------------------------------------------------------- directory */

/* The party's record for `mailbox`, published; what the broker said. */
enum skp_err publish_record(struct world *w, const struct party *party, const char *mailbox,
                            uint32_t version);

/* The same, without pumping. */
struct answer *publish_submit(struct world *w, const struct party *party, const char *mailbox,
                              uint32_t version);

/* As publish_record(), for the main mailbox, with certificates that nobody opens with any more. */
enum skp_err publish_withdrawing(struct world *w, const struct party *party, uint32_t version,
                                 struct skp_hash *withdrawn, size_t count);

struct agreement_terms {
    struct skp_id id; /* nil: a new one */
    uint32_t version; /* 0: 1 */
    uint32_t weekdays;
    int minute_of_day;
    uint32_t term_working_days; /* 0: 10 */
    uint32_t waiting_working_days;
    plain_date valid_from; /* 0: long ago */
    plain_date valid_until;
    const char *brand;         /* NULL: all */
    Skp__V1__Product product;  /* 0: all */
    Skp__V1__ConsentForm form; /* 0: PER_REQUEST_YES */
};

#define MONDAYS   0x01u
#define THURSDAYS 0x08u
#define TEN_HOURS (10 * 60)

/* The file that creditor and counsellor signed. */
struct span agreement_file(struct world *w, const struct party *creditor,
                           const struct agreement_terms *terms, struct skp_id *ret_id);

/* The same, admitted. */
struct skp_id agreement_make(struct world *w, const struct party *creditor,
                             const struct agreement_terms *terms);

/* "{'command':'agreement.admit','file_base64':'...'}" */
const char *agreement_command(struct world *w, struct span file);

#endif
