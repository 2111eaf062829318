/* The key pairs of the test certificates, for tests that sign and seal. */
#ifndef SKP_TEST_KEYS_H
#define SKP_TEST_KEYS_H

#include "testing.h"

#include "identity.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

#define COUNSELLOR_OIN   "00000099000000001000" /* EC */
#define CREDITOR_OIN     "00000099000000002000" /* EC */
#define RSA_CREDITOR_OIN "00000099000000003000"

static inline struct keypair *key_of(const char *oin, const char *purpose)
{
    char cert_file[PATH_MAX];
    char key_file[PATH_MAX];
    struct keypair *keypair;
    const char *why = "";
    snprintf(cert_file, sizeof cert_file, "%s/participants/%s/%s.pem", TEST_CERTS, oin, purpose);
    snprintf(key_file, sizeof key_file, "%s/participants/%s/%s.key", TEST_CERTS, oin, purpose);
    if (keypair_load(cert_file, key_file, &keypair, &why) != SKP_OK)
        fail_msg("%s", why);
    return keypair;
}

static inline struct trust *test_trust(void)
{
    struct trust *trust;
    const char *why = "";
    if (trust_load(TEST_CERTS "/ca.pem", TEST_CERTS "/crl.pem", &trust, &why) != SKP_OK)
        fail_msg("%s", why);
    return trust;
}

static inline int64_t now_ms(void)
{
    return (int64_t)time(NULL) * 1000;
}

#endif
