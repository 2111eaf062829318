#include "round_raw.h"

#include "bench.h"
#include "round_file.h"
#include "store.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROWS_ARENA_BYTES ((size_t)4 << 30)
#define SCAN_BYTES       ((size_t)1 << 30)
#define RECORD_BYTES     16384

/* ---------------------------------------------------------------- rows into SQLite */

struct table_rows {
    struct store_row *rows;
    size_t count;
};

static size_t read_rows(const char *path, struct arena *arena, struct table_rows *tables)
{
    char why[256];
    struct store *store;
    size_t total = 0;
    const uint8_t zero = 0;
    if (store_sqlite_open(path, false, &store, why))
        bench_die("%s: %s", path, why);
    bench_must(store_begin(store), "store_begin");
    for (int table = 1; table < STORE_TABLE_END; table++) {
        struct table_rows *rows = &tables[table];
        bench_must(store_scan(store, (enum store_table)table, span_of(&zero, 1), (struct span){0},
                              SIZE_MAX, SCAN_BYTES, arena, &rows->rows, &rows->count),
                   "store_scan");
        for (size_t i = 0; i < rows->count; i++)
            rows->rows[i].version = STORE_NEW;
        total += rows->count;
    }
    store_rollback(store);
    store_close(store);
    return total;
}

static double write_rows(const char *path, const struct table_rows *tables, uint64_t commits)
{
    char why[256];
    struct store *store;
    if (store_sqlite_open(path, true, &store, why))
        bench_die("%s: %s", path, why);
    double start = bench_now_s();
    for (uint64_t i = 0; i < commits; i++) {
        bench_must(store_begin(store), "store_begin");
        for (int table = 1; table < STORE_TABLE_END; table++) {
            size_t from = tables[table].count * i / commits;
            size_t to = tables[table].count * (i + 1) / commits;
            if (to > from)
                bench_must(
                    store_put(store, (enum store_table)table, tables[table].rows + from, to - from),
                    "store_put");
        }
        bench_must(store_commit(store), "store_commit");
        bench_must(store_maintain(store), "store_maintain");
    }
    double seconds = bench_now_s() - start;
    store_close(store);
    return seconds;
}

static double measure_store(const char *path, const char *copy, uint64_t commits)
{
    struct arena arena;
    struct table_rows tables[STORE_TABLE_END] = {{NULL, 0}};
    arena_init(&arena, ROWS_ARENA_BYTES);
    read_rows(path, &arena, tables);
    double seconds = write_rows(copy, tables, commits);
    arena_fini(&arena);
    return seconds;
}

/* ---------------------------------------------------------------- bytes through TLS */

struct tls_sender {
    SSL_CTX *context;
    int fd;
    uint64_t bytes;
};

static void *send_bytes(void *ctx)
{
    static const uint8_t record[RECORD_BYTES];
    struct tls_sender *sender = ctx;
    SSL *ssl = SSL_new(sender->context);
    if (!ssl || SSL_set_fd(ssl, sender->fd) != 1 || SSL_accept(ssl) != 1)
        bench_die("TLS: no handshake");
    for (uint64_t left = sender->bytes; left > 0;) {
        int size = left < RECORD_BYTES ? (int)left : RECORD_BYTES;
        if (SSL_write(ssl, record, size) != size)
            bench_die("TLS: cannot write");
        left -= (uint64_t)size;
    }
    SSL_shutdown(ssl);
    SSL_free(ssl);
    return NULL;
}

static void connect_pair(int *ret_client, int *ret_server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr *)&address, &len) != 0 ||
        connect(client, (struct sockaddr *)&address, sizeof address) != 0)
        bench_die("TCP: no connection to ourselves");
    *ret_server = accept(listener, NULL, NULL);
    *ret_client = client;
    close(listener);
}

static uint64_t receive_all(SSL *ssl)
{
    static uint8_t record[RECORD_BYTES];
    uint64_t received = 0;
    int got;
    while ((got = SSL_read(ssl, record, sizeof record)) > 0)
        received += (uint64_t)got;
    return received;
}

static double measure_tls(const struct round_pki *pki, uint64_t bytes)
{
    char cert[320];
    char key[320];
    int client_fd;
    pthread_t thread;
    struct tls_sender sender = {.context = SSL_CTX_new(TLS_server_method()), .bytes = bytes};
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    round_pki_file(pki, "broker-tls.pem", cert);
    round_pki_file(pki, "broker-tls.key", key);
    if (!client || SSL_CTX_use_certificate_chain_file(sender.context, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(sender.context, key, SSL_FILETYPE_PEM) != 1)
        bench_die("TLS: %s cannot be used", cert);
    connect_pair(&client_fd, &sender.fd);
    SSL *ssl = SSL_new(client);
    if (!ssl || SSL_set_fd(ssl, client_fd) != 1 ||
        pthread_create(&thread, NULL, send_bytes, &sender) != 0)
        bench_die("TLS: cannot start");
    if (SSL_connect(ssl) != 1)
        bench_die("TLS: no handshake");
    double start = bench_now_s();
    if (receive_all(ssl) != bytes)
        bench_die("TLS: bytes were lost");
    double seconds = bench_now_s() - start;
    pthread_join(thread, NULL);
    SSL_free(ssl);
    SSL_CTX_free(client);
    SSL_CTX_free(sender.context);
    close(client_fd);
    close(sender.fd);
    return seconds;
}

/* ---------------------------------------------------------------- hashes and signatures */

typedef void (*batch_fn)(void *ctx, const struct envelope_batch *batch);

/* Reading does not count. Gives the seconds that `step` took for the first `most` batches. */
static double time_batches(const struct round_plan *plan, unsigned most, batch_fn step, void *ctx)
{
    double seconds = 0;
    for (unsigned party = 0; party < plan->party_count && most > 0; party++) {
        long offset = 0;
        for (unsigned n = plan->parties[party].batch_count; n > 0 && most > 0; n--, most--) {
            struct round_batch batch;
            round_batches_next(plan, party, &offset, &batch);
            double start = bench_now_s();
            step(ctx, &batch.sealed);
            seconds += bench_now_s() - start;
            round_batch_free(&batch);
        }
    }
    return seconds;
}

static void hash_one(void *ctx, const struct envelope_batch *batch)
{
    (void)ctx;
    for (size_t i = 0; i < batch->bundle_count; i++)
        (void)sha256(batch->bundles[i]);
}

static void verify_one(void *ctx, const struct envelope_batch *batch)
{
    bench_check_signature(ctx, "ES256", batch->jws, batch->header);
}

/* All parties have the same key. All batches again and again, until there were as many signatures as in the round. */
double round_raw_verify_s(const struct round_plan *plan, unsigned count)
{
    EVP_PKEY *key = keypair_key(plan->parties[0].identity.sign);
    double seconds = 0;
    unsigned batches = round_batch_count(plan);
    for (unsigned left = count, some; left > 0; left -= some) {
        some = left < batches ? left : batches;
        seconds += time_batches(plan, some, verify_one, key);
    }
    return seconds;
}

void round_raw_measure(const struct round_plan *plan, const struct round_pki *pki,
                       const char *store, const char *copy, uint64_t commits, uint64_t wire_bytes,
                       unsigned signatures, struct round_raw *ret_raw)
{
    ret_raw->store_s = measure_store(store, copy, commits);
    ret_raw->tls_s = measure_tls(pki, wire_bytes);
    ret_raw->hash_s = time_batches(plan, UINT32_MAX, hash_one, NULL);
    ret_raw->verify_s = round_raw_verify_s(plan, signatures);
}
