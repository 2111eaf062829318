/* Reports of an office: its requests counted together, per case, per creditor, or per municipality and quarter.
 *
 * Only the last kind is meant for others: there, counts from 1 to REPORT_SUPPRESS_BELOW - 1 are not told. A creditor
 * without an OIN may be a private person: its name is in the file that was asked for and never on a screen. */
#ifndef SKP_REPORT_GROUPS_H
#define SKP_REPORT_GROUPS_H

#include "arena.h"
#include "csv.h"
#include "map.h"
#include "report.h"

enum report_by { REPORT_WHOLE, REPORT_BY_CASE, REPORT_BY_CREDITOR, REPORT_BY_MUNICIPALITY };

struct report_group {
    const char *name;         /* of the case or creditor; "" of a municipality */
    struct skp_oin oin;       /* of the creditor or municipality; "" = none */
    int year, quarter;        /* of a municipality's cases: when they were registered */
    Skp__V1__CaseState state; /* of a case */
    struct skp_id last_case;  /* requests of a case stand together */
    struct report report;
};

struct report_groups {
    enum report_by by;
    struct report total;
    struct report_group **list; /* in the order of the first request of each */
    size_t count, room;
    struct map found;
    struct arena arena;
    /* the case whose requests are being counted */
    struct skp_id case_id;
    struct case_tally tally;
    struct report_group *group;
};

/* NO_MEMORY; report_groups_fini() in any case. */
enum skp_err report_groups_init(struct report_groups *groups, enum report_by by) SKP_MUST_CHECK;
void report_groups_fini(struct report_groups *groups);

/* Counts the requests in the order of views.h; finish after the last. NO_MEMORY. */
enum skp_err report_groups_add(struct report_groups *groups,
                               const struct request_view *view) SKP_MUST_CHECK;
void report_groups_finish(struct report_groups *groups);

/* A count of a public report: not told. */
bool report_is_suppressed(size_t count);

/* Writes the groups as a file of clients/CSV.md, marked when `db` is of a play. Not for REPORT_WHOLE. IO, NO_MEMORY. */
enum skp_err report_groups_write(const struct report_groups *groups, const struct state_db *db,
                                 const char *path, struct csv_problem *ret_problem) SKP_MUST_CHECK;

#endif
