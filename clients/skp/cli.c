#include "cli.h"

#include "commands.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- saying */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored                                                                     \
    "-Wformat-nonliteral" /* cli_say's attributes checked both literals */

static void say(FILE *stream, const char *format, va_list values)
{
    (void)vfprintf(stream, format, values);
    (void)fputc('\n', stream);
}

#pragma GCC diagnostic pop

void cli_say(const struct cli *cli, const char *dutch, const char *english, ...)
{
    va_list values;
    va_start(values, english);
    if (!cli->json)
        say(stdout, cli->english ? english : dutch, values);
    va_end(values);
}

void cli_warn(const struct cli *cli, const char *dutch, const char *english, ...)
{
    va_list values;
    va_start(values, english);
    say(stderr, cli->english ? english : dutch, values);
    va_end(values);
}

void cli_progress(const struct cli *cli, size_t done, size_t total)
{
    if (!cli->tty)
        return;
    (void)fprintf(stderr, cli->english ? "\r%zu of %zu" : "\r%zu van %zu", done, total);
    if (done == total)
        (void)fputc('\n', stderr);
}

void cli_put(struct cli *cli, const char *name, int64_t number)
{
    if (json_object_set_new(cli->result, name, json_integer(number)) != 0)
        abort(); /* out of memory for a number */
}

void cli_put_text(struct cli *cli, const char *name, const char *text)
{
    if (json_object_set_new(cli->result, name, json_string(text)) != 0)
        cli_put(cli, name, 0); /* not UTF-8: nothing that can be said in JSON */
}

/* ---------------------------------------------------------------- errors */

static int exit_code(enum skp_err err)
{
    if (err == SKP_OK)
        return EXIT_ALL_OK;
    if (err == SKP_E_USAGE || err == SKP_E_CONFIG || err == SKP_E_CERTIFICATE)
        return EXIT_USAGE;
    if (err == SKP_E_IO || err == SKP_E_NO_MEMORY)
        return EXIT_IO;
    if (err >= SKP_E_UNSEAL && err != SKP_E_NOT_CONNECTED && err != SKP_E_FULL)
        return EXIT_DATA;
    return err >= SKP_E_DECODE && err < SKP_E_IDENTITY_INVALID ? EXIT_DATA : EXIT_UNAVAILABLE;
}

int cli_fail(struct cli *cli, enum skp_err err, const char *detail)
{
    const struct skp_error_info *info = skp_error(err);
    const char *colon = detail[0] != '\0' ? ": " : "";
    cli_warn(cli, "%s%s%s", "%s%s%s", cli->english ? info->sentence : info->dutch, colon, detail);
    if (cli->english)
        (void)fprintf(stderr, "  %s\n", info->remedy);
    cli_put_text(cli, "error", info->name);
    return exit_code(err);
}

int cli_fail_file(struct cli *cli, const char *path, const struct csv_problem *problem)
{
    char text[CSV_PROBLEM_TEXT_BYTES], detail[CONFIG_WHY_BYTES];
    csv_problem_print(problem, text);
    (void)snprintf(detail, sizeof detail, "%s: %s%s%s", path, text,
                   problem->os_error != 0 ? ": " : "",
                   problem->os_error != 0 ? strerror(problem->os_error) : "");
    return cli_fail(cli, problem->err, detail);
}

int cli_state_failed(struct cli *cli, enum skp_err err)
{
    return cli_fail(cli, err, cli->state.why);
}

int cli_make_folder(struct cli *cli, const char *path)
{
    if (!path || mkdir(path, 0700) == 0 || errno == EEXIST)
        return EXIT_ALL_OK;
    return cli_fail(cli, SKP_E_IO, path);
}

int cli_open_state(struct cli *cli)
{
    char path[2 * CONFIG_TEXT_BYTES];
    if (!settings_state_path(&cli->settings, "skp.db", path, sizeof path))
        return cli_fail(cli, SKP_E_IO, cli->settings.state);
    enum skp_err err = state_open(path, &cli->state);
    return err ? cli_state_failed(cli, err) : 0;
}

/* ---------------------------------------------------------------- arguments */

static int usage_error(struct cli *cli, const char *what)
{
    return cli_fail(cli, SKP_E_USAGE, what);
}

static const struct cli_option *find_option(const struct cli_option *options, const char *name)
{
    for (; options->name; options++)
        if (strcmp(options->name, name) == 0)
            return options;
    return NULL;
}

