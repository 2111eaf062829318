/* Every setting of skpd: one table that drives reading, checking, help and the example file. */
#ifndef SKP_OPTIONS_H
#define SKP_OPTIONS_H

#include "config.h"
#include "credentials.h"
#include "server.h"

struct options {
    char store_path[CONFIG_TEXT_BYTES];
    bool create_store;
    bool play;
    struct config_address listen;
    char control_socket[CONFIG_TEXT_BYTES];
    char name[CONFIG_TEXT_BYTES];
    char ca_file[CONFIG_TEXT_BYTES], crl_file[CONFIG_TEXT_BYTES];
    char tls_cert[CONFIG_TEXT_BYTES], tls_key[CONFIG_TEXT_BYTES];
    char sign_cert[CONFIG_TEXT_BYTES], sign_key[CONFIG_TEXT_BYTES];
    char policy_oid[CONFIG_TEXT_BYTES];
    char tls_groups[CONFIG_TEXT_BYTES];
    bool tls12;
    char log_level[CONFIG_TEXT_BYTES];
    bool core_dumps;
    int64_t verify_threads;
    int64_t intake_bytes;
    int64_t lease_ms, idle_ms, stop_grace_ms;
    int64_t deadline_hold_hours;
    bool deadline_hold;
    int64_t max_sessions, max_sessions_per_participant;
    int64_t max_handshakes, max_handshakes_per_source;
    int64_t max_batches_per_session;
    int64_t output_bytes;
    int64_t handshake_timeout_ms, hello_timeout_ms, frame_timeout_ms, batch_timeout_ms;
    int64_t stall_timeout_ms, recheck_ms, session_age_hours;
};

extern const struct config_option options_table[];
extern const size_t options_count;

/* Presets, then the file (NULL: none), then nothing more: see options_finish(). CONFIG, NOT_FOUND,
 * IO with words in ret_why[CONFIG_WHY_BYTES]. */
enum skp_err options_load(const char *file, struct options *ret_options,
                          char *ret_why) SKP_MUST_CHECK;

/* "name=value" of the command line. */
enum skp_err options_set(struct options *options, const char *assignment,
                         char *ret_why) SKP_MUST_CHECK;

/* What must be given was given. */
enum skp_err options_finish(const char *file, const struct options *options,
                            char *ret_why) SKP_MUST_CHECK;

/* Borrowed views, valid as long as `options`. */
struct credential_files options_files(const struct options *options);
struct server_limits options_limits(const struct options *options);
struct tls_rules options_tls_rules(const struct options *options);

#endif
