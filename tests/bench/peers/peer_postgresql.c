/* Two tables as queues. The publisher pipelines prepared INSERTs, one commit per BATCH (500), two under way; each
 * consumer deletes up to BATCH letters with SKIP LOCKED and inserts their replies in the same transaction. */
#include "workload.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define SQL_BYTES  512
#define UNDER_WAY  2
#define IDLE_US    5000
#define REPLY_SIDE CONSUMERS

static atomic_int ready;
static int batch;

static _Noreturn void die(PGconn *db, const PGresult *result)
{
    workload_die("postgresql: %s %s", PQresStatus(PQresultStatus(result)), PQerrorMessage(db));
}

static void must_be(PGconn *db, PGresult *result, ExecStatusType wanted)
{
    if (PQresultStatus(result) != wanted)
        die(db, result);
    PQclear(result);
}

static PGconn *connect_one(void)
{
    char text[1024];
    snprintf(text, sizeof text,
             "host=" HOST " hostaddr=127.0.0.1 port=15432 dbname=postgres user=bench "
             "sslmode=verify-full ssl_min_protocol_version=TLSv1.3 sslrootcert=%s sslcert=%s "
             "sslkey=%s",
             workload_cert("ca.pem"), workload_cert("client.pem"), workload_cert("client.key"));
    PGconn *db = PQconnectdb(text);
    if (PQstatus(db) != CONNECTION_OK)
        workload_die("%s", PQerrorMessage(db));
    return db;
}

static void prepare(PGconn *db, const char *name, const char *sql)
{
    must_be(db, PQprepare(db, name, sql, 0, NULL), PGRES_COMMAND_OK);
}

static void send_prepared(PGconn *db, const char *name)
{
    if (!PQsendQueryPrepared(db, name, 0, NULL, NULL, NULL, 1))
        workload_die("%s", PQerrorMessage(db));
}

static void send_insert(PGconn *db, const char *name, unsigned shard, unsigned queue,
                        const uint8_t *body, int len)
{
    uint32_t shard_net = htonl(shard);
    uint32_t queue_net = htonl(queue);
    const char *values[] = {(const char *)&shard_net, (const char *)&queue_net, (const char *)body};
    const int lengths[] = {sizeof shard_net, sizeof queue_net, len};
    const int binary[] = {1, 1, 1};
    if (!PQsendQueryPrepared(db, name, 3, values, lengths, binary, 1))
        workload_die("%s", PQerrorMessage(db));
}

static void end_of_command(PGconn *db)
{
    PGresult *more = PQgetResult(db);
    if (more)
        die(db, more);
}

static void take_commands(PGconn *db, long count)
{
    for (long i = 0; i < count; i++) {
        must_be(db, PQgetResult(db), PGRES_COMMAND_OK);
        end_of_command(db);
    }
}

static void take_sync(PGconn *db)
{
    must_be(db, PQgetResult(db), PGRES_PIPELINE_SYNC);
}

static PGresult *take_rows(PGconn *db)
{
    PGresult *rows = PQgetResult(db);
    if (PQresultStatus(rows) != PGRES_TUPLES_OK)
        die(db, rows);
    end_of_command(db);
    return rows;
}

/* ---------------------------------------------------------------- consumers */

static void prepare_consumer(PGconn *db, const char *table, unsigned shard)
{
    char sql[SQL_BYTES];
    snprintf(sql, sizeof sql,
             "DELETE FROM %s WHERE ctid = ANY(ARRAY(SELECT ctid FROM %s WHERE shard = %u "
             "ORDER BY id LIMIT %d FOR UPDATE SKIP LOCKED)) RETURNING body",
             table, table, shard, batch);
    prepare(db, "take", sql);
    prepare(db, "reply", "INSERT INTO replies(shard, queue, body) VALUES ($1, $2, $3)");
    prepare(db, "begin", "BEGIN");
    prepare(db, "commit", "COMMIT");
    ready++;
    PQenterPipelineMode(db);
}

