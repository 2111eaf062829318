/* What an office or creditor sets once: where the broker is, its own certificates, its state folder.
 *
 * `skp --help-config` prints the manual. Paths are as given, relative to the working directory. */
#ifndef SKP_SETTINGS_H
#define SKP_SETTINGS_H

#include "config.h"
#include "identity.h"

#define SETTINGS_MAX_KEYS 8
#define SETTINGS_PATH     "/etc/skp/skp.conf"

struct settings {
    char host[CONFIG_TEXT_BYTES];
    int64_t port;
    char broker_oin[CONFIG_TEXT_BYTES];
    char ca[CONFIG_TEXT_BYTES], crl[CONFIG_TEXT_BYTES];
    char tls_cert[CONFIG_TEXT_BYTES], tls_key[CONFIG_TEXT_BYTES];
    char sign_cert[CONFIG_TEXT_BYTES], sign_key[CONFIG_TEXT_BYTES];
    char enc_cert[CONFIG_TEXT_BYTES], enc_key[CONFIG_TEXT_BYTES]; /* lists with commas */
    char mailbox[CONFIG_TEXT_BYTES];
    char state[CONFIG_TEXT_BYTES];
    char contact_name[CONFIG_TEXT_BYTES], contact_phone[CONFIG_TEXT_BYTES];
    char contact_mail[CONFIG_TEXT_BYTES];
    char language[CONFIG_TEXT_BYTES]; /* nl or en */
    int64_t wait_ms;
};

extern const struct config_option settings_options[];
extern const size_t settings_option_count;

/* CONFIG and what config_load() says, in words in ret_why[CONFIG_WHY_BYTES]. */
enum skp_err settings_load(const char *file, struct settings *ret_settings,
                           char *ret_why) SKP_MUST_CHECK;

/* The encryption keys, current one first; keypair_unref() each. CERTIFICATE, CONFIG. */
enum skp_err settings_load_keys(const struct settings *settings, struct keypair **ret_keys,
                                size_t *ret_count, char *ret_why) SKP_MUST_CHECK;

/* Becomes another one when a file of anchors, revocation lists, certificates or keys is replaced or written. */
struct skp_hash settings_stamp(const struct settings *settings);

/* The path of `name` in the state folder, which is made when it is not there. False: it cannot be, and errno says
 * why. */
bool settings_state_path(const struct settings *settings, const char *name, char *ret_path,
                         size_t path_bytes);

#endif
