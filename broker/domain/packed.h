/* Fixed little-endian rows, written and read field by field.
 *
 * What the domain keeps (requests, cases) is packed by hand: a row has one form only, and a row
 * that has another one is damage, never a guess. Pure; no allocation. For domain/ and the rows of store/. */
#ifndef SKP_PACKED_H
#define SKP_PACKED_H

#include "bytes.h"

/* Writes into a buffer that is known to be large enough (asserted). */
struct packed_writer {
    uint8_t *data;
    size_t room;
    size_t len;
};

void packed_put(struct packed_writer *writer, const void *data, size_t len);
void packed_put_u8(struct packed_writer *writer, uint8_t value);
void packed_put_u16(struct packed_writer *writer, uint16_t value);
void packed_put_u32(struct packed_writer *writer, uint32_t value);
void packed_put_u64(struct packed_writer *writer, uint64_t value);
void packed_put_i64(struct packed_writer *writer, int64_t value);
void packed_put_date(struct packed_writer *writer, int32_t date);
void packed_put_oin(struct packed_writer *writer, const struct skp_oin *oin); /* may be empty */

/* Reads; whatever does not fit sets `bad` and gives zeros, so that one check at the end is enough.
 */
struct packed_reader {
    struct span rest;
    bool bad;
};

void packed_take(struct packed_reader *reader, void *ret_data, size_t len);
uint8_t packed_take_u8(struct packed_reader *reader, uint8_t max); /* bad when larger than max */
uint16_t packed_take_u16(struct packed_reader *reader);
uint32_t packed_take_u32(struct packed_reader *reader);
uint64_t packed_take_u64(struct packed_reader *reader);
int64_t
packed_take_amount(struct packed_reader *reader);       /* cents or milliseconds: never negative */
int32_t packed_take_date(struct packed_reader *reader); /* 0 or a date of the calendar */
void packed_take_oin(struct packed_reader *reader, struct skp_oin *ret_oin); /* may be empty */

#endif
