/* Who one is, whom one can write to, and whether the broker still has what it once confirmed. */
#include "engine_mail.h"
#include "fact.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>

static struct answer *say_hello(struct world *w, const struct party *who, uint32_t version,
                                const Skp__V1__ChainHead *head)
{
    Skp__V1__Hello hello;
    Skp__V1__ChainHead copy;
    uint32_t versions[] = {99, version};
    skp__v1__hello__init(&hello);
    hello.n_versions = 2;
    hello.versions = versions;
    hello.software = wire_text("test");
    if (head) {
        copy = *head;
        hello.latest_head = &copy;
    }
    return world_ask(w, who, ENGINE_HELLO, &hello.base);
}

static Skp__V1__Welcome *welcome_of(struct world *w, const struct answer *answer)
{
    return world_frame(w, answer, 0, FRAME_WELCOME, &skp__v1__welcome__descriptor);
}

/* ---------------------------------------------------------------- hello */

static void hello_is_answered_with_who_one_is(void **state)
{
    struct world *w = *state;
    Skp__V1__Welcome *welcome = welcome_of(w, say_hello(w, &w->creditor, 1, NULL));
    assert_int_equal(welcome->version, 1);
    assert_string_equal(welcome->broker, w->broker.text);
    assert_string_equal(welcome->name, "TEST postkantoor");
    assert_string_equal(welcome->participant, OIN_CREDITOR);
    assert_int_equal(welcome->n_roles, 1);
    assert_int_equal(welcome->roles[0], SKP__V1__ROLE__ROLE_CREDITOR);
    assert_int_equal(welcome->business_at_ms, world_now_ms(w));
    assert_true(welcome->play);
    assert_int_equal(welcome->limits->frame_bytes, FRAME_MAX_BYTES);
    assert_int_equal(welcome->limits->lease_seconds, 300);
    assert_non_null(welcome->head);
}

static void a_stranger_is_not_welcome(void **state)
{
    struct world *w = *state;
    struct party stranger = w->creditor;
    assert_true(oin_take(span_text("00000099000000009000"), &stranger.oin));
    assert_err(say_hello(w, &stranger, 1, NULL)->err, SKP_E_NOT_REGISTERED);
}

static void only_this_version_is_spoken(void **state)
{
    struct world *w = *state;
    assert_err(say_hello(w, &w->creditor, 2, NULL)->err, SKP_E_VERSION_UNSUPPORTED);
}

static void every_head_that_was_handed_out_is_known(void **state)
{
    struct world *w = *state;
    struct told_case told;
    Skp__V1__ChainHead *old = welcome_of(w, say_hello(w, &w->creditor, 1, NULL))->head;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    Skp__V1__ChainHead *newest = welcome_of(w, say_hello(w, &w->creditor, 1, old))->head;
    assert_false(span_equal(wire_span(old->commit), wire_span(newest->commit)));
    welcome_of(w, say_hello(w, &w->creditor, 1, newest));
}

static Skp__V1__CommitHeader *commit_of(struct world *w, const Skp__V1__ChainHead *head)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    assert_ok(wire_unpack(&skp__v1__commit_header__descriptor, wire_span(head->commit), &w->arena,
                          path, &message));
    return (Skp__V1__CommitHeader *)(void *)message;
}

static void a_foreign_head_is_the_clients_error_and_nothing_more(void **state)
{
    struct world *w = *state;
    const char *jws;
    Skp__V1__ChainHead head = *welcome_of(w, say_hello(w, &w->creditor, 1, NULL))->head;
    Skp__V1__ChainHead foreign = head;
    Skp__V1__CommitHeader *commit = commit_of(w, &head);
    commit->sequence++;
    foreign.commit = wire_bytes(wire_pack(&commit->base, &w->arena));
    assert_ok(jws_sign(w->rsa.signs, wire_span(foreign.commit), clock_real_ms(&w->clock.clock),
                       &w->arena, &jws));
    foreign.jws = wire_text(jws);
    assert_err(say_hello(w, &w->creditor, 1, &foreign)->err, SKP_E_CHAIN_UNKNOWN);
    foreign.jws = wire_text("");
    assert_err(say_hello(w, &w->creditor, 1, &foreign)->err, SKP_E_CHAIN_UNKNOWN);
    /* Signed by the broker, but no commit. */
    foreign.commit = wire_bytes(span_text("something else"));
    assert_ok(jws_sign(w->broker_signs, wire_span(foreign.commit), clock_real_ms(&w->clock.clock),
                       &w->arena, &jws));
    foreign.jws = wire_text(jws);
    assert_err(say_hello(w, &w->creditor, 1, &foreign)->err, SKP_E_CHAIN_UNKNOWN);
    assert_null(engine_failed(w->engine));
    welcome_of(w, say_hello(w, &w->creditor, 1, &head));
}

