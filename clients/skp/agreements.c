#include "agreements.h"

#include "fact.h"
#include "file.h"
#include "wire.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES (4 << 20)

/* ---------------------------------------------------------------- files */

enum skp_err agreements_load(const char *file, struct arena *arena,
                             Skp__V1__SignedAgreement **ret_signed,
                             Skp__V1__Agreement **ret_agreement, char *ret_why)
{
    char path[WIRE_PATH_MAX];
    char *data = NULL;
    size_t len = 0;
    ProtobufCMessage *whole = NULL, *inner = NULL;
    enum skp_err err = file_read(file, FILE_BYTES, &data, &len, ret_why);
    if (err)
        return err;
    err = wire_unpack(&skp__v1__signed_agreement__descriptor, span_of(data, len), arena, path,
                      &whole);
    free(data);
    if (!err)
        err = wire_unpack(&skp__v1__agreement__descriptor,
                          wire_span(((Skp__V1__SignedAgreement *)whole)->agreement), arena, path,
                          &inner);
    if (!err)
        err = fact_check_agreement((Skp__V1__Agreement *)inner, path);
    if (err) {
        (void)snprintf(ret_why, CONFIG_WHY_BYTES, "%s: %s", file, path);
        return err;
    }
    *ret_signed = (Skp__V1__SignedAgreement *)whole;
    *ret_agreement = (Skp__V1__Agreement *)inner;
    return SKP_OK;
}

enum skp_err agreements_save(const char *file, const Skp__V1__SignedAgreement *agreement,
                             struct arena *arena, char *ret_why)
{
    struct span packed = wire_pack(&agreement->base, arena);
    if (!packed.data) {
        (void)snprintf(ret_why, CONFIG_WHY_BYTES, "%s: out of memory", file);
        return SKP_E_NO_MEMORY;
    }
    return file_write_atomic(file, packed, 0644, ret_why);
}

enum csv_why agreements_check_draft(const char *file, struct arena *arena)
{
    char why[CONFIG_WHY_BYTES];
    struct stat found;
    Skp__V1__SignedAgreement *present = NULL;
    Skp__V1__Agreement *agreement = NULL;
    if (stat(file, &found) != 0)
        return CSV_WHY_NONE; /* what else is wrong with the path, writing says */
    if (!S_ISREG(found.st_mode))
        return CSV_WHY_NO_PLAIN_FILE;
    if (found.st_size == 0)
        return CSV_WHY_NONE;
    if (access(file, R_OK) != 0)
        return CSV_WHY_UNREADABLE;
    if (agreements_load(file, arena, &present, &agreement, why))
        return CSV_WHY_NOT_OURS;
    return present->n_signatures == 0 ? CSV_WHY_NONE : CSV_WHY_SIGNED;
}

/* ---------------------------------------------------------------- signatures */

/* Who must sign: the creditor and each counsellor. */
static bool is_party(const Skp__V1__Agreement *agreement, const char *oin)
{
    if (strcmp(agreement->creditor, oin) == 0)
        return true;
    for (size_t i = 0; i < agreement->n_counsellors; i++)
        if (strcmp(agreement->counsellors[i], oin) == 0)
            return true;
    return false;
}

static bool leaf_oin(const json_t *header, struct skp_oin *ret_oin)
{
    const char *text = json_string_value(json_array_get(json_object_get(header, "x5c"), 0));
    size_t len = text ? strlen(text) : 0;
    uint8_t der[CERT_MAX_BYTES];
    X509 *cert = NULL;
    if (len == 0 || len % 4 != 0 || len / 4 * 3 > sizeof der)
        return false;
    int bytes = EVP_DecodeBlock(der, (const uint8_t *)text, (int)len);
    size_t padding = (size_t)(text[len - 1] == '=') + (text[len - 2] == '=');
    if (bytes < 0 || cert_parse(span_of(der, (size_t)bytes - padding), &cert))
        return false;
    bool named = cert_oin(cert, ret_oin) == SKP_OK;
    X509_free(cert);
    return named;
}

bool agreements_signer(const char *jws, struct arena *arena, struct skp_oin *ret_oin)
{
    struct span header;
    if (base64url_decode(span_of(jws, strcspn(jws, ".")), arena, &header))
        return false;
    json_t *json = json_loadb((const char *)header.data, header.len, 0, NULL);
    bool named = json && leaf_oin(json, ret_oin);
    json_decref(json);
    return named;
}

enum skp_err agreements_sign(Skp__V1__SignedAgreement *file, const Skp__V1__Agreement *agreement,
                             const struct keypair *signer, int64_t at_ms, struct arena *arena)
{
    struct skp_oin self, other;
    const char *jws = NULL;
    enum skp_err err = cert_oin(keypair_cert(signer), &self);
    if (!err && !is_party(agreement, self.text))
        err = SKP_E_SIGNER_INVALID;
    for (size_t i = 0; !err && i < file->n_signatures; i++)
        if (agreements_signer(file->signatures[i], arena, &other) && oin_equal(&self, &other))
            err = SKP_E_DUPLICATE_ITEM;
    if (!err)
        err = jws_sign(signer, wire_span(file->agreement), at_ms, arena, &jws);
    char **signatures =
        err ? NULL : arena_calloc(arena, file->n_signatures + 1, sizeof *signatures);
    if (err || !signatures)
        return err ? err : SKP_E_NO_MEMORY;
    for (size_t i = 0; i < file->n_signatures; i++)
        signatures[i] = file->signatures[i];
    signatures[file->n_signatures++] = wire_text(jws);
    file->signatures = signatures;
    return SKP_OK;
}
