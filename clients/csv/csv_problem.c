#include "csv.h"

#include <string.h>

/* Appends like snprintf and never past the end. */
#define APPEND(text, used, ...)                                                                    \
    ((used) += (size_t)snprintf((text) + (used), CSV_PROBLEM_TEXT_BYTES - (used), __VA_ARGS__))

static const struct {
    const char *dutch, *english;
} whys[] = {
    [CSV_WHY_NONE] = {"", ""},
    [CSV_WHY_EMPTY] = {"het bestand is leeg; zie CSV.md voor de kopregel",
                       "the file is empty; see CSV.md for the header"},
    [CSV_WHY_COMMA] = {"het scheidingsteken is , en niet ;: bewaar met puntkomma's (zie CSV.md)",
                       "the separator is , and not ;: save it with semicolons (see CSV.md)"},
    [CSV_WHY_TAB] =
        {"het scheidingsteken is een tab en niet ;: bewaar met puntkomma's (zie CSV.md)",
         "the separator is a tab and not ;: save it with semicolons (see CSV.md)"},
    [CSV_WHY_QUOTES] = {"aanhalingstekens en scheidingstekens kloppen niet: bewaar met puntkomma's "
                        "(zie CSV.md)",
                        "quotes and separators do not match: save it with semicolons (see CSV.md)"},
    [CSV_WHY_MISSING] = {"deze kolom ontbreekt; neem de kopregel over uit CSV.md",
                         "this column is missing; copy the header from CSV.md"},
    [CSV_WHY_TWICE] = {"deze kolom staat er twee keer; haal er een weg (zie CSV.md)",
                       "this column is there twice; remove one (see CSV.md)"},
    [CSV_WHY_LINE_ENDS] =
        {"de kopregel loopt door in de regels eronder: bewaar opnieuw als CSV UTF-8",
         "the header runs on into the rows below it: save it again as CSV UTF-8"},
    [CSV_WHY_UTF16] = {"het bestand is UTF-16: bewaar als CSV UTF-8",
                       "the file is UTF-16: save it as CSV UTF-8"},
    [CSV_WHY_UNREADABLE] = {"geef een bestand dat u mag lezen", "give a file that you may read"},
    [CSV_WHY_NO_PLAIN_FILE] = {"hier staat iets dat geen gewoon bestand is; geef een andere naam",
                               "what is here is not a plain file; give another name"},
    [CSV_WHY_NOT_OURS] =
        {"hier staat al een ander bestand, dat blijft zoals het is; geef een andere "
         "naam of haal het weg",
         "another file is here already and stays as it is; give another name or "
         "remove it"},
    [CSV_WHY_SIGNED] =
        {"hier staat een ondertekende overeenkomst, die blijft; geef een andere naam",
         "a signed agreement is here and stays; give another name"},
};

const char *csv_problem_why(const struct csv_problem *problem, bool english)
{
    return english ? whys[problem->why].english : whys[problem->why].dutch;
}

void csv_problem_print(const struct csv_problem *problem, char *ret_text)
{
    size_t used = 0;
    ret_text[0] = '\0';
    if (problem->line > 0)
        APPEND(ret_text, used, "regel %lu", problem->line);
    if (problem->column)
        APPEND(ret_text, used, "%skolom %.60s", used > 0 ? ", " : "", problem->column);
    APPEND(ret_text, used, "%s%.120s", used > 0 ? ": " : "", skp_error(problem->err)->dutch);
    if (problem->other_line > 0)
        APPEND(ret_text, used, " (%s regel %lu)",
               problem->err == SKP_E_DUPLICATE_ITEM ? "zie ook" : "anders dan",
               problem->other_line);
    if (problem->os_error != 0)
        APPEND(ret_text, used, " (%.60s)", strerrordesc_np(problem->os_error));
    if (problem->why != CSV_WHY_NONE)
        APPEND(ret_text, used, ": %.120s", csv_problem_why(problem, false));
}
