/* The one error list. Every message a user can meet has a code, a sentence and a remedy here.
 *
 * Fallible functions of this project return enum skp_err: SKP_OK (0) or one of these codes. */
#ifndef SKP_ERRORS_H
#define SKP_ERRORS_H

enum skp_err {
    SKP_OK = 0,
#define SKP_ERROR(name, code, retry, sentence, remedy, dutch) SKP_E_##name = (code),
#include "errors.def"
#undef SKP_ERROR
};

enum skp_retry { SKP_RETRY_NEVER = 1, SKP_RETRY_LATER = 2, SKP_RETRY_AFTER_FIX = 3 };

struct skp_error_info {
    enum skp_err code;
    const char *name; /* "FRAME_EMPTY" */
    enum skp_retry retry;
    const char *sentence; /* English, without a full stop */
    const char *remedy;   /* English, what to do */
    const char *dutch;    /* for case workers */
};

#define SKP_MUST_CHECK __attribute__((warn_unused_result))

/* The entry of `code`; never NULL: an unknown code gives the entry of INTERNAL. */
const struct skp_error_info *skp_error(enum skp_err code);

/* The name of `code`, "OK" for SKP_OK. */
const char *skp_error_name(enum skp_err code);

/* The whole list in order of code, for printing; `*ret_count` entries. */
const struct skp_error_info *skp_error_list(unsigned *ret_count);

#endif
