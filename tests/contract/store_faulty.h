/* A store on a disk that fails on demand: `disk`, of the test that runs. */
#ifndef SKP_STORE_FAULTY_H
#define SKP_STORE_FAULTY_H

#include "power_vfs.h"
#include "store_testing.h"

static struct power_vfs *disk;

static inline int open_faulty(void **state)
{
    disk = power_vfs_new(1);
    return open_sqlite(state);
}

static inline int close_faulty(void **state)
{
    power_vfs_set_full(disk, false);
    close_fixture(state);
    power_vfs_free(disk);
    return 0;
}

#define ON_FAULTY(test)                                                                            \
    {                                                                                              \
#test, test, open_faulty, close_faulty, NULL                                               \
    }

#endif
