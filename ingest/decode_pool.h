/* decode_pool.h - threads for what takes a worker too long: large requests are unpacked and decoded
 * here, in turns of their clients, so that no other connection waits for them. */
#ifndef WEFT_INGEST_DECODE_POOL_H
#define WEFT_INGEST_DECODE_POOL_H

#include "base/err.h"
#include "base/list.h"
#include "base/str.h"
#include "model/decode_stats.h"

/* Embedded in what is posted. */
struct decode_job {
    struct list link;  /* the pool's while the job waits */
    struct str client; /* borrowed until it runs: who takes turns, at most 64 bytes of it count */
    uint64_t bytes;    /* that it holds while it waits */
    /* Pool thread; the job may be freed. Not `in_time`: the pool ends, the work is to be refused.
     */
    void (*run)(struct decode_job *job, bool in_time);
};

/* What may wait, of all clients and of one. A client of whom nothing waits may always send one more
 * request, however large, while the number of all allows it. */
struct decode_bounds {
    unsigned jobs, jobs_of_client;
    uint64_t bytes, bytes_of_client;
};

struct decode_pool;

/* Starts `threads` threads; a client has one less of them at a time, if there is more than one.
 * The caller ends *out with decode_pool_free(). ST_NO_MEMORY, ST_IO (no thread). */
enum status decode_pool_new(unsigned threads, const struct decode_bounds *bounds,
                            struct decode_pool **out, struct err *e);
/* False: over a bound, ending, or out of memory; the job is still the caller's. Any thread. */
bool decode_pool_post(struct decode_pool *p, struct decode_job *job);
/* From now on nothing is taken; what waits is refused, soon and by the pool's threads. Any thread.
 */
void decode_pool_end(struct decode_pool *p);
void decode_pool_stats(struct decode_pool *p, struct decode_stats *out);
/* Ends it and waits for what runs. NULL is allowed. */
void decode_pool_free(struct decode_pool *p);

#endif
