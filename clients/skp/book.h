/* The directory as fetched: who takes part, found by OIN or by name.
 *
 * Owns copies of the entries. Answers from memory, decides nothing about names that several have. */
#ifndef SKP_BOOK_H
#define SKP_BOOK_H

#include "arena.h"
#include "bytes.h"
#include "map.h"
#include "skp.pb-c.h"

struct book {
    struct arena arena;
    Skp__V1__DirectoryEntry **entries;
    size_t count, room;
    struct map by_oin;  /* index of entries */
    struct map by_name; /* hash of a normalised name -> struct book_name (matching.c) */
};

void book_init(struct book *book);
void book_fini(struct book *book);

/* Copies an entry. NO_MEMORY. */
enum skp_err book_add(struct book *book, const Skp__V1__DirectoryEntry *entry) SKP_MUST_CHECK;

/* NULL: no such participant. Borrowed until book_fini(). */
const Skp__V1__DirectoryEntry *book_find(const struct book *book, const char *oin);

/* The participant's name with its OIN, for people; only the OIN when the directory gave no printable name. Prints
 * into `text` and returns it. */
#define BOOK_LABEL_BYTES 512
const char *book_label(const struct book *book, const char *oin, char text[BOOK_LABEL_BYTES]);

bool book_has_role(const Skp__V1__DirectoryEntry *entry, Skp__V1__Role role);

/* The mailbox record to send to: that of the mailbox named like the brand (compared as matching_key() writes
 * both; "" is no brand), else the main mailbox, else the first. NULL: not connected. */
const Skp__V1__SignedRecord *book_record(const Skp__V1__DirectoryEntry *entry, const char *brand);

/* What a request is about, for the scope of agreements. kinds: bit per ClaimKind. */
struct book_scope {
    uint32_t kinds;
    int product, guidance;
    const char *brand;
};

/* The first agreement of `entry` that is in force on `date` and covers all of it; NULL: none. */
const Skp__V1__AgreementSummary *book_agreement(const Skp__V1__DirectoryEntry *entry,
                                                const struct book_scope *scope, int32_t date);

#endif
