/* Prints, in base64, an agreement signed by both: rounds every working day at 09:00, ten working days to answer. */
#include "envelope.h"
#include "wire.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WORKING_DAYS 0x1fu

static void must(enum skp_err err, const char *why)
{
    if (!err)
        return;
    fprintf(stderr, "sign_agreement: %s: %s\n", skp_error_name(err), why);
    exit(1);
}

static char *sign(const char *pki, const char *oin, struct span bytes, struct arena *arena)
{
    char cert[PATH_MAX], key[PATH_MAX];
    const char *why = "", *jws = NULL;
    struct keypair *pair;
    snprintf(cert, sizeof cert, "%s/participants/%s/sign.pem", pki, oin);
    snprintf(key, sizeof key, "%s/participants/%s/sign.key", pki, oin);
    must(keypair_load(cert, key, &pair, &why), why);
    must(jws_sign(pair, bytes, (int64_t)time(NULL) * 1000, arena, &jws), oin);
    keypair_unref(pair);
    return (char *)(uintptr_t)jws; /* protobuf-c has no const strings */
}

static struct span say(char *creditor, char *counsellor, struct arena *arena)
{
    static char context[] = AGREEMENT_CONTEXT;
    struct skp_id id = id_new();
    Skp__V1__Agreement agreement;
    skp__v1__agreement__init(&agreement);
    Skp__V1__RoundSchedule schedule;
    skp__v1__round_schedule__init(&schedule);
    schedule.weekdays = WORKING_DAYS;
    schedule.minute_of_day = 9 * 60;
    agreement.context = context;
    agreement.agreement_id = wire_bytes(span_of(id.bytes, ID_BYTES));
    agreement.version = 1;
    agreement.creditor = creditor;
    agreement.n_counsellors = 1;
    agreement.counsellors = &counsellor;
    agreement.valid_from_date = 20200101;
    agreement.consent_form = SKP__V1__CONSENT_FORM__CONSENT_FORM_PER_REQUEST_YES;
    agreement.term_working_days = 10;
    agreement.schedule = &schedule;
    agreement.silence = SKP__V1__SILENCE_MEANS__SILENCE_MEANS_NOTHING;
    return wire_pack(&agreement.base, arena);
}

static void print_base64(struct span bytes)
{
    unsigned char *text = malloc(bytes.len * 4 / 3 + 8);
    if (text == NULL)
        must(SKP_E_NO_MEMORY, "base64");
    EVP_EncodeBlock(text, bytes.data, (int)bytes.len);
    puts((const char *)text);
    free(text);
}

int main(int argc, char **argv)
{
    struct arena arena;
    if (argc != 4) {
        fprintf(stderr, "usage: sign_agreement PKI CREDITOR COUNSELLOR\n");
        return 2;
    }
    arena_init(&arena, (size_t)1 << 20);
    struct span bytes = say(argv[2], argv[3], &arena);
    char *signatures[] = {sign(argv[1], argv[2], bytes, &arena),
                          sign(argv[1], argv[3], bytes, &arena)};
    Skp__V1__SignedAgreement file;
    skp__v1__signed_agreement__init(&file);
    file.agreement = wire_bytes(bytes);
    file.n_signatures = 2;
    file.signatures = signatures;
    print_base64(wire_pack(&file.base, &arena));
    arena_fini(&arena);
    return 0;
}
