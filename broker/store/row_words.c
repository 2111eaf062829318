/* A row in words, for the person who is told that it is damaged: which one it is as far as its key
 * says, what that means for the work, what to do. Names nothing but organisations and random
 * ids. */
#include "rows.h"

#include <stdarg.h>
#include <stdio.h>

enum key_form {
    KEY_NAME,      /* a text */
    KEY_MAILBOX,   /* oin, mailbox */
    KEY_ENTRY,     /* oin, mailbox, position */
    KEY_ID,        /* id */
    KEY_NUMBERED,  /* id, number */
    KEY_OF_PARTY,  /* oin, id */
    KEY_WAITING,   /* id, two numbers for the order, id, number */
    KEY_DEADLINE,  /* due, kind, id, number */
    KEY_SEQUENCE,  /* number, perhaps another */
    KEY_PUBLISHED, /* oin, published, id, number */
    KEY_STATEMENT, /* number of key_statement() */
    KEY_PARTY,     /* oin */
};

struct table_words {
    const char *noun;
    enum key_form form;
    struct row_advice advice;
};

#define RESTORE                                                                                    \
    "restore the newest backup, and give up what came after it with skpd --accept-data-loss"
#define SET_ASIDE                                                                                  \
    "start the broker: it sets the row aside and goes on; see skpctl damage list and tell those "  \
    "concerned"
#define WORK_AROUND "the rest goes on; restore the newest backup if it cannot be missed"

static const struct table_words all_words[STORE_TABLE_END] = {
    [STORE_META] = {"the store's own record", KEY_NAME, {"the broker cannot start", RESTORE}},
    [STORE_PARTICIPANT] = {"participant", KEY_PARTY, {"the broker cannot start", RESTORE}},
    [STORE_RECORD] = {"the signed record of mailbox",
                      KEY_MAILBOX,
                      {"the broker cannot start", RESTORE}},
    [STORE_AGREEMENT] = {"agreement", KEY_NUMBERED, {"the broker cannot start", RESTORE}},
    [STORE_BATCH] = {"a batch of",
                     KEY_OF_PARTY,
                     {"its receipt cannot be given again, and its bundles cannot be delivered "
                      "any more",
                      SET_ASIDE}},
    [STORE_BUNDLE] = {"bundle",
                      KEY_ID,
                      {"it cannot be delivered any more; open requests in it go back to their "
                       "counsellor to be sealed again",
                       SET_ASIDE}},
    [STORE_PAGE] = {"requests of bundle",
                    KEY_NUMBERED,
                    {"up to 32 requests cannot be answered or shown", WORK_AROUND}},
    [STORE_CASE] = {"a case of",
                    KEY_OF_PARTY,
                    {"the case cannot be shown or changed", WORK_AROUND}},
    [STORE_MAILBOX] = {"the counter of mailbox",
                       KEY_MAILBOX,
                       {"nothing is lost: what comes next stands behind a gap", SET_ASIDE}},
    [STORE_ENTRY] = {"an entry of mailbox",
                     KEY_ENTRY,
                     {"it is not known which bundle stood there; its mailbox stops there until it "
                      "is set aside",
                      SET_ASIDE}},
    [STORE_WAITING] = {"requests that wait for a round of agreement",
                       KEY_WAITING,
                       {"they would not be published", SET_ASIDE}},
    [STORE_DEADLINE] = {"a deadline", KEY_DEADLINE, {"nothing that is due happens", SET_ASIDE}},
    [STORE_ROUND] = {"round",
                     KEY_NUMBERED,
                     {"the round is not shown and not closed; what still waits leaves with the "
                      "next one",
                      SET_ASIDE}},
    [STORE_JOURNAL] = {"answers to be counted, of commit",
                       KEY_SEQUENCE,
                       {"some cases are not told complete; what they show is right", SET_ASIDE}},
    [STORE_COMMIT] = {"the chain's link",
                      KEY_SEQUENCE,
                      {"receipts of this commit cannot be given again; the newest link is needed "
                       "to start",
                       WORK_AROUND}},
    [STORE_OPEN] = {"published requests of creditor",
                    KEY_PUBLISHED,
                    {"they are missing from the next overview", SET_ASIDE}},
    [STORE_PROGRESS] = {"how far 64 cases are, row",
                        KEY_SEQUENCE,
                        {"nothing is lost: the requests of these cases are counted anew with "
                         "each answer",
                         SET_ASIDE}},
    [STORE_STATEMENT] = {"a statement of collection, of commit",
                         KEY_STATEMENT,
                         {"events of collection that came together with it cannot be delivered any "
                          "more; what is collected is right",
                          SET_ASIDE}},
};

