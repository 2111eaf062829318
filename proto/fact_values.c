#include "fact_values.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- the first failure */

static void print_path(const struct fact_check *check, const char *field)
{
    const char *base = check->base ? check->base : "";
    const char *dot = check->base ? "." : "";
    if (check->list)
        (void)snprintf(check->path, WIRE_PATH_MAX, "%s%s%s[%zu].%s", base, dot, check->list,
                       check->index, field);
    else
        (void)snprintf(check->path, WIRE_PATH_MAX, "%s%s%s", base, dot, field);
}

void fact_expect(struct fact_check *check, bool holds, enum skp_err err, const char *field)
{
    if (holds || check->err)
        return;
    check->err = err;
    print_path(check, field);
}

static void expect_ok(struct fact_check *check, enum skp_err err, const char *field)
{
    fact_expect(check, err == SKP_OK, err, field);
}

/* A failure in item `index` of a list of plain values. */
static void expect_item(struct fact_check *check, enum skp_err err, const char *field, size_t index)
{
    if (!err || check->err)
        return;
    expect_ok(check, err, field);
    size_t used = strlen(check->path);
    (void)snprintf(check->path + used, WIRE_PATH_MAX - used, "[%zu]", index);
}

void fact_enter(struct fact_check *check, const char *list, size_t index)
{
    check->list = list;
    check->index = index;
}

void fact_leave(struct fact_check *check)
{
    check->list = NULL;
}

/* ---------------------------------------------------------------- single values */

