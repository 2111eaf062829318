/* A host that is a name, and a resolver that takes its time: getaddrinfo() is this file's own. */
#include "client_fixture.h"

#include <netdb.h>
#include <stdatomic.h>

#define TURN_MAX_MS 1000 /* a turn of a loop that waits for nothing, on a busy machine */
#define PATIENCE_MS 3000 /* what a dead resolver takes at least, if nobody wakes it */

static atomic_bool dead;      /* the resolver does not answer while this is set */
static atomic_int asked;      /* how often it was asked for a name */
static atomic_int answered;   /* and gave an answer */
static atomic_int refusals;   /* so many questions are answered by EAI_AGAIN first */
static atomic_bool on_thread; /* the last question came on another thread than the test's */
static pthread_t test_thread;

int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_addresses);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_addresses);

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_addresses)
{
    if (hints->ai_flags & AI_NUMERICHOST)
        return __real_getaddrinfo(host, service, hints, ret_addresses);
    atomic_fetch_add(&asked, 1);
    atomic_store(&on_thread, !pthread_equal(pthread_self(), test_thread));
    for (int ms = 0; atomic_load(&dead) && ms < PATIENCE_MS; ms += 10)
        usleep(10000);
    int failed = EAI_AGAIN;
    if (atomic_fetch_sub(&refusals, 1) <= 0)
        failed = __real_getaddrinfo(host, service, hints, ret_addresses);
    atomic_fetch_add(&answered, 1);
    return failed;
}

static int quiet_resolver(void **state)
{
    (void)state;
    test_thread = pthread_self();
    atomic_store(&dead, false);
    atomic_store(&asked, 0);
    atomic_store(&answered, 0);
    atomic_store(&refusals, 0);
    return 0;
}

static void open_by_name(struct fake *fake, struct seen *seen)
{
    struct skp_config config = config_for(fake);
    config.host = "localhost";
    open_client(seen, &config, &plain_callbacks);
}

/* One turn, which must not wait for the resolver. */
static void turn(struct seen *seen)
{
    int64_t begun_at_ms = monotonic_ms();
    skp_process(seen->client);
    assert_in_range(monotonic_ms() - begun_at_ms, 0, TURN_MAX_MS);
}

/* A client whose look-up is under way and gets no answer until `dead` is cleared. */
static void open_without_answer(struct fake *fake, struct seen *seen)
{
    fake_start(fake, welcome_and_wait);
    atomic_store(&dead, true);
    open_by_name(fake, seen);
    turn(seen);
}

static void wait_for(const atomic_int *count, int value)
{
    for (int ms = 0; atomic_load(count) < value; ms += 10) {
        assert_in_range(ms, 0, 10000);
        usleep(10000);
    }
}

static void a_dead_resolver_holds_up_no_loop(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    open_without_answer(&fake, &seen);
    wait_for(&asked, 1);
    assert_true(atomic_load(&on_thread));
    turn(&seen);
    assert_int_equal(seen.client->state, CLIENT_RESOLVING);
    assert_in_range(skp_timeout_ms(seen.client), 1, CONNECT_TIMEOUT_MS);
    atomic_store(&dead, false);
    run_until(&seen, &seen.welcomes, 1); /* the descriptor alone says that the answer is there */
    assert_int_equal(seen.downs, 0);
    skp_client_free(seen.client);
    fake_stop(&fake);
}

static void no_address_in_time_is_a_failure_and_is_tried_again_without_a_second_thread(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    open_without_answer(&fake, &seen);
    for (int i = 1; i <= 2; i++) {
        seen.client->deadline_ms = monotonic_ms(); /* as if ten seconds had gone by */
        turn(&seen);
        assert_int_equal(seen.downs, i);
        assert_err(seen.err, SKP_E_NOT_CONNECTED);
        assert_non_null(strstr(seen.words, "no address in time"));
        seen.client->connect_at_ms = monotonic_ms();
        turn(&seen);
        assert_int_equal(seen.client->state, CLIENT_RESOLVING);
    }
    atomic_store(&dead, false);
    run_until(&seen, &seen.welcomes, 1);
    assert_int_equal(atomic_load(&asked), 1);
    skp_client_free(seen.client);
    fake_stop(&fake);
}

static void an_answer_that_comes_while_down_waits_for_the_next_attempt(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    open_without_answer(&fake, &seen);
    seen.client->deadline_ms = monotonic_ms();
    turn(&seen);
    seen.client->connect_at_ms = monotonic_ms() + 600000;
    atomic_store(&dead, false);
    wait_for(&answered, 1);
    struct pollfd ready = {.fd = skp_fd(seen.client), .events = POLLIN};
    for (int i = 0; i < 3 && poll(&ready, 1, 100) > 0; i++)
        skp_process(seen.client);
    assert_int_equal(poll(&ready, 1, 100), 0); /* no loop spins on it */
    seen.client->connect_at_ms = monotonic_ms();
    skp_process(seen.client);
    run_until(&seen, &seen.welcomes, 1);
    assert_int_equal(atomic_load(&asked), 1);
    skp_client_free(seen.client);
    fake_stop(&fake);
}

static void a_client_is_freed_at_once_while_its_host_is_looked_up(void **state)
{
    (void)state;
    struct fake fake = {.port = 1};
    struct seen seen = {0};
    atomic_store(&dead, true);
    open_by_name(&fake, &seen);
    turn(&seen);
    int64_t begun_at_ms = monotonic_ms();
    skp_client_free(seen.client);
    assert_in_range(monotonic_ms() - begun_at_ms, 0, TURN_MAX_MS);
    wait_for(&asked, 1);
    assert_int_equal(atomic_load(&answered), 0);
    atomic_store(&dead, false);
    wait_for(&answered, 1);
    usleep(50000); /* the thread drops its half: the sanitizers see what it does there */
}

static void a_name_that_is_not_known_now_is_tried_again(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, welcome_and_wait);
    atomic_store(&refusals, 1);
    open_by_name(&fake, &seen);
    run_until(&seen, &seen.welcomes, 1);
    assert_int_equal(seen.downs, 1);
    assert_err(seen.err, SKP_E_NOT_CONNECTED);
    assert_string_equal(seen.words, "localhost: Temporary failure in name resolution");
    assert_int_equal(atomic_load(&asked), 2);
    skp_client_free(seen.client);
    fake_stop(&fake);
}

static void a_numeric_address_asks_no_resolver(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, welcome_and_wait);
    atomic_store(&dead, true);
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    run_until(&seen, &seen.welcomes, 1);
    assert_int_equal(atomic_load(&asked), 0);
    skp_client_free(seen.client);
    fake_stop(&fake);
}

#define TEST(name) cmocka_unit_test_setup(name, quiet_resolver)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_dead_resolver_holds_up_no_loop),
        TEST(no_address_in_time_is_a_failure_and_is_tried_again_without_a_second_thread),
        TEST(an_answer_that_comes_while_down_waits_for_the_next_attempt),
        TEST(a_client_is_freed_at_once_while_its_host_is_looked_up),
        TEST(a_name_that_is_not_known_now_is_tried_again),
        TEST(a_numeric_address_asks_no_resolver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
