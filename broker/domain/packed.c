#include "packed.h"

#include "calendar.h"

#include <assert.h>
#include <endian.h>

SKP_INLINE void put(struct packed_writer *writer, const void *data, size_t len)
{
    assert(len <= writer->room - writer->len);
    if (len > 0) /* memcpy wants an address even for nothing */
        memcpy(writer->data + writer->len, data, len);
    writer->len += len;
}

void packed_put(struct packed_writer *writer, const void *data, size_t len)
{
    put(writer, data, len);
}

SKP_INLINE void put_little_endian(struct packed_writer *writer, uint64_t value, size_t len)
{
    uint64_t bytes = htole64(value);
    put(writer, &bytes, len);
}

void packed_put_u8(struct packed_writer *writer, uint8_t value)
{
    put_little_endian(writer, value, 1);
}

void packed_put_u16(struct packed_writer *writer, uint16_t value)
{
    put_little_endian(writer, value, 2);
}

void packed_put_u32(struct packed_writer *writer, uint32_t value)
{
    put_little_endian(writer, value, 4);
}

void packed_put_u64(struct packed_writer *writer, uint64_t value)
{
    put_little_endian(writer, value, 8);
}

void packed_put_i64(struct packed_writer *writer, int64_t value)
{
    put_little_endian(writer, (uint64_t)value, 8);
}

void packed_put_date(struct packed_writer *writer, int32_t date)
{
    put_little_endian(writer, (uint32_t)date, 4);
}

void packed_put_oin(struct packed_writer *writer, const struct skp_oin *oin)
{
    char text[OIN_CHARS] = {0};
    memcpy(text, oin->text, strnlen(oin->text, OIN_CHARS));
    put(writer, text, OIN_CHARS);
}

SKP_INLINE void take(struct packed_reader *reader, void *ret_data, size_t len)
{
    if (reader->bad || len > reader->rest.len) {
        reader->bad = true;
        memset(ret_data, 0, len);
        return;
    }
    memcpy(ret_data, reader->rest.data, len);
    reader->rest = span_of(reader->rest.data + len, reader->rest.len - len);
}

void packed_take(struct packed_reader *reader, void *ret_data, size_t len)
{
    take(reader, ret_data, len);
}

SKP_INLINE uint64_t take_little_endian(struct packed_reader *reader, size_t len)
{
    uint64_t bytes = 0;
    take(reader, &bytes, len);
    return le64toh(bytes);
}

uint8_t packed_take_u8(struct packed_reader *reader, uint8_t max)
{
    uint8_t value = (uint8_t)take_little_endian(reader, 1);
    if (value > max)
        reader->bad = true;
    return value;
}

uint16_t packed_take_u16(struct packed_reader *reader)
{
    return (uint16_t)take_little_endian(reader, 2);
}

uint32_t packed_take_u32(struct packed_reader *reader)
{
    return (uint32_t)take_little_endian(reader, 4);
}

uint64_t packed_take_u64(struct packed_reader *reader)
{
    return take_little_endian(reader, 8);
}

int64_t packed_take_amount(struct packed_reader *reader)
{
    int64_t value = (int64_t)take_little_endian(reader, 8);
    if (value < 0)
        reader->bad = true;
    return value;
}

int32_t packed_take_date(struct packed_reader *reader)
{
    int32_t date = (int32_t)take_little_endian(reader, 4);
    if (date != 0 && !calendar_date_valid(date))
        reader->bad = true;
    return date;
}

void packed_take_oin(struct packed_reader *reader, struct skp_oin *ret_oin)
{
    static const char empty[OIN_CHARS];
    char text[OIN_CHARS];
    take(reader, text, OIN_CHARS);
    *ret_oin = (struct skp_oin){0};
    if (memcmp(text, empty, OIN_CHARS) != 0 && !oin_take(span_of(text, OIN_CHARS), ret_oin))
        reader->bad = true;
}
