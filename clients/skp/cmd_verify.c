/* skp counsellor verify: is what we know the same as what the broker knows? */
#include "commands.h"

#include "csv_words.h"
#include "link.h"
#include "map.h"
#include "views.h"
#include "wire.h"

#define KEEP_MAX_BYTES ((size_t)1 << 30)

/* What we know of one request, without the answer itself. */
struct known {
    struct request_view view;
    bool covenant; /* it named an agreement and left the consent to it */
    bool seen;
};

struct verifying {
    struct cli *cli;
    struct link link;
    struct arena arena;
    struct map known; /* request id -> struct known */
    bool page_done, page_more;
    struct skp_id after;
    size_t cases, requests, differences;
    enum skp_err err;
};

static void differs(struct verifying *verifying, const struct skp_id *id, const char *what,
                    int64_t ours, int64_t theirs)
{
    char text[ID_TEXT_BYTES];
    id_print(id, text);
    verifying->differences++;
    cli_say(verifying->cli, "%s: %s: hier %lld, bij de centrale %lld",
            "%s: %s: here %lld, at the broker %lld", text, what, (long long)ours,
            (long long)theirs);
}

/* A code in words: ours in Dutch, the protocol's own name in English. */
static const char *word_of(const struct verifying *verifying, const struct csv_word *words,
                           const ProtobufCEnumDescriptor *names, int code)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(names, code);
    if (code == 0)
        return verifying->cli->english ? "nothing yet" : "nog niets";
    if (verifying->cli->english)
        return value ? value->name : "?";
    return csv_word_print(words, code);
}

static void compare_words(struct verifying *verifying, const struct skp_id *id, const char *what,
                          const struct csv_word *words, const ProtobufCEnumDescriptor *names,
                          int ours, int theirs)
{
    char text[ID_TEXT_BYTES];
    if (ours == theirs)
        return;
    id_print(id, text);
    verifying->differences++;
    cli_say(verifying->cli, "%s: %s: hier %s, bij de centrale %s",
            "%s: %s: here %s, at the broker %s", text, what, word_of(verifying, words, names, ours),
            word_of(verifying, words, names, theirs));
}

/* Waiting for a round is the broker's business; what counts here is that nothing was asked yet. */
static Skp__V1__RequestState plain_state(Skp__V1__RequestState state)
{
    return state == SKP__V1__REQUEST_STATE__REQUEST_STATE_WAITING_FOR_ROUND
               ? SKP__V1__REQUEST_STATE__REQUEST_STATE_REGISTERED
               : state;
}

static bool same_consent(const struct known *known, Skp__V1__Consent theirs)
{
    if (known->view.consent == theirs)
        return true;
    return known->covenant && known->view.consent == SKP__V1__CONSENT__CONSENT_UNSPECIFIED &&
           theirs == SKP__V1__CONSENT__CONSENT_PRE_AGREED;
}

static void compare_request(struct verifying *verifying, const struct skp_id *id,
                            struct known *known, const Skp__V1__RequestView *theirs)
{
    const struct request_view *ours = &known->view;
    known->seen = true;
    compare_words(verifying, id, "state", csv_words_state, &skp__v1__request_state__descriptor,
                  (int)ours->state, (int)plain_state(theirs->state));
    compare_words(verifying, id, "outcome", csv_words_outcome, &skp__v1__outcome__descriptor,
                  (int)ours->outcome, (int)theirs->outcome);
    if (!same_consent(known, theirs->consent))
        compare_words(verifying, id, "consent", csv_words_consent, &skp__v1__consent__descriptor,
                      (int)ours->consent, (int)theirs->consent);
    if (ours->total_cents != theirs->total_cents)
        differs(verifying, id, "total_cents", ours->total_cents, theirs->total_cents);
    if (ours->due_date != theirs->due_date)
        differs(verifying, id, "due_date", ours->due_date, theirs->due_date);
    if (ours->collected != theirs->collected)
        differs(verifying, id, "collected", ours->collected, theirs->collected);
}

static void compare_case(struct verifying *verifying, const Skp__V1__CaseView *theirs)
{
    verifying->cases++;
    for (size_t i = 0; i < theirs->n_requests; i++) {
        struct skp_id id;
        if (!id_take(wire_span(theirs->requests[i]->request_id), &id))
            continue;
        struct known *known = map_get(&verifying->known, id.bytes);
        if (known && (theirs->requests[i]->state != 0 || known->view.state != 0)) {
            compare_request(verifying, &id, known, theirs->requests[i]);
            verifying->requests++;
        } else if (!known) {
            differs(verifying, &id, "known", 0, 1);
        }
    }
}

