#include "dependencies.h"

#include <event2/event.h>
#include <openssl/crypto.h>
#include <protobuf-c/protobuf-c.h>
#include <sqlite3.h>
#include <stdio.h>

/* libevent says 0x02010c00 for 2.1.12. */
static uint32_t libevent_version(void)
{
    uint32_t number = event_get_version_number();
    return DEPENDENCY_VERSION(number >> 24, (number >> 16) & 0xff, (number >> 8) & 0xff);
}

void dependencies_find(struct dependency ret_found[DEPENDENCY_COUNT])
{
    ret_found[0] = (struct dependency){
        .name = "SQLite",
        .found = (uint32_t)sqlite3_libversion_number(),
        .oldest = DEPENDENCY_VERSION(3, 37, 0),
        .text = sqlite3_libversion(),
        .reason = "STRICT tables, which keep a value's type, came with 3.37",
        .mended = DEPENDENCY_VERSION(3, 51, 3),
        .avoided =
            "before 3.51.3 two connections that write and checkpoint at the same moment can "
            "lose commits (https://sqlite.org/wal.html#walresetbug); it cannot come up here: "
            "a checkpoint beside commits begins only while a part of the log is not copied, and "
            "a second broker on the store is refused",
    };
    ret_found[1] = (struct dependency){
        .name = "OpenSSL",
        .found = DEPENDENCY_VERSION(OPENSSL_version_major(), OPENSSL_version_minor(),
                                    OPENSSL_version_patch()),
        .oldest = DEPENDENCY_VERSION(3, 0, 0),
        .text = OpenSSL_version(OPENSSL_VERSION),
        .reason = "1.1.1 gets no security fixes any more",
    };
    ret_found[2] = (struct dependency){
        .name = "libevent",
        .found = libevent_version(),
        .oldest = DEPENDENCY_VERSION(2, 1, 12),
        .text = event_get_version(),
        .reason = "2.1.12 mended faults in evbuffer_pullup() and in events that are freed",
    };
    ret_found[3] = (struct dependency){
        .name = "protobuf-c",
        .found = protobuf_c_version_number(),
        .oldest = DEPENDENCY_VERSION(1, 4, 1),
        .text = protobuf_c_version(),
        .reason = "CVE-2022-33070 and CVE-2022-48468 were mended in 1.4.1",
    };
}

enum skp_err dependencies_check(const struct dependency *found, size_t count, char *ret_why,
                                size_t why_bytes)
{
    for (size_t i = 0; i < count; i++) {
        if (found[i].found >= found[i].oldest)
            continue;
        snprintf(ret_why, why_bytes, "%s %s is too old: %u.%u.%u or newer is needed (%s)",
                 found[i].name, found[i].text, found[i].oldest / 1000000,
                 found[i].oldest / 1000 % 1000, found[i].oldest % 1000, found[i].reason);
        return SKP_E_CONFIG;
    }
    return SKP_OK;
}

const char *dependency_fault(const struct dependency *one)
{
    return one->found < one->mended ? one->avoided : NULL;
}
