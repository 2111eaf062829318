/* A batch on its way through the engine: verified once, then decided line by line. */
#ifndef SKP_BATCH_WORK_H
#define SKP_BATCH_WORK_H

#include "txn.h"

struct batch_bundle {
    struct envelope_head head;
    struct span head_bytes;
    struct skp_hash head_hash;
    struct span body;        /* as it came */
    struct skp_hash *leaves; /* per line */
    size_t first_line;       /* its first in batch_work.lines */
};

struct batch_line {
    uint32_t bundle;
    uint32_t line;
    struct skp_id item_id;
    Skp__V1__Line *fact; /* NULL when it could not be read */
    const struct skp_hash *leaf;
    enum skp_err read_err; /* found when reading; decides nothing else */
    const char *read_path;
    enum skp_err err; /* the refusal, as it stands */
    const char *path;
    bool taken; /* had an effect */
};

struct batch_work {
    struct envelope_header header;
    struct span header_bytes;
    struct span jws;
    struct batch_bundle *bundles;
    size_t bundle_count;
    struct merkle_tree heads; /* the batch's tree: a leaf per bundle */
    struct batch_line *lines;
    size_t line_count;

    /* decided */
    uint32_t stored;
    uint32_t without_effect;
    bool again;     /* the same batch stands earlier in this transaction: look once more after it */
    bool duplicate; /* answered from `original` */
    struct batch_row original;
    struct commit_row original_commit;

    struct span receipt_body; /* in the call's arena */
    uint32_t receipt_index;
    struct skp_hash receipt_path[MERKLE_MAX_PATH];
    size_t receipt_path_len;
};

/* While one batch is decided. */
struct batch_run {
    struct txn *txn;
    struct engine_call *call;
    struct batch_work *work;
    uint32_t roles;   /* of the sender */
    struct map cases; /* request id -> struct ws_row of the case that declares it, in this batch */
};

/* batch_decide.c: the stages of the verb after verifying. */
enum skp_err batch_want(struct txn *txn, struct engine_call *call) SKP_MUST_CHECK;
enum skp_err batch_decide(struct txn *txn, struct engine_call *call) SKP_MUST_CHECK;
enum skp_err batch_answer(struct txn *txn, struct engine_call *call) SKP_MUST_CHECK;

/* batch_cases.c: facts addressed to the broker itself. */
enum skp_err batch_decide_own(struct batch_run *run, struct batch_bundle *bundle) SKP_MUST_CHECK;

/* batch_requests.c, batch_answers.c: one bundle to another participant. */
enum skp_err batch_decide_requests(struct batch_run *run, struct batch_bundle *bundle,
                                   const struct registry_participant *recipient) SKP_MUST_CHECK;
enum skp_err batch_decide_answers(struct batch_run *run,
                                  struct batch_bundle *bundle) SKP_MUST_CHECK;

/* The bundle itself, as a row; once per bundle of which anything is taken. */
enum skp_err batch_save_bundle(struct batch_run *run,
                               const struct batch_bundle *bundle) SKP_MUST_CHECK;

/* The next position of the recipient's mailbox: batch_deliver() must follow. */
enum skp_err batch_position(struct batch_run *run, const struct batch_bundle *bundle,
                            uint64_t *ret_position) SKP_MUST_CHECK;

/* Into the recipient's mailbox: the lines of `mask` (of all lines: the bundle as it came). */
enum skp_err batch_deliver(struct batch_run *run, const struct batch_bundle *bundle,
                           uint64_t position, const struct line_mask *mask,
                           size_t mask_count) SKP_MUST_CHECK;

/* The line is refused, taken, or was said before. */
void batch_refuse(struct batch_line *line, enum skp_err err, const char *path);
void batch_take(struct batch_run *run, struct batch_line *line);
void batch_no_effect(struct batch_run *run);

/* How a page's requests are published: where their bundle lies in the creditor's mailbox, until
 * when they are to be answered, and by which round (NULL: at once). */
struct publication {
    const struct skp_id *bundle_id;
    unsigned page;
    uint64_t position;
    plain_date due_date;
    const struct skp_id *round_id;
    uint8_t last_round; /* request_round_mark() of a version that was replaced; 0: none */
};

/* Publishes requests of a page: into state REQUESTED, with their deadline, open list and the event
 * to their counsellor. */
enum skp_err publish_requests(struct txn *txn, struct ws_row *page_row,
                              const struct publication *publication, const uint8_t *slots,
                              size_t slot_count) SKP_MUST_CHECK;

/* After a request of this page was answered or went back: the page leaves the list of open ones
 * when nothing that was published at `published_ms` is open in it any more. */
enum skp_err publish_close(struct txn *txn, const struct page_row *page,
                           const struct skp_id *bundle_id, unsigned number,
                           int64_t published_ms) SKP_MUST_CHECK;

/* One more request that the event is about; at most BUNDLE_MAX_LINES. The id is copied. */
enum skp_err publish_add_id(struct txn *txn, Skp__V1__EventFact *event,
                            const struct skp_id *request_id) SKP_MUST_CHECK;

#endif
