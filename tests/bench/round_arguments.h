/* The command line that the smaller benchmarks share. */
#ifndef SKP_ROUND_ARGUMENTS_H
#define SKP_ROUND_ARGUMENTS_H

#include "round_office.h"
#include "round_plan.h"

struct round_arguments {
    const char *skpd, *pki; /* pki NULL: made for this time only */
    unsigned count, others;
    char folder[200]; /* new, made under --folder */
    bool keep;
};

/* --skpd PATH [--folder FOLDER] [--pki FOLDER] [--count N] [--others N] [--keep]; `usage` is printed for --help. Also
 * prepares the process: no SIGPIPE, as many files as it may. */
void round_arguments_read(int argc, char **argv, const char *usage,
                          struct round_arguments *arguments);
void round_arguments_end(const struct round_arguments *arguments); /* removes the folder */

void round_arguments_pki(const struct round_arguments *arguments, struct round_pki *ret_pki);

/* A broker in folder/name that knows all parties of the plan. */
void round_arguments_office(const struct round_arguments *arguments, const struct round_plan *plan,
                            const struct round_pki *pki, const char *name,
                            struct round_office *ret_office);

/* All creditors come, publish their records and leave: from now on they can be sent to. */
void round_arguments_publish(const struct round_plan *plan, const struct round_pki *pki,
                             uint16_t port);

#endif
