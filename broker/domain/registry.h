/* The registry: who takes part, under which names, with which mailbox records and agreements.
 *
 * An immutable value, built from rows; when something changes the next one is built from it and takes
 * its place. Shared between threads by reference. Identity (certificates) and authority (roles
 * here) are kept apart.
 * Signatures of records and agreements are verified where they are admitted, not here. */
#ifndef SKP_REGISTRY_H
#define SKP_REGISTRY_H

#include "agreement.h"
#include "skp.pb-c.h"

#define ROLE_BIT(role) (1U << (role))

/* What all rows together may take in memory. */
#define REGISTRY_MAX_BYTES (256UL * 1024 * 1024)

struct registry_record {
    struct skp_oin participant;
    const char *mailbox; /* "" = the main mailbox */
    uint32_t version;
    struct span bytes; /* SignedRecord, as published */
    char **readers;    /* OINs it is sealed to as well (mandate holders) */
    size_t reader_count;
    const struct skp_hash *withdrawn; /* certificates nobody opens with any more */
    size_t withdrawn_count;
};

/* Everything here is the registry's and lives as long as a reference to it. */
struct registry_participant {
    struct skp_oin oin;
    uint32_t roles; /* ROLE_BIT(Skp__V1__Role) */
    bool bsn_entitled;
    Skp__V1__DirectoryEntry *entry;   /* as registered, without records and agreements */
    struct registry_record **records; /* one per mailbox, the newest; by mailbox */
    size_t record_count;              /* 0: not connected */
};

struct registry;

struct registry_builder;

/* NULL when there is no memory. Uses one thread at a time. */
struct registry_builder *registry_builder_new(void);

/* Starts from all that `present` holds, which must live until registry_build(); costs no more than
 * copying its tables. What both hold is shared, and stays until neither is referred to; one thread
 * at a time makes registries from one another. NULL: no memory, or so many rows were replaced by now
 * that reading all anew is better. */
struct registry_builder *registry_builder_from(const struct registry *present);

/* For a builder that is not used up by registry_build(). NULL is fine. */
void registry_builder_free(struct registry_builder *builder);

/* `bytes` are copied. A participant row is a DirectoryEntry, a record row a SignedRecord, an
 * agreement row a SignedAgreement file. Errors name what is wrong with the row (those of
 * wire_unpack and fact.h, ID_REUSED for a participant or agreement version that is there already);
 * the builder stays usable and without that row. Of two records for one mailbox the higher version
 * stays. */
enum skp_err registry_add_participant(struct registry_builder *builder,
                                      struct span bytes) SKP_MUST_CHECK;
enum skp_err registry_add_record(struct registry_builder *builder,
                                 struct span bytes) SKP_MUST_CHECK;
enum skp_err registry_add_agreement(struct registry_builder *builder,
                                    struct span bytes) SKP_MUST_CHECK;

/* Uses the builder up, also on failure. NOT_REGISTERED: a record or agreement names somebody who is
 * no participant. NO_MEMORY. The caller owns the one reference to *ret_registry. */
enum skp_err registry_build(struct registry_builder *builder,
                            struct registry **ret_registry) SKP_MUST_CHECK;
struct registry *registry_ref(struct registry *registry); /* any thread */
void registry_unref(struct registry *registry);           /* any thread; NULL is fine */

/* NULL: not a participant. */
const struct registry_participant *registry_find(const struct registry *registry,
                                                 const struct skp_oin *oin);
size_t registry_count(const struct registry *registry);
const struct registry_participant *registry_at(const struct registry *registry,
                                               size_t index); /* by OIN */

/* NULL: no such agreement. */
const struct agreement *registry_agreement(const struct registry *registry,
                                           const struct skp_id *agreement_id, uint32_t version);
size_t registry_agreement_count(const struct registry *registry);
const struct agreement *registry_agreement_at(const struct registry *registry,
                                              size_t index); /* by creditor, id, version */

/* The next higher version of it that has begun by `date`; NULL: none. That one replaces it from its
 * first day, also for whom it leaves out and after it ended, and may be replaced itself. The agreement
 * is one of this registry. */
const struct agreement *registry_replaced_by(const struct registry *registry,
                                             const struct agreement *agreement, plain_date date);

/* The agreement under which a request of `counsellor` to `creditor` goes: in force at `date`,
 * covering it, not replaced by a higher version that has begun; the one for this very brand before
 * the one for all, then the one that began last. NULL when none. */
const struct agreement *registry_agreement_for(const struct registry *registry,
                                               const struct skp_oin *counsellor,
                                               const struct skp_oin *creditor, plain_date date,
                                               uint32_t claim_kinds, uint8_t product,
                                               uint8_t guidance, const char *brand);

/* The mailbox record in force, NULL when it was never published. */
const struct registry_record *registry_record_of(const struct registry_participant *participant,
                                                 const char *mailbox);

/* May a BSN go to this mailbox? Entitlement is judged for everybody who opens: a collection agency
 * does not inherit its principal's. */
bool registry_may_read_bsn(const struct registry *registry,
                           const struct registry_participant *participant, const char *mailbox);

/* Who says what: may a participant with `roles` send this fact to a participant with
 * `recipient_roles` (0 = the broker itself)? ROLE_FORBIDDEN. One table, in registry_say.c; whether
 * this release already takes it, says workflow.h. */
enum skp_err registry_may_say(uint32_t roles, uint32_t recipient_roles,
                              Skp__V1__Line__FactCase fact) SKP_MUST_CHECK;

#endif
