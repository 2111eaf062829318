/* Emptying the mailbox: fetch, keep on disk, and only then say "safe with me".
 *
 * One transaction per turn of the loop; its deliveries are collected after the commit. Used by the
 * counsellor's watch and by the creditor's collect. */
#ifndef SKP_COLLECTING_H
#define SKP_COLLECTING_H

#include "fact.h"
#include "link.h"
#include "opening.h"

struct collecting {
    struct cli *cli;
    struct link link;
    struct opening opening;
    bool drained, in_transaction;
    bool turn_over;     /* what came ends the turn: nothing else is under way */
    bool alone;         /* others write too: no transaction stays open between callbacks; so also
                         * while reports of the link are owed */
    uint64_t elsewhere; /* leased to another worker */
    size_t collected, not_collected; /* as the broker confirmed; left there */
    size_t asked, confirmed;         /* statements */
    struct {
        uint64_t position;
        struct skp_hash head_hash;
    } items[FACT_MAX_COLLECTED];
    size_t item_count;
};

/* Connects, fetches the directory and starts to fetch mail; 0 or the exit code, told. collecting_close() in any case. `on_event` may be
 * NULL; its ctx is the struct collecting. */
int collecting_open(struct cli *cli, struct collecting *collecting,
                    void (*on_event)(void *ctx, const Skp__V1__EventFact *event));
void collecting_close(struct collecting *collecting);

/* One turn of at most `ms`, less when all that waits has come: fetches, keeps what came in one
 * transaction, collects it. */
enum skp_err collecting_turn(struct collecting *collecting, int ms) SKP_MUST_CHECK;

/* Fetches the directory anew while mail goes on coming: what was borrowed from the book ends. Errors of
 * link_fetch_directory(). */
enum skp_err collecting_refresh(struct collecting *collecting) SKP_MUST_CHECK;

/* Sends the outbox while mail goes on coming. Errors of link_send_outbox(). */
enum skp_err collecting_send(struct collecting *collecting) SKP_MUST_CHECK;

/* Fetches until nothing is ready and everything kept is collected. */
enum skp_err collecting_drain(struct collecting *collecting) SKP_MUST_CHECK;

/* `drained` becomes true again when the broker says so anew: also a broker that is away now. */
enum skp_err collecting_ask_again(struct collecting *collecting) SKP_MUST_CHECK;

/* Takes over changed files of keys, certificates and revocation lists, unless something was sent or collected of which
 * the word of a broker that is there is still to come: then the next time. What link_reload() could not use is told. */
enum skp_err collecting_reload(struct collecting *collecting) SKP_MUST_CHECK;

/* collecting_drain() once more, after something was sent: what the broker says to it lies there with its
 * receipt. */
enum skp_err collecting_drain_again(struct collecting *collecting) SKP_MUST_CHECK;

#endif
