/* skp counsellor report: numbers per municipality and quarter, or one line per case. */
#include "commands.h"

#include "report.h"

#include <stdio.h>
#include <stdlib.h>

/* One municipality in one quarter. */
struct cell {
    struct skp_oin responsible;
    int year, quarter;
    struct report report;
};

struct reporting {
    struct cli *cli;
    bool cases; /* --cases */
    json_t *list;
    struct report total;
    struct cell *cells;
    size_t cell_count;
    /* the case whose requests are being read */
    struct skp_id case_id;
    char dossier[256];
    struct case_tally tally;
    struct cell *cell;
    bool any;
};

static struct cell *cell_of(struct reporting *reporting, const struct request_view *view)
{
    plain_date date = calendar_date_of_ms(view->case_created_at_ms);
    int year = date / 10000, quarter = (date / 100 % 100 - 1) / 3 + 1;
    for (size_t i = 0; i < reporting->cell_count; i++) {
        struct cell *cell = &reporting->cells[i];
        if (cell->year == year && cell->quarter == quarter &&
            oin_equal(&cell->responsible, &view->responsible))
            return cell;
    }
    struct cell *cells = reallocarray(reporting->cells, reporting->cell_count + 1, sizeof *cells);
    if (!cells)
        return NULL;
    reporting->cells = cells;
    cells[reporting->cell_count] =
        (struct cell){.responsible = view->responsible, .year = year, .quarter = quarter};
    return &cells[reporting->cell_count++];
}

static const char *state_word(const struct cli *cli, Skp__V1__CaseState state)
{
    if (state == SKP__V1__CASE_STATE__CASE_STATE_INCOMPLETE)
        return cli->english ? "incomplete" : "niet volledig aangemeld";
    if (state == SKP__V1__CASE_STATE__CASE_STATE_COMPLETE)
        return cli->english ? "complete" : "compleet";
    return cli->english ? "waiting for answers" : "wacht op antwoorden";
}

static void finish_case(struct reporting *reporting)
{
    if (!reporting->any)
        return;
    Skp__V1__CaseState state = views_case_state(&reporting->tally);
    report_count_case(&reporting->total, state);
    if (reporting->cell)
        report_count_case(&reporting->cell->report, state);
    if (!reporting->cases)
        return;
    const struct case_tally *tally = &reporting->tally;
    cli_say(reporting->cli, "%s: %s, %zu van %zu beantwoord", "%s: %s, %zu of %zu answered",
            reporting->dossier, state_word(reporting->cli, state), tally->answered,
            tally->requests);
    json_t *item = json_pack("{s:s, s:i, s:I, s:I, s:I}", "dossier", reporting->dossier, "state",
                             (int)state, "requests", (json_int_t)tally->requests, "answered",
                             (json_int_t)tally->answered, "missing", (json_int_t)tally->missing);
    (void)json_array_append_new(reporting->list, item);
}

static void take(struct reporting *reporting, const struct request_view *view)
{
    if (!reporting->any || !id_equal(&reporting->case_id, &view->case_id)) {
        finish_case(reporting);
        reporting->any = true;
        reporting->case_id = view->case_id;
        (void)snprintf(reporting->dossier, sizeof reporting->dossier, "%s", view->dossier);
        reporting->tally = (struct case_tally){0};
    }
    reporting->cell = cell_of(reporting, view);
    views_tally(&reporting->tally, view);
    report_count_request(&reporting->total, view);
    if (reporting->cell)
        report_count_request(&reporting->cell->report, view);
}

/* ---------------------------------------------------------------- saying it */

static const char *cell_number(size_t number, char *text, size_t text_bytes)
{
    if (number > 0 && number < REPORT_SUPPRESS_BELOW)
        (void)snprintf(text, text_bytes, "<%d", REPORT_SUPPRESS_BELOW);
    else
        (void)snprintf(text, text_bytes, "%zu", number);
    return text;
}

