/* Residents as the files name them: the columns of a person, an address and a contact. */
#ifndef SKP_CSV_PERSON_H
#define SKP_CSV_PERSON_H

#include "csv_record.h"

struct csv_person {
    int sex; /* Skp__V1__Sex */
    const char *initials, *first_names, *prefix, *surname;
    plain_date birth_date;
    char bsn[CSV_BSN_BYTES]; /* "" unless read from the file of BSNs */
};

struct csv_address {
    const char *street, *number, *letter, *addition, *indication;
    char postcode[CSV_POSTCODE_BYTES];
    const char *place, *mooring;
};

struct csv_contact {
    const char *name, *phone, *mail;
};

/* The fields of member `person` of struct `type`, with names that begin with `prefix`. Deliberately
 * without the BSN: that is never in a file with other data. `key`: what the surname and the birth
 * date must be; `rest`: the others. */
/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): these are lists of initialisers */
#define CSV_PERSON_FIELDS(prefix_text, type, person, key, rest)                                    \
    {prefix_text "Geslacht", CSV_WORD, key, offsetof(type, person.sex), csv_words_sex, 0},         \
    {prefix_text "Voorletters", CSV_TEXT, rest, offsetof(type, person.initials), NULL, 40},        \
    {prefix_text "Voornamen", CSV_TEXT, rest, offsetof(type, person.first_names), NULL, 0},        \
    {prefix_text "Voorvoegsel", CSV_TEXT, rest, offsetof(type, person.prefix), NULL, 20},          \
    {prefix_text "Achternaam", CSV_TEXT, key, offsetof(type, person.surname), NULL, 0},            \
    {prefix_text "Geboortedatum", CSV_DATE, key, offsetof(type, person.birth_date), NULL, 0}

#define CSV_ADDRESS_FIELDS(type, address, key, rest)                                               \
    {"Straat", CSV_TEXT, key, offsetof(type, address.street), NULL, 80},                           \
    {"Huisnummer", CSV_TEXT, key, offsetof(type, address.number), NULL, 10},                       \
    {"Huisletter", CSV_TEXT, rest, offsetof(type, address.letter), NULL, 10},                      \
    {"Toevoeging", CSV_TEXT, rest, offsetof(type, address.addition), NULL, 20},                    \
    {"Aanduiding", CSV_TEXT, rest, offsetof(type, address.indication), NULL, 20},                  \
    {"Postcode", CSV_POSTCODE, key, offsetof(type, address.postcode), NULL, 0},                    \
    {"Woonplaats", CSV_TEXT, key, offsetof(type, address.place), NULL, 80},                        \
    {"WoonbootWoonwagen", CSV_TEXT, rest, offsetof(type, address.mooring), NULL, 80}

#define CSV_CONTACT_FIELDS(prefix_text, type, contact, need)                                       \
    {prefix_text "Naam", CSV_TEXT, need, offsetof(type, contact.name), NULL, 0},                   \
    {prefix_text "Telefoon", CSV_TEXT, need, offsetof(type, contact.phone), NULL, 30},             \
    {prefix_text "Mail", CSV_TEXT, need, offsetof(type, contact.mail), NULL, 0}
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */

#endif
