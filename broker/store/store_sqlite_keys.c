/* Keys as SQLite holds them: bytes, or the numbers of rows. */
#include "store_sqlite_internal.h"

#include <assert.h>

#define SIGN_BIT (UINT64_C(1) << 63)

/* A null pointer would bind NULL instead of no bytes. */
int sqlite_bind_span(sqlite3_stmt *statement, int at, struct span bytes)
{
    return sqlite3_bind_blob64(statement, at, bytes.len > 0 ? (const void *)bytes.data : "",
                               bytes.len, SQLITE_STATIC);
}

struct span sqlite_column_span(sqlite3_stmt *statement, int column)
{
    const void *data = sqlite3_column_blob(statement, column);
    return span_of(data, data ? (size_t)sqlite3_column_bytes(statement, column) : 0);
}

/* Of its first bytes; those that are missing are zeros, which come first. */
static uint64_t number_of(struct span key)
{
    uint64_t number = 0;
    for (size_t i = 0; i < STORE_NUMBER_BYTES; i++)
        number = number << 8 | (i < key.len ? key.data[i] : 0);
    return number;
}

/* SQLite's numbers have a sign: less 2^63, and the order stays. */
static int bind_number(sqlite3_stmt *statement, int at, uint64_t number)
{
    return sqlite3_bind_int64(statement, at, (sqlite3_int64)(number ^ SIGN_BIT));
}

int sqlite_key_bind(sqlite3_stmt *statement, int at, enum store_table table, struct span key)
{
    if (!store_has_number_keys(table))
        return sqlite_bind_span(statement, at, key);
    assert(key.len == STORE_NUMBER_BYTES); /* store.c lets no other pass */
    return bind_number(statement, at, number_of(key));
}

int sqlite_key_bind_from(sqlite3_stmt *statement, int at, enum store_table table, struct span from)
{
    if (!store_has_number_keys(table))
        return sqlite_bind_span(statement, at, from);
    uint64_t number = number_of(from);
    if (from.len <= STORE_NUMBER_BYTES)
        return bind_number(statement, at, number);
    /* More bytes than a key has: what starts with it is behind that key. */
    return number == UINT64_MAX ? sqlite3_bind_null(statement, at)
                                : bind_number(statement, at, number + 1);
}

struct span sqlite_key_column(sqlite3_stmt *statement, int column, enum store_table table,
                              uint8_t buffer[STORE_NUMBER_BYTES])
{
    if (!store_has_number_keys(table))
        return sqlite_column_span(statement, column);
    uint64_t number = (uint64_t)sqlite3_column_int64(statement, column) ^ SIGN_BIT;
    for (size_t i = 0; i < STORE_NUMBER_BYTES; i++)
        buffer[i] = (uint8_t)(number >> (8 * (STORE_NUMBER_BYTES - 1 - i)));
    return span_of(buffer, STORE_NUMBER_BYTES);
}
