/* Certificates of one simulation, with keys from its seed: a root that issues all by itself, its
 * CRL, the broker's two and three for each participant; all P-256. */
#ifndef SKP_SIM_PKI_H
#define SKP_SIM_PKI_H

#include "identity.h"

#include <limits.h>

#define SIM_BROKER_OIN "00000099000000000001"
#define SIM_PATH       PATH_MAX

/* Makes root, CRL and the broker's certificates in `folder`, which exists and is borrowed until
 * sim_pki_fini(). Ends the program on failure. */
void sim_pki_make(const char *folder);
void sim_pki_fini(void);

/* OIN-tls.pem and .key, OIN-sign, OIN-enc in the folder; the pair that opens is the caller's. */
struct keypair *sim_pki_participant(const char *oin);
struct keypair *sim_pki_keypair(const char *name); /* "OIN-sign"; the caller's */

/* folder/name into ret_path[SIM_PATH]. */
void sim_pki_file(const char *name, char *ret_path);

#endif
