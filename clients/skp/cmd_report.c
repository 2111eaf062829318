/* skp counsellor report: what became of the requests, in numbers. */
#include "commands.h"

#include "report_groups.h"

#include <stdio.h>

struct reporting {
    struct cli *cli;
    struct report_groups groups;
    const char *out; /* --out */
};

static const char *state_word(const struct cli *cli, Skp__V1__CaseState state)
{
    if (state == SKP__V1__CASE_STATE__CASE_STATE_INCOMPLETE)
        return cli->english ? "incomplete" : "niet volledig aangemeld";
    if (state == SKP__V1__CASE_STATE__CASE_STATE_COMPLETE)
        return cli->english ? "complete" : "compleet";
    return cli->english ? "waiting for answers" : "wacht op antwoorden";
}

static json_t *counts(const struct report *report)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "requests",
                     (json_int_t)report->requests, "collected", (json_int_t)report->collected,
                     "answered", (json_int_t)report->answered, "answered_late",
                     (json_int_t)report->late, "pre_agreed", (json_int_t)report->pre_agreed,
                     "overdue", (json_int_t)report->overdue, "open", (json_int_t)report->open,
                     "off_network", (json_int_t)report->off_network, "recorded",
                     (json_int_t)report->recorded, "refused",
                     (json_int_t)report->refused + (json_int_t)report->ambiguous);
}

/* ---------------------------------------------------------------- per case */

static json_t *say_case(const struct reporting *reporting, const struct report_group *group)
{
    const struct cli *cli = reporting->cli;
    const struct report *r = &group->report;
    cli_say(cli, "%s: %s, %zu van %zu beantwoord, %zu te laat, %zu per brief open",
            "%s: %s, %zu of %zu answered, %zu overdue, %zu letters open", group->name,
            state_word(cli, group->state), r->answered + r->recorded, r->requests, r->overdue,
            r->off_network - r->recorded);
    json_t *item = counts(r);
    (void)json_object_set_new(item, "dossier", json_string(group->name));
    (void)json_object_set_new(item, "state", json_integer(group->state));
    return item;
}

/* ---------------------------------------------------------------- per creditor */

static json_t *say_creditor(const struct reporting *reporting, const struct report_group *group)
{
    const struct report *r = &group->report;
    if (group->oin.text[0] == '\0')
        return NULL;
    cli_say(reporting->cli,
            "%s (%s): %zu gevraagd, %zu opgehaald, %zu beantwoord (%zu te laat), %zu te laat, "
            "%zu open, %zu per brief",
            "%s (%s): %zu asked, %zu collected, %zu answered (%zu late), %zu overdue, %zu open, "
            "%zu by letter",
            group->name, group->oin.text, r->requests, r->collected, r->answered, r->late,
            r->overdue, r->open, r->off_network);
    json_t *item = counts(r);
    (void)json_object_set_new(item, "creditor", json_string(group->oin.text));
    (void)json_object_set_new(item, "name", json_string(group->name));
    (void)json_object_set_new(item, "cases", json_integer((json_int_t)r->cases));
    return item;
}

/* Private persons and small firms: only together. */
static void say_without_oin(const struct reporting *reporting)
{
    const struct report_groups *groups = &reporting->groups;
    struct report rest = {0};
    size_t creditors = 0;
    for (size_t i = 0; i < groups->count; i++) {
        const struct report_group *group = groups->list[i];
        if (group->oin.text[0] != '\0')
            continue;
        creditors++;
        rest.requests += group->report.requests;
        rest.recorded += group->report.recorded;
    }
    cli_put(reporting->cli, "creditors_without_oin", (int64_t)creditors);
    cli_put(reporting->cli, "requests_without_oin", (int64_t)rest.requests);
    cli_say(reporting->cli, "%zu schuldeisers zonder OIN: %zu gevraagd, %zu per brief beantwoord",
            "%zu creditors without an OIN: %zu asked, %zu answered by letter", creditors,
            rest.requests, rest.recorded);
}

/* ---------------------------------------------------------------- per municipality, for others */

static const char *public_number(size_t number, char *text, size_t text_bytes)
{
    if (report_is_suppressed(number))
        (void)snprintf(text, text_bytes, "<%d", REPORT_SUPPRESS_BELOW);
    else
        (void)snprintf(text, text_bytes, "%zu", number);
    return text;
}

static json_t *public_json(size_t number)
{
    return report_is_suppressed(number) ? json_null() : json_integer((json_int_t)number);
}

static json_t *say_municipality(const struct reporting *reporting, const struct report_group *group)
{
    char cases[16], requests[16], answered[16], agreed[16], letters[16];
    const struct report *r = &group->report;
    size_t replaced = report_letters_replaced(r);
    cli_say(reporting->cli,
            "%s %d-K%d: %s dossiers, %s saldoverzoeken, %s beantwoord, %s vooraf akkoord, "
            "%s brieven vervangen",
            "%s %d-Q%d: %s cases, %s requests, %s answered, %s pre-agreed, %s letters replaced",
            group->oin.text, group->year, group->quarter,
            public_number(r->cases, cases, sizeof cases),
            public_number(r->requests, requests, sizeof requests),
            public_number(r->answered, answered, sizeof answered),
            public_number(r->pre_agreed, agreed, sizeof agreed),
            public_number(replaced, letters, sizeof letters));
    return json_pack("{s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "municipality", group->oin.text,
                     "year", group->year, "quarter", group->quarter, "cases", public_json(r->cases),
                     "requests", public_json(r->requests), "answered", public_json(r->answered),
                     "pre_agreed", public_json(r->pre_agreed), "letters_replaced",
                     public_json(replaced));
}

/* ---------------------------------------------------------------- the whole */

