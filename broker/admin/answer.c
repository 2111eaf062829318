#include "answer.h"

#include "config_value.h"

#include <jansson.h>
#include <stdlib.h>

/* Takes the object. Whether it could be written is seen at the end: answer_was_written(). */
static void print_json(json_t *object)
{
    if (object == NULL || (json_dumpf(object, stdout, JSON_COMPACT) != 0 && !ferror(stdout)))
        abort(); /* out of memory for a few words */
    putchar('\n');
    json_decref(object);
}

/* What somebody typed need not be UTF-8. */
static json_t *text_of(const char *text)
{
    json_t *string = json_string(text);
    return string != NULL ? string : json_string("(not UTF-8; see standard error)");
}

void answer_result(bool json, int code, const char *sentence)
{
    if (json)
        print_json(json_pack("{s:b, s:i, s:o}", "ok", code == 0, "exit", code, "sentence",
                             text_of(sentence)));
    else if (code == 0 && sentence[0] != '\0')
        puts(sentence);
}

void answer_settings(bool json, const struct options *options)
{
    if (!json) {
        config_print_effective(options_table, options_count, options, stdout);
        return;
    }
    json_t *settings = json_object();
    for (size_t i = 0; i < options_count; i++) {
        char value[CONFIG_PRINT_BYTES];
        config_value_print(&options_table[i], options, value);
        (void)json_object_set_new(settings, options_table[i].name, text_of(value));
    }
    print_json(json_pack("{s:b, s:i, s:o}", "ok", 1, "exit", 0, "settings", settings));
}

void answer_help_config(bool json)
{
    if (!json) {
        config_print_help(options_table, options_count, stdout);
        return;
    }
    json_t *settings = json_array();
    for (size_t i = 0; i < options_count; i++) {
        const struct config_option *option = &options_table[i];
        char allowed[CONFIG_PRINT_BYTES];
        config_value_describe(option, allowed);
        (void)json_array_append_new(settings,
                                    json_pack("{s:s, s:s, s:s, s:s}", "name", option->name, "help",
                                              option->help, "allowed", allowed, "default",
                                              option->preset ? option->preset : ""));
    }
    print_json(json_pack("{s:b, s:i, s:o}", "ok", 1, "exit", 0, "settings", settings));
}

void answer_version(bool json, const struct dependency found[DEPENDENCY_COUNT])
{
    json_t *libraries = json_object();
    if (!json)
        printf("skpd %s", SKP_VERSION);
    for (size_t i = 0; i < DEPENDENCY_COUNT; i++) {
        if (!json)
            printf(", %s %s", found[i].name, found[i].text);
        (void)json_object_set_new(libraries, found[i].name, json_string(found[i].text));
    }
    if (!json)
        putchar('\n');
    else
        print_json(json_pack("{s:b, s:i, s:s, s:O}", "ok", 1, "exit", 0, "version", SKP_VERSION,
                             "libraries", libraries));
    json_decref(libraries);
}

bool answer_was_written(void)
{
    return fflush(stdout) == 0 && !ferror(stdout);
}
