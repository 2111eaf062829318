#include "round_file.h"

#include "bench.h"
#include "frame.h"

#include <stdlib.h>

#define PATH_BYTES 320

/* What stands before a batch; the lengths of its bundles, header, signature and bundles follow. */
struct batch_start {
    struct skp_id batch_id;
    struct skp_hash root;
    size_t header_bytes, jws_bytes, bundle_count, line_count, bytes;
};

static FILE *open_batches(const struct round_plan *plan, unsigned party, const char *mode)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%u", plan->folder, party);
    FILE *file = fopen(path, mode);
    if (!file)
        bench_die("%s cannot be opened", path);
    return file;
}

static void write_all(FILE *file, const void *bytes, size_t len)
{
    if (len > 0 && fwrite(bytes, len, 1, file) != 1)
        bench_die("a file of the bench cannot be written");
}

static void read_all(FILE *file, void *ret_bytes, size_t len)
{
    if (len > 0 && fread(ret_bytes, len, 1, file) != 1)
        bench_die("a file of the bench cannot be read");
}

FILE *round_batches_create(const struct round_plan *plan, unsigned party)
{
    return open_batches(plan, party, "we");
}

void round_batches_add(FILE *file, const struct envelope_batch *batch)
{
    struct batch_start start = {.batch_id = batch->batch_id,
                                .root = batch->root,
                                .header_bytes = batch->header.len,
                                .jws_bytes = strlen(batch->jws) + 1,
                                .bundle_count = batch->bundle_count,
                                .line_count = batch->line_count};
    start.bytes = start.header_bytes + start.jws_bytes;
    for (size_t i = 0; i < batch->bundle_count; i++)
        start.bytes += batch->bundles[i].len;
    write_all(file, &start, sizeof start);
    for (size_t i = 0; i < batch->bundle_count; i++)
        write_all(file, &batch->bundles[i].len, sizeof batch->bundles[i].len);
    write_all(file, batch->header.data, batch->header.len);
    write_all(file, batch->jws, start.jws_bytes);
    for (size_t i = 0; i < batch->bundle_count; i++)
        write_all(file, batch->bundles[i].data, batch->bundles[i].len);
}

static void read_batch(FILE *file, struct round_batch *ret_batch)
{
    struct batch_start start;
    read_all(file, &start, sizeof start);
    struct span *bundles = bench_calloc(1, start.bundle_count * sizeof *bundles + start.bytes);
    uint8_t *at = (uint8_t *)(bundles + start.bundle_count);
    for (size_t i = 0; i < start.bundle_count; i++)
        read_all(file, &bundles[i].len, sizeof bundles[i].len);
    read_all(file, at, start.bytes);
    *ret_batch = (struct round_batch){.memory = bundles,
                                      .bytes = start.bytes,
                                      .sealed = {.batch_id = start.batch_id,
                                                 .root = start.root,
                                                 .header = span_of(at, start.header_bytes),
                                                 .jws = (const char *)at + start.header_bytes,
                                                 .bundles = bundles,
                                                 .bundle_count = start.bundle_count,
                                                 .line_count = start.line_count}};
    at += start.header_bytes + start.jws_bytes;
    for (size_t i = 0; i < start.bundle_count; at += bundles[i++].len)
        bundles[i].data = at;
}

void round_batches_next(const struct round_plan *plan, unsigned party, long *offset,
                        struct round_batch *ret_batch)
{
    FILE *file = open_batches(plan, party, "re");
    if (fseek(file, *offset, SEEK_SET) != 0)
        bench_die("a file of the bench cannot be read");
    read_batch(file, ret_batch);
    *offset = ftell(file);
    fclose(file);
}

void round_batch_free(struct round_batch *batch)
{
    free(batch->memory);
}

/* ---------------------------------------------------------------- bundles that came */

FILE *round_post_create(const char *path)
{
    FILE *file = fopen(path, "w+e");
    if (!file)
        bench_die("%s cannot be opened", path);
    return file;
}

void round_post_add(FILE *file, const struct round_post *post, const void *bytes)
{
    write_all(file, post, sizeof *post);
    write_all(file, bytes, post->len);
}

bool round_post_next(FILE *file, struct round_post *ret_post, void *ret_bytes)
{
    if (fread(ret_post, sizeof *ret_post, 1, file) != 1)
        return false;
    if (ret_post->len > FRAME_MAX_BYTES)
        bench_die("a file of the bench holds what nobody wrote");
    read_all(file, ret_bytes, ret_post->len);
    return true;
}
