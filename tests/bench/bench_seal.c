/* What sealing, opening, signing and verifying cost and add, for both families of keys.
 *
 *   bench_seal PKI      PKI: a folder of certs/make with an EC and an RSA participant, see below
 *
 * One line per family: microseconds, medians of ROUNDS, and bytes. A bundle costs one box and a part per line. */
#include "bench.h"
#include "seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EC_OIN      "00000099000000001000"
#define RSA_OIN     "00000099000000003000"
#define ROUNDS      201
#define PART_BYTES  300
#define ARENA_BYTES (1 << 20)

struct scene {
    struct keypair *enc, *sign;
    struct trust *trust;
    struct seal_key key;
    struct seal_place place;
    struct skp_id item;
    uint8_t part[PART_BYTES], header[PART_BYTES];
    struct arena *arena;
    /* made by one step, used by the next */
    const char *box, *jws;
    struct span plaintext, sealed;
    struct skp_hash commitment;
};

static void step_box_seal(struct scene *scene)
{
    bench_must(
        seal_box(&scene->key, &scene->place, keypair_cert(scene->enc), scene->arena, &scene->box),
        "seal_box");
}

static void step_box_open(struct scene *scene)
{
    struct span box = span_text(scene->box);
    struct seal_key key;
    bench_must(unseal_box(&scene->enc, 1, &box, 1, &scene->place, scene->arena, &key),
               "unseal_box");
}

static void step_part_seal(struct scene *scene)
{
    bench_must(seal_prepare(span_of(scene->part, PART_BYTES), scene->arena, &scene->plaintext,
                            &scene->commitment),
               "seal_prepare");
    bench_must(seal_part(&scene->key, &scene->place, &scene->item, scene->plaintext, scene->arena,
                         &scene->sealed),
               "seal_part");
}

static void step_part_open(struct scene *scene)
{
    struct span part;
    bench_must(unseal_part(&scene->key, &scene->place, &scene->item, &scene->commitment,
                           scene->sealed, scene->arena, &part),
               "unseal_part");
}

static void step_sign(struct scene *scene)
{
    bench_must(jws_sign(scene->sign, span_of(scene->header, PART_BYTES), bench_now_ms(),
                        scene->arena, &scene->jws),
               "jws_sign");
}

static void step_verify(struct scene *scene)
{
    const char *alg = EVP_PKEY_is_a(keypair_key(scene->sign), "RSA") ? "PS256" : "ES256";
    bench_check_signature(keypair_key(scene->sign), alg, scene->jws,
                          span_of(scene->header, PART_BYTES));
}

static void step_verify_chain(struct scene *scene)
{
    struct jws_signer signer;
    const char *why = "";
    bench_must(jws_verify(scene->trust, NULL, span_text(scene->jws),
                          span_of(scene->header, PART_BYTES), bench_now_ms(), &signer, &why),
               why);
}

/* ---------------------------------------------------------------- measuring */

static const struct {
    const char *name;
    void (*step)(struct scene *scene);
} steps[] = {
    {"box_seal_us", step_box_seal},
    {"box_open_us", step_box_open},
    {"part_seal_us", step_part_seal},
    {"part_open_us", step_part_open},
    {"sign_us", step_sign},
    {"verify_us", step_verify},
    {"verify_with_chain_us", step_verify_chain},
};

static double median_us(struct scene *scene, void (*step)(struct scene *scene))
{
    double times[ROUNDS];
    struct arena arena;
    struct arena *kept = scene->arena;
    for (int i = 0; i < ROUNDS; i++) {
        arena_init(&arena, ARENA_BYTES);
        scene->arena = &arena;
        double start = bench_now_s();
        step(scene);
        times[i] = (bench_now_s() - start) * 1e6;
        arena_fini(&arena);
    }
    scene->arena = kept;
    step(scene); /* once more, for the next step to use */
    return bench_quantile(times, ROUNDS, 0.5);
}

static struct keypair *load(const char *pki, const char *oin, const char *use)
{
    char cert[512];
    char key[512];
    const char *why = "";
    struct keypair *pair;
    snprintf(cert, sizeof cert, "%s/participants/%s/%s.pem", pki, oin, use);
    snprintf(key, sizeof key, "%s/participants/%s/%s.key", pki, oin, use);
    if (keypair_load(cert, key, &pair, &why))
        bench_die("%s", why);
    return pair;
}

static void measure(const char *pki, const char *family, const char *oin, struct trust *trust)
{
    struct arena arena;
    arena_init(&arena, (size_t)64 << 20);
    struct scene scene = {.enc = load(pki, oin, "enc"),
                          .sign = load(pki, oin, "sign"),
                          .trust = trust,
                          .item = id_new(),
                          .place = {.sender = {EC_OIN},
                                    .recipient = {RSA_OIN},
                                    .batch_id = id_new(),
                                    .bundle_id = id_new()},
                          .arena = &arena};
    seal_key_new(&scene.key);
    printf("peer=skp bench=seal family=%s part_bytes=%d", family, PART_BYTES);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        printf(" %s=%.1f", steps[i].name, median_us(&scene, steps[i].step));
    printf(" box_bytes=%zu part_added_bytes=%zu jws_bytes=%zu ok=1\n", strlen(scene.box),
           scene.sealed.len - PART_BYTES, strlen(scene.jws));
    keypair_unref(scene.enc);
    keypair_unref(scene.sign);
    arena_fini(&arena);
}

int main(int argc, char **argv)
{
    char ca[512];
    char crl[512];
    struct trust *trust;
    const char *why = "";
    if (argc != 2)
        bench_die("usage: bench_seal PKI, made by: certs/make PKI " EC_OIN " --rsa " RSA_OIN);
    snprintf(ca, sizeof ca, "%s/ca.pem", argv[1]);
    snprintf(crl, sizeof crl, "%s/crl.pem", argv[1]);
    if (trust_load(ca, crl, &trust, &why))
        bench_die("%s", why);
    measure(argv[1], "ec", EC_OIN, trust);
    measure(argv[1], "rsa", RSA_OIN, trust);
    trust_unref(trust);
    return 0;
}
