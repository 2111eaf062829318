#include "control.h"

#include "metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

json_t *control_error(enum skp_err err, const char *path, const char *sentence)
{
    const struct skp_error_info *info = skp_error(err);
    return json_pack("{s:b, s:{s:i, s:s, s:s, s:s, s:s}}", "ok", 0, "error", "code",
                     (int)info->code, "name", info->name, "path", path != NULL ? path : "",
                     "sentence",
                     sentence != NULL && sentence[0] != '\0' ? sentence : info->sentence, "remedy",
                     info->remedy);
}

static void add_session(void *ctx, const struct session_info *info)
{
    char id[24];
    snprintf(id, sizeof id, "%016" PRIx64, info->id);
    json_array_append_new(
        ctx,
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:i, s:i, s:i, s:I, s:I, s:I}", "session", id, "peer",
                  info->peer, "source", info->source, "state", info->state, "age_seconds",
                  (json_int_t)(info->age_ms / 1000), "asks", (int)info->asks, "batches",
                  (int)info->batches, "mailboxes", (int)info->mailboxes, "frames_in",
                  (json_int_t)info->frames_in, "frames_out", (json_int_t)info->frames_out,
                  "unsent_bytes", (json_int_t)info->unsent_bytes));
}

static json_t *answer_sessions(const struct control_config *config)
{
    json_t *rows = json_array();
    server_each_session(config->server, add_session, rows);
    return json_pack("{s:b, s:o}", "ok", 1, "rows", rows);
}

static json_t *answer_metrics(const struct control_config *config)
{
    char *text = metrics_print(config->server);
    json_t *answer = text != NULL ? json_pack("{s:b, s:s}", "ok", 1, "text", text)
                                  : control_error(SKP_E_NO_MEMORY, NULL, NULL);
    free(text);
    return answer;
}

static json_t *answer_reload(const struct control_config *config)
{
    char why[CREDENTIALS_WHY_BYTES];
    enum skp_err err = server_reload(config->server, why);
    return err ? control_error(err, NULL, why) : json_pack("{s:b}", "ok", 1);
}

static json_t *answer_stop(const struct control_config *config)
{
    server_stop(config->server, config->stop_grace_ms);
    return json_pack("{s:b}", "ok", 1);
}

static const struct {
    const char *name;
    json_t *(*answer)(const struct control_config *config);
} commands[] = {
    {"sessions", answer_sessions},
    {"metrics", answer_metrics},
    {"reload", answer_reload},
    {"stop", answer_stop},
};

json_t *control_answer_own(const struct control_config *config, const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].answer(config);
    }
    return NULL;
}
