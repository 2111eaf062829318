#include "ctl_run.h"

#include "ctl_import.h"
#include "ctl_print.h"
#include "errors.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#define WHY_BYTES        512
#define ADVANCE_PAUSE_NS 2000000L /* 2 ms: the broker does what became due meanwhile */
#define ADVANCE_STUCK    15000    /* pauses without progress: half a minute */

static void print_raw(const json_t *answer)
{
    json_dumpf(answer, stdout, JSON_COMPACT);
    putchar('\n');
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

/* How to show an answer. */
struct output {
    enum ctl_format format;
    bool play; /* of CTL_CSV */
};

/* A spreadsheet has no place for it. */
static void show_csv(const json_t *answer, bool play)
{
    const json_t *more = json_object_get(answer, "more");
    ctl_print_csv(stdout, answer, play);
    if (more != NULL)
        fprintf(stderr, "skpctl: the list is cut: %" JSON_INTEGER_FORMAT " more\n",
                json_integer_value(more));
}

static int show(const json_t *answer, struct output output)
{
    bool ok = ctl_answer_is_ok(answer);
    if (output.format == CTL_JSON)
        print_raw(answer);
    else if (ok && output.format == CTL_CSV)
        show_csv(answer, output.play);
    else if (ok)
        ctl_print_answer(stdout, answer);
    else
        ctl_print_refusal(stderr, answer);
    return ok ? EX_OK : CTL_EXIT_REFUSED;
}

/* A file that holds no message at all is a bad file, and not a refusal of what it says. */
static bool is_unreadable(const json_t *request, const json_t *answer)
{
    json_int_t code = json_integer_value(json_object_get(json_object_get(answer, "error"), "code"));
    return json_object_get(request, "file_base64") != NULL && code >= SKP_E_DECODE &&
           code < SKP_E_IDENTITY_INVALID;
}

static int run_ask(struct ctl_channel *channel, const json_t *request, struct output output)
{
    json_t *answer = ask(channel, request);
    int code = answer != NULL ? show(answer, output) : EX_UNAVAILABLE;
    if (answer != NULL && is_unreadable(request, answer))
        code = EX_DATAERR;
    json_decref(answer);
    return code;
}

struct import_count {
    size_t taken, refused;
};

/* Each row stands on its own: one that is refused does not stop the others. False: the line broke. */
static bool import_one(struct ctl_channel *channel, const json_t *request, size_t number,
                       enum ctl_format format, struct import_count *count)
{
    json_t *answer = ask(channel, request);
    if (answer == NULL)
        return false;
    bool ok = ctl_answer_is_ok(answer);
    count->taken += ok;
    count->refused += !ok;
    if (format == CTL_JSON) {
        print_raw(answer);
    } else if (!ok) {
        fprintf(stderr, "line %zu: ", number);
        ctl_print_refusal(stderr, answer);
    }
    json_decref(answer);
    return true;
}

static bool import_json_line(struct ctl_channel *channel, const struct ctl_command *command,
                             const char *line, size_t number, enum ctl_format format,
                             struct import_count *count)
{
    json_error_t error;
    json_t *request = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(request)) {
        fprintf(stderr, "line %zu: not a JSON object: %s\n", number, error.text);
        json_decref(request);
        count->refused++;
        return true;
    }
    json_object_set_new(request, "command", json_string(command->wire));
    bool ok = import_one(channel, request, number, format, count);
    json_decref(request);
    return ok;
}

static bool import_json_lines(struct ctl_channel *channel, const struct ctl_command *command,
                              enum ctl_format format, struct import_count *count)
{
    char *line = NULL;
    size_t room = 0;
    size_t number = 0;
    bool ok = true;
    while (ok && getline(&line, &room, stdin) > 0) {
        number++;
        if (line[strspn(line, " \t\r\n")] != '\0')
            ok = import_json_line(channel, command, line, number, format, count);
    }
    free(line);
    return ok;
}

static bool import_rows(struct ctl_channel *channel, struct ctl_import *import,
                        enum ctl_format format, struct import_count *count)
{
    json_t *request;
    unsigned long line;
    struct csv_problem problem;
    bool ok = true;
    while (ok && ctl_import_next(import, &request, &line, &problem)) {
        if (request != NULL) {
            ok = import_one(channel, request, line, format, count);
        } else {
            char text[CSV_PROBLEM_TEXT_BYTES];
            csv_problem_print(&problem, text);
            fprintf(stderr, "skpctl: %s\n", text);
            count->refused++;
        }
        json_decref(request);
    }
    return ok;
}

