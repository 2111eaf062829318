/* Small files as a whole: configuration, certificates, lists of users and the CSV of an operator.
 *
 * Not for the store and not for logs. Blocks on the disk: for start-up and for workers, never for
 * the loop. Any thread. On error ret_why[FILE_WHY_BYTES] holds one sentence with the path, the
 * reason and what to do. */
#ifndef SKP_FILE_H
#define SKP_FILE_H

#include "bytes.h"
#include "errors.h"

#include <sys/types.h>

#define FILE_WHY_BYTES 512

/* Reads a regular file of at most max_bytes. Returns owned: free(*ret_data). A NUL that *ret_len
 * does not count follows the bytes. NOT_FOUND, NO_MEMORY, IO (which includes: too large, not a
 * regular file). */
enum skp_err file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len,
                       char *ret_why) SKP_MUST_CHECK;

/* Writes a temporary file beside `path` with exactly `mode` (the umask does not count), syncs it,
 * renames it over `path` and syncs the folder: whoever reads sees the old bytes or the new ones,
 * also after a power cut. On error the old file is as it was, unless only the
 * folder's sync failed: then the new one is there and a power cut may undo it. IO. */
enum skp_err file_write_atomic(const char *path, struct span data, mode_t mode,
                               char *ret_why) SKP_MUST_CHECK;

/* Syncs the folder of `path`, after which a name that was put there outlives a power cut. 0, or -1 with errno. Shared
 * folders of some kinds know no syncing of folders, and some may only be written: 0 as well. */
int file_sync_folder(const char *path) SKP_MUST_CHECK;

#endif
