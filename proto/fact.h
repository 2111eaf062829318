/* The schema of facts: is this line well-formed, whatever the state of the world?
 *
 * Ranges, required fields, combinations: what can be said about a line without knowing anything else.
 * Whether it is true or allowed is decided by broker/domain. Pure. */
#ifndef SKP_FACT_H
#define SKP_FACT_H

#include "errors.h"
#include "skp.pb-c.h"
#include "wire.h"

#define FACT_MAX_CENTS    99999999999LL
#define FACT_MAX_CLAIMS   64
#define FACT_MAX_REQUESTS 256 /* of one case */
#define FACT_MAX_LINE     16384

/* Unpacks and checks one line. Errors: those of wire_check and the 2xx and 5xx codes of errors.def that need no
 * state. ret_path[WIRE_PATH_MAX] names the place inside the line ("answer.claims[0].amount_cents"). */
enum skp_err fact_read(struct span line, struct arena *arena, char *ret_path,
                       Skp__V1__Line **ret_line) SKP_MUST_CHECK;

/* The id of what the line is about: case, request, round or event. */
enum skp_err fact_item_id(const Skp__V1__Line *line, struct skp_id *ret_id) SKP_MUST_CHECK;

/* The commitment of the line; false when it seals nothing. */
bool fact_commitment(const Skp__V1__Line *line, struct skp_hash *ret_commitment);

/* Checks single values; the others are built of these. */
enum skp_err fact_check_date(int32_t yyyymmdd) SKP_MUST_CHECK;    /* 0 is DATE_INVALID here */
enum skp_err fact_check_cents(int64_t cents) SKP_MUST_CHECK;
enum skp_err fact_check_oin(const char *oin) SKP_MUST_CHECK;
enum skp_err fact_check_text(const char *text, size_t max_chars) SKP_MUST_CHECK; /* length in code points */

/* The same for what travels outside lines. */
enum skp_err fact_check_agreement(const Skp__V1__Agreement *agreement, char *ret_path) SKP_MUST_CHECK;
enum skp_err fact_check_record(const Skp__V1__MailboxRecord *record, char *ret_path) SKP_MUST_CHECK;

#endif
