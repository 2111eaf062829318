/* From words on the command line to the JSON request. Reads the files named on it and nothing else. */
#ifndef SKP_CTL_REQUEST_H
#define SKP_CTL_REQUEST_H

#include "ctl_command.h"

#include <jansson.h>

/* NULL with a sentence in ret_why[CTL_WHY_BYTES]: an unknown option, a missing value, a required one not given, or, and
 * then *ret_file is set, a file that cannot be used. The caller drops the reference. */
json_t *ctl_request_build(const struct ctl_command *command, int count, char *const *arguments,
                          bool *ret_file, char *ret_why);

#endif
