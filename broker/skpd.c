/* skpd: the broker's command line. What it does is in broker/admin/service.c. */
#include "dependencies.h"
#include "log.h"
#include "service.h"

#include <getopt.h>
#include <stdlib.h>
#include <sysexits.h>

static const char usage[] =
    "usage: skpd --config FILE [--set NAME=VALUE ...] [what to do]\n"
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
    "  --help-config      print every setting with its default: an example file\n"
    "  --version, --help\n"
    "\n"
    "SIGTERM stops gracefully; SIGHUP reloads certificates, CA and CRLs.\n"
    "Exit codes: 0 ok, 64 usage, 65 store damaged or behind its clients, 69 address in use, 71 "
    "system,\n74 disk, 78 settings. Manual pages: skpd(8), skpd.conf(5).\n";

enum action { RUN, CHECK, PRINT_CONFIG, INIT_PLAY, VERIFY_STORE, HELP_CONFIG, VERSION, HELP };

#define MAX_ASSIGNMENTS 64

struct command_line {
    const char *file;
    const char *assignments[MAX_ASSIGNMENTS];
    size_t assignment_count;
    enum action action;
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"set", required_argument, NULL, 's'},
    {"check", no_argument, NULL, 'A' + CHECK},
    {"print-config", no_argument, NULL, 'A' + PRINT_CONFIG},
    {"init-play", no_argument, NULL, 'A' + INIT_PLAY},
    {"verify-store", no_argument, NULL, 'A' + VERIFY_STORE},
    {"help-config", no_argument, NULL, 'A' + HELP_CONFIG},
    {"version", no_argument, NULL, 'A' + VERSION},
    {"help", no_argument, NULL, 'A' + HELP},
    {NULL, 0, NULL, 0},
};

static bool take_option(int option, const char *argument, struct command_line *line)
{
    if (option == 'c') {
        line->file = argument;
    } else if (option == 's') {
        if (line->assignment_count == MAX_ASSIGNMENTS)
            return false;
        line->assignments[line->assignment_count++] = argument;
    } else if (option >= 'A' + CHECK && option <= 'A' + HELP) {
        line->action = (enum action)(option - 'A');
    } else {
        return false;
    }
    return true;
}

static bool refuse(const char *what, const char *word)
{
    fprintf(stderr, "skpd: %s %s; see skpd --help\n", what, word);
    return false;
}

/* False: told. */
static bool parse(int argc, char **argv, struct command_line *ret_line)
{
    int option;
    *ret_line = (struct command_line){0};
    while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (option == ':')
            return refuse("there is no value behind", argv[optind - 1]);
        if (option == '?')
            return refuse("there is no option", argv[optind - 1]);
        if (!take_option(option, optarg, ret_line))
            return refuse("more --set than there is room for, at", optarg);
    }
    return optind == argc || refuse("there is nothing to do with", argv[optind]);
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

static int act(enum action action, const struct options *options)
{
    switch (action) {
    case RUN:
        return service_run(options);
    case CHECK:
        return service_check(options);
    case PRINT_CONFIG:
        config_print_effective(options_table, options_count, options, stdout);
        return EX_OK;
    case INIT_PLAY:
        return service_init(options);
    case VERIFY_STORE:
        return service_verify(options);
    case HELP_CONFIG:
    case VERSION:
    case HELP:
        break; /* need no options: main() */
    }
    return EX_SOFTWARE;
}

static void print_version(const struct dependency *found)
{
    printf("skpd %s", SKP_VERSION);
    for (size_t i = 0; i < DEPENDENCY_COUNT; i++)
        printf(", %s %s", found[i].name, found[i].text);
    putchar('\n');
}

int main(int argc, char **argv)
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
        print_version(found);
        return EX_OK;
    }
    if (line.action == HELP_CONFIG) {
        config_print_help(options_table, options_count, stdout);
        return EX_OK;
    }
    if (read_options(&line, &options, why)) {
        fprintf(stderr, "skpd: %s\n", why);
        return EX_CONFIG;
    }
    set_log(&options);
    if (dependencies_check(found, DEPENDENCY_COUNT, why, sizeof why)) {
        fprintf(stderr, "skpd: %s\n", why);
        return EX_OSERR;
    }
    return act(line.action, &options);
}
