#include "agreements.h"

#include "csv_value.h"
#include "csv_words.h"
#include "envelope.h"
#include "fact.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_BYTES (4 << 20)
#define MAX_LIST   512

struct description {
    char agreement_id[CONFIG_TEXT_BYTES];
    int64_t version;
    char creditor[CONFIG_TEXT_BYTES], counsellors[CONFIG_TEXT_BYTES];
    char counsellors_file[CONFIG_TEXT_BYTES];
    char valid_from[CONFIG_TEXT_BYTES], valid_until[CONFIG_TEXT_BYTES];
    char consent[CONFIG_TEXT_BYTES];
    int64_t term_days, waiting_days;
    char schedule[CONFIG_TEXT_BYTES], first_date[CONFIG_TEXT_BYTES];
    char products[CONFIG_TEXT_BYTES], guidances[CONFIG_TEXT_BYTES], kinds[CONFIG_TEXT_BYTES];
    char brand[CONFIG_TEXT_BYTES];
};

#define FIELD(member) offsetof(struct description, member), NULL

/* clang-format off */
static const struct config_option options[] = {
    {"agreement_id", CONFIG_TEXT, NULL, 0, 36, NULL, "Of the agreement this is a next version of; empty makes a new one.", FIELD(agreement_id)},
    {"version", CONFIG_INT, "1", 1, 100000, NULL, "Higher replaces lower.", FIELD(version)},
    {"creditor", CONFIG_TEXT, NULL, 1, 20, NULL, "OIN.", FIELD(creditor)},
    {"counsellors", CONFIG_TEXT, NULL, 0, 0, NULL, "OINs, with commas between.", FIELD(counsellors)},
    {"counsellors_file", CONFIG_PATH, NULL, 0, 0, NULL, "When they are many: a file with an OIN per line.", FIELD(counsellors_file)},
    {"valid_from", CONFIG_TEXT, NULL, 1, 10, NULL, "First day, dd-mm-jjjj or jjjj-mm-dd.", FIELD(valid_from)},
    {"valid_until", CONFIG_TEXT, NULL, 0, 10, NULL, "Last day; empty is open-ended.", FIELD(valid_until)},
    {"consent_form", CONFIG_TEXT, "per saldoverzoek", 1, 0, NULL, "per saldoverzoek, or tenzij belemmering: answered without impediment means agreed.", FIELD(consent)},
    {"term_working_days", CONFIG_INT, "10", 1, FACT_MAX_TERM_DAYS, "working days", "To answer in.", FIELD(term_days)},
    {"waiting_working_days", CONFIG_INT, "0", 0, 60, "working days", "A longer wait for the round leaves at once; 0 is 5.", FIELD(waiting_days)},
    {"schedule", CONFIG_TEXT, "hand", 1, 0, NULL, "Weekdays and the time in Amsterdam that the round opens, as di,do 07:00; hand opens by hand only.", FIELD(schedule)},
    {"first_date", CONFIG_TEXT, NULL, 0, 10, NULL, "No round before it.", FIELD(first_date)},
    {"products", CONFIG_TEXT, NULL, 0, 0, NULL, "SK,SB,SA,BR,HF; empty is all.", FIELD(products)},
    {"guidances", CONFIG_TEXT, NULL, 0, 0, NULL, "The words of column Begeleiding; empty is all.", FIELD(guidances)},
    {"claim_kinds", CONFIG_TEXT, NULL, 0, 0, NULL, "The words of column SoortVordering; empty is all.", FIELD(kinds)},
    {"brand", CONFIG_TEXT, NULL, 0, FACT_MAX_BRAND, NULL, "Only this brand; empty is all.", FIELD(brand)},
};
/* clang-format on */

#define OPTION_COUNT (sizeof options / sizeof options[0])

void agreements_print_help(FILE *stream)
{
    config_print_help(options, OPTION_COUNT, stream);
}

/* ---------------------------------------------------------------- values */

static enum skp_err complain(const char *name, const char *value, char *ret_why)
{
    (void)snprintf(ret_why, CONFIG_WHY_BYTES,
                   "%s: '%.100s' cannot be read; see skp agreement draft --help", name, value);
    return SKP_E_CONFIG;
}

/* Cuts a list with commas or lines into words, in place; returns their number. */
static size_t split(char *list, char **ret_words)
{
    size_t count = 0;
    char *state = NULL;
    for (char *word = strtok_r(list, ",\r\n", &state); word && count < MAX_LIST;
         word = strtok_r(NULL, ",\r\n", &state)) {
        word += strspn(word, " ");
        for (size_t len = strlen(word); len > 0 && word[len - 1] == ' '; len--)
            word[len - 1] = '\0';
        if (*word != '\0')
            ret_words[count++] = word;
    }
    return count;
}

