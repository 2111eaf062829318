/* The newest head of the broker's chain that was ever shown to us. Said in every Hello, so that a
 * broker that lost data cannot hide it from us. The file holds one ChainHead message. */
#include "skp_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_MAX_BYTES 65536
#define SAVE_AFTER_MS  1000 /* one write serves all receipts of a second */

static bool read_commit(struct span commit, struct arena *arena,
                        const Skp__V1__CommitHeader **ret_commit)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message = NULL;
    if (wire_unpack(&skp__v1__commit_header__descriptor, commit, arena, path, &message))
        return false;
    *ret_commit = (const Skp__V1__CommitHeader *)message;
    return strcmp((*ret_commit)->context, COMMIT_CONTEXT) == 0;
}

static bool keep(struct chain_head *head, struct span commit, const char *jws,
                 const Skp__V1__CommitHeader *header, const struct skp_id *store_id)
{
    uint8_t *commit_copy = malloc(commit.len + 1);
    char *jws_copy = strdup(jws);
    if (commit_copy == NULL || jws_copy == NULL) {
        free(commit_copy);
        free(jws_copy);
        return false; /* the older head still is a true one */
    }
    memcpy(commit_copy, commit.data, commit.len);
    free(head->commit);
    free(head->jws);
    head->commit = commit_copy;
    head->commit_bytes = commit.len;
    head->jws = jws_copy;
    head->sequence = header->sequence;
    head->store_id = *store_id;
    return true;
}

/* ---------------------------------------------------------------- the file */

static enum skp_err read_file(const char *file, uint8_t *bytes, size_t *ret_len)
{
    FILE *in = fopen(file, "re");
    if (in == NULL)
        return errno == ENOENT ? SKP_E_NOT_FOUND : SKP_E_IO;
    *ret_len = fread(bytes, 1, HEAD_MAX_BYTES, in);
    bool failed = ferror(in) != 0;
    fclose(in);
    return failed ? SKP_E_IO : SKP_OK;
}

static bool parse_file(struct chain_head *head, struct span bytes, struct arena *arena)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message = NULL;
    const Skp__V1__CommitHeader *header = NULL;
    struct skp_id store_id;
    if (wire_unpack(&skp__v1__chain_head__descriptor, bytes, arena, path, &message))
        return false;
    const Skp__V1__ChainHead *kept = (const Skp__V1__ChainHead *)message;
    return read_commit(wire_span(kept->commit), arena, &header) &&
           id_take(wire_span(header->store_id), &store_id) &&
           keep(head, wire_span(kept->commit), kept->jws, header, &store_id);
}

static enum skp_err load_file(struct chain_head *head, struct arena *arena, const char **ret_why)
{
    static _Thread_local char why[512];
    size_t len = 0;
    uint8_t *bytes = arena_alloc(arena, HEAD_MAX_BYTES);
    if (bytes == NULL) {
        *ret_why = "out of memory";
        return SKP_E_NO_MEMORY;
    }
    enum skp_err err = read_file(head->file, bytes, &len);
    if (err == SKP_E_NOT_FOUND)
        return SKP_OK; /* first contact */
    if (!err && parse_file(head, span_of(bytes, len), arena))
        return SKP_OK;
    snprintf(why, sizeof why,
             "%s: the kept chain head is damaged or not readable; move it away to go on without it",
             head->file);
    *ret_why = why;
    return SKP_E_IO;
}

enum skp_err head_load(struct chain_head *head, const char *file, struct arena *arena,
                       const char **ret_why)
{
    if (file == NULL)
        return SKP_OK;
    head->file = strdup(file);
    if (head->file == NULL) {
        *ret_why = "out of memory";
        return SKP_E_NO_MEMORY;
    }
    enum skp_err err = load_file(head, arena, ret_why);
    arena_reset(arena);
    return err;
}

void head_fini(struct chain_head *head)
{
    free(head->file);
    free(head->commit);
    free(head->jws);
    *head = (struct chain_head){0};
}

static bool write_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.data, bytes.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        bytes = span_of(bytes.data + put, bytes.len - (size_t)put);
    }
    return true;
}

