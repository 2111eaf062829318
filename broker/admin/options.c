#include "options.h"

#include "control.h"
#include "log.h"
#include "tls_groups.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_MS 60000
#define HOUR_MS   (60 * INT64_C(60000))
#define MIB       (INT64_C(1) << 20)

#define FIELD(field)          offsetof(struct options, field), NULL
#define CHECKED(field, check) offsetof(struct options, field), check

static_assert(CONFIG_REASON_BYTES >= TLS_GROUPS_WHY_BYTES, "a sentence about groups is a reason");

static bool check_groups(const char *value, char *ret_reason)
{
    struct tls_groups groups;
    return tls_groups_read(value, &groups, ret_reason) == SKP_OK;
}

static bool check_policy(const char *value, char *ret_reason)
{
    if (value[0] == '\0')
        return true;
    /* OpenSSL takes spaces and empty numbers too. */
    size_t len = strlen(value);
    bool dotted = strspn(value, "0123456789.") == len && !strstr(value, "..") && value[0] != '.' &&
                  value[len - 1] != '.';
    ERR_set_mark();
    ASN1_OBJECT *policy = dotted ? OBJ_txt2obj(value, 1) : NULL;
    ERR_pop_to_mark();
    if (!policy)
        snprintf(ret_reason, CONFIG_REASON_BYTES,
                 "%.80s is no object identifier; give numbers with dots, such as "
                 "2.16.528.1.1003.1.2.5.6, or leave it empty",
                 value);
    ASN1_OBJECT_free(policy);
    return policy != NULL;
}

static bool check_log_level(const char *value, char *ret_reason)
{
    enum log_level level;
    if (log_level_parse(value, &level))
        return true;
    snprintf(ret_reason, CONFIG_REASON_BYTES, "%.80s; give error, warn, info or debug", value);
    return false;
}

