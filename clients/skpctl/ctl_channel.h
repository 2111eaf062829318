/* The line to the broker's control socket. Blocking; for a command line. */
#ifndef SKP_CTL_CHANNEL_H
#define SKP_CTL_CHANNEL_H

#include <jansson.h>

struct ctl_channel;

/* NULL with a sentence in ret_why[512]. */
struct ctl_channel *ctl_channel_open(const char *path, char *ret_why);
void ctl_channel_close(struct ctl_channel *channel);

/* One request, one answer. NULL with a sentence in ret_why[512] when the line broke or no JSON came. The caller
 * drops the reference. */
json_t *ctl_channel_ask(struct ctl_channel *channel, const json_t *request, char *ret_why);

/* Waits until the broker closes the line, which it does when its store is closed. */
void ctl_channel_wait_closed(struct ctl_channel *channel);

#endif
