/* libskp: the client side of schuldenknooppunt, for software that has its own event loop.
 *
 * How it works
 *   One skp_client is one session with the broker. It never blocks and starts no thread: wait until
 * skp_fd() is readable or skp_timeout_ms() has passed, call skp_process(), and every callback runs
 * inside that call. It connects, reconnects (with growing, jittered pauses) and sends unanswered
 * batches again by itself, under their own batch id, so that each takes effect once.
 *
 *       struct skp_config config = {.host = "post.example", .port = 7443, ...};
 *       enum skp_err err = skp_client_new(&config, &callbacks, ctx, &client, &why);
 *       while (running) {
 *           poll(skp_fd(client), skp_timeout_ms(client));
 *           skp_process(client);
 *       }
 *       skp_client_free(client);
 *
 * What it promises
 *   - exactly one skp_on_report per batch given to skp_send(): stored (with the broker's signed
 * receipt, checked), refused as a whole, or given up by skp_client_free() with OUTCOME_UNKNOWN or
 * NOT_CONNECTED;
 *   - a delivery is shown only after signature, proof and recipient were checked; what fails is
 * reported by on_problem and not collected;
 *   - nothing is collected before you say so with skp_collect(): do that after it is safe with you.
 *
 * Threads: a client belongs to one thread. Callbacks may call any function here except
 * skp_client_free() and skp_process() on the same client. Strings given to callbacks live until the
 * callback returns. */
#ifndef SKP_SKP_H
#define SKP_SKP_H

#include "envelope.h"

#include <stdint.h>

struct skp_client;

struct skp_config {
    const char *host;
    uint16_t port;
    const char *broker_oin; /* the broker you expect; NULL takes whoever the CA vouches for */
    const char *ca_file;    /* PEM anchors */
    const char *crl_file;   /* PEM, one CRL per CA */
    const char *tls_cert_file, *tls_key_file;
    const char *sign_cert_file, *sign_key_file;
    struct keypair *const
        *decrypt_keys; /* current one first, then older ones still in use; may be NULL */
    size_t decrypt_key_count;
    const char *software; /* for the operator: "skp 0.1" */
    const char
        *head_file; /* where the newest chain head is kept between sessions; NULL: in memory only */
    uint32_t max_outbox_bytes;                 /* 0: 64 MiB */
    int (*now_ms)(void *ctx, int64_t *ret_ms); /* NULL: the system clock */
};

/* What happened to a batch. Exactly one per skp_send(). */
struct skp_report {
    struct skp_id batch_id;
    void *tag;
    enum skp_err err; /* SKP_OK: stored, and `receipt` says which lines were refused */
    const Skp__V1__ReceiptBody *receipt;  /* NULL unless err is SKP_OK */
    const Skp__V1__Receipt *proof;        /* the signed receipt as it came; keep it */
    bool duplicate;                       /* the broker had it already */
    const char *path, *sentence, *remedy; /* when err is not SKP_OK */
};

struct skp_callbacks {
    /* The session is up: the broker said Welcome. Again after each reconnect. */
    void (*on_welcome)(void *ctx, const Skp__V1__Welcome *welcome);
    /* Not connected (any more); it tries again by itself unless err is of retry class NEVER or
     * AFTER_FIX. */
    void (*on_down)(void *ctx, enum skp_err err, const char *why);
    void (*on_report)(void *ctx, const struct skp_report *report);
    /* A checked bundle. Open its parts with skp_open_part(); say skp_collect() when it is safe. */
    void (*on_delivery)(void *ctx, const Skp__V1__Delivery *delivery,
                        const struct envelope_delivery *checked);
    /* The mailbox holds nothing more that is ready; `waiting` entries are leased elsewhere. */
    void (*on_drained)(void *ctx, const char *mailbox, uint64_t waiting);
    void (*on_collected)(void *ctx, uint64_t tag, const Skp__V1__Collected *collected);
    void (*on_directory)(void *ctx, uint64_t tag, const Skp__V1__Directory *directory);
    void (*on_cases)(void *ctx, uint64_t tag, const Skp__V1__Cases *cases);
    void (*on_published)(void *ctx, uint64_t tag, const Skp__V1__Published *published);
    /* Something was wrong that is about no batch: a delivery that fails its proof, an Error frame.
     */
    void (*on_problem)(void *ctx, enum skp_err err, const char *path, const char *sentence);
};

