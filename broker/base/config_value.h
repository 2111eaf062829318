/* Reading, writing and describing one value of a configuration; config.h is the door. Pure. */
#ifndef SKP_CONFIG_VALUE_H
#define SKP_CONFIG_VALUE_H

#include "config.h"

#define CONFIG_PRINT_BYTES 560

/* Checks `value` and puts it in the option's field. CONFIG with "reason; remedy" in
 * ret_reason[CONFIG_REASON_BYTES]; the field is untouched then. */
enum skp_err config_value_read(const struct config_option *option, const char *value, void *target,
                               char *ret_reason) SKP_MUST_CHECK;

/* The field as config_value_read() takes it, unquoted, into ret_text[CONFIG_PRINT_BYTES]. */
void config_value_print(const struct config_option *option, const void *target, char *ret_text);

/* What may be given, "1 to 65535 connections", into ret_text[CONFIG_PRINT_BYTES]. */
void config_value_describe(const struct config_option *option, char *ret_text);

/* Whether a text or an address is still empty. */
bool config_value_is_empty(const struct config_option *option, const void *target);

#endif
