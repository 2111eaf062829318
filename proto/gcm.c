#include "gcm.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>

static bool feed(EVP_CIPHER_CTX *ctx, struct span aad, struct span in, uint8_t *out)
{
    int len = 0;
    if (aad.len > INT_MAX || in.len > INT_MAX)
        return false;
    if (aad.len > 0 && EVP_CipherUpdate(ctx, NULL, &len, aad.data, (int)aad.len) != 1)
        return false;
    return in.len == 0 || EVP_CipherUpdate(ctx, out, &len, in.data, (int)in.len) == 1;
}

bool gcm_encrypt(const uint8_t *key, const uint8_t *nonce, struct span aad, struct span plaintext,
                 uint8_t *ret_ciphertext, uint8_t *ret_tag)
{
    int len = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool done = ctx != NULL && EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), key, nonce, NULL) == 1 &&
                feed(ctx, aad, plaintext, ret_ciphertext) &&
                EVP_EncryptFinal_ex(ctx, ret_tag, &len) == 1 && /* GCM writes nothing here */
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_BYTES, ret_tag) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return done;
}

bool gcm_decrypt(const uint8_t *key, const uint8_t *nonce, struct span aad, struct span ciphertext,
                 const uint8_t *tag, uint8_t *ret_plaintext)
{
    int len = 0;
    uint8_t expected[GCM_TAG_BYTES];
    memcpy(expected, tag, sizeof expected); /* OpenSSL takes it as non-const */
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool done = ctx != NULL && EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), key, nonce, NULL) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_BYTES, expected) == 1 &&
                feed(ctx, aad, ciphertext, ret_plaintext) &&
                EVP_DecryptFinal_ex(ctx, expected, &len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!done && ciphertext.len > 0)
        OPENSSL_cleanse(ret_plaintext, ciphertext.len);
    ERR_clear_error();
    return done;
}
