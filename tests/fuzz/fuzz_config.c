/* Configuration from memory: no crash, a sentence for every refusal, and what is accepted prints
 * and reads back the same. */
#include "config.h"

#include <stdlib.h>

struct fuzzed {
    struct config_address address;
    char text[CONFIG_TEXT_BYTES];
    char path[CONFIG_TEXT_BYTES];
    int64_t number;
    int64_t duration_ms;
    int64_t size_bytes;
    bool flag;
};

#define FIELD(name) offsetof(struct fuzzed, name), NULL

static const struct config_option options[] = {
    {"address", CONFIG_ADDRESS, "[::]:1", 0, 0, NULL, "Address.", FIELD(address)},
    {"text", CONFIG_TEXT, "a # b", 0, 0, NULL, "Text.", FIELD(text)},
    {"path", CONFIG_PATH, NULL, 1, 100, NULL, "Path.", FIELD(path)},
    {"number", CONFIG_INT, "0", INT64_MIN, INT64_MAX, "things", "Number.", FIELD(number)},
    {"duration", CONFIG_DURATION, "1s", 0, INT64_MAX, NULL, "Duration.", FIELD(duration_ms)},
    {"size", CONFIG_SIZE, "1KiB", 0, INT64_MAX, NULL, "Size.", FIELD(size_bytes)},
    {"flag", CONFIG_BOOL, "no", 0, 0, NULL, "Flag.", FIELD(flag)},
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

static char *print(const struct fuzzed *config)
{
    char *text = NULL;
    size_t len;
    FILE *stream = open_memstream(&text, &len);
    if (!stream)
        abort();
    config_print_effective(options, OPTION_COUNT, config, stream);
    fclose(stream);
    return text;
}

/* Note an empty path is printed by whoever never gave one, and refused when read: that one is
 * skipped. */
static void check_round_trip(const struct fuzzed *config)
{
    char why[CONFIG_WHY_BYTES];
    struct fuzzed again;
    if (config_check(options, OPTION_COUNT, "fuzz", config, why))
        return;
    char *before = print(config);
    config_init(options, OPTION_COUNT, &again);
    if (config_parse(options, OPTION_COUNT, "fuzz", span_text(before), &again, why))
        abort();
    char *after = print(&again);
    if (strcmp(before, after) != 0)
        abort();
    free(before);
    free(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzzed config;
    char why[CONFIG_WHY_BYTES] = "";
    config_init(options, OPTION_COUNT, &config);
    if (config_parse(options, OPTION_COUNT, "fuzz", span_of(data, len), &config, why)) {
        if (!strchr(why, ';') || !memchr(why, '\0', sizeof(why)))
            abort();
        return 0;
    }
    check_round_trip(&config);
    return 0;
}
