/* Somebody else's "safe with me", as the broker passes it on in an event. */
#include "skp_internal.h"

#include "mutant.h"
#include "statement.h"

#define STATEMENT_MAX_BYTES (16 * 1024) /* arena for the unpacked statement */

static enum skp_err refuse(enum skp_err err, const char *why, const char **ret_why)
{
    *ret_why = why;
    return err;
}

static enum skp_err check_statement(const Skp__V1__EventFact *event, struct arena *arena,
                                    const char **ret_why)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message = NULL;
    enum skp_err err = wire_unpack(&skp__v1__collect_statement__descriptor,
                                   wire_span(event->statement), arena, path, &message);
    if (err)
        return refuse(err, "the statement cannot be read", ret_why);
    const Skp__V1__CollectStatement *statement = (const Skp__V1__CollectStatement *)message;
    if (strcmp(statement->context, COLLECT_CONTEXT) != 0)
        return refuse(SKP_E_SIGNATURE_INVALID, "signed for something else than collecting",
                      ret_why);
    if (strcmp(statement->participant, event->other) != 0)
        return refuse(SKP_E_SIGNER_INVALID, "the statement is of somebody else", ret_why);
    if (!statement_holds_items(statement, event) && !MUTANT(proof_not_checked))
        return refuse(SKP_E_PROOF_INVALID, "what was collected is not in the statement", ret_why);
    return SKP_OK;
}

enum skp_err collected_check(struct trust *trust, struct jws_cache *cache,
                             const Skp__V1__EventFact *event, int64_t at_ms,
                             struct skp_oin *ret_signer, const char **ret_why)
{
    struct jws_signer signer;
    struct arena arena;
    arena_init(&arena, STATEMENT_MAX_BYTES);
    enum skp_err err = check_statement(event, &arena, ret_why);
    arena_fini(&arena);
    if (!err)
        err = jws_verify_stored(trust, cache, span_text(event->jws), wire_span(event->statement),
                                at_ms, &signer, ret_why);
    if (!err && strcmp(signer.oin.text, event->other) != 0)
        err = refuse(SKP_E_SIGNER_INVALID, "the statement is signed by somebody else", ret_why);
    if (!err)
        *ret_signer = signer.oin;
    return err;
}

enum skp_err skp_check_collected(struct skp_client *client, const Skp__V1__EventFact *event,
                                 struct skp_oin *ret_signer, const char **ret_why)
{
    return collected_check(client->trust, client->jws_cache, event, skp_now_ms(client), ret_signer,
                           ret_why);
}
