/* libskp: the client side of schuldenknooppunt, for software that has its own event loop.
 *
 * How it works
 *   One skp_client is one session with the broker. It never waits for the network: wait until skp_fd() is
 *   readable, call skp_process(), and every callback runs inside that call. The descriptor carries the timers
 *   too, so waiting for skp_timeout_ms() is only needed by loops that want to know.
 *   It connects, reconnects (with growing, jittered pauses) and sends unanswered batches again by itself,
 *   under their own batch id, so that each takes effect once.
 *
 *       struct skp_config config = {.host = "post.example", .port = 7443, ...};
 *       enum skp_err err = skp_client_new(&config, &callbacks, ctx, &client, &why);
 *       while (running) {
 *           struct pollfd ready = {.fd = skp_fd(client), .events = POLLIN};
 *           poll(&ready, 1, -1);
 *           skp_process(client);
 *       }
 *       skp_client_free(client);
 *
 *   README.md of this folder shows libevent and glib; example.c is a whole program.
 *
 * What it promises
 *   - exactly one on_report per batch given to skp_send(): stored (with the broker's signed receipt, checked),
 *     refused as a whole, open with PROOF_INVALID (three receipts failed their check, so it may be stored: keep it,
 *     send it again later), or given up by skp_client_free() with OUTCOME_UNKNOWN or NOT_CONNECTED;
 *   - a delivery is shown only after signature, proof and recipient were checked; what fails is reported by
 *     on_problem and not collected. That the sender's certificate expired while it waited is no failure; that it was
 *     revoked is (SIGNER_REVOKED), and a person calls the sender, who sends it again with a new one;
 *   - nothing is collected before you say so with skp_collect(): do that after it is safe with you.
 *
 * What it refuses
 *   - it keeps no file but the chain head: a batch is safe when its report says stored, so keep what you send
 *     (or can make again under the same batch id) until then;
 *   - it never logs, and never changes signal handlers: writing to a closed connection raises no SIGPIPE.
 *
 * What may take time: with `head_file`, one small file that is replaced and synced to disk, at most once a second
 * and when a session or the client ends; skp_client_new() reads the files it is given; skp_run() waits, as it says.
 *
 * Threads: a client belongs to one thread. For a host that is a name it starts a short thread of its own around
 * getaddrinfo(), at most one at a time, which takes no signals and runs none of your code; it may outlive
 * skp_client_free() by as long as the resolver takes, and then frees itself. A numeric host needs no thread.
 * Callbacks may call any function here except skp_client_free(), skp_process() and skp_run() on the same client.
 * Strings and messages given to callbacks live until the callback returns. */
#ifndef SKP_SKP_H
#define SKP_SKP_H

#include "envelope.h"

#include <stdint.h>

struct skp_client;

struct skp_config {
    const char *host; /* numeric or a name; the certificate must be for exactly this */
    uint16_t port;
    const char
        *broker_oin; /* the broker you expect; NULL: the first one seen that the CA vouches for */
    const char *ca_file;  /* PEM anchors */
    const char *crl_file; /* PEM, one CRL per CA */
    struct skp_client
        *same_trust; /* NULL, or a client of this thread, freed after this one: its anchors, CRLs
                      * and verified chains are used instead of the two files. For software that
                      * holds the sessions of many participants. */
    const char *tls_cert_file, *tls_key_file; /* PEM: leaf, then issuers; key without passphrase */
    const char *sign_cert_file, *sign_key_file; /* of the same OIN */
    struct keypair *const *decrypt_keys; /* current one first, then older ones still in use; may be
                                          * NULL; the client takes its own references */
    size_t decrypt_key_count;
    const char *software;      /* for the operator: "skp 0.1" */
    const char *head_file;     /* the newest chain head between sessions; clients of one participant
                                * may share it; NULL: in memory only */
    uint32_t max_outbox_bytes; /* 0: 64 MiB */
    uint32_t retry_max_ms;     /* the longest pause between attempts to connect; 0: 30 s */
    /* Real time in Unix milliseconds; 0 on success. `ctx` is that of skp_client_new(). NULL, or when it
     * fails: the system clock. */
    int (*now_ms)(void *ctx, int64_t *ret_ms);
};

/* What happened to a batch. Exactly one per skp_send(). */
struct skp_report {
    struct skp_id batch_id;
    void *tag;
    enum skp_err err; /* SKP_OK: stored, and `receipt` says which lines were refused */
    const Skp__V1__ReceiptBody *receipt;  /* NULL unless err is SKP_OK */
    const Skp__V1__Receipt *proof;        /* the signed receipt as it came; keep it */
    bool duplicate;                       /* the broker had it already */
    const char *path, *sentence, *remedy; /* when err is not SKP_OK, else NULL */
};

