/* decode_pool.c - threads that take jobs from their clients' queues in turn, under one lock.
 *
 * Not query/pool.c: a list without turns would let the client that sends most keep all others
 * waiting for seconds. */
#include "ingest/decode_pool.h"

#include "base/compiler.h"
#include "base/mem.h"

#include <pthread.h>
#include <sys/resource.h>

enum {
    CLIENT_BYTES = 64,
    NICE = 10, /* behind workers and journal, which others wait for: about a tenth of their share */
};

/* One of whom something waits or runs. */
struct client {
    struct list link;
    struct list waiting; /* of decode_job */
    unsigned waiting_count, running;
    uint64_t waiting_bytes;
    char name[CLIENT_BYTES];
    size_t name_len;
};

struct decode_pool {
    pthread_mutex_t lock;
    pthread_cond_t posted;
    struct list clients; /* whose turn is next; from here to `ending`: guarded by the lock */
    struct decode_stats stats;
    bool ending;
    struct decode_bounds bounds;
    unsigned running_of_client;
    unsigned thread_count;
    pthread_t threads[];
};

static struct str name_of(const struct client *c)
{
    return (struct str){c->name, c->name_len};
}

static struct client *find_client(struct decode_pool *p, struct str name)
{
    LIST_EACH(node, &p->clients)
    {
        struct client *c = CONTAINER_OF(node, struct client, link);
        if (str_eq(name_of(c), str_sub(name, 0, CLIENT_BYTES)))
            return c;
    }
    return NULL;
}

static struct client *add_client(struct decode_pool *p, struct str name)
{
    struct client *c = mem_calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->name_len = MIN(name.len, sizeof(c->name));
    memcpy(c->name, name.ptr, c->name_len);
    list_init(&c->waiting);
    list_add_tail(&p->clients, &c->link);
    return c;
}

static bool fits(const struct decode_pool *p, const struct client *c, uint64_t bytes)
{
    if (p->ending || p->stats.waiting >= p->bounds.jobs)
        return false;
    if (!c || c->waiting_count == 0)
        return true;
    return c->waiting_count < p->bounds.jobs_of_client &&
           c->waiting_bytes + bytes <= p->bounds.bytes_of_client &&
           p->stats.waiting_bytes + bytes <= p->bounds.bytes;
}

static bool add_job(struct decode_pool *p, struct decode_job *job)
{
    struct client *c = find_client(p, job->client);
    if (!fits(p, c, job->bytes) || (!c && !(c = add_client(p, job->client)))) {
        p->stats.turned_away++;
        return false;
    }
    list_add_tail(&c->waiting, &job->link);
    c->waiting_count++;
    c->waiting_bytes += job->bytes;
    p->stats.taken++;
    p->stats.waiting++;
    p->stats.waiting_bytes += job->bytes;
    return true;
}

bool decode_pool_post(struct decode_pool *p, struct decode_job *job)
{
    pthread_mutex_lock(&p->lock);
    bool added = add_job(p, job);
    if (added)
        pthread_cond_signal(&p->posted);
    pthread_mutex_unlock(&p->lock);
    return added;
}

/* The client whose turn it is among those that something may run for. */
static struct client *next_client(struct decode_pool *p)
{
    LIST_EACH(node, &p->clients)
    {
        struct client *c = CONTAINER_OF(node, struct client, link);
        if (c->waiting_count > 0 && (p->ending || c->running < p->running_of_client))
            return c;
    }
    return NULL;
}

static struct decode_job *pop_job(struct decode_pool *p, struct client *c)
{
    struct decode_job *job = CONTAINER_OF(list_pop(&c->waiting), struct decode_job, link);
    c->waiting_count--;
    c->waiting_bytes -= job->bytes;
    c->running++;
    p->stats.waiting--;
    p->stats.waiting_bytes -= job->bytes;
    p->stats.running++;
    list_remove(&c->link);
    list_add_tail(&p->clients, &c->link);
    return job;
}

/* A job that could not run because of this one is found by the same thread, which looks again. */
static void job_done(struct decode_pool *p, struct client *c)
{
    p->stats.running--;
    if (--c->running > 0 || c->waiting_count > 0)
        return;
    list_remove(&c->link);
    mem_free(c);
}

static void *work(void *user)
{
    struct decode_pool *p = user;
    setpriority(PRIO_PROCESS, 0, NICE); /* on Linux: of this thread */
    pthread_mutex_lock(&p->lock);
    for (;;) {
        struct client *c = next_client(p);
        if (!c && p->ending)
            break;
        if (!c) {
            pthread_cond_wait(&p->posted, &p->lock);
            continue;
        }
        struct decode_job *job = pop_job(p, c);
        bool in_time = !p->ending;
        pthread_mutex_unlock(&p->lock);
        job->run(job, in_time);
        pthread_mutex_lock(&p->lock);
        job_done(p, c);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

enum status decode_pool_new(unsigned threads, const struct decode_bounds *bounds,
                            struct decode_pool **out, struct err *e)
{
    struct decode_pool *p = *out = mem_calloc(1, sizeof(*p) + threads * sizeof(pthread_t));
    if (!p)
        return err_set(e, ST_NO_MEMORY, "no memory for the decoding threads");
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->posted, NULL);
    list_init(&p->clients);
    p->bounds = *bounds;
    p->running_of_client = threads > 1 ? threads - 1 : 1;
    while (p->thread_count < threads &&
           pthread_create(&p->threads[p->thread_count], NULL, work, p) == 0)
        pthread_setname_np(p->threads[p->thread_count++], "decode");
    if (p->thread_count == threads)
        return ST_OK;
    decode_pool_free(p);
    *out = NULL;
    return err_set(e, ST_IO, "cannot start a decoding thread");
}

void decode_pool_end(struct decode_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->posted);
    pthread_mutex_unlock(&p->lock);
}

void decode_pool_stats(struct decode_pool *p, struct decode_stats *out)
{
    pthread_mutex_lock(&p->lock);
    *out = p->stats;
    pthread_mutex_unlock(&p->lock);
}

void decode_pool_free(struct decode_pool *p)
{
    if (!p)
        return;
    decode_pool_end(p);
    for (unsigned i = 0; i < p->thread_count; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->posted);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}
