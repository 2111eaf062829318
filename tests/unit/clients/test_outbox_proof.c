/* Receipts prove something or are asked for again; the newest head is kept and said. */
#include "outbox_fixture.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void sign_badly_once(struct fake *fake)
{
    struct keypair *stranger = load_pair(CREDITOR, "sign");
    fake_session(fake);
    fake_take_batch(fake);
    fake_send(fake, FRAME_RECEIPT, &fake_make_receipt(fake, &fake->batch, stranger)->base);
    fake_take_batch(fake);
    fake_receipt(fake);
    fake_expect_end(fake);
    keypair_unref(stranger);
}

static void a_receipt_signed_by_another_is_a_problem_and_asked_again(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, sign_badly_once);
    send_small(&contact, NULL);
    expect_report(&contact, 1, SKP_OK);
    assert_int_equal(contact.seen.problems, 1);
    close_contact(&contact);
    assert_int_equal(contact.seen.reports, 1);
}

static void three_bad_receipts_are_reported_as_no_proof(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, fake_flip_every_receipt);
    send_small(&contact, NULL);
    expect_report(&contact, 1, SKP_E_PROOF_INVALID);
    assert_int_equal(contact.seen.problems, 3);
    close_contact(&contact);
    assert_int_equal(contact.seen.reports, 1);
}

/* ---------------------------------------------------------------- the chain head */

static void expect_head(struct fake *fake, const Skp__V1__Hello *hello, uint64_t sequence)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *commit = NULL;
    if (hello->latest_head == NULL)
        fake_die("no head in Hello");
    if (wire_unpack(&skp__v1__commit_header__descriptor, wire_span(hello->latest_head->commit),
                    &fake->arena, path, &commit) ||
        ((Skp__V1__CommitHeader *)commit)->sequence != sequence)
        fake_die("another head in Hello");
}

static void store_then_look_at_hello(struct fake *fake)
{
    fake->sequence = 41;
    Skp__V1__Hello *first = fake_session(fake);
    if (first->latest_head != NULL)
        fake_die("a head on first contact");
    fake_take_batch(fake);
    fake_receipt(fake);
    fake_hang_up(fake);
    for (int i = 0; i < 2; i++) { /* the same client again, then a new one with its file */
        expect_head(fake, fake_session(fake), 42);
        fake_expect_end(fake);
    }
}

static void hello_carries_the_newest_head_also_after_a_restart(void **state)
{
    (void)state;
    char file[] = "/tmp/skp-head-XXXXXX";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    close(fd);
    unlink(file);
    struct contact contact = {0};
    begin_contact(&contact, store_then_look_at_hello);
    contact.config.head_file = file;
    open_client(&contact.seen, &contact.config, &plain_callbacks);
    send_small(&contact, NULL);
    expect_report(&contact, 1, SKP_OK);
    run_until(&contact.seen, &contact.seen.welcomes, 2);
    skp_client_free(contact.seen.client);
    open_client(&contact.seen, &contact.config, &plain_callbacks);
    run_until(&contact.seen, &contact.seen.welcomes, 3);
    close_contact(&contact);
    unlink(file);
}

static void store_newer_then_older_then_look(struct fake *fake)
{
    static const uint64_t sequences[] = {100, 42};
    for (size_t i = 0; i < 2; i++) {
        fake->sequence = sequences[i] - 1;
        fake_session(fake);
        fake_take_batch(fake);
        fake_receipt(fake);
        fake_expect_end(fake);
    }
    expect_head(fake, fake_session(fake), 100);
    fake_expect_end(fake);
}

/* Whose receipt it has, and the head of it not in its file yet. */
static void begin_client_with_receipt(struct contact *contact, const char *file)
{
    contact->config.head_file = file;
    open_client(&contact->seen, &contact->config, &plain_callbacks);
    send_small(contact, NULL);
    expect_report(contact, contact->seen.reports + 1, SKP_OK);
}

