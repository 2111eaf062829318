/* Reports as files: the columns of clients/CSV.md. The last column of each is never empty. */
#include "report_groups.h"

#include <stdio.h>

static void put_public(struct csv_writer *writer, size_t number)
{
    char text[8];
    (void)snprintf(text, sizeof text, "<%d", REPORT_SUPPRESS_BELOW);
    if (report_is_suppressed(number))
        csv_writer_plain(writer, text);
    else
        csv_writer_number(writer, number);
}

/* ---------------------------------------------------------------- columns and rows */

static const struct csv_column case_columns[] = {
    {"Dossier", true},          {"Saldoverzoeken", true},
    {"Opgehaald", true},        {"Beantwoord", true},
    {"TeLaatBeantwoord", true}, {"VoorafAkkoord", true},
    {"TeLaat", true},           {"Open", true},
    {"PerBrief", true},         {"BriefBeantwoord", true},
    {"Geweigerd", true},        {"Stand", true},
};

static const struct csv_column creditor_columns[] = {
    {"Schuldeiser", true},      {"SchuldeiserOIN", true},
    {"Dossiers", true},         {"Saldoverzoeken", true},
    {"Opgehaald", true},        {"Beantwoord", true},
    {"TeLaatBeantwoord", true}, {"VoorafAkkoord", true},
    {"TeLaat", true},           {"Open", true},
    {"PerBrief", true},         {"BriefBeantwoord", true},
    {"Geweigerd", true},
};

static const struct csv_column municipality_columns[] = {
    {"GemeenteOIN", true},    {"Jaar", true},
    {"Kwartaal", true},       {"Dossiers", true},
    {"Saldoverzoeken", true}, {"Beantwoord", true},
    {"VoorafAkkoord", true},  {"BrievenVervangen", true},
};

static const char *state_word(Skp__V1__CaseState state)
{
    if (state == SKP__V1__CASE_STATE__CASE_STATE_INCOMPLETE)
        return "niet volledig aangemeld";
    return state == SKP__V1__CASE_STATE__CASE_STATE_COMPLETE ? "compleet" : "wacht op antwoorden";
}

static void put_counts(struct csv_writer *writer, const struct report *report)
{
    csv_writer_number(writer, report->requests);
    csv_writer_number(writer, report->collected);
    csv_writer_number(writer, report->answered);
    csv_writer_number(writer, report->late);
    csv_writer_number(writer, report->pre_agreed);
    csv_writer_number(writer, report->overdue);
    csv_writer_number(writer, report->open);
    csv_writer_number(writer, report->off_network);
    csv_writer_number(writer, report->recorded);
    csv_writer_number(writer, report->refused + report->ambiguous);
}

static void put_case(struct csv_writer *writer, const struct report_group *group)
{
    csv_writer_text(writer, group->name);
    put_counts(writer, &group->report);
    csv_writer_plain(writer, state_word(group->state));
}

static void put_creditor(struct csv_writer *writer, const struct report_group *group)
{
    csv_writer_text(writer, group->name);
    csv_writer_text(writer, group->oin.text);
    csv_writer_number(writer, group->report.cases);
    put_counts(writer, &group->report);
}

static void put_municipality(struct csv_writer *writer, const struct report_group *group)
{
    csv_writer_text(writer, group->oin.text);
    csv_writer_number(writer, (size_t)group->year);
    csv_writer_number(writer, (size_t)group->quarter);
    put_public(writer, group->report.cases);
    put_public(writer, group->report.requests);
    put_public(writer, group->report.answered);
    put_public(writer, group->report.pre_agreed);
    put_public(writer, report_letters_replaced(&group->report));
}

static const struct {
    const struct csv_column *columns;
    size_t count;
    void (*put)(struct csv_writer *writer, const struct report_group *group);
} files[] = {
    [REPORT_BY_CASE] = {case_columns, sizeof case_columns / sizeof case_columns[0], put_case},
    [REPORT_BY_CREDITOR] = {creditor_columns, sizeof creditor_columns / sizeof creditor_columns[0],
                            put_creditor},
    [REPORT_BY_MUNICIPALITY] = {municipality_columns,
                                sizeof municipality_columns / sizeof municipality_columns[0],
                                put_municipality},
};

enum skp_err report_groups_write(const struct report_groups *groups, const struct state_db *db,
                                 const char *path, struct csv_problem *ret_problem)
{
    struct csv_writer *writer = NULL;
    enum skp_err err = csv_writer_open(path, files[groups->by].columns, files[groups->by].count,
                                       &writer, ret_problem);
    if (err)
        return err;
    state_mark_file(db, writer);
    for (size_t i = 0; i < groups->count; i++) {
        files[groups->by].put(writer, groups->list[i]);
        csv_writer_end_row(writer);
    }
    return csv_writer_close(writer, ret_problem);
}
