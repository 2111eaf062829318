#include "settings.h"

#include "fact.h"
#include "merkle.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define OPTION(member) offsetof(struct settings, member), NULL

/* clang-format off */
const struct config_option settings_options[] = {
    {"host", CONFIG_TEXT, NULL, 1, 0, NULL, "Name or address of the broker.", OPTION(host)},
    {"port", CONFIG_INT, "7443", 1, 65535, NULL, "Its port.", OPTION(port)},
    {"broker_oin", CONFIG_TEXT, NULL, 0, 20, NULL, "The broker's OIN; empty takes whoever the CA vouches for.", OPTION(broker_oin)},
    {"ca", CONFIG_PATH, NULL, 1, 0, NULL, "PEM file with the anchors of the public key infrastructure.", OPTION(ca)},
    {"crl", CONFIG_PATH, NULL, 1, 0, NULL, "PEM file with one revocation list per CA; fetch it every day.", OPTION(crl)},
    {"tls_cert", CONFIG_PATH, NULL, 1, 0, NULL, "Your TLS certificate with its chain.", OPTION(tls_cert)},
    {"tls_key", CONFIG_PATH, NULL, 1, 0, NULL, "Its key.", OPTION(tls_key)},
    {"sign_cert", CONFIG_PATH, NULL, 1, 0, NULL, "Your signing certificate with its chain.", OPTION(sign_cert)},
    {"sign_key", CONFIG_PATH, NULL, 1, 0, NULL, "Its key.", OPTION(sign_key)},
    {"enc_cert", CONFIG_PATH, NULL, 1, 0, NULL, "Your encryption certificates, with commas between, the current one first.", OPTION(enc_cert)},
    {"enc_key", CONFIG_PATH, NULL, 1, 0, NULL, "Their keys in the same order. Keep an old one until all mail sealed for it is collected.", OPTION(enc_key)},
    {"mailbox", CONFIG_TEXT, NULL, 0, FACT_MAX_MAILBOX, NULL, "Your mailbox; empty is the main one.", OPTION(mailbox)},
    {"state", CONFIG_PATH, NULL, 1, 0, NULL, "Folder of the state database; on an encrypted disk, for it holds personal data.", OPTION(state)},
    {"contact_name", CONFIG_TEXT, NULL, 0, 0, NULL, "Whom the other side can ask, when a file does not say.", OPTION(contact_name)},
    {"contact_phone", CONFIG_TEXT, NULL, 0, 30, NULL, "Telephone.", OPTION(contact_phone)},
    {"contact_mail", CONFIG_TEXT, NULL, 0, 0, NULL, "Mail address.", OPTION(contact_mail)},
    {"language", CONFIG_TEXT, "nl", 1, 2, NULL, "nl or en.", OPTION(language)},
    {"wait", CONFIG_DURATION, "30s", 1000, 3600000, NULL, "How long to wait for the broker before giving up.", OPTION(wait_ms)},
};
/* clang-format on */

const size_t settings_option_count = sizeof settings_options / sizeof settings_options[0];

enum skp_err settings_load(const char *file, struct settings *ret_settings, char *ret_why)
{
    struct settings settings;
    config_init(settings_options, settings_option_count, &settings);
    enum skp_err err =
        config_load(settings_options, settings_option_count, file, &settings, ret_why);
    if (!err)
        err = config_check(settings_options, settings_option_count, file, &settings, ret_why);
    if (err)
        return err;
    if (strcmp(settings.language, "nl") != 0 && strcmp(settings.language, "en") != 0) {
        (void)snprintf(ret_why, CONFIG_WHY_BYTES, "%s: language: give nl or en", file);
        return SKP_E_CONFIG;
    }
    *ret_settings = settings;
    return SKP_OK;
}

/* The next name of a list with commas, without the spaces around it; false at the end. */
static bool next_name(const char **list, char *ret_name)
{
    const char *at = *list + strspn(*list, ", ");
    size_t len = strcspn(at, ",");
    *list = at + len;
    while (len > 0 && at[len - 1] == ' ')
        len--;
    memcpy(ret_name, at, len);
    ret_name[len] = '\0';
    return len > 0;
}

enum skp_err settings_load_keys(const struct settings *settings, struct keypair **ret_keys,
                                size_t *ret_count, char *ret_why)
{
    const char *certs = settings->enc_cert, *keys = settings->enc_key, *why = "";
    char cert[CONFIG_TEXT_BYTES], key[CONFIG_TEXT_BYTES];
    size_t count = 0;
    enum skp_err err = SKP_OK;
    while (!err && next_name(&certs, cert)) {
        if (!next_name(&keys, key) || count == SETTINGS_MAX_KEYS) {
            why = "enc_cert, enc_key: give as many keys as certificates, at most 8";
            err = SKP_E_CONFIG;
        } else {
            err = keypair_load(cert, key, &ret_keys[count], &why);
            count += err == SKP_OK;
        }
    }
    if (!err && next_name(&keys, key)) {
        why = "enc_cert, enc_key: there are more keys than certificates";
        err = SKP_E_CONFIG;
    }
    if (err) {
        (void)snprintf(ret_why, CONFIG_WHY_BYTES, "%s", why);
        while (count > 0)
            keypair_unref(ret_keys[--count]);
        return err;
    }
    *ret_count = count;
    return SKP_OK;
}

static void stamp_files(struct skp_hash *stamp, const char *list)
{
    char path[CONFIG_TEXT_BYTES];
    while (next_name(&list, path)) {
        struct stat found;
        int64_t mark[4] = {0};
        /* st_ctim and not st_mtim, which a copy may take over from its original. */
        if (stat(path, &found) == 0) {
            mark[0] = (int64_t)found.st_ino;
            mark[1] = found.st_size;
            mark[2] = found.st_ctim.tv_sec;
            mark[3] = found.st_ctim.tv_nsec;
        }
        struct span parts[] = {span_of(stamp->bytes, HASH_BYTES), span_of(mark, sizeof mark)};
        *stamp = sha256_spans(parts, 2);
    }
}

struct skp_hash settings_stamp(const struct settings *settings)
{
    const char *const lists[] = {settings->ca,       settings->crl,       settings->tls_cert,
                                 settings->tls_key,  settings->sign_cert, settings->sign_key,
                                 settings->enc_cert, settings->enc_key};
    struct skp_hash stamp = {{0}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        stamp_files(&stamp, lists[i]);
    return stamp;
}

bool settings_state_path(const struct settings *settings, const char *name, char *ret_path,
                         size_t path_bytes)
{
    if (mkdir(settings->state, 0700) != 0 && errno != EEXIST)
        return false;
    int len = snprintf(ret_path, path_bytes, "%s/%s", settings->state, name);
    if (len > 0 && (size_t)len < path_bytes)
        return true;
    errno = ENAMETOOLONG;
    return false;
}
