/* The watermark: the newest link of the chain that was ever confirmed, kept outside the rows, so
 * that a store whose end is missing refuses to start instead of going on as if nothing had been
 * promised.
 *
 * It is written after each commit and after nothing else, so it is never ahead of what was on disk;
 * a client that shows a confirmed link the store does not have raises it, so that the next start
 * refuses too. Behind it may be (a power cut), or damaged or gone: then the heads of the clients
 * are what finds a loss out, and the log says so. One of another store refuses: somebody mixed up
 * files.
 *
 * An operator who has nothing newer accepts the loss by the number of the last confirmed link; the
 * store remembers it for ever, and links confirmed before that moment are then lost and no
 * contradiction. */
#ifndef SKP_WATERMARK_H
#define SKP_WATERMARK_H

#include "engine_internal.h"

/* Before an empty store is made a new one: DATA_LOSS with words when it was not always empty. */
enum skp_err watermark_new(struct engine *engine, char *ret_why /* [512] */) SKP_MUST_CHECK;

/* At opening, in a transaction of the writer, after the chain is loaded. `accepted`: the last
 * confirmed link an operator gives up, 0: none. DATA_LOSS with words: the store is behind. */
enum skp_err watermark_open(struct engine *engine, uint64_t accepted, struct arena *arena,
                            char *ret_why /* [512] */) SKP_MUST_CHECK;

/* After a commit: the engine's chain has a new end. Store worker. */
void watermark_follow(struct engine *engine);

/* A client holds this confirmed link and the store does not. From now on it stays there. Any
 * thread. */
void watermark_raise(struct engine *engine, const struct chain_mark *confirmed);

/* Was this link confirmed before the moment up to which an operator accepted a loss? */
bool watermark_is_given_up(const struct engine *engine, int64_t committed_at_ms);

#endif
