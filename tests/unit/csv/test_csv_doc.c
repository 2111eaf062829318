#include "csv_testing.h"

#include "answers_csv.h"
#include "letters_csv.h"
#include "list_csv.h"
#include "list_fields.h"
#include "register_csv.h"
#include "register_fields.h"
#include "result_csv.h"

static const char *read_documentation(void)
{
    static char text[TEST_FILE_BYTES];
    FILE *in = fopen(TEST_DATA "/../../clients/CSV.md", "r");
    assert_non_null(in);
    size_t len = fread(text, 1, sizeof(text) - 1, in);
    fclose(in);
    text[len] = '\0';
    return text;
}

typedef enum skp_err (*open_fn)(const char *path, struct csv_writer **ret_writer,
                                struct csv_problem *ret_problem);

static void the_header_of_every_file_is_documented(void **state)
{
    (void)state;
    static const open_fn files[] = {register_writer_open, register_bsn_writer_open,
                                    list_writer_open,     result_writer_open,
                                    letters_writer_open,  answers_writer_open};
    const char *documentation = read_documentation();
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct csv_writer *writer = NULL;
        struct csv_problem problem;
        char header[4096];
        csv_test_write_text("");
        assert_ok(files[i](test_path, &writer, &problem));
        assert_ok(csv_writer_close(writer, &problem));
        const char *line = csv_test_read() + strlen("\xef\xbb\xbf");
        snprintf(header, sizeof(header), "```\n%.*s\n", (int)strcspn(line, "\r"), line);
        if (!strstr(documentation, header))
            fail_msg("clients/CSV.md lacks: %s", header);
    }
}

/* Each word, also one that is only read: of two for one code the first is written. */
static void every_word_that_is_written_or_read_is_documented(void **state)
{
    (void)state;
    static const struct csv_word *const lists[] = {
        csv_words_product,    csv_words_guidance, csv_words_sex,     csv_words_debtor,
        csv_words_kind,       csv_words_reason,   csv_words_outcome, csv_words_consent,
        csv_words_correction, csv_words_state,    csv_words_claim,   csv_words_preference,
        list_words_debt};
    const char *documentation = read_documentation();
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (const struct csv_word *at = lists[i]; at->word; at++) {
            char quoted[80];
            snprintf(quoted, sizeof(quoted), "`%s`", at->word);
            if (!strstr(documentation, quoted))
                fail_msg("clients/CSV.md lacks: %s", quoted);
        }
    }
}

static void check_length(const char *documentation, const struct csv_field *field)
{
    char begin[32];
    snprintf(begin, sizeof(begin), "\n| %zu |", field->max_chars);
    const char *row = strstr(documentation, begin);
    if (!row || !memmem(row, strcspn(row + 1, "\n"), field->name, strlen(field->name)))
        fail_msg("clients/CSV.md lacks: %s at most %zu", field->name, field->max_chars);
}

/* The partner's columns have the lengths of the client's. */
static void every_length_is_documented(void **state)
{
    (void)state;
    const char *documentation = read_documentation();
    for (size_t i = 0; i < REGISTER_CASE_FIELDS + REGISTER_ROW_FIELDS; i++) {
        const struct csv_field *field = i < REGISTER_CASE_FIELDS
                                            ? &register_case_fields[i]
                                            : &register_row_fields[i - REGISTER_CASE_FIELDS];
        if (field->max_chars > 0 && strncmp(field->name, "Partner", strlen("Partner")) != 0)
            check_length(documentation, field);
    }
    for (size_t i = 0; i < LIST_FIELDS; i++)
        if (strcmp(list_fields[i].name, "Toelichting") == 0)
            check_length(documentation, &list_fields[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, csv_test_setup, csv_test_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_header_of_every_file_is_documented),
        TEST(every_word_that_is_written_or_read_is_documented),
        TEST(every_length_is_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
