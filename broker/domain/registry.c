#include "registry_internal.h"

#include "mutant.h"

#include <assert.h>
#include <stdlib.h>

struct agreement_key registry_agreement_key(const struct skp_id *agreement_id, uint32_t version)
{
    struct agreement_key key;
    memcpy(key.bytes, agreement_id->bytes, ID_BYTES);
    memcpy(key.bytes + ID_BYTES, &version, sizeof version);
    return key;
}

/* ---------------------------------------------------------------- lifetime */

static void rows_unref(struct registry_rows *rows)
{
    if (!rows || atomic_fetch_sub(&rows->references, 1) > 1)
        return;
    arena_fini(&rows->arena);
    free(rows);
}

void registry_free(struct registry *registry)
{
    map_fini(&registry->nodes_by_oin);
    map_fini(&registry->agreements_by_key);
    map_fini(&registry->records_by_key);
    free(registry->nodes);
    free(registry->agreements);
    free(registry->records);
    rows_unref(registry->rows);
    free(registry);
}

struct registry *registry_ref(struct registry *registry)
{
    unsigned before = atomic_fetch_add(&registry->references, 1);
    assert(before > 0);
    return registry;
}

void registry_unref(struct registry *registry)
{
    if (!registry)
        return;
    unsigned before = atomic_fetch_sub(&registry->references, 1);
    assert(before > 0);
    if (before == 1)
        registry_free(registry);
}

/* ---------------------------------------------------------------- lookups */

static const struct registry_node *find_node(const struct registry *registry,
                                             const struct skp_oin *oin)
{
    return map_get(&registry->nodes_by_oin, oin->text);
}

const struct registry_participant *registry_find(const struct registry *registry,
                                                 const struct skp_oin *oin)
{
    const struct registry_node *node = find_node(registry, oin);
    return node ? &node->participant : NULL;
}

size_t registry_count(const struct registry *registry)
{
    return registry->nodes_by_oin.count;
}

const struct registry_participant *registry_at(const struct registry *registry, size_t index)
{
    assert(index < registry_count(registry));
    return &registry->nodes[index].participant;
}

const struct agreement *registry_agreement(const struct registry *registry,
                                           const struct skp_id *agreement_id, uint32_t version)
{
    struct agreement_key key = registry_agreement_key(agreement_id, version);
    return map_get(&registry->agreements_by_key, key.bytes);
}

size_t registry_agreement_count(const struct registry *registry)
{
    return registry->agreements_by_key.count;
}

const struct agreement *registry_agreement_at(const struct registry *registry, size_t index)
{
    assert(index < registry_agreement_count(registry));
    return registry->agreements[index];
}

/* ---------------------------------------------------------------- which agreement applies */

/* Versions of one id stand behind each other. */
static const struct agreement *replaced_at(const struct registry_node *creditor, size_t index,
                                           plain_date date)
{
    const struct agreement *agreement = creditor->agreements[index];
    for (size_t i = index + 1; i < creditor->agreement_count; i++) {
        const struct agreement *other = creditor->agreements[i];
        if (!id_equal(&other->agreement_id, &agreement->agreement_id))
            return NULL;
        if (other->valid_from <= date)
            return other;
    }
    return NULL;
}

static int compare_versions(const void *key, const void *element)
{
    const struct agreement *left = key;
    const struct agreement *right = *(struct agreement *const *)element;
    int order = id_compare(&left->agreement_id, &right->agreement_id);
    return order ? order : (left->version > right->version) - (left->version < right->version);
}

const struct agreement *registry_replaced_by(const struct registry *registry,
                                             const struct agreement *agreement, plain_date date)
{
    const struct registry_node *creditor = find_node(registry, &agreement->creditor);
    struct agreement **found =
        creditor && creditor->agreement_count > 0
            ? bsearch(agreement, creditor->agreements, creditor->agreement_count,
                      sizeof(struct agreement *), compare_versions)
            : NULL;
    return found ? replaced_at(creditor, (size_t)(found - creditor->agreements), date) : NULL;
}

/* Equal ones keep their order by id, so that every broker chooses the same. */
static bool goes_before(const struct agreement *a, const struct agreement *b)
{
    if (!b)
        return true;
    bool a_brand = *a->brand != '\0';
    bool b_brand = *b->brand != '\0';
    if (a_brand != b_brand)
        return a_brand;
    return a->valid_from > b->valid_from;
}

const struct agreement *registry_agreement_for(const struct registry *registry,
                                               const struct skp_oin *counsellor,
                                               const struct skp_oin *creditor, plain_date date,
                                               uint32_t claim_kinds, uint8_t product,
                                               uint8_t guidance, const char *brand)
{
    const struct registry_node *node = find_node(registry, creditor);
    const struct agreement *best = NULL;
    for (size_t i = 0; node && i < node->agreement_count; i++) {
        const struct agreement *agreement = node->agreements[i];
        if (agreement_in_force(agreement, counsellor, date) &&
            agreement_covers(agreement, claim_kinds, product, guidance, brand) &&
            !replaced_at(node, i, date) && goes_before(agreement, best))
            best = agreement;
    }
    return best;
}

const struct registry_record *registry_record_of(const struct registry_participant *participant,
                                                 const char *mailbox)
{
    for (size_t i = 0; i < participant->record_count; i++)
        if (strcmp(participant->records[i]->mailbox, mailbox) == 0)
            return participant->records[i];
    return NULL;
}

bool registry_may_read_bsn(const struct registry *registry,
                           const struct registry_participant *participant, const char *mailbox)
{
    const struct registry_record *record = registry_record_of(participant, mailbox);
    if (MUTANT(bsn_right_off))
        return true;
    if (!participant->bsn_entitled || !record)
        return false;
    for (size_t i = 0; i < record->reader_count; i++) {
        struct skp_oin oin;
        const struct registry_participant *reader =
            oin_take(span_text(record->readers[i]), &oin) ? registry_find(registry, &oin) : NULL;
        if (!reader || !reader->bsn_entitled)
            return false;
    }
    return true;
}
