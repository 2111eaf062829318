/* What a participant hears from libskp: every word of it into the history. */
#include "sim_party.h"
#include "wire.h"

#include <assert.h>
#include <stdio.h>

/* ---------------------------------------------------------------- receipts */

static uint64_t sequence_of(struct span commit, struct arena *arena)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    if (wire_unpack(&skp__v1__commit_header__descriptor, commit, arena, path, &message))
        sim_die("a commit that cannot be read");
    return ((const Skp__V1__CommitHeader *)(const void *)message)->sequence;
}

static void write_receipt(const struct sim_party *party, const struct skp_report *report)
{
    struct arena arena;
    struct sim_text text = {.data = NULL};
    const Skp__V1__Receipt *proof = report->proof;
    struct skp_hash commit = sha256(wire_span(proof->commit));
    arena_init(&arena, 1 << 20);
    sim_text_add(&text, "\"body\":\"");
    sim_text_hex(&text, wire_span(proof->body));
    sim_text_add(&text, "\",\"path\":[");
    for (size_t i = 0; i < proof->n_path; i++)
        sim_text_add(&text, "%s\"%s\"", i > 0 ? "," : "",
                     sim_hex(proof->path[i].data, proof->path[i].len));
    sim_text_add(&text, "],\"refused\":[");
    for (size_t i = 0; i < report->receipt->n_refusals; i++) {
        const Skp__V1__Refusal *refusal = report->receipt->refusals[i];
        sim_text_add(&text, "%s[%u,%u,\"%s\"]", i > 0 ? "," : "", refusal->bundle, refusal->line,
                     skp_error_name((enum skp_err)refusal->code));
    }
    sim_history("ok", party->oin.text,
                "\"batch\":\"%s\",\"sequence\":%llu,\"index\":%u,\"commit\":\"%s\",\"stored\":%u,"
                "\"same\":%u,\"at\":%lld,\"duplicate\":%s,%s]",
                sim_id(&report->batch_id),
                (unsigned long long)sequence_of(wire_span(proof->commit), &arena), proof->index,
                sim_hex(commit.bytes, HASH_BYTES), report->receipt->stored,
                report->receipt->without_effect, (long long)report->receipt->stored_at_ms,
                report->duplicate ? "true" : "false", text.data);
    sim_text_fini(&text);
    arena_fini(&arena);
}

static bool is_open_outcome(enum skp_err err)
{
    return err == SKP_E_OUTCOME_UNKNOWN || err == SKP_E_NOT_CONNECTED;
}

static void on_report(void *ctx, const struct skp_report *report)
{
    struct sim_party *party = ctx;
    struct sim_batch *batch = report->tag;
    if (report->err == SKP_OK) {
        write_receipt(party, report);
        party->acks++;
        batch->stored = true;
        batch->state = SIM_DONE;
        return;
    }
    bool open = is_open_outcome(report->err);
    sim_history(open ? "info" : "fail", party->oin.text, "\"batch\":\"%s\",\"err\":\"%s\"",
                sim_id(&report->batch_id), skp_error_name(report->err));
    batch->state = open ? SIM_UNSENT : SIM_DONE;
}

/* ---------------------------------------------------------------- what else comes in */

static void tell_head(const struct sim_party *party, const Skp__V1__ChainHead *head)
{
    struct arena arena;
    if (head == NULL)
        return;
    arena_init(&arena, 1 << 20);
    struct skp_hash hash = sha256(wire_span(head->commit));
    sim_history("head", party->oin.text, "\"sequence\":%llu,\"commit\":\"%s\"",
                (unsigned long long)sequence_of(wire_span(head->commit), &arena),
                sim_hex(hash.bytes, HASH_BYTES));
    arena_fini(&arena);
}

static void on_welcome(void *ctx, const Skp__V1__Welcome *welcome)
{
    struct sim_party *party = ctx;
    sim_history_mark("up", party->oin.text);
    tell_head(party, welcome->head);
}

static void on_down(void *ctx, enum skp_err err, const char *why)
{
    struct sim_party *party = ctx;
    party->stopped = skp_error(err)->retry != SKP_RETRY_LATER;
    sim_history("down", party->oin.text, "\"err\":\"%s\"", skp_error_name(err));
    if (party->stopped)
        sim_die("%s stopped: %s: %s", party->oin.text, skp_error_name(err), why);
}

static void on_problem(void *ctx, enum skp_err err, const char *path, const char *sentence)
{
    struct sim_party *party = ctx;
    bool later = skp_error(err)->retry == SKP_RETRY_LATER;
    (void)path;
    sim_history(later ? "later" : "problem", party->oin.text, "\"err\":\"%s\"",
                skp_error_name(err));
    if (!later)
        fprintf(stderr, "sim: %s: problem: %s: %s: %s\n", party->oin.text, skp_error_name(err),
                path != NULL ? path : "", sentence != NULL ? sentence : "");
}