static void sign_head(struct world *w, const Skp__V1__CommitHeader *commit,
                      Skp__V1__ChainHead *head)
{
    const char *jws;
    head->commit = wire_bytes(wire_pack(&commit->base, &w->arena));
    assert_ok(jws_sign(w->broker_signs, wire_span(head->commit), clock_real_ms(&w->clock.clock),
                       &w->arena, &jws));
    head->jws = wire_text(jws);
}

/* The broker renewed its certificate long ago: what it signed before is in its chain all the same,
 * and what is not there still needs a signature that counts. */
static void a_head_outlives_the_certificate_it_was_signed_with(void **state)
{
    struct world *w = *state;
    Skp__V1__ChainHead head = *welcome_of(w, say_hello(w, &w->creditor, 1, NULL))->head;
    Skp__V1__ChainHead other = head;
    Skp__V1__CommitHeader *commit = commit_of(w, &head);
    commit->sequence++;
    sign_head(w, commit, &other);
    clock_manual_jump(&w->clock, INT64_C(100) * 366 * 86400 * 1000);
    welcome_of(w, say_hello(w, &w->creditor, 1, &head));
    assert_err(say_hello(w, &w->creditor, 1, &other)->err, SKP_E_CHAIN_UNKNOWN);
    assert_null(engine_failed(w->engine));
}

static void a_head_of_another_store_is_unknown(void **state)
{
    struct world *w = *state;
    struct skp_id other = id_new();
    Skp__V1__ChainHead head = *welcome_of(w, say_hello(w, &w->creditor, 1, NULL))->head;
    Skp__V1__CommitHeader *commit = commit_of(w, &head);
    commit->store_id = wire_id(&other);
    sign_head(w, commit, &head);
    assert_err(say_hello(w, &w->creditor, 1, &head)->err, SKP_E_CHAIN_UNKNOWN);
    assert_null(engine_failed(w->engine));
}

/* An operator went on from a backup: who was promised more hears so, and the others are served. */
static void a_head_that_was_given_up_is_unknown_and_ends_nothing(void **state)
{
    struct world *w = *state;
    Skp__V1__ChainHead head = *welcome_of(w, say_hello(w, &w->creditor, 1, NULL))->head;
    Skp__V1__ChainHead later = head;
    Skp__V1__CommitHeader *commit = commit_of(w, &head);
    commit->sequence++;
    sign_head(w, commit, &head);
    w->engine->loss = (struct loss_mark){.kept = commit->sequence - 1,
                                         .lost = commit->sequence,
                                         .accepted_ms = commit->committed_at_ms};
    assert_err(say_hello(w, &w->creditor, 1, &head)->err, SKP_E_CHAIN_UNKNOWN);
    assert_null(engine_failed(w->engine));
    welcome_of(w, say_hello(w, &w->creditor, 1, NULL));
    commit->committed_at_ms++;
    sign_head(w, commit, &later);
    assert_err(say_hello(w, &w->creditor, 1, &later)->err, SKP_E_DATA_LOSS);
    assert_non_null(engine_failed(w->engine));
}

/* The broker was set back to an older state: it may not go on. */
static void a_head_beyond_ours_ends_all_service(void **state)
{
    struct world *w = *state;
    Skp__V1__ChainHead head = *welcome_of(w, say_hello(w, &w->creditor, 1, NULL))->head;
    Skp__V1__CommitHeader *commit = commit_of(w, &head);
    commit->sequence++;
    sign_head(w, commit, &head);
    assert_err(say_hello(w, &w->creditor, 1, &head)->err, SKP_E_DATA_LOSS);
    assert_non_null(engine_failed(w->engine));
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    assert_err(letter_ask(&letter)->err, SKP_E_UNAVAILABLE);
    assert_err(say_hello(w, &w->creditor, 1, NULL)->err, SKP_E_UNAVAILABLE);
    Skp__V1__Fetch fetch;
    skp__v1__fetch__init(&fetch);
    fetch.messages = 1;
    assert_err(world_ask(w, &w->creditor, ENGINE_FETCH, &fetch.base)->err, SKP_E_UNAVAILABLE);
}

