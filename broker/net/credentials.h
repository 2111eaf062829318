/* The broker's certificates and whom it trusts, read from files as one set that fits together. */
#ifndef SKP_CREDENTIALS_H
#define SKP_CREDENTIALS_H

#include "identity.h"

#include <sys/stat.h>
#include <time.h>

#define CREDENTIALS_WHY_BYTES 512

/* PEM files; borrowed texts. */
struct credential_files {
    const char *ca_file;
    const char *crl_file;
    const char *tls_cert, *tls_key;
    const char *sign_cert, *sign_key;
};

/* How ca_file and crl_file look on the disk; all zero where there is none. Two that differ:
 * something was written or put in place between them. */
struct credential_stamp {
    struct file_stamp {
        dev_t device;
        ino_t node;
        off_t bytes;
        struct timespec changed;
    } ca, crl;
};

struct credentials {
    struct trust *trust;
    struct keypair *tls;
    struct keypair *signer;
    struct skp_oin oin;            /* the same in both certificates */
    struct credential_stamp stamp; /* of before they were read */
};

/* Asks the disk; cheap enough for the loop. */
struct credential_stamp credential_stamp_take(const struct credential_files *files);
bool credential_stamp_equal(const struct credential_stamp *a, const struct credential_stamp *b);

/* Reads all: credentials_load_trust() and credentials_load_pairs(). CERTIFICATE, NO_MEMORY:
 * ret_why[CREDENTIALS_WHY_BYTES] says which file and why. Blocks on the disk for a moment: for
 * start-up and reload. */
enum skp_err credentials_load(const struct credential_files *files, int64_t at_ms,
                              struct credentials *ret_credentials, char *ret_why) SKP_MUST_CHECK;

/* ca_file and crl_file alone; without key pairs. */
enum skp_err credentials_load_trust(const struct credential_files *files,
                                    struct credentials *ret_credentials,
                                    char *ret_why) SKP_MUST_CHECK;

/* Reads the key pairs to the trust that is there; checks at `at_ms` real time that both
 * certificates are trusted, current, not revoked, for their purpose, and name one OIN. Without any
 * on error. */
enum skp_err credentials_load_pairs(const struct credential_files *files, int64_t at_ms,
                                    struct credentials *credentials, char *ret_why) SKP_MUST_CHECK;

/* Takes a reference to the key pairs of `from`, in place of its own. */
void credentials_share_pairs(struct credentials *credentials, const struct credentials *from);

/* Fine on a zeroed struct and a second time. */
void credentials_fini(struct credentials *credentials);

/* When the first CRL is due for renewal, in real milliseconds; INT64_MAX when none says so. */
int64_t credentials_crl_next_update_ms(const struct credentials *credentials);

/* When the first CRL has half of its life behind it; INT64_MAX when none says how long it lives. */
int64_t credentials_crl_half_life_ms(const struct credentials *credentials);

/* When the first anchor ends, in real milliseconds; INT64_MAX without any. */
int64_t credentials_ca_not_after_ms(const struct credentials *credentials);

/* Whether `next` brings back an older list of revoked certificates than the one in `used`, of the
 * same CA and for the same certificates: what was revoked since would be good again. Then
 * ret_why[CREDENTIALS_WHY_BYTES] says so. That a list is gone is not judged here: without one its
 * CA's chains are refused. */
bool credentials_crl_goes_back(struct trust *used, struct trust *next, const char *crl_file,
                               char *ret_why);

/* End of validity of a certificate in real milliseconds. */
int64_t credentials_not_after_ms(const X509 *cert);

#endif
