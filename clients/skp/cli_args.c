#include "cli_args.h"

#include "commands.h"

#include <stdio.h>
#include <string.h>

static bool is_option(const char *arg)
{
    return strncmp(arg, "--", 2) == 0;
}

/* ---------------------------------------------------------------- what holds everywhere */

static bool *find_flag(struct cli_globals *globals, const char *name)
{
    if (strcmp(name, "--json") == 0)
        return &globals->json;
    if (strcmp(name, "--help") == 0)
        return &globals->help;
    if (strcmp(name, "--help-config") == 0)
        return &globals->help_config;
    return strcmp(name, "--version") == 0 ? &globals->version : NULL;
}

static const char **find_value(struct cli_globals *globals, const char *name)
{
    if (strcmp(name, "--config") == 0)
        return &globals->config;
    return strcmp(name, "--language") == 0 ? &globals->language : NULL;
}

const char *cli_args_globals(char **args, struct cli_globals *ret_globals)
{
    struct cli_globals globals = {0};
    const char *bare = NULL;
    char **kept = args;
    for (; *args; args++) {
        bool *flag = find_flag(&globals, *args);
        const char **value = find_value(&globals, *args);
        if (flag)
            *flag = true;
        else if (value && args[1])
            *value = *++args;
        else if (value)
            bare = *args;
        else
            *kept++ = *args;
    }
    *kept = NULL;
    *ret_globals = globals;
    return bare;
}

/* ---------------------------------------------------------------- which command */

const struct command *cli_args_command(char **args, char ***ret_args)
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

/* ---------------------------------------------------------------- help */

static void print_row(const struct cli *cli, const struct command *command)
{
    (void)printf("  skp %s%s%s\n      %s\n", command->words, command->usage[0] != '\0' ? " " : "",
                 command->usage, cli->english ? command->english : command->dutch);
}

static void print_everywhere(const struct cli *cli)
{
    (void)puts(
        cli->english
            ? "\n  with each: [--config FILE] [--json] [--language nl|en] [--help]\n"
              "  exit codes: 0 ok, 1 some rows refused or something waits, 64 usage, 65 a file "
              "that "
              "cannot\n    be used, 69 no connection, 74 disk, 78 settings; manual page: skp(1)"
            : "\n  bij elk: [--config FILE] [--json] [--language nl|en] [--help]\n"
              "  codes: 0 goed, 1 een deel is geweigerd of er wacht iets, 64 opdracht of optie, 65 "
              "bestand\n    onbruikbaar, 69 geen verbinding, 74 schijf, 78 instellingen; "
              "handleiding: skp(1)");
}

static bool begins_with_word(const struct command *command, const char *word)
{
    size_t len = strlen(word);
    return strncmp(command->words, word, len) == 0 &&
           (command->words[len] == ' ' || command->words[len] == '\0');
}

bool cli_args_is_group(const char *word)
{
    for (size_t i = 0; i < command_count; i++)
        if (begins_with_word(commands[i], word) && strcmp(commands[i]->words, word) != 0)
            return true;
    return false;
}

/* word NULL: all of them */
static size_t print_commands(const struct cli *cli, const char *word)
{
    size_t count = 0;
    for (size_t i = 0; i < command_count; i++)
        if (!word || begins_with_word(commands[i], word)) {
            print_row(cli, commands[i]);
            count++;
        }
    return count;
}

static void print_all(const struct cli *cli)
{
    (void)printf("skp %s\n\n", SKP_VERSION);
    (void)print_commands(cli, NULL);
    print_everywhere(cli);
    (void)puts("  skp --help-config\n  skp --version");
}

bool cli_args_help(const struct cli *cli, char **args)
{
    char **rest = args;
    while (*args && is_option(*args))
        args++;
    if (!*args) {
        print_all(cli);
        return true;
    }
    const struct command *command = cli_args_command(args, &rest);
    if (command)
        print_row(cli, command);
    else if (print_commands(cli, *args) == 0)
        return false;
    print_everywhere(cli);
    if (command && command->print_manual) {
        (void)putchar('\n');
        command->print_manual(stdout);
    }
    return true;
}
