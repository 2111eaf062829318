/* A whole registration: plans case after case, signs batches into the outbox, and says afterwards what
 * became of each row. Everything that is sent was stored in the transaction that made it. */
#ifndef SKP_REGISTERING_H
#define SKP_REGISTERING_H

#include "cases_build.h"
#include "results.h"

/* Who we are, for signing; from the link, or from a test. */
struct identity {
    struct skp_oin self;
    struct addressee broker;
    const struct keypair *signer;
    int64_t now_ms; /* real time, for the batch */
};

struct registering {
    struct planning planning;
    struct identity identity;
    const struct settings *settings;
    struct arena arena; /* plans */
    struct plan_case **plans;
    size_t plan_count;
};

/* Plans all cases of the file and, unless `check`, signs them into the outbox, in one transaction. On
 * SKP_OK or not: registering_fini(). NO_MEMORY, IO, and those of envelope.h. */
enum skp_err registering_run(struct registering *registering, const struct register_file *file,
                             bool check) SKP_MUST_CHECK;
void registering_fini(struct registering *registering);

/* What became of each row: as planned after a check, else as the database knows after the reports. */
enum skp_err registering_results(struct registering *registering, const struct register_file *file,
                                 bool check, struct results *results) SKP_MUST_CHECK;

#endif
