/* race_regex.c - four threads compile, share, push out and match the same expressions; run under
 * TSan. */
#include "base/regex.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 4, ROUNDS = 2000, PATTERNS = 300 };

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "race_regex: %s\n", what);
    exit(1);
}

static void *use(void *user)
{
    unsigned at = (unsigned)(uintptr_t)user;
    for (unsigned i = 0; i < ROUNDS; i++) {
        char pattern[32], text[32];
        struct regex *r;
        at = at * 1103515245 + 12345;
        unsigned number = at >> 16 & 0xffff;
        snprintf(pattern, sizeof(pattern), "x%u[0-9]+", number % PATTERNS);
        snprintf(text, sizeof(text), "x%u77", number % PATTERNS);
        must(regex_new(str_from_c(pattern), &r, NULL) == ST_OK, "no expression");
        must(regex_match(r, str_from_c(text)), "no match");
        must(!regex_match(r, STR("y")), "a match of something else");
        regex_free(r);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        must(pthread_create(&threads[i], NULL, use, (void *)(i + 1)) == 0, "no thread");
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
