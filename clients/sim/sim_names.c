#include "sim_names.h"

#include "skp.pb-c.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define PICK(random, list)                                                                         \
    ((list)[sim_random_below((random), (uint32_t)(sizeof(list) / sizeof((list)[0])))])

static const char *const female[] = {"Anna",  "Fatima", "Zoë",     "Wilhelmina", "Priya", "Renée",
                                     "Sanne", "Aylin",  "Marijke", "Chipo",      "Loïs",  "Yara"};
static const char *const male[] = {"Jan",  "Mohammed", "René",  "Cornelis", "Dewi",   "Tomasz",
                                   "Sefa", "André",    "Joost", "Kwame",    "Willem", "Björn"};
static const char *const prefixes[] = {"",   "",        "",        "",   "van",
                                       "de", "van der", "van den", "'t", "el"};
static const char *const surnames[] = {"Voorbeeld", "Proefman",  "Testema",      "Denkbeeld",
                                       "Schijnsma", "Verzonnen", "Modelaar",     "Fictie",
                                       "Nepstra",   "Oefening",  "Luchtkasteel", "Droomhuis",
                                       "Staaltje",  "Papierman", "Zandloper",    "Windhandel"};
static const char *const streets[] = {"Proefstraat",    "Voorbeeldlaan", "1e Testdwarsstraat",
                                      "Denkbeeldplein", "Oefenweg",      "Laan van Fictie",
                                      "Papierkade",     "Modelhof"};
static const char *const firms[] = {"Garage",       "Bakkerij",     "Tandartspraktijk",
                                    "Kapsalon",     "Rijschool",    "Dierenarts",
                                    "Sportclub",    "Fietsenmaker", "Notaris",
                                    "Kinderopvang", "Apotheek",     "Schildersbedrijf"};
static const char *const firm_names[] = {
    "De Vuurtoren", "Het Kompas",   "De Regenboog",   "De Gulden Snede", "Klimop",  "De Speeldoos",
    "Het Zandpad",  "De Wegwijzer", "De Blauwe Deur", "Zonnehoek",       "De Waag", "Het Veerhuis"};

const char *sim_text(struct arena *arena, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    assert(len >= 0 && (size_t)len < sizeof(text));
    return arena_copy(arena, text, (size_t)len + 1);
}

/* The first letter, which may take two bytes, with a point. */
static const char *initials_of(const char *name)
{
    static const char *const letters[] = {"A.", "B.", "C.", "D.", "E.", "F.", "G.", "H.", "I.",
                                          "J.", "K.", "L.", "M.", "N.", "O.", "P.", "Q.", "R.",
                                          "S.", "T.", "U.", "V.", "W.", "X.", "Y.", "Z."};
    assert(name[0] >= 'A' && name[0] <= 'Z');
    return letters[name[0] - 'A'];
}

struct csv_person sim_person(struct sim_random *random, plain_date date, uint32_t age)
{
    bool is_female = sim_random_chance(random, 0.48);
    const char *name = is_female ? PICK(random, female) : PICK(random, male);
    plain_date birthday = calendar_add_months(date, -12 * (int)age);
    return (struct csv_person){
        .sex = is_female ? SKP__V1__SEX__SEX_FEMALE : SKP__V1__SEX__SEX_MALE,
        .initials = initials_of(name),
        .first_names = name,
        .prefix = PICK(random, prefixes),
        .surname = PICK(random, surnames),
        .birth_date = calendar_add_days(birthday, -(int)sim_random_below(random, 365)),
    };
}

/* SA, SD and SS are not given out. */
static const char *draw_letters(struct sim_random *random)
{
    static const char *const pairs[] = {"AB", "BC", "CD", "DE", "EG", "GH", "HJ", "JK", "KL", "LM",
                                        "MN", "NP", "PR", "RS", "ST", "TV", "VW", "WX", "XZ", "ZA"};
    return PICK(random, pairs);
}

struct csv_address sim_address(struct sim_random *random, uint32_t seat, const char *place,
                               struct arena *arena)
{
    static const struct csv_address behind_numbers[] = {
        {.letter = "", .addition = "", .indication = "", .mooring = ""},
        {.letter = "", .addition = "", .indication = "", .mooring = ""},
        {.letter = "A", .addition = "", .indication = "", .mooring = ""},
        {.letter = "b", .addition = "", .indication = "", .mooring = ""},
        {.letter = "", .addition = "2", .indication = "", .mooring = ""},
        {.letter = "", .addition = "3hoog", .indication = "", .mooring = ""},
        {.letter = "C", .addition = "1-2", .indication = "", .mooring = ""},
        {.letter = "", .addition = "", .indication = "by", .mooring = ""},
        {.letter = "", .addition = "", .indication = "to", .mooring = "woonboot Proef"},
    };
    uint32_t area = 1000 + seat * 37 % 8900 + sim_random_below(random, 100);
    const char *street = PICK(random, streets);
    const char *number = sim_text(arena, "%u", 1 + sim_random_below(random, 240));
    struct csv_address address = PICK(random, behind_numbers);
    address.street = street;
    address.number = number;
    address.place = place;
    snprintf(address.postcode, sizeof(address.postcode), "%04u%s", area % 10000,
             draw_letters(random));
    return address;
}

/* Of every ten numbers at least nine have a valid check digit: the ninth of `index` choose among
 * these, so that different indices have different numbers. */
void sim_bsn(uint32_t index, char *ret_bsn)
{
    uint32_t head = index / 9 % 10000;
    uint32_t skip = index % 9;
    for (uint32_t tail = 0;; tail++) {
        char digits[CSV_BSN_BYTES];
        assert(tail < 10);
        snprintf(digits, sizeof(digits), "999%04u%u0", head, tail % 10);
        int sum = 0;
        for (int i = 0; i < 8; i++)
            sum += (digits[i] - '0') * (9 - i);
        if (sum % 11 == 10 || skip-- > 0)
            continue;
        digits[8] = (char)('0' + sum % 11);
        memcpy(ret_bsn, digits, sizeof(digits));
        return;
    }
}

const char *sim_private_creditor(struct sim_random *random, struct arena *arena)
{
    const char *surname = PICK(random, surnames);
    return sim_text(arena, "%s %s %s (particulier, test)",
                    sim_random_chance(random, 0.5) ? "Mevrouw" : "De heer",
                    initials_of(PICK(random, male)), surname);
}

const char *sim_small_creditor(struct sim_random *random, struct arena *arena)
{
    const char *firm = PICK(random, firms);
    return sim_text(arena, "%s %s %u (test)", firm, PICK(random, firm_names),
                    1 + sim_random_below(random, 20));
}
