/* What all sessions of one participant ask together. Who opens many of them gets no more answers at
 * a time, and who closes them has no less under way until those have come back. */
#include "server_internal.h"

#include <stdlib.h>

#define WHOLE_PART 2 /* of the intake: for all of one participant */

static struct participant *find(struct server *server, const struct skp_oin *oin)
{
    struct participant *participant;
    LIST_FOREACH(participant, &server->participants[server_bucket_of(oin)], link)
    {
        if (oin_equal(&participant->oin, oin))
            return participant;
    }
    return NULL;
}

struct participant *participant_join(struct server *server, const struct skp_oin *oin)
{
    struct participant *participant = find(server, oin);
    if (participant == NULL) {
        participant = calloc(1, sizeof *participant);
        if (participant == NULL)
            return NULL;
        participant->oin = *oin;
        TAILQ_INIT(&participant->turns);
        LIST_INSERT_HEAD(&server->participants[server_bucket_of(oin)], participant, link);
    }
    participant->sessions++;
    return participant;
}

void participant_leave(struct participant *participant)
{
    if (--participant->sessions > 0)
        return;
    LIST_REMOVE(participant, link);
    free(participant);
}

bool participant_has_room(const struct session *session, size_t bytes)
{
    const struct participant *participant = session->participant;
    return participant->coming_bytes + participant->asked_bytes + bytes <=
           engine_intake_share(session->server->engine, WHOLE_PART);
}

/* A session without a question is never held up by the others, so that its own answers are all that
 * it ever waits for. */
bool participant_may_ask(const struct session *session)
{
    return session->lookups == 0 ||
           session->participant->lookups < session->server->limits.lookups_per_peer;
}

void participant_asks(struct session *session)
{
    session->lookups++;
    session->participant->lookups++;
}

void participant_heard(struct session *session)
{
    session->lookups--;
    session->participant->lookups--;
}
