/* The command line: what holds for every command, which command it is, and help.
 *
 * Options that hold everywhere may stand anywhere, before or behind the command and its arguments. */
#ifndef SKP_CLI_ARGS_H
#define SKP_CLI_ARGS_H

#include "cli.h"

struct cli_globals {
    const char *config, *language; /* NULL: not given */
    bool json, help, help_config, version;
};

/* Takes them out of `args`, which ends with NULL. NULL, or the option that lacks its value. */
const char *cli_args_globals(char **args, struct cli_globals *ret_globals);

/* The command whose words begin `args`, *ret_args what follows them; NULL: none. */
const struct command *cli_args_command(char **args, char ***ret_args);

/* Whether `word` begins commands of more words and is none itself: "counsellor". */
bool cli_args_is_group(const char *word);

/* Prints help: on the command of `args`, on the commands that begin with its first word ("skp creditor --help"),
 * or on all when it holds no words. False: nothing begins with that word; nothing is printed. */
bool cli_args_help(const struct cli *cli, char **args);

#endif
