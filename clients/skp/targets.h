/* Connected creditors of one run: whom to seal for, checked once, and whether they may see a BSN. */
#ifndef SKP_TARGETS_H
#define SKP_TARGETS_H

#include "link.h"

struct target {
    struct addressee to;
    bool bsn_entitled; /* all who can open it are */
    enum skp_err err;  /* of checking its record */
};

struct targets {
    struct link *link;
    struct map by_record; /* address of a mailbox record in the link's book -> struct target */
};

/* NO_MEMORY. */
enum skp_err targets_init(struct targets *targets, struct link *link) SKP_MUST_CHECK;
void targets_fini(struct targets *targets);

/* The target of a participant's mailbox for `brand` ("": none), kept until targets_fini(): so the book must not be
 * fetched again once one was found. `ctx` is the struct targets (as planning wants). */
enum skp_err targets_find(void *ctx, const Skp__V1__DirectoryEntry *entry, const char *brand,
                          struct target **ret_target) SKP_MUST_CHECK;

#endif
