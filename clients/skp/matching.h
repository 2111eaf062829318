/* Whom does an office mean by the name in its own relation list? Pure.
 *
 * Never guesses: a name is compared as a whole with the names and search names of the creditors, without
 * regard to case, dots, and the number of spaces. Two creditors with one name are AMBIGUOUS. */
#ifndef SKP_MATCHING_H
#define SKP_MATCHING_H

#include "book.h"

#define MATCHING_KEY_BYTES 1024

enum match { MATCH_FOUND, MATCH_AMBIGUOUS, MATCH_NOT_FOUND };

/* "  KPN B.V. " -> "kpn bv", cut off at MATCHING_KEY_BYTES - 1. */
void matching_key(const char *name, char ret_key[MATCHING_KEY_BYTES]);

/* Files the names of entry number `index`; book_add() does so. NO_MEMORY. */
enum skp_err matching_learn(struct book *book, size_t index,
                            const Skp__V1__DirectoryEntry *entry) SKP_MUST_CHECK;

/* By OIN when one is given, else by name. *ret_entry only when found. */
enum match matching_find(const struct book *book, const char *name, const struct skp_oin *oin,
                         const Skp__V1__DirectoryEntry **ret_entry);

#endif