/* name, type, preset, min, max, unit, help, field */
const struct config_option options_table[] = {
    {"store_path", CONFIG_PATH, "/var/lib/skpd/store.db", 1, 0, NULL,
     "The database. Its folder belongs on an encrypted disk, and to the broker alone.",
     FIELD(store_path)},
    {"create_store", CONFIG_BOOL, "yes", 0, 0, NULL,
     "Make the database when there is none. Say no once it exists: then a wrong path is an error.",
     FIELD(create_store)},
    {"play", CONFIG_BOOL, "no", 0, 0, NULL,
     "Mark a database that is made now for play, for ever: its clock can be steered.", FIELD(play)},
    {"listen", CONFIG_ADDRESS, "0.0.0.0:7443", 1, 0, NULL, "Where participants connect.",
     FIELD(listen)},
    {"control_socket", CONFIG_PATH, "/run/skpd/control.sock", 1, CONTROL_PATH_MAX, NULL,
     "Where skpctl connects: a socket for root and the broker's user.", FIELD(control_socket)},
    {"name", CONFIG_TEXT, "Schuldenknooppunt", 1, 79, NULL,
     "Name of this post office, as participants see it.", FIELD(name)},
    {"ca_file", CONFIG_PATH, NULL, 1, 0, NULL,
     "PEM file with the root certificates participants are trusted by. Renewing it is noticed.",
     FIELD(ca_file)},
    {"crl_file", CONFIG_PATH, NULL, 1, 0, NULL,
     "PEM file with a current CRL of every CA, root and intermediate. Renewing it is noticed.",
     FIELD(crl_file)},
    {"tls_cert", CONFIG_PATH, NULL, 1, 0, NULL, "PEM file: the TLS certificate, then its issuers.",
     FIELD(tls_cert)},
    {"tls_key", CONFIG_PATH, NULL, 1, 0, NULL, "PEM file: the key of tls_cert. Mode 0400.",
     FIELD(tls_key)},
    {"sign_cert", CONFIG_PATH, NULL, 1, 0, NULL,
     "PEM file: the certificate that signs receipts, then its issuers.", FIELD(sign_cert)},
    {"sign_key", CONFIG_PATH, NULL, 1, 0, NULL, "PEM file: the key of sign_cert. Mode 0400.",
     FIELD(sign_key)},
    {"policy_oid", CONFIG_TEXT, NULL, 0, 0, NULL,
     "Certificate policy that participants' TLS certificates must carry; empty for any.",
     CHECKED(policy_oid, check_policy)},
    {"tls_groups", CONFIG_TEXT, TLS_GROUPS_PRESET, 1, TLS_GROUPS_BYTES - 1, NULL,
     "Groups for key exchange, best first; those that OpenSSL does not know are left out.",
     CHECKED(tls_groups, check_groups)},
    {"tls12", CONFIG_BOOL, "no", 0, 0, NULL,
     "Let in TLS 1.2 as well, with ECDHE and AES-GCM or ChaCha20. Only while a participant needs "
     "it.",
     FIELD(tls12)},
    {"log_level", CONFIG_TEXT, "info", 1, 0, NULL, "error, warn, info or debug.",
     CHECKED(log_level, check_log_level)},
    {"core_dumps", CONFIG_BOOL, "no", 0, 0, NULL,
     "Allow core dumps and debuggers. They would contain keys.", FIELD(core_dumps)},
    {"verify_threads", CONFIG_INT, "2", 1, 64, "threads",
     "Workers that check hashes, signatures and schema, and store what they checked when nobody is "
     "at that.",
     FIELD(verify_threads)},
    {"intake_bytes", CONFIG_SIZE, "64MiB", MIB, 4096 * MIB, NULL,
     "Memory for all batches under way; beyond it senders are told to come back.",
     FIELD(intake_bytes)},
    {"lease_time", CONFIG_DURATION, "5m", 1000, 24 * HOUR_MS, NULL,
     "How long a delivery waits to be collected before others may have it.", FIELD(lease_ms)},
    {"idle_timeout", CONFIG_DURATION, "60s", 1000, HOUR_MS, NULL,
     "Participants say something at least this often; cut after half as much again.",
     FIELD(idle_ms)},
    {"deadline_hold_hours", CONFIG_INT, "72", 0, 8760, "hours",
     "Deadlines are held after a clock jump: this far ahead, or an hour back; 0 for never.",
     FIELD(deadline_hold_hours)},
    {"deadline_hold", CONFIG_BOOL, "no", 0, 0, NULL,
     "Hold deadlines at each start. Say yes after a restore; then skpctl deadline release, and no.",
     FIELD(deadline_hold)},
    {"stop_grace", CONFIG_DURATION, "20s", 0, 10 * MINUTE_MS, NULL,
     "When stopping: time to finish what is under way.", FIELD(stop_grace_ms)},
    {"max_sessions", CONFIG_INT, "10000", 1, 1000000, "sessions", "In all.", FIELD(max_sessions)},
    {"max_sessions_per_participant", CONFIG_INT, "256", 1, 100000, "sessions",
     "Of one participant's workers together.", FIELD(max_sessions_per_participant)},
    {"max_handshakes", CONFIG_INT, "256", 1, 10000, "connections",
     "Connections in TLS handshake; beyond it accepting pauses.", FIELD(max_handshakes)},
    {"max_handshakes_per_source", CONFIG_INT, "20", 1, 10000, "connections",
     "The same of one address (IPv6: one /64); beyond it closed.",
     FIELD(max_handshakes_per_source)},
    {"max_batches_per_session", CONFIG_INT, "8", 1, 1000, "batches",
     "Under way at the same time; beyond it reading pauses.", FIELD(max_batches_per_session)},
    {"output_bytes", CONFIG_SIZE, "1MiB", 64 * 1024, 64 * MIB, NULL,
     "Unsent data per session; beyond it its deliveries pause.", FIELD(output_bytes)},
    {"handshake_timeout", CONFIG_DURATION, "10s", 1000, 5 * MINUTE_MS, NULL,
     "From connecting to the end of the TLS handshake.", FIELD(handshake_timeout_ms)},
    {"hello_timeout", CONFIG_DURATION, "10s", 1000, 5 * MINUTE_MS, NULL,
     "From the TLS handshake to Hello.", FIELD(hello_timeout_ms)},
    {"frame_timeout", CONFIG_DURATION, "30s", 1000, 10 * MINUTE_MS, NULL,
     "From the first byte of a frame to its last, and between the frames of a batch.",
     FIELD(frame_timeout_ms)},
    {"batch_timeout", CONFIG_DURATION, "10m", 1000, 24 * HOUR_MS, NULL,
     "From the first frame of a batch to its last.", FIELD(batch_timeout_ms)},
    {"stall_timeout", CONFIG_DURATION, "60s", 1000, HOUR_MS, NULL,
     "A participant that does not read what it asked for is cut after this.",
     FIELD(stall_timeout_ms)},
    {"recheck_time", CONFIG_DURATION, "1h", MINUTE_MS, 24 * HOUR_MS, NULL,
     "Certificates of live sessions are checked again this often, and after each reload.",
     FIELD(recheck_ms)},
    {"session_age_hours", CONFIG_INT, "24", 1, 720, "hours",
     "A session ends before it is older; its participant connects again by itself.",
     FIELD(session_age_hours)},
};

