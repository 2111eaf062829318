/* Ends a hunt after $FUZZ_CPU_S seconds of processor time, not of waiting: a hunt that runs beside other work is as thorough
 * as one that runs alone. libFuzzer leaves in good manners at SIGUSR1. */
#include <signal.h>
#include <stdlib.h>
#include <time.h>

__attribute__((constructor)) static void limit_cpu(void)
{
    const char *text = getenv("FUZZ_CPU_S");
    long seconds = text ? strtol(text, NULL, 10) : 0;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec limit = {.it_value.tv_sec = seconds};
    timer_t timer;
    if (seconds > 0 && timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0)
        (void)timer_settime(timer, 0, &limit, NULL);
}
