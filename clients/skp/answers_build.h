/* What a creditor filled in, as an AnswerFact with its sealed part. Pure, but for the arena and new claim ids.
 *
 * Checks what a file cannot know: that all claims of the request are answered, that an agreement in force
 * covers a "standaard akkoord", that a correction has its reason. Never turns a yes into something weaker,
 * nor silence into a yes; only an agreement of the form "unless impediment" reads an answer without
 * impediment as agreed, because the creditor signed exactly that. */
#ifndef SKP_ANSWERS_BUILD_H
#define SKP_ANSWERS_BUILD_H

#include "book.h"
#include "list_answer.h"
#include "settings.h"

/* The request as it came, and what was answered before. */
struct question {
    struct skp_id request_id, bundle_id;
    struct skp_oin counsellor;
    uint32_t line;
    struct skp_hash leaf;
    const Skp__V1__RequestFact *fact;
    enum skp_err unreadable;   /* why it cannot be read; SKP_OK: it can */
    bool returned;             /* answered UNREADABLE, and the broker has that */
    uint32_t answered_version; /* that the broker has; 0: none */
    struct skp_hash answered_fingerprint;
    const Skp__V1__AnswerFact *answered; /* NULL: none */
    const Skp__V1__AnswerPart *answered_part;
};

struct built_answer {
    Skp__V1__Line *line;
    struct span part; /* empty: nothing to seal */
    struct skp_hash fingerprint;
    bool unchanged; /* said before: nothing to send, line is NULL */
};

/* `correction` stands in where the file gives no reason; 0: none. `counsellor` may be NULL (not in the
 * directory): then no agreement is found. *ret_problem has line and column; errors:
 *   REQUIRED                            a claim of the request is not answered
 *   AGREEMENT_UNKNOWN, AGREEMENT_SCOPE  agreed, without an agreement that covers it
 *   CORRECTION_REASON, FIELD_UNEXPECTED another answer without reason; a reason for the first one
 *   CLAIM_UNKNOWN                       a Regelkenmerk that is not in the request
 *   STATE_INVALID                       unreadable, after it was answered
 *   UNSEAL                              another answer to what cannot be read
 *   NO_MEMORY */
enum skp_err answers_build(const struct question *question, const struct list_request *given,
                           const Skp__V1__DirectoryEntry *counsellor, int correction,
                           plain_date today, const struct settings *settings, struct arena *arena,
                           struct built_answer *ret_built,
                           struct csv_problem *ret_problem) SKP_MUST_CHECK;

#endif
