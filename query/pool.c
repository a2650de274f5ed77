/* pool.c - threads that take jobs from one list under one lock. */
#include "query/pool.h"
#include "base/mem.h"
#include <pthread.h>

/* A large question leaves no more than this behind. */
enum { KEPT_BYTES = 1 * MIB };

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t posted;
    struct list waiting; /* of pool_job; below: guarded by the lock */
    size_t waiting_count, max_waiting;
    unsigned long_running, max_long;
    bool ending;
    struct arena empty_arena;
    unsigned thread_count;
    pthread_t threads[];
};

/* The first job that may run now. */
static struct pool_job *find_job(struct pool *p)
{
    LIST_EACH(node, &p->waiting)
    {
        struct pool_job *job = CONTAINER_OF(node, struct pool_job, link);
        if (!job->is_long || p->long_running < p->max_long)
            return job;
    }
    return NULL;
}

/* The next job, or NULL when the pool ends and nothing waits. */
static struct pool_job *take(struct pool *p)
{
    struct pool_job *job;
    pthread_mutex_lock(&p->lock);
    while (!(job = find_job(p)) && !(p->ending && list_is_empty(&p->waiting)))
        pthread_cond_wait(&p->posted, &p->lock);
    if (job) {
        list_remove(&job->link);
        p->waiting_count--;
        p->long_running += job->is_long;
    }
    pthread_mutex_unlock(&p->lock);
    return job;
}

/* A thread that waits for the end has to look again: what it left may be gone. */
static void finish(struct pool *p, bool was_long)
{
    pthread_mutex_lock(&p->lock);
    p->long_running -= was_long;
    if (p->ending)
        pthread_cond_broadcast(&p->posted);
    pthread_mutex_unlock(&p->lock);
}

static void clear(struct arena *arena)
{
    arena_reset(arena);
    if (arena_held_bytes(arena) > KEPT_BYTES + KIB)
        arena_deinit(arena);
}

static void *work(void *user)
{
    struct pool *p = user;
    struct arena arena = p->empty_arena;
    for (struct pool_job *job = take(p); job; job = take(p)) {
        bool is_long = job->is_long;
        job->run(job, &arena); /* which may free it */
        clear(&arena);
        finish(p, is_long);
    }
    arena_deinit(&arena);
    return NULL;
}

enum status pool_new(unsigned threads, size_t max_waiting, const struct arena *arena,
                     struct pool **out, struct err *e)
{
    struct pool *p = *out = mem_calloc(1, sizeof(*p) + threads * sizeof(pthread_t));
    if (!p)
        return err_set(e, ST_NO_MEMORY, "no memory for the query pool");
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->posted, NULL);
    list_init(&p->waiting);
    p->max_waiting = max_waiting;
    p->max_long = threads > 1 ? threads - 1 : 1;
    p->empty_arena = *arena;
    while (p->thread_count < threads &&
           pthread_create(&p->threads[p->thread_count], NULL, work, p) == 0)
        p->thread_count++;
    if (p->thread_count == threads)
        return ST_OK;
    pool_free(p);
    *out = NULL;
    return err_set(e, ST_IO, "cannot start a thread of the query pool");
}

bool pool_post(struct pool *p, struct pool_job *job)
{
    pthread_mutex_lock(&p->lock);
    bool fits = !p->ending && p->waiting_count < p->max_waiting;
    if (fits) {
        list_add_tail(&p->waiting, &job->link);
        p->waiting_count++;
        pthread_cond_signal(&p->posted);
    }
    pthread_mutex_unlock(&p->lock);
    return fits;
}

void pool_free(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->posted);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->thread_count; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->posted);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}