static void another_commit_under_our_number_ends_all_service(void **state)
{
    struct world *w = *state;
    Skp__V1__ChainHead head = *welcome_of(w, say_hello(w, &w->creditor, 1, NULL))->head;
    Skp__V1__CommitHeader *commit = commit_of(w, &head);
    commit->receipt_count++;
    sign_head(w, commit, &head);
    assert_err(say_hello(w, &w->creditor, 1, &head)->err, SKP_E_DATA_LOSS);
    assert_non_null(engine_failed(w->engine));
}

static void the_chain_verifies_from_first_to_last(void **state)
{
    struct world *w = *state;
    static struct told_case told[3];
    for (size_t i = 0; i < 3; i++) {
        case_make(&told[i], &w->creditor, 2);
        case_register(w, &told[i]);
        request_answer_with(w, &told[i].requests[0], 100);
    }
    world_tick(w);
    uint64_t last = w->engine->chain.sequence;
    struct skp_hash previous = {{0}};
    assert_true(last > 10);
    assert_ok(store_begin(w->store));
    for (uint64_t sequence = 1; sequence <= last; sequence++) {
        struct row_key key = key_commit(sequence);
        struct store_row row = {.key = row_key_span(&key)};
        struct commit_row link;
        struct jws_signer signer;
        const char *why = "";
        assert_ok(store_get(w->store, STORE_COMMIT, &row, 1, &w->arena));
        assert_ok(commit_row_read(row.value, &link));
        assert_ok(jws_verify(w->trust, NULL, link.jws, link.header, clock_real_ms(&w->clock.clock),
                             &signer, &why));
        assert_true(oin_equal(&signer.oin, &w->broker));
        Skp__V1__ChainHead head = {.commit = wire_bytes(link.header)};
        const Skp__V1__CommitHeader *commit = commit_of(w, &head);
        assert_int_equal(commit->sequence, sequence);
        assert_true(commit->play);
        assert_true(span_equal(wire_span(commit->previous), span_of(previous.bytes, HASH_BYTES)));
        previous = sha256(link.header);
    }
    store_rollback(w->store);
    assert_true(hash_equal(&previous, &w->engine->chain.hash));
}

/* ---------------------------------------------------------------- directory */

static Skp__V1__Directory *directory(struct world *w, const struct party *who, const char *after,
                                     const char *oin)
{
    Skp__V1__DirectoryGet get;
    char *oins[] = {wire_text(oin)};
    skp__v1__directory_get__init(&get);
    get.after = wire_text(after);
    get.n_oins = oin ? 1 : 0;
    get.oins = oins;
    get.tag = 5;
    struct answer *answer = world_ask(w, who, ENGINE_DIRECTORY, &get.base);
    Skp__V1__Directory *found =
        world_frame(w, answer, 0, FRAME_DIRECTORY, &skp__v1__directory__descriptor);
    assert_int_equal(found->tag, 5);
    return found;
}

static void the_directory_lists_everybody_by_oin(void **state)
{
    struct world *w = *state;
    Skp__V1__Directory *all = directory(w, &w->counsellor, "", NULL);
    assert_int_equal(all->n_entries, 3);
    assert_false(all->more);
    assert_string_equal(all->entries[0]->oin, OIN_COUNSELLOR);
    assert_string_equal(all->entries[1]->oin, OIN_CREDITOR);
    assert_true(all->entries[1]->bsn_entitled);
    assert_int_equal(all->entries[1]->n_records, 1);
    assert_int_equal(directory(w, &w->counsellor, OIN_CREDITOR, NULL)->n_entries, 1);
    assert_int_equal(directory(w, &w->counsellor, "", OIN_RSA)->n_entries, 1);
    assert_int_equal(directory(w, &w->counsellor, "", "00000099000000009000")->n_entries, 0);
}

static Skp__V1__Directory *directory_of(struct world *w, const char *const *oins, size_t count,
                                        const char *after)
{
    Skp__V1__DirectoryGet get;
    skp__v1__directory_get__init(&get);
    get.n_oins = count;
    get.oins = (char **)(uintptr_t)oins;
    get.after = wire_text(after);
    struct answer *answer = world_ask(w, &w->counsellor, ENGINE_DIRECTORY, &get.base);
    return world_frame(w, answer, 0, FRAME_DIRECTORY, &skp__v1__directory__descriptor);
}

/* Three take part; the answer once had room for as many, and no more. */
static void who_is_named_often_is_told_once(void **state)
{
    struct world *w = *state;
    const char *oins[4096];
    for (size_t i = 0; i < 4096; i++)
        oins[i] = i % 2 ? OIN_COUNSELLOR : OIN_RSA;
    Skp__V1__Directory *found = directory_of(w, oins, 4096, "");
    assert_int_equal(found->n_entries, 2);
    assert_string_equal(found->entries[0]->oin, OIN_COUNSELLOR);
    assert_string_equal(found->entries[1]->oin, OIN_RSA);
    assert_false(found->more);
    assert_int_equal(directory_of(w, oins, 4096, OIN_COUNSELLOR)->n_entries, 1);
    assert_int_equal(directory_of(w, oins, 4096, OIN_RSA)->n_entries, 0);
}

