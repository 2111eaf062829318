/* A planned case as facts: the CaseFact, a RequestFact with its sealed part per connected creditor, an
 * OffNetworkFact per letter. Pure, but for the arena and new claim ids. */
#ifndef SKP_CASES_BUILD_H
#define SKP_CASES_BUILD_H

#include "register_plan.h"
#include "settings.h"
#include "targets.h"

/* One line to say; item says which request it is, NULL for the case. */
struct built_line {
    const struct plan_request *item;
    const struct addressee *to;
    Skp__V1__Line *line;
    struct span part;
    uint32_t version;
    const struct skp_id *claim_ids; /* of item's claims, in their order */
};

struct built_case {
    struct built_line *lines;
    size_t count;
    size_t bytes; /* as draft_line_bytes() counts */
};

/* Builds what must be said of the case; no lines when that is nothing. The contact of the settings stands
 * in where the file names none. NO_MEMORY. */
enum skp_err cases_build(const struct plan_case *plan, const struct addressee *broker,
                         const struct settings *settings, struct arena *arena,
                         struct built_case *ret_built) SKP_MUST_CHECK;

/* Whether what is sealed for a creditor that may have it holds a BSN: of the client, or of a partner it concerns. */
bool cases_build_has_bsn(const struct register_case *file_case,
                         const struct register_request *asked);

/* What is sealed for a creditor: no BSN unless `with_bsn`, no partner unless one of the claims is theirs. */
enum skp_err cases_build_part(const struct register_case *file_case,
                              const struct register_request *asked, bool with_bsn,
                              const struct settings *settings, struct arena *arena,
                              struct span *ret_part) SKP_MUST_CHECK;

/* Whether what was `sent` for this request, a PersonPart, names the same persons, address and client number. A BSN that
 * the file does not give is no other one; contacts may change. NO_MEMORY, DECODE. */
enum skp_err cases_build_same_client(const struct register_case *file_case,
                                     const struct register_request *asked, bool with_bsn,
                                     struct span sent, struct arena *arena,
                                     bool *ret_same) SKP_MUST_CHECK;

#endif
