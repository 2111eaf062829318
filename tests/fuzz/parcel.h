/* A batch in the making, of lines that say anything: tree, counts and signature are right whatever they
 * say, unless the input spoils them. */
#ifndef SKP_FUZZ_PARCEL_H
#define SKP_FUZZ_PARCEL_H

#include "office.h"

#define PARCEL_BUNDLES 8
#define PARCEL_LINES   64

/* What is changed after it was signed. Of the bodies only the head and the lines are signed. */
enum parcel_spoil {
    SPOIL_NOTHING,
    SPOIL_ROOT,
    SPOIL_COUNT,
    SPOIL_HEADER,
    SPOIL_JWS,
    SPOIL_SIGNER,
    SPOIL_BODY,
    SPOILS
};

struct parcel_bundle {
    struct skp_oin recipient;
    char mailbox[48];
    struct skp_id id;
    ProtobufCBinaryData lines[PARCEL_LINES];
    ProtobufCBinaryData sealed[PARCEL_LINES];
    char *boxes[4];
    size_t line_count, box_count;
};

struct parcel {
    struct world *world;
    const struct party *from;
    struct parcel_bundle bundles[PARCEL_BUNDLES];
    size_t bundle_count;
    enum parcel_spoil spoil;
    struct span spoil_bytes; /* where */
};

/* As it is sent. */
struct signed_parcel {
    struct skp_id batch_id;
    struct skp_hash root;
    struct span begin;
    struct span bodies[PARCEL_BUNDLES];
    size_t bundle_count, line_count;
    bool spoiled; /* what was signed is not what is sent */
};

void parcel_begin(struct parcel *parcel, struct world *w, const struct party *from);

/* To this recipient; the id is the `number`-th of grow.h. */
void parcel_bundle(struct parcel *parcel, const struct skp_oin *recipient, struct span mailbox,
                   unsigned number);

/* The bytes of a line, of a sealed part of the last line, of a box. Borrowed until it is signed. */
void parcel_line(struct parcel *parcel, struct span line);
void parcel_sealed(struct parcel *parcel, struct span sealed);
void parcel_box(struct parcel *parcel, struct span text);

/* Everything lives in the world's arena. False: there is nothing to send. */
bool parcel_sign(const struct parcel *parcel, const struct skp_id *batch_id,
                 struct signed_parcel *ret_signed);

#endif
