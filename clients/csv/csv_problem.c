#include "csv.h"

#include <string.h>

/* Appends like snprintf and never past the end. */
#define APPEND(text, used, ...)                                                                    \
    ((used) += (size_t)snprintf((text) + (used), CSV_PROBLEM_TEXT_BYTES - (used), __VA_ARGS__))

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
        APPEND(ret_text, used, " (anders dan regel %lu)", problem->other_line);
    if (problem->os_error != 0)
        snprintf(ret_text + used, CSV_PROBLEM_TEXT_BYTES - used, " (%s)",
                 strerrordesc_np(problem->os_error));
}
