/* Where the store is, and the files beside it: one store has one place, so that its lock is one, and
 * whoever can make a file in its folder must not have the broker write, or wait, somewhere else. */
#include "store_sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a file that is not there yet. */
static char *path_in_real_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char *folder = slash ? strndup(path, (size_t)(name - path)) : strdup(".");
    char *real = folder ? realpath(folder, NULL) : NULL;
    char *found = NULL;
    int error = errno;
    if (real && asprintf(&found, "%s/%s", real, name) < 0) {
        found = NULL;
        error = ENOMEM;
    }
    free(folder);
    free(real);
    errno = error;
    return found;
}

enum skp_err sqlite_find_place(struct sqlite_store *store)
{
    struct stat status;
    char *real = realpath(store->path, NULL);
    if (!real && errno == ENOENT)
        real = path_in_real_folder(store->path);
    if (!real)
        return store_fail(&store->base, errno == ENOMEM ? SKP_E_NO_MEMORY : SKP_E_IO,
                          "cannot open %s: %s", store->path, strerror(errno));
    free(store->path);
    store->path = real;
    if (stat(real, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink != 1)
        return store_fail(&store->base, SKP_E_IO,
                          "the store %s has other names too (hard links), and under one of them a "
                          "second broker would pass unseen: remove them and start again",
                          real);
    return SKP_OK;
}

static enum skp_err refuse(struct sqlite_store *store, const char *suffix, const char *why)
{
    return store_fail(&store->base, SKP_E_IO,
                      "the file %s beside the store %s: find out who made it, move it out of the "
                      "folder and start again",
                      suffix, why);
}

/* A store that root looks into, or that root brought back from a backup, stays its owner's. */
static bool give_to_owner(const struct sqlite_store *store, int fd, const struct stat *status)
{
    struct stat owner;
    if (geteuid() != 0 || stat(store->path, &owner) != 0)
        return true; /* the store is not there yet: its owner is who makes it */
    if (owner.st_uid == status->st_uid && owner.st_gid == status->st_gid)
        return true;
    return fchown(fd, owner.st_uid, owner.st_gid) == 0;
}

static enum skp_err check(struct sqlite_store *store, const char *suffix, int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return refuse(store, suffix, "cannot be looked at");
    if (!S_ISREG(status.st_mode))
        return refuse(store, suffix, "is not an ordinary file");
    if (status.st_nlink != 1)
        return refuse(store, suffix, "has other names too (hard links)");
    if (!give_to_owner(store, fd, &status))
        return refuse(store, suffix, "cannot be given to the owner of the store");
    return SKP_OK;
}

enum skp_err sqlite_open_beside(struct sqlite_store *store, const char *suffix, int *ret_fd)
{
    char *path = NULL;
    if (asprintf(&path, "%s%s", store->path, suffix) < 0)
        return store_fail_memory(&store->base);
    /* Not blocking: nobody waits for the other end of a pipe. */
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    int error = errno;
    free(path);
    if (fd < 0 && error == ELOOP)
        return refuse(store, suffix, "is a symbolic link");
    if (fd < 0)
        return store_fail(&store->base, SKP_E_IO, "cannot open the file %s beside the store: %s",
                          suffix, strerror(error));
    enum skp_err err = check(store, suffix, fd);
    if (err)
        close(fd);
    else
        *ret_fd = fd;
    return err;
}
