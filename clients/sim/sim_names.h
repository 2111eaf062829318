/* Residents that do not exist: names, addresses, numbers, drawn from short lists. Surnames are
 * words such as Voorbeeld, BSNs begin with 999. */
#ifndef SKP_SIM_NAMES_H
#define SKP_SIM_NAMES_H

#include "arena.h"
#include "csv_person.h"
#include "sim_random.h"

/* An age in years at `date`, born on some day of the year. */
struct csv_person sim_person(struct sim_random *random, plain_date date, uint32_t age);

/* Texts live in `arena`, NULL there when it is exhausted. `seat` keeps the postcodes of one
 * municipality together. */
struct csv_address sim_address(struct sim_random *random, uint32_t seat, const char *place,
                               struct arena *arena);

/* The BSN of person number `index`: valid, beginning with 999; 90,000 different ones. */
void sim_bsn(uint32_t index, char *ret_bsn);

/* A private creditor or a small firm, in `arena`. */
const char *sim_private_creditor(struct sim_random *random, struct arena *arena);
const char *sim_small_creditor(struct sim_random *random, struct arena *arena);

/* snprintf into the arena. */
const char *sim_text(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
