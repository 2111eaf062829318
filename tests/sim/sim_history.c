#include "sim_history.h"

#include "sim_time.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define HEX_TEXTS 16

static FILE *file;
static EVP_MD_CTX *hash;
static const char *command_again = "";

void sim_die_prepare(const char *command)
{
    command_again = command;
}

void sim_die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "sim: at %lld ms: ", (long long)(sim_now() / SIM_MS));
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\nagain: %s\n", command_again);
    va_end(arguments);
    if (file != NULL)
        (void)fflush(file);
    exit(3);
}

/* ---------------------------------------------------------------- text */

static const char digits[] = "0123456789abcdef";

static void make_room(struct sim_text *text, size_t more)
{
    if (text->len + more <= text->room)
        return;
    text->room = 2 * (text->len + more) + 256;
    text->data = realloc(text->data, text->room);
    assert(text->data != NULL);
}

__attribute__((format(printf, 2, 0))) static void add_list(struct sim_text *text,
                                                           const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    assert(len >= 0);
    make_room(text, (size_t)len + 1);
    (void)vsnprintf(text->data + text->len, (size_t)len + 1, format, arguments);
    text->len += (size_t)len;
}

void sim_text_add(struct sim_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_list(text, format, arguments);
    va_end(arguments);
}

void sim_text_hex(struct sim_text *text, struct span bytes)
{
    make_room(text, 2 * bytes.len + 1);
    for (size_t i = 0; i < bytes.len; i++) {
        text->data[text->len++] = digits[bytes.data[i] >> 4];
        text->data[text->len++] = digits[bytes.data[i] & 15];
    }
    text->data[text->len] = '\0';
}

void sim_text_fini(struct sim_text *text)
{
    free(text->data);
    *text = (struct sim_text){.data = NULL};
}

const char *sim_hex(const void *bytes, size_t len)
{
    static char texts[HEX_TEXTS][2 * HASH_BYTES + 1];
    static unsigned next;
    char *text = texts[next++ % HEX_TEXTS];
    const uint8_t *data = bytes;
    assert(len <= HASH_BYTES);
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[data[i] >> 4];
        text[2 * i + 1] = digits[data[i] & 15];
    }
    text[2 * len] = '\0';
    return text;
}

const char *sim_id(const struct skp_id *id)
{
    return sim_hex(id->bytes, ID_BYTES);
}

/* ---------------------------------------------------------------- the history */

void sim_history_open(const char *name)
{
    hash = EVP_MD_CTX_new();
    if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
        sim_die("no SHA-256");
    if (name != NULL && (file = fopen(name, "we")) == NULL)
        sim_die("%s cannot be written", name);
}

static void take_in(const void *bytes, size_t len)
{
    if (EVP_DigestUpdate(hash, bytes, len) != 1)
        sim_die("SHA-256 failed");
}

void sim_trace(const char *what, uint64_t number, const void *bytes, size_t len)
{
    uint64_t head[] = {(uint64_t)sim_now(), number, len};
    take_in(what, strlen(what));
    take_in(head, sizeof head);
    take_in(bytes, len);
}

static void begin_line(struct sim_text *line, const char *event, const char *who)
{
    sim_text_add(line, "{\"t\":%lld,\"e\":\"%s\",\"who\":\"%s\"", (long long)sim_now(), event, who);
}

static void end_line(struct sim_text *line)
{
    sim_text_add(line, "}\n");
    take_in(line->data, line->len);
    if (file != NULL && fwrite(line->data, 1, line->len, file) != line->len)
        sim_die("the history cannot be written");
    sim_text_fini(line);
}

void sim_history(const char *event, const char *who, const char *format, ...)
{
    struct sim_text line = {.data = NULL};
    va_list arguments;
    va_start(arguments, format);
    begin_line(&line, event, who);
    sim_text_add(&line, ",");
    add_list(&line, format, arguments);
    va_end(arguments);
    end_line(&line);
}

void sim_history_mark(const char *event, const char *who)
{
    struct sim_text line = {.data = NULL};
    begin_line(&line, event, who);
    end_line(&line);
}

void sim_history_close(char *ret_hash)
{
    uint8_t bytes[EVP_MAX_MD_SIZE];
    if (EVP_DigestFinal_ex(hash, bytes, NULL) != 1 || (file != NULL && fclose(file) != 0))
        sim_die("the history cannot be finished");
    EVP_MD_CTX_free(hash);
    hash = NULL;
    file = NULL;
    memcpy(ret_hash, sim_hex(bytes, HASH_BYTES), 2 * HASH_BYTES + 1);
}