/* ---------------------------------------------------------------- pieces of a key */

struct words {
    struct span rest; /* of the key */
    char *text;
    size_t room;
};

static void say(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct words *words, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(words->text, words->room, format, arguments);
    va_end(arguments);
    size_t used = len < 0 ? 0 : (size_t)len < words->room ? (size_t)len : words->room - 1;
    words->text += used;
    words->room -= used;
}

/* Fewer than asked for at the end of a damaged key. */
static struct span take(struct words *words, size_t len)
{
    size_t taken = len < words->rest.len ? len : words->rest.len;
    struct span piece = span_of(words->rest.data, taken);
    words->rest = span_of(words->rest.data + taken, words->rest.len - taken);
    return piece;
}

static void say_text(struct words *words, size_t len)
{
    struct span piece = take(words, len);
    for (size_t i = 0; i < piece.len; i++)
        say(words, "%c", piece.data[i] >= ' ' && piece.data[i] < 0x7f ? piece.data[i] : '?');
}

static void say_id(struct words *words)
{
    struct span piece = take(words, ID_BYTES);
    for (size_t i = 0; i < piece.len; i++)
        say(words, "%02x", piece.data[i]);
}

static uint64_t take_number(struct words *words, size_t len)
{
    struct span piece = take(words, len);
    uint64_t number = 0;
    for (size_t i = 0; i < piece.len; i++)
        number = number << 8 | piece.data[i];
    return number;
}

static void say_number(struct words *words, const char *noun, size_t len)
{
    say(words, "%s %llu", noun, (unsigned long long)take_number(words, len));
}

static void say_mailbox(struct words *words)
{
    struct span oin = take(words, OIN_CHARS);
    size_t len = (size_t)take_number(words, 1);
    say(words, "\"");
    say_text(words, len);
    say(words, "\" of ");
    struct span rest = words->rest;
    words->rest = oin;
    say_text(words, OIN_CHARS);
    words->rest = rest;
}

static void say_key(struct words *words, enum key_form form)
{
    uint64_t number;
    switch (form) {
    case KEY_NAME:
        say_text(words, STORE_KEY_MAX);
        break;
    case KEY_MAILBOX:
        say_mailbox(words);
        break;
    case KEY_ENTRY:
        say_mailbox(words);
        say_number(words, ", position", 8);
        break;
    case KEY_ID:
        say_id(words);
        break;
    case KEY_NUMBERED:
        say_id(words);
        if (words->rest.len > 0)
            say_number(words, ", number", words->rest.len);
        break;
    case KEY_OF_PARTY:
        say_text(words, OIN_CHARS);
        say(words, ", id ");
        say_id(words);
        break;
    case KEY_WAITING:
        say_id(words);
        (void)take(words, 16);
        say(words, ", in bundle ");
        say_id(words);
        say_number(words, ", page", 2);
        break;
    case KEY_DEADLINE:
        (void)take(words, 8);
        say_number(words, "of kind", 1);
        say(words, " for ");
        say_id(words);
        say_number(words, ", part", 4);
        break;
    case KEY_SEQUENCE:
        say_number(words, "number", 8);
        break;
    case KEY_STATEMENT:
        number = take_number(words, 8);
        say(words, "%llu, number %llu", (unsigned long long)(number >> STATEMENT_BITS),
            (unsigned long long)(number & ((1U << STATEMENT_BITS) - 1)));
        break;
    case KEY_PUBLISHED:
        say_text(words, OIN_CHARS);
        (void)take(words, 8);
        say(words, ", in bundle ");
        say_id(words);
        say_number(words, ", page", 2);
        break;
    case KEY_PARTY:
        say_text(words, OIN_CHARS);
        break;
    }
}

/* ---------------------------------------------------------------- rows */

void row_describe(enum store_table table, struct span key, char *ret_text, size_t size)
{
    struct words words = {.rest = key, .text = ret_text, .room = size};
    say(&words, "%s ", all_words[table].noun);
    say_key(&words, all_words[table].form);
}

struct row_advice row_advice_of(enum store_table table)
{
    return all_words[table].advice;
}
