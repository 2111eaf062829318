#include "cli_args.h"

#include "result_csv.h"

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

void cli_say_play(const struct cli *cli)
{
    if (cli->state.play)
        cli_say(cli, "PROEF: dit komt van een centrale voor proeven, niet uit het echte verkeer",
                "PLAY: this comes of a broker for play, not of real traffic");
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
    if (err == SKP_E_USAGE)
        return EXIT_USAGE;
    if (err == SKP_E_CONFIG || err == SKP_E_CERTIFICATE)
        return EXIT_SETTINGS;
    if (err == SKP_E_IO || err == SKP_E_NO_MEMORY)
        return EXIT_IO;
    if (err >= SKP_E_UNSEAL && err != SKP_E_NOT_CONNECTED && err != SKP_E_FULL)
        return EXIT_DATA;
    return err >= SKP_E_DECODE && err < SKP_E_IDENTITY_INVALID ? EXIT_DATA : EXIT_UNAVAILABLE;
}

static void put_remedy(struct cli *cli, enum skp_err err)
{
    cli_put_text(cli, "remedy", cli->english ? skp_error(err)->remedy : result_remedy(err));
}

static void put_sentence(struct cli *cli, const char *sentence, const char *detail)
{
    char text[CONFIG_WHY_BYTES + CSV_PROBLEM_TEXT_BYTES];
    (void)snprintf(text, sizeof text, "%s%s%s", sentence, detail[0] != '\0' ? ": " : "", detail);
    cli_put_text(cli, "sentence", text);
}

int cli_fail(struct cli *cli, enum skp_err err, const char *detail)
{
    const struct skp_error_info *info = skp_error(err);
    const char *colon = detail[0] != '\0' ? ": " : "";
    cli_warn(cli, "%s%s%s", "%s%s%s", cli->english ? info->sentence : info->dutch, colon, detail);
    if (cli->english)
        (void)fprintf(stderr, "  %s\n", info->remedy);
    cli_put_text(cli, "error", info->name);
    put_sentence(cli, cli->english ? info->sentence : info->dutch, detail);
    put_remedy(cli, err);
    return exit_code(err);
}

static void print_problem(const struct cli *cli, const struct csv_problem *problem,
                          char text[CSV_PROBLEM_TEXT_BYTES])
{
    char place[64] = "";
    const char *reason = problem->os_error != 0 ? strerrordesc_np(problem->os_error) : NULL;
    if (!cli->english) {
        csv_problem_print(problem, text);
        return;
    }
    if (problem->line > 0)
        (void)snprintf(place, sizeof place, "line %lu: ", problem->line);
    const char *why = csv_problem_why(problem, true);
    (void)snprintf(text, CSV_PROBLEM_TEXT_BYTES, "%s%s%s%s%s%s%s%s%s%s", place,
                   problem->column ? "column " : "", problem->column ? problem->column : "",
                   problem->column ? ": " : "", skp_error(problem->err)->sentence,
                   reason ? " (" : "", reason ? reason : "", reason ? ")" : "",
                   why[0] != '\0' ? ": " : "", why);
}

int cli_fail_file(struct cli *cli, const char *path, const struct csv_problem *problem)
{
    char text[CSV_PROBLEM_TEXT_BYTES];
    print_problem(cli, problem, text);
    cli_warn(cli, "%s: %s", "%s: %s", path, text);
    cli_put_text(cli, "error", skp_error_name(problem->err));
    cli_put_text(cli, "sentence", text);
    cli_put_text(cli, "file", path);
    if (problem->line > 0)
        cli_put(cli, "line", (int64_t)problem->line);
    if (problem->column)
        cli_put_text(cli, "column", problem->column);
    put_remedy(cli, problem->err);
    return problem->why == CSV_WHY_UNREADABLE ? EXIT_DATA : exit_code(problem->err);
}

int cli_check_output(struct cli *cli, const char *path, const char *const *inputs, size_t count)
{
    struct stat out, in;
    if (!path || stat(path, &out) != 0)
        return EXIT_ALL_OK;
    for (size_t i = 0; i < count; i++)
        if (inputs[i] && stat(inputs[i], &in) == 0 && in.st_dev == out.st_dev &&
            in.st_ino == out.st_ino)
            return cli_usage(cli,
                             "dit bestand wordt gelezen; geef een andere naam om te schrijven: ",
                             "this file is read; give another name to write to: ", path);
    return EXIT_ALL_OK;
}

