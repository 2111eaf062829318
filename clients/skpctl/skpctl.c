/* skpctl: the operator's command line. It only turns words into JSON for the broker's control socket, and answers
 * into tables. */
#include "ctl_explain.h"
#include "ctl_request.h"
#include "ctl_run.h"
#include "errors.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define DEFAULT_SOCKET "/run/skpd/control.sock"

struct arguments {
    const char *socket;
    enum ctl_format format;
    bool help, version;
    int first; /* of the words of the command */
};

static void print_usage(FILE *stream)
{
    fputs("usage: skpctl [--socket PATH] [--json | --csv] COMMAND [options]\n\n"
          "  --socket PATH  the broker's control_socket (default $SKPD_SOCKET, then " DEFAULT_SOCKET
          ")\n"
          "  --json         print the answer as JSON, one line; also what went wrong\n"
          "  --csv          print it as CSV for a spreadsheet\n"
          "  --version\n"
          "  --help         this, or after a command: its options\n\n",
          stream);
    for (size_t i = 0; i < ctl_command_count; i++) {
        const struct ctl_command *command = &ctl_commands[i];
        const char *verb = command->verb != NULL ? command->verb : "";
        fprintf(stream, "  %-12s %-8s %s\n", command->noun, verb, command->help);
    }
    fputs("\nCommands may be shortened as far as they stay unambiguous (skpctl p l).\n"
          "Exit codes: 0 ok, 1 refused, 64 usage, 65 a file that cannot be used, 69 no broker "
          "answers, "
          "74 output.\nManual page: skpctl(1).\n",
          stream);
}

/* "skpctl round --help": the commands of that noun. False: there is no such noun. */
static bool print_noun_help(FILE *stream, const char *noun)
{
    bool found = false;
    for (size_t i = 0; i < ctl_command_count; i++) {
        const struct ctl_command *command = &ctl_commands[i];
        if (command->verb == NULL || strcmp(command->noun, noun) != 0)
            continue;
        fprintf(stream, "  skpctl %s %-8s %s\n", command->noun, command->verb, command->help);
        found = true;
    }
    return found;
}

static void print_command_help(FILE *stream, const struct ctl_command *command)
{
    fprintf(stream, "usage: skpctl %s %s%s[options]\n\n%s\n\n", command->noun,
            command->verb != NULL ? command->verb : "", command->verb != NULL ? " " : "",
            command->help);
    for (size_t i = 0; i < CTL_MAX_FIELDS && command->fields[i].option != NULL; i++) {
        const struct ctl_field *field = &command->fields[i];
        fprintf(stream, "  %-18s %s%s%s\n", field->option, field->help,
                field->required ? " (required)" : "",
                field->type == CTL_LIST ? " (may be repeated)" : "");
    }
}

/* Also for programs that asked for JSON. */
static int fail(const struct arguments *arguments, enum skp_err err, const char *why, int code)
{
    fprintf(stderr, "skpctl: %s\n", why);
    if (arguments->format == CTL_JSON) {
        const struct skp_error_info *info = skp_error(err);
        json_t *answer =
            json_pack("{s:b,s:{s:i,s:s,s:s,s:s}}", "ok", 0, "error", "code", (int)info->code,
                      "name", info->name, "sentence", why, "remedy", info->remedy);
        if (json_dumpf(answer, stdout, JSON_COMPACT) == 0)
            putchar('\n');
        json_decref(answer);
    }
    return code;
}

static int usage_error(const struct arguments *arguments, const char *why)
{
    return fail(arguments, SKP_E_USAGE, why, EX_USAGE);
}

