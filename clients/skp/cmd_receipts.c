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
    cli_say(cli, "%zu ontvangstbewijzen geschreven, %zu stonden er al",
            "%zu receipts written, %zu were there", count.written, count.there);
    if (count.without > 0)
        cli_say(cli, "%zu verzendingen werden als geheel geweigerd: daarvan is er geen bewijs",
                "%zu batches were refused as a whole: of them there is no proof", count.without);
    return EXIT_ALL_OK;
}

static int run(struct cli *cli, char **args)
{
    const char *folder = NULL;
    struct cli_option options[] = {{"--out", &folder, NULL}, {NULL, NULL, NULL}};
    if (!cli_parse(cli, args, options, NULL, 0))
        return EXIT_USAGE;
    if (!folder)
        return cli_fail(cli, SKP_E_USAGE, "--out DIR");
    int code = cli_make_folder(cli, folder);
    if (code == 0)
        code = cli_open_state(cli);
    return code != 0 ? code : run_export(cli, folder);
}

const struct command command_receipts = {
    "receipts",
    "--out DIR",
    "Schrijft de ontvangstbewijzen van de centrale in DIR, een bestand per verzending.",
    "Writes the broker's receipts in DIR, a file for each batch.",
    true,
    run,
};