static void an_older_head_does_not_replace_the_newer_one_of_another_client(void **state)
{
    (void)state;
    char folder[] = "/tmp/skp-head-XXXXXX", shared[64], others[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(shared, sizeof shared, "%s/head", folder);
    (void)snprintf(others, sizeof others, "%s/others", folder);
    struct contact contact = {0};
    begin_contact(&contact, store_newer_then_older_then_look);
    begin_client_with_receipt(&contact, others);
    skp_client_free(contact.seen.client);
    begin_client_with_receipt(&contact, shared);
    assert_int_equal(rename(others, shared), 0);
    skp_client_free(contact.seen.client);
    open_client(&contact.seen, &contact.config, &plain_callbacks);
    run_until(&contact.seen, &contact.seen.welcomes, 3);
    close_contact(&contact);
    unlink(shared);
    assert_int_equal(rmdir(folder), 0);
}

static void store_one(struct fake *fake)
{
    fake_session(fake);
    fake_take_batch(fake);
    fake_receipt(fake);
    fake_expect_end(fake);
}

/* As if one with our process number, in another container, writes beside the same file. */
static void what_another_client_is_writing_is_left_alone(void **state)
{
    (void)state;
    char folder[] = "/tmp/skp-head-XXXXXX", shared[64], others[96];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(shared, sizeof shared, "%s/head", folder);
    (void)snprintf(others, sizeof others, "%s.%d", shared, (int)getpid());
    FILE *half = fopen(others, "w");
    assert_non_null(half);
    struct contact contact = {0};
    begin_contact(&contact, store_one);
    begin_client_with_receipt(&contact, shared);
    close_contact(&contact);
    assert_int_equal(access(shared, R_OK), 0);
    assert_int_equal(access(others, R_OK), 0);
    assert_int_equal(fclose(half), 0);
    unlink(shared);
    unlink(others);
    assert_int_equal(rmdir(folder), 0); /* and nothing else stays */
}

static int linkat_error; /* 0: as ever */

int __real_linkat(int old_folder, const char *old, int new_folder, const char *new, int flags);
int __wrap_linkat(int old_folder, const char *old, int new_folder, const char *new, int flags);

int __wrap_linkat(int old_folder, const char *old, int new_folder, const char *new, int flags)
{
    errno = linkat_error;
    return linkat_error != 0 ? -1 : __real_linkat(old_folder, old, new_folder, new, flags);
}

static void save_some_head(char *file)
{
    uint8_t commit[64] = {0};
    char jws[] = "a signature";
    struct skp_client client = {
        .head = {.file = file, .commit = commit, .commit_bytes = 64, .jws = jws, .unsaved = true}};
    head_save(&client);
}

static void a_head_is_saved_also_where_no_file_gets_its_name_later(void **state)
{
    (void)state;
    char folder[] = "/tmp/skp-head-XXXXXX", file[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/head", folder);
    linkat_error = EPERM;
    save_some_head(file);
    linkat_error = 0;
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0); /* and nothing else stays */
}

/* The signal of the limit comes in the middle of writing. */
static void die_while_saving(char *file)
{
    struct rlimit few = {.rlim_cur = 10, .rlim_max = 10}, none = {0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)setrlimit(RLIMIT_FSIZE, &few);
    save_some_head(file);
    _exit(0);
}

static void a_client_that_is_killed_while_it_saves_the_head_leaves_nothing(void **state)
{
    (void)state;
    char folder[] = "/tmp/skp-head-XXXXXX", file[64];
    int status = 0, fd = open("/tmp", O_TMPFILE | O_WRONLY, 0600);
    if (fd < 0)
        skip(); /* this file system has no files without a name */
    (void)close(fd);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/head", folder);
    pid_t child = fork();
    if (child == 0)
        die_while_saving(file);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(rmdir(folder), 0);
}

static void a_damaged_head_file_stops_the_start(void **state)
{
    (void)state;
    char file[] = "/tmp/skp-head-XXXXXX";
    int fd = mkstemp(file);
    const char *why = "";
    assert_int_equal(write(fd, "half", 4), 4);
    close(fd);
    struct contact contact = {0};
    begin_contact(&contact, NULL);
    contact.config.head_file = file;
    assert_err(skp_client_new(&contact.config, &plain_callbacks, &contact.seen,
                              &contact.seen.client, &why),
               SKP_E_IO);
    assert_non_null(strstr(why, "move it away"));
    close_contact(&contact);
    unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receipt_signed_by_another_is_a_problem_and_asked_again),
        cmocka_unit_test(three_bad_receipts_are_reported_as_no_proof),
        cmocka_unit_test(hello_carries_the_newest_head_also_after_a_restart),
        cmocka_unit_test(an_older_head_does_not_replace_the_newer_one_of_another_client),
        cmocka_unit_test(what_another_client_is_writing_is_left_alone),
        cmocka_unit_test(a_head_is_saved_also_where_no_file_gets_its_name_later),
        cmocka_unit_test(a_client_that_is_killed_while_it_saves_the_head_leaves_nothing),
        cmocka_unit_test(a_damaged_head_file_stops_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