struct figure {
    const char *name, *dutch, *english;
    size_t number;
};

static void say_totals(const struct reporting *reporting)
{
    struct cli *cli = reporting->cli;
    const struct report *r = &reporting->groups.total;
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
        {"answered_late", "waarvan te laat", "of them late", r->late},
        {"pre_agreed", "vooraf akkoord", "pre-agreed", r->pre_agreed},
        {"overdue", "te laat", "overdue", r->overdue},
        {"open", "digitaal, nog open", "digital, still open", r->open},
        {"off_network", "per brief", "by letter", r->off_network},
        {"recorded", "waarvan antwoord vastgelegd", "of them with a recorded answer", r->recorded},
        {"unreadable", "waarvan onleesbaar voor de schuldeiser, nu per brief",
         "of them unreadable for the creditor, now by letter", r->unreadable},
        {"ambiguous", "schuldeiser niet eenduidig", "creditor ambiguous", r->ambiguous},
        {"refused", "geweigerd", "refused", r->refused},
        {"letters_replaced", letters, letters, replaced},
    };
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        cli_put(cli, figures[i].name, (int64_t)figures[i].number);
        cli_say(cli, "%8zu %s", "%8zu %s", figures[i].number,
                cli->english ? figures[i].english : figures[i].dutch);
    }
}

static void say_definition(struct cli *cli)
{
    const char *definition = cli->english ? REPORT_DEFINITION_ENGLISH : REPORT_DEFINITION_DUTCH;
    cli_put_text(cli, "letters_replaced_definition", definition);
    cli_say(cli, "         (%s)", "         (%s)", definition);
}

static void say_list(const struct reporting *reporting)
{
    static json_t *(*const say[])(const struct reporting *, const struct report_group *) = {
        [REPORT_BY_CASE] = say_case,
        [REPORT_BY_CREDITOR] = say_creditor,
        [REPORT_BY_MUNICIPALITY] = say_municipality,
    };
    const struct report_groups *groups = &reporting->groups;
    json_t *list = json_array();
    for (size_t i = 0; i < groups->count; i++) {
        json_t *item = say[groups->by](reporting, groups->list[i]);
        if (item)
            (void)json_array_append_new(list, item);
    }
    (void)json_object_set_new(reporting->cli->result, "list", list);
}

/* ---------------------------------------------------------------- the command */

static enum skp_err count_all(struct reporting *reporting)
{
    struct views views;
    struct request_view view;
    enum skp_err err = SKP_OK;
    views_open(&views, &reporting->cli->state, NULL);
    while (!err && views_next(&views, &view))
        err = report_groups_add(&reporting->groups, &view);
    views_close(&views);
    report_groups_finish(&reporting->groups);
    enum skp_err read = state_error(&reporting->cli->state);
    return err ? err : read;
}

static int run_report(struct reporting *reporting)
{
    struct cli *cli = reporting->cli;
    enum report_by by = reporting->groups.by;
    struct csv_problem problem = {0};
    int code = cli_open_state(cli);
    if (code != 0)
        return code;
    enum skp_err err = count_all(reporting);
    if (err)
        return cli_state_failed(cli, err);
    if (reporting->out &&
        report_groups_write(&reporting->groups, &cli->state, reporting->out, &problem))
        return cli_fail_file(cli, reporting->out, &problem);
    cli_say_play(cli);
    if (by != REPORT_WHOLE)
        say_list(reporting);
    if (by == REPORT_BY_CREDITOR)
        say_without_oin(reporting);
    if (by != REPORT_BY_MUNICIPALITY) /* beside it, the numbers would tell what it suppresses */
        say_totals(reporting);
    say_definition(cli);
    return EXIT_ALL_OK;
}

static int run(struct cli *cli, char **args)
{
    struct reporting reporting = {.cli = cli};
    bool by[REPORT_BY_MUNICIPALITY + 1] = {false};
    struct cli_option options[] = {{"--cases", NULL, &by[REPORT_BY_CASE]},
                                   {"--creditors", NULL, &by[REPORT_BY_CREDITOR]},
                                   {"--municipalities", NULL, &by[REPORT_BY_MUNICIPALITY]},
                                   {"--out", &reporting.out, NULL},
                                   {NULL, NULL, NULL}};
    enum report_by chosen = REPORT_WHOLE;
    int code = cli_parse(cli, args, options, NULL, 0);
    if (code != EXIT_ALL_OK)
        return code;
    for (enum report_by i = REPORT_BY_CASE; i <= REPORT_BY_MUNICIPALITY; i++) {
        if (by[i] && chosen != REPORT_WHOLE)
            return cli_usage(cli, "kies één lijst", "choose one list", "");
        chosen = by[i] ? i : chosen;
    }
    if (reporting.out && chosen == REPORT_WHOLE)
        return cli_missing(cli, "--cases, --creditors, --municipalities");
    code = report_groups_init(&reporting.groups, chosen) ? cli_fail(cli, SKP_E_NO_MEMORY, "")
                                                         : run_report(&reporting);
    report_groups_fini(&reporting.groups);
    return code;
}

const struct command command_report = {
    .words = "counsellor report",
    .usage = "[--cases | --creditors | --municipalities] [--out FILE.csv]",
    .dutch = "Telt dossiers, saldoverzoeken en antwoorden; per dossier, per schuldeiser, of per "
             "gemeente en kwartaal om te delen (aantallen onder 10 weggelaten); --out schrijft de "
             "lijst.",
    .english = "Counts cases, requests and answers; per case, per creditor, or per municipality "
               "and quarter to be shared (counts under 10 left out); --out writes the list.",
    .needs_settings = true,
    .role = SKP__V1__ROLE__ROLE_COUNSELLOR,
    .run = run,
};
