/* Keys and values of the store, read from any bytes.
 *
 * The first byte chooses the reader. What is taken is exactly what packing writes, so that two different
 * rows never mean the same. */
#include "fuzz.h"
#include "rows.h"

#define ARENA_BYTES ((size_t)1 << 20)

/* A value with one reader and one packer. */
#define FEED_VALUE(name, row_type)                                                                 \
    static void feed_##name(struct span value, struct arena *arena)                                \
    {                                                                                              \
        struct row_type row;                                                                       \
        if (name##_read(value, &row) == SKP_OK)                                                    \
            EXPECT(span_equal(name##_pack(&row, arena), value));                                   \
    }

FEED_VALUE(batch_row, batch_row)
FEED_VALUE(page_row, page_row)
FEED_VALUE(entry_row, entry_row)
FEED_VALUE(round_row, round_row)
FEED_VALUE(progress_row, progress_row)
FEED_VALUE(commit_row, commit_row)
FEED_VALUE(store_mark, store_mark)
FEED_VALUE(chain_mark, chain_mark)
FEED_VALUE(clock_mark, clock_mark)
FEED_VALUE(loss_mark, loss_mark)

static void feed_bundle_row(struct span value, struct arena *arena)
{
    struct bundle_row row;
    if (bundle_row_read(value, arena, &row) == SKP_OK)
        EXPECT(span_equal(bundle_row_pack(&row, arena), value));
}

static void feed_watermark(struct span value, struct arena *arena)
{
    struct watermark mark;
    if (watermark_unpack(value, &mark) == SKP_OK)
        EXPECT(span_equal(watermark_pack(&mark, arena), value));
}

/* Damage is told in words that are whole, whatever the key has become. */
static void feed_words(struct span key, struct arena *arena)
{
    char text[ROW_WORDS_BYTES];
    (void)arena;
    enum store_table table = (enum store_table)(1 + take_byte(&key) % (STORE_TABLE_END - 1));
    row_describe(table, key, text, sizeof text);
    EXPECT(memchr(text, '\0', sizeof text) != NULL);
    EXPECT(row_advice_of(table).means != NULL && row_advice_of(table).remedy != NULL);
}

static void feed_lists(struct span value, struct arena *arena)
{
    struct round_page *pages;
    struct note *notes;
    size_t count;
    uint64_t number;
    if (round_pages_read(value, arena, &pages, &count) == SKP_OK)
        EXPECT(span_equal(round_pages_pack(pages, count, arena), value));
    if (notes_read(value, arena, &notes, &count) == SKP_OK)
        EXPECT(span_equal(notes_pack(notes, count, arena), value));
    if (u64_read(value, &number) == SKP_OK)
        EXPECT(span_equal(u64_pack(number, arena), value));
}

/* The parts of a key that a scan gives back stand in it where they were put. */
static void feed_keys(struct span key, struct arena *arena)
{
    struct deadline_key deadline;
    struct skp_oin creditor;
    struct skp_id bundle_id;
    uint64_t position;
    int64_t at_ms;
    unsigned page;
    (void)arena;
    (void)key_is_round_part(key);
    if (key_read_entry(key, &position) == SKP_OK)
        EXPECT((position & 0xff) == key.data[key.len - 1]);
    if (key_read_waiting(key, &bundle_id, &page) == SKP_OK)
        EXPECT((page & 0xff) == key.data[key.len - 1]);
    if (key_read_open(key, &at_ms, &bundle_id, &page) == SKP_OK &&
        oin_take(span_of(key.data, OIN_CHARS), &creditor)) {
        struct row_key again = key_open(&creditor, at_ms, &bundle_id, page);
        EXPECT(span_equal(row_key_span(&again), key));
    }
    if (key_read_deadline(key, &deadline) == SKP_OK) {
        struct row_key again =
            key_deadline(deadline.due_ms, deadline.kind, &deadline.object, deadline.part);
        EXPECT(span_equal(row_key_span(&again), key));
    }
}

/* The smallest key behind all that start with this one. */
static void feed_prefix(struct span bytes, struct arena *arena)
{
    struct row_key prefix = {.len = bytes.len < STORE_KEY_MAX / 2 ? bytes.len : STORE_KEY_MAX / 2};
    (void)arena;
    if (prefix.len > 0)
        memcpy(prefix.bytes, bytes.data, prefix.len);
    struct row_key after = key_after_prefix(&prefix);
    for (size_t i = 0; i < prefix.len && after.len == 0; i++)
        EXPECT(prefix.bytes[i] == 0xff);
    if (after.len == 0)
        return;
    struct row_key longest = prefix;
    memset(longest.bytes + prefix.len, 0xff, STORE_KEY_MAX - prefix.len);
    EXPECT(memcmp(after.bytes, longest.bytes, after.len) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct span, struct arena *) = {
        feed_batch_row,  feed_bundle_row,   feed_page_row,   feed_entry_row,
        feed_round_row,  feed_progress_row, feed_commit_row, feed_store_mark,
        feed_chain_mark, feed_clock_mark,   feed_lists,      feed_keys,
        feed_prefix,     feed_loss_mark,    feed_watermark,  feed_words,
    };
    struct arena arena;
    struct span rest = span_of(data, size);
    unsigned which = take_byte(&rest);
    arena_init(&arena, ARENA_BYTES);
    readers[which % (sizeof readers / sizeof readers[0])](rest, &arena);
    arena_fini(&arena);
    return 0;
}
