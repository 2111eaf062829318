#include "targets.h"

#include <stdlib.h>

enum skp_err targets_init(struct targets *targets, struct link *link)
{
    *targets = (struct targets){.link = link};
    return map_init(&targets->by_record, sizeof(const Skp__V1__SignedRecord *), 64,
                    (size_t)1 << 20);
}

void targets_fini(struct targets *targets)
{
    for (size_t i = 0; i < targets->by_record.count; i++) {
        struct target *target = map_value_at(&targets->by_record, i);
        addressee_fini(&target->to);
        free(target);
    }
    map_fini(&targets->by_record);
}

/* Entitlement is judged for everyone who opens: an agency does not inherit it. */
static bool all_entitled(const struct book *book, const struct readers *readers)
{
    for (size_t i = 0; i < readers->count; i++) {
        const Skp__V1__DirectoryEntry *reader = book_find(book, readers->oins[i].text);
        if (!reader || !reader->bsn_entitled)
            return false;
    }
    return true;
}

enum skp_err targets_find(void *ctx, const Skp__V1__DirectoryEntry *entry, const char *brand,
                          struct target **ret_target)
{
    struct targets *targets = ctx;
    const Skp__V1__SignedRecord *record = book_record(entry, brand);
    struct target *target = map_get(&targets->by_record, &record);
    if (!target) {
        struct readers readers;
        target = calloc(1, sizeof *target);
        if (!target)
            return SKP_E_NO_MEMORY;
        target->err = link_addressee(targets->link, entry, record, &target->to, &readers);
        if (!target->err)
            target->bsn_entitled = all_entitled(&targets->link->book, &readers);
        enum skp_err err = map_put(&targets->by_record, &record, target);
        if (err) {
            addressee_fini(&target->to);
            free(target);
            return err;
        }
    }
    if (!target->err)
        *ret_target = target;
    return target->err;
}
