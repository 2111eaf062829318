/* One delivery in the making: an entry of a mailbox with the bundle and the batch it leads to, and the
 * frame that shows them. Read worker; pure but for the arenas. */
#ifndef SKP_DELIVERY_H
#define SKP_DELIVERY_H

#include "rows.h"

struct delivery {
    uint64_t position;
    struct entry_row entry;
    uint32_t attempt;
    bool is_damaged; /* its bundle or batch cannot be read */
    struct store_row batch_at;
    struct bundle_row bundle;
    struct row_key bundle_key;
    struct row_key batch_key;
};

/* The body of the Delivery frame, in `arena`; what is needed on the way lives in `scratch`. DATA_LOSS,
 * NO_MEMORY. */
enum skp_err delivery_pack(const struct delivery *out, const char *mailbox, struct arena *scratch,
                           struct arena *arena, struct span *ret_frame) SKP_MUST_CHECK;

#endif
