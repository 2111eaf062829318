#include "config_value.h"

#include "text.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <strings.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first: printing takes the first that divides. */
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0},
};
static const struct unit size_units[] = {
    {"GiB", INT64_C(1) << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}, {NULL, 0},
};
static const struct unit plain_units[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(enum config_type type)
{
    if (type == CONFIG_DURATION)
        return duration_units;
    return type == CONFIG_SIZE ? size_units : plain_units;
}

/* The field is found by its offset; options and target go together by construction. */
static void *field(const struct config_option *option, void *target)
{
    return (char *)target + option->offset;
}

static const void *const_field(const struct config_option *option, const void *target)
{
    return (const char *)target + option->offset;
}

static size_t text_max(const struct config_option *option)
{
    return option->max > 0 ? (size_t)option->max : CONFIG_TEXT_BYTES - 1;
}

static void print_number(const struct config_option *option, int64_t value, char *ret_text)
{
    const struct unit *unit = units_of(option->type);
    while (value % unit->factor != 0 || (value == 0 && unit->factor != 1))
        unit++;
    snprintf(ret_text, CONFIG_PRINT_BYTES, "%lld%s", (long long)(value / unit->factor), unit->name);
}

void config_value_describe(const struct config_option *option, char *ret_text)
{
    char low[CONFIG_PRINT_BYTES];
    char high[CONFIG_PRINT_BYTES];
    switch (option->type) {
    case CONFIG_INT:
    case CONFIG_DURATION:
    case CONFIG_SIZE:
        print_number(option, option->min, low);
        print_number(option, option->max, high);
        snprintf(ret_text, CONFIG_PRINT_BYTES, "%.40s to %.40s%s%s", low, high,
                 option->unit ? " " : "", option->unit ? option->unit : "");
        return;
    case CONFIG_BOOL:
        snprintf(ret_text, CONFIG_PRINT_BYTES, "yes or no");
        return;
    case CONFIG_TEXT:
        snprintf(ret_text, CONFIG_PRINT_BYTES, "a text of at most %zu bytes", text_max(option));
        return;
    case CONFIG_PATH:
        snprintf(ret_text, CONFIG_PRINT_BYTES, "a path of at most %zu bytes", text_max(option));
        return;
    case CONFIG_ADDRESS:
        snprintf(ret_text, CONFIG_PRINT_BYTES, "host:port, as 0.0.0.0:8443 or [::1]:8443");
        return;
    }
}

/* "<value> <reason>; give <what may be given>"; values are cut so that the remedy always fits. */
static enum skp_err refuse(const struct config_option *option, const char *value,
                           const char *reason, char *ret_reason)
{
    char allowed[CONFIG_PRINT_BYTES];
    config_value_describe(option, allowed);
    snprintf(ret_reason, CONFIG_REASON_BYTES, "%.80s%s%.80s; give %.120s", value, *value ? " " : "",
             reason, allowed);
    return SKP_E_CONFIG;
}

static const struct unit *find_unit(const struct unit *units, const char *name)
{
    for (; units->name; units++)
        if (strcmp(units->name, name) == 0)
            return units;
    return NULL;
}

/* What is wrong with a number, NULL when it is right. Zero needs no unit. */
static const char *parse_number(enum config_type type, const char *value, int64_t *ret_number)
{
    static const char *const not_a_number[] = {
        [CONFIG_INT] = "is not a whole number",
        [CONFIG_DURATION] = "is not a duration as 500ms, 90s, 5m, 2h or 1d",
        [CONFIG_SIZE] = "is not a size as 4096, 64KiB, 10MiB or 1GiB",
    };
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    bool starts_well = isdigit((unsigned char)*value) || (*value == '-' && end > value);
    const struct unit *unit = find_unit(units_of(type), end);
    if (!unit && number == 0 && *end == '\0')
        unit = plain_units;
    if (!starts_well || !unit)
        return not_a_number[type];
    int64_t product;
    if (errno == ERANGE || __builtin_mul_overflow(number, unit->factor, &product))
        return "is too large to count with";
    *ret_number = product;
    return NULL;
}

static enum skp_err read_number(const struct config_option *option, const char *value, void *target,
                                char *ret_reason)
{
    int64_t number;
    const char *wrong = parse_number(option->type, value, &number);
    if (wrong)
        return refuse(option, value, wrong, ret_reason);
    if (number >= option->min && number <= option->max) {
        *(int64_t *)field(option, target) = number;
        return SKP_OK;
    }
    char bound[CONFIG_PRINT_BYTES];
    char reason[96];
    print_number(option, number < option->min ? option->min : option->max, bound);
    snprintf(reason, sizeof(reason), "is %s %.60s", number < option->min ? "under" : "over", bound);
    return refuse(option, value, reason, ret_reason);
}

static enum skp_err read_bool(const struct config_option *option, const char *value, void *target,
                              char *ret_reason)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(value, words[i]) == 0) {
            *(bool *)field(option, target) = i % 2 == 1;
            return SKP_OK;
        }
    }
    return refuse(option, value, "is neither yes nor no", ret_reason);
}

