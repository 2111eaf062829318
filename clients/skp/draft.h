/* Lines on their way into one signed batch, put in bundles per addressee.
 *
 * Add lines while there is room, then sign once: lines are ordered by addressee (the broker's own first,
 * because requests find their cases there), and each says where it went. The draft and all in it live in
 * one arena. */
#ifndef SKP_DRAFT_H
#define SKP_DRAFT_H

#include "envelope.h"

/* Who gets lines: borrowed by the draft until it is signed. */
struct addressee {
    struct skp_oin oin;
    const char *mailbox;
    X509 *certs[BUNDLE_MAX_BOXES];
    size_t cert_count;
    bool is_broker;
};

/* Frees the certificates. */
void addressee_fini(struct addressee *addressee);

struct draft_line {
    const struct addressee *to;
    Skp__V1__Line *line;
    struct span part;
    uint32_t version;
    bool again; /* sent before: `kept` goes out byte for byte */
    /* filled by draft_sign() */
    struct envelope_kept kept; /* to send it again; lives in the draft's arena */
    size_t order;
    size_t bundle;
    size_t index;
    struct skp_id bundle_id;
    struct skp_hash leaf;
    struct skp_hash head_hash;
};

struct draft {
    struct arena *arena;
    struct draft_line *lines; /* BATCH_MAX_LINES */
    size_t count;
    size_t bytes; /* never less than what is sent */
    const struct addressee **addressees;
    size_t addressee_count;
};

/* NO_MEMORY. */
enum skp_err draft_init(struct draft *draft, struct arena *arena) SKP_MUST_CHECK;

/* Whether `count` lines of together `bytes` to at most `count` new addressees still fit. */
bool draft_has_room(const struct draft *draft, size_t count, size_t bytes);

/* The bytes one line takes at most. */
size_t draft_line_bytes(const Skp__V1__Line *line, struct span part);

size_t draft_kept_bytes(const struct envelope_kept *kept); /* of one that is sent again */

/* There must be room (asserted). */
void draft_add(struct draft *draft, const struct addressee *to, Skp__V1__Line *line,
               struct span part, uint32_t version);

/* The very same line as before, `line` being what stands in it; the part is sealed anew. The spans of `kept` are
 * borrowed until the draft is signed. There must be room (asserted). */
void draft_add_again(struct draft *draft, const struct addressee *to, Skp__V1__Line *line,
                     struct envelope_kept kept, uint32_t version);

/* Signs; the lines are sorted and know their places. Errors as of envelope.h. */
enum skp_err draft_sign(struct draft *draft, const struct skp_oin *self,
                        const struct keypair *signer, int64_t at_ms,
                        struct envelope_batch *ret_batch) SKP_MUST_CHECK;

#endif
