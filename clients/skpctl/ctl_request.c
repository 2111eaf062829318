#include "ctl_request.h"

#include "bytes.h"
#include "errors.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES ((size_t)1024 * 1024)

static bool is_place(const struct ctl_field *field)
{
    return field->option[0] != '-';
}

/* The field an argument is for; NULL: none. *ret_value is what follows "=", or NULL. */
static const struct ctl_field *find_field(const struct ctl_command *command, const char *argument,
                                          const json_t *request, const char **ret_value)
{
    *ret_value = NULL;
    for (size_t i = 0; i < CTL_MAX_FIELDS && command->fields[i].option != NULL; i++) {
        const struct ctl_field *field = &command->fields[i];
        size_t len = strlen(field->option);
        if (is_place(field)) {
            if (argument[0] == '-' || json_object_get(request, field->json) != NULL)
                continue;
            *ret_value = argument;
            return field;
        }
        if (strncmp(argument, field->option, len) != 0)
            continue;
        if (argument[len] == '=')
            *ret_value = argument + len + 1;
        if (argument[len] == '=' || argument[len] == '\0')
            return field;
    }
    return NULL;
}

static json_t *encode_file(FILE *stream, const char *path, char *ret_why)
{
    json_t *text = NULL;
    unsigned char *bytes = malloc(FILE_MAX_BYTES + 1);
    unsigned char *base64 = malloc((FILE_MAX_BYTES + 2) / 3 * 4 + 1);
    size_t len = 0;
    if (bytes != NULL && base64 != NULL)
        len = fread(bytes, 1, FILE_MAX_BYTES + 1, stream);
    if (len == 0 || len > FILE_MAX_BYTES || ferror(stream)) {
        snprintf(ret_why, CTL_WHY_BYTES, "%s: cannot be read, is empty, or is over 1 MiB", path);
    } else {
        EVP_EncodeBlock(base64, bytes, (int)len);
        text = json_string((const char *)base64);
    }
    free(bytes);
    free(base64);
    return text;
}

static json_t *read_file(const char *path, char *ret_why)
{
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) {
        snprintf(ret_why, CTL_WHY_BYTES, "%s: cannot be opened: %s", path, strerror(errno));
        return NULL;
    }
    json_t *text = encode_file(stream, path, ret_why);
    fclose(stream);
    return text;
}

static json_t *read_int(const struct ctl_field *field, const char *value, char *ret_why)
{
    long least = field->type == CTL_COUNT ? 0 : 1;
    char *end;
    long number = strtol(value, &end, 10);
    if (*value != '\0' && *end == '\0' && number >= least && number <= 1000000)
        return json_integer(number);
    snprintf(ret_why, CTL_WHY_BYTES, "%s %s: give a whole number from %ld", field->option, value,
             least);
    return NULL;
}

static json_t *read_oin(const struct ctl_field *field, const char *value, char *ret_why)
{
    struct skp_oin oin;
    if (oin_take(span_text(value), &oin))
        return json_string(oin.text);
    snprintf(ret_why, CTL_WHY_BYTES, "%s %s: OIN_FORMAT: %s; take it from participant list",
             field->option, value, skp_error(SKP_E_OIN_FORMAT)->sentence);
    return NULL;
}

static json_t *read_value(const struct ctl_field *field, const char *value, char *ret_why)
{
    json_t *json = NULL;
    switch (field->type) {
    case CTL_FLAG:
        return json_true();
    case CTL_INT:
    case CTL_COUNT:
        return read_int(field, value, ret_why);
    case CTL_FILE:
        return read_file(value, ret_why);
    case CTL_OIN:
        return read_oin(field, value, ret_why);
    case CTL_TEXT:
    case CTL_LIST:
        json = json_string(value);
        if (json == NULL)
            snprintf(ret_why, CTL_WHY_BYTES, "%s: the value is not UTF-8", field->option);
        return json;
    }
    return NULL;
}

/* Takes the reference to `value`. */
static bool put(json_t *request, const struct ctl_field *field, json_t *value, char *ret_why)
{
    json_t *before = json_object_get(request, field->json);
    if (field->type == CTL_LIST) {
        if (before == NULL) {
            before = json_array();
            json_object_set_new(request, field->json, before);
        }
        return json_array_append_new(before, value) == 0;
    }
    if (before != NULL) {
        snprintf(ret_why, CTL_WHY_BYTES, "%s is given twice", field->option);
        json_decref(value);
        return false;
    }
    return json_object_set_new(request, field->json, value) == 0;
}

/* Takes the argument at *at, and the next one when that is its value. */
static bool take_argument(const struct ctl_command *command, int count, char *const *arguments,
                          int *at, json_t *request, bool *ret_file, char *ret_why)
{
    const char *value;
    const char *argument = arguments[*at];
    const struct ctl_field *field = find_field(command, argument, request, &value);
    if (field == NULL) {
        snprintf(ret_why, CTL_WHY_BYTES, "%s is not an option here; see skpctl %s%s%s --help",
                 argument, command->noun, command->verb != NULL ? " " : "",
                 command->verb != NULL ? command->verb : "");
        return false;
    }
    if (field->type == CTL_FLAG && value != NULL) {
        snprintf(ret_why, CTL_WHY_BYTES, "%s takes no value", field->option);
        return false;
    }
    if (value == NULL && field->type != CTL_FLAG) {
        if (*at + 1 >= count) {
            snprintf(ret_why, CTL_WHY_BYTES, "%s needs a value: %s", field->option, field->help);
            return false;
        }
        value = arguments[++*at];
    }
    json_t *json = read_value(field, value, ret_why);
    *ret_file = json == NULL && field->type == CTL_FILE;
    return json != NULL && put(request, field, json, ret_why);
}

static bool is_complete(const struct ctl_command *command, const json_t *request, char *ret_why)
{
    for (size_t i = 0; i < CTL_MAX_FIELDS && command->fields[i].option != NULL; i++) {
        const struct ctl_field *field = &command->fields[i];
        if (field->required && json_object_get(request, field->json) == NULL) {
            snprintf(ret_why, CTL_WHY_BYTES, "%s is missing: %s", field->option, field->help);
            return false;
        }
    }
    if (command->way == CTL_ADVANCE && json_object_size(request) != 2) {
        snprintf(ret_why, CTL_WHY_BYTES, "give either --to or --working-days");
        return false;
    }
    return true;
}

json_t *ctl_request_build(const struct ctl_command *command, int count, char *const *arguments,
                          bool *ret_file, char *ret_why)
{
    json_t *request = json_object();
    *ret_file = false;
    bool good = request != NULL;
    snprintf(ret_why, CTL_WHY_BYTES, "out of memory");
    if (good && command->wire != NULL)
        good = json_object_set_new(request, "command", json_string(command->wire)) == 0;
    for (int at = 0; good && at < count; at++)
        good = take_argument(command, count, arguments, &at, request, ret_file, ret_why);
    if (good && is_complete(command, request, ret_why))
        return request;
    json_decref(request);
    return NULL;
}