static void the_directory_comes_in_pages(void **state)
{
    struct world *w = *state;
    char command[2 * PATH_MAX];
    char after[OIN_CHARS + 1] = "";
    char filler[201];
    memset(filler, 'x', 200);
    filler[200] = '\0';
    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(command, sizeof command,
                       "{'command':'participant.add','oin':'0000009900000001%04u',"
                       "'name':'TEST %u','roles':['creditor'],'postal_address':'%s'}",
                       i, i, filler);
        struct party nobody = {.session = 0};
        for (char *c = command; *c; c++)
            *c = (char)(*c == '\'' ? '"' : *c);
        world_submit(w, &nobody, ENGINE_ADMIN, span_text(command), NULL, 0);
    }
    world_pump(w);
    size_t seen = 0;
    size_t pages = 0;
    for (bool more = true; more; pages++) {
        Skp__V1__Directory *page = directory(w, &w->counsellor, after, NULL);
        for (size_t i = 0; i < page->n_entries; i++) {
            assert_true(strcmp(page->entries[i]->oin, after) > 0);
            memcpy(after, page->entries[i]->oin, OIN_CHARS);
        }
        seen += page->n_entries;
        more = page->more;
    }
    assert_int_equal(seen, 603);
    assert_in_range(pages, 1, 10);
}

static void agreements_are_shown_only_to_their_parties(void **state)
{
    struct world *w = *state;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    struct skp_id id = agreement_make(w, &w->creditor, &terms);
    Skp__V1__DirectoryEntry *entry = directory(w, &w->counsellor, "", OIN_CREDITOR)->entries[0];
    assert_int_equal(entry->n_agreements, 1);
    assert_true(
        span_equal(wire_span(entry->agreements[0]->agreement_id), span_of(id.bytes, ID_BYTES)));
    assert_int_equal(entry->agreements[0]->next_round_at_ms, calendar_ms_of(20270204, TEN_HOURS));
    assert_int_equal(directory(w, &w->creditor, "", OIN_COUNSELLOR)->entries[0]->n_agreements, 1);
    assert_int_equal(directory(w, &w->counsellor, "", OIN_RSA)->entries[0]->n_agreements, 0);
    assert_int_equal(directory(w, &w->rsa, "", OIN_CREDITOR)->entries[0]->n_agreements, 0);
    assert_int_equal(directory(w, &w->rsa, "", OIN_COUNSELLOR)->entries[0]->n_agreements, 0);
}

static void a_version_that_was_replaced_is_not_shown(void **state)
{
    struct world *w = *state;
    struct agreement_terms terms = {.weekdays = 0};
    terms.id = agreement_make(w, &w->creditor, &terms);
    terms.version = 2;
    terms.valid_from = 20270202;
    agreement_make(w, &w->creditor, &terms);
    for (uint32_t version = 1; version <= 2; version++) {
        Skp__V1__DirectoryEntry *entry = directory(w, &w->creditor, "", OIN_COUNSELLOR)->entries[0];
        assert_int_equal(entry->n_agreements, 1);
        assert_int_equal(entry->agreements[0]->version, version);
        world_go_to(w, 20270202, 0);
    }
}

/* ---------------------------------------------------------------- mailbox records */

static void a_higher_record_replaces_a_lower_one(void **state)
{
    struct world *w = *state;
    assert_ok(publish_record(w, &w->creditor, "", 3));
    clock_manual_advance(&w->clock, 1000); /* signed at another moment: other bytes */
    assert_err(publish_record(w, &w->creditor, "", 3), SKP_E_RECORD_OLD);
    assert_err(publish_record(w, &w->creditor, "", 2), SKP_E_RECORD_OLD);
    assert_ok(publish_record(w, &w->creditor, "", 4));
    assert_ok(publish_record(w, &w->creditor, "zuid", 1));
    assert_int_equal(directory(w, &w->counsellor, "", OIN_CREDITOR)->entries[0]->n_records, 2);
}

