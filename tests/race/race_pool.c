/* race_pool.c - several loops post to the query pool while it works and ends: every job that was
 * taken runs exactly once, with an arena of its own. Plain program for TSan. */
#include "query/pool.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { POSTERS = 4, JOBS = 2000, TRIES = 1000 };

struct job {
    struct pool_job job;
    atomic_uint runs;
    bool taken;
};

struct poster {
    struct pool *pool;
    struct job jobs[JOBS];
};

static struct poster posters[POSTERS];

static void run(struct pool_job *job, struct arena *arena)
{
    struct job *j = CONTAINER_OF(job, struct job, job);
    char *bytes = arena_alloc(arena, 256);
    if (bytes)
        memset(bytes, 1, 256);
    atomic_fetch_add(&j->runs, bytes != NULL);
}

static void *post_all(void *user)
{
    struct poster *p = user;
    for (size_t i = 0; i < JOBS; i++) {
        p->jobs[i].job.run = run;
        p->jobs[i].job.is_long = i % 3 == 0;
        for (int tries = 0; tries < TRIES && !p->jobs[i].taken; tries++)
            if (!(p->jobs[i].taken = pool_post(p->pool, &p->jobs[i].job)))
                sched_yield();
    }
    return NULL;
}

static int count_wrong(size_t *taken)
{
    int wrong = 0;
    for (size_t i = 0; i < POSTERS; i++)
        for (size_t k = 0; k < JOBS; k++) {
            wrong += atomic_load(&posters[i].jobs[k].runs) != posters[i].jobs[k].taken;
            *taken += posters[i].jobs[k].taken;
        }
    return wrong;
}

int main(void)
{
    struct pool *pool;
    struct err e;
    pthread_t threads[POSTERS];
    size_t taken = 0;
    if (pool_new(3, 64, &(struct arena){.limit_bytes = MIB}, &pool, &e) != ST_OK) {
        fprintf(stderr, "race_pool: %s\n", e.msg);
        return 1;
    }
    for (size_t i = 0; i < POSTERS; i++) {
        posters[i].pool = pool;
        pthread_create(&threads[i], NULL, post_all, &posters[i]);
    }
    for (size_t i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    pool_free(pool);
    int wrong = count_wrong(&taken);
    printf("race_pool: %zu of %d jobs taken, %d wrong\n", taken, POSTERS * JOBS, wrong);
    return wrong != 0 || taken == 0;
}
