#include "ctl_channel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WHY_BYTES 512

struct ctl_channel {
    FILE *stream;
    char *line; /* of getline() */
    size_t room;
};

struct ctl_channel *ctl_channel_open(const char *path, char *ret_why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        snprintf(ret_why, WHY_BYTES, "%s: the path of the socket is too long", path);
        return NULL;
    }
    memcpy(address.sun_path, path, strlen(path));
    struct ctl_channel *channel = calloc(1, sizeof *channel);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (channel != NULL && fd >= 0 &&
        connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        channel->stream = fdopen(fd, "r+");
    if (channel != NULL && channel->stream != NULL)
        return channel;
    snprintf(ret_why, WHY_BYTES, "%s: no broker answers here: %s; %s", path, strerror(errno),
             errno == EACCES ? "run this as root or as the broker's user"
                             : "is skpd running, and is this its control_socket?");
    if (fd >= 0)
        close(fd);
    free(channel);
    return NULL;
}

void ctl_channel_close(struct ctl_channel *channel)
{
    if (channel == NULL)
        return;
    fclose(channel->stream);
    free(channel->line);
    free(channel);
}

json_t *ctl_channel_ask(struct ctl_channel *channel, const json_t *request, char *ret_why)
{
    json_error_t error;
    if (json_dumpf(request, channel->stream, JSON_COMPACT) != 0 ||
        fputc('\n', channel->stream) == EOF || fflush(channel->stream) != 0) {
        snprintf(ret_why, WHY_BYTES, "the broker closed the connection: are you root or its user?");
        return NULL;
    }
    ssize_t len = getline(&channel->line, &channel->room, channel->stream);
    if (len <= 0) {
        snprintf(ret_why, WHY_BYTES, "no answer came: are you root or the broker's user?");
        return NULL;
    }
    json_t *answer = json_loadb(channel->line, (size_t)len, 0, &error);
    if (answer == NULL)
        snprintf(ret_why, WHY_BYTES, "the answer is not JSON: %s", error.text);
    return answer;
}

void ctl_channel_wait_closed(struct ctl_channel *channel)
{
    while (getline(&channel->line, &channel->room, channel->stream) > 0)
        continue;
}