static void sync_folder(char *file)
{
    int fd = open(dirname(file), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    /* Without it a power cut may bring the older head back, which is a true one. */
    (void)fsync(fd);
    close(fd);
}

static bool write_synced(int fd, struct span bytes)
{
    return fd >= 0 && write_all(fd, bytes) && fsync(fd) == 0;
}

/* Gets its name when all of it is on the disk: a process that is killed leaves nothing half written. False: not so
 * here, or the disk fails. */
static bool write_unnamed(const char *file, const char *aside, struct span bytes)
{
    char unnamed[64], *copy = strdup(file);
    int fd = copy ? open(dirname(copy), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600) : -1;
    (void)snprintf(unnamed, sizeof unnamed, "/proc/self/fd/%d", fd);
    bool written = write_synced(fd, bytes) &&
                   linkat(AT_FDCWD, unnamed, AT_FDCWD, aside, AT_SYMLINK_FOLLOW) == 0;
    if (fd >= 0)
        close(fd);
    free(copy);
    return written;
}

static bool write_named(const char *aside, struct span bytes)
{
    int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool written = write_synced(fd, bytes);
    if (fd >= 0)
        written = close(fd) == 0 && written;
    if (fd >= 0 && !written)
        unlink(aside);
    return written;
}

/* Another file first, then in its place: a reader sees the old head or the new one, never half. A file of its own: who
 * shares the head may be a thread of this process, or have its number in another container. */
static bool replace_file(const char *file, struct span bytes)
{
    char *aside = NULL, id[ID_TEXT_BYTES];
    struct skp_id fresh = id_new();
    id_print(&fresh, id);
    if (asprintf(&aside, "%s.%s", file, id) < 0)
        return false;
    bool written = write_unnamed(file, aside, bytes) || write_named(aside, bytes);
    bool replaced = written && rename(aside, file) == 0;
    if (replaced)
        sync_folder(aside);
    else if (written)
        unlink(aside);
    free(aside);
    return replaced;
}

/* Another client of ours saved a newer one meanwhile. Between this look and the renaming one more may do so: then
 * the older one stays, which is a true one too. */
static bool is_superseded(const struct chain_head *head, struct arena *arena)
{
    struct chain_head kept = {0};
    const char *why = "";
    bool newer = head_load(&kept, head->file, arena, &why) == SKP_OK && kept.commit != NULL &&
                 id_equal(&kept.store_id, &head->store_id) && kept.sequence > head->sequence;
    head_fini(&kept);
    return newer;
}

static bool write_head(const struct chain_head *head, struct arena *arena)
{
    Skp__V1__ChainHead message;
    skp__v1__chain_head__init(&message);
    message.commit = wire_bytes(span_of(head->commit, head->commit_bytes));
    message.jws = head->jws;
    struct span bytes = wire_pack(&message.base, arena);
    return bytes.data != NULL && replace_file(head->file, bytes);
}

void head_save(struct skp_client *client)
{
    struct chain_head *head = &client->head;
    struct arena arena;
    if (!head->unsaved || head->file == NULL)
        return;
    arena_init(&arena, 4 * HEAD_MAX_BYTES);
    bool saved = is_superseded(head, &arena) || write_head(head, &arena);
    arena_fini(&arena);
    head->unsaved = false; /* the next head tries again */
    if (!saved && !client->closing)
        client_problem(client, SKP_E_IO, head->file, "the chain head cannot be written");
}

/* ---------------------------------------------------------------- newer heads */

/* A store that began anew counts from 1 again; the broker accepted our Hello, so it is the one to
 * follow. */
static bool is_newer(const struct chain_head *head, const Skp__V1__CommitHeader *header,
                     const struct skp_id *store_id)
{
    return head->commit == NULL || !id_equal(&head->store_id, store_id) ||
           header->sequence > head->sequence;
}

void head_take(struct skp_client *client, struct span commit, const char *jws)
{
    struct chain_head *head = &client->head;
    const Skp__V1__CommitHeader *header = NULL;
    struct skp_id store_id;
    if (!read_commit(commit, &client->arena, &header) ||
        !id_take(wire_span(header->store_id), &store_id) || !is_newer(head, header, &store_id) ||
        !keep(head, commit, jws, header, &store_id))
        return;
    if (head->file != NULL && !head->unsaved) {
        head->unsaved = true;
        head->save_at_ms = monotonic_ms() + SAVE_AFTER_MS;
    }
}

void head_take_unchecked(struct skp_client *client, const Skp__V1__ChainHead *head)
{
    struct jws_signer signer;
    const char *why = "signed by somebody else";
    struct span commit = wire_span(head->commit);
    enum skp_err err = jws_verify_stored(client->trust, client->jws_cache, span_text(head->jws),
                                         commit, skp_now_ms(client), &signer, &why);
    if (!err && oin_equal(&signer.oin, &client->broker))
        head_take(client, commit, head->jws);
    else
        client_problem(client, SKP_E_PROOF_INVALID, "welcome.head", why);
}
