/* The log copied into the file while commits go on: a checkpoint in a connection and thread of its own.
 *
 * What is committed meanwhile stays in the log, so the writer copies that rest itself when this is
 * through, and then the log starts again. Nobody else checkpoints while a copy is under way.
 *
 * SQLite before 3.51.3 loses commits when a checkpoint begins on a log that is copied whole, while the
 * writer starts that log again (https://sqlite.org/wal.html#walresetbug). Here neither can be: a copy
 * begins only while a part of the log is not copied, nothing but the copy itself changes that until its
 * end, and the writer starts a log again only when it is copied whole. */
#include "store_sqlite_internal.h"

static int copy_log(sqlite3 *db)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    /* SQLite leaves the sync to who copies the rest: then most of it is on disk already. */
    return rc == SQLITE_OK ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) : rc;
}

static void run(struct work_item *item)
{
    struct sqlite_copy *copy = (struct sqlite_copy *)(void *)item;
    int rc = copy_log(copy->through->db);
    pthread_mutex_lock(&copy->lock);
    copy->rc =
        rc == SQLITE_BUSY ? SQLITE_OK : rc; /* readers held all of it: the next one gets further */
    copy->has_ended = true;
    pthread_cond_signal(&copy->ended);
    pthread_mutex_unlock(&copy->lock);
}

static enum skp_err make_queue(struct sqlite_copy *copy, unsigned threads)
{
    struct work_config config = {.name = "copy", .threads = threads, .max_items = 1};
    struct work_queue *queue = NULL;
    enum skp_err err = work_queue_new(&config, &queue);
    if (err)
        return err;
    work_queue_drain_and_free(copy->queue);
    copy->queue = queue;
    return SKP_OK;
}

enum skp_err sqlite_copy_open(struct sqlite_store *store, struct sqlite_store *through)
{
    struct sqlite_copy *copy = &store->copy;
    copy->item.run = run;
    copy->through = through;
    pthread_mutex_init(&copy->lock, NULL);
    pthread_cond_init(&copy->ended, NULL);
    return make_queue(copy, 0) ? store_fail_memory(&store->base) : SKP_OK;
}

enum skp_err sqlite_copy_beside(struct sqlite_store *store)
{
    enum skp_err err = make_queue(&store->copy, 1);
    store->copy.is_beside = !err;
    return err ? store_fail(&store->base, err, "no thread for checkpoints") : SKP_OK;
}

int sqlite_copy_begin(struct sqlite_store *store)
{
    struct sqlite_copy *copy = &store->copy;
    copy->has_ended = false;
    copy->rc = SQLITE_OK;
    copy->is_under_way = work_submit(copy->queue, &copy->item) == SKP_OK;
    if (copy->is_beside || !work_run_one(copy->queue))
        return SQLITE_OK;
    copy->is_under_way = copy->rc == SQLITE_OK;
    return copy->rc;
}

bool sqlite_copy_ended(struct sqlite_store *store, bool waits, int *ret_rc)
{
    struct sqlite_copy *copy = &store->copy;
    pthread_mutex_lock(&copy->lock);
    while (waits && !copy->has_ended)
        pthread_cond_wait(&copy->ended, &copy->lock);
    bool has_ended = copy->has_ended;
    *ret_rc = copy->rc;
    pthread_mutex_unlock(&copy->lock);
    copy->is_under_way = !has_ended;
    return has_ended;
}

void sqlite_copy_close(struct sqlite_store *store)
{
    struct sqlite_copy *copy = &store->copy;
    if (!copy->through)
        return;
    work_queue_drain_and_free(copy->queue);
    if (copy->is_under_way && copy->rc != SQLITE_OK && (copy->rc & 0xff) != SQLITE_FULL)
        store->base.state = STORE_DEAD;     /* nobody knows what is on disk */
    copy->through->base.state = STORE_DEAD; /* it does not checkpoint when it closes */
    store_close(&copy->through->base);
    pthread_cond_destroy(&copy->ended);
    pthread_mutex_destroy(&copy->lock);
}