/* Copies config and callbacks; loads and checks the certificates. *ret_why in words on error. */
enum skp_err skp_client_new(const struct skp_config *config, const struct skp_callbacks *callbacks,
                            void *ctx, struct skp_client **ret_client,
                            const char **ret_why) SKP_MUST_CHECK;
void skp_client_free(struct skp_client *client);

int skp_fd(const struct skp_client *client);
int skp_timeout_ms(const struct skp_client *client); /* -1: nothing to wait for but the fd */
void skp_process(struct skp_client *client);

/* For programs without a loop of their own: process until `deadline_ms` from now or until *stop is
 * true. */
void skp_run(struct skp_client *client, const bool *stop, int deadline_ms);

/* Sends a finished batch; copies it. FULL when the outbox is: wait for reports. */
enum skp_err skp_send(struct skp_client *client, const struct envelope_batch *batch,
                      void *tag) SKP_MUST_CHECK;
size_t skp_outstanding(const struct skp_client *client);

/* Adds credit for a mailbox; it is kept filled to `messages` and `bytes` over reconnects until 0, 0
 * is given. */
enum skp_err skp_fetch(struct skp_client *client, const char *mailbox, uint32_t messages,
                       uint32_t bytes) SKP_MUST_CHECK;

/* "Safe with me": signs one statement over all of them. At most 256 items. */
enum skp_err skp_collect(struct skp_client *client, const char *mailbox,
                         const Skp__V1__CollectedItem *items, size_t count,
                         uint64_t tag) SKP_MUST_CHECK;
enum skp_err skp_extend(struct skp_client *client, const char *mailbox, const uint64_t *positions,
                        size_t count, uint32_t lease_seconds) SKP_MUST_CHECK;
enum skp_err skp_release(struct skp_client *client, const char *mailbox, const uint64_t *positions,
                         size_t count) SKP_MUST_CHECK;

/* Asks; answers come by callback with the same tag. `after` pages on ("" or nil first). */
enum skp_err skp_directory_get(struct skp_client *client, const char *const *oins, size_t count,
                               const char *after, uint64_t tag) SKP_MUST_CHECK;
enum skp_err skp_cases_get(struct skp_client *client, const struct skp_id *case_ids, size_t count,
                           const struct skp_id *after, uint64_t tag) SKP_MUST_CHECK;

/* Publishes a mailbox record with these encryption certificates (DER leafs). */
enum skp_err skp_publish(struct skp_client *client, const char *mailbox, uint32_t version,
                         X509 *const *certs, size_t count, uint64_t tag) SKP_MUST_CHECK;

/* The client's own name and clock, for writing batches. */
const struct skp_oin *skp_self(const struct skp_client *client);
const struct skp_oin *skp_broker(const struct skp_client *client);
struct keypair *skp_signer(struct skp_client *client);
int64_t skp_now_ms(const struct skp_client *client);

/* The certificates to seal for, checked by chain, purpose, CRL and OIN against this client's own
 * trust, never because the broker says so. X509s are owned by the arena's caller: free each.
 * SIGNER_INVALID, CERTIFICATE. */
enum skp_err skp_record_certs(struct skp_client *client, const Skp__V1__SignedRecord *record,
                              const struct skp_oin *participant, X509 **ret_certs, size_t max_certs,
                              size_t *ret_count, const char **ret_why) SKP_MUST_CHECK;

/* Opens the sealed part of line `index`; the part lives in `arena`. UNSEAL, COMMITMENT_MISMATCH;
 * NOT_FOUND when nothing is sealed there. */
enum skp_err skp_open_part(struct skp_client *client, const Skp__V1__Delivery *delivery,
                           const struct envelope_delivery *checked, size_t index,
                           struct arena *arena, struct span *ret_part) SKP_MUST_CHECK;

#endif
