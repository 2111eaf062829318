/* Any bytes as a CSV file: split, restored, read as a registration, as BSNs and as answers.
 *
 * Holds besides "no crash": line numbers only grow, every text survives the apostrophe, every amount
 * that was read is printed and read back the same. */
#include "csv.h"
#include "csv_text.h"
#include "csv_value.h"
#include "list_answer.h"
#include "register_csv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_text(const char *text)
{
    size_t len = strlen(text);
    char *cell = malloc(len + 2);
    require(cell != NULL);
    bool marked = csv_text_needs_apostrophe(text);
    cell[0] = '\'';
    memcpy(cell + marked, text, len + 1);
    require(strcmp(csv_text_restore(cell), text) == 0);
    free(cell);
}

static void check_values(const char *text)
{
    char printed[CSV_AMOUNT_BYTES];
    int64_t cents = 0, again = 0;
    plain_date date = 0;
    bool flag = false;
    if (csv_value_read_amount(text, &cents) == SKP_OK) {
        csv_value_print_amount(cents, printed);
        require(csv_value_read_amount(printed, &again) == SKP_OK && again == cents);
    }
    if (csv_value_read_date(text, &date) == SKP_OK) {
        csv_value_print_date(date, printed);
        plain_date same = 0;
        require(csv_value_read_date(printed, &same) == SKP_OK && same == date);
    }
    if (csv_value_read_flag(text, &flag) != SKP_OK)
        require(text[0] != '\0');
}

static void read_rows(const char *path)
{
    static const struct csv_column columns[] = {{"A", false}, {"B", false}};
    struct csv_reader *reader = NULL;
    struct csv_problem problem;
    struct csv_row row;
    unsigned long line = 0;
    if (csv_reader_open(path, columns, 2, &reader, &problem) != SKP_OK)
        return;
    while (csv_reader_next(reader, &row)) {
        require(row.line > line);
        line = row.line;
        for (size_t i = 0; !row.err && i < 2; i++) {
            check_text(row.cells[i]);
            check_values(row.cells[i]);
        }
    }
    csv_reader_free(reader);
}

static void read_registration(const char *path)
{
    struct csv_problem problem;
    struct register_file file;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    if (register_read(path, &arena, &file, &problem) == SKP_OK) {
        enum skp_err err = register_read_bsn(path, &file, &file.problems, &problem);
        require(err == SKP_OK || problem.err == err);
    }
    arena_fini(&arena);
}

static void read_answers(const char *path)
{
    struct csv_problem problem;
    struct list_answers answers;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    if (list_answers_read(path, &arena, &answers, &problem) == SKP_OK) {
        for (const struct list_request *at = answers.requests; at; at = at->next)
            require(at->claim_count <= LIST_MAX_CLAIMS && at->answered_count <= at->row_count);
    }
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    read_rows(path);
    read_registration(path);
    read_answers(path);
    close(fd);
    return 0;
}
