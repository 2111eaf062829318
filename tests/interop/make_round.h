/* What the parts of make_round.c share: keys and memory, and small change. One thread. */
#ifndef SKP_MAKE_ROUND_H
#define SKP_MAKE_ROUND_H

#include "envelope.h"
#include "wire.h"

#include <jansson.h>

enum { COUNSELLOR, CREDITOR, BROKER, PARTIES };

struct round_world {
    struct arena arena; /* everything made lives here */
    struct keypair *signers[PARTIES];
    struct keypair *openers[PARTIES];
    struct skp_oin oins[PARTIES];
    size_t places[PARTIES]; /* where each stands in the lists of crypto.json */
    int64_t at_ms;
};
extern struct round_world world;

/* A batch, and what its lines say: per bundle, per line {item_id, part}. The caller drops `items`. */
struct said {
    struct envelope_batch batch;
    struct skp_hash request_leaf; /* of the line that is answered */
    struct skp_id request_bundle;
    struct envelope_kept kept_case; /* what it takes to say the case again, and the last request */
    struct envelope_kept kept_request;
    json_t *items;
};

/* The counsellor's three requests; the first and the last have a person part. */
void round_ask(struct said *said, const struct skp_id *requests);

/* The creditor's answer to the first. */
void round_answer(struct said *said, const struct said *asked, const struct skp_id *request_id);

/* The case and the third request once more, byte for byte, with the person sealed anew. */
void round_reseal(struct said *said, const struct said *asked);

/* The creditor's mailbox record, and the agreement of both, as signed. */
json_t *json_record(void);
json_t *json_agreement(void);

/* A detached signature of one of the parties, in the arena. */
const char *round_sign(int who, struct span payload);

/* Ends the program, and says why, unless `good`. */
void must(bool good, const char *what);

json_t *hex(struct span bytes);

static inline ProtobufCBinaryData of_id(const struct skp_id *id)
{
    return wire_bytes(span_of(id->bytes, ID_BYTES));
}

static inline ProtobufCBinaryData of_hash(const struct skp_hash *hash)
{
    return wire_bytes(span_of(hash->bytes, HASH_BYTES));
}

#endif