static void send_reply(PGconn *db, const PGresult *rows, int row)
{
    uint64_t id;
    unsigned queue;
    uint8_t body[REPLY_BYTES];
    workload_got_letter(PQgetvalue(rows, row, 0), (size_t)PQgetlength(rows, row, 0), &id, &queue);
    workload_reply(id, queue % REPLY_QUEUES, body);
    send_insert(db, "reply", 0, queue % REPLY_QUEUES, body, REPLY_BYTES);
}

static int consume_letters(PGconn *db)
{
    send_prepared(db, "begin");
    send_prepared(db, "take");
    PQsendFlushRequest(db);
    PQflush(db);
    take_commands(db, 1);
    PGresult *rows = take_rows(db);
    int count = PQntuples(rows);
    for (int i = 0; i < count; i++)
        send_reply(db, rows, i);
    send_prepared(db, "commit");
    PQpipelineSync(db);
    take_commands(db, count + 1);
    take_sync(db);
    workload_replies_confirmed(count);
    PQclear(rows);
    return count;
}

static int consume_replies(PGconn *db)
{
    send_prepared(db, "take");
    PQpipelineSync(db);
    PGresult *rows = take_rows(db);
    take_sync(db);
    int count = PQntuples(rows);
    for (int i = 0; i < count; i++)
        workload_got_reply(PQgetvalue(rows, i, 0), (size_t)PQgetlength(rows, i, 0));
    PQclear(rows);
    return count;
}

static void *consume(void *ctx)
{
    unsigned consumer = *(const unsigned *)ctx;
    bool replies = consumer == REPLY_SIDE;
    PGconn *db = connect_one();
    prepare_consumer(db, replies ? "replies" : "letters", replies ? 0 : consumer);
    for (;;)
        if ((replies ? consume_replies(db) : consume_letters(db)) == 0)
            usleep(IDLE_US);
    return NULL;
}

static void start_consumers(void)
{
    static unsigned numbers[CONSUMERS + 1];
    for (unsigned i = 0; i <= CONSUMERS; i++) {
        pthread_t thread;
        numbers[i] = i;
        if (pthread_create(&thread, NULL, consume, &numbers[i]) != 0)
            workload_die("no thread");
    }
    while (ready < CONSUMERS + 1)
        usleep(1000);
}

/* ---------------------------------------------------------------- the publisher */

static void make_tables(PGconn *db)
{
    static const char *const tables[] = {"letters", "replies"};
    for (int i = 0; i < 2; i++) {
        char sql[SQL_BYTES];
        snprintf(sql, sizeof sql,
                 "CREATE TABLE %s(id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1000), shard int, "
                 "queue int, body bytea)",
                 tables[i]);
        must_be(db, PQexec(db, sql), PGRES_COMMAND_OK);
        snprintf(sql, sizeof sql, "CREATE INDEX ON %s(shard, id)", tables[i]);
        must_be(db, PQexec(db, sql), PGRES_COMMAND_OK);
    }
}

static void take_batch(PGconn *db, long count)
{
    take_commands(db, count);
    take_sync(db);
    workload_letters_confirmed(count);
}

static void publish_all(PGconn *db)
{
    uint8_t body[LETTER_BYTES];
    long first_open = 0; /* letters before it are confirmed */
    long count = workload_count();
    for (long i = 0; i < count; i++) {
        unsigned queue = workload_queue(i);
        workload_letter(i, body);
        send_insert(db, "letter", queue % CONSUMERS, queue, body, LETTER_BYTES);
        if ((i + 1) % batch != 0 && i + 1 < count)
            continue;
        PQpipelineSync(db);
        PQflush(db);
        if (i + 1 - first_open >= UNDER_WAY * batch) {
            take_batch(db, batch);
            first_open += batch;
        }
    }
    for (; first_open < count; first_open += batch)
        take_batch(db, count - first_open < batch ? count - first_open : batch);
}

int main(void)
{
    workload_init();
    batch = (int)workload_setting("BATCH", 500);
    PGconn *db = connect_one();
    make_tables(db);
    prepare(db, "letter", "INSERT INTO letters(shard, queue, body) VALUES ($1, $2, $3)");
    start_consumers();
    PQenterPipelineMode(db);
    workload_start();
    publish_all(db);
    _exit(workload_finish(120));
}
