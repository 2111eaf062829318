/* The columns of aanmelding.csv, shared by its reader and its writer. */
#ifndef SKP_REGISTER_FIELDS_H
#define SKP_REGISTER_FIELDS_H

#include "map.h"
#include "register_csv.h"

/* One row beside its case. */
struct register_row {
    struct register_request request;
    struct register_claim claim;
};

#define REGISTER_CASE_FIELDS 29
#define REGISTER_ROW_FIELDS  9
#define REGISTER_FIELDS      (REGISTER_CASE_FIELDS + REGISTER_ROW_FIELDS)
#define REGISTER_BSN_FIELDS  3

#define REGISTER_DOSSIER_CHARS 40

struct register_bsn_row {
    const char *dossier;
    char bsn[CSV_BSN_BYTES];
    char partner_bsn[CSV_BSN_BYTES];
};

extern const struct csv_field register_case_fields[REGISTER_CASE_FIELDS]; /* struct register_case */
extern const struct csv_field register_row_fields[REGISTER_ROW_FIELDS];   /* struct register_row */
extern const struct csv_field register_bsn_fields[REGISTER_BSN_FIELDS];

#define DOSSIER_KEY_BYTES 64

/* The dossier as a key of a map: DOSSIER_KEY_BYTES bytes, padded with zeros. False: too long in bytes. */
bool register_dossier_key(const char *dossier, char *ret_key);

/* All columns of aanmelding.csv, the case's first. */
void register_columns(struct csv_column *ret_columns);

#endif
