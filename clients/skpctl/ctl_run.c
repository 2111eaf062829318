#include "ctl_run.h"

#include "ctl_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#define WHY_BYTES        512
#define ADVANCE_PAUSE_NS 20000000L /* 20 ms: the broker does what became due meanwhile */
#define ADVANCE_STUCK    1500      /* pauses without progress: half a minute */

static void print_raw(const json_t *answer)
{
    json_dumpf(answer, stdout, JSON_COMPACT);
    putchar('\n');
}

static int show(const json_t *answer, bool raw)
{
    bool ok = ctl_answer_is_ok(answer);
    if (raw)
        print_raw(answer);
    else if (ok)
        ctl_print_answer(stdout, answer);
    else
        ctl_print_refusal(stderr, answer);
    return ok ? EX_OK : CTL_EXIT_REFUSED;
}

/* Takes nothing; prints why there is no answer. */
static json_t *ask(struct ctl_channel *channel, const json_t *request)
{
    char why[WHY_BYTES];
    json_t *answer = ctl_channel_ask(channel, request, why);
    if (answer == NULL)
        fprintf(stderr, "skpctl: %s\n", why);
    return answer;
}

static int run_ask(struct ctl_channel *channel, const json_t *request, bool raw)
{
    json_t *answer = ask(channel, request);
    int code = answer != NULL ? show(answer, raw) : EX_UNAVAILABLE;
    json_decref(answer);
    return code;
}

static int import_line(struct ctl_channel *channel, const struct ctl_command *command,
                       const char *line, size_t number, bool raw)
{
    json_error_t error;
    json_t *request = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(request)) {
        fprintf(stderr, "line %zu: not a JSON object: %s\n", number, error.text);
        json_decref(request);
        return CTL_EXIT_REFUSED;
    }
    json_object_set_new(request, "command", json_string(command->wire));
    json_t *answer = ask(channel, request);
    int code = EX_UNAVAILABLE;
    if (answer != NULL) {
        code = ctl_answer_is_ok(answer) ? EX_OK : CTL_EXIT_REFUSED;
        if (raw) {
            print_raw(answer);
        } else if (code != EX_OK) {
            fprintf(stderr, "line %zu: ", number);
            ctl_print_refusal(stderr, answer);
        }
    }
    json_decref(answer);
    json_decref(request);
    return code;
}

/* Each line stands on its own: one that is refused does not stop the others. */
static int run_import(struct ctl_channel *channel, const struct ctl_command *command, bool raw)
{
    char *line = NULL;
    size_t room = 0;
    size_t number = 0;
    size_t taken = 0;
    size_t refused = 0;
    int code = EX_OK;
    while (code != EX_UNAVAILABLE && getline(&line, &room, stdin) > 0) {
        number++;
        if (line[strspn(line, " \t\r\n")] == '\0')
            continue;
        code = import_line(channel, command, line, number, raw);
        taken += code == EX_OK;
        refused += code == CTL_EXIT_REFUSED;
    }
    free(line);
    if (!raw)
        printf("%zu taken, %zu refused\n", taken, refused);
    if (code == EX_UNAVAILABLE)
        return code;
    return refused > 0 ? CTL_EXIT_REFUSED : EX_OK;
}

/* Once the broker has said where "n working days on" is, that is what is asked for. */
static void aim_at_target(json_t *request, const json_t *answer)
{
    json_t *target = json_object_get(answer, "target");
    if (json_is_string(target)) {
        json_object_set(request, "to", target);
        json_object_del(request, "working_days");
    }
}

/* Time never jumps over what is due on the way: the broker goes there stop by stop, and says when it arrived. */
static int run_advance(struct ctl_channel *channel, json_t *request, bool raw)
{
    struct timespec pause = {.tv_nsec = ADVANCE_PAUSE_NS};
    char before[64] = "";
    for (unsigned stuck = 0; stuck < ADVANCE_STUCK; stuck++) {
        json_t *answer = ask(channel, request);
        if (answer == NULL)
            return EX_UNAVAILABLE;
        bool more = ctl_answer_is_ok(answer) && json_is_false(json_object_get(answer, "reached"));
        if (!more) {
            int code = show(answer, raw);
            json_decref(answer);
            return code;
        }
        const char *now = json_string_value(json_object_get(answer, "business_time"));
        if (now != NULL && strcmp(now, before) != 0) {
            snprintf(before, sizeof before, "%s", now);
            stuck = 0;
        }
        aim_at_target(request, answer);
        json_decref(answer);
        nanosleep(&pause, NULL);
    }
    fprintf(stderr,
            "skpctl: the clock stays at %s: what is due there does not get done; see the log\n",
            before);
    return CTL_EXIT_REFUSED;
}

int ctl_run(struct ctl_channel *channel, const struct ctl_command *command, json_t *request,
            bool raw)
{
    int code = EX_SOFTWARE;
    switch (command->way) {
    case CTL_ASK:
        code = run_ask(channel, request, raw);
        break;
    case CTL_IMPORT:
        code = run_import(channel, command, raw);
        break;
    case CTL_ADVANCE:
        code = run_advance(channel, request, raw);
        break;
    case CTL_EXPLAIN: /* needs no channel: skpctl.c */
        break;
    }
    json_decref(request);
    return code;
}
