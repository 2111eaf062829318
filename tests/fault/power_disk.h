/* One file on a disk that may lose power: what programs see, what is surely on the disk, and the
 * writes between the two. For power_vfs.c; no threads, no SQLite. */
#ifndef SKP_POWER_DISK_H
#define SKP_POWER_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POWER_SECTOR_BYTES 512

/* A sequence that repeats from its seed. */
uint64_t power_random(uint64_t *random);
bool power_chance(uint64_t *random, unsigned percent);

struct power_bytes {
    uint8_t *data;
    size_t len, room;
};

/* A write or, without data, a new length. */
struct power_op {
    uint8_t *data;
    size_t offset, len;
};

struct power_disk {
    struct power_bytes now;  /* what programs read */
    struct power_bytes disk; /* what a cut cannot take away */
    struct power_op *ops;    /* what happened to `now` since the last sync, in order */
    size_t op_count, op_room;
};

/* How a cut treats the writes of one file since its last sync. */
enum power_fate {
    POWER_DROP_ALL,
    POWER_KEEP_ALL,
    POWER_KEEP_FIRST, /* up to some write, which may be torn */
    POWER_KEEP_SOME,  /* any of them: as if reordered */
    POWER_TEAR_ALL,   /* any sector of any of them */
    POWER_FATES
};

struct power_loss {
    uint64_t kept, dropped, torn; /* writes */
};

/* Running out of memory ends the process. */
void power_disk_write(struct power_disk *file, size_t offset, const void *data, size_t len);
void power_disk_resize(struct power_disk *file, size_t len);
void power_disk_sync(struct power_disk *file);

/* What the disk holds after the cut becomes what programs see. Where a file grew and a sector in
 * the middle did not arrive stand zeros or, sometimes, rubbish. Adds to *loss. */
void power_disk_cut(struct power_disk *file, enum power_fate fate, uint64_t *random,
                    struct power_loss *loss);
void power_disk_fini(struct power_disk *file);

#endif