int cli_usage(struct cli *cli, const char *dutch, const char *english, const char *what)
{
    const char *words = cli->command ? cli->command->words : "";
    const char *space = cli->command ? " " : "";
    cli_warn(cli, "%s%s; zie skp %s%s--help", "%s%s; see skp %s%s--help",
             cli->english ? english : dutch, what, words, space);
    char sentence[CONFIG_WHY_BYTES];
    (void)snprintf(sentence, sizeof sentence, "%s%s", cli->english ? english : dutch, what);
    cli_put_text(cli, "error", skp_error_name(SKP_E_USAGE));
    cli_put_text(cli, "sentence", sentence);
    (void)snprintf(sentence, sizeof sentence, "skp %s%s--help", words, space);
    cli_put_text(cli, "remedy", sentence);
    return EXIT_USAGE;
}

int cli_missing(struct cli *cli, const char *what)
{
    return cli_usage(cli, "er ontbreekt: ", "missing: ", what);
}

int cli_state_failed(struct cli *cli, enum skp_err err)
{
    return cli_fail(cli, err, cli->state.why[0] != '\0' ? cli->state.why : cli->settings.state);
}

int cli_fail_export(struct cli *cli, const char *path, const struct csv_problem *problem)
{
    if (problem->os_error == 0 && problem->why == CSV_WHY_NONE)
        return cli_state_failed(cli, problem->err);
    return cli_fail_file(cli, path, problem);
}

static int fail_folder(struct cli *cli, const char *path)
{
    return cli_fail_file(cli, path, &(struct csv_problem){.err = SKP_E_IO, .os_error = errno});
}

int cli_make_folder(struct cli *cli, const char *path)
{
    if (!path || mkdir(path, 0700) == 0 || errno == EEXIST)
        return EXIT_ALL_OK;
    return fail_folder(cli, path);
}

int cli_load_settings(struct cli *cli)
{
    char why[CONFIG_WHY_BYTES];
    const char *file = cli->config_file ? cli->config_file : getenv("SKP_CONFIG");
    enum skp_err err = settings_load(file ? file : SETTINGS_PATH, &cli->settings, why);
    if (err == SKP_E_NOT_FOUND || (err == SKP_E_IO && !file)) {
        char detail[CONFIG_WHY_BYTES + 64];
        (void)snprintf(detail, sizeof detail, "%s%s", why,
                       cli->english ? "; give --config FILE or set SKP_CONFIG"
                                    : "; geef --config BESTAND of zet SKP_CONFIG");
        (void)cli_fail(cli, err, detail);
        return EXIT_SETTINGS;
    }
    if (err) {
        (void)cli_fail(cli, err, why);
        return EXIT_SETTINGS;
    }
    if (!cli->language)
        cli->english = strcmp(cli->settings.language, "en") == 0;
    return 0;
}

int cli_open_state(struct cli *cli)
{
    char path[2 * CONFIG_TEXT_BYTES];
    if (!settings_state_path(&cli->settings, "skp.db", path, sizeof path))
        return fail_folder(cli, cli->settings.state);
    enum skp_err err = state_open(path, &cli->state);
    return err ? cli_state_failed(cli, err) : 0;
}

/* ---------------------------------------------------------------- arguments */

static const struct cli_option *find_option(const struct cli_option *options, const char *name)
{
    for (; options->name; options++)
        if (strcmp(options->name, name) == 0)
            return options;
    return NULL;
}

/* Reads the option at *args; false: told. */
static bool read_option(struct cli *cli, const struct cli_option *options, char ***args)
{
    const char *name = **args;
    const struct cli_option *option = find_option(options, name);
    if (!option)
        return cli_usage(cli, "onbekende optie ", "unknown option ", name) == EXIT_ALL_OK;
    if (option->flag) {
        *option->flag = true;
        return true;
    }
    if (!(*args)[1])
        return cli_usage(cli, "er ontbreekt een waarde achter ", "no value behind ", name) ==
               EXIT_ALL_OK;
    *option->value = *++*args;
    return true;
}

