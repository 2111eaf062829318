/* A checksum at the end of every page of the file: rows have their own, but a flipped bit in what
 * holds them together (a count, a pointer) could hide a row without touching it.
 *
 * A page that is damaged is not the end of its rows: one that is asked for by its key, is there and
 * agrees with its own checksum is right. What cannot be trusted on such a page is that something is
 * not there, unless a row on it is found to be what is damaged.
 *
 * SQLite keeps the room free (reserved bytes). The sum is written and checked between SQLite and
 * its VFS, in the method table of the opened file: no VFS of our own has to be registered, and
 * whatever VFS is the default stays under it. The log has checksums of its own.
 *
 * A page that the end of the file cuts in two is damaged too, and misses more than one row; so is one
 * that the disk cannot read, of which no row can be looked at. */
#include "store_sqlite_internal.h"

#include "mutant.h"

#include <assert.h>
#include <xxhash.h>

#define SUM_BYTES      8
#define SUMMED_BYTES   (SQLITE_PAGE_BYTES - SUM_BYTES)
#define SMALLEST_PAGE  512 /* SQLite reads less only of the header */
#define AT_VERSION     60
#define AT_APPLICATION 68

static struct sqlite_sums *sums_of(sqlite3_file *file)
{
    return (struct sqlite_sums *)(uintptr_t)file->pMethods; /* its first member */
}

static uint32_t number_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Pages of another program, or of another schema, have no sums: who looks at its identity refuses
 * it. */
static bool is_ours(const uint8_t *first_page)
{
    return memcmp(first_page, "SQLite format 3", 16) == 0 &&
           number_at(first_page + AT_VERSION) == SQLITE_SCHEMA_VERSION &&
           number_at(first_page + AT_APPLICATION) == SQLITE_APPLICATION_ID;
}

/* With the place, so that a page that landed elsewhere is found out. */
static void make_sum(const uint8_t *page, sqlite3_int64 offset, uint8_t ret_sum[SUM_BYTES])
{
    XXH64_hash_t sum = XXH64(page, SUMMED_BYTES, (XXH64_hash_t)offset);
    for (unsigned i = 0; i < SUM_BYTES; i++)
        ret_sum[i] = (uint8_t)(sum >> (8 * i));
}

/* Free pages at the end of the file may never have been written. */
static bool is_blank(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, SQLITE_PAGE_BYTES - 1) == 0;
}

static bool is_whole(const uint8_t *page, int len, sqlite3_int64 offset)
{
    uint8_t sum[SUM_BYTES];
    if (len != SQLITE_PAGE_BYTES)
        return false;
    make_sum(page, offset, sum);
    return memcmp(sum, page + SUMMED_BYTES, SUM_BYTES) == 0 || is_blank(page);
}

/* SQLITE_PAGES_EXPLAINED: it is not in the list. */
static size_t place_of(const struct sqlite_sums *sums, sqlite3_int64 offset)
{
    size_t place = 0;
    while (place < SQLITE_PAGES_EXPLAINED && sums->explained[place] != offset + 1)
        place++;
    return place;
}

bool sqlite_sums_explain(struct sqlite_sums *sums)
{
    if (sums->found == 0 || sums->last_is_cut)
        return false;
    if (place_of(sums, sums->last) < SQLITE_PAGES_EXPLAINED)
        return true;
    size_t place = place_of(sums, -1);
    if (place < SQLITE_PAGES_EXPLAINED)
        sums->explained[place] = sums->last + 1;
    return place < SQLITE_PAGES_EXPLAINED;
}

/* It was written anew: from now on it is held against its sum again. */
static void forget(struct sqlite_sums *sums, sqlite3_int64 offset)
{
    size_t place = place_of(sums, offset);
    if (place < SQLITE_PAGES_EXPLAINED)
        sums->explained[place] = 0;
}

static int read_page(sqlite3_file *file, void *page, int len, sqlite3_int64 offset)
{
    struct sqlite_sums *sums = sums_of(file);
    int rc = sums->base->xRead(file, page, len, offset);
    bool is_read = rc == SQLITE_OK || rc == SQLITE_IOERR_SHORT_READ; /* with zeros for the rest */
    if (len < SMALLEST_PAGE || (!is_read && rc != SQLITE_IOERR_CORRUPTFS))
        return rc;
    if (is_read && offset == 0 && is_ours(page))
        sums->are_used = true;
    if (is_read &&
        (!sums->are_used || is_whole(page, len, offset) || MUTANT(page_sum_not_checked))) {
        forget(sums, offset); /* perhaps by another connection */
        return rc;
    }
    sums->found++;
    sums->last = offset;
    sums->last_is_cut = rc == SQLITE_IOERR_SHORT_READ;
    bool is_explained = rc == SQLITE_OK && place_of(sums, offset) < SQLITE_PAGES_EXPLAINED;
    return is_explained || (is_read && sums->are_forgiven) ? rc : SQLITE_PAGE_DAMAGED;
}

/* In a copy: what SQLite hands over is its own. */
static int write_page(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
    struct sqlite_sums *sums = sums_of(file);
    uint8_t page[SQLITE_PAGE_BYTES];
    if (len != SQLITE_PAGE_BYTES)
        return sqlite_write_under(sums->base, file, data, len, offset);
    memcpy(page, data, sizeof page);
    make_sum(page, offset, page + SUMMED_BYTES);
    forget(sums, offset);
    return sqlite_write_under(sums->base, file, page, len, offset);
}

int sqlite_sums_attach(sqlite3 *db, struct sqlite_sums *sums)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc != SQLITE_OK)
        return rc;
    assert(file->pMethods);
    sums->base = file->pMethods;
    sums->methods = *file->pMethods;
    sums->methods.xRead = read_page;
    sums->methods.xWrite = write_page;
    file->pMethods = &sums->methods;
    return SQLITE_OK;
}

void sqlite_sums_forgive_no_more(sqlite3 *db, struct sqlite_sums *sums)
{
    sums->are_forgiven = false;
    sqlite3_db_release_memory(db);
}

int sqlite_sums_reserve(sqlite3 *db)
{
    int bytes = SUM_BYTES;
    return sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
}
