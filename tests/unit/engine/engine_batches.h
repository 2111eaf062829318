/* Batches as participants make them: facts on the wire, sealed, signed, sent. */
#ifndef SKP_ENGINE_BATCHES_H
#define SKP_ENGINE_BATCHES_H

#include "engine_fixture.h"

/* A batch in the making: open it for a recipient, add lines, send. */
struct letter {
    struct world *world;
    const struct party *from;
    struct envelope_writer *writer;
    struct envelope_batch batch; /* once signed */
    struct skp_id bundle_id;     /* of the open bundle */
    uint32_t bundle;             /* its index */
    uint32_t line;               /* of the next line */
};

void letter_begin(struct letter *letter, struct world *w, const struct party *from);
void letter_to_broker(struct letter *letter);
void letter_to(struct letter *letter, const struct party *to);
void letter_to_mailbox(struct letter *letter, const struct party *to, const char *mailbox);
void letter_line(struct letter *letter, Skp__V1__Line *line, const char *part,
                 struct skp_hash *ret_leaf);

/* Signs what was written; may be called once. */
void letter_sign(struct letter *letter);

/* Signs if need be and hands over; letter_submit() does not pump. */
struct answer *letter_submit(struct letter *letter);
struct answer *letter_ask(struct letter *letter);

/* Sends, checks the receipt against the broker's signature and the chain's tree, and gives its
 * body. */
Skp__V1__ReceiptBody *letter_send(struct letter *letter);
Skp__V1__ReceiptBody *receipt_of(struct letter *letter, const struct answer *answer,
                                 Skp__V1__Receipt **ret_receipt);

/* ---------------------------------------------------------------- facts */

#define SCENE_REQUESTS 256

/* A request as its counsellor and its creditor know it. */
struct asked {
    struct skp_id id;
    const struct party *creditor;
    struct skp_id bundle_id;
    uint32_t line;
    struct skp_hash leaf;
    struct envelope_kept kept; /* to seal it again */
    uint32_t answer_version;
    bool urgent;
    bool contains_bsn;
    const char *brand;
    Skp__V1__Product product;
};

/* A case with its requests; all to `creditor` unless changed. */
struct told_case {
    struct skp_id id;
    uint32_t version;
    uint32_t persons;
    size_t count;
    struct asked requests[SCENE_REQUESTS];
};

void case_make(struct told_case *told, const struct party *creditor, size_t count);

/* Lines for the open bundle. */
void line_case(struct letter *letter, const struct told_case *told);
void line_request(struct letter *letter, struct asked *asked);
void line_request_part(struct letter *letter, struct asked *asked, const char *part);
/* The very same line once more, sealed anew; it stands here from now on. */
void line_reseal(struct letter *letter, struct asked *asked);
void line_off_network(struct letter *letter, const struct skp_id *request_id);
void line_recorded(struct letter *letter, const struct told_case *told,
                   const struct skp_id *request_id, uint32_t version, int64_t total_cents);

/* The answer's fact, to change before line_answer_fact(). Version 1, complete, one claim. */
Skp__V1__Line *answer_new(struct world *w, const struct asked *asked, int64_t cents);
void line_answer(struct letter *letter, struct asked *asked, int64_t cents);

/* A case and its requests, one bundle per creditor in a row, in one batch; nothing is refused. */
void case_register(struct world *w, struct told_case *told);
void case_write(struct letter *letter, struct told_case *told);

/* One batch with one answer; nothing is refused. */
void request_answer_with(struct world *w, struct asked *asked, int64_t cents);

/* ---------------------------------------------------------------- judgements */

void assert_taken(const Skp__V1__ReceiptBody *body, uint32_t stored);

/* This line, and only this one, was refused. */
void assert_refused(const Skp__V1__ReceiptBody *body, uint32_t bundle, uint32_t line,
                    enum skp_err err, const char *path);

#endif
