/* What registry.c and registry_builder.c share. */
#ifndef SKP_REGISTRY_INTERNAL_H
#define SKP_REGISTRY_INTERNAL_H

#include "map.h"
#include "registry.h"

#include <stdatomic.h>

/* A participant with what only the lookups need. */
struct registry_node {
    struct registry_participant participant; /* first: nodes are handed out as participants */
    struct agreement **agreements;           /* as creditor; a run of registry.agreements */
    size_t agreement_count;
};

/* An agreement version is found under its id and version in one key. */
struct agreement_key {
    uint8_t bytes[ID_BYTES + sizeof(uint32_t)];
};

struct registry {
    atomic_uint references;
    struct arena arena;               /* rows, unpacked, and the arrays below */
    struct map nodes_by_oin;          /* OIN text -> struct registry_node */
    struct map agreements_by_key;     /* struct agreement_key -> struct agreement */
    struct registry_node **nodes;     /* by OIN */
    struct agreement **agreements;    /* by creditor, id, version */
    struct registry_record **records; /* by participant, mailbox */
};

struct agreement_key registry_agreement_key(const struct skp_id *agreement_id, uint32_t version);
void registry_free(struct registry *registry);

#endif
