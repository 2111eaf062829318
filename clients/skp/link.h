/* One session with the broker, for a command that waits for its answers.
 *
 * Wraps libskp's callbacks: keeps the directory in a book, sends the outbox and settles the reports, hands
 * the rest to the command. Waiting ends when something is done, when the broker's refusal is final, or when
 * nothing at all, or nothing but "later", was heard for the configured time. One thread. */
#ifndef SKP_LINK_H
#define SKP_LINK_H

#include "book.h"
#include "cli.h"
#include "draft.h"
#include "skp.h"

struct link;

/* What a command wants to hear; any may be NULL. */
struct link_events {
    void (*on_delivery)(void *ctx, const Skp__V1__Delivery *delivery,
                        const struct envelope_delivery *checked);
    void (*on_drained)(void *ctx, uint64_t waiting);
    void (*on_collected)(void *ctx, const Skp__V1__Collected *collected);
    void (*on_cases)(void *ctx, const Skp__V1__Cases *cases);
    void (*on_published)(void *ctx, const Skp__V1__Published *published);
};

struct link {
    struct cli *cli;
    struct skp_client *client;
    struct keypair *keys[SETTINGS_MAX_KEYS];
    size_t key_count;
    struct skp_hash files; /* what client and keys were loaded from: settings_stamp() */
    struct book book;
    struct link_events events;
    void *ctx;
    bool up;           /* or was */
    bool away;         /* since: the broker, or the way to it */
    bool told_waiting; /* that there is no connection yet */
    bool role_missing; /* the certificate's owner may not do what the command does */
    bool directory_done;
    uint64_t directory_tag; /* of the last question; an earlier one was given up */
    bool page_more;         /* of the directory */
    char page_after[OIN_CHARS + 1];
    int64_t business_offset_ms;
    uint64_t heard;   /* counts every callback but "later": progress */
    enum skp_err err; /* final: no use in trying on */
    char why[CONFIG_WHY_BYTES];
    size_t sent, settled, unsettled;
    bool reported;   /* a batch was settled since it was last asked */
    size_t problems; /* deliveries that failed their checks, refused questions */
    bool asking;     /* a question is open: a final Error about no batch is its answer */
};

/* Connects, waits for Welcome and compares the roles in it with the command's: ROLE_FORBIDDEN. 0, or the exit code with the reason told. link_close() in any case. */
int link_open(struct cli *cli, struct link *link, const struct link_events *events, void *ctx);
void link_close(struct link *link);

/* For those who stay: a new session with the settings' files when these changed, unless reports are owed by a broker
 * that is there; those of one that is away end as OUTCOME_UNKNOWN. What is fetched, and what was borrowed from the
 * client, is for the caller to begin anew; false: nothing of this. Files that cannot be used, or are of another
 * participant, are told, and the old session goes on. */
bool link_reload(struct link *link);

/* Runs until *done or trouble. NOT_CONNECTED when nothing was heard for too long, else the final error. */
enum skp_err link_wait(struct link *link, const bool *done) SKP_MUST_CHECK;

/* Runs for a moment, so that what was said last still leaves. */
void link_linger(struct link *link, int ms);

/* link_wait()'s errors, told; returns the exit code. */
int link_failed(struct link *link, enum skp_err err);

/* Fetches the whole directory into link->book. */
enum skp_err link_fetch_directory(struct link *link) SKP_MUST_CHECK;

/* Sends all batches of the outbox and waits for their reports. Open outcomes stay in the outbox and are
 * counted in link->unsettled. */
enum skp_err link_send_outbox(struct link *link) SKP_MUST_CHECK;

/* The broker's business time now. */
int64_t link_now_ms(const struct link *link);

/* The certificates of a mailbox by its record in the book (book_record(); NULL: none): addressee_fini() it; the mailbox's name is the book's.
 * RECIPIENT_NOT_CONNECTED, and what skp_record_certs() says. `ret_readers` gets the mandate holders that open
 * what is sealed (may be NULL). */
struct readers {
    struct skp_oin oins[16];
    size_t count;
};
enum skp_err link_addressee(struct link *link, const Skp__V1__DirectoryEntry *entry,
                            const Skp__V1__SignedRecord *record, struct addressee *ret_to,
                            struct readers *ret_readers) SKP_MUST_CHECK;

/* The broker itself, for cases and letters. */
struct addressee link_broker(const struct link *link);

#endif
