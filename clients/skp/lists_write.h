/* Saldolijsten from the state database: one CSV per round, and one per counsellor for what came without. */
#ifndef SKP_LISTS_WRITE_H
#define SKP_LISTS_WRITE_H

#include "book.h"
#include "csv.h"
#include "questions.h"

#define LISTS_NAME_BYTES 96

/* The file name of a list, without a folder and without a name of anybody; names sort by date, and `number` makes them
 * unique. */
void lists_name(const struct question_list *list, int number, char ret_name[LISTS_NAME_BYTES]);

/* Writes what of the list is not answered yet, and marks it as listed after the file is in its place: in one transaction,
 * so that what another run collects meanwhile comes in this list or a next one. No file when *ret_rows, claims, is 0. An error is of
 * the file (os_error EEXIST: another one took the name), or of the database when ret_problem says no more than its code. */
enum skp_err lists_write(struct state_db *db, const struct book *book,
                         const struct question_list *list, const char *path, size_t *ret_rows,
                         struct csv_problem *ret_problem) SKP_MUST_CHECK;

/* The due date of what left without a round: the agreement's term, else the usual one. */
plain_date lists_due_date(const Skp__V1__AgreementSummary *agreement, bool urgent,
                          int64_t stored_at_ms);

/* The agreement the counsellor's request fell under on the day it was stored; NULL: none. */
const Skp__V1__AgreementSummary *lists_agreement(const struct book *book,
                                                 const struct skp_oin *counsellor,
                                                 const Skp__V1__RequestFact *fact,
                                                 int64_t stored_at_ms);

/* lists_due_date() under that agreement. */
plain_date lists_request_due_date(const struct book *book, const struct skp_oin *counsellor,
                                  const Skp__V1__RequestFact *fact, int64_t stored_at_ms);

#endif
