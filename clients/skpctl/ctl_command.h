/* The commands of skpctl as data: words, the request they make, what may be given. */
#ifndef SKP_CTL_COMMAND_H
#define SKP_CTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum ctl_type {
    CTL_TEXT,
    CTL_OIN,   /* a text that must be one */
    CTL_LIST,  /* may be repeated */
    CTL_FLAG,  /* without a value */
    CTL_INT,   /* whole, 1 or more */
    CTL_COUNT, /* whole, also 0 */
    CTL_FILE,  /* a path; its bytes travel as base64 */
};

struct ctl_field {
    const char *option; /* "--oin"; a word in capitals ("FILE") is a place on the line */
    const char *json;   /* member of the request */
    enum ctl_type type;
    bool required;
    const char *help;
};

/* How a command runs. */
enum ctl_way {
    CTL_ASK,     /* one request, one answer */
    CTL_IMPORT,  /* a request per line of standard input */
    CTL_ADVANCE, /* asked again until the clock is where it should be */
    CTL_SUM,     /* answered in slices, whose numbers are added up */
    CTL_STOP,    /* asked, and waited until the broker is gone */
    CTL_EXPLAIN, /* needs no broker */
};

#define CTL_MAX_FIELDS 9

struct ctl_command {
    const char *noun, *verb; /* verb NULL: one word */
    const char *wire;        /* "command" of the request */
    enum ctl_way way;
    const char *help;
    struct ctl_field fields[CTL_MAX_FIELDS]; /* ends at option NULL */
};

extern const struct ctl_command ctl_commands[];
extern const size_t ctl_command_count;

#define CTL_WHY_BYTES 512

/* Finds the command of the first one or two words, each given in full or as far as it is unambiguous. NULL with a
 * sentence in ret_why[CTL_WHY_BYTES]. *ret_words is how many words it took. */
const struct ctl_command *ctl_command_find(int count, char *const *words, int *ret_words,
                                           char *ret_why);

#endif