bool cli_parse(struct cli *cli, char **args, const struct cli_option *options,
               const char **ret_positional, size_t count)
{
    size_t found = 0;
    for (; *args; args++) {
        if (strncmp(*args, "--", 2) != 0) {
            if (found < count)
                ret_positional[found] = *args;
            found++;
            continue;
        }
        const struct cli_option *option = find_option(options, *args);
        if (!option || (option->value && !args[1])) {
            (void)usage_error(cli, *args);
            return false;
        }
        if (option->value)
            *option->value = *++args;
        else
            *option->flag = true;
    }
    if (found != count)
        (void)usage_error(cli, cli->english ? "wrong number of arguments"
                                            : "verkeerd aantal argumenten");
    return found == count;
}

static void print_help(const struct cli *cli)
{
    (void)printf("skp %s\n\n  skp [--config FILE] [--json] [--language nl|en] ", SKP_VERSION);
    (void)puts(cli->english ? "COMMAND\n" : "OPDRACHT\n");
    for (size_t i = 0; i < command_count; i++)
        (void)printf("  skp %s %s\n      %s\n", commands[i]->words, commands[i]->usage,
                     cli->english ? commands[i]->english : commands[i]->dutch);
    (void)puts("  skp --help-config");
}

/* The command whose words begin `args`; *ret_args is what follows them. */
static const struct command *find_command(char **args, char ***ret_args)
{
    for (size_t i = 0; i < command_count; i++) {
        char **at = args;
        const char *words = commands[i]->words;
        size_t len = 0;
        while (*words != '\0' && *at) {
            len = strcspn(words, " ");
            if (strlen(*at) != len || strncmp(words, *at, len) != 0)
                break;
            words += len + (words[len] == ' ');
            at++;
        }
        if (*words == '\0') {
            *ret_args = at;
            return commands[i];
        }
    }
    return NULL;
}

/* ---------------------------------------------------------------- the program */

struct globals {
    const char *config, *language;
    bool help, help_config;
};

/* Options before the command; *ret_rest is where it begins. False: told. */
static bool read_globals(struct cli *cli, char **args, struct globals *globals, char ***ret_rest)
{
    for (; *args && strncmp(*args, "--", 2) == 0; args++) {
        bool takes = strcmp(*args, "--config") == 0 || strcmp(*args, "--language") == 0;
        if (strcmp(*args, "--json") == 0)
            cli->json = true;
        else if (strcmp(*args, "--help") == 0)
            globals->help = true;
        else if (strcmp(*args, "--help-config") == 0)
            globals->help_config = true;
        else if (takes && args[1])
            *((*args)[2] == 'c' ? &globals->config : &globals->language) = args[1], args++;
        else
            return usage_error(cli, *args) == 0;
    }
    if (globals->language)
        cli->english = strcmp(globals->language, "en") == 0;
    *ret_rest = args;
    return true;
}

static const char *config_file(const struct globals *globals)
{
    const char *file = globals->config ? globals->config : getenv("SKP_CONFIG");
    return file ? file : SETTINGS_PATH;
}

static int run_command(struct cli *cli, const struct globals *globals, char **args)
{
    char why[CONFIG_WHY_BYTES];
    char **rest = args;
    const struct command *command = find_command(args, &rest);
    if (!command)
        return usage_error(cli, cli->english ? "see skp --help" : "zie skp --help");
    if (command->needs_settings) {
        enum skp_err err = settings_load(config_file(globals), &cli->settings, why);
        if (err) {
            (void)cli_fail(cli, err, why);
            return EXIT_USAGE;
        }
        if (!globals->language)
            cli->english = strcmp(cli->settings.language, "en") == 0;
    }
    return command->run(cli, rest);
}

static int dispatch(struct cli *cli, char **args)
{
    struct globals globals = {0};
    char **rest = args;
    if (!read_globals(cli, args, &globals, &rest))
        return EXIT_USAGE;
    if (globals.help_config) {
        config_print_help(settings_options, settings_option_count, stdout);
        return EXIT_ALL_OK;
    }
    if (globals.help || !*rest) {
        print_help(cli);
        return globals.help ? EXIT_ALL_OK : EXIT_USAGE;
    }
    return run_command(cli, &globals, rest);
}

int cli_run(int argc, char **argv)
{
    struct cli cli = {.tty = isatty(STDERR_FILENO) == 1, .result = json_object()};
    if (!cli.result)
        return EXIT_IO;
    int code = dispatch(&cli, argc > 0 ? argv + 1 : argv);
    state_close(&cli.state);
    cli_put(&cli, "exit", code);
    if (cli.json && json_dumpf(cli.result, stdout, JSON_INDENT(2)) == 0)
        (void)fputc('\n', stdout);
    json_decref(cli.result);
    return fflush(stdout) == 0 ? code : EXIT_IO;
}
