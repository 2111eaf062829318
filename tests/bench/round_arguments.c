#include "round_arguments.h"

#include "bench.h"
#include "round_desk.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PATH_BYTES 256

void round_arguments_read(int argc, char **argv, const char *usage,
                          struct round_arguments *arguments)
{
    static const struct option options[] = {
        {"skpd", required_argument, NULL, 's'},   {"folder", required_argument, NULL, 'f'},
        {"pki", required_argument, NULL, 'i'},    {"count", required_argument, NULL, 'n'},
        {"others", required_argument, NULL, 'o'}, {"keep", no_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    const char *parent = "/tmp";
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's')
            arguments->skpd = optarg;
        else if (option == 'f')
            parent = optarg;
        else if (option == 'i')
            arguments->pki = optarg;
        else if (option == 'n')
            arguments->count = bench_number(optarg);
        else if (option == 'o')
            arguments->others = bench_number(optarg);
        else if (option == 'k')
            arguments->keep = true;
        else {
            puts(usage);
            exit(option == 'h' ? 0 : 64);
        }
    }
    if (!arguments->skpd)
        bench_die("give --skpd PATH; try --help");
    signal(SIGPIPE, SIG_IGN);
    bench_allow_files();
    bench_folder_make(parent, arguments->folder);
}

void round_arguments_end(const struct round_arguments *arguments)
{
    if (!arguments->keep)
        bench_folder_remove(arguments->folder);
}

void round_arguments_pki(const struct round_arguments *arguments, struct round_pki *ret_pki)
{
    char own[PATH_BYTES];
    snprintf(own, sizeof own, "%s/pki", arguments->folder);
    round_pki_make(ret_pki, arguments->pki ? arguments->pki : own);
}

void round_arguments_office(const struct round_arguments *arguments, const struct round_plan *plan,
                            const struct round_pki *pki, const char *name,
                            struct round_office *ret_office)
{
    char folder[PATH_BYTES];
    snprintf(folder, sizeof folder, "%s/%s", arguments->folder, name);
    if (mkdir(folder, 0700) != 0)
        bench_die("%s cannot be made", folder);
    round_office_init(ret_office, arguments->skpd, folder, pki, NULL);
    round_office_start(ret_office);
    for (unsigned i = 0; i < plan->party_count; i++)
        round_office_register(ret_office, &plan->parties[i].identity.oin,
                              round_is_counsellor(plan, i));
}

void round_arguments_publish(const struct round_plan *plan, const struct round_pki *pki,
                             uint16_t port)
{
    struct round_desk desk;
    round_desk_init(&desk, plan, pki, port);
    round_desk_open(&desk, plan->shape.counsellors, plan->shape.creditors);
    round_desk_publish(&desk);
    round_desk_close(&desk);
}
