/* race_decode_pool.c - several loops post large requests of a few clients while the pool works and
 * is ended: every job that was taken runs exactly once, and none is refused before the end. Plain
 * program for TSan. */
#include "ingest/decode_pool.h"
#include "base/compiler.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum { POSTERS = 4, JOBS = 2000 };

struct job {
    struct decode_job job;
    atomic_uint runs;
    bool taken;
};

struct poster {
    struct decode_pool *pool;
    struct job jobs[JOBS];
};

static struct poster posters[POSTERS];
static atomic_uint ended, late;

static void run(struct decode_job *job, bool in_time)
{
    struct job *j = CONTAINER_OF(job, struct job, job);
    atomic_fetch_add(&j->runs, 1);
    if (!in_time)
        atomic_fetch_add(&late, atomic_load(&ended) ? 0 : 1);
}

static void *post_all(void *user)
{
    static const char *const clients[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
    struct poster *p = user;
    for (size_t i = 0; i < JOBS; i++) {
        p->jobs[i].job = (struct decode_job){
            .client = str_from_c(clients[i % LEN(clients)]), .bytes = i, .run = run};
        while (!(p->jobs[i].taken = decode_pool_post(p->pool, &p->jobs[i].job)) &&
               !atomic_load(&ended))
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
    const struct decode_bounds bounds = {
        .jobs = 16, .jobs_of_client = 8, .bytes = 64 * KIB, .bytes_of_client = 32 * KIB};
    struct decode_pool *pool;
    struct decode_stats stats;
    struct err e;
    pthread_t threads[POSTERS];
    size_t taken = 0;
    if (decode_pool_new(3, &bounds, &pool, &e) != ST_OK) {
        fprintf(stderr, "race_decode_pool: %s\n", e.msg);
        return 1;
    }
    for (size_t i = 0; i < POSTERS; i++) {
        posters[i].pool = pool;
        pthread_create(&threads[i], NULL, post_all, &posters[i]);
    }
    do {
        decode_pool_stats(pool, &stats);
        sched_yield();
    } while (stats.taken < JOBS);
    atomic_store(&ended, 1);
    decode_pool_end(pool);
    for (size_t i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    decode_pool_free(pool);
    int wrong = count_wrong(&taken);
    printf("race_decode_pool: %zu of %d jobs taken, %d wrong, %u too early\n", taken,
           POSTERS * JOBS, wrong, atomic_load(&late));
    return wrong != 0 || atomic_load(&late) != 0 || taken == 0;
}