static enum skp_err read_codes(const char *name, char *list, const struct csv_word *words,
                               struct arena *arena, size_t *ret_count, int **ret_codes,
                               char *ret_why)
{
    char *texts[MAX_LIST];
    size_t count = split(list, texts);
    int *codes = arena_calloc(arena, count + 1, sizeof *codes);
    if (!codes)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        if (csv_word_read(words, texts[i], &codes[i]))
            return complain(name, texts[i], ret_why);
    *ret_count = count;
    *ret_codes = codes;
    return SKP_OK;
}

static enum skp_err read_weekdays(char *list, uint32_t *ret_bits, char *ret_why)
{
    static const struct csv_word days[] = {{1, "ma"},  {2, "di"},  {3, "wo"},  {4, "do"},
                                           {5, "vr"},  {6, "za"},  {7, "zo"},  {1, "mon"},
                                           {2, "tue"}, {3, "wed"}, {4, "thu"}, {5, "fri"},
                                           {6, "sat"}, {7, "sun"}, {0, NULL}};
    char *texts[MAX_LIST];
    size_t count = split(list, texts);
    uint32_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        int day = 0;
        if (csv_word_read(days, texts[i], &day))
            return complain("schedule", texts[i], ret_why);
        bits |= 1U << (unsigned)(day - 1);
    }
    *ret_bits = bits;
    return SKP_OK;
}

static enum skp_err read_minute(const char *text, uint32_t *ret_minute, char *ret_why)
{
    unsigned hour = 0, minute = 0;
    int end = 0;
    /* NOLINTNEXTLINE(cert-err34-c): the widths keep both small, the count says the rest */
    if (sscanf(text, "%2u:%2u%n", &hour, &minute, &end) != 2 || text[end] != '\0' || hour > 23 ||
        minute > 59)
        return complain("schedule", text, ret_why);
    *ret_minute = hour * 60 + minute;
    return SKP_OK;
}

static enum skp_err read_date(const char *name, const char *text, int32_t *ret_date, char *ret_why)
{
    return csv_value_read_date(text, ret_date) ? complain(name, text, ret_why) : SKP_OK;
}

static enum skp_err read_id(const char *text, struct arena *arena, Skp__V1__Agreement *agreement,
                            char *ret_why)
{
    struct skp_id *id = arena_alloc(arena, sizeof *id);
    if (!id)
        return SKP_E_NO_MEMORY;
    *id = id_new();
    if (text[0] != '\0' && !id_parse(text, id))
        return complain("agreement_id", text, ret_why);
    agreement->agreement_id = wire_id(id);
    return SKP_OK;
}

static enum skp_err read_consent(const char *text, Skp__V1__Agreement *agreement, char *ret_why)
{
    static const struct csv_word words[] = {
        {SKP__V1__CONSENT_FORM__CONSENT_FORM_PER_REQUEST_YES, "per saldoverzoek"},
        {SKP__V1__CONSENT_FORM__CONSENT_FORM_UNLESS_IMPEDIMENT, "tenzij belemmering"},
        {SKP__V1__CONSENT_FORM__CONSENT_FORM_PER_REQUEST_YES, "per_request_yes"},
        {SKP__V1__CONSENT_FORM__CONSENT_FORM_UNLESS_IMPEDIMENT, "unless_impediment"},
        {0, NULL}};
    int form = 0;
    if (csv_word_read(words, text, &form) || form == 0)
        return complain("consent_form", text, ret_why);
    agreement->consent_form = (Skp__V1__ConsentForm)form;
    return SKP_OK;
}

/* ---------------------------------------------------------------- a description */

static enum skp_err read_counsellors(struct description *given, struct arena *arena,
                                     Skp__V1__Agreement *agreement, char *ret_why)
{
    char *list = given->counsellors, *data = NULL;
    size_t len = 0;
    if (given->counsellors_file[0] != '\0') {
        enum skp_err err = file_read(given->counsellors_file, FILE_BYTES, &data, &len, ret_why);
        if (err)
            return err;
        list = arena_copy(arena, data, len + 1);
        free(data);
    }
    agreement->counsellors = arena_calloc(arena, MAX_LIST, sizeof(*agreement->counsellors));
    if (!agreement->counsellors || !list)
        return SKP_E_NO_MEMORY;
    agreement->n_counsellors = split(list, agreement->counsellors);
    return SKP_OK;
}

