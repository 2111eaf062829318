#include "ctl_explain.h"

#include "errors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *retry_words(enum skp_retry retry)
{
    switch (retry) {
    case SKP_RETRY_NEVER:
        return "sending the same again never helps";
    case SKP_RETRY_LATER:
        return "send the same again later";
    case SKP_RETRY_AFTER_FIX:
        return "send it again after correcting it";
    }
    return "";
}

static bool fits(const struct skp_error_info *info, const char *what)
{
    char *end;
    long code = strtol(what, &end, 10);
    if (*what != '\0' && *end == '\0')
        return code == (long)info->code;
    return strncasecmp(what, info->name, strlen(what)) == 0;
}

static void explain_one(FILE *stream, const struct skp_error_info *info)
{
    fprintf(stream, "%d %s\n  what    %s\n  do      %s\n  again   %s\n  Dutch   %s\n",
            (int)info->code, info->name, info->sentence, info->remedy, retry_words(info->retry),
            info->dutch);
}

static json_t *row_of(const struct skp_error_info *info)
{
    return json_pack("{s:i,s:s,s:s,s:s,s:s,s:s}", "code", (int)info->code, "name", info->name,
                     "sentence", info->sentence, "remedy", info->remedy, "retry",
                     retry_words(info->retry), "dutch", info->dutch);
}

static void print_rows(FILE *stream, json_t *rows)
{
    json_t *answer = json_pack("{s:b,s:O}", "ok", json_array_size(rows) > 0, "rows", rows);
    json_dumpf(answer, stream, JSON_COMPACT);
    fputc('\n', stream);
    json_decref(answer);
}

bool ctl_explain(FILE *stream, const char *what, bool json)
{
    unsigned count;
    const struct skp_error_info *errors = skp_error_list(&count);
    json_t *rows = json_array();
    for (unsigned i = 0; i < count; i++) {
        if (what != NULL && !fits(&errors[i], what))
            continue;
        json_array_append_new(rows, row_of(&errors[i]));
        if (json)
            continue;
        if (what == NULL)
            fprintf(stream, "%d %-24s %s\n", (int)errors[i].code, errors[i].name,
                    errors[i].sentence);
        else
            explain_one(stream, &errors[i]);
    }
    bool found = json_array_size(rows) > 0;
    if (json)
        print_rows(stream, rows);
    json_decref(rows);
    return found;
}
