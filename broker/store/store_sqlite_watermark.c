/* The file -watermark: what was committed last, outside the database and its log, so that the loss
 * of their end does not pass unseen. One small write, never beyond the first sector:
 *
 *   "skp mark", length (1), the mark, zeros up to 64 bytes, XXH64 of all before (8, little endian) */
#include "store_sqlite_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define MAGIC       "skp mark"
#define MAGIC_BYTES 8
#define SUM_BYTES   8

/* Bytes only: no padding. */
struct watermark_file {
    uint8_t magic[MAGIC_BYTES];
    uint8_t len;
    uint8_t mark[STORE_WATERMARK_MAX];
    uint8_t sum[SUM_BYTES];
};

static void make_sum(const struct watermark_file *file, uint8_t ret_sum[SUM_BYTES])
{
    XXH64_hash_t sum = XXH64(file, offsetof(struct watermark_file, sum), 0);
    for (unsigned i = 0; i < SUM_BYTES; i++)
        ret_sum[i] = (uint8_t)(sum >> (8 * i));
}

enum skp_err sqlite_watermark_open(struct sqlite_store *store)
{
    return sqlite_open_beside(store, "-watermark", &store->watermark_fd);
}

enum skp_err sqlite_watermark_write(struct store *store, struct span mark, bool sync)
{
    struct watermark_file file = {.len = (uint8_t)mark.len};
    int fd = sqlite_of(store)->watermark_fd;
    memcpy(file.magic, MAGIC, MAGIC_BYTES);
    memcpy(file.mark, mark.data, mark.len);
    make_sum(&file, file.sum);
    if (pwrite(fd, &file, sizeof file, 0) != (ssize_t)sizeof file)
        return SKP_E_IO;
    return sync && fsync(fd) != 0 ? SKP_E_IO : SKP_OK;
}

enum skp_err sqlite_watermark_read(struct store *store, uint8_t ret_mark[STORE_WATERMARK_MAX],
                                   size_t *ret_len)
{
    struct watermark_file file = {.len = 0};
    uint8_t sum[SUM_BYTES];
    ssize_t len = pread(sqlite_of(store)->watermark_fd, &file, sizeof file, 0);
    if (len < 0)
        return store_fail(store, SKP_E_IO, "cannot read the watermark: %s", strerror(errno));
    if (len == 0) {
        *ret_len = 0;
        return SKP_OK;
    }
    make_sum(&file, sum);
    if (len != (ssize_t)sizeof file || memcmp(file.magic, MAGIC, MAGIC_BYTES) != 0 ||
        memcmp(sum, file.sum, SUM_BYTES) != 0 || file.len > STORE_WATERMARK_MAX)
        return store_fail(store, SKP_E_DATA_LOSS, "the watermark is damaged");
    memcpy(ret_mark, file.mark, file.len);
    *ret_len = file.len;
    return SKP_OK;
}

/* Not with every commit: that would be a second sync, and a mark that is behind does no harm. */
void sqlite_watermark_sync(struct sqlite_store *store)
{
    if (store->watermark_fd >= 0)
        (void)fsync(store->watermark_fd);
}
