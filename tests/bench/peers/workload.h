/* Workload L: what a generic broker can do of our round, the same for every peer.
 *
 * 84,000 letters of 300 bytes to 300 queues (Zipf, s = 1), at most 1,000 unconfirmed; four consumers receive and
 * acknowledge each letter and send a reply of 200 bytes to one of 20 reply queues; one consumer receives and
 * acknowledges the replies. Done when every letter and reply is confirmed by the server and received once, checked by
 * id. Six TLS 1.3 connections with a client certificate (P-256).
 *
 * One workload per process. Counting functions may be called on any thread. */
#ifndef SKP_PEERS_WORKLOAD_H
#define SKP_PEERS_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>

#define QUEUES       300
#define REPLY_QUEUES 20
#define CONSUMERS    4 /* queue q is consumer q % CONSUMERS's */
#define LETTER_BYTES 300
#define REPLY_BYTES  200
#define HOST         "localhost"

/* Sizes come from the environment: N, WINDOW; certificates from the folder CERTS. */
void workload_init(void);
void workload_start(void); /* the clock */

/* Waits until all is done or limit_s have passed; prints "CLIENT key=value ..."; gives the exit code. */
int workload_finish(double limit_s);

long workload_count(void);
long workload_window(void);
unsigned workload_queue(long letter);
double workload_seconds(void); /* since the start */

/* Bodies: id, queue, filler. */
void workload_letter(long letter, uint8_t ret_body[LETTER_BYTES]);
void workload_reply(uint64_t id, unsigned queue, uint8_t ret_body[REPLY_BYTES]);

/* Counts what was received; ends the process when it is not of this workload. */
void workload_got_letter(const void *body, size_t len, uint64_t *ret_id, unsigned *ret_queue);
void workload_got_reply(const void *body, size_t len);

void workload_letters_confirmed(long more);
void workload_replies_confirmed(long more);
long workload_unconfirmed(long sent); /* letters */

/* CERTS/name; good until the process ends. */
const char *workload_cert(const char *name);
long workload_setting(const char *name, long preset); /* from the environment */
_Noreturn void workload_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
