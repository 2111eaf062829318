/* What skpd tells on standard output when it is asked something instead of run: words for a person,
 * or with --json one object. */
#ifndef SKP_ANSWER_H
#define SKP_ANSWER_H

#include "dependencies.h"
#include "options.h"

/* How it went: `sentence` is what is well, or what is wrong (which the log has told by then, so
 * that only JSON repeats it). `code` is the exit code. */
void answer_result(bool json, int code, const char *sentence);

/* The settings in force; every setting with its meaning and default; versions of skpd and what it
 * runs on. */
void answer_settings(bool json, const struct options *options);
void answer_help_config(bool json);
void answer_version(bool json, const struct dependency found[DEPENDENCY_COUNT]);

/* False: standard output took not all of it. Asked once, last. */
bool answer_was_written(void);

#endif
