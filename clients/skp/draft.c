#include "draft.h"

#include <assert.h>
#include <stdlib.h>

/* Below the limits of the wire, so that rounding up to whole bundles never passes them. */
#define MAX_BYTES      (BATCH_MAX_BYTES / 4 * 3)
#define MAX_ADDRESSEES (BATCH_MAX_BUNDLES - 128)
#define LINE_OVERHEAD  192
#define BOX_BYTES      1024

void addressee_fini(struct addressee *addressee)
{
    while (addressee->cert_count > 0)
        X509_free(addressee->certs[--addressee->cert_count]);
}

enum skp_err draft_init(struct draft *draft, struct arena *arena)
{
    *draft = (struct draft){.arena = arena};
    draft->lines = arena_calloc(arena, BATCH_MAX_LINES, sizeof *draft->lines);
    draft->addressees = arena_calloc(arena, BATCH_MAX_BUNDLES, sizeof *draft->addressees);
    return draft->lines && draft->addressees ? SKP_OK : SKP_E_NO_MEMORY;
}

bool draft_has_room(const struct draft *draft, size_t count, size_t bytes)
{
    return draft->count + count <= BATCH_MAX_LINES && draft->bytes + bytes <= MAX_BYTES &&
           draft->addressee_count + count <= MAX_ADDRESSEES;
}

size_t draft_line_bytes(const Skp__V1__Line *line, struct span part)
{
    return protobuf_c_message_get_packed_size(&line->base) + part.len + LINE_OVERHEAD + BOX_BYTES;
}

size_t draft_kept_bytes(const struct envelope_kept *kept)
{
    return kept->line.len + kept->plaintext.len + LINE_OVERHEAD + BOX_BYTES;
}

static void note_addressee(struct draft *draft, const struct addressee *to)
{
    for (size_t i = 0; i < draft->addressee_count; i++)
        if (draft->addressees[i] == to)
            return;
    draft->addressees[draft->addressee_count++] = to;
    draft->bytes += to->cert_count * BOX_BYTES;
}

void draft_add(struct draft *draft, const struct addressee *to, Skp__V1__Line *line,
               struct span part, uint32_t version)
{
    assert(draft->count < BATCH_MAX_LINES && draft->addressee_count < BATCH_MAX_BUNDLES);
    note_addressee(draft, to);
    draft->bytes += draft_line_bytes(line, part) - BOX_BYTES;
    draft->lines[draft->count] = (struct draft_line){
        .to = to, .line = line, .part = part, .version = version, .order = draft->count};
    draft->count++;
}

void draft_add_again(struct draft *draft, const struct addressee *to, Skp__V1__Line *line,
                     struct envelope_kept kept, uint32_t version)
{
    draft_add(draft, to, line, kept.plaintext, version);
    draft->lines[draft->count - 1].again = true;
    draft->lines[draft->count - 1].kept = kept;
}

/* ---------------------------------------------------------------- signing */

static int by_addressee(const void *a, const void *b)
{
    const struct draft_line *left = a, *right = b;
    if (left->to != right->to) {
        int order = right->to->is_broker - left->to->is_broker;
        if (order == 0)
            order = strcmp(left->to->oin.text, right->to->oin.text);
        if (order == 0)
            order = strcmp(left->to->mailbox, right->to->mailbox);
        if (order != 0)
            return order;
    }
    return (left->order > right->order) - (left->order < right->order);
}

struct signing {
    struct envelope_writer *writer;
    size_t bundle_count;
    size_t index; /* next line of the open bundle */
    struct skp_id bundle_id;
};

static enum skp_err begin(struct signing *signing, const struct addressee *to)
{
    signing->index = 0;
    signing->bundle_count++;
    return envelope_bundle_begin(signing->writer, &to->oin, to->mailbox, to->certs, to->cert_count,
                                 &signing->bundle_id);
}

static enum skp_err add_line(struct signing *signing, struct draft_line *line)
{
    return line->again ? envelope_line_reseal(signing->writer, &line->kept, &line->leaf)
                       : envelope_line_add(signing->writer, line->line, line->part, &line->leaf);
}

static enum skp_err put_line(struct signing *signing, struct draft_line *line)
{
    enum skp_err err = add_line(signing, line);
    if (err == SKP_E_BATCH_TOO_LARGE && signing->index > 0) {
        err = begin(signing, line->to);
        if (!err)
            err = add_line(signing, line);
    }
    if (err)
        return err;
    line->kept = envelope_line_kept(signing->writer);
    line->bundle = signing->bundle_count - 1;
    line->index = signing->index++;
    line->bundle_id = signing->bundle_id;
    return SKP_OK;
}

enum skp_err draft_sign(struct draft *draft, const struct skp_oin *self,
                        const struct keypair *signer, int64_t at_ms,
                        struct envelope_batch *ret_batch)
{
    struct skp_id batch_id = id_new_at(at_ms);
    struct envelope_batch batch;
    struct signing signing = {.writer = envelope_writer_new(draft->arena, self, NULL, &batch_id)};
    enum skp_err err = signing.writer ? SKP_OK : SKP_E_NO_MEMORY;
    qsort(draft->lines, draft->count, sizeof *draft->lines, by_addressee);
    for (size_t i = 0; !err && i < draft->count; i++) {
        if (i == 0 || draft->lines[i].to != draft->lines[i - 1].to)
            err = begin(&signing, draft->lines[i].to);
        if (!err)
            err = put_line(&signing, &draft->lines[i]);
    }
    if (!err)
        err = envelope_finish(signing.writer, signer, at_ms, &batch);
    if (err)
        return err;
    for (size_t i = 0; i < draft->count; i++)
        draft->lines[i].head_hash = sha256(batch.heads[draft->lines[i].bundle]);
    *ret_batch = batch;
    return SKP_OK;
}
