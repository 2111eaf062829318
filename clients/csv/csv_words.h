/* The Dutch words of the files for the codes of the wire (proto/skp.proto), both ways. Pure. */
#ifndef SKP_CSV_WORDS_H
#define SKP_CSV_WORDS_H

#include "errors.h"

/* The first word of a code is the one written; the others are read too. Ends with word NULL. */
struct csv_word {
    int code;
    const char *word;
};

extern const struct csv_word csv_words_product[];    /* Product: SK, SB, SA, BR, HF */
extern const struct csv_word csv_words_guidance[];   /* Guidance */
extern const struct csv_word csv_words_sex[];        /* Sex: V, M, X */
extern const struct csv_word csv_words_debtor[];     /* Debtor: eerste, partner, beiden, onbekend */
extern const struct csv_word csv_words_kind[];       /* ClaimKind */
extern const struct csv_word csv_words_preference[]; /* Preference */
extern const struct csv_word csv_words_reason[];     /* Reason */
extern const struct csv_word csv_words_correction[]; /* CorrectionReason */
extern const struct csv_word csv_words_outcome[];    /* Outcome */
extern const struct csv_word csv_words_consent[];    /* Consent */
extern const struct csv_word csv_words_state[];      /* RequestState */
extern const struct csv_word csv_words_claim[];      /* ClaimState */

/* In any case, spaces around ignored; empty: 0. ENUM_VALUE. */
enum skp_err csv_word_read(const struct csv_word *words, const char *text,
                           int *ret_code) SKP_MUST_CHECK;

/* "" for 0 and for a code that is not in the list. */
const char *csv_word_print(const struct csv_word *words, int code);

#endif
