/* skpd: the broker's command line. What it does is in broker/admin/service.c. */
#include "answer.h"
#include "dependencies.h"
#include "log.h"
#include "service.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char usage[] =
    "usage: skpd --config FILE [--set NAME=VALUE ...] [what to do [--json]]\n"
    "\n"
    "The broker of a schuldenknooppunt. Without more it runs in the foreground and logs to "
    "stderr.\n"
    "\n"
    "  --config FILE      read settings from FILE\n"
    "  --set NAME=VALUE   one setting, over the file; may be repeated\n"
    "\n"
    "what to do instead of running:\n"
    "  --check            check settings, certificates and CRLs\n"
    "  --print-config     print the settings in force\n"
    "  --init-play        make a store for play, whose clock can be steered, and leave\n"
    "  --verify-store     read the whole store, check every checksum and the chain\n"
    "  --accept-data-loss N  go on with a store that lacks what was confirmed up to commit N\n"
    "  --help-config      print every setting with its default: an example file\n"
    "  --version, --help\n"
    "  --json             answer these (but --help) as JSON, one line; also what went wrong\n"
    "\n"
    "SIGTERM stops gracefully; SIGHUP reloads certificates, CA and CRLs.\n"
    "Exit codes: 0 ok, 64 usage, 65 store damaged or behind its clients, 69 address in use, 71 "
    "system,\n74 disk, 78 settings. Manual pages: skpd(8), skpd.conf(5).\n";

enum action {
    RUN,
    CHECK,
    PRINT_CONFIG,
    INIT_PLAY,
    VERIFY_STORE,
    ACCEPT_DATA_LOSS,
    HELP_CONFIG,
    VERSION,
    HELP
};

#define MAX_ASSIGNMENTS 64

struct command_line {
    const char *file;
    const char *assignments[MAX_ASSIGNMENTS];
    size_t assignment_count;
    enum action action;
    bool json;
    uint64_t lost; /* with ACCEPT_DATA_LOSS */
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"set", required_argument, NULL, 's'},
    {"check", no_argument, NULL, 'A' + CHECK},
    {"print-config", no_argument, NULL, 'A' + PRINT_CONFIG},
    {"init-play", no_argument, NULL, 'A' + INIT_PLAY},
    {"verify-store", no_argument, NULL, 'A' + VERIFY_STORE},
    {"accept-data-loss", required_argument, NULL, 'A' + ACCEPT_DATA_LOSS},
    {"help-config", no_argument, NULL, 'A' + HELP_CONFIG},
    {"json", no_argument, NULL, 'j'},
    {"version", no_argument, NULL, 'A' + VERSION},
    {"help", no_argument, NULL, 'A' + HELP},
    {NULL, 0, NULL, 0},
};

static bool take_number(const char *text, uint64_t *ret_number)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    *ret_number = number;
    return errno == 0 && *end == '\0' && text[0] >= '1' && text[0] <= '9';
}

static bool take_option(int option, const char *argument, struct command_line *line)
{
    if (option == 'c') {
        line->file = argument;
    } else if (option == 's') {
        if (line->assignment_count == MAX_ASSIGNMENTS)
            return false;
        line->assignments[line->assignment_count++] = argument;
    } else if (option == 'j') {
        line->json = true;
    } else if (option >= 'A' + CHECK && option <= 'A' + HELP) {
        line->action = (enum action)(option - 'A');
        return line->action != ACCEPT_DATA_LOSS || take_number(argument, &line->lost);
    } else {
        return false;
    }
    return true;
}

/* What is wrong, for people and for programs that asked for JSON. */
static int fail(bool json, int code, const char *why)
{
    fprintf(stderr, "skpd: %s\n", why);
    if (json)
        answer_result(true, code, why);
    return code;
}

static bool refuse(const struct command_line *line, const char *what, const char *word)
{
    char why[CONFIG_WHY_BYTES];
    (void)snprintf(why, sizeof why, "%s %.200s; see skpd --help", what, word);
    (void)fail(line->json, EX_USAGE, why);
    return false;
}

