/* Tells systemd how the service is doing (the protocol of sd_notify(3)); nothing happens without
 * systemd. */
#ifndef SKP_NOTIFY_H
#define SKP_NOTIFY_H

/* "READY=1", "STOPPING=1", "STATUS=...". */
void notify_service(const char *state);

#endif
