/* The writing half of config.h. */
#include "config_value.h"

static bool needs_quotes(const char *text)
{
    return strpbrk(text, " \t#\"\\") != NULL;
}

static void print_assignment(const char *name, const char *value, FILE *stream)
{
    bool quotes = needs_quotes(value);
    fprintf(stream, "%s =%s%s", name, *value ? " " : "", quotes ? "\"" : "");
    for (; *value; value++) {
        if (quotes && (*value == '"' || *value == '\\'))
            fputc('\\', stream);
        fputc(*value, stream);
    }
    fputs(quotes ? "\"\n" : "\n", stream);
}

static bool must_be_given(const struct config_option *option)
{
    bool has_empty = option->type == CONFIG_TEXT || option->type == CONFIG_PATH ||
                     option->type == CONFIG_ADDRESS;
    return has_empty && option->min > 0 && (!option->preset || !*option->preset);
}

void config_print_help(const struct config_option *options, size_t count, FILE *stream)
{
    for (size_t i = 0; i < count; i++) {
        const struct config_option *option = &options[i];
        char allowed[CONFIG_PRINT_BYTES];
        config_value_describe(option, allowed);
        fprintf(stream, "%s# %s\n# %s%s.\n#", i ? "\n" : "", option->help, allowed,
                must_be_given(option) ? "; must be given" : "");
        print_assignment(option->name, option->preset ? option->preset : "", stream);
    }
}

void config_print_effective(const struct config_option *options, size_t count, const void *target,
                            FILE *stream)
{
    for (size_t i = 0; i < count; i++) {
        char value[CONFIG_PRINT_BYTES];
        config_value_print(&options[i], target, value);
        print_assignment(options[i].name, value, stream);
    }
}