/* Each may be NULL. */
struct skp_callbacks {
    /* The session is up: the broker said Welcome. Again after each reconnect. */
    void (*on_welcome)(void *ctx, const Skp__V1__Welcome *welcome);
    /* Not connected (any more), or one more attempt failed. It tries again by itself unless err is of retry
     * class NEVER or AFTER_FIX: then the client has stopped. Nothing more happens, batches in the outbox
     * are reported by skp_client_free(); after the fix make a new client. */
    void (*on_down)(void *ctx, enum skp_err err, const char *why);
    void (*on_report)(void *ctx, const struct skp_report *report);
    /* A checked bundle. Open its parts with skp_open_part(); say skp_collect() when it is safe. */
    void (*on_delivery)(void *ctx, const Skp__V1__Delivery *delivery,
                        const struct envelope_delivery *checked);
    /* The mailbox holds nothing more that is ready; `waiting` entries are leased elsewhere. */
    void (*on_drained)(void *ctx, const char *mailbox, uint64_t waiting);
    /* The statement is with the broker. collected->unknown: positions that were no longer ours. */
    void (*on_collected)(void *ctx, uint64_t tag, const Skp__V1__Collected *collected);
    void (*on_directory)(void *ctx, uint64_t tag, const Skp__V1__Directory *directory);
    void (*on_cases)(void *ctx, uint64_t tag, const Skp__V1__Cases *cases);
    void (*on_published)(void *ctx, uint64_t tag, const Skp__V1__Published *published);
    /* Something was wrong that is about no batch: a delivery or receipt that fails its proof, an Error frame.
     * An Error of class LATER is only news: the question goes again by itself. Any other ends the
     * question it is about, whose own callback then does not come. */
    void (*on_problem)(void *ctx, enum skp_err err, const char *path, const char *sentence);
};

/* Copies config and callbacks; loads and checks the certificates and the chain head. Connects in the first
 * skp_process(). CERTIFICATE, SIGNER_INVALID, IDENTITY_INVALID, OIN_FORMAT, IO (the head file is damaged),
 * NO_MEMORY; *ret_why (static or thread-local text) says which file and why. */
enum skp_err skp_client_new(const struct skp_config *config, const struct skp_callbacks *callbacks,
                            void *ctx, struct skp_client **ret_client,
                            const char **ret_why) SKP_MUST_CHECK;

/* Gives the reports that are still owed (on_report runs inside), then closes. NULL is fine. */
void skp_client_free(struct skp_client *client);

int skp_fd(const struct skp_client *client);         /* readable: call skp_process() */
int skp_timeout_ms(const struct skp_client *client); /* until the next timer; -1: none */
void skp_process(struct skp_client *client);

/* For programs without a loop of their own: process until `deadline_ms` from now (negative: without end)
 * or until *stop is true. */
void skp_run(struct skp_client *client, const bool *stop, int deadline_ms);

/* Sends a finished batch; copies it. Batches leave in the order given; while the broker asks to send one
 * later, those behind it wait. FULL when the outbox is: wait for reports. BATCH_TOO_LARGE when it can never
 * fit. NOT_CONNECTED when the client has stopped. After SKP_OK there is one report, after an error none. */
enum skp_err skp_send(struct skp_client *client, const struct envelope_batch *batch,
                      void *tag) SKP_MUST_CHECK;
size_t skp_outstanding(const struct skp_client *client); /* batches without report */

/* Keeps credit for a mailbox ("" is the main one) filled to `messages` and `bytes`, over reconnects, until 0, 0
 * is given (what was granted may still come). 0 for one of them: as much as the broker allows; bytes count
 * from 256 KiB, the largest delivery. NO_MEMORY. */
enum skp_err skp_fetch(struct skp_client *client, const char *mailbox, uint32_t messages,
                       uint32_t bytes) SKP_MUST_CHECK;

/* on_drained is called once more, when all that lies there by then has come: also when nothing does. NOT_FOUND
 * without skp_fetch() for this mailbox. */
enum skp_err skp_fetch_ask(struct skp_client *client, const char *mailbox) SKP_MUST_CHECK;

/* "Safe with me": signs one statement over all of them; item.head_hash is checked->head_hash. 1 to 256 items
 * (REQUIRED, DECODE_ITEMS; HASH_FORMAT). Said again after a reconnect until on_collected. FULL and NOT_CONNECTED as
 * skp_directory_get(); CERTIFICATE: the signing key or chain is none to sign with; NO_MEMORY. */
enum skp_err skp_collect(struct skp_client *client, const char *mailbox,
                         const Skp__V1__CollectedItem *items, size_t count,
                         uint64_t tag) SKP_MUST_CHECK;

