/* Texts that everybody reads the same: UTF-8 (RFC 3629), without characters that hide or turn other
 * ones.
 *
 * Refused are NUL and the other control characters, the direction marks and overrides
 * (CVE-2021-42574), the line and paragraph separators and the byte order mark. Texts are not
 * normalised: two spellings of one name stay two texts. Pure. */
#ifndef SKP_TEXT_H
#define SKP_TEXT_H

#include "bytes.h"
#include "errors.h"

/* TEXT_ENCODING or TEXT_CONTROL. *ret_chars (may be NULL) is the length in code points. */
enum skp_err text_check(struct span text, size_t *ret_chars) SKP_MUST_CHECK;

/* Whether there is nothing in it but spaces. */
bool text_is_blank(struct span text);

#endif