static void say_cell(const struct reporting *reporting, const struct cell *cell)
{
    char cases[16], requests[16], answered[16], agreed[16], letters[16];
    const struct report *report = &cell->report;
    cli_say(reporting->cli,
            "%s %d-K%d: %s dossiers, %s saldoverzoeken, %s beantwoord, %s vooraf akkoord, "
            "%s brieven vervangen",
            "%s %d-Q%d: %s cases, %s requests, %s answered, %s pre-agreed, %s letters replaced",
            cell->responsible.text, cell->year, cell->quarter,
            cell_number(report->cases, cases, sizeof cases),
            cell_number(report->requests, requests, sizeof requests),
            cell_number(report->answered, answered, sizeof answered),
            cell_number(report->pre_agreed, agreed, sizeof agreed),
            cell_number(report_letters_replaced(report), letters, sizeof letters));
}

struct figure {
    const char *name, *dutch, *english;
    size_t number;
};

static void say_totals(struct reporting *reporting)
{
    struct cli *cli = reporting->cli;
    const struct report *r = &reporting->total;
    size_t replaced = report_letters_replaced(r);
    const char *cases = cli_noun(cli, r->cases, NOUN_CASE);
    const char *requests = cli_noun(cli, r->requests, NOUN_REQUEST);
    const char *letters = cli_noun(cli, replaced, NOUN_REPLACED_LETTER);
    const struct figure figures[] = {
        {"cases", cases, cases, r->cases},
        {"cases_incomplete", "waarvan niet volledig aangemeld", "of them incomplete",
         r->incomplete},
        {"cases_inventory", "waarvan wachtend op antwoorden", "of them waiting for answers",
         r->inventory},
        {"cases_complete", "waarvan compleet", "of them complete", r->complete},
        {"requests", requests, requests, r->requests},
        {"collected", "opgehaald door de schuldeiser", "collected by the creditor", r->collected},
        {"answered", "digitaal beantwoord", "answered digitally", r->answered},
        {"pre_agreed", "vooraf akkoord", "pre-agreed", r->pre_agreed},
        {"overdue", "te laat", "overdue", r->overdue},
        {"off_network", "per brief", "by letter", r->off_network},
        {"recorded", "waarvan antwoord vastgelegd", "of them with a recorded answer", r->recorded},
        {"ambiguous", "schuldeiser niet eenduidig", "creditor ambiguous", r->ambiguous},
        {"refused", "geweigerd", "refused", r->refused},
        {"letters_replaced", letters, letters, replaced},
    };
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        cli_put(cli, figures[i].name, (int64_t)figures[i].number);
        cli_say(cli, "%8zu %s", "%8zu %s", figures[i].number,
                cli->english ? figures[i].english : figures[i].dutch);
    }
    const char *definition = cli->english ? REPORT_DEFINITION_ENGLISH : REPORT_DEFINITION_DUTCH;
    cli_put_text(cli, "letters_replaced_definition", definition);
    cli_say(cli, "         (%s)", "         (%s)", definition);
}

static int run_report(struct reporting *reporting)
{
    struct cli *cli = reporting->cli;
    struct views views;
    struct request_view view;
    int code = cli_open_state(cli);
    if (code != 0)
        return code;
    views_open(&views, &cli->state, NULL);
    while (views_next(&views, &view))
        take(reporting, &view);
    views_close(&views);
    finish_case(reporting);
    enum skp_err err = state_error(&cli->state);
    if (err)
        return cli_state_failed(cli, err);
    for (size_t i = 0; i < reporting->cell_count; i++)
        say_cell(reporting, &reporting->cells[i]);
    say_totals(reporting);
    if (reporting->cases)
        (void)json_object_set(cli->result, "list", reporting->list);
    return EXIT_ALL_OK;
}

static int run(struct cli *cli, char **args)
{
    struct reporting reporting = {.cli = cli};
    struct cli_option options[] = {{"--cases", NULL, &reporting.cases}, {NULL, NULL, NULL}};
    if (!cli_parse(cli, args, options, NULL, 0))
        return EXIT_USAGE;
    reporting.list = json_array();
    int code = reporting.list ? run_report(&reporting) : EXIT_IO;
    json_decref(reporting.list);
    free(reporting.cells);
    return code;
}

const struct command command_report = {
    .words = "counsellor report",
    .usage = "[--cases]",
    .dutch = "Telt dossiers, saldoverzoeken en antwoorden, per gemeente en kwartaal; --cases per "
             "dossier.",
    .english =
        "Counts cases, requests and answers, per municipality and quarter; --cases per case.",
    .needs_settings = true,
    .role = SKP__V1__ROLE__ROLE_COUNSELLOR,
    .run = run,
};
