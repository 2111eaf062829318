#include "round_office.h"

#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_S       60
#define START_STEP_US 1000
#define ANSWER_BYTES  65536
#define MAX_SETTINGS  20

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        bench_die("no free port");
    close(fd);
    return ntohs(address.sin_port);
}

/* ---------------------------------------------------------------- start and stop */

static void run_broker(const struct round_office *office)
{
    const char *const files[][2] = {{"ca_file", "ca.pem"},
                                    {"crl_file", "crl.pem"},
                                    {"tls_cert", "broker-tls.pem"},
                                    {"tls_key", "broker-tls.key"},
                                    {"sign_cert", "broker-sign.pem"},
                                    {"sign_key", "broker-sign.key"}};
    static char settings[MAX_SETTINGS][400];
    char *arguments[2 * MAX_SETTINGS + 2] = {(char *)(uintptr_t)office->skpd};
    size_t count = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        snprintf(settings[count++], sizeof settings[0], "%s=%s/%s", files[i][0],
                 office->pki->folder, files[i][1]);
    snprintf(settings[count++], sizeof settings[0], "store_path=%s/store.db", office->data);
    snprintf(settings[count++], sizeof settings[0], "control_socket=%s", office->socket);
    snprintf(settings[count++], sizeof settings[0], "listen=127.0.0.1:%u", office->port);
    /* All participants of a benchmark come from one address, and its control commands are many. */
    snprintf(settings[count++], sizeof settings[0], "max_handshakes_per_source=1000");
    snprintf(settings[count++], sizeof settings[0], "log_level=warn");
    for (const char *const *extra = office->settings; extra && *extra; extra++)
        snprintf(settings[count++], sizeof settings[0], "%s", *extra);
    for (size_t i = 0; i < count; i++) {
        arguments[1 + 2 * i] = (char *)(uintptr_t) "--set";
        arguments[2 + 2 * i] = settings[i];
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a benchmark that gave up leaves no broker behind */
    int log = open(office->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (log < 0 || dup2(log, STDERR_FILENO) < 0)
        _exit(126);
    execv(office->skpd, arguments);
    _exit(127);
}

static int connect_control(const struct round_office *office)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", office->socket);
    for (double end_s = bench_now_s() + START_S; bench_now_s() < end_s;) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            return fd;
        close(fd);
        if (waitpid(office->pid, NULL, WNOHANG) != 0)
            break;
        usleep(START_STEP_US);
    }
    bench_die("%s: the broker did not start", office->log);
}

void round_office_init(struct round_office *office, const char *skpd, const char *folder,
                       const struct round_pki *pki, const char *const *settings)
{
    *office = (struct round_office){.skpd = skpd, .pki = pki, .settings = settings};
    snprintf(office->data, sizeof office->data, "%s/data", folder);
    snprintf(office->log, sizeof office->log, "%s/skpd.log", folder);
    if ((size_t)snprintf(office->socket, sizeof office->socket, "%s/control", folder) >=
        sizeof office->socket)
        bench_die("%s: too long a path for a socket", folder);
    if (mkdir(office->data, 0700) != 0)
        bench_die("%s cannot be made", office->data);
}

double round_office_start(struct round_office *office)
{
    double start_s = bench_now_s();
    office->port = free_port();
    office->pid = fork();
    if (office->pid == 0)
        run_broker(office);
    if (office->pid < 0)
        bench_die("fork failed");
    office->control = connect_control(office);
    return bench_now_s() - start_s;
}

bool round_office_stop(struct round_office *office)
{
    int status = 0;
    close(office->control);
    kill(office->pid, SIGTERM);
    return waitpid(office->pid, &status, 0) == office->pid && status == 0;
}

void round_office_kill(struct round_office *office)
{
    close(office->control);
    kill(office->pid, SIGKILL);
    waitpid(office->pid, NULL, 0);
}

/* ---------------------------------------------------------------- questions */

static json_t *read_answer(struct round_office *office)
{
    static char line[ANSWER_BYTES];
    size_t len = 0;
    while (len < sizeof line && (len == 0 || line[len - 1] != '\n')) {
        ssize_t got = read(office->control, line + len, sizeof line - len);
        if (got <= 0)
            bench_die("%s: the broker closed the control socket", office->log);
        len += (size_t)got;
    }
    json_t *answer = json_loadb(line, len, 0, NULL);
    if (!json_is_true(json_object_get(answer, "ok")))
        bench_die("control socket: %.*s", (int)len, line);
    return answer;
}

static json_t *ask(struct round_office *office, json_t *question)
{
    char *line = json_dumps(question, JSON_COMPACT);
    json_decref(question);
    if (!line || write(office->control, line, strlen(line)) != (ssize_t)strlen(line) ||
        write(office->control, "\n", 1) != 1)
        bench_die("%s: the control socket takes nothing", office->log);
    free(line);
    return read_answer(office);
}

void round_office_register(struct round_office *office, const struct skp_oin *oin, bool counsellor)
{
    json_decref(ask(office, json_pack("{s:s,s:s,s:s,s:[s]}", "command", "participant.add", "oin",
                                      oin->text, "name", "TEST participant", "roles",
                                      counsellor ? "counsellor" : "creditor")));
}

uint64_t round_office_commits(struct round_office *office)
{
    json_t *answer = ask(office, json_pack("{s:s}", "command", "status"));
    uint64_t commits = (uint64_t)json_integer_value(json_object_get(answer, "commits"));
    json_decref(answer);
    return commits;
}
