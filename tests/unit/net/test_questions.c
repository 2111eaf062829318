/* Questions under way: whoever asks several at once must know which one an Error is about. */
#include "net_fixture.h"

static void expect_busy(struct peer *peer, enum frame_type frame, uint64_t tag)
{
    const Skp__V1__Error *error = peer_expect_error(peer, SKP_E_BUSY);
    assert_int_equal(error->frame, frame);
    assert_int_equal(error->tag, tag);
}

static void ask_one_of_each(struct peer *peer)
{
    Skp__V1__Collect collect;
    skp__v1__collect__init(&collect);
    collect.tag = 11;
    peer_send(peer, FRAME_COLLECT, &collect.base);
    Skp__V1__Publish publish;
    skp__v1__publish__init(&publish);
    publish.tag = 12;
    peer_send(peer, FRAME_PUBLISH, &publish.base);
    Skp__V1__DirectoryGet directory_get;
    skp__v1__directory_get__init(&directory_get);
    directory_get.tag = 13;
    peer_send(peer, FRAME_DIRECTORY_GET, &directory_get.base);
    Skp__V1__CasesGet cases_get;
    skp__v1__cases_get__init(&cases_get);
    cases_get.tag = 14;
    peer_send(peer, FRAME_CASES_GET, &cases_get.base);
}

static void expect_busy_for_each(struct peer *peer)
{
    expect_busy(peer, FRAME_COLLECT, 11);
    expect_busy(peer, FRAME_PUBLISH, 12);
    expect_busy(peer, FRAME_DIRECTORY_GET, 13);
    expect_busy(peer, FRAME_CASES_GET, 14);
}

static void a_question_without_room_is_named_beside_one_under_way(void **state)
{
    struct peer peer;
    Skp__V1__Collect first;
    skp__v1__collect__init(&first);
    first.tag = 7;
    peer_open_up(&peer, *state, OIN_CREDITOR);
    peer_send(&peer, FRAME_COLLECT, &first.base);
    fake_of(peer.net->engine)->request_err = SKP_E_BUSY;
    ask_one_of_each(&peer);
    expect_busy_for_each(&peer);
    fake_finish(fake_take(peer.net->engine, ENGINE_COLLECT), SKP_OK);
    peer_free(&peer);
}

/* The engine has not read the tag then. */
static void a_question_that_found_the_queue_full_is_named(void **state)
{
    static const enum engine_verb verbs[] = {ENGINE_COLLECT, ENGINE_PUBLISH, ENGINE_DIRECTORY,
                                             ENGINE_CASES};
    struct peer peer;
    peer_open_up(&peer, *state, OIN_CREDITOR);
    ask_one_of_each(&peer);
    for (size_t i = 0; i < 4; i++)
        fake_finish(fake_take(peer.net->engine, verbs[i]), SKP_E_BUSY);
    net_pump(peer.net);
    expect_busy_for_each(&peer);
    peer_free(&peer);
}

static void without_memory_a_question_is_named_too(void **state)
{
    struct peer peer;
    peer_open_up(&peer, *state, OIN_CREDITOR);
    fake_of(peer.net->engine)->no_calls = true;
    ask_one_of_each(&peer);
    expect_busy_for_each(&peer);
    fake_of(peer.net->engine)->no_calls = false;
    peer_free(&peer);
}

#define QUESTION_TEST(name) cmocka_unit_test_setup_teardown(name, net_setup, net_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUESTION_TEST(a_question_without_room_is_named_beside_one_under_way),
        QUESTION_TEST(a_question_that_found_the_queue_full_is_named),
        QUESTION_TEST(without_memory_a_question_is_named_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
