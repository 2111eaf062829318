/* A server on a pair of buffers, with a clock that stands still and an engine that waits for the
 * test. */
#ifndef SKP_NET_FIXTURE_H
#define SKP_NET_FIXTURE_H

#include "fake_engine.h"
#include "server.h"
#include "skp.pb-c.h"

#include "testing.h"

#define OIN_COUNSELLOR "00000099000000001000"
#define OIN_CREDITOR   "00000099000000002000"

struct net {
    struct event_base *base;
    struct engine *engine;
    struct clock_manual clock;
    struct server *server;
    unsigned stopped;
};

struct peer {
    struct net *net;
    struct bufferevent *stream;
    struct arena arena; /* of what was received; reset by each expectation */
    bool closed;
};

/* cmocka setup and teardown: *state is a struct net. */
int net_setup(void **state);
int net_teardown(void **state);

/* Runs the loop until nothing happens, with everything the engine has finished. */
void net_pump(struct net *net);

/* Time goes by. */
void net_pass(struct net *net, int64_t ms);

void peer_open(struct peer *peer, struct net *net, const char *oin);
void peer_free(struct peer *peer);

/* Opened, and greeted. */
void peer_open_up(struct peer *peer, struct net *net, const char *oin);

void peer_send(struct peer *peer, enum frame_type type, const ProtobufCMessage *message);
void peer_send_body(struct peer *peer, enum frame_type type, struct span body);
void peer_send_raw(struct peer *peer, const void *bytes, size_t len);

/* The next frame must be `type`; its message lives until the next expectation. */
void *peer_expect(struct peer *peer, enum frame_type type,
                  const ProtobufCMessageDescriptor *descriptor);
Skp__V1__Error *peer_expect_error(struct peer *peer, enum skp_err err);
void peer_expect_silence(struct peer *peer);
void peer_expect_closed(struct peer *peer);

/* A whole batch of one bundle under this id. */
void peer_send_batch(struct peer *peer, const char *id16);
void peer_send_end(struct peer *peer, const char *id16);
void peer_send_fetch(struct peer *peer, const char *mailbox, uint32_t messages, uint32_t bytes);

#endif
