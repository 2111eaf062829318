#include "floor_link.h"

#include "workload.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_ROOM ((size_t)1 << 18)
#define READ_ROOM  ((size_t)1 << 15)
#define READ_MOST  ((size_t)1 << 20) /* then what came is handled first */
#define LEN_BYTES  sizeof(uint32_t)

SSL_CTX *floor_context(bool is_server)
{
    SSL_CTX *context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(
            context, workload_cert(is_server ? "server.pem" : "client.pem")) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, workload_cert(is_server ? "server.key" : "client.key"),
                                    SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(context, workload_cert("ca.pem"), NULL) != 1)
        workload_die("floor: the certificates cannot be used");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    return context;
}

void floor_link_init(struct floor_link *link, int fd, SSL *ssl)
{
    int on = 1;
    *link = (struct floor_link){.fd = fd, .ssl = ssl};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
}

void floor_link_fini(struct floor_link *link)
{
    SSL_free(link->ssl);
    close(link->fd);
    free(link->in.bytes);
    free(link->out.bytes);
}

/* Room for `more` behind the end; what was used up in front goes first. */
static uint8_t *room_for(struct floor_buffer *buffer, size_t more)
{
    if (buffer->room - buffer->end < more && buffer->start > 0) {
        memmove(buffer->bytes, buffer->bytes + buffer->start, buffer->end - buffer->start);
        buffer->end -= buffer->start;
        buffer->start = 0;
    }
    while (buffer->room - buffer->end < more) {
        buffer->room = buffer->room ? 2 * buffer->room : FIRST_ROOM;
        buffer->bytes = realloc(buffer->bytes, buffer->room);
        if (!buffer->bytes)
            workload_die("out of memory");
    }
    return buffer->bytes + buffer->end;
}

/* False: the socket gives or takes no more now. */
static bool goes_on(struct floor_link *link, int done, bool *ret_gone)
{
    if (done > 0)
        return true;
    int why = SSL_get_error(link->ssl, done);
    *ret_gone = why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
    return false;
}

static bool fill(struct floor_link *link)
{
    bool gone = false;
    while (link->in.end - link->in.start < READ_MOST) {
        uint8_t *to = room_for(&link->in, READ_ROOM);
        ERR_clear_error();
        int got = SSL_read(link->ssl, to, (int)(link->in.room - link->in.end));
        if (!goes_on(link, got, &gone))
            break;
        link->in.end += (size_t)got;
    }
    return !gone;
}

bool floor_receive(struct floor_link *link, floor_fn handle)
{
    bool there = fill(link);
    struct floor_buffer *in = &link->in;
    for (uint32_t len; in->end - in->start >= LEN_BYTES; in->start += LEN_BYTES + len) {
        memcpy(&len, in->bytes + in->start, LEN_BYTES);
        if (in->end - in->start - LEN_BYTES < len)
            break;
        Floor__Env *envelope = floor__env__unpack(NULL, len, in->bytes + in->start + LEN_BYTES);
        if (!envelope)
            workload_die("floor: no envelope");
        handle(link, envelope);
    }
    return there;
}

void floor_put(struct floor_link *link, const Floor__Env *envelope)
{
    uint32_t len = (uint32_t)floor__env__get_packed_size(envelope);
    uint8_t *to = room_for(&link->out, LEN_BYTES + len);
    memcpy(to, &len, LEN_BYTES);
    floor__env__pack(envelope, to + LEN_BYTES);
    link->out.end += LEN_BYTES + len;
}

void floor_flush(struct floor_link *link)
{
    bool gone = false;
    while (floor_has_output(link)) {
        ERR_clear_error();
        int put = SSL_write(link->ssl, link->out.bytes + link->out.start,
                            (int)(link->out.end - link->out.start));
        if (!goes_on(link, put, &gone))
            break;
        link->out.start += (size_t)put;
    }
}

void floor_envelope(Floor__Env *envelope, enum floor_type type, uint64_t id, unsigned queue,
                    const void *body, size_t len)
{
    static char sender[] = "unit-00042";
    static char key[] = "k";
    static char kind[] = "l";
    floor__env__init(envelope);
    envelope->type = type;
    envelope->id = id;
    envelope->queue = queue;
    envelope->body.data = (uint8_t *)(uintptr_t)body; /* packing does not write */
    envelope->body.len = len;
    if (type != FLOOR_PUBLISH && type != FLOOR_DELIVER)
        return;
    envelope->sender = sender;
    envelope->ts = UINT64_C(1795298117000);
    envelope->key = key;
    envelope->flags = 5;
    envelope->ttl = 86400;
    envelope->ctype = kind;
}