static enum skp_err read_text(const struct config_option *option, const char *value, void *target,
                              char *ret_reason)
{
    size_t len = strlen(value);
    assert(text_max(option) < CONFIG_TEXT_BYTES);
    if (len > text_max(option))
        return refuse(option, value, "is too long", ret_reason);
    if (len == 0 && option->min > 0)
        return refuse(option, value, "is empty", ret_reason);
    if (text_check(span_text(value), NULL) != SKP_OK)
        return refuse(option, "", "holds a control character or is not UTF-8", ret_reason);
    if (option->check != NULL && !option->check(value, ret_reason))
        return SKP_E_CONFIG;
    memcpy(field(option, target), value, len + 1);
    return SKP_OK;
}

/* Takes "host" off "host:port" or "[host]:port"; 0: no such thing. Returns where the port starts.
 */
static size_t split_host(const char *value, struct config_address *address)
{
    bool bracket = *value == '[';
    const char *host = value + bracket;
    size_t len = strcspn(host, bracket ? "]" : ":");
    const char *colon = host + len + (bracket && host[len]);
    if (len == 0 || len >= sizeof(address->host) || *colon != ':')
        return 0;
    memcpy(address->host, host, len);
    address->host[len] = '\0';
    bool clean = text_check(span_text(address->host), NULL) == SKP_OK &&
                 !strpbrk(address->host, " []\"#=/@");
    return clean ? (size_t)(colon + 1 - value) : 0;
}

static enum skp_err read_address(const struct config_option *option, const char *value,
                                 void *target, char *ret_reason)
{
    struct config_address address = {.port = 0};
    if (*value) {
        size_t port_at = split_host(value, &address);
        if (!port_at)
            return refuse(option, value, "is not an address", ret_reason);
        int64_t port;
        if (parse_number(CONFIG_INT, value + port_at, &port) || port < 1 || port > 65535)
            return refuse(option, value, "has no port from 1 to 65535", ret_reason);
        address.port = (uint16_t)port;
    } else if (option->min > 0) {
        return refuse(option, value, "is empty", ret_reason);
    }
    *(struct config_address *)field(option, target) = address;
    return SKP_OK;
}

enum skp_err config_value_read(const struct config_option *option, const char *value, void *target,
                               char *ret_reason)
{
    switch (option->type) {
    case CONFIG_INT:
    case CONFIG_DURATION:
    case CONFIG_SIZE:
        return read_number(option, value, target, ret_reason);
    case CONFIG_BOOL:
        return read_bool(option, value, target, ret_reason);
    case CONFIG_TEXT:
    case CONFIG_PATH:
        return read_text(option, value, target, ret_reason);
    case CONFIG_ADDRESS:
        return read_address(option, value, target, ret_reason);
    }
    abort(); /* an option without a type */
}

static void print_address(const struct config_address *address, char *ret_text)
{
    bool bracket = strchr(address->host, ':') != NULL;
    *ret_text = '\0';
    if (*address->host)
        snprintf(ret_text, CONFIG_PRINT_BYTES, "%s%s%s:%u", bracket ? "[" : "", address->host,
                 bracket ? "]" : "", address->port);
}

void config_value_print(const struct config_option *option, const void *target, char *ret_text)
{
    const void *value = const_field(option, target);
    switch (option->type) {
    case CONFIG_INT:
    case CONFIG_DURATION:
    case CONFIG_SIZE:
        print_number(option, *(const int64_t *)value, ret_text);
        return;
    case CONFIG_BOOL:
        snprintf(ret_text, CONFIG_PRINT_BYTES, "%s", *(const bool *)value ? "yes" : "no");
        return;
    case CONFIG_TEXT:
    case CONFIG_PATH:
        snprintf(ret_text, CONFIG_PRINT_BYTES, "%s", (const char *)value);
        return;
    case CONFIG_ADDRESS:
        print_address(value, ret_text);
        return;
    }
}

bool config_value_is_empty(const struct config_option *option, const void *target)
{
    const void *value = const_field(option, target);
    if (option->type == CONFIG_TEXT || option->type == CONFIG_PATH)
        return *(const char *)value == '\0';
    if (option->type == CONFIG_ADDRESS)
        return *((const struct config_address *)value)->host == '\0';
    return false;
}
