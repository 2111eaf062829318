#include "ctl_import.h"

#include "csv_value.h"
#include "csv_words.h"
#include "skp.pb-c.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum column { OIN, NAME, ROLE, SEARCH_NAMES, BRANDS, KINDS, ADDRESS, BSN, COLUMN_COUNT };

static const struct csv_column columns[COLUMN_COUNT] = {[OIN] = {"OIN", true},
                                                        [NAME] = {"Naam", true},
                                                        [ROLE] = {"Rol", true},
                                                        [SEARCH_NAMES] = {"Zoeknamen", false},
                                                        [BRANDS] = {"Merken", false},
                                                        [KINDS] = {"Soorten", false},
                                                        [ADDRESS] = {"Postadres", false},
                                                        [BSN] = {"BSN", false}};

struct ctl_import {
    struct csv_reader *reader;
};

enum skp_err ctl_import_open(const char *path, struct ctl_import **ret_import,
                             struct csv_problem *ret_problem)
{
    struct ctl_import *import = calloc(1, sizeof *import);
    if (!import)
        return SKP_E_NO_MEMORY;
    enum skp_err err = csv_reader_open(path, columns, COLUMN_COUNT, &import->reader, ret_problem);
    if (err) {
        free(import);
        return err;
    }
    *ret_import = import;
    return SKP_OK;
}

void ctl_import_close(struct ctl_import *import)
{
    if (import)
        csv_reader_free(import->reader);
    free(import);
}

static const char *role_word(const char *cell)
{
    if (strcasecmp(cell, "schuldhulpverlener") == 0)
        return "counsellor";
    return strcasecmp(cell, "schuldeiser") == 0 ? "creditor" : cell;
}

/* "HEALTH" for "zorgpremie"; a word we do not know goes to the broker as it is, which refuses it by name. */
static const char *kind_word(const char *cell)
{
    static const size_t prefix = sizeof "CLAIM_KIND_" - 1;
    int code = 0;
    if (csv_word_read(csv_words_kind, cell, &code))
        return cell;
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(&skp__v1__claim_kind__descriptor, code);
    return value ? value->name + prefix : cell;
}

static const char *same_word(const char *cell)
{
    return cell;
}

/* A cell "a, b" as a list of texts. Writes into the cell. */
static json_t *split(char *cell, const char *(*word)(const char *))
{
    json_t *list = json_array();
    char *rest = NULL;
    for (char *name = strtok_r(cell, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        name += strspn(name, " ");
        size_t len = strlen(name);
        while (len > 0 && name[len - 1] == ' ')
            name[--len] = '\0';
        if (len > 0)
            json_array_append_new(list, json_string(word(name)));
    }
    return list;
}

static json_t *request_of(const struct csv_row *row, bool bsn)
{
    return json_pack(
        "{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:s,s:b}", "command", "participant.add", "oin",
        row->cells[OIN], "name", row->cells[NAME], "roles", split(row->cells[ROLE], role_word),
        "search_names", split(row->cells[SEARCH_NAMES], same_word), "brands",
        split(row->cells[BRANDS], same_word), "claim_kinds", split(row->cells[KINDS], kind_word),
        "postal_address", row->cells[ADDRESS], "bsn_entitled", bsn);
}

bool ctl_import_next(struct ctl_import *import, json_t **ret_request, unsigned long *ret_line,
                     struct csv_problem *ret_problem)
{
    struct csv_row row;
    bool bsn = false;
    if (!csv_reader_next(import->reader, &row))
        return false;
    *ret_line = row.line;
    *ret_request = NULL;
    *ret_problem = (struct csv_problem){.line = row.line, .err = row.err, .column = row.column};
    if (!row.err) {
        ret_problem->err = csv_value_read_flag(row.cells[BSN], &bsn);
        ret_problem->column = columns[BSN].name;
    }
    if (!ret_problem->err)
        *ret_request = request_of(&row, bsn);
    return true;
}
