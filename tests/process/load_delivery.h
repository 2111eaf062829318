/* What a load client does with a delivery: into the history, opened, answered once, collected. */
#ifndef SKP_LOAD_DELIVERY_H
#define SKP_LOAD_DELIVERY_H

#include "load_session.h"

/* skp_callbacks.on_delivery; `ctx` is the struct load. */
void delivery_take(void *ctx, const Skp__V1__Delivery *delivery,
                   const struct envelope_delivery *checked);

#endif