/* False: told. */
static bool read_args(struct cli *cli, char **args, const struct cli_option *options,
                      const char **ret_positional, size_t count)
{
    size_t found = 0;
    for (; *args; args++) {
        if (strncmp(*args, "--", 2) == 0) {
            if (!read_option(cli, options, &args))
                return false;
        } else if (found == count) {
            return cli_usage(cli, "te veel: ", "too many arguments: ", *args) == EXIT_ALL_OK;
        } else {
            ret_positional[found++] = *args;
        }
    }
    return found == count || cli_missing(cli, cli->command->usage) == EXIT_ALL_OK;
}

int cli_parse(struct cli *cli, char **args, const struct cli_option *options,
              const char **ret_positional, size_t count)
{
    if (!read_args(cli, args, options, ret_positional, count))
        return EXIT_USAGE;
    return cli->command->needs_settings ? cli_load_settings(cli) : EXIT_ALL_OK;
}

/* ---------------------------------------------------------------- the program */

/* "counsellor regster": the group is right, so its help is the one that helps. */
static int unknown_in_group(struct cli *cli, char **args)
{
    const struct command group = {.words = args[0]};
    cli->command = &group;
    int code = EXIT_USAGE;
    if (!args[1])
        code = cli_missing(cli, cli->english ? "a command" : "een opdracht");
    else if (strncmp(args[1], "--", 2) == 0)
        code = cli_usage(cli, "onbekende optie ", "unknown option ", args[1]);
    else
        code = cli_usage(cli, "onbekende opdracht: ", "unknown command: ", args[1]);
    cli->command = NULL;
    return code;
}

static int unknown_command(struct cli *cli, char **args)
{
    if (strncmp(*args, "--", 2) == 0)
        return cli_usage(cli, "onbekende optie ", "unknown option ", *args);
    if (cli_args_is_group(*args))
        return unknown_in_group(cli, args);
    return cli_usage(cli, "onbekende opdracht: ", "unknown command: ", *args);
}

static int run_command(struct cli *cli, char **args)
{
    char **rest = args;
    const struct command *command = cli_args_command(args, &rest);
    if (!command)
        return unknown_command(cli, args);
    cli->command = command;
    return command->run(cli, rest);
}

/* Help and version are texts for people, so there is no JSON object then. */
static bool tell_about_itself(struct cli *cli, const struct cli_globals *globals, char **args,
                              int *ret_code)
{
    *ret_code = EXIT_ALL_OK;
    if (globals->help_config)
        config_print_help(settings_options, settings_option_count, stdout);
    else if (globals->version)
        (void)puts("skp " SKP_VERSION);
    else if (globals->help && !cli_args_help(cli, args))
        *ret_code = unknown_command(cli, args);
    else if (!globals->help)
        return false;
    cli->json = false;
    return true;
}

static int dispatch(struct cli *cli, char **args)
{
    struct cli_globals globals;
    int code = EXIT_ALL_OK;
    const char *bare = cli_args_globals(args, &globals);
    cli->json = globals.json;
    cli->config_file = globals.config;
    cli->language = globals.language;
    cli->english = globals.language && strcmp(globals.language, "en") == 0;
    if (bare)
        return cli_usage(cli, "er ontbreekt een waarde achter ", "no value behind ", bare);
    if (globals.language && !cli->english && strcmp(globals.language, "nl") != 0)
        return cli_usage(cli,
                         "geen taal (nl of en): ", "no language (nl or en): ", globals.language);
    if (tell_about_itself(cli, &globals, args, &code))
        return code;
    if (*args)
        return run_command(cli, args);
    return cli_missing(cli, cli->english ? "a command" : "een opdracht");
}

int cli_run(int argc, char **argv)
{
    struct cli cli = {.tty = isatty(STDERR_FILENO) == 1, .result = json_object()};
    if (!cli.result)
        return EXIT_IO;
    int code = dispatch(&cli, argc > 0 ? argv + 1 : argv);
    if (cli.state.play && json_object_set_new(cli.result, "play", json_true()) != 0)
        abort(); /* out of memory for a word */
    state_close(&cli.state);
    cli_put(&cli, "exit", code);
    if (cli.json && json_dumpf(cli.result, stdout, JSON_INDENT(2)) == 0)
        (void)fputc('\n', stdout);
    json_decref(cli.result);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fputs("skp: de uitvoer kon niet helemaal worden geschreven\n", stderr);
    return code == 0 ? EXIT_IO : code;
}
