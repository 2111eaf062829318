/* skp receipts: the broker's signed receipts as files, for verify-receipt and for evidence. */
#include "commands.h"

#include "receipts.h"

static int run_export(struct cli *cli, const char *folder)
{
    char why[RECEIPTS_WHY_BYTES];
    struct receipts_count count;
    enum skp_err err = receipts_export(&cli->state, folder, &count, why);
    if (err)
        return cli_fail(cli, err, why);
    cli_put(cli, "written", (int64_t)count.written);
    cli_put(cli, "there", (int64_t)count.there);
    cli_put(cli, "without_proof", (int64_t)count.without);
    cli_say(cli, "%zu %s geschreven, %zu al aanwezig", "%zu %s written, %zu there already",
            count.written, cli_noun(cli, count.written, NOUN_RECEIPT), count.there);
    if (count.without > 0)
        cli_say(cli, "%zu %s als geheel geweigerd: zonder bewijs",
                "%zu %s refused as a whole: without proof", count.without,
                cli_noun(cli, count.without, NOUN_BATCH));
    return EXIT_ALL_OK;
}

static int run(struct cli *cli, char **args)
{
    const char *folder = NULL;
    struct cli_option options[] = {{"--out", &folder, NULL}, {NULL, NULL, NULL}};
    int code = cli_parse(cli, args, options, NULL, 0);
    if (code != EXIT_ALL_OK)
        return code;
    if (!folder)
        return cli_missing(cli, "--out DIR");
    code = cli_make_folder(cli, folder);
    if (code == 0)
        code = cli_open_state(cli);
    return code != 0 ? code : run_export(cli, folder);
}

const struct command command_receipts = {
    .words = "receipts",
    .usage = "--out DIR",
    .dutch = "Schrijft de ontvangstbewijzen van de centrale in DIR, een bestand per verzending.",
    .english = "Writes the broker's receipts in DIR, a file for each batch.",
    .needs_settings = true,
    .run = run,
};
