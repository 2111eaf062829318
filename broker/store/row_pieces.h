/* Pieces that the files of row values are written with: lengths before bytes, ids, hashes. */
#ifndef SKP_ROW_PIECES_H
#define SKP_ROW_PIECES_H

#include "packed.h"
#include "rows.h"

static inline struct packed_writer writer_new(struct arena *arena, size_t bytes)
{
    struct packed_writer writer = {.data = arena_alloc(arena, bytes), .room = bytes};
    if (!writer.data)
        writer.room = 0;
    return writer;
}

static inline struct span written(const struct packed_writer *writer)
{
    return span_of(writer->data, writer->len);
}

static inline void put_span(struct packed_writer *writer, struct span bytes)
{
    packed_put_u32(writer, (uint32_t)bytes.len);
    packed_put(writer, bytes.data, bytes.len);
}

static inline struct span take_span(struct packed_reader *reader)
{
    size_t len = packed_take_u32(reader);
    if (reader->bad || len > reader->rest.len) {
        reader->bad = true;
        return span_of(NULL, 0);
    }
    struct span bytes = span_of(reader->rest.data, len);
    reader->rest = span_of(reader->rest.data + len, reader->rest.len - len);
    return bytes;
}

static inline void put_id(struct packed_writer *writer, const struct skp_id *id)
{
    packed_put(writer, id->bytes, ID_BYTES);
}

static inline void put_hash(struct packed_writer *writer, const struct skp_hash *hash)
{
    packed_put(writer, hash->bytes, HASH_BYTES);
}

static inline void take_id(struct packed_reader *reader, struct skp_id *ret_id)
{
    packed_take(reader, ret_id->bytes, ID_BYTES);
}

static inline void take_hash(struct packed_reader *reader, struct skp_hash *ret_hash)
{
    packed_take(reader, ret_hash->bytes, HASH_BYTES);
}

/* A value is right when everything was read and nothing is left. */
static inline enum skp_err finished(const struct packed_reader *reader)
{
    return reader->bad || reader->rest.len > 0 ? SKP_E_DATA_LOSS : SKP_OK;
}

#endif
