/* test_decode_pool.c - clients take turns, one leaves a thread to the others, what is over a bound
 * is turned away, ending refuses what waits. */
#include "ingest/decode_pool.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "support/leak.h"
#include "support/patience.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdatomic.h>

static const struct decode_bounds wide = {
    .jobs = 100, .jobs_of_client = 100, .bytes = GIB, .bytes_of_client = GIB};

/* What all jobs of a test tell. */
struct story {
    pthread_mutex_t gate; /* held by the test until jobs may end */
    atomic_uint ran, refused;
    char order[16]; /* first letters of the clients */
};

struct told {
    struct decode_job job;
    struct story *story;
};

static void tell(struct decode_job *job, bool in_time)
{
    struct told *t = CONTAINER_OF(job, struct told, job);
    struct story *story = t->story;
    unsigned place = atomic_fetch_add(&story->ran, 1);
    if (place < sizeof(story->order))
        story->order[place] = job->client.ptr[0];
    if (in_time) {
        pthread_mutex_lock(&story->gate);
        pthread_mutex_unlock(&story->gate);
    } else {
        atomic_fetch_add(&story->refused, 1);
    }
}

static struct told told(struct story *story, const char *client, uint64_t bytes)
{
    return (struct told){.job = {.client = str_from_c(client), .bytes = bytes, .run = tell},
                         .story = story};
}

static struct decode_pool *start(unsigned threads, struct decode_bounds bounds)
{
    struct decode_pool *p;
    struct err e;
    cr_assert(eq(int, decode_pool_new(threads, &bounds, &p, &e), ST_OK));
    return p;
}

static void await(atomic_uint *number, unsigned wanted)
{
    for (struct patience p = {0}; atomic_load(number) != wanted && patience_left(&p);)
        ;
    cr_assert(eq(uint, atomic_load(number), wanted));
}

Test(decode_pool, clients_take_turns)
{
    struct story story = {.gate = PTHREAD_MUTEX_INITIALIZER};
    struct decode_pool *p = start(1, wide);
    static const char *const clients[] = {"a", "a", "a", "a", "b", "b", "c"};
    struct told jobs[LEN(clients)];
    pthread_mutex_lock(&story.gate);
    for (size_t i = 0; i < LEN(jobs); i++) {
        jobs[i] = told(&story, clients[i], 1);
        cr_assert(decode_pool_post(p, &jobs[i].job));
        if (i == 0)
            await(&story.ran, 1);
    }
    pthread_mutex_unlock(&story.gate);
    await(&story.ran, LEN(jobs));
    decode_pool_free(p);
    cr_expect(eq(str, (char *)story.order, "aabcaba"));
    cr_expect(eq(uint, atomic_load(&story.refused), 0));
    EXPECT_NO_LEAK();
}

Test(decode_pool, a_client_leaves_a_thread_to_others)
{
    struct story story = {.gate = PTHREAD_MUTEX_INITIALIZER};
    struct decode_pool *p = start(2, wide);
    struct told jobs[4];
    struct decode_stats stats;
    pthread_mutex_lock(&story.gate);
    for (size_t i = 0; i < 3; i++) {
        jobs[i] = told(&story, "a", 1);
        cr_assert(decode_pool_post(p, &jobs[i].job));
    }
    await(&story.ran, 1);
    jobs[3] = told(&story, "b", 1);
    cr_assert(decode_pool_post(p, &jobs[3].job));
    await(&story.ran, 2);
    cr_expect(eq(str, (char *)story.order, "ab"));
    decode_pool_stats(p, &stats);
    cr_expect(eq(u64, stats.running, 2));
    cr_expect(eq(u64, stats.waiting, 2));
    pthread_mutex_unlock(&story.gate);
    await(&story.ran, 4);
    decode_pool_free(p);
    EXPECT_NO_LEAK();
}