static void a_record_is_signed_by_its_participant(void **state)
{
    struct world *w = *state;
    struct party liar = w->creditor;
    liar.signs = w->rsa.signs;
    assert_err(publish_record(w, &liar, "", 9), SKP_E_SIGNER_INVALID);
    assert_err(publish_record(w, &w->creditor, "a name of more than thirty-two bytes", 1),
               SKP_E_TEXT_TOO_LONG);
    struct party stranger = w->creditor;
    world_fini(w);
    world_init(w, true);
    stranger.signs = w->creditor.signs;
    stranger.opens = w->creditor.opens;
    assert_err(publish_record(w, &stranger, "", 1), SKP_E_NOT_REGISTERED);
}

/* With the main mailbox's, from before. */
static unsigned publish_all_there_is_room_for(struct world *w)
{
    enum skp_err err = SKP_OK;
    unsigned count = 0;
    for (; !err && count < 300; count++) {
        char name[16];
        (void)snprintf(name, sizeof name, "filiaal %u", count);
        err = publish_record(w, &w->rsa, name, 1);
    }
    assert_err(err, SKP_E_DECODE_ITEMS);
    return count;
}

/* What one publishes must fit, all together, in a page of the directory. */
static void nobody_publishes_more_than_a_frame_can_show(void **state)
{
    struct world *w = *state;
    unsigned count = publish_all_there_is_room_for(w);
    assert_true(count > 10);
    assert_ok(publish_record(w, &w->rsa, "filiaal 0", 2));
    Skp__V1__Directory *found = directory(w, &w->counsellor, "", OIN_RSA);
    assert_int_equal(found->entries[0]->n_records, count);
}

/* Two parties would hardly make so many; an operator may admit them all the same. */
static void an_entry_fits_a_frame_however_many_agreements_there_are(void **state)
{
    struct world *w = *state;
    char brand[FACT_MAX_BRAND * 4 + 1] = "";
    for (size_t i = 0; i < FACT_MAX_BRAND; i++)
        memcpy(brand + 4 * i, "\xf0\x9d\x94\xb8", 5);
    struct agreement_terms terms = {.brand = brand};
    unsigned records = publish_all_there_is_room_for(w);
    for (size_t i = 0; i < 300; i++)
        agreement_make(w, &w->rsa, &terms);
    const Skp__V1__Directory *found = directory(w, &w->counsellor, "", OIN_RSA);
    assert_true(skp__v1__directory__get_packed_size(found) < FRAME_MAX_BYTES - 2);
    assert_in_range(found->entries[0]->n_agreements, 200, 299);
    assert_int_equal(found->entries[0]->n_records, records);
}

static void records_published_in_one_commit_are_counted_together(void **state)
{
    struct world *w = *state;
    struct answer *answers[100];
    size_t taken = 1; /* the main mailbox's, from before */
    for (unsigned n = 0; n < 100; n++) {
        char name[16];
        (void)snprintf(name, sizeof name, "filiaal %u", n);
        answers[n] = publish_submit(w, &w->rsa, name, 1);
    }
    while (work_run_one(w->engine->verify_queue))
        continue;
    world_pump(w);
    for (unsigned n = 0; n < 100; n++)
        taken += answers[n]->err == SKP_OK;
    assert_in_range(taken, 10, 99);
    Skp__V1__Directory *found = directory(w, &w->counsellor, "", OIN_RSA);
    assert_int_equal(found->entries[0]->n_records, taken);
    assert_ok(publish_record(w, &w->rsa, "filiaal 0", 2));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hello_is_answered_with_who_one_is),
        TEST(a_stranger_is_not_welcome),
        TEST(only_this_version_is_spoken),
        TEST(every_head_that_was_handed_out_is_known),
        TEST(a_foreign_head_is_the_clients_error_and_nothing_more),
        TEST(a_head_outlives_the_certificate_it_was_signed_with),
        TEST(a_head_of_another_store_is_unknown),
        TEST(a_head_beyond_ours_ends_all_service),
        TEST(a_head_that_was_given_up_is_unknown_and_ends_nothing),
        TEST(another_commit_under_our_number_ends_all_service),
        TEST(the_chain_verifies_from_first_to_last),
        TEST(the_directory_lists_everybody_by_oin),
        TEST(who_is_named_often_is_told_once),
        TEST(the_directory_comes_in_pages),
        TEST(agreements_are_shown_only_to_their_parties),
        TEST(a_version_that_was_replaced_is_not_shown),
        TEST(a_higher_record_replaces_a_lower_one),
        TEST(a_record_is_signed_by_its_participant),
        TEST(nobody_publishes_more_than_a_frame_can_show),
        TEST(an_entry_fits_a_frame_however_many_agreements_there_are),
        TEST(records_published_in_one_commit_are_counted_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
