/* A real skpd of its own: started, asked over its control socket, stopped. */
#ifndef SKP_ROUND_OFFICE_H
#define SKP_ROUND_OFFICE_H

#include "round_pki.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct round_office {
    const char *skpd;
    const struct round_pki *pki;
    const char *const *settings;
    pid_t pid;
    uint16_t port;
    char data[300]; /* folder of the store and nothing else */
    char socket[108];
    char log[300];
    int control; /* connected */
};

/* In this folder; with `settings` ("name=value", NULL at the end; may be NULL) beside those every benchmark has. Both
 * are borrowed for as long as the office lives. */
void round_office_init(struct round_office *office, const char *skpd, const char *folder,
                       const struct round_pki *pki, const char *const *settings);

/* Gives the seconds until it takes connections. Ends the program when that takes more than a minute. */
double round_office_start(struct round_office *office);
void round_office_register(struct round_office *office, const struct skp_oin *oin, bool counsellor);

/* Links of the broker's chain so far: one per transaction that changed anything. */
uint64_t round_office_commits(struct round_office *office);

/* SIGTERM, then waits. False: it did not leave with 0. */
bool round_office_stop(struct round_office *office);
void round_office_kill(struct round_office *office);

#endif
