/* What a load client says: batches of cases and of answers, with the record of them for the history.
 *
 * Choices come from a seed; ids and keys from the usual source. The balance of a request is a
 * function of its id, so that whoever reads the history knows what the case must show in the end.
 * Functions that make batches leave the program on error: every line here is valid, or refused on
 * purpose. One thread. */
#ifndef SKP_LOAD_FACTS_H
#define SKP_LOAD_FACTS_H

#include "load_history.h"
#include "skp.h"

#define FACTS_MAX_PEERS 16
#define FACTS_MAX_CERTS 4

struct facts_peer {
    struct skp_oin oin;
    X509 *certs[FACTS_MAX_CERTS]; /* to seal for; owned */
    size_t cert_count;
};

struct facts {
    struct skp_client *client; /* borrowed: name, signer, clock */
    FILE *history;             /* borrowed */
    uint64_t random;
    const char *canary; /* NULL: plain names. Else in every name, address and client number */
    struct facts_peer peers[FACTS_MAX_PEERS];
    size_t peer_count;
};

uint64_t facts_random(struct facts *facts);
bool facts_one_in(struct facts *facts, unsigned count);

/* What is to be answered: a request as it was delivered. */
struct facts_question {
    struct skp_id request_id, claim_id, bundle_id;
    struct skp_hash leaf;
    uint32_t line;
    Skp__V1__ClaimKind kind;
    bool again; /* said before, word for word */
};

/* A signed batch and the memory it lives in. */
struct facts_batch {
    struct arena arena;
    struct envelope_batch sealed;
    unsigned sends;
    size_t requests; /* new ones in it */
    /* An answer without sealed part has one form only, so it can be said again word for word. */
    const struct facts_peer *repeat_to; /* NULL: nothing to repeat */
    struct facts_question repeat;
};
void facts_batch_free(struct facts_batch *batch);

/* Cases with requests to some of the peers. One batch in eight also asks for a request that no case
 * declares, which must be refused. Writes the "invoke". */
struct facts_batch *facts_say_cases(struct facts *facts, size_t case_count);

/* Answers to one counsellor, all in one bundle. Writes the "invoke". */
struct facts_batch *facts_say_answers(struct facts *facts, const struct facts_peer *counsellor,
                                      const struct facts_question *questions, size_t count);

/* Whether the answer to this request carries no sealed part. */
bool facts_is_open_answer(const struct facts *facts, const struct skp_id *request_id);

int64_t facts_total_cents(const struct skp_id *request_id);

/* Whether an opened part is the one that was sealed for this request. */
bool facts_part_fits(const struct facts *facts, const struct skp_id *request_id, bool is_request,
                     struct span part);

const struct facts_peer *facts_find_peer(const struct facts *facts, const char *oin);
void facts_fini(struct facts *facts);

#endif
