/* How long one prepared batch takes to its stored receipt, one at a time, beside what that cannot go below: one sync of
 * as many bytes, one check of its signature. */
#include "bench.h"
#include "round_arguments.h"
#include "round_letters.h"
#include "round_raw.h"

#include <stdio.h>

#define VERIFICATIONS 1000
#define SLEEP_US      700 /* about what a letter waits for others, in all */

int main(int argc, char **argv)
{
    struct round_arguments arguments = {.count = 3000};
    struct round_pki pki;
    struct round_plan plan;
    struct round_office office;
    struct round_letters letters;
    char batches[256];
    struct round_sync at_once;
    struct round_sync rested;
    round_arguments_read(argc, argv,
                         "bench_letter --skpd PATH [--count LETTERS] [--folder F] [--pki F]",
                         &arguments);
    struct round_shape shape = round_letters_shape(arguments.count, 10);
    snprintf(batches, sizeof batches, "%s/batches", arguments.folder);
    round_arguments_pki(&arguments, &pki);
    round_plan_make(&plan, &shape, &pki, batches);
    round_arguments_office(&arguments, &plan, &pki, "office", &office);
    round_arguments_publish(&plan, &pki, office.port);
    double cpu_s = bench_cpu_s(office.pid);
    round_letters_send(&plan, &pki, office.port, &letters);
    cpu_s = bench_cpu_s(office.pid) - cpu_s;
    bool ok = round_office_stop(&office);
    round_letters_sync(arguments.folder, (size_t)letters.bytes, arguments.count, 0, &at_once);
    round_letters_sync(arguments.folder, (size_t)letters.bytes, arguments.count, SLEEP_US, &rested);
    double verify_us = round_raw_verify_s(&plan, VERIFICATIONS) / VERIFICATIONS * 1e6;
    printf("peer=skp bench=letter letters=%u p50_us=%.0f p99_us=%.0f srv_cpu_us=%.0f bytes=%.0f "
           "durable_ack=yes ok=%d\n",
           arguments.count, letters.p50_us, letters.p99_us, cpu_s / arguments.count * 1e6,
           letters.bytes, ok);
    printf("peer=raw bench=letter fdatasync_p50_us=%.0f fdatasync_p99_us=%.0f rested_p50_us=%.0f "
           "rested_p99_us=%.0f verify_us=%.0f bytes=%.0f ok=1\n",
           at_once.p50_us, at_once.p99_us, rested.p50_us, rested.p99_us, verify_us, letters.bytes);
    round_plan_free(&plan);
    round_pki_fini(&pki);
    round_arguments_end(&arguments);
    return ok ? 0 : 1;
}