const size_t options_count = sizeof options_table / sizeof options_table[0];

enum skp_err options_load(const char *file, struct options *ret_options, char *ret_why)
{
    config_init(options_table, options_count, ret_options);
    return file != NULL ? config_load(options_table, options_count, file, ret_options, ret_why)
                        : SKP_OK;
}

enum skp_err options_set(struct options *options, const char *assignment, char *ret_why)
{
    char name[64];
    const char *equals = strchr(assignment, '=');
    size_t len = equals != NULL ? (size_t)(equals - assignment) : 0;
    if (len == 0 || len >= sizeof name) {
        snprintf(ret_why, CONFIG_WHY_BYTES, "--set %s: write it as name=value", assignment);
        return SKP_E_CONFIG;
    }
    memcpy(name, assignment, len);
    name[len] = '\0';
    return config_set(options_table, options_count, name, equals + 1, options, ret_why);
}

enum skp_err options_finish(const char *file, const struct options *options, char *ret_why)
{
    return config_check(options_table, options_count, file != NULL ? file : "command line", options,
                        ret_why);
}

struct credential_files options_files(const struct options *options)
{
    return (struct credential_files){
        .ca_file = options->ca_file,
        .crl_file = options->crl_file,
        .tls_cert = options->tls_cert,
        .tls_key = options->tls_key,
        .sign_cert = options->sign_cert,
        .sign_key = options->sign_key,
    };
}

struct server_limits options_limits(const struct options *options)
{
    struct server_limits limits = server_limits_default();
    limits.sessions = (unsigned)options->max_sessions;
    limits.sessions_per_peer = (unsigned)options->max_sessions_per_participant;
    limits.handshakes = (unsigned)options->max_handshakes;
    limits.handshakes_per_source = (unsigned)options->max_handshakes_per_source;
    limits.batches = (unsigned)options->max_batches_per_session;
    limits.output_bytes = (unsigned)options->output_bytes;
    limits.handshake_ms = options->handshake_timeout_ms;
    limits.hello_ms = options->hello_timeout_ms;
    limits.frame_ms = options->frame_timeout_ms;
    limits.batch_ms = options->batch_timeout_ms;
    limits.idle_ms = options->idle_ms;
    limits.stall_ms = options->stall_timeout_ms;
    limits.recheck_ms = options->recheck_ms;
    limits.session_age_ms = options->session_age_hours * HOUR_MS;
    return limits;
}

struct tls_rules options_tls_rules(const struct options *options)
{
    return (struct tls_rules){
        .policy_oid = options->policy_oid,
        .groups = options->tls_groups,
        .tls12 = options->tls12,
    };
}
