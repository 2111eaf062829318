/* Signs or encrypts what stands on standard input, for check_jose.py to open with other software.
 *
 *   jose_tool sign    CERT.pem KEY.pem     a detached JWS
 *   jose_tool encrypt CERT.pem KEY.pem     a compact JWE for CERT */
#include "jose.h"

#include <stdio.h>
#include <time.h>

static enum skp_err make(const char *verb, const struct keypair *keypair, struct span input,
                         struct arena *arena, const char **ret_text)
{
    if (strcmp(verb, "sign") == 0)
        return jws_sign(keypair, input, (int64_t)time(NULL) * 1000, arena, ret_text);
    if (strcmp(verb, "encrypt") == 0)
        return jwe_encrypt(keypair_cert(keypair), input, arena, ret_text);
    return SKP_E_USAGE;
}

int main(int argc, char **argv)
{
    static uint8_t input[65536];
    struct arena arena;
    struct keypair *keypair;
    const char *why = "";
    const char *text = "";
    if (argc != 4) {
        fputs("usage: jose_tool sign|encrypt CERT.pem KEY.pem <input\n", stderr);
        return 2;
    }
    if (keypair_load(argv[2], argv[3], &keypair, &why) != SKP_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    arena_init(&arena, (size_t)1024 * 1024);
    size_t len = fread(input, 1, sizeof input, stdin);
    enum skp_err err = make(argv[1], keypair, span_of(input, len), &arena, &text);
    if (err == SKP_OK)
        puts(text);
    else
        fprintf(stderr, "%s\n", skp_error(err)->sentence);
    arena_fini(&arena);
    keypair_unref(keypair);
    return err == SKP_OK ? 0 : 1;
}
