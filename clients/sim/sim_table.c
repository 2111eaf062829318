#include "sim_table.h"

#include "skp.pb-c.h"

#define KIND(name) SKP__V1__CLAIM_KIND__CLAIM_KIND_##name

/* clang-format off */
const struct sim_creditor sim_creditors[] = {
    {"Zorgverzekeraar De Linde (test)", "De Linde,De Linde Zorg", "Linde Basis,Linde Jong", KIND(HEALTH), SIM_LARGE, true, SIM_PER_REQUEST, 10, "di 07:00", "SK"},
    {"Rijksbelastingkantoor (test)", "Belastingkantoor,Toeslagenkantoor", "", KIND(TAX), SIM_PUBLIC, true, SIM_UNLESS_IMPEDIMENT, 10, "ma 07:00", "SK,SB"},
    {"Telecom Zeemeeuw (test)", "Zeemeeuw Mobiel", "Zeemeeuw,Meeuwtje", KIND(TELECOM), SIM_LARGE, false, SIM_PER_REQUEST, 10, "wo 07:00", "SK"},
    {"Energiebedrijf Noorderzon (test)", "Noorderzon", "", KIND(ENERGY), SIM_LARGE, false, SIM_PER_REQUEST, 10, "do 07:00", "SK,SB"},
    {"Centraal Boetekantoor (test)", "Boetekantoor", "", KIND(FINE), SIM_PUBLIC, true, SIM_UNLESS_IMPEDIMENT, 10, "di 07:00", "SK"},
    {"Bank Van Oranjewoud (test)", "Oranjewoud,Oranjewoud Krediet", "", KIND(CREDIT), SIM_LARGE, true, SIM_PER_REQUEST, 10, "vr 07:00", "SK"},
    {"Betaalwijzer Achteraf (test)", "Betaalwijzer", "Betaalwijzer,Straks", KIND(SHOP), SIM_LARGE, false, SIM_PER_REQUEST, 5, "di,do 07:00", ""},
    {"Woonstichting De Poort (test)", "De Poort", "", KIND(RENT), SIM_PORTAL, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Zorgkostenkantoor (test)", "ZKK", "", KIND(CAK), SIM_PUBLIC, true, SIM_PER_REQUEST, 10, "di 07:00", "SK"},
    {"Waterbedrijf Duinzicht (test)", "Duinzicht", "", KIND(WATER), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "wo 07:00", "SK,SB"},
    {"Studieleningkas (test)", "SLK", "", KIND(STUDY), SIM_PUBLIC, true, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Zorgverzekeraar Zilverberk (test)", "Zilverberk", "", KIND(HEALTH), SIM_LARGE, true, SIM_PER_REQUEST, 10, "ma 07:00", "SK"},
    {"Uitkeringskas (test)", "", "", KIND(BENEFIT), SIM_PUBLIC, true, SIM_UNLESS_IMPEDIMENT, 10, "do 07:00", "SK"},
    {"Telecom Bellefleur (test)", "Bellefleur", "", KIND(TELECOM), SIM_LARGE, false, SIM_UNLESS_IMPEDIMENT, 10, "di 07:00", "SK"},
    {"Postorderhuis Tulp & Zoon (test)", "Tulp & Zoon", "Tulp Thuis,Tulp Kids", KIND(SHOP), SIM_LARGE, false, SIM_PER_REQUEST, 10, "wo 07:00", "SK"},
    {"Energie Zuidewind (test)", "Zuidewind", "", KIND(ENERGY), SIM_LARGE, false, SIM_PER_REQUEST, 10, "vr 07:00", "SK"},
    {"Kredietmaatschappij Het Anker (test)", "Het Anker", "", KIND(CREDIT), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "hand", "SK"},
    {"Woonstichting Havenkwartier (test)", "Havenkwartier", "", KIND(RENT), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "do 07:00", "SK"},
    {"Verzekeringen De Paraplu (test)", "De Paraplu", "", KIND(INSURANCE), SIM_LARGE, false, SIM_PER_REQUEST, 10, "wo 07:00", "SK,SB"},
    {"Zorgverzekeraar Klaproos (test)", "Klaproos", "", KIND(HEALTH), SIM_LARGE, true, SIM_UNLESS_IMPEDIMENT, 10, "di 07:00", "SK"},
    {"Webwinkel Kastanje (test)", "Kastanje", "", KIND(SHOP), SIM_PORTAL, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Waterbedrijf Veenplas (test)", "Veenplas", "", KIND(WATER), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "ma 07:00", "SK"},
    {"Telecom Draadloos Dorp (test)", "Draadloos Dorp", "", KIND(TELECOM), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "vr 07:00", "SK"},
    {"Spaarbank De Eekhoorn (test)", "De Eekhoorn", "", KIND(CREDIT), SIM_LARGE, true, SIM_PER_REQUEST, 10, "ma 07:00", "SK"},
    {"Fonds Kinderbijdragen (test)", "", "", KIND(BENEFIT), SIM_PUBLIC, true, SIM_PER_REQUEST, 10, "wo 07:00", "SK"},
    {"Energie De Molen (test)", "De Molen", "", KIND(ENERGY), SIM_PORTAL, false, SIM_UNLESS_IMPEDIMENT, 10, "di 07:00", "SK"},
    {"Betaalgemak Later (test)", "Later", "", KIND(SHOP), SIM_LARGE, false, SIM_PER_REQUEST, 5, "ma,wo,vr 07:00", ""},
    {"Woonstichting Groene Hof (test)", "Groene Hof", "", KIND(RENT), SIM_PORTAL, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Verzekeringen Zekerheidsklok (test)", "Zekerheidsklok", "", KIND(INSURANCE), SIM_LARGE, false, SIM_PER_REQUEST, 10, "do 07:00", "SK"},
    {"Incassodiensten Ooievaar (test)", "Ooievaar", "", KIND(OTHER), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "di 07:00", "SK"},
    {"Zorgverzekeraar Waterlelie (test)", "Waterlelie", "", KIND(HEALTH), SIM_LARGE, true, SIM_PER_REQUEST, 10, "do 07:00", "SK"},
    {"Modehuis Lavendel (test)", "Lavendel", "Lavendel,Munt", KIND(SHOP), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "hand", "SK"},
    {"Kabel en Glas Oost (test)", "", "", KIND(TELECOM), SIM_PORTAL, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Bank Het Roer (test)", "Het Roer", "", KIND(CREDIT), SIM_LARGE, true, SIM_UNLESS_IMPEDIMENT, 10, "wo 07:00", "SK"},
    {"Waterbedrijf Lage Wadden (test)", "Lage Wadden", "", KIND(WATER), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "vr 07:00", "SK"},
    {"Woonstichting Torenzicht (test)", "Torenzicht", "", KIND(RENT), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "ma 07:00", "SK"},
    {"Energie Getij (test)", "Getij", "", KIND(ENERGY), SIM_LARGE, false, SIM_PER_REQUEST, 10, "di 07:00", "SK"},
    {"Elektronicahuis De Stekker (test)", "De Stekker", "", KIND(SHOP), SIM_PORTAL, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Uitvaartverzekering Stille Tuin (test)", "Stille Tuin", "", KIND(INSURANCE), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "hand", "SK"},
    {"Sportketen Springveer (test)", "Springveer", "", KIND(OTHER), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "wo 07:00", "SK"},
    {"Zorgverzekeraar Jasmijn (test)", "Jasmijn", "", KIND(HEALTH), SIM_LARGE, true, SIM_PER_REQUEST, 10, "vr 07:00", "SK"},
    {"Telecom Antenne Twee (test)", "Antenne Twee", "", KIND(TELECOM), SIM_LARGE, false, SIM_PER_REQUEST, 10, "hand", "SK"},
    {"Webwinkel Zwaluw (test)", "Zwaluw", "", KIND(SHOP), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "di 07:00", "SK"},
    {"Kredietbank Particulier Fonds (test)", "", "", KIND(CREDIT), SIM_LARGE, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Woonstichting Brugwachter (test)", "Brugwachter", "", KIND(RENT), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "di 07:00", "SK"},
    {"Energie Turfschip (test)", "Turfschip", "", KIND(ENERGY), SIM_PORTAL, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Boekenclub Inktvlek (test)", "Inktvlek", "", KIND(SHOP), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "do 07:00", "SK"},
    {"Autoverzekering Veilig Stuur (test)", "Veilig Stuur", "", KIND(INSURANCE), SIM_LARGE, false, SIM_PER_REQUEST, 10, "ma 07:00", "SK"},
    {"Waterbedrijf Maasbocht (test)", "Maasbocht", "", KIND(WATER), SIM_PORTAL, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Fitness De Halter (test)", "De Halter", "", KIND(OTHER), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "vr 07:00", "SK"},
    {"Zorgverzekeraar Kamille (test)", "Kamille", "", KIND(HEALTH), SIM_LARGE, true, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Telecom Goudvink (test)", "Goudvink", "", KIND(TELECOM), SIM_LARGE, false, SIM_PER_REQUEST, 10, "wo 07:00", "SK"},
    {"Meubelhuis Wortelnoot (test)", "Wortelnoot", "", KIND(SHOP), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "ma 07:00", "SK"},
    {"Leasemaatschappij Wielslag (test)", "Wielslag", "", KIND(CREDIT), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "hand", "SK"},
    {"Woonstichting Weidegang (test)", "Weidegang", "", KIND(RENT), SIM_PORTAL, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Sociale Bijstandskas (test)", "", "", KIND(BENEFIT), SIM_PUBLIC, true, SIM_PER_REQUEST, 10, "di 07:00", "SK"},
    {"Energie Lichtpunt (test)", "Lichtpunt", "", KIND(ENERGY), SIM_LARGE, false, SIM_PER_REQUEST, 10, "do 07:00", "SK"},
    {"Verzekeringen Vuurbaak (test)", "Vuurbaak", "", KIND(INSURANCE), SIM_LARGE, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Webwinkel Mosgroen (test)", "Mosgroen", "", KIND(SHOP), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "wo 07:00", "SK"},
    {"Opleidingen Krijtbord (test)", "Krijtbord", "", KIND(OTHER), SIM_PORTAL, false, SIM_PER_REQUEST, 10, "hand", "SK"},
    /* These never connect: letters. */
    {"Zorgverzekeraar Distel (test)", "", "", KIND(HEALTH), SIM_PAPER, true, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Telecom Postduif (test)", "", "", KIND(TELECOM), SIM_PAPER, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Energie Kolenkit (test)", "", "", KIND(ENERGY), SIM_PAPER, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Woonstichting Achterom (test)", "", "", KIND(RENT), SIM_PAPER, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Kamerverhuur Zolderraam (test)", "", "", KIND(RENT), SIM_PAPER, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Waterbedrijf Regenton (test)", "", "", KIND(WATER), SIM_PAPER, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Kredietwinkel Snelgeld (test)", "", "", KIND(CREDIT), SIM_PAPER, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Webwinkel Sneeuwklok (test)", "", "", KIND(SHOP), SIM_PAPER, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Webwinkel Hazelaar (test)", "", "", KIND(SHOP), SIM_PAPER, false, SIM_NO_AGREEMENT, 10, "hand", ""},
    {"Verzekeringen Oude Toren (test)", "", "", KIND(INSURANCE), SIM_PAPER, false, SIM_NO_AGREEMENT, 10, "hand", ""},
};
const size_t sim_creditor_count = sizeof(sim_creditors) / sizeof(sim_creditors[0]);

/* Mail order, telecom, credit and small firms are what a long list of creditors is made of. */
const struct sim_kind sim_kinds[] = {
    {KIND(HEALTH), 0.80, 0.7, false},  {KIND(TAX), 0.75, 0.0, true},       {KIND(TELECOM), 0.65, 1.5, false},
    {KIND(ENERGY), 0.60, 0.8, false},  {KIND(FINE), 0.55, 0.0, false},     {KIND(CREDIT), 0.50, 1.5, false},
    {KIND(RENT), 0.45, 0.3, false},    {KIND(SHOP), 0.55, 3.0, false},     {KIND(CAK), 0.35, 0.0, false},
    {KIND(WATER), 0.35, 0.2, false},   {KIND(MUNICIPAL), 0.40, 0.0, true}, {KIND(STUDY), 0.25, 0.0, false},
    {KIND(BENEFIT), 0.20, 0.1, true},  {KIND(PRIVATE), 0.15, 0.3, false},  {KIND(INSURANCE), 0.0, 1.5, false},
    {KIND(OTHER), 0.0, 3.0, false},
};
const size_t sim_kind_count = sizeof(sim_kinds) / sizeof(sim_kinds[0]);
/* clang-format on */

const double sim_link_median_days[] = {
    [SIM_PUBLIC] = 2, [SIM_LARGE] = 4, [SIM_PORTAL] = 7, [SIM_PAPER] = 15};

bool sim_kind_is_preferent(int kind)
{
    for (size_t i = 0; i < sim_kind_count; i++) {
        if (sim_kinds[i].kind == kind)
            return sim_kinds[i].preferent;
    }
    return false;
}

static const struct sim_size sizes[] = {
    {60, 3, 8},     {250, 6, 15},     {1000, 15, 25},
    {5000, 40, 40}, {20000, 100, 60}, {UINT32_MAX, 342, 60},
};

struct sim_size sim_size_of(uint32_t cases)
{
    size_t i = 0;
    while (cases > sizes[i].max_cases)
        i++;
    return sizes[i];
}
