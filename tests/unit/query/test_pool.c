/* test_pool.c - every job that was taken runs once, a full queue refuses, ending runs what waits.
 */
#include "query/pool.h"
#include "support/leak.h"
#include "support/patience.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdatomic.h>

struct counted {
    struct pool_job job;
    atomic_int *ran;
    pthread_mutex_t *gate; /* held by the test until jobs may run */
};

static void run(struct pool_job *job, struct arena *arena)
{
    struct counted *c = CONTAINER_OF(job, struct counted, job);
    pthread_mutex_lock(c->gate);
    pthread_mutex_unlock(c->gate);
    bool has_arena = arena_alloc(arena, 100) != NULL;
    atomic_fetch_add(c->ran, has_arena);
}

Test(pool, runs_all_and_refuses_what_does_not_fit)
{
    enum { WAITING = 4 };
    struct pool *p;
    struct err e;
    atomic_int ran = 0;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct counted jobs[WAITING + 2];
    pthread_mutex_lock(&gate);
    cr_assert(eq(int, pool_new(1, WAITING, &(struct arena){.limit_bytes = MIB}, &p, &e), ST_OK));
    size_t posted = 0;
    for (size_t i = 0; i < LEN(jobs); i++) {
        jobs[i] = (struct counted){.job.run = run, .ran = &ran, .gate = &gate};
        posted += pool_post(p, &jobs[i].job);
    }
    cr_expect(posted == WAITING || posted == WAITING + 1, "one may be running already: %zu",
              posted);
    pthread_mutex_unlock(&gate);
    pool_free(p);
    cr_expect(eq(int, atomic_load(&ran), (int)posted));
    pthread_mutex_destroy(&gate);
    EXPECT_NO_LEAK();
}

struct measured {
    struct pool_job job;
    size_t take_bytes, held_bytes; /* of the arena when it began */
};

static void measure(struct pool_job *job, struct arena *arena)
{
    struct measured *m = CONTAINER_OF(job, struct measured, job);
    m->held_bytes = arena_held_bytes(arena);
    cr_expect(ne(ptr, arena_alloc(arena, m->take_bytes), NULL));
}

Test(pool, a_large_question_leaves_little_behind)
{
    struct pool *p;
    struct err e;
    struct measured jobs[] = {{.take_bytes = 8 * MIB}, {.take_bytes = 100}, {.take_bytes = 100}};
    cr_assert(
        eq(int, pool_new(1, LEN(jobs), &(struct arena){.limit_bytes = 64 * MIB}, &p, &e), ST_OK));
    for (size_t i = 0; i < LEN(jobs); i++) {
        jobs[i].job.run = measure;
        cr_assert(pool_post(p, &jobs[i].job));
    }
    pool_free(p);
    cr_expect(eq(sz, jobs[1].held_bytes, 0), "the large chunk is gone");
    cr_expect(jobs[2].held_bytes > 0, "a small one is kept");
    EXPECT_NO_LEAK();
}

static void wait_or_tell(struct pool_job *job, struct arena *arena)
{
    struct counted *c = CONTAINER_OF(job, struct counted, job);
    (void)arena;
    if (job->is_long) {
        pthread_mutex_lock(c->gate);
        pthread_mutex_unlock(c->gate);
    }
    atomic_fetch_add(c->ran, 1);
}

Test(pool, long_jobs_leave_a_thread_to_others)
{
    struct pool *p;
    struct err e;
    atomic_int ran = 0;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct counted jobs[5];
    cr_assert(eq(int, pool_new(2, LEN(jobs), &(struct arena){.limit_bytes = MIB}, &p, &e), ST_OK));
    pthread_mutex_lock(&gate);
    for (size_t i = 0; i < LEN(jobs); i++) {
        bool is_long = i + 1 < LEN(jobs);
        jobs[i] = (struct counted){
            .job = {.run = wait_or_tell, .is_long = is_long}, .ran = &ran, .gate = &gate};
        cr_assert(pool_post(p, &jobs[i].job));
    }
    for (struct patience p = {0}; !atomic_load(&ran) && patience_left(&p);)
        ;
    cr_expect(eq(int, atomic_load(&ran), 1), "the last one does not wait for the others");
    pthread_mutex_unlock(&gate);
    pool_free(p);
    cr_expect(eq(int, atomic_load(&ran), (int)LEN(jobs)));
    pthread_mutex_destroy(&gate);
    EXPECT_NO_LEAK();
}

Test(pool, starts_and_ends_empty)
{
    struct pool *p;
    struct err e;
    cr_assert(eq(int, pool_new(3, 1, &(struct arena){.limit_bytes = MIB}, &p, &e), ST_OK));
    pool_free(p);
    EXPECT_NO_LEAK();
}