static enum skp_err fill_scope(struct description *given, struct arena *arena,
                               Skp__V1__Agreement *agreement, char *ret_why)
{
    int *products = NULL, *guidances = NULL, *kinds = NULL;
    enum skp_err err = read_codes("products", given->products, csv_words_product, arena,
                                  &agreement->n_products, &products, ret_why);
    if (!err)
        err = read_codes("guidances", given->guidances, csv_words_guidance, arena,
                         &agreement->n_guidances, &guidances, ret_why);
    if (!err)
        err = read_codes("claim_kinds", given->kinds, csv_words_kind, arena,
                         &agreement->n_claim_kinds, &kinds, ret_why);
    _Static_assert(sizeof(Skp__V1__Product) == sizeof(int), "enums are ints");
    agreement->products = (Skp__V1__Product *)(void *)products;
    agreement->guidances = (Skp__V1__Guidance *)(void *)guidances;
    agreement->claim_kinds = (Skp__V1__ClaimKind *)(void *)kinds;
    return err;
}

static enum skp_err fill_schedule(struct description *given, struct arena *arena,
                                  Skp__V1__Agreement *agreement, char *ret_why)
{
    Skp__V1__RoundSchedule *schedule = arena_alloc(arena, sizeof *schedule);
    if (!schedule)
        return SKP_E_NO_MEMORY;
    skp__v1__round_schedule__init(schedule);
    agreement->schedule = schedule;
    enum skp_err err = SKP_OK;
    char *time = strrchr(given->schedule, ' ');
    bool by_hand = strcmp(given->schedule, "hand") == 0;
    if (!by_hand && !time)
        return complain("schedule", given->schedule, ret_why);
    if (!by_hand) {
        *time = '\0';
        err = read_weekdays(given->schedule, &schedule->weekdays, ret_why);
        if (!err)
            err = read_minute(time + 1, &schedule->minute_of_day, ret_why);
    }
    if (!err)
        err = read_date("first_date", given->first_date, &schedule->first_date, ret_why);
    return err;
}

static enum skp_err fill(struct description *given, struct arena *arena,
                         Skp__V1__Agreement *agreement, char *ret_why)
{
    static char context[] = AGREEMENT_CONTEXT;
    agreement->context = context;
    agreement->version = (uint32_t)given->version;
    agreement->creditor = given->creditor;
    agreement->term_working_days = (uint32_t)given->term_days;
    agreement->waiting_working_days = (uint32_t)given->waiting_days;
    agreement->silence = SKP__V1__SILENCE_MEANS__SILENCE_MEANS_NOTHING;
    agreement->brand = given->brand;
    enum skp_err err = read_counsellors(given, arena, agreement, ret_why);
    if (!err)
        err = read_id(given->agreement_id, arena, agreement, ret_why);
    if (!err)
        err = read_date("valid_from", given->valid_from, &agreement->valid_from_date, ret_why);
    if (!err)
        err = read_date("valid_until", given->valid_until, &agreement->valid_until_date, ret_why);
    if (!err)
        err = read_consent(given->consent, agreement, ret_why);
    if (!err)
        err = fill_schedule(given, arena, agreement, ret_why);
    return err ? err : fill_scope(given, arena, agreement, ret_why);
}

enum skp_err agreements_describe(const char *file, struct arena *arena,
                                 Skp__V1__Agreement **ret_agreement, char *ret_why)
{
    char path[WIRE_PATH_MAX];
    struct description *given = arena_alloc(arena, sizeof *given);
    Skp__V1__Agreement *agreement = arena_alloc(arena, sizeof *agreement);
    if (!given || !agreement)
        return SKP_E_NO_MEMORY;
    skp__v1__agreement__init(agreement);
    config_init(options, OPTION_COUNT, given);
    enum skp_err err = config_load(options, OPTION_COUNT, file, given, ret_why);
    if (!err)
        err = config_check(options, OPTION_COUNT, file, given, ret_why);
    if (!err)
        err = fill(given, arena, agreement, ret_why);
    if (err)
        return err;
    err = fact_check_agreement(agreement, path);
    if (err) {
        (void)snprintf(ret_why, CONFIG_WHY_BYTES, "%s: %s: %s", file, path,
                       skp_error(err)->sentence);
        return err;
    }
    *ret_agreement = agreement;
    return SKP_OK;
}
