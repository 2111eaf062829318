/* Answers that came on paper, from a row of a file to a fact for the broker. Pure, but for the arena.
 *
 * A letter names no agreement, so it is never "vooraf akkoord": CONSENT_INVALID. */
#ifndef SKP_RECORDING_H
#define SKP_RECORDING_H

#include "csv_record.h"
#include "skp.pb-c.h"

struct record_row {
    unsigned long line;
    const char *dossier, *creditor, *brand;
    int outcome;         /* Skp__V1__Outcome */
    int64_t total_cents; /* CSV_NO_AMOUNT: none */
    int consent;         /* Skp__V1__Consent */
    plain_date received_date;
};

#define RECORD_FIELDS 7
#define RECORD_BRAND  2 /* the place of Merk in them */
extern const struct csv_field record_fields[RECORD_FIELDS];

/* The fact; its ids and what it points to live in `arena`. AMOUNT_ZERO, CLAIM_UNKNOWN (an amount with another
 * outcome than vorderingen), CONSENT_INVALID, REQUIRED; NO_MEMORY. *ret_column says where. */
enum skp_err recording_build(const struct record_row *row, const struct skp_id *request_id,
                             const struct skp_id *case_id, uint32_t version, struct arena *arena,
                             Skp__V1__Line **ret_line, const char **ret_column) SKP_MUST_CHECK;

#endif
