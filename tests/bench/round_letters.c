#include "round_letters.h"

#include "bench.h"
#include "round_party.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define LOG_BYTES ((size_t)16 << 20)

struct round_shape round_letters_shape(unsigned letters, unsigned creditors)
{
    return (struct round_shape){.cases = letters,
                                .requests_tenths = 10,
                                .creditors = creditors,
                                .counsellors = 1,
                                .bundle_lines = 1,
                                .singly = true,
                                .is_one_way = true,
                                .collect_ms = 1000,
                                .batches_in_air = 1};
}

void round_letters_send(const struct round_plan *plan, const struct round_pki *pki, uint16_t port,
                        struct round_letters *ret_letters)
{
    struct round_desk desk;
    unsigned count = plan->parties[0].batch_count;
    double *times = bench_calloc(count, sizeof *times);
    round_desk_init(&desk, plan, pki, port);
    round_desk_open(&desk, 0, 1);
    struct party *party = &desk.parties[0];
    for (unsigned i = 0; i < count; i++) {
        double start_s = bench_now_s();
        party_send_next(party);
        while (party->reports <= i)
            round_desk_turn(&desk, DESK_TURN_MS);
        times[i] = (bench_now_s() - start_s) * 1e6;
    }
    round_desk_close(&desk);
    *ret_letters = (struct round_letters){.p50_us = bench_quantile(times, count, 0.5),
                                          .p99_us = bench_quantile(times, count, 0.99),
                                          .bytes = (double)plan->parties[0].batch_bytes / count};
    free(times);
}

static int make_log(const char *path)
{
    uint8_t *bytes = bench_calloc(1, LOG_BYTES);
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, LOG_BYTES) != (ssize_t)LOG_BYTES || fsync(fd) != 0)
        bench_die("%s cannot be written", path);
    free(bytes);
    return fd;
}

void round_letters_sync(const char *folder, size_t bytes, unsigned count, unsigned sleep_us,
                        struct round_sync *ret_sync)
{
    char path[320];
    snprintf(path, sizeof path, "%s/sync", folder);
    int fd = make_log(path);
    uint8_t *letter = bench_calloc(1, bytes);
    double *times = bench_calloc(count, sizeof *times);
    memset(letter, 1, bytes);
    for (unsigned i = 0; i < count; i++) {
        off_t at = (off_t)(i * bytes % (LOG_BYTES - bytes));
        if (sleep_us > 0)
            usleep(sleep_us);
        double start_s = bench_now_s();
        if (pwrite(fd, letter, bytes, at) != (ssize_t)bytes || fdatasync(fd) != 0)
            bench_die("%s cannot be synced", path);
        times[i] = (bench_now_s() - start_s) * 1e6;
    }
    close(fd);
    unlink(path);
    *ret_sync = (struct round_sync){.p50_us = bench_quantile(times, count, 0.5),
                                    .p99_us = bench_quantile(times, count, 0.99)};
    free(letter);
    free(times);
}
