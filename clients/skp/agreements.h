/* Agreement files: written from a description, signed, and shown. Who admits them, and whether all have
 * signed as they must, is for the broker to verify. */
#ifndef SKP_AGREEMENTS_H
#define SKP_AGREEMENTS_H

#include "config.h"
#include "csv.h"
#include "jose.h"
#include "skp.pb-c.h"

/* Reads a description (name = value, agreements_print_help()) into an Agreement with a new id, or the id and
 * version the description names. It lives in `arena`. CONFIG with ret_why[CONFIG_WHY_BYTES]. */
enum skp_err agreements_describe(const char *file, struct arena *arena,
                                 Skp__V1__Agreement **ret_agreement, char *ret_why) SKP_MUST_CHECK;
void agreements_print_help(FILE *stream);

/* A SignedAgreement file, with any number of signatures. Errors of file.h and wire.h, in words. */
enum skp_err agreements_load(const char *file, struct arena *arena,
                             Skp__V1__SignedAgreement **ret_signed,
                             Skp__V1__Agreement **ret_agreement, char *ret_why) SKP_MUST_CHECK;
enum skp_err agreements_save(const char *file, const Skp__V1__SignedAgreement *agreement,
                             struct arena *arena, char *ret_why) SKP_MUST_CHECK;

/* Why no draft may be written there; NONE: nothing stands there, or an empty file, or an agreement that nobody signed. */
enum csv_why agreements_check_draft(const char *file, struct arena *arena);

/* The OIN in the leaf certificate of a detached JWS, unchecked, for showing; false: it names none. */
bool agreements_signer(const char *jws, struct arena *arena, struct skp_oin *ret_oin);

/* Adds a signature over the very bytes of the file; DUPLICATE_ITEM when this OIN signed before;
 * SIGNER_INVALID when it is no party. */
enum skp_err agreements_sign(Skp__V1__SignedAgreement *file, const Skp__V1__Agreement *agreement,
                             const struct keypair *signer, int64_t at_ms,
                             struct arena *arena) SKP_MUST_CHECK;

#endif
