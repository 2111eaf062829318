#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *remedy(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return "check the path";
    case EACCES:
    case EPERM:
        return "give this user the right to it";
    case EROFS:
        return "use a folder that may be written";
    case ENOSPC:
    case EDQUOT:
        return "make room on the disk";
    case ENAMETOOLONG:
        return "give a shorter path";
    case ENOMEM:
        return "free memory and try again";
    }
    return "look at the disk and the system's log";
}

static enum skp_err say(char *ret_why, const char *path, const char *what, int error)
{
    const char *reason = strerrordesc_np(error);
    snprintf(ret_why, FILE_WHY_BYTES, "%s: %s: %s; %s", path, what,
             reason ? reason : "unknown error", remedy(error));
    return error == ENOENT ? SKP_E_NOT_FOUND : SKP_E_IO;
}

/* Reads to the end whatever size fstat told, because a file may grow meanwhile. `data` has room for
 * one byte over the cap, which shows that there is more. */
static enum skp_err read_all(int fd, const char *path, size_t max_bytes, char *data,
                             size_t *ret_len, char *ret_why)
{
    size_t len = 0;
    for (;;) {
        ssize_t got = read(fd, data + len, max_bytes + 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return say(ret_why, path, "cannot be read", errno);
        if (got == 0)
            break;
        len += (size_t)got;
        if (len > max_bytes) {
            snprintf(ret_why, FILE_WHY_BYTES, "%s: is over %zu bytes; give a smaller file", path,
                     max_bytes);
            return SKP_E_IO;
        }
    }
    data[len] = '\0';
    *ret_len = len;
    return SKP_OK;
}

static enum skp_err check_regular(int fd, const char *path, char *ret_why)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return say(ret_why, path, "cannot be read", errno);
    if (S_ISREG(info.st_mode))
        return SKP_OK;
    snprintf(ret_why, FILE_WHY_BYTES, "%s: is not a regular file; give the path of a file", path);
    return SKP_E_IO;
}

enum skp_err file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len,
                       char *ret_why)
{
    char *data = NULL;
    size_t len = 0;
    /* O_NONBLOCK: opening a FIFO would otherwise wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return say(ret_why, path, "cannot be opened", errno);
    enum skp_err err = check_regular(fd, path, ret_why);
    if (!err && !(data = malloc(max_bytes + 1))) {
        say(ret_why, path, "cannot be read", ENOMEM);
        err = SKP_E_NO_MEMORY;
    }
    if (!err)
        err = read_all(fd, path, max_bytes, data, &len, ret_why);
    close(fd);
    if (err) {
        free(data);
        return err;
    }
    *ret_data = data;
    *ret_len = len;
    return SKP_OK;
}

static int write_all(int fd, struct span data)
{
    while (data.len > 0) {
        ssize_t put = write(fd, data.data, data.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        data.data += put;
        data.len -= (size_t)put;
    }
    return 0;
}

static int fill_temporary(int fd, struct span data, mode_t mode)
{
    if (fchmod(fd, mode) != 0 || write_all(fd, data) != 0)
        return -1;
    return fsync(fd);
}

int file_sync_folder(const char *path)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof(copy), "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? 0 : -1;
    bool synced = fsync(fd) == 0 || errno == EINVAL || errno == EBADF;
    int error = errno;
    close(fd);
    errno = error;
    return synced ? 0 : -1;
}

/* Writes the temporary file and renames it; removes it when that fails. Closing is part of the
 * check: network file systems report a full disk there. */
static int replace(const char *path, char *temporary, struct span data, mode_t mode)
{
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return -1;
    int failed = fill_temporary(fd, data, mode);
    int error = errno;
    if (close(fd) != 0 && !failed) {
        failed = -1;
        error = errno;
    }
    if (!failed && rename(temporary, path) != 0) {
        failed = -1;
        error = errno;
    }
    if (failed)
        unlink(temporary);
    errno = error;
    return failed;
}

enum skp_err file_write_atomic(const char *path, struct span data, mode_t mode, char *ret_why)
{
    char temporary[PATH_MAX];
    int len = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    if (len < 0 || (size_t)len >= sizeof(temporary)) {
        say(ret_why, path, "cannot be written", ENAMETOOLONG);
        return SKP_E_IO;
    }
    if (replace(path, temporary, data, mode) != 0 || file_sync_folder(path) != 0) {
        say(ret_why, path, "cannot be written", errno);
        return SKP_E_IO;
    }
    return SKP_OK;
}
