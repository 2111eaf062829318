/* Many connections of one participant to a broker, well-behaved or not: what crowd.c and
 * crowd_member.c share. One thread. */
#ifndef SKP_TEST_CROWD_H
#define SKP_TEST_CROWD_H

#include "bytes.h"

#include <event2/event.h>
#include <openssl/ssl.h>

/* name, whether it speaks TLS, what it does */
#define CROWD_KINDS(X)                                                                             \
    X(STORM, "storm", true, "TLS, Hello, Welcome, and away; then the next")                        \
    X(IDLE, "idle", true, "up, and a Ping now and then")                                           \
    X(SILENT, "silent", false, "connected, and not a byte")                                        \
    X(HELLO_BYTES, "hello-bytes", false, "a ClientHello, byte by byte")                            \
    X(FRAME_BYTES, "frame-bytes", true, "up, and then a frame byte by byte")                       \
    X(DEAF, "deaf", true, "up, asks again and again, reads no answer")

enum crowd_kind {
#define X(name, word, tls, help) CROWD_##name,
    CROWD_KINDS(X)
#undef X
        CROWD_KIND_COUNT
};

struct member;

struct crowd {
    struct event_base *base;
    SSL_CTX *tls;
    enum crowd_kind kind;
    bool speaks_tls;
    uint16_t port;
    unsigned count;          /* storm: handshakes in all; otherwise connections */
    unsigned at_once;        /* connections */
    unsigned sources;        /* addresses 127.1.0.1 and on that they come from */
    unsigned every_ms, seed; /* each does its next thing so often, each at an instant of its own */
    struct member *members;
    unsigned opened; /* of them, for the first time */

    unsigned begun, done, failed, lost; /* lost: closed by the other side; they come again */
    unsigned settled;                   /* as far as they ever get */
    int64_t *took_us;                   /* storm: each from connecting to Welcome */
    void (*changed)(struct crowd *crowd);
};

/* Opens all members; they come back by themselves. Ends the program when memory is short. */
void crowd_open(struct crowd *crowd);
void crowd_close(struct crowd *crowd);

int64_t crowd_now_us(void);

#endif
