/* An input as a script: steps with a verb, an argument and bytes of their own.
 *
 *   verb  1 byte    argument  1 byte    length  2 bytes, big endian    bytes
 *
 * So a change of one step leaves the others what they are. What a verb means is the target's. The last
 * step may be cut short. */
#ifndef SKP_FUZZ_SCRIPT_H
#define SKP_FUZZ_SCRIPT_H

#include "fuzz.h"

#define STEP_HEADER_BYTES 4

struct step {
    uint8_t verb;
    uint8_t argument;
    struct span bytes; /* of the script */
};

/* Takes the next step; false at the end. */
static inline bool script_next(struct span *script, struct step *ret_step)
{
    if (script->len < STEP_HEADER_BYTES)
        return false;
    uint8_t verb = take_byte(script);
    uint8_t argument = take_byte(script);
    struct span bytes = take_span(script, take_pair(script));
    *ret_step = (struct step){.verb = verb, .argument = argument, .bytes = bytes};
    return true;
}

/* For the mutator of scripts: bytes that mean something to this verb, at most `max` of them; a
 * target that has steps brings it, and how many verbs it knows. */
size_t script_bytes_for(uint8_t verb, uint64_t *random, uint8_t *ret_bytes, size_t max);
extern const unsigned script_verbs;

#endif
