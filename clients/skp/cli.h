/* What every command shares: options, languages, exit codes, and how an error is told.
 *
 * Case workers read Dutch, or English with --language en: whoever prints gives both sentences. With --json
 * nothing but one JSON object is printed on stdout, at the end. Never a name, number or amount of a resident
 * on stdout or stderr: those are only in the CSV files that were asked for. One thread. */
#ifndef SKP_CLI_H
#define SKP_CLI_H

#include "csv.h"
#include "settings.h"
#include "skp.pb-c.h"
#include "state_db.h"

#include <jansson.h>

enum exit_code {
    EXIT_ALL_OK = 0,
    EXIT_SOME = 1,         /* some lines were refused, or something waits: see the command */
    EXIT_USAGE = 64,       /* command or option */
    EXIT_DATA = 65,        /* a file as a whole */
    EXIT_UNAVAILABLE = 69, /* the broker; try again, nothing is lost */
    EXIT_IO = 74,          /* disk */
    EXIT_SETTINGS = 78,    /* settings or certificates */
};

struct command;

struct cli {
    struct settings settings;
    struct state_db state;
    const struct command *command;      /* the one that runs; NULL: none yet */
    const char *config_file, *language; /* as given; NULL: not */
    bool json, english, tty;
    json_t *result; /* the object that --json prints */
};

/* Prints one line on stdout (not with --json) or stderr. Both are printf formats over the same values. */
void cli_say(const struct cli *cli, const char *dutch, const char *english, ...)
    __attribute__((format(printf, 2, 4), format(printf, 3, 4)));
void cli_warn(const struct cli *cli, const char *dutch, const char *english, ...)
    __attribute__((format(printf, 2, 4), format(printf, 3, 4)));

/* "12 van 40" on stderr when a person watches; done == total ends it. */
void cli_progress(const struct cli *cli, size_t done, size_t total);

/* "dossier" or "dossiers", to stand behind `count`. */
enum noun {
    NOUN_CASE,
    NOUN_REQUEST,
    NOUN_ROW,
    NOUN_UNUSED_ROW,
    NOUN_LIST,
    NOUN_MESSAGE,
    NOUN_NEW_ANSWER,
    NOUN_LETTER,
    NOUN_REPLACED_LETTER,
    NOUN_DIFFERENCE,
    NOUN_SIGNATURE,
    NOUN_WORKING_DAY,
    NOUN_RECEIPT,
    NOUN_BATCH,
};
const char *cli_noun(const struct cli *cli, size_t count, enum noun noun);

/* Tells the error with what it is about, and returns the exit code that goes with it. `detail` may be "". */
int cli_fail(struct cli *cli, enum skp_err err, const char *detail);
int cli_fail_file(struct cli *cli, const char *path, const struct csv_problem *problem);

/* Whether the file `path` to be written (NULL: none) is one of the `inputs` (NULL entries: not given), by whatever name:
 * writing would destroy it. 0, or EXIT_USAGE, told. */
int cli_check_output(struct cli *cli, const char *path, const char *const *inputs, size_t count);

/* The command line is wrong: one sentence of it, and where its help is. EXIT_USAGE. */
int cli_usage(struct cli *cli, const char *dutch, const char *english, const char *what);
int cli_missing(struct cli *cli, const char *what); /* "--out DIR" */

/* Before what is read as the office's own figures: that this is a play, when it is. */
void cli_say_play(const struct cli *cli);

/* Members of the JSON result. */
void cli_put(struct cli *cli, const char *name, int64_t number);
void cli_put_text(struct cli *cli, const char *name, const char *text);

/* Makes the folder that files were asked for in, for the user only, when it is not there; 0 or the exit code, told. NULL
 * is fine. */
int cli_make_folder(struct cli *cli, const char *path);

/* Reads the configuration, for a command that can do without and so does not have it yet; 0 or the exit code, told. */
int cli_load_settings(struct cli *cli);

/* Opens the state database of the configuration; 0 or the exit code, told. Closed by cli_run(). */
int cli_open_state(struct cli *cli);
int cli_state_failed(struct cli *cli, enum skp_err err);

/* A file could not be made of the database; it is the database's fault when `problem` says no more than its code. */
int cli_fail_export(struct cli *cli, const char *path, const struct csv_problem *problem);

/* A command's own arguments: `names` ends with NULL in name. */
struct cli_option {
    const char *name;   /* "--out" */
    const char **value; /* takes a value; or */
    bool *flag;
};
/* Reads the arguments, positional ones exactly `count`, and then the settings when the command needs them.
 * EXIT_ALL_OK, or the exit code after it told what is wrong. */
int cli_parse(struct cli *cli, char **args, const struct cli_option *options,
              const char **ret_positional, size_t count) SKP_MUST_CHECK;

/* One command, a row of the table in commands.c. */
struct command {
    const char *words; /* "counsellor register" */
    const char *usage; /* its arguments */
    const char *dutch, *english;
    bool needs_settings;
    Skp__V1__Role role;                       /* who may run it; unspecified: everybody */
    void (*print_manual)(FILE *out);          /* what --help adds; NULL: nothing */
    int (*run)(struct cli *cli, char **args); /* args ends with NULL */
};

/* The whole program but its name: argv as main() got it. */
int cli_run(int argc, char **argv);

#endif
