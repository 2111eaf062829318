#include "errors.h"

#include <assert.h>
#include <stddef.h>

#define SKP_ERROR(name, code, retry, sentence, remedy, dutch)                                      \
    {SKP_E_##name, #name, SKP_RETRY_##retry, sentence, remedy, dutch},
static const struct skp_error_info table[] = {
#include "errors.def"
};
#undef SKP_ERROR

#define TABLE_COUNT (sizeof table / sizeof table[0])

const struct skp_error_info *skp_error(enum skp_err code)
{
    const struct skp_error_info *internal = NULL;
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (table[i].code == code)
            return &table[i];
        if (table[i].code == SKP_E_INTERNAL)
            internal = &table[i];
    }
    assert(internal); /* the list has it */
    return internal;
}

const char *skp_error_name(enum skp_err code)
{
    return code == SKP_OK ? "OK" : skp_error(code)->name;
}

const struct skp_error_info *skp_error_list(unsigned *ret_count)
{
    *ret_count = (unsigned)TABLE_COUNT;
    return table;
}
