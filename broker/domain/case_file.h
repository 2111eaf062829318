/* A case (dossier): which requests it declared and what became of each, for completeness.
 *
 * What became of a connected request stands on its page and nowhere else; the case keeps where that
 * page is, and case_note() fills in what is needed to look at all of it. Off-network requests live
 * here only. Nothing shrinks silently: a case is incomplete until every declared request was taken,
 * or dropped by the counsellor in a next version.
 *
 * Pure; memory from the caller's arena, which must live as long as the case; any thread. */
#ifndef SKP_CASE_FILE_H
#define SKP_CASE_FILE_H

#include "request.h"

#define CASE_MAX_REQUESTS 256

struct case_request {
    struct skp_id request_id;
    struct skp_id bundle_id;   /* nil: off network, or not yet taken */
    uint16_t line;             /* in that bundle */
    struct skp_oin creditor;   /* empty: off network, or not yet taken */
    struct skp_hash leaf;      /* of the RequestFact or OffNetworkFact; zeros: not yet taken */
    uint32_t recorded_version; /* of the RecordedAnswerFact in force; 0: none */
    uint8_t state;             /* Skp__V1__RequestState; 0: declared, not yet taken */
    uint8_t outcome;           /* Skp__V1__Outcome */
    uint8_t consent;           /* Skp__V1__Consent */
    int64_t total_cents;
};

struct case_file {
    struct skp_id case_id;
    struct skp_hash leaf; /* of the CaseFact in force */
    uint64_t place;       /* where its answers are counted, as long as it lives; 0: none yet */
    uint32_t version;
    uint8_t persons;  /* 1 or 2 */
    uint8_t product;  /* Skp__V1__Product */
    uint8_t guidance; /* Skp__V1__Guidance */
    plain_date reference_date;
    struct skp_oin responsible;
    size_t request_count;
    struct case_request *requests; /* sorted by request_id; in the arena */
};

/* A well-formed CaseFact becomes a case with nothing taken, at this place. NO_MEMORY. */
enum skp_err case_open(const Skp__V1__CaseFact *fact, const struct skp_hash *leaf, uint64_t place,
                       struct arena *arena, struct case_file *ret_case) SKP_MUST_CHECK;

/* The same case said again. The same bytes have no effect: *ret_changed is false and *ret_case is
 * `present`. The next version may add requests, drop those not yet taken, and change product,
 * guidance and date; what was taken, recorded and answered stays. CASE_CHANGED: another content
 * under this or an older version, a version that skips one, a taken request dropped, other persons
 * or another municipality. NO_MEMORY. *ret_case may alias `present`; on an error both outputs are untouched. */
enum skp_err case_update(const struct case_file *present, const Skp__V1__CaseFact *fact,
                         const struct skp_hash *leaf, struct arena *arena,
                         struct case_file *ret_case, bool *ret_changed) SKP_MUST_CHECK;

/* Borrowed from the case; NULL when it does not declare this request. */
struct case_request *case_find(const struct case_file *file, const struct skp_id *request_id);

/* Takes a declared request, in `state` (OFF_NETWORK: then bundle_id is nil or NULL, creditor empty
 * or NULL). REQUEST_NOT_DECLARED; ID_REUSED when it was taken with other content or of another
 * creditor; *ret_taken false when it was taken before with the same, which changes nothing. */
enum skp_err case_take(struct case_file *file, const struct skp_id *request_id,
                       const struct skp_hash *leaf, const struct skp_id *bundle_id, uint16_t line,
                       const struct skp_oin *creditor, uint8_t state,
                       bool *ret_taken) SKP_MUST_CHECK;

/* A connected request (asserted) that was sealed again stands in another bundle from now on. */
void case_reseal(struct case_file *file, const struct skp_id *request_id,
                 const struct skp_id *bundle_id, uint16_t line);

/* The answer that came back on paper: OFF_NETWORK -> RECORDED, and of a connected request, after
 * case_note(), UNREADABLE or RESEAL_NEEDED -> RECORDED. Version 1, then +1 for each correction; the
 * same outcome, total and consent under the same version are SKP_OK and change nothing.
 * REQUEST_UNKNOWN: not declared here; STATE_INVALID: went digitally and can be answered so, not
 * taken yet, stopped, or a version that skips one; STALE: another content under an old version;
 * CONSENT_INVALID: PRE_AGREED, for which a letter has no ground. */
enum skp_err case_record(struct case_file *file,
                         const Skp__V1__RecordedAnswerFact *fact) SKP_MUST_CHECK;

/* Fills in what became of a connected request of this case, that was taken (both asserted). */
void case_note(struct case_file *file, const struct request_state *request);

/* Was everything taken, and did everything come back, when `answered` of its connected requests
 * were answered? A case as it is kept does not know what became of those: that stands on their
 * pages. */
bool case_is_complete(const struct case_file *file, size_t answered);

/* INCOMPLETE while declared requests are missing, INVENTORY while answers are, COMPLETE after.
 * Withdrawn and ended requests wait for nothing. */
Skp__V1__CaseState case_phase(const struct case_file *file);

/* How many were answered in a way that the counsellor must still decide about: unknown client or
 * debt, no cooperation, reported deceased. */
unsigned case_to_decide(const struct case_file *file);

/* Packed form, versioned, one for each case; with a place, and 1 to CASE_MAX_REQUESTS requests (both
 * asserted). Empty span when the arena's cap is reached. */
struct span case_pack(const struct case_file *file, struct arena *arena);

/* Takes only what case_pack() can write; anything else is DATA_LOSS. NO_MEMORY. Borrows nothing
 * from `bytes`. */
enum skp_err case_unpack(struct span bytes, struct arena *arena,
                         struct case_file *ret_case) SKP_MUST_CHECK;

#endif
