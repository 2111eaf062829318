/* The bell that the engine's workers ring to get the loop's attention: an eventfd. */
#ifndef SKP_WAKEUP_H
#define SKP_WAKEUP_H

#include "errors.h"

#include <event2/event.h>

struct wakeup;

/* NO_MEMORY, IO (no descriptors left). */
enum skp_err wakeup_new(struct event_base *base, struct wakeup **ret_wakeup) SKP_MUST_CHECK;

/* Not while another thread may signal it. NULL is fine. */
void wakeup_free(struct wakeup *wakeup);

/* Any thread; any number of signals are one call. `ctx` is the wakeup, so that this fits
 * engine_config.wake. */
void wakeup_signal(void *wakeup);

/* Who is called, on the loop; NULL: nobody, the next signal waits. */
void wakeup_listen(struct wakeup *wakeup, void (*fn)(void *ctx), void *ctx);

#endif