/* Known before the first complaint, wherever it stands. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

/* False: told. */
static bool parse(int argc, char **argv, struct command_line *ret_line)
{
    int option;
    *ret_line = (struct command_line){.json = wants_json(argc, argv)};
    while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (option == ':')
            return refuse(ret_line, "there is no value behind", argv[optind - 1]);
        if (option == '?')
            return refuse(ret_line, "there is no option", argv[optind - 1]);
        if (!take_option(option, optarg, ret_line))
            return refuse(ret_line,
                          option == 's' ? "more --set than there is room for, at"
                                        : "the number of a commit is not",
                          optarg);
    }
    if (optind < argc)
        return refuse(ret_line, "there is nothing to do with", argv[optind]);
    return !ret_line->json || ret_line->action != RUN ||
           refuse(ret_line, "a broker that runs logs its lines; say what to do besides", "--json");
}

static enum skp_err read_options(const struct command_line *line, struct options *ret_options,
                                 char *ret_why)
{
    enum skp_err err = options_load(line->file, ret_options, ret_why);
    for (size_t i = 0; !err && i < line->assignment_count; i++)
        err = options_set(ret_options, line->assignments[i], ret_why);
    if (!err && line->action != PRINT_CONFIG)
        err = options_finish(line->file, ret_options, ret_why);
    return err;
}

static void set_log(const struct options *options)
{
    enum log_level level;
    if (log_level_parse(options->log_level, &level))
        log_set_level(level);
}

/* Debian 12 has libraries with such faults: told, so that nobody has to wonder. */
static void log_avoided_faults(const struct dependency found[DEPENDENCY_COUNT])
{
    for (size_t i = 0; i < DEPENDENCY_COUNT; i++) {
        const char *fault = dependency_fault(&found[i]);
        if (fault != NULL)
            log_line(LOG_INFO, "library_fault_avoided", "library=%s version=%s why=%s",
                     found[i].name, found[i].text, fault);
    }
}

static int act(const struct command_line *line, const struct options *options)
{
    switch (line->action) {
    case RUN:
        return service_run(options);
    case CHECK:
        return service_check(options);
    case PRINT_CONFIG:
        answer_settings(line->json, options);
        return EX_OK;
    case INIT_PLAY:
        return service_init(options);
    case VERIFY_STORE:
        return service_verify(options);
    case ACCEPT_DATA_LOSS:
        return service_accept_loss(options, line->lost);
    case HELP_CONFIG:
    case VERSION:
    case HELP:
        break; /* need no options: main() */
    }
    return EX_SOFTWARE;
}

static int do_as_told(int argc, char **argv)
{
    struct command_line line;
    struct options options;
    struct dependency found[DEPENDENCY_COUNT];
    char why[CONFIG_WHY_BYTES];
    dependencies_find(found);
    if (!parse(argc, argv, &line))
        return EX_USAGE;
    if (line.action == HELP) {
        fputs(usage, stdout);
        return EX_OK;
    }
    if (line.action == VERSION) {
        answer_version(line.json, found);
        return EX_OK;
    }
    if (line.action == HELP_CONFIG) {
        answer_help_config(line.json);
        return EX_OK;
    }
    if (read_options(&line, &options, why))
        return fail(line.json, EX_CONFIG, why);
    set_log(&options);
    if (dependencies_check(found, DEPENDENCY_COUNT, why, sizeof why))
        return fail(line.json, EX_CONFIG, why);
    if (line.action == RUN)
        log_avoided_faults(found);
    int code = act(&line, &options);
    if (line.action != RUN && line.action != PRINT_CONFIG)
        answer_result(line.json, code, service_said());
    return code;
}

int main(int argc, char **argv)
{
    int code = do_as_told(argc, argv);
    if (answer_was_written())
        return code;
    fputs("skpd: standard output took not all of the answer\n", stderr);
    return code == EX_OK ? EX_IOERR : code;
}
