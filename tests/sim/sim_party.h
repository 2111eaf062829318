/* A participant of a simulation: its software on libskp, and what that software keeps on its disk.
 *
 * It publishes its certificate, finds its peers, sends what it made until each batch is
 * acknowledged, opens and checks what is delivered, collects it a little later, sometimes gives it
 * back or sends an acknowledged batch once more. Its process can end at any moment and start again
 * with what was on its disk: outbox, chain head, what it has seen. What it says is the business of
 * sim_office.c (counsellors) and sim_desk.c (creditors). One thread. */
#ifndef SKP_SIM_PARTY_H
#define SKP_SIM_PARTY_H

#include "sim_batch.h"
#include "sim_seed.h"
#include "sim_time.h"
#include "skp.h"

#define SIM_MAX_PARTIES 8
#define SIM_MAX_CERTS   4
#define SIM_MAX_COLLECT 64

struct sim_office;
struct sim_desk;

struct sim_peer {
    struct skp_oin oin;
    X509 *certs[SIM_MAX_CERTS];
    size_t cert_count;
    struct skp_id agreement_id; /* between it and this party; nil: none */
    uint32_t agreement_version;
    Skp__V1__ConsentForm form;
};

/* A delivery that is safe and waits to be collected. */
struct sim_kept {
    uint64_t position;
    struct skp_hash head_hash;
    int64_t collect_at_us;
};

struct sim_party {
    unsigned number;
    struct skp_oin oin;
    bool creditor;
    bool busy; /* says eight times as much */
    struct keypair *signs, *opens;
    struct sim_random random;
    int64_t skew_ms;           /* its clock is wrong by so much */
    struct skp_client *client; /* NULL: its process is down */
    struct sim_peer peers[SIM_MAX_PARTIES];
    size_t peer_count, peers_wanted;
    bool published, asking, working, stopped;
    bool listed; /* all cases are in the history */
    struct skp_id last_case;
    struct sim_batch *batches, **batches_end;
    struct sim_kept kept[4096];
    size_t kept_count, collecting;
    uint64_t next_tag;
    struct sim_office *office; /* of a counsellor */
    struct sim_desk *desk;     /* of a creditor */
    size_t acks, lives;
};

struct sim_party *party_new(uint64_t seed, unsigned number, const char *oin, bool creditor,
                            size_t peers_wanted);
void party_free(struct sim_party *party);

int64_t party_now_ms(const struct sim_party *party);

/* Its process starts; ends without a word (what it had under way stays open). */
void party_start(struct sim_party *party);
void party_kill(struct sim_party *party);

/* Runs its code; when it must run next by itself. */
void party_process(struct sim_party *party);
int64_t party_due(const struct sim_party *party);

/* Everybody it has to do with is there. */
bool party_is_ready(const struct sim_party *party);

/* From now on it says new things, or no more. */
void party_let_work(struct sim_party *party, bool working);

/* Nothing of its own is open: all acknowledged, all collected. */
bool party_is_quiet(const struct sim_party *party);

/* Asks for its cases until they are in the history. */
void party_list_cases(struct sim_party *party);

/* Takes a batch into the outbox. */
void party_take_batch(struct sim_party *party, struct sim_batch *batch);

/* One that was acknowledged goes once more; NULL: none was. */
struct sim_batch *party_any_stored(struct sim_party *party);
void party_send_again(struct sim_party *party, struct sim_batch *batch);

struct sim_peer *party_find_peer(struct sim_party *party, const char *oin);

/* sim_heard.c; their context is the party. */
extern const struct skp_callbacks party_callbacks;

/* sim_delivery.c */
void party_take_delivery(struct sim_party *party, const Skp__V1__Delivery *delivery,
                         const struct envelope_delivery *checked);

#endif
