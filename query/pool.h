/* pool.h - a few threads that may block, one bounded queue before them. */
#ifndef WEFT_QUERY_POOL_H
#define WEFT_QUERY_POOL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"

/* Embedded in what is posted. */
struct pool_job {
    struct list link;
    void (*run)(struct pool_job *job,
                struct arena *arena); /* pool thread; the arena is reset afterwards */
    bool is_long; /* may take minutes: of several threads, one never takes such a job */
};

struct pool;

/* Starts `threads` threads. Each of their arenas is at the beginning a copy of *arena, an empty one
 * with its limits. ST_NO_MEMORY, ST_IO (no thread). */
enum status pool_new(unsigned threads, size_t max_waiting, const struct arena *arena,
                     struct pool **out, struct err *e);
/* Any thread. False: full or ending; the job is still the caller's. */
bool pool_post(struct pool *p, struct pool_job *job);
/* Runs what waits, joins the threads. */
void pool_free(struct pool *p);

#endif
