/* Fetches what waits in the main mailbox, prints what each line is, and collects it.
 *
 *   skp_example HOST PORT PKI OIN      PKI: a folder as certs/make writes it
 *
 * A real program writes deliveries to its own database before it collects. */
#include "fact.h"
#include "skp.h"

#include <stdio.h>
#include <stdlib.h>

struct reader {
    struct skp_client *client;
    bool done;
    bool failed;
};

static const char *kind_of(struct span line_bytes)
{
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line = NULL;
    struct arena arena;
    const char *kind = "not valid";
    arena_init(&arena, 1 << 20);
    if (line_bytes.len == 0)
        kind = "withheld";
    else if (!fact_read(line_bytes, &arena, path, &line))
        kind = protobuf_c_message_descriptor_get_field(&skp__v1__line__descriptor,
                                                       (unsigned)line->fact_case)
                   ->name;
    arena_fini(&arena);
    return kind;
}

static void on_delivery(void *ctx, const Skp__V1__Delivery *delivery,
                        const struct envelope_delivery *checked)
{
    struct reader *reader = ctx;
    printf("position %llu, from %s:\n", (unsigned long long)delivery->position,
           checked->header.sender.text);
    for (size_t i = 0; i < checked->bundle->n_lines; i++)
        printf("  %s\n", kind_of(wire_span(checked->bundle->lines[i])));

    Skp__V1__CollectedItem item;
    skp__v1__collected_item__init(&item);
    item.position = delivery->position;
    item.head_hash = wire_bytes(span_of(checked->head_hash.bytes, HASH_BYTES));
    if (skp_collect(reader->client, delivery->mailbox, &item, 1, delivery->position))
        printf("  not collected, so it comes again\n");
}

static void on_drained(void *ctx, const char *mailbox, uint64_t waiting)
{
    struct reader *reader = ctx;
    (void)mailbox;
    printf("nothing more; %llu are with other workers\n", (unsigned long long)waiting);
    reader->done = true;
}

static void on_down(void *ctx, enum skp_err err, const char *why)
{
    struct reader *reader = ctx;
    fprintf(stderr, "%s: %s; %s\n", skp_error_name(err), why, skp_error(err)->remedy);
    reader->failed = skp_error(err)->retry != SKP_RETRY_LATER;
    reader->done = reader->failed;
}

static void on_problem(void *ctx, enum skp_err err, const char *path, const char *sentence)
{
    (void)ctx;
    fprintf(stderr, "%s: %s: %s\n", path, skp_error_name(err), sentence);
}

static const char *file(const char *pki, const char *oin, const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8]; /* six are in use at once */
    snprintf(path, sizeof paths[0], "%s/%s%s/%s", pki, oin[0] != '\0' ? "participants/" : "", oin,
             name);
    return path;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: skp_example HOST PORT PKI OIN\n");
        return 2;
    }
    const char *pki = argv[3], *oin = argv[4], *why = "";
    struct skp_config config = {
        .host = argv[1],
        .port = (uint16_t)strtoul(argv[2], NULL, 10),
        .ca_file = file(pki, "", "ca.pem"),
        .crl_file = file(pki, "", "crl.pem"),
        .tls_cert_file = file(pki, oin, "tls.pem"),
        .tls_key_file = file(pki, oin, "tls.key"),
        .sign_cert_file = file(pki, oin, "sign.pem"),
        .sign_key_file = file(pki, oin, "sign.key"),
        .software = "skp_example",
    };
    struct skp_callbacks callbacks = {
        .on_down = on_down,
        .on_delivery = on_delivery,
        .on_drained = on_drained,
        .on_problem = on_problem,
    };
    struct reader reader = {0};
    enum skp_err err = skp_client_new(&config, &callbacks, &reader, &reader.client, &why);
    if (err || skp_fetch(reader.client, "", 100, 4 << 20)) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    skp_run(reader.client, &reader.done, 60000);
    const bool never = false;
    skp_run(reader.client, &never, 500); /* the collect statements still leave */
    skp_client_free(reader.client);
    return reader.failed ? 1 : 0;
}
