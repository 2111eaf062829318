/* What the files of the registry share. */
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

/* What was read from rows, unpacked. A registry and the ones made from it share it: rows are added
 * for the newest by one thread, and never change. */
struct registry_rows {
    atomic_uint references;
    struct arena arena;
    size_t count;       /* ever added */
    size_t first_bytes; /* of the arena, when the first registry was made of it */
};

struct registry {
    atomic_uint references;
    struct registry_rows *rows;
    struct map nodes_by_oin;       /* OIN text -> struct registry_node */
    struct map agreements_by_key;  /* struct agreement_key -> struct agreement */
    struct map records_by_key;     /* hash of participant and mailbox -> struct registry_record */
    struct registry_node *nodes;   /* by OIN */
    struct agreement **agreements; /* by creditor, id, version */
    struct registry_record **records; /* by participant, mailbox */
};

struct registry_builder {
    struct registry *registry;
    struct arena scratch; /* of one row */
};

/* The memory of a row that is about to be added; empties the scratch. */
struct arena *registry_row_arena(struct registry_builder *builder);

struct agreement_key registry_agreement_key(const struct skp_id *agreement_id, uint32_t version);
void registry_free(struct registry *registry);

#endif