static int run_import(struct ctl_channel *channel, const struct ctl_command *command,
                      const json_t *request, enum ctl_format format)
{
    struct import_count count = {0};
    struct ctl_import *import;
    struct csv_problem problem = {0};
    const char *file = json_string_value(json_object_get(request, "file"));
    bool ok;
    if (file == NULL) {
        ok = import_json_lines(channel, command, format, &count);
    } else if (ctl_import_open(file, &import, &problem)) {
        char text[CSV_PROBLEM_TEXT_BYTES];
        csv_problem_print(&problem, text);
        fprintf(stderr, "skpctl: %s: %s\n", file, text);
        return EX_DATAERR;
    } else {
        ok = import_rows(channel, import, format, &count);
        ctl_import_close(import);
    }
    if (!ok)
        return EX_UNAVAILABLE;
    if (format == CTL_JSON)
        printf("{\"ok\":%s,\"taken\":%zu,\"refused\":%zu}\n", count.refused > 0 ? "false" : "true",
               count.taken, count.refused);
    else
        printf("%zu taken, %zu refused\n", count.taken, count.refused);
    return count.refused > 0 ? CTL_EXIT_REFUSED : EX_OK;
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
static int run_advance(struct ctl_channel *channel, json_t *request, struct output output)
{
    struct timespec pause = {.tv_nsec = ADVANCE_PAUSE_NS};
    char before[64] = "";
    for (unsigned stuck = 0; stuck < ADVANCE_STUCK; stuck++) {
        json_t *answer = ask(channel, request);
        if (answer == NULL)
            return EX_UNAVAILABLE;
        bool more = ctl_answer_is_ok(answer) && json_is_false(json_object_get(answer, "reached"));
        if (!more) {
            int code = show(answer, output);
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

/* Adds the numbers of the slice before to those of `answer`. */
static void add_up(json_t *answer, const json_t *before)
{
    const char *name;
    json_t *number;
    json_object_foreach((json_t *)(uintptr_t)before, name, number)
    {
        json_t *mine = json_object_get(answer, name);
        if (json_is_integer(number) && json_is_integer(mine))
            json_integer_set(mine, json_integer_value(mine) + json_integer_value(number));
    }
}

static int run_sum(struct ctl_channel *channel, json_t *request, struct output output)
{
    json_t *sum = NULL;
    for (;;) {
        json_t *answer = ask(channel, request);
        if (answer == NULL) {
            json_decref(sum);
            return EX_UNAVAILABLE;
        }
        if (sum != NULL)
            add_up(answer, sum);
        json_decref(sum);
        sum = answer;
        json_t *after = json_object_get(answer, "after");
        if (!json_is_string(after))
            break;
        json_object_set(request, "after", after);
        json_object_del(answer, "after");
    }
    int code = show(sum, output);
    json_decref(sum);
    return code;
}

/* Asked first, because most answers do not say it. EX_OK; else it is told that the broker does not say. */
static int learn_play(struct ctl_channel *channel, bool *ret_play)
{
    json_t *request = json_pack("{s:s}", "command", "clock.show");
    json_t *answer = ask(channel, request);
    int code = answer == NULL             ? EX_UNAVAILABLE
               : ctl_answer_is_ok(answer) ? EX_OK
                                          : CTL_EXIT_REFUSED;
    if (code == CTL_EXIT_REFUSED)
        ctl_print_refusal(stderr, answer);
    *ret_play = json_is_true(json_object_get(answer, "play"));
    json_decref(answer);
    json_decref(request);
    return code;
}

int ctl_run(struct ctl_channel *channel, const struct ctl_command *command, json_t *request,
            enum ctl_format format)
{
    struct output output = {.format = format};
    bool table = format == CTL_CSV && command->way != CTL_IMPORT && command->way != CTL_STOP;
    int code = table ? learn_play(channel, &output.play) : EX_OK;
    if (code != EX_OK) {
        json_decref(request);
        return code;
    }
    switch (command->way) {
    case CTL_ASK:
        code = run_ask(channel, request, output);
        break;
    case CTL_IMPORT:
        code = run_import(channel, command, request, format);
        break;
    case CTL_ADVANCE:
        code = run_advance(channel, request, output);
        break;
    case CTL_SUM:
        code = run_sum(channel, request, output);
        break;
    case CTL_STOP:
        code = run_ask(channel, request, output);
        if (code == EX_OK)
            ctl_channel_wait_closed(channel);
        break;
    case CTL_EXPLAIN: /* needs no channel: skpctl.c */
        break;
    }
    json_decref(request);
    return code;
}
