/* A table of options that drives reading, checking and the manual of a configuration.
 *
 *   # skpd.conf
 *   listen = 0.0.0.0:8443        # a comment
 *   store_path = "/var/lib/skpd/store.db"
 *   idle_timeout = 90s
 *
 * One `name = value` per line; `#` starts a comment at the start of a line or after a space; values
 * with spaces or `#` go in double quotes, where \" and \\ stand for " and \. An option may be given
 * once.
 *
 * Order of use: config_init, config_load, config_set for the command line, config_check. Errors are
 * for the operator, one sentence in ret_why[CONFIG_WHY_BYTES] with place, name, reason and remedy:
 *
 *   skpd.conf:12: listen_port: 70000 is over 65535; give 1 to 65535
 *
 * After an error the struct is partly filled: to reload, read into a second struct and swap. Not
 * thread-safe; the struct is plain data. */
#ifndef SKP_CONFIG_H
#define SKP_CONFIG_H

#include "bytes.h"
#include "errors.h"
#include "file.h"

#include <stdio.h>

#define CONFIG_WHY_BYTES    FILE_WHY_BYTES
#define CONFIG_TEXT_BYTES   256 /* of a TEXT or PATH field, with its NUL */
#define CONFIG_HOST_BYTES   256
#define CONFIG_REASON_BYTES 320
#define CONFIG_MAX_OPTIONS  128
#define CONFIG_FILE_MAX     (256 * 1024)

/* type, the C type of the field it fills, how a value is written */
enum config_type {
    CONFIG_INT,      /* int64_t: 42 */
    CONFIG_BOOL,     /* bool: yes or no (also true, false, on, off) */
    CONFIG_TEXT,     /* char[CONFIG_TEXT_BYTES] */
    CONFIG_PATH,     /* char[CONFIG_TEXT_BYTES]: as given, relative to the working directory */
    CONFIG_DURATION, /* int64_t, milliseconds: 500ms, 90s, 5m, 2h, 1d, 0; never without a unit */
    CONFIG_SIZE,     /* int64_t, bytes: 4096, 64KiB, 10MiB, 1GiB */
    CONFIG_ADDRESS,  /* struct config_address: host:port, [::1]:port */
};

struct config_address {
    char host[CONFIG_HOST_BYTES]; /* without brackets; empty = not given */
    uint16_t port;
};

/* Whether a TEXT may be given, beyond what fits; false: "reason; remedy" in
 * ret_reason[CONFIG_REASON_BYTES]. */
typedef bool (*config_check_fn)(const char *value, char *ret_reason);

struct config_option {
    const char *name; /* snake_case */
    enum config_type type;
    const char *preset; /* the default as it would be written; NULL = empty text, no, or 0 */
    int64_t min; /* of the value; of a TEXT, PATH or ADDRESS: 1 = must be given, 0 = may be empty */
    int64_t max; /* of the value; of a TEXT or PATH: bytes, 0 = what fits; of an ADDRESS unused */
    const char *unit;      /* said after the range of an INT: "connections"; may be NULL */
    const char *help;      /* one or two sentences */
    size_t offset;         /* offsetof(struct ..., field) */
    config_check_fn check; /* of a TEXT; NULL: none */
};

/* Fills all fields with the presets. A preset that does not pass its own check is our fault:
 * it aborts. */
void config_init(const struct config_option *options, size_t count, void *target);

/* Reads a file over what is there. NOT_FOUND, IO, NO_MEMORY (file.h), CONFIG. */
enum skp_err config_load(const struct config_option *options, size_t count, const char *file,
                         void *target, char *ret_why) SKP_MUST_CHECK;

/* The same from memory; `file` is only for the sentence. */
enum skp_err config_parse(const struct config_option *options, size_t count, const char *file,
                          struct span text, void *target, char *ret_why) SKP_MUST_CHECK;

/* One option from the command line; also over what a file said. CONFIG. */
enum skp_err config_set(const struct config_option *options, size_t count, const char *name,
                        const char *value, void *target, char *ret_why) SKP_MUST_CHECK;

/* Whether everything that must be given was given. `file` is only for the sentence. CONFIG. */
enum skp_err config_check(const struct config_option *options, size_t count, const char *file,
                          const void *target, char *ret_why) SKP_MUST_CHECK;

/* The manual, for --help-config and the man page. It is itself a file that config_load() reads:
 * every option is there, commented out, with its help, its range and its preset. */
void config_print_help(const struct config_option *options, size_t count, FILE *stream);

/* What is in force, in a form that config_load() reads back. */
void config_print_effective(const struct config_option *options, size_t count, const void *target,
                            FILE *stream);

#endif
