/* skp agreement: drafting, signing and showing the files that creditor and counsellors both sign. */
#include "commands.h"

#include "agreements.h"
#include "calendar.h"
#include "clock.h"
#include "csv_words.h"
#include "wire.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)64 << 20)

/* ---------------------------------------------------------------- draft */

static int draft(struct cli *cli, const char *from, const char *out, struct arena *arena)
{
    char why[CONFIG_WHY_BYTES], id_text[ID_TEXT_BYTES] = "";
    Skp__V1__Agreement *agreement = NULL;
    Skp__V1__SignedAgreement file;
    skp__v1__signed_agreement__init(&file);
    struct skp_id id;
    struct csv_problem problem = {.why = agreements_check_draft(out, arena)};
    problem.err = problem.why == CSV_WHY_UNREADABLE ? SKP_E_IO : SKP_E_USAGE;
    if (problem.why != CSV_WHY_NONE)
        return cli_fail_file(cli, out, &problem);
    enum skp_err err = agreements_describe(from, arena, &agreement, why);
    if (err)
        return cli_fail(cli, err, why);
    struct span packed = wire_pack(&agreement->base, arena);
    if (!packed.data)
        return cli_fail(cli, SKP_E_NO_MEMORY, "");
    file.agreement = wire_bytes(packed);
    err = agreements_save(out, &file, arena, why);
    if (err)
        return cli_fail(cli, err, why);
    if (id_take(wire_span(agreement->agreement_id), &id))
        id_print(&id, id_text);
    cli_put_text(cli, "agreement_id", id_text);
    cli_say(cli, "Overeenkomst %s, versie %u, nog zonder handtekeningen",
            "Agreement %s, version %u, without signatures yet", id_text, agreement->version);
    return EXIT_ALL_OK;
}

static int run_draft(struct cli *cli, char **args)
{
    const char *from = NULL, *out = NULL;
    struct cli_option options[] = {
        {"--from", &from, NULL}, {"--out", &out, NULL}, {NULL, NULL, NULL}};
    int code = cli_parse(cli, args, options, NULL, 0);
    if (code != EXIT_ALL_OK)
        return code;
    if (!from || !out)
        return cli_missing(cli, from ? "--out FILE" : "--from FILE.conf");
    code = cli_check_output(cli, out, &from, 1);
    if (code != EXIT_ALL_OK)
        return code;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    code = draft(cli, from, out, &arena);
    arena_fini(&arena);
    return code;
}

/* ---------------------------------------------------------------- sign */

static int sign(struct cli *cli, const char *path, struct arena *arena)
{
    char why[CONFIG_WHY_BYTES] = "";
    const char *reason = "";
    struct keypair *signer = NULL;
    Skp__V1__SignedAgreement *file = NULL;
    Skp__V1__Agreement *agreement = NULL;
    enum skp_err err = agreements_load(path, arena, &file, &agreement, why);
    if (err)
        return cli_fail(cli, err, why);
    err = keypair_load(cli->settings.sign_cert, cli->settings.sign_key, &signer, &reason);
    if (err)
        return cli_fail(cli, err, reason);
    err = agreements_sign(file, agreement, signer, clock_real_ms(clock_system()), arena);
    keypair_unref(signer);
    if (err) {
        (void)cli_fail(cli, err, path);
        return EXIT_DATA;
    }
    err = agreements_save(path, file, arena, why);
    if (err)
        return cli_fail(cli, err, why);
    cli_put(cli, "signatures", (int64_t)file->n_signatures);
    size_t needed = agreement->n_counsellors + 1;
    cli_say(cli, "Getekend: %zu van %zu %s", "Signed: %zu of %zu %s", file->n_signatures, needed,
            cli_noun(cli, needed, NOUN_SIGNATURE));
    return EXIT_ALL_OK;
}

/* ---------------------------------------------------------------- show */

/* One line, and one member of the JSON result: a text, or with `many` a list that it is added to. */
static void show_text(struct cli *cli, const char *name, const char *text, bool many)
{
    cli_say(cli, "%s = %s", "%s = %s", name, text);
    if (!many) {
        cli_put_text(cli, name, text);
        return;
    }
    if (!json_object_get(cli->result, name))
        (void)json_object_set_new(cli->result, name, json_array());
    (void)json_array_append_new(json_object_get(cli->result, name), json_string(text));
}

static void show_codes(struct cli *cli, const char *name, const int *codes, size_t count,
                       const struct csv_word *words)
{
    for (size_t i = 0; i < count; i++)
        show_text(cli, name, csv_word_print(words, codes[i]), true);
}