static void on_cases(void *ctx, const Skp__V1__Cases *cases)
{
    struct verifying *verifying = ctx;
    for (size_t i = 0; i < cases->n_cases; i++)
        compare_case(verifying, cases->cases[i]);
    verifying->page_more =
        cases->more && cases->n_cases > 0 &&
        id_take(wire_span(cases->cases[cases->n_cases - 1]->case_id), &verifying->after);
    verifying->page_done = true;
}

static enum skp_err load_known(struct verifying *verifying)
{
    struct views views;
    struct request_view view;
    enum skp_err err = map_init(&verifying->known, ID_BYTES, 1024, (size_t)1 << 26);
    views_open(&views, &verifying->cli->state, NULL);
    while (!err && views_next(&views, &view)) {
        struct known *known = arena_calloc(&verifying->arena, 1, sizeof *known);
        if (!known)
            err = SKP_E_NO_MEMORY;
        else
            err = map_put(&verifying->known, view.request_id.bytes, known);
        if (err)
            break;
        known->covenant = view.answer && view.answer->agreement_id.len > 0;
        known->view = view; /* its texts are gone with the row, and not used */
    }
    views_close(&views);
    return err ? err : state_error(&verifying->cli->state);
}

static enum skp_err compare_all(struct verifying *verifying)
{
    enum skp_err err = SKP_OK;
    verifying->link.asking = true;
    do {
        verifying->page_done = false;
        err = skp_cases_get(verifying->link.client, NULL, 0,
                            id_is_nil(&verifying->after) ? NULL : &verifying->after, 1);
        if (!err)
            err = link_wait(&verifying->link, &verifying->page_done);
    } while (!err && verifying->page_more);
    for (size_t i = 0; !err && i < verifying->known.count; i++) {
        const struct known *known = map_value_at(&verifying->known, i);
        if (!known->seen && known->view.state != 0)
            differs(verifying, &known->view.request_id, "known", 1, 0);
    }
    return err;
}

static int run_verify(struct verifying *verifying)
{
    static const struct link_events events = {.on_cases = on_cases};
    struct cli *cli = verifying->cli;
    int code = cli_open_state(cli);
    if (code != 0)
        return code;
    enum skp_err err = load_known(verifying);
    if (err)
        return cli_state_failed(cli, err);
    code = link_open(cli, &verifying->link, &events, verifying);
    if (code != 0)
        return code;
    err = compare_all(verifying);
    if (err)
        return link_failed(&verifying->link, err);
    cli_put(cli, "cases", (int64_t)verifying->cases);
    cli_put(cli, "requests", (int64_t)verifying->requests);
    cli_put(cli, "differences", (int64_t)verifying->differences);
    cli_say(cli, "%zu %s, %zu %s vergeleken, %zu %s", "%zu %s, %zu %s compared, %zu %s",
            verifying->cases, cli_noun(cli, verifying->cases, NOUN_CASE), verifying->requests,
            cli_noun(cli, verifying->requests, NOUN_REQUEST), verifying->differences,
            cli_noun(cli, verifying->differences, NOUN_DIFFERENCE));
    if (verifying->differences > 0)
        cli_say(cli,
                "Haal eerst op met skp counsellor watch --once; wat dan nog verschilt, klopt niet.",
                "Fetch first with skp counsellor watch --once; what differs then is wrong.");
    return verifying->differences > 0 ? EXIT_SOME : EXIT_ALL_OK;
}

static int run(struct cli *cli, char **args)
{
    struct verifying verifying = {.cli = cli};
    struct cli_option options[] = {{NULL, NULL, NULL}};
    int code = cli_parse(cli, args, options, NULL, 0);
    if (code != EXIT_ALL_OK)
        return code;
    arena_init(&verifying.arena, KEEP_MAX_BYTES);
    code = run_verify(&verifying);
    link_close(&verifying.link);
    map_fini(&verifying.known);
    arena_fini(&verifying.arena);
    return code;
}

const struct command command_verify = {
    .words = "counsellor verify",
    .usage = "",
    .dutch = "Vergelijkt de eigen gegevens met die van de centrale; verschil geeft code 1.",
    .english = "Compares one's own view with the broker's; a difference gives exit code 1.",
    .needs_settings = true,
    .role = SKP__V1__ROLE__ROLE_COUNSELLOR,
    .run = run,
};
