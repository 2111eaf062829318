/* Certificates for thousands of participants in seconds: root and sub CA, CRLs, the broker's and the participants', in
 * the profile of certs/make, all P-256.
 *
 * For speed participants share one key for TLS, signing and encryption: the work of every signature, handshake and key
 * box stays what it is with keys of their own. Never do this outside a benchmark. */
#ifndef SKP_ROUND_PKI_H
#define SKP_ROUND_PKI_H

#include "identity.h"
#include "round_cert.h"

struct round_pki {
    char folder[256];
    struct round_issuer issuer; /* the sub CA */
    EVP_PKEY *key;
};

/* One participant: what a session reads from files, and what seals, opens and signs. */
struct round_identity {
    struct skp_oin oin;
    char tls_cert[320], sign_cert[320];
    struct keypair *enc, *sign;
};

/* What `folder` holds from an earlier time is used again while it is fresh, else made anew. Ends the program when
 * something fails. */
void round_pki_make(struct round_pki *pki, const char *folder);
void round_pki_issue(struct round_pki *pki, const struct skp_oin *oin,
                     struct round_identity *ret_identity);
void round_pki_fini(struct round_pki *pki);

/* folder/name into ret_path[320]. */
void round_pki_file(const struct round_pki *pki, const char *name, char *ret_path);

#define ROUND_BROKER_OIN "00000099000000000001"
#define ROUND_KEY_FILE   "participant.key"

#endif
