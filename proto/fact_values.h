/* Internal to this folder: checks of single fields that remember the first thing that is wrong.
 *
 * A check function states all rules of a message in a row; after the first failure the rest has no
 * effect, so the rules read as a list and need no branches. */
#ifndef SKP_FACT_VALUES_H
#define SKP_FACT_VALUES_H

#include "fact.h"

struct fact_check {
    enum skp_err err;
    char *path;       /* written at the first failure */
    const char *base; /* "answer"; NULL: the message itself is the top */
    const char *list; /* the repeated message field we are in, NULL outside */
    size_t index;
};

/* Notes `err` at `field` unless something is wrong already. `holds` false is the failure. */
void fact_expect(struct fact_check *check, bool holds, enum skp_err err, const char *field);

/* Steps into item `index` of repeated message `list`, and out again. */
void fact_enter(struct fact_check *check, const char *list, size_t index);
void fact_leave(struct fact_check *check);

/* Required: an empty value is REQUIRED (of an enum ENUM_VALUE, as code 0 is never an answer). */
void fact_need_id(struct fact_check *check, const char *field, ProtobufCBinaryData id);
void fact_need_hash(struct fact_check *check, const char *field, ProtobufCBinaryData hash);
void fact_need_number(struct fact_check *check, const char *field, uint32_t number);
void fact_need_enum(struct fact_check *check, const char *field, int value);
void fact_need_date(struct fact_check *check, const char *field, int32_t date);
void fact_need_instant(struct fact_check *check, const char *field, int64_t at_ms);
void fact_need_oin(struct fact_check *check, const char *field, const char *oin);
void fact_need_context(struct fact_check *check, const char *context, const char *wanted);

/* Optional: checked when given. */
void fact_may_id(struct fact_check *check, const char *field, ProtobufCBinaryData id);
void fact_may_hash(struct fact_check *check, const char *field, ProtobufCBinaryData hash);
void fact_may_date(struct fact_check *check, const char *field, int32_t date);
void fact_may_oin(struct fact_check *check, const char *field, const char *oin);
void fact_may_text(struct fact_check *check, const char *field, const char *text, size_t max_chars);
void fact_may_mailbox(struct fact_check *check, const char *mailbox);
void fact_amount(struct fact_check *check, const char *field, int64_t cents);

/* At most `max` items (DECODE_ITEMS). */
void fact_list(struct fact_check *check, const char *field, size_t count, size_t max);

/* Lists of single values: at most `max`, each valid, none twice (DUPLICATE_ITEM). */
void fact_id_list(struct fact_check *check, const char *field, const ProtobufCBinaryData *ids,
                  size_t count, size_t max);
void fact_oin_list(struct fact_check *check, const char *field, char *const *oins, size_t count,
                   size_t max);

/* `codes` points at enum values, which protobuf-c keeps int-sized. */
void fact_enum_list(struct fact_check *check, const char *field, const int *codes, size_t count);

/* The facts of one side each. */
void fact_check_answer(struct fact_check *check, const Skp__V1__AnswerFact *answer);
void fact_check_recorded(struct fact_check *check, const Skp__V1__RecordedAnswerFact *recorded);
void fact_check_overview(struct fact_check *check, const Skp__V1__OverviewFact *overview);
void fact_check_event(struct fact_check *check, const Skp__V1__EventFact *event);

/* fact_later.c: lines that this release knows only by name. Their id and version are checked, and
 * that the state they lead to is one that a line of their kind can name; the rest is for the
 * release that takes them. */
void fact_check_later(struct fact_check *check, const Skp__V1__Line *line);
ProtobufCBinaryData fact_later_id(const Skp__V1__Line *line);         /* empty: no such line */
ProtobufCBinaryData fact_later_commitment(const Skp__V1__Line *line); /* empty: seals nothing */

#endif
