/* An office's skp and a scripted broker: settings and state stand in the folder of a scene. */
#ifndef SKP_LINK_SCENE_H
#define SKP_LINK_SCENE_H

#include "skp_scene.h"

#include "link.h"
#include "told.h"
#include "unit/clients/mailbox_fixture.h"

#define OWN_CERTS TEST_CERTS "/participants/" SCENE_COUNSELLOR

struct desk {
    struct scene *scene;
    struct fake fake;
    struct command command; /* one that anybody may run */
    struct cli cli;
    struct link link;
    char crl[128]; /* the office's own file of it, for tests that replace it */
    char config[128];
};

static inline void desk_configure(struct desk *desk)
{
    char text[8 * PATH_MAX], why[CONFIG_WHY_BYTES];
    (void)snprintf(text, sizeof text,
                   "host = 127.0.0.1\nport = %u\nbroker_oin = " SCENE_BROKER "\n"
                   "ca = " TEST_CERTS "/ca.pem\ncrl = %s/crl.pem\n"
                   "tls_cert = " OWN_CERTS "/tls.pem\ntls_key = " OWN_CERTS "/tls.key\n"
                   "sign_cert = " OWN_CERTS "/sign.pem\nsign_key = " OWN_CERTS "/sign.key\n"
                   "enc_cert = " OWN_CERTS "/enc.pem\nenc_key = " OWN_CERTS "/enc.key\n"
                   "state = %s\nwait = 3s\n",
                   (unsigned)desk->fake.port, desk->scene->folder, desk->scene->folder);
    (void)snprintf(desk->config, sizeof desk->config, "%s",
                   scene_file(desk->scene, "a.conf", text));
    if (settings_load(desk->config, &desk->cli.settings, why))
        fail_msg("%s", why);
}

static inline void desk_own_crl(struct desk *desk)
{
    char why[FILE_WHY_BYTES];
    char *text = NULL;
    size_t len = 0;
    assert_ok(file_read(TEST_CERTS "/crl.pem", 1 << 20, &text, &len, why));
    (void)snprintf(desk->crl, sizeof desk->crl, "%s", scene_file(desk->scene, "crl.pem", text));
    free(text);
}

/* What the test does in desk->scene before it connects becomes the office's state. */
static inline struct desk *desk_new(script_fn script, void *ctx)
{
    struct desk *desk = calloc(1, sizeof *desk);
    assert_non_null(desk);
    desk->fake.ctx = ctx;
    desk->scene = scene_new();
    desk_own_crl(desk);
    fake_start(&desk->fake, script);
    desk->cli = (struct cli){.command = &desk->command, .english = true, .result = json_object()};
    desk_configure(desk);
    return desk;
}

/* Whose broker it is. Of the desk a script may read only what desk_new() wrote before it began. */
static inline const struct desk *desk_of(const struct fake *fake)
{
    return (const struct desk *)(const void *)((const char *)fake - offsetof(struct desk, fake));
}

/* The scene's database under the name that skp gives it. */
static inline void desk_hand_over(struct desk *desk)
{
    char from[128], to[128];
    state_close(&desk->scene->office);
    (void)snprintf(from, sizeof from, "%s", scene_file(desk->scene, "office.db", NULL));
    (void)snprintf(to, sizeof to, "%s", scene_file(desk->scene, "skp.db", NULL));
    assert_int_equal(rename(from, to), 0);
}

static inline void desk_open_state(struct desk *desk)
{
    desk_hand_over(desk);
    assert_int_equal(cli_open_state(&desk->cli), 0);
}

static inline void desk_connect(struct desk *desk)
{
    desk_open_state(desk);
    assert_int_equal(link_open(&desk->cli, &desk->link, NULL, NULL), 0);
}

static inline int64_t desk_count(struct desk *desk, const char *sql)
{
    return state_number(&desk->cli.state, -1, sql, "");
}

/* The link is closed before, by whoever opened it. */
static inline void desk_free(struct desk *desk)
{
    static const char *const names[] = {"skp.db", "skp.db-wal", "skp.db-shm", "head", "crl.pem"};
    state_close(&desk->cli.state);
    fake_stop(&desk->fake);
    json_decref(desk->cli.result);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlink(scene_file(desk->scene, names[i], NULL));
    scene_free(desk->scene);
    free(desk);
}

/* ---------------------------------------------------------------- what the broker says */

/* fake_session() with a role and a head; both may be 0. */
static inline void desk_session(struct fake *fake, Skp__V1__Role role, Skp__V1__ChainHead *head)
{
    Skp__V1__Welcome welcome;
    skp__v1__welcome__init(&welcome);
    if (!fake_handshake(fake))
        fake_die("no handshake");
    fake_expect(fake, FRAME_HELLO);
    welcome.version = PROTOCOL_VERSION;
    welcome.broker = (char *)(uintptr_t)BROKER;
    welcome.participant = (char *)(uintptr_t)MUNICIPALITY;
    welcome.limits = &fake->limits;
    welcome.head = head;
    welcome.n_roles = role != SKP__V1__ROLE__ROLE_UNSPECIFIED;
    welcome.roles = &role;
    fake_send(fake, FRAME_WELCOME, &welcome.base);
}

/* One page with this entry; NULL: nobody. */
static inline void desk_directory(struct fake *fake, Skp__V1__DirectoryEntry *entry)
{
    const Skp__V1__DirectoryGet *get = fake_expect(fake, FRAME_DIRECTORY_GET);
    Skp__V1__Directory directory;
    skp__v1__directory__init(&directory);
    directory.tag = get->tag;
    directory.n_entries = entry != NULL;
    directory.entries = &entry;
    fake_send(fake, FRAME_DIRECTORY, &directory.base);
}

#endif
