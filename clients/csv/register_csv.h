/* aanmelding.csv: what a counsellor registers. One row per claim; rows with the same Dossier are
 * one case, those with the same creditor and brand in it one request, wherever they stand in the
 * file.
 *
 * A wrong row costs what it belongs to and nothing else: wrong case columns make the case broken,
 * wrong other columns the request. Broken ones stay in the result, so that the case still declares
 * how many requests it has; they must not be sent. BSNs come from a file of their own. */
#ifndef SKP_REGISTER_CSV_H
#define SKP_REGISTER_CSV_H

#include "csv_person.h"

/* What one case and one request may hold (proto/fact.h); the row too many is DECODE_ITEMS. */
#define REGISTER_MAX_REQUESTS 256
#define REGISTER_MAX_CLAIMS   64

struct register_claim {
    struct register_claim *next;
    unsigned long line;
    const char *invoice_number;         /* "" = not known */
    const char *client_number_creditor; /* "" = that of the request */
    int kind;                           /* Skp__V1__ClaimKind */
    int64_t amount_cents;               /* CSV_NO_AMOUNT = the client does not know */
    int debtor;                         /* Skp__V1__Debtor */
};

struct register_request {
    struct register_request *next;
    unsigned long line; /* of its first row */
    const char *creditor_name;
    struct skp_oin creditor; /* empty: to be found by name */
    const char *brand;
    const char *client_number_creditor; /* the first one given */
    bool urgent;                        /* on any of its rows */
    unsigned long broken_line;          /* the first wrong row; 0: it is whole */
    size_t claim_count;
    struct register_claim *claims, *last_claim;
};

struct register_case {
    struct register_case *next;
    unsigned long line; /* of its first row */
    const char *dossier;
    const char *client_number;
    int product;  /* Skp__V1__Product */
    int guidance; /* Skp__V1__Guidance */
    plain_date reference_date;
    struct skp_oin municipality;
    struct csv_person client;
    bool has_partner;
    struct csv_person partner;
    struct csv_address address;
    struct csv_contact contact;
    unsigned long broken_line; /* the first wrong row; 0: it is whole */
    size_t request_count;
    struct register_request *requests, *last_request;
};

struct register_file {
    size_t row_count; /* below the header, bad ones included */
    size_t case_count, request_count;
    struct register_case *cases, *last_case;
    struct csv_problems problems;
    struct csv_problems ignored; /* columns that were not read, by name: a note, not an error */
};

/* Reads the file; everything lives in `arena`. An error is about the file as a whole: NOT_FOUND,
 * IO, TEXT_ENCODING, CSV_HEADER, NO_MEMORY. What is wrong with rows is in ret_file->problems. */
enum skp_err register_read(const char *path, struct arena *arena, struct register_file *ret_file,
                           struct csv_problem *ret_problem) SKP_MUST_CHECK;

/* Reads the file of BSNs (Dossier;BSN;PartnerBSN) into the cases of `file`. Wrong rows are added to
 * `problems`: CASE_UNKNOWN, BSN_INVALID, REQUIRED (neither is given), DUPLICATE_ITEM,
 * FIELD_UNEXPECTED (no partner). */
enum skp_err register_read_bsn(const char *path, struct register_file *file,
                               struct csv_problems *problems,
                               struct csv_problem *ret_problem) SKP_MUST_CHECK;

/* Writing, for programs that export a case system and for the generator; close with
 * csv_writer_close(). */
enum skp_err register_writer_open(const char *path, struct csv_writer **ret_writer,
                                  struct csv_problem *ret_problem) SKP_MUST_CHECK;
void register_writer_put(struct csv_writer *writer, const struct register_case *file_case,
                         const struct register_request *request,
                         const struct register_claim *claim);
enum skp_err register_bsn_writer_open(const char *path, struct csv_writer **ret_writer,
                                      struct csv_problem *ret_problem) SKP_MUST_CHECK;
void register_bsn_writer_put(struct csv_writer *writer, const struct register_case *file_case);

#endif
