#include "matching.h"

#include "merkle.h"

#include <string.h>

struct book_name {
    size_t index;
    bool ambiguous;
};

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c;
}

void matching_key(const char *name, char ret_key[MATCHING_KEY_BYTES])
{
    size_t len = 0;
    bool gap = false;
    for (; *name != '\0' && len < MATCHING_KEY_BYTES - 2; name++) {
        if (*name == '.')
            continue;
        if (*name == ' ') {
            gap = len > 0;
            continue;
        }
        if (gap)
            ret_key[len++] = ' ';
        gap = false;
        ret_key[len++] = lower(*name);
    }
    ret_key[len] = '\0';
}

static struct skp_hash hash_of(const char *name)
{
    char key[MATCHING_KEY_BYTES];
    matching_key(name, key);
    return sha256(span_text(key));
}

static enum skp_err learn(struct book *book, size_t index, const char *name)
{
    struct skp_hash hash = hash_of(name);
    struct book_name *known = map_get(&book->by_name, hash.bytes);
    if (known) {
        known->ambiguous = known->ambiguous || known->index != index;
        return SKP_OK;
    }
    known = arena_alloc(&book->arena, sizeof *known);
    if (!known)
        return SKP_E_NO_MEMORY;
    *known = (struct book_name){.index = index};
    return map_put(&book->by_name, hash.bytes, known);
}

enum skp_err matching_learn(struct book *book, size_t index, const Skp__V1__DirectoryEntry *entry)
{
    if (!book_has_role(entry, SKP__V1__ROLE__ROLE_CREDITOR))
        return SKP_OK;
    enum skp_err err = learn(book, index, entry->name);
    for (size_t i = 0; !err && i < entry->n_search_names; i++)
        err = learn(book, index, entry->search_names[i]);
    return err;
}

enum match matching_find(const struct book *book, const char *name, const struct skp_oin *oin,
                         const Skp__V1__DirectoryEntry **ret_entry)
{
    if (oin->text[0] != '\0') {
        const Skp__V1__DirectoryEntry *entry = book_find(book, oin->text);
        if (!entry || !book_has_role(entry, SKP__V1__ROLE__ROLE_CREDITOR))
            return MATCH_NOT_FOUND;
        *ret_entry = entry;
        return MATCH_FOUND;
    }
    if (book->room == 0)
        return MATCH_NOT_FOUND;
    struct skp_hash hash = hash_of(name);
    const struct book_name *known = map_get(&book->by_name, hash.bytes);
    if (!known)
        return MATCH_NOT_FOUND;
    if (known->ambiguous)
        return MATCH_AMBIGUOUS;
    *ret_entry = book->entries[known->index];
    return MATCH_FOUND;
}
