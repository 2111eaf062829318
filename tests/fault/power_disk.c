#include "power_disk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* splitmix64 (https://prng.di.unimi.it/splitmix64.c): every seed is a good one. */
uint64_t power_random(uint64_t *random)
{
    uint64_t z = *random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

bool power_chance(uint64_t *random, unsigned percent)
{
    return power_random(random) % 100 < percent;
}

/* ---------------------------------------------------------------- bytes */

static void *grown(void *old, size_t bytes)
{
    void *data = realloc(old, bytes);
    if (!data)
        abort();
    return data;
}

static void bytes_resize(struct power_bytes *bytes, size_t len)
{
    if (len > bytes->room) {
        bytes->room = len + len / 2;
        bytes->data = grown(bytes->data, bytes->room);
    }
    if (len > bytes->len)
        memset(bytes->data + bytes->len, 0, len - bytes->len);
    bytes->len = len;
}

static void bytes_write(struct power_bytes *bytes, size_t offset, const uint8_t *data, size_t len)
{
    if (len == 0)
        return;
    if (offset + len > bytes->len)
        bytes_resize(bytes, offset + len);
    memcpy(bytes->data + offset, data, len);
}

static void bytes_apply(struct power_bytes *bytes, const struct power_op *op)
{
    if (op->data)
        bytes_write(bytes, op->offset, op->data, op->len);
    else
        bytes_resize(bytes, op->len);
}

/* ---------------------------------------------------------------- ordinary life */

static void note_op(struct power_disk *file, struct power_op op)
{
    if (file->op_count == file->op_room) {
        file->op_room = file->op_room ? 2 * file->op_room : 16;
        file->ops = grown(file->ops, file->op_room * sizeof *file->ops);
    }
    file->ops[file->op_count++] = op;
    bytes_apply(&file->now, &op);
}

void power_disk_write(struct power_disk *file, size_t offset, const void *data, size_t len)
{
    if (len == 0)
        return;
    uint8_t *copy = grown(NULL, len);
    memcpy(copy, data, len);
    note_op(file, (struct power_op){.data = copy, .offset = offset, .len = len});
}

void power_disk_resize(struct power_disk *file, size_t len)
{
    note_op(file, (struct power_op){.len = len});
}

static void forget_ops(struct power_disk *file)
{
    for (size_t i = 0; i < file->op_count; i++)
        free(file->ops[i].data);
    file->op_count = 0;
}

void power_disk_sync(struct power_disk *file)
{
    for (size_t i = 0; i < file->op_count; i++)
        bytes_apply(&file->disk, &file->ops[i]);
    forget_ops(file);
}

void power_disk_fini(struct power_disk *file)
{
    forget_ops(file);
    free(file->ops);
    free(file->now.data);
    free(file->disk.data);
    *file = (struct power_disk){.op_count = 0};
}

/* ---------------------------------------------------------------- the cut */

/* The place that grew without being written may hold what an older file left there. */
static void fill_growth(struct power_bytes *disk, size_t old_len, uint64_t *random)
{
    if (disk->len <= old_len || !power_chance(random, 25))
        return;
    for (size_t i = old_len; i < disk->len; i++)
        disk->data[i] = (uint8_t)power_random(random);
}

static void apply_sector(struct power_bytes *disk, const struct power_op *op, size_t at, size_t len,
                         uint64_t *random)
{
    size_t old_len = disk->len;
    if (op->offset + at > old_len) {
        bytes_resize(disk, op->offset + at);
        fill_growth(disk, old_len, random);
    }
    bytes_write(disk, op->offset + at, op->data + at, len);
}

/* A new length is one step; of a write, each sector arrives or does not. */
static void apply_torn(struct power_bytes *disk, const struct power_op *op, uint64_t *random,
                       struct power_loss *loss)
{
    if (!op->data) {
        if (power_chance(random, 50))
            bytes_apply(disk, op);
        return;
    }
    size_t kept = 0;
    for (size_t at = 0; at < op->len;) {
        size_t len = POWER_SECTOR_BYTES - (op->offset + at) % POWER_SECTOR_BYTES;
        if (len > op->len - at)
            len = op->len - at;
        if (power_chance(random, 50)) {
            apply_sector(disk, op, at, len, random);
            kept += len;
        }
        at += len;
    }
    loss->kept += kept == op->len;
    loss->dropped += kept == 0;
    loss->torn += kept > 0 && kept < op->len;
}

static void apply_whole(struct power_bytes *disk, const struct power_op *op, uint64_t *random,
                        struct power_loss *loss)
{
    if (op->data)
        apply_sector(disk, op, 0, op->len, random);
    else
        bytes_apply(disk, op);
    loss->kept++;
}

static void apply_by_fate(struct power_disk *file, enum power_fate fate, uint64_t *random,
                          struct power_loss *loss)
{
    size_t last = file->op_count > 0 ? power_random(random) % file->op_count : 0;
    for (size_t i = 0; i < file->op_count; i++) {
        const struct power_op *op = &file->ops[i];
        if (fate == POWER_TEAR_ALL || (fate == POWER_KEEP_FIRST && i == last))
            apply_torn(&file->disk, op, random, loss);
        else if (fate == POWER_KEEP_ALL || (fate == POWER_KEEP_FIRST && i < last) ||
                 (fate == POWER_KEEP_SOME && power_chance(random, 50)))
            apply_whole(&file->disk, op, random, loss);
        else
            loss->dropped++;
    }
}

void power_disk_cut(struct power_disk *file, enum power_fate fate, uint64_t *random,
                    struct power_loss *loss)
{
    assert(fate < POWER_FATES);
    apply_by_fate(file, fate, random, loss);
    forget_ops(file);
    bytes_resize(&file->now, 0);
    bytes_write(&file->now, 0, file->disk.data, file->disk.len);
}