/* One job of `a` runs; the rows are posted behind it. */
Test(decode_pool, bounds_of_number_and_bytes)
{
    static const struct {
        const char *name, *client;
        uint64_t bytes;
        bool fits;
    } rows[] = {
        {"the first that waits may be of any size", "a", 1000, true},
        {"its client's bytes", "a", 1, false},
        {"another client", "b", 10, true},
        {"up to its bytes", "b", 40, true},
        {"over them", "b", 51, false},
        {"a third", "c", 10, true},
        {"all bytes", "c", 1, false},
        {"nothing of it waits", "d", 50, true},
        {"all numbers", "e", 1, false},
    };
    const struct decode_bounds bounds = {
        .jobs = 5, .jobs_of_client = 2, .bytes = 1060, .bytes_of_client = 100};
    struct story story = {.gate = PTHREAD_MUTEX_INITIALIZER};
    struct decode_pool *p = start(1, bounds);
    struct told first = told(&story, "a", 1), jobs[LEN(rows)];
    struct decode_stats stats;
    unsigned fitting = 0;
    pthread_mutex_lock(&story.gate);
    cr_assert(decode_pool_post(p, &first.job));
    await(&story.ran, 1);
    for (size_t i = 0; i < LEN(rows); i++) {
        jobs[i] = told(&story, rows[i].client, rows[i].bytes);
        cr_expect(eq(int, decode_pool_post(p, &jobs[i].job), rows[i].fits), "row %s", rows[i].name);
        fitting += rows[i].fits;
    }
    decode_pool_stats(p, &stats);
    cr_expect(eq(u64, stats.taken, fitting + 1));
    cr_expect(eq(u64, stats.turned_away, LEN(rows) - fitting));
    cr_expect(eq(u64, stats.waiting_bytes, 1000 + 10 + 40 + 10 + 50));
    pthread_mutex_unlock(&story.gate);
    await(&story.ran, fitting + 1);
    decode_pool_free(p);
    EXPECT_NO_LEAK();
}

Test(decode_pool, a_client_has_a_number_of_jobs)
{
    struct decode_bounds bounds = wide;
    struct story story = {.gate = PTHREAD_MUTEX_INITIALIZER};
    struct told jobs[4];
    bounds.jobs_of_client = 2;
    struct decode_pool *p = start(1, bounds);
    pthread_mutex_lock(&story.gate);
    for (size_t i = 0; i < LEN(jobs); i++) {
        jobs[i] = told(&story, "a", 1);
        cr_expect(eq(int, decode_pool_post(p, &jobs[i].job), i < 3), "job %zu", i);
        if (i == 0)
            await(&story.ran, 1);
    }
    pthread_mutex_unlock(&story.gate);
    decode_pool_free(p);
    cr_expect(eq(uint, atomic_load(&story.ran), 3));
    EXPECT_NO_LEAK();
}

Test(decode_pool, ending_refuses_what_waits)
{
    struct story story = {.gate = PTHREAD_MUTEX_INITIALIZER};
    struct decode_pool *p = start(2, wide);
    struct told jobs[5];
    pthread_mutex_lock(&story.gate);
    for (size_t i = 0; i < 4; i++) {
        jobs[i] = told(&story, "a", 1);
        cr_assert(decode_pool_post(p, &jobs[i].job));
        if (i == 0)
            await(&story.ran, 1);
    }
    decode_pool_end(p);
    await(&story.refused, 3); /* by the other thread, while the first still works */
    jobs[4] = told(&story, "b", 1);
    cr_expect(not(decode_pool_post(p, &jobs[4].job)), "it ends");
    pthread_mutex_unlock(&story.gate);
    decode_pool_free(p);
    cr_expect(eq(uint, atomic_load(&story.ran), 4));
    EXPECT_NO_LEAK();
}

Test(decode_pool, without_memory_nothing_is_taken)
{
    struct story story = {.gate = PTHREAD_MUTEX_INITIALIZER};
    struct decode_pool *p;
    struct err e;
    mem_fail_after(0);
    cr_expect(eq(int, decode_pool_new(2, &wide, &p, &e), ST_NO_MEMORY));
    p = start(1, wide);
    struct told job = told(&story, "a", 1);
    mem_fail_after(0);
    cr_expect(not(decode_pool_post(p, &job.job)));
    cr_expect(decode_pool_post(p, &job.job), "the next one finds memory");
    mem_fail_after(-1);
    await(&story.ran, 1);
    decode_pool_free(p);
    EXPECT_NO_LEAK();
}
