#include "ctl_explain.h"

#include "errors.h"

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

bool ctl_explain(FILE *stream, const char *what)
{
    unsigned count;
    bool found = false;
    const struct skp_error_info *errors = skp_error_list(&count);
    for (unsigned i = 0; i < count; i++) {
        if (what == NULL) {
            fprintf(stream, "%d %-24s %s\n", (int)errors[i].code, errors[i].name,
                    errors[i].sentence);
        } else if (fits(&errors[i], what)) {
            explain_one(stream, &errors[i]);
        } else {
            continue;
        }
        found = true;
    }
    return found;
}
