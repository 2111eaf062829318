/* Messages that mean something: grown along their descriptor, with values that fit the names of their
 * fields. Bytes alone seldom get through a schema that demands ids, dates and participants. */
#ifndef SKP_FUZZ_GROW_H
#define SKP_FUZZ_GROW_H

#include "fuzz.h"

#include <protobuf-c/protobuf-c.h>

/* xorshift; the state is never 0. */
uint64_t grow_random(uint64_t *random);

/* Writes one message of this type, packed, at most `max` bytes (less when there is no room);
 * returns how many. Most of what it writes is within the rules, some of it deliberately not. */
size_t grow_message(const ProtobufCMessageDescriptor *type, uint64_t *random, uint8_t *ret_bytes,
                    size_t max);

#define GROW_IDS 12

/* The n-th of the few ids that all grown messages share. */
struct skp_id grow_id(unsigned n);

#endif