/* Leases are longer or shorter for this session only: NOT_CONNECTED when it is not up, FULL when the broker does
 * not read; REQUIRED without a position. */
enum skp_err skp_extend(struct skp_client *client, const char *mailbox, const uint64_t *positions,
                        size_t count, uint32_t lease_seconds) SKP_MUST_CHECK;
enum skp_err skp_release(struct skp_client *client, const char *mailbox, const uint64_t *positions,
                         size_t count) SKP_MUST_CHECK;

/* Asks, and asks again after a reconnect; answers come by callback with the same tag (the one inside the message is
 * libskp's own). `after` pages on (NULL, ""
 * or nil first). No oins or ids: all. FULL when too much is asked at once, FRAME_TOO_LARGE when one question is too long, NOT_CONNECTED
 * when stopped; NO_MEMORY. */
enum skp_err skp_directory_get(struct skp_client *client, const char *const *oins, size_t count,
                               const char *after, uint64_t tag) SKP_MUST_CHECK;
enum skp_err skp_cases_get(struct skp_client *client, const struct skp_id *case_ids, size_t count,
                           const struct skp_id *after, uint64_t tag) SKP_MUST_CHECK;

/* How others find a mailbox of ours. Old keys stay in use until the mail sealed for them is collected; what is sealed
 * for nobody but `withdrawn` certificates goes back to its sender, to be sealed again. */
struct skp_mailbox {
    const char *name; /* "" is the main one */
    uint32_t version;
    X509 *const *certs; /* encryption certificates, leaves */
    size_t cert_count;
    const struct skp_hash
        *withdrawn;         /* SHA-256 of the DER of certificates nobody opens with any more */
    size_t withdrawn_count; /* at most 64 */
};

/* Publishes its record. The issuers of those certificates that config.decrypt_keys holds go along. DECODE_ITEMS: more
 * than 16 certificates with issuers, or too many withdrawn; CERTIFICATE: one cannot be written, or the signing key or
 * chain is none to sign with. Else as skp_directory_get(). */
enum skp_err skp_publish(struct skp_client *client, const struct skp_mailbox *mailbox,
                         uint64_t tag) SKP_MUST_CHECK;

/* The client's own name and clock, for writing batches. Borrowed from the client; skp_broker() is empty before the
 * first connection when config.broker_oin was NULL. */
const struct skp_oin *skp_self(const struct skp_client *client);
const struct skp_oin *skp_broker(const struct skp_client *client);
struct keypair *skp_signer(struct skp_client *client);
int64_t skp_now_ms(const struct skp_client *client);

/* The certificates to seal for, checked by chain, purpose, CRL and OIN against this client's own trust, never
 * because the broker says so. Certificates that ran out or were revoked are left out. The caller owns each
 * X509 of ret_certs (X509_free). SIGNER_INVALID or SIGNATURE_INVALID: not a record of this participant;
 * CERTIFICATE: none is usable, one is a stranger's, or more than max_certs; or an error of wire_unpack. */
enum skp_err skp_record_certs(struct skp_client *client, const Skp__V1__SignedRecord *record,
                              const struct skp_oin *participant, X509 **ret_certs, size_t max_certs,
                              size_t *ret_count, const char **ret_why) SKP_MUST_CHECK;

/* Opens the sealed part of line `index`; the part lives in `arena`. UNSEAL: no key of ours opens it: see that
 * the key of every published certificate is configured, else answer UNREADABLE, as for COMMITMENT_MISMATCH, and the
 * sender seals it again; collect it after that. NOT_FOUND: nothing is sealed there, or it was withheld or
 * destroyed. Or an error of fact_read. Cheap for all lines of the delivery whose callback runs: its key box is
 * opened once. */
enum skp_err skp_open_part(struct skp_client *client, const Skp__V1__Delivery *delivery,
                           const struct envelope_delivery *checked, size_t index,
                           struct arena *arena, struct span *ret_part) SKP_MUST_CHECK;

/* Whether an event of kind COLLECTED holds what it claims: the addressee's own statement "safe with me", signed by
 * event->other. Check it before you believe that something was collected: without this it is only the broker's word.
 * What it is about are the head hashes in event->collected. SIGNATURE_INVALID, SIGNER_REVOKED (since; expired since
 * is no reason), SIGNER_INVALID (another signer or participant), PROOF_INVALID (these are not in the statement), or an
 * error of wire_unpack; *ret_why (static or thread-local text) in words. */
enum skp_err skp_check_collected(struct skp_client *client, const Skp__V1__EventFact *event,
                                 struct skp_oin *ret_signer, const char **ret_why) SKP_MUST_CHECK;

#endif
