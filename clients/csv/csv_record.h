/* A row of a documented file as a plain struct, by a table that names its columns.
 *
 * One table per file drives reading, checking, writing and the header; clients/CSV.md describes the
 * same columns for people. The member that a field's offset points at has the type its kind says:
 *
 *   CSV_TEXT      const char *, never NULL     CSV_NUMBER    uint32_t (empty: 0)
 *   CSV_DATE      plain_date (empty: 0)        CSV_OIN       struct skp_oin (empty: "")
 *   CSV_AMOUNT    int64_t cents, not negative  CSV_ID        struct skp_id (empty: nil)
 *                 (empty: CSV_NO_AMOUNT)       CSV_POSTCODE  char[CSV_POSTCODE_BYTES]
 *   CSV_FLAG      bool                         CSV_BSN       char[CSV_BSN_BYTES]
 *   CSV_WORD      int (empty: 0)
 *
 * Pure, but for the arena. */
#ifndef SKP_CSV_RECORD_H
#define SKP_CSV_RECORD_H

#include "arena.h"
#include "bytes.h"
#include "csv.h"
#include "csv_value.h"
#include "csv_words.h"

enum csv_kind {
    CSV_TEXT,
    CSV_DATE,
    CSV_AMOUNT,
    CSV_FLAG,
    CSV_WORD,
    CSV_NUMBER,
    CSV_OIN,
    CSV_ID,
    CSV_POSTCODE,
    CSV_BSN,
};

enum csv_need {
    CSV_OPTIONAL, /* the file may lack the column */
    CSV_COLUMN,   /* the column must be there, the cell may be empty */
    CSV_FILLED,   /* so must the cell */
};

#define CSV_TEXT_CHARS 200

struct csv_field {
    const char *name;
    enum csv_kind kind;
    enum csv_need need;
    size_t offset;
    const struct csv_word *words; /* of CSV_WORD */
    size_t max_chars;             /* of CSV_TEXT; 0: CSV_TEXT_CHARS */
};

/* What is wrong with a file, in the order found; lives in the arena. */
struct csv_problems {
    struct arena *arena;
    struct csv_problem_node {
        struct csv_problem problem;
        struct csv_problem_node *next;
    } * first, *last;
    size_t count;
};

/* NO_MEMORY. */
enum skp_err csv_problems_add(struct csv_problems *problems,
                              struct csv_problem problem) SKP_MUST_CHECK;

/* The header of these fields into ret_columns[count]. */
void csv_record_columns(const struct csv_field *fields, size_t count,
                        struct csv_column *ret_columns);

/* Reads cells[count], reports every wrong field and leaves that one empty. Texts point into the
 * cells: keep what outlives the row. *ret_good: no problem. NO_MEMORY (only). */
enum skp_err csv_record_read(const struct csv_field *fields, size_t count, char **cells,
                             unsigned long line, struct csv_problems *problems, void *ret_record,
                             bool *ret_good) SKP_MUST_CHECK;

/* Copies the texts of `record` into the arena. NO_MEMORY. */
enum skp_err csv_record_keep(const struct csv_field *fields, size_t count, struct arena *arena,
                             void *record) SKP_MUST_CHECK;

/* The first field that `record` fills with something else than `before` has; NULL: none. */
const struct csv_field *csv_record_differs(const struct csv_field *fields, size_t count,
                                           const void *before, const void *record);

/* Writes the cells, without ending the row. A text may be NULL here: an empty cell. */
void csv_record_write(const struct csv_field *fields, size_t count, struct csv_writer *writer,
                      const void *record);

#endif
