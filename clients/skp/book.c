#include "book.h"

#include "matching.h"
#include "text.h"
#include "wire.h"

#include <stdio.h>
#include <string.h>

#define BOOK_MAX_BYTES   ((size_t)256 << 20)
#define BOOK_MAX_ENTRIES ((size_t)1 << 20)
#define OIN_KEY_BYTES    (OIN_CHARS + 1)

void book_init(struct book *book)
{
    *book = (struct book){0};
    arena_init(&book->arena, BOOK_MAX_BYTES);
}

void book_fini(struct book *book)
{
    map_fini(&book->by_oin);
    map_fini(&book->by_name);
    arena_fini(&book->arena);
    *book = (struct book){0};
}

static enum skp_err make_room(struct book *book)
{
    if (book->room == 0) {
        enum skp_err err = map_init(&book->by_oin, OIN_KEY_BYTES, 64, BOOK_MAX_ENTRIES);
        if (!err)
            err = map_init(&book->by_name, HASH_BYTES, 256, BOOK_MAX_ENTRIES * 16);
        if (err)
            return err;
    }
    if (book->count < book->room)
        return SKP_OK;
    size_t room = book->room > 0 ? 2 * book->room : 64;
    Skp__V1__DirectoryEntry **entries = arena_calloc(&book->arena, room, sizeof(*entries));
    if (!entries)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < book->count; i++)
        entries[i] = book->entries[i];
    book->entries = entries;
    book->room = room;
    return SKP_OK;
}

enum skp_err book_add(struct book *book, const Skp__V1__DirectoryEntry *entry)
{
    enum skp_err err = make_room(book);
    if (err)
        return err;
    struct span packed = wire_pack(&entry->base, &book->arena);
    if (!packed.data)
        return SKP_E_NO_MEMORY;
    Skp__V1__DirectoryEntry *copy =
        skp__v1__directory_entry__unpack(&book->arena.protobuf, packed.len, packed.data);
    struct skp_oin oin;
    if (!copy)
        return SKP_E_NO_MEMORY;
    if (!oin_take(span_text(copy->oin), &oin))
        return SKP_OK; /* nobody that could be addressed */
    if (map_has(&book->by_oin, oin.text))
        return SKP_OK;
    err = map_put_index(&book->by_oin, oin.text, book->count);
    if (!err)
        err = matching_learn(book, book->count, copy);
    if (!err)
        book->entries[book->count++] = copy;
    return err;
}

const Skp__V1__DirectoryEntry *book_find(const struct book *book, const char *oin)
{
    struct skp_oin key;
    size_t index;
    if (book->room == 0 || !oin_take(span_text(oin), &key) ||
        !map_find_index(&book->by_oin, key.text, &index))
        return NULL;
    return book->entries[index];
}

const char *book_label(const struct book *book, const char *oin, char text[BOOK_LABEL_BYTES])
{
    const Skp__V1__DirectoryEntry *entry = book_find(book, oin);
    bool named = entry && entry->name[0] != '\0' && !text_check(span_text(entry->name), NULL);
    (void)snprintf(text, BOOK_LABEL_BYTES, "%s%s%s", named ? entry->name : "", named ? " " : "",
                   oin);
    return text;
}

bool book_has_role(const Skp__V1__DirectoryEntry *entry, Skp__V1__Role role)
{
    for (size_t i = 0; i < entry->n_roles; i++)
        if (entry->roles[i] == role)
            return true;
    return false;
}

/* The first record of which the mailbox has this name, as matching_key() writes it; NULL: none. */
static const Skp__V1__SignedRecord *find_record(const Skp__V1__DirectoryEntry *entry,
                                                const char *key)
{
    for (size_t i = 0; i < entry->n_records; i++) {
        const Skp__V1__SignedRecord *record = entry->records[i];
        char found[MATCHING_KEY_BYTES] = "";
        Skp__V1__MailboxRecord *read =
            skp__v1__mailbox_record__unpack(NULL, record->record.len, record->record.data);
        if (read)
            matching_key(read->mailbox, found);
        bool same = read && strcmp(found, key) == 0;
        skp__v1__mailbox_record__free_unpacked(read, NULL);
        if (same)
            return record;
    }
    return NULL;
}

const Skp__V1__SignedRecord *book_record(const Skp__V1__DirectoryEntry *entry, const char *brand)
{
    char key[MATCHING_KEY_BYTES];
    matching_key(brand, key);
    const Skp__V1__SignedRecord *record = find_record(entry, key);
    if (!record && key[0] != '\0')
        record = find_record(entry, "");
    if (!record && entry->n_records > 0)
        record = entry->records[0];
    return record;
}

/* ---------------------------------------------------------------- agreements */

/* An empty list is all. */
static bool lists(const int *codes, size_t count, int code)
{
    for (size_t i = 0; i < count; i++)
        if (codes[i] == code)
            return true;
    return count == 0;
}

_Static_assert(sizeof(Skp__V1__Product) == sizeof(int), "enums are ints");

static bool covers(const Skp__V1__AgreementSummary *agreement, const struct book_scope *scope)
{
    if (agreement->brand[0] != '\0' && strcmp(agreement->brand, scope->brand) != 0)
        return false;
    for (int kind = 0; kind < 32; kind++)
        if ((scope->kinds >> kind & 1U) != 0 &&
            !lists((const int *)agreement->claim_kinds, agreement->n_claim_kinds, kind))
            return false;
    return lists((const int *)agreement->products, agreement->n_products, scope->product) &&
           lists((const int *)agreement->guidances, agreement->n_guidances, scope->guidance);
}

const Skp__V1__AgreementSummary *book_agreement(const Skp__V1__DirectoryEntry *entry,
                                                const struct book_scope *scope, int32_t date)
{
    for (size_t i = 0; i < entry->n_agreements; i++) {
        const Skp__V1__AgreementSummary *agreement = entry->agreements[i];
        bool in_force = agreement->valid_from_date <= date &&
                        (agreement->valid_until_date == 0 || date <= agreement->valid_until_date);
        if (in_force && covers(agreement, scope))
            return agreement;
    }
    return NULL;
}
