/* The whole program with the words of a command line, and what it prints. */
#ifndef SKP_TOLD_H
#define SKP_TOLD_H

#include "testing.h"

#include "cli.h"

#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_BYTES 32768
#define MAX_ARGS     12

struct told {
    int code;
    char text[OUTPUT_BYTES]; /* stdout and stderr */
};

/* Runs skp with the words of `line`; its output goes to a file meanwhile. */
static inline void run(const char *line, struct told *ret_told)
{
    char words[3 * PATH_MAX + 128], file[] = "/tmp/skp_cli_XXXXXX",
                                    *args[MAX_ARGS] = {(char[]){"skp"}}, *save = NULL;
    int count = 1;
    (void)snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
        args[count++] = word;
    assert_true(count < MAX_ARGS);
    int fd = mkstemp(file), out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    (void)fflush(stdout);
    assert_true(fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0);
    ret_told->code = cli_run(count, args);
    (void)fflush(stdout);
    assert_true(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
    ssize_t len = pread(fd, ret_told->text, sizeof ret_told->text - 1, 0);
    assert_true(len >= 0);
    ret_told->text[len] = '\0';
    (void)close(out);
    (void)close(err);
    (void)close(fd);
    (void)unlink(file);
}

static inline void sleep_ms(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* Whether the program that runs has said `text` by now: for a thread beside run(). */
static inline bool has_said(const char *text)
{
    char said[OUTPUT_BYTES];
    ssize_t len = pread(STDERR_FILENO, said, sizeof said - 1, 0);
    said[len > 0 ? len : 0] = '\0';
    return strstr(said, text) != NULL;
}

/* Until it has, however long that takes on a busy machine; false: it never will. */
static inline bool will_say(const char *text)
{
    for (int i = 0; i < 3000 && !has_said(text); i++)
        sleep_ms(20);
    return has_said(text);
}

static inline void says(const struct told *told, const char *text)
{
    if (!strstr(told->text, text))
        fail_msg("lacks '%s': %s", text, told->text);
}

static inline void does_not_say(const struct told *told, const char *text)
{
    if (strstr(told->text, text))
        fail_msg("has '%s': %s", text, told->text);
}

#endif
