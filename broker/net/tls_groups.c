#include "tls_groups.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#define HYBRID "X25519MLKEM768"
#define REMEDY                                                                                     \
    "give some of X25519MLKEM768:X25519:X448:P-256:P-384:P-521:brainpoolP256r1tls13:"              \
    "brainpoolP384r1tls13:brainpoolP512r1tls13"

/* The names of TLS 1.3: OpenSSL's other brainpool curves are for TLS 1.2 alone. */
static const char *const good[] = {
    HYBRID,
    "X25519",
    "X448",
    "P-256",
    "P-384",
    "P-521",
    "brainpoolP256r1tls13",
    "brainpoolP384r1tls13",
    "brainpoolP512r1tls13",
};

#define GOOD_COUNT (sizeof good / sizeof good[0])

/* GOOD_COUNT: none. */
static size_t find_good(const char *name)
{
    size_t i = 0;
    while (i < GOOD_COUNT && strcmp(good[i], name) != 0)
        i++;
    return i;
}

/* Names are good ones, each once: all of them fit. */
static void append(char *names, const char *name)
{
    size_t len = strlen(names);
    snprintf(names + len, TLS_GROUPS_BYTES - len, "%s%s", len > 0 ? ":" : "", name);
}

static enum skp_err read_name(SSL_CTX *probe, const char *name, bool *seen,
                              struct tls_groups *groups, char *ret_why)
{
    size_t at = find_good(name);
    if (at == GOOD_COUNT || seen[at]) {
        snprintf(ret_why, TLS_GROUPS_WHY_BYTES, "\"%.40s\" %s; " REMEDY, name,
                 at == GOOD_COUNT ? "is no good group" : "stands there twice");
        return SKP_E_CONFIG;
    }
    seen[at] = true;
    bool known = SSL_CTX_set1_groups_list(probe, (char *)(uintptr_t)name) == 1;
    ERR_clear_error();
    append(known ? groups->used : groups->left_out, name);
    if (known && strcmp(name, HYBRID) == 0)
        groups->hybrid = true;
    return SKP_OK;
}

static enum skp_err read_names(SSL_CTX *probe, const char *list, struct tls_groups *groups,
                               char *ret_why)
{
    char names[TLS_GROUPS_BYTES];
    bool seen[GOOD_COUNT] = {false};
    char *rest = names;
    char *name;
    enum skp_err err = SKP_OK;
    if (strlen(list) >= sizeof names) {
        snprintf(ret_why, TLS_GROUPS_WHY_BYTES, "the list is too long; " REMEDY);
        return SKP_E_CONFIG;
    }
    memcpy(names, list, strlen(list) + 1);
    while (!err && (name = strsep(&rest, ":")) != NULL)
        err = read_name(probe, name, seen, groups, ret_why);
    if (!err && groups->used[0] == '\0') {
        snprintf(ret_why, TLS_GROUPS_WHY_BYTES, "OpenSSL here knows none of these; " REMEDY);
        err = SKP_E_CONFIG;
    }
    return err;
}

enum skp_err tls_groups_read(const char *list, struct tls_groups *ret_groups, char *ret_why)
{
    struct tls_groups groups = {.hybrid = false};
    SSL_CTX *probe = SSL_CTX_new(TLS_server_method());
    if (probe == NULL) {
        snprintf(ret_why, TLS_GROUPS_WHY_BYTES, "out of memory");
        return SKP_E_NO_MEMORY;
    }
    enum skp_err err = read_names(probe, list, &groups, ret_why);
    SSL_CTX_free(probe);
    if (!err)
        *ret_groups = groups;
    return err;
}
