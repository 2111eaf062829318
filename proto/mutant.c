#include "mutant.h"

#ifdef SKP_MUTANTS
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static enum mutant switched_on = MUTANT_COUNT;

static void read_name(void)
{
    static const char *const names[] = {
#define X(name, breaks, program, test) #name,
        MUTANTS(X)
#undef X
    };
    const char *wanted = getenv("SKP_MUTANT");
    if (!wanted || !*wanted)
        return;
    for (unsigned i = 0; i < MUTANT_COUNT; i++)
        if (strcmp(names[i], wanted) == 0)
            switched_on = (enum mutant)i;
    if (switched_on == MUTANT_COUNT) {
        fprintf(stderr, "SKP_MUTANT=%s: there is no such mutant\n", wanted);
        abort();
    }
    fprintf(stderr, "SKP_MUTANT=%s: this program makes a mistake on purpose\n", wanted);
}

bool mutant_is_on(enum mutant mutant)
{
    pthread_once(&once, read_name);
    return switched_on == mutant;
}
#else
typedef int mutants_are_only_in_test_builds;
#endif
