/* The schema of facts: is this line well-formed, whatever the state of the world?
 *
 * Ranges, required fields, combinations: what can be said about a line without knowing anything
 * else. Whether it is true or allowed is decided by broker/domain. Pure; PROTOCOL.md chapter 10 has
 * the rules in words. */
#ifndef SKP_FACT_H
#define SKP_FACT_H

#include "errors.h"
#include "skp.pb-c.h"
#include "wire.h"

/* Limits, all of them inclusive. */
#define FACT_MAX_LINE         40960 /* bytes of a packed Line */
#define FACT_MAX_CENTS        99999999999LL
#define FACT_MAX_CLAIMS       64    /* of one request or answer */
#define FACT_MAX_REQUESTS     256   /* of one case or event */
#define FACT_MAX_ITEMS        256   /* of one part of an overview */
#define FACT_MAX_BRAND        80    /* code points */
#define FACT_MAX_MAILBOX      32    /* bytes of a mailbox name */
#define FACT_MAX_COLLECTED    256   /* items of one CollectStatement */
#define FACT_MAX_STATEMENT    256   /* bytes of a CollectStatement; its fields cannot take more */
#define FACT_MAX_JWS          16384 /* bytes */
#define FACT_MIN_YEAR         1900
#define FACT_MAX_YEAR         2199
#define FACT_MAX_AT_MS        7258118399999LL /* 2199-12-31T23:59:59.999Z */
#define FACT_MAX_COUNSELLORS  500             /* of one agreement */
#define FACT_MAX_TERM_DAYS    60              /* working days */
#define FACT_MAX_CERTIFICATES 16              /* of one mailbox record */
#define FACT_MAX_CERTIFICATE  8192            /* bytes of DER */
#define FACT_MAX_SEALS_ALSO   16
#define FACT_MAX_WITHDRAWN    64 /* certificates, of one mailbox record */

/* Unpacks and checks one line. Errors: BATCH_TOO_LARGE over FACT_MAX_LINE, those of wire_check,
 * BODY_MISSING, and the 2xx and 5xx codes of errors.def that need no state. ret_path[WIRE_PATH_MAX]
 * names the place inside the line ("answer.claims[0].amount_cents"). */
enum skp_err fact_read(struct span line, struct arena *arena, char *ret_path,
                       Skp__V1__Line **ret_line) SKP_MUST_CHECK;

/* The name of the line's fact in skp.proto ("answer"), with which every path into it begins.
 * Static; NULL: the line states none. */
const char *fact_name(const Skp__V1__Line *line);

/* The id of what the line is about: case, request, round, event or mandate. BODY_MISSING or
 * ID_FORMAT. */
enum skp_err fact_item_id(const Skp__V1__Line *line, struct skp_id *ret_id) SKP_MUST_CHECK;

/* The commitment of the line; false when it seals nothing. */
bool fact_commitment(const Skp__V1__Line *line, struct skp_hash *ret_commitment);

/* Checks single values; the others are built of these. */
enum skp_err fact_check_date(int32_t yyyymmdd) SKP_MUST_CHECK; /* 0 is DATE_INVALID here */
enum skp_err fact_check_cents(int64_t cents) SKP_MUST_CHECK;
enum skp_err fact_check_oin(const char *oin) SKP_MUST_CHECK;
enum skp_err fact_check_text(const char *text,
                             size_t max_chars) SKP_MUST_CHECK; /* length in code points */

/* The same for what travels outside lines. */
enum skp_err fact_check_agreement(const Skp__V1__Agreement *agreement,
                                  char *ret_path) SKP_MUST_CHECK;
enum skp_err fact_check_record(const Skp__V1__MailboxRecord *record, char *ret_path) SKP_MUST_CHECK;

#endif