/* As the description writes it: "di,do 07:00", or "hand". */
static void show_schedule(struct cli *cli, const Skp__V1__RoundSchedule *schedule)
{
    static const char *const days[] = {"ma", "di", "wo", "do", "vr", "za", "zo"};
    char text[64] = "hand";
    size_t len = 0;
    for (unsigned day = 0; schedule && day < 7; day++)
        if ((schedule->weekdays >> day & 1U) != 0)
            len +=
                (size_t)snprintf(text + len, sizeof text - len, "%s%s", len ? "," : "", days[day]);
    if (len > 0)
        (void)snprintf(text + len, sizeof text - len, " %02u:%02u", schedule->minute_of_day / 60,
                       schedule->minute_of_day % 60);
    show_text(cli, "schedule", text, false);
}

static void show_date(struct cli *cli, const char *name, plain_date date)
{
    char text[CALENDAR_TEXT_BYTES] = "?";
    if (calendar_date_valid(date))
        calendar_print_dutch(date, text);
    show_text(cli, name, text, false);
}

static void show_agreement(struct cli *cli, const Skp__V1__Agreement *agreement)
{
    char id_text[ID_TEXT_BYTES] = "", number[24];
    struct skp_id id;
    if (id_take(wire_span(agreement->agreement_id), &id))
        id_print(&id, id_text);
    show_text(cli, "agreement_id", id_text, false);
    cli_say(cli, "version = %u", "version = %u", agreement->version);
    show_text(cli, "creditor", agreement->creditor, false);
    for (size_t i = 0; i < agreement->n_counsellors; i++)
        show_text(cli, "counsellor", agreement->counsellors[i], true);
    show_date(cli, "valid_from", agreement->valid_from_date);
    show_date(cli, "valid_until", agreement->valid_until_date);
    bool covenant =
        agreement->consent_form == SKP__V1__CONSENT_FORM__CONSENT_FORM_UNLESS_IMPEDIMENT;
    show_text(cli, "consent_form", covenant ? "tenzij belemmering" : "per saldoverzoek", false);
    (void)snprintf(number, sizeof number, "%u", agreement->term_working_days);
    show_text(cli, "term_working_days", number, false);
    if (agreement->brand[0] != '\0')
        show_text(cli, "brand", agreement->brand, false);
    show_schedule(cli, agreement->schedule);
    show_codes(cli, "product", (const int *)agreement->products, agreement->n_products,
               csv_words_product);
    show_codes(cli, "guidance", (const int *)agreement->guidances, agreement->n_guidances,
               csv_words_guidance);
    show_codes(cli, "kind", (const int *)agreement->claim_kinds, agreement->n_claim_kinds,
               csv_words_kind);
}

static int show(struct cli *cli, const char *path, struct arena *arena)
{
    char why[CONFIG_WHY_BYTES] = "";
    Skp__V1__SignedAgreement *file = NULL;
    Skp__V1__Agreement *agreement = NULL;
    enum skp_err err = agreements_load(path, arena, &file, &agreement, why);
    if (err)
        return cli_fail(cli, err, why);
    show_agreement(cli, agreement);
    (void)json_object_set_new(cli->result, "signers", json_array());
    for (size_t i = 0; i < file->n_signatures; i++) {
        struct skp_oin oin = {"?"};
        (void)agreements_signer(file->signatures[i], arena, &oin);
        (void)json_array_append_new(json_object_get(cli->result, "signers"), json_string(oin.text));
        cli_say(cli, "handtekening van %s (niet gecontroleerd)", "signature of %s (not verified)",
                oin.text);
    }
    cli_put(cli, "version", agreement->version);
    cli_put(cli, "signatures", (int64_t)file->n_signatures);
    return EXIT_ALL_OK;
}

static int with_file(struct cli *cli, char **args,
                     int (*body)(struct cli *cli, const char *path, struct arena *arena))
{
    const char *path = NULL;
    struct cli_option options[] = {{NULL, NULL, NULL}};
    struct arena arena;
    int code = cli_parse(cli, args, options, &path, 1);
    if (code != EXIT_ALL_OK)
        return code;
    arena_init(&arena, ARENA_BYTES);
    code = body(cli, path, &arena);
    arena_fini(&arena);
    return code;
}

static int run_sign(struct cli *cli, char **args)
{
    return with_file(cli, args, sign);
}

static int run_show(struct cli *cli, char **args)
{
    return with_file(cli, args, show);
}

const struct command command_agreement_draft = {
    .words = "agreement draft",
    .usage = "--from FILE.conf --out FILE",
    .dutch = "Maakt een overeenkomst van een beschrijving; --help toont wat daarin staat.",
    .english = "Makes an agreement from a description; --help shows what it holds.",
    .print_manual = agreements_print_help,
    .run = run_draft,
};

const struct command command_agreement_sign = {
    .words = "agreement sign",
    .usage = "FILE",
    .dutch = "Zet de eigen handtekening onder een overeenkomst.",
    .english = "Adds one's signature to an agreement.",
    .needs_settings = true,
    .run = run_sign,
};

const struct command command_agreement_show = {
    .words = "agreement show",
    .usage = "FILE",
    .dutch = "Toont een overeenkomst en wie tekende.",
    .english = "Shows an agreement and who signed.",
    .run = run_show,
};