static bool is_leap(int32_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

enum skp_err fact_check_date(int32_t yyyymmdd)
{
    static const int32_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int32_t year = yyyymmdd / 10000;
    int32_t month = yyyymmdd / 100 % 100;
    int32_t day = yyyymmdd % 100;
    if (yyyymmdd <= 0 || month < 1 || month > 12 || day < 1)
        return SKP_E_DATE_INVALID;
    if (day > month_days[month - 1] + (month == 2 && is_leap(year)))
        return SKP_E_DATE_INVALID;
    return year >= FACT_MIN_YEAR && year <= FACT_MAX_YEAR ? SKP_OK : SKP_E_DATE_RANGE;
}

enum skp_err fact_check_cents(int64_t cents)
{
    return cents >= 0 && cents <= FACT_MAX_CENTS ? SKP_OK : SKP_E_AMOUNT_RANGE;
}

enum skp_err fact_check_oin(const char *oin)
{
    struct skp_oin taken;
    return oin_take(span_text(oin), &taken) ? SKP_OK : SKP_E_OIN_FORMAT;
}

enum skp_err fact_check_text(const char *text, size_t max_chars)
{
    size_t chars = 0;
    enum skp_err err = text_check(span_text(text), &chars);
    if (err)
        return err;
    return chars <= max_chars ? SKP_OK : SKP_E_TEXT_TOO_LONG;
}

static enum skp_err check_id(ProtobufCBinaryData id)
{
    struct skp_id taken;
    return id_take(wire_span(id), &taken) ? SKP_OK : SKP_E_ID_FORMAT;
}

/* ---------------------------------------------------------------- required fields */

void fact_need_id(struct fact_check *check, const char *field, ProtobufCBinaryData id)
{
    fact_expect(check, id.len > 0, SKP_E_REQUIRED, field);
    fact_may_id(check, field, id);
}

void fact_need_hash(struct fact_check *check, const char *field, ProtobufCBinaryData hash)
{
    fact_expect(check, hash.len > 0, SKP_E_REQUIRED, field);
    fact_may_hash(check, field, hash);
}

void fact_need_number(struct fact_check *check, const char *field, uint32_t number)
{
    fact_expect(check, number > 0, SKP_E_REQUIRED, field);
}

void fact_need_enum(struct fact_check *check, const char *field, int value)
{
    fact_expect(check, value != 0, SKP_E_ENUM_VALUE, field);
}

void fact_need_date(struct fact_check *check, const char *field, int32_t date)
{
    fact_expect(check, date != 0, SKP_E_REQUIRED, field);
    fact_may_date(check, field, date);
}

void fact_need_instant(struct fact_check *check, const char *field, int64_t at_ms)
{
    fact_expect(check, at_ms != 0, SKP_E_REQUIRED, field);
    fact_expect(check, at_ms > 0 && at_ms <= FACT_MAX_AT_MS, SKP_E_DATE_RANGE, field);
}

void fact_need_oin(struct fact_check *check, const char *field, const char *oin)
{
    fact_expect(check, *oin != '\0', SKP_E_REQUIRED, field);
    fact_may_oin(check, field, oin);
}

/* The context says what kind of thing was signed, so that a signature over one kind is none over
 * another. */
void fact_need_context(struct fact_check *check, const char *context, const char *wanted)
{
    fact_expect(check, *context != '\0', SKP_E_REQUIRED, "context");
    fact_expect(check, strcmp(context, wanted) == 0, SKP_E_FIELD_UNEXPECTED, "context");
}

/* ---------------------------------------------------------------- optional fields */

void fact_may_id(struct fact_check *check, const char *field, ProtobufCBinaryData id)
{
    if (id.len > 0)
        expect_ok(check, check_id(id), field);
}

void fact_may_hash(struct fact_check *check, const char *field, ProtobufCBinaryData hash)
{
    fact_expect(check, hash.len == 0 || hash.len == HASH_BYTES, SKP_E_HASH_FORMAT, field);
}

void fact_may_date(struct fact_check *check, const char *field, int32_t date)
{
    if (date != 0)
        expect_ok(check, fact_check_date(date), field);
}

void fact_may_oin(struct fact_check *check, const char *field, const char *oin)
{
    if (*oin != '\0')
        expect_ok(check, fact_check_oin(oin), field);
}

void fact_may_text(struct fact_check *check, const char *field, const char *text, size_t max_chars)
{
    fact_expect(check, *text == '\0' || !text_is_blank(span_text(text)), SKP_E_REQUIRED, field);
    expect_ok(check, fact_check_text(text, max_chars), field);
}

/* Counted in bytes: the broker keeps the name in its keys. */
void fact_may_mailbox(struct fact_check *check, const char *mailbox)
{
    fact_expect(check, strlen(mailbox) <= FACT_MAX_MAILBOX, SKP_E_TEXT_TOO_LONG, "mailbox");
    fact_may_text(check, "mailbox", mailbox, FACT_MAX_MAILBOX);
}

void fact_amount(struct fact_check *check, const char *field, int64_t cents)
{
    expect_ok(check, fact_check_cents(cents), field);
}

/* ---------------------------------------------------------------- lists */

void fact_list(struct fact_check *check, const char *field, size_t count, size_t max)
{
    fact_expect(check, count <= max, SKP_E_DECODE_ITEMS, field);
}

static enum skp_err check_listed_id(const ProtobufCBinaryData *ids, size_t index)
{
    enum skp_err err = check_id(ids[index]);
    for (size_t i = 0; i < index && !err; i++) {
        if (memcmp(ids[i].data, ids[index].data, ID_BYTES) == 0)
            err = SKP_E_DUPLICATE_ITEM;
    }
    return err;
}

void fact_id_list(struct fact_check *check, const char *field, const ProtobufCBinaryData *ids,
                  size_t count, size_t max)
{
    fact_list(check, field, count, max);
    for (size_t i = 0; i < count && !check->err; i++)
        expect_item(check, check_listed_id(ids, i), field, i);
}

static enum skp_err check_listed_oin(char *const *oins, size_t index)
{
    enum skp_err err = fact_check_oin(oins[index]);
    for (size_t i = 0; i < index && !err; i++) {
        if (strcmp(oins[i], oins[index]) == 0)
            err = SKP_E_DUPLICATE_ITEM;
    }
    return err;
}

void fact_oin_list(struct fact_check *check, const char *field, char *const *oins, size_t count,
                   size_t max)
{
    fact_list(check, field, count, max);
    for (size_t i = 0; i < count && !check->err; i++)
        expect_item(check, check_listed_oin(oins, i), field, i);
}

static enum skp_err check_listed_code(const int *codes, size_t index)
{
    enum skp_err err = codes[index] == 0 ? SKP_E_ENUM_VALUE : SKP_OK;
    for (size_t i = 0; i < index && !err; i++) {
        if (codes[i] == codes[index])
            err = SKP_E_DUPLICATE_ITEM;
    }
    return err;
}

/* Ends after a few steps whatever the count: with more items than codes, some code comes twice. */
void fact_enum_list(struct fact_check *check, const char *field, const int *codes, size_t count)
{
    for (size_t i = 0; i < count && !check->err; i++)
        expect_item(check, check_listed_code(codes, i), field, i);
}