/* False: told which option is none of ours, or lacks its value. */
static bool parse_globals(int argc, char **argv, struct arguments *ret_arguments)
{
    const char *socket = getenv("SKPD_SOCKET");
    struct arguments arguments = {.socket = socket != NULL ? socket : DEFAULT_SOCKET, .first = 1};
    for (; arguments.first < argc && argv[arguments.first][0] == '-'; arguments.first++) {
        const char *option = argv[arguments.first];
        if (strcmp(option, "--json") == 0)
            arguments.format = CTL_JSON;
        else if (strcmp(option, "--csv") == 0)
            arguments.format = CTL_CSV;
        else if (strcmp(option, "--help") == 0)
            arguments.help = true;
        else if (strcmp(option, "--version") == 0)
            arguments.version = true;
        else if (strncmp(option, "--socket=", 9) == 0)
            arguments.socket = option + 9;
        else if (strcmp(option, "--socket") == 0 && arguments.first + 1 < argc)
            arguments.socket = argv[++arguments.first];
        else {
            fprintf(stderr, "skpctl: there is no %s %s; see skpctl --help\n",
                    strcmp(option, "--socket") == 0 ? "value behind" : "option", option);
            return false;
        }
    }
    *ret_arguments = arguments;
    return true;
}

/* --json, --csv and --help are understood behind the command as well; takes them out. */
static int take_trailing(int count, char **words, struct arguments *arguments)
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        if (strcmp(words[i], "--help") == 0)
            arguments->help = true;
        else if (strcmp(words[i], "--json") == 0)
            arguments->format = CTL_JSON;
        else if (strcmp(words[i], "--csv") == 0)
            arguments->format = CTL_CSV;
        else
            words[kept++] = words[i];
    }
    return kept;
}

static int explain(json_t *request, bool raw)
{
    const char *what = json_string_value(json_object_get(request, "code"));
    bool found = ctl_explain(stdout, what, raw);
    if (!found && !raw)
        fprintf(stderr, "skpctl: there is no error %s; skpctl explain lists them\n", what);
    json_decref(request);
    return found ? EX_OK : EX_DATAERR;
}

static int run(const struct arguments *arguments, const struct ctl_command *command, int count,
               char *const *words)
{
    char why[CTL_WHY_BYTES];
    bool file = false;
    json_t *request = ctl_request_build(command, count, words, &file, why);
    if (request == NULL && file)
        return fail(arguments, SKP_E_IO, why, EX_DATAERR);
    if (request == NULL)
        return usage_error(arguments, why);
    if (command->way == CTL_EXPLAIN)
        return explain(request, arguments->format == CTL_JSON);
    struct ctl_channel *channel = ctl_channel_open(arguments->socket, why);
    if (channel == NULL) {
        json_decref(request);
        return fail(arguments, SKP_E_NOT_CONNECTED, why, EX_UNAVAILABLE);
    }
    int code = ctl_run(channel, command, request, arguments->format);
    ctl_channel_close(channel);
    return code;
}

static int do_as_told(int argc, char **argv)
{
    char why[CTL_WHY_BYTES];
    struct arguments arguments;
    int taken = 0;
    if (!parse_globals(argc, argv, &arguments))
        return EX_USAGE;
    char **words = argv + arguments.first;
    int count = take_trailing(argc - arguments.first, words, &arguments);
    if (arguments.version) {
        puts("skpctl " SKP_VERSION);
        return EX_OK;
    }
    if (count == 0 && arguments.help) {
        print_usage(stdout);
        return EX_OK;
    }
    if (count == 0)
        return usage_error(&arguments, "say what to do; see skpctl --help");
    if (arguments.help && count == 1 && print_noun_help(stdout, words[0]))
        return EX_OK;
    const struct ctl_command *command = ctl_command_find(count, words, &taken, why);
    if (command == NULL)
        return usage_error(&arguments, why);
    if (arguments.help) {
        print_command_help(stdout, command);
        return EX_OK;
    }
    return run(&arguments, command, count - taken, words + taken);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    int code = do_as_told(argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fputs("skpctl: standard output took not all of the answer\n", stderr);
    return code == EX_OK ? EX_IOERR : code;
}
