/* One valid fact of each kind, and tables of how to spoil it.
 *
 * A table is a list X(name, code, path, statements): the statements spoil the fixture `f`, the code
 * and path are what fact_read must then say. */
#ifndef SKP_TEST_FACT_FIXTURE_H
#define SKP_TEST_FACT_FIXTURE_H

#include "testing.h"

#include "fact.h"

#include <stdio.h>
#include <string.h>

#define FIXTURE_IDS 300

struct fixture {
    uint8_t id_bytes[FIXTURE_IDS][ID_BYTES];
    uint8_t hash[HASH_BYTES];
    ProtobufCBinaryData ids[FIXTURE_IDS];
    char creditor[OIN_CHARS + 1];
    char counsellor[OIN_CHARS + 1];
    char text[1024];
    Skp__V1__Line line;
    Skp__V1__CaseFact case_fact;
    Skp__V1__OffNetworkFact off_network;
    Skp__V1__RequestFact request;
    Skp__V1__KnownClaim known[FACT_MAX_CLAIMS + 1];
    Skp__V1__KnownClaim *known_list[FACT_MAX_CLAIMS + 1];
    Skp__V1__AnswerFact answer;
    Skp__V1__Claim claims[FACT_MAX_CLAIMS + 1];
    Skp__V1__Claim *claim_list[FACT_MAX_CLAIMS + 1];
    Skp__V1__RecordedAnswerFact recorded;
    Skp__V1__WithdrawalFact withdrawal;
    Skp__V1__OverviewFact overview;
    Skp__V1__OverviewItem items[FACT_MAX_ITEMS + 1];
    Skp__V1__OverviewItem *item_list[FACT_MAX_ITEMS + 1];
    Skp__V1__EventFact event;
    Skp__V1__ProvenItem proven[2];
    Skp__V1__ProvenItem *proven_list[FACT_MAX_COLLECTED + 1];
    ProtobufCBinaryData proof[FACT_MAX_COLLECTED + 1];
};

struct spoiled {
    const char *name;
    enum skp_err code;
    const char *path;
    void (*spoil)(struct fixture *f);
};

#define SPOIL_FUNCTION(name, code, path, ...)                                                      \
    static void name(struct fixture *f)                                                            \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
#define SPOIL_ROW(name, code, path, ...) {#name, SKP_E_##code, path, name},

static inline void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    memset(f->hash, 0xab, sizeof f->hash);
    (void)strcpy(f->creditor, "00000099000000002000");
    (void)strcpy(f->counsellor, "00000099000000001000");
    for (size_t i = 0; i < FIXTURE_IDS; i++) {
        f->id_bytes[i][0] = (uint8_t)(i & 0xff);
        f->id_bytes[i][1] = (uint8_t)(i >> 8);
        f->id_bytes[i][15] = 0x77;
        f->ids[i] = (ProtobufCBinaryData){.len = ID_BYTES, .data = f->id_bytes[i]};
    }
    skp__v1__line__init(&f->line);
}

static inline ProtobufCBinaryData fixture_hash(struct fixture *f)
{
    return (ProtobufCBinaryData){.len = HASH_BYTES, .data = f->hash};
}

/* What fact_read says about the line as it stands; the path in ret_path. */
static inline enum skp_err fixture_read(struct fixture *f, char *ret_path)
{
    struct arena arena;
    Skp__V1__Line *line = NULL;
    ret_path[0] = '\0';
    arena_init(&arena, (size_t)1 << 20);
    struct span packed = wire_pack(&f->line.base, &arena);
    assert_non_null(packed.data);
    enum skp_err err = fact_read(packed, &arena, ret_path, &line);
    assert_true((line != NULL) == (err == SKP_OK));
    arena_fini(&arena);
    return err;
}

static inline void assert_spoiled(void (*fill)(struct fixture *f), const struct spoiled *cases,
                                  size_t count)
{
    static struct fixture f;
    char path[WIRE_PATH_MAX];
    for (size_t i = 0; i < count; i++) {
        fixture_init(&f);
        fill(&f);
        cases[i].spoil(&f);
        enum skp_err err = fixture_read(&f, path);
        if (err != cases[i].code || strcmp(path, cases[i].path) != 0)
            fail_msg("%s: %s at \"%s\", wanted %s at \"%s\"", cases[i].name, skp_error_name(err),
                     path, skp_error_name(cases[i].code), cases[i].path);
    }
}

static inline void assert_good(void (*fill)(struct fixture *f))
{
    static struct fixture f;
    char path[WIRE_PATH_MAX];
    fixture_init(&f);
    fill(&f);
    enum skp_err err = fixture_read(&f, path);
    if (err)
        fail_msg("%s at \"%s\"", skp_error_name(err), path);
}

#endif
