/* Everything the generated world assumes: numbers, kinds of creditors, and the invented creditors themselves.
 *
 * Two sorts of numbers. *Calibrated* ones follow public figures about Dutch debt counselling (cases, creditors,
 * debts, answers). Where those say nothing, the numbers are *ours*: chosen so that a small world shows every way a
 * request can go. No statistics should be taken from either.
 *
 * Every name ends in "(test)" and is made up. The order is the order in which they join: a world
 * with n connected creditors connects the first n. Within a kind, earlier ones have more clients.
 */
#ifndef SKP_SIM_TABLE_H
#define SKP_SIM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---------------------------------------------------------------- a case: calibrated */

#define SIM_CREDITORS_MEAN 13.5 /* negative binomial, cut off at 1 and at the maximum */
#define SIM_CREDITORS_SD   7.0
#define SIM_CREDITORS_MAX  60

/* Total debt in euro: lognormal. */
#define SIM_DEBT_MEDIAN              27000.0
#define SIM_DEBT_SIGMA               0.85
#define SIM_ENTREPRENEURS            0.06 /* of the cases */
#define SIM_ENTREPRENEUR_DEBT_MEDIAN 60000.0
#define SIM_ENTREPRENEUR_DEBT_SIGMA  0.9
#define SIM_YOUTH                    0.08 /* of the cases; the sigma is SIM_DEBT_SIGMA */
#define SIM_YOUTH_DEBT_MEDIAN        8000.0

/* Over the claims: one or two large ones dominate. */
#define SIM_SPLIT_ALPHA     0.5
#define SIM_CLAIM_MIN_CENTS 1500

/* Share of the debt that is preferent, of a case that has both sorts of claims: Beta, mean 2/7. A case without a
 * preferent kind of creditor has none. */
#define SIM_PREFERENT_A 2.0
#define SIM_PREFERENT_B 5.0

/* ---------------------------------------------------------------- a case: ours */

#define SIM_PARTNER       0.25
#define SIM_OIN_KNOWN     0.8 /* the office knows the creditor's OIN */
#define SIM_CLIENT_KNOWN  0.8 /* and the client number there */
#define SIM_INVOICE_KNOWN 0.9
#define SIM_URGENT        0.01
#define SIM_BRAND_NAMED   0.5 /* of creditors with brands */
#define SIM_SEARCH_NAME   0.5 /* of creditors without a known OIN: found by another name */

/* One, two, three claims per request. */
#define SIM_CLAIM_WEIGHTS                                                                          \
    {                                                                                              \
        70, 20, 10                                                                                 \
    }

/* ---------------------------------------------------------------- answers: calibrated */

#define SIM_UNKNOWN_CLIENT 0.06
#define SIM_NO_COOPERATION 0.01
#define SIM_TRANSFERRED    0.08
#define SIM_OPEN           0.82 /* what is left has a balance of nothing */
#define SIM_DEVIATES       0.60 /* of the open ones: more than the client knew */
#define SIM_MAX_COSTS      0.40 /* by 0 to 40 percent */
#define SIM_IN_COLLECTION  0.50 /* of the open ones, at an agency or bailiff */

/* Working days until the answer: lognormal, with the median of sim_links. */
#define SIM_DELAY_SIGMA       0.7
#define SIM_NO_ANSWER_IN_TERM 0.10 /* of the requests, whatever the creditor */
#define SIM_NEVER             0.03 /* these among them; of letters too */

/* ---------------------------------------------------------------- answers: ours */

#define SIM_IMPEDIMENT             0.05  /* of the open ones under an agreement */
#define SIM_RECENT_DISCHARGE       0.5   /* reason of no cooperation; else this counsellor */
#define SIM_UNKNOWN_DEBT_EURO      250.0 /* median of a claim whose amount the client did not know */
#define SIM_UNKNOWN_DEBT_SIGMA     0.5
#define SIM_TERM_WITHOUT_AGREEMENT 10 /* working days */
#define SIM_TERM_URGENT            1

/* Share of counsellors that an agreement of a creditor is also with. */
#define SIM_AGREED 0.9

/* How answers come from a creditor. */
enum sim_link {
    SIM_PUBLIC, /* public body, its own software */
    SIM_LARGE,  /* large private company, its own software */
    SIM_PORTAL, /* people and a CSV file */
    SIM_PAPER,  /* letters */
};

extern const double sim_link_median_days[]; /* by enum sim_link: calibrated */

/* How an agreement of this creditor reads. */
enum sim_consent {
    SIM_NO_AGREEMENT,
    SIM_PER_REQUEST,       /* collective: Ja per request */
    SIM_UNLESS_IMPEDIMENT, /* covenant */
};

struct sim_creditor {
    const char *name;
    const char *search_names; /* comma separated, "" = none */
    const char *brands;       /* the same */
    int kind;                 /* Skp__V1__ClaimKind */
    enum sim_link link;
    bool bsn_entitled;
    enum sim_consent consent;
    uint32_t term_working_days;
    const char *schedule; /* "di 07:00", or "hand" */
    const char *products; /* "SK" or "SK,SB"; "" = all */
};

extern const struct sim_creditor sim_creditors[];
extern const size_t sim_creditor_count;

/* A kind of creditor in a case: the chance that a case has one at all (calibrated), and the weight with which
 * further creditors of a case are of this kind once it has one (ours; 0: one at most; kinds without a chance of
 * their own come in this way only). */
struct sim_kind {
    int kind;
    double chance;
    double more_weight;
    bool preferent;
};

extern const struct sim_kind sim_kinds[];
extern const size_t sim_kind_count;

bool sim_kind_is_preferent(int kind);

/* How a world grows with its number of cases: ours. */
struct sim_size {
    uint32_t max_cases;
    uint32_t counsellors;
    uint32_t connected; /* creditors */
};

/* The size of a world of `cases`. */
struct sim_size sim_size_of(uint32_t cases);

#endif
