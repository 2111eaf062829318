/* Agreements made beforehand (collectieve overeenkomst, convenant), as admitted signed files.
 *
 * A file is a SignedAgreement: the exact Agreement bytes and one detached JWS of the creditor and
 * of every counsellor named. Reading and rules here are pure and need no signature;
 * agreement_verify() is for the moment a file is admitted. Nothing here says who may admit it. Any
 * thread. */
#ifndef SKP_AGREEMENT_H
#define SKP_AGREEMENT_H

#include "calendar.h"
#include "jose.h"
#include "skp.pb-c.h"
#include "wire.h"

#define AGREEMENT_WAITING_DAYS 5 /* working days, when the file says 0 */

struct agreement {
    struct skp_id agreement_id;
    uint32_t version;
    struct skp_oin creditor;
    struct skp_oin *counsellors; /* sorted */
    size_t counsellor_count;
    plain_date valid_from;
    plain_date valid_until; /* last day; 0: open-ended */
    Skp__V1__ConsentForm consent_form;
    uint32_t term_working_days;
    uint32_t waiting_working_days; /* longer than this for a round leaves at once; never 0 */
    uint8_t weekdays;              /* of the schedule; bit 0 = Monday; 0 = by hand only */
    uint16_t minute_of_day;        /* Europe/Amsterdam */
    plain_date first_date;         /* no opening before it; 0: not given */
    uint32_t claim_kinds;          /* bit per ClaimKind; 0 = all */
    uint32_t products;             /* bit per Product; 0 = all */
    uint32_t guidances;            /* bit per Guidance; 0 = all */
    const char *brand;             /* "" = all */
};

/* Reads and checks a SignedAgreement file; what *ret_agreement points to lives in `arena`, nothing
 * in `file`. Errors are those of wire_unpack and fact_check_agreement; ret_path[WIRE_PATH_MAX]
 * names the place. */
enum skp_err agreement_read(struct span file, struct arena *arena, char *ret_path,
                            struct agreement *ret_agreement) SKP_MUST_CHECK;

/* Verifies that the creditor and every counsellor signed exactly these bytes, at `at_ms` real time,
 * and nobody else. SIGNATURE_INVALID: somebody's signature is missing or does not fit the bytes;
 * SIGNER_INVALID: a certificate is not good, or its owner is no party. *ret_why (in the arena, or
 * static) says who or what. Other errors as agreement_read, *ret_why is then the place. */
enum skp_err agreement_verify(struct span file, struct trust *trust, int64_t at_ms,
                              struct arena *arena, const char **ret_why) SKP_MUST_CHECK;

/* Is `date` within its validity, whoever is party to it? */
bool agreement_is_valid(const struct agreement *agreement, plain_date date);

/* Is `counsellor` party to it and `date` within its validity, first and last day included? */
bool agreement_in_force(const struct agreement *agreement, const struct skp_oin *counsellor,
                        plain_date date);

/* Does its scope cover this? claim_kinds as bits: all of them must be in scope; 0 = unknown to the
 * client, which every scope covers. Product and guidance 0 are covered only by a scope of all. A
 * brand is compared letter by letter. */
bool agreement_covers(const struct agreement *agreement, uint32_t claim_kinds, uint8_t product,
                      uint8_t guidance, const char *brand);

/* The first opening of its schedule strictly after `after_ms`. An opening that falls on a day that
 * is no working day is skipped, not moved. 0: by hand only, or none within its validity and the
 * next year. `calendar` may be NULL: the law's days only. */
int64_t agreement_next_opening(const struct agreement *agreement, const struct calendar *calendar,
                               int64_t after_ms);

#endif
