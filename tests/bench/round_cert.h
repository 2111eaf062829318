/* Certificates and CRLs in the profile of certs/make, made in milliseconds: all keys P-256. */
#ifndef SKP_ROUND_CERT_H
#define SKP_ROUND_CERT_H

#include <openssl/x509.h>
#include <stdio.h>

#define ROUND_CERT_VALID_S (30 * 86400L)

struct round_cert_profile {
    const char *name;           /* CN */
    const char *oin;            /* NULL: of a CA */
    const char *alt_name;       /* NULL: none */
    const char *constraints;    /* "critical,CA:FALSE" and the like */
    const char *usage;          /* "critical,digitalSignature" and the like */
    const char *extended_usage; /* NULL: none */
    const char *crl_url;        /* NULL: none */
};

struct round_issuer {
    X509 *cert; /* NULL: signs itself */
    EVP_PKEY *key;
};

/* All end the program when something fails. The caller owns what they return. */
X509 *round_cert_make(EVP_PKEY *key, const struct round_issuer *issuer,
                      const struct round_cert_profile *profile);

/* A new PEM file with one or two certificates (`next` may be NULL), whole from the moment it is there. */
void round_cert_write(const char *path, X509 *cert, X509 *next);
void round_cert_write_key(const char *path, EVP_PKEY *key);

/* Appends a CRL on which nothing stands. */
void round_cert_write_crl(FILE *file, const struct round_issuer *issuer);

#endif