static void on_delivery(void *ctx, const Skp__V1__Delivery *delivery,
                        const struct envelope_delivery *checked)
{
    party_take_delivery(ctx, delivery, checked);
}

static void on_collected(void *ctx, uint64_t tag, const Skp__V1__Collected *collected)
{
    struct sim_party *party = ctx;
    struct sim_text text = {.data = NULL};
    sim_text_add(&text, "%s", "");
    for (size_t i = 0; i < collected->n_unknown; i++)
        sim_text_add(&text, "%s%llu", i > 0 ? "," : "", (unsigned long long)collected->unknown[i]);
    party->collecting--;
    sim_history("collected", party->oin.text, "\"tag\":%llu,\"unknown\":[%s]",
                (unsigned long long)tag, text.data);
    sim_text_fini(&text);
}

static void on_published(void *ctx, uint64_t tag, const Skp__V1__Published *published)
{
    struct sim_party *party = ctx;
    (void)tag, (void)published;
    party->published = true;
}

static void take_agreement(struct sim_peer *peer, const Skp__V1__DirectoryEntry *entry)
{
    if (entry->n_agreements == 0)
        return;
    const Skp__V1__AgreementSummary *agreement = entry->agreements[0];
    if (!id_take(wire_span(agreement->agreement_id), &peer->agreement_id))
        sim_die("an agreement without id");
    peer->agreement_version = agreement->version;
    peer->form = agreement->consent_form;
}

static void take_peer(struct sim_party *party, const Skp__V1__DirectoryEntry *entry)
{
    struct sim_peer peer = {.cert_count = 0};
    const char *why = "";
    Skp__V1__Role wanted =
        party->creditor ? SKP__V1__ROLE__ROLE_COUNSELLOR : SKP__V1__ROLE__ROLE_CREDITOR;
    if (entry->n_roles != 1 || entry->roles[0] != wanted || entry->n_records == 0 ||
        !oin_take(span_text(entry->oin), &peer.oin) || party_find_peer(party, entry->oin) != NULL)
        return;
    enum skp_err err = skp_record_certs(party->client, entry->records[0], &peer.oin, peer.certs,
                                        SIM_MAX_CERTS, &peer.cert_count, &why);
    if (err)
        sim_die("%s: the record of %s: %s", party->oin.text, entry->oin, why);
    take_agreement(&peer, entry);
    assert(party->peer_count < SIM_MAX_PARTIES);
    party->peers[party->peer_count++] = peer;
}

static void on_directory(void *ctx, uint64_t tag, const Skp__V1__Directory *directory)
{
    struct sim_party *party = ctx;
    (void)tag;
    party->asking = false;
    for (size_t i = 0; i < directory->n_entries; i++)
        take_peer(party, directory->entries[i]);
}

static void write_case(const struct sim_party *party, const Skp__V1__CaseView *view)
{
    struct sim_text text = {.data = NULL};
    for (size_t i = 0; i < view->n_requests; i++) {
        const Skp__V1__RequestView *request = view->requests[i];
        sim_text_add(&text, "%s[\"%s\",\"%s\",%d,%d,%d,%lld,%d,%s]", i > 0 ? "," : "",
                     sim_hex(request->request_id.data, request->request_id.len), request->creditor,
                     (int)request->state, (int)request->outcome, (int)request->consent,
                     (long long)request->total_cents, (int)request->due_date,
                     request->collected ? "true" : "false");
    }
    sim_history("case", party->oin.text,
                "\"case\":\"%s\",\"state\":%d,\"declared\":%u,\"to_decide\":%u,\"requests\":[%s]",
                sim_hex(view->case_id.data, view->case_id.len), (int)view->state, view->declared,
                view->to_decide, text.data);
    sim_text_fini(&text);
}

static void on_cases(void *ctx, uint64_t tag, const Skp__V1__Cases *cases)
{
    struct sim_party *party = ctx;
    (void)tag;
    party->asking = false;
    party->listed = !cases->more;
    for (size_t i = 0; i < cases->n_cases; i++) {
        write_case(party, cases->cases[i]);
        if (!id_take(wire_span(cases->cases[i]->case_id), &party->last_case))
            sim_die("a case without id");
    }
}

const struct skp_callbacks party_callbacks = {
    .on_welcome = on_welcome,
    .on_down = on_down,
    .on_report = on_report,
    .on_delivery = on_delivery,
    .on_collected = on_collected,
    .on_directory = on_directory,
    .on_cases = on_cases,
    .on_published = on_published,
    .on_problem = on_problem,
};
