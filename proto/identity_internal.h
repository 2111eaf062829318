/* What identity.c, trust.c, trust_crl.c and jws.c share. */
#ifndef SKP_IDENTITY_INTERNAL_H
#define SKP_IDENTITY_INTERNAL_H

#include "arena.h"
#include "identity.h"

/* Formats into this thread's one buffer, valid until the thread's next call, and empties OpenSSL's
 * error queue. */
const char *identity_why(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Every certificate of a PEM file, owned by the caller; NULL with *ret_why when there is none or
 * one of them is damaged. */
STACK_OF(X509) * identity_read_certs(const char *file, const char **ret_why);

/* trust_crl.c: from now on each CRL of this store has its signature checked once per key, not once
 * per chain; for a store that gets no more of them. False: out of memory. */
bool trust_remember_crls(X509_STORE *store) SKP_MUST_CHECK;

/* The JOSE header under which this key signed last, copied into the arena, when that was in the same
 * second; NULL: make it, and have it kept. It holds the whole chain, which takes longer to write than
 * a signature to make. Any thread. */
const char *keypair_header(const struct keypair *keypair, int64_t second, struct arena *arena);
void keypair_keep_header(const struct keypair *keypair, int64_t second, const char *header);

#endif
