/* Runs one command against the broker and prints the result. */
#ifndef SKP_CTL_RUN_H
#define SKP_CTL_RUN_H

#include "ctl_channel.h"
#include "ctl_command.h"

#define CTL_EXIT_REFUSED 1

enum ctl_format { CTL_TABLE, CTL_JSON, CTL_CSV };

/* Takes the reference to `request`. Returns the exit code. */
int ctl_run(struct ctl_channel *channel, const struct ctl_command *command, json_t *request,
            enum ctl_format format);

#endif
