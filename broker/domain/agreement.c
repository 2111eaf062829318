#include "agreement.h"

#include "fact.h"

#include <stdio.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- reading */

static int compare_oins(const void *a, const void *b)
{
    const struct skp_oin *left = a;
    const struct skp_oin *right = b;
    return strcmp(left->text, right->text);
}

static enum skp_err take_counsellors(const Skp__V1__Agreement *said, struct arena *arena,
                                     struct agreement *agreement)
{
    struct skp_oin *oins = arena_calloc(arena, said->n_counsellors, sizeof *oins);
    if (!oins)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < said->n_counsellors; i++) {
        if (!oin_take(span_text(said->counsellors[i]), &oins[i]))
            return SKP_E_OIN_FORMAT;
    }
    qsort(oins, said->n_counsellors, sizeof *oins, compare_oins);
    agreement->counsellors = oins;
    agreement->counsellor_count = said->n_counsellors;
    return SKP_OK;
}

static void take_scope(const Skp__V1__Agreement *said, struct agreement *agreement)
{
    for (size_t i = 0; i < said->n_claim_kinds; i++)
        agreement->claim_kinds |= 1U << said->claim_kinds[i];
    for (size_t i = 0; i < said->n_products; i++)
        agreement->products |= 1U << said->products[i];
    for (size_t i = 0; i < said->n_guidances; i++)
        agreement->guidances |= 1U << said->guidances[i];
    agreement->brand = said->brand;
}

static void take_schedule(const Skp__V1__RoundSchedule *said, struct agreement *agreement)
{
    if (!said)
        return;
    agreement->weekdays = (uint8_t)said->weekdays;
    agreement->minute_of_day = (uint16_t)said->minute_of_day;
    agreement->first_date = said->first_date;
}

static void take_terms(const Skp__V1__Agreement *said, struct agreement *agreement)
{
    agreement->version = said->version;
    agreement->valid_from = said->valid_from_date;
    agreement->valid_until = said->valid_until_date;
    agreement->consent_form = said->consent_form;
    agreement->term_working_days = said->term_working_days;
    agreement->waiting_working_days =
        said->waiting_working_days ? said->waiting_working_days : AGREEMENT_WAITING_DAYS;
}

static enum skp_err unpack_file(struct span file, struct arena *arena, char *ret_path,
                                Skp__V1__SignedAgreement **ret_signed,
                                Skp__V1__Agreement **ret_said)
{
    ProtobufCMessage *outer = NULL;
    enum skp_err err =
        wire_unpack(&skp__v1__signed_agreement__descriptor, file, arena, ret_path, &outer);
    if (err)
        return err;
    Skp__V1__SignedAgreement *signed_file = (Skp__V1__SignedAgreement *)outer;
    struct span inner_bytes = span_of(signed_file->agreement.data, signed_file->agreement.len);
    ProtobufCMessage *inner = NULL;
    err = wire_unpack(&skp__v1__agreement__descriptor, inner_bytes, arena, ret_path, &inner);
    if (!err)
        err = fact_check_agreement((Skp__V1__Agreement *)inner, ret_path);
    if (err)
        return err;
    *ret_signed = signed_file;
    *ret_said = (Skp__V1__Agreement *)inner;
    return SKP_OK;
}

static enum skp_err agreement_take(const Skp__V1__Agreement *said, struct arena *arena,
                                   struct agreement *ret_agreement)
{
    struct agreement agreement = {0};
    if (!id_take(span_of(said->agreement_id.data, said->agreement_id.len), &agreement.agreement_id))
        return SKP_E_ID_FORMAT;
    if (!oin_take(span_text(said->creditor), &agreement.creditor))
        return SKP_E_OIN_FORMAT;
    take_terms(said, &agreement);
    take_schedule(said->schedule, &agreement);
    take_scope(said, &agreement);
    enum skp_err err = take_counsellors(said, arena, &agreement);
    if (!err)
        *ret_agreement = agreement;
    return err;
}

enum skp_err agreement_read(struct span file, struct arena *arena, char *ret_path,
                            struct agreement *ret_agreement)
{
    Skp__V1__SignedAgreement *signed_file = NULL;
    Skp__V1__Agreement *said = NULL;
    enum skp_err err = unpack_file(file, arena, ret_path, &signed_file, &said);
    return err ? err : agreement_take(said, arena, ret_agreement);
}

/* ---------------------------------------------------------------- signatures */

/* Signatures of an agreement, party by party: party 0 is the creditor, then the counsellors. */
struct signing {
    const struct agreement *agreement;
    bool *has_signed;
    struct arena *arena;
    const char **ret_why;
};

static const struct skp_oin *party(const struct agreement *agreement, size_t index)
{
    return index == 0 ? &agreement->creditor : &agreement->counsellors[index - 1];
}

static enum skp_err complain(struct signing *signing, enum skp_err err, const char *what,
                             const struct skp_oin *who)
{
    char text[128];
    int len = snprintf(text, sizeof text, "%s %s", what, who->text);
    const char *why = arena_copy(signing->arena, text, (size_t)len + 1);
    *signing->ret_why = why ? why : what;
    return err;
}

static enum skp_err mark_signer(struct signing *signing, const struct skp_oin *signer)
{
    for (size_t i = 0; i <= signing->agreement->counsellor_count; i++) {
        if (oin_equal(party(signing->agreement, i), signer)) {
            signing->has_signed[i] = true;
            return SKP_OK;
        }
    }
    return complain(signing, SKP_E_SIGNER_INVALID, "signed by somebody who is no party:", signer);
}

static enum skp_err check_all_signed(struct signing *signing)
{
    for (size_t i = 0; i <= signing->agreement->counsellor_count; i++) {
        if (!signing->has_signed[i])
            return complain(signing, SKP_E_SIGNATURE_INVALID, "not signed by",
                            party(signing->agreement, i));
    }
    return SKP_OK;
}

enum skp_err agreement_verify(struct span file, struct trust *trust, int64_t at_ms,
                              struct arena *arena, const char **ret_why)
{
    Skp__V1__SignedAgreement *signed_file = NULL;
    Skp__V1__Agreement *said = NULL;
    struct agreement agreement;
    char *path = arena_calloc(arena, 1, WIRE_PATH_MAX);
    *ret_why = path ? path : "";
    enum skp_err err = path ? unpack_file(file, arena, path, &signed_file, &said) : SKP_E_NO_MEMORY;
    if (!err)
        err = agreement_take(said, arena, &agreement);
    if (err)
        return err;

    struct signing signing = {.agreement = &agreement, .arena = arena, .ret_why = ret_why};
    signing.has_signed = arena_calloc(arena, agreement.counsellor_count + 1, sizeof(bool));
    if (!signing.has_signed)
        return SKP_E_NO_MEMORY;
    struct span bytes = span_of(signed_file->agreement.data, signed_file->agreement.len);
    for (size_t i = 0; i < signed_file->n_signatures && !err; i++) {
        struct jws_signer signer;
        err = jws_verify(trust, NULL, span_text(signed_file->signatures[i]), bytes, at_ms, &signer,
                         ret_why);
        if (!err)
            err = mark_signer(&signing, &signer.oin);
    }
    return err ? err : check_all_signed(&signing);
}
