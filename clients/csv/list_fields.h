/* The columns of saldolijst.csv in their order, in the runs that readers pick from. */
#ifndef SKP_LIST_FIELDS_H
#define SKP_LIST_FIELDS_H

#include "list_csv.h"

#define LIST_ID_FIELDS       1  /* A */
#define LIST_QUESTION_FIELDS 29 /* B to K */
#define LIST_ANSWER_FIELDS   23 /* L to W, and the rest of the answer */
#define LIST_CONTEXT_FIELDS  11
#define LIST_KEY_FIELDS      6
#define LIST_FIELDS                                                                                \
    (LIST_ID_FIELDS + LIST_QUESTION_FIELDS + LIST_ANSWER_FIELDS + LIST_CONTEXT_FIELDS +            \
     LIST_KEY_FIELDS)

/* Reading answers binds these only, so that a spreadsheet may do what it likes to the others. */
#define LIST_ANSWER_ROW_FIELDS (LIST_ID_FIELDS + LIST_ANSWER_FIELDS + LIST_KEY_FIELDS)

/* Members of struct list_row. */
extern const struct csv_field list_fields[LIST_FIELDS];

/* The fields of an answered row into ret_fields[LIST_ANSWER_ROW_FIELDS]. */
void list_answer_row_fields(struct csv_field *ret_fields);

#endif
