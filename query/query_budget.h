/* query_budget.h - what one query may use: time, samples, memory. Private to query/. */
#ifndef WEFT_QUERY_QUERY_BUDGET_H
#define WEFT_QUERY_QUERY_BUDGET_H

#include "base/arena.h"
#include "base/err.h"
#include <stdatomic.h>

/* The longest a question may take, Prometheus' default. */
#define QUERY_TIMEOUT_NS (120 * NS_PER_S)

/* One query; one thread at a time. */
struct query_budget {
    uint64_t deadline_mono_ns; /* 0 = none */
    const char *late;          /* what is said then; NULL: Prometheus' words. Static */
    const atomic_bool *ending; /* borrowed; NULL: it never is. Once true no question goes on */
    struct arena *payer;       /* borrowed; counts what is held outside of it. NULL: nobody does */
    size_t held_bytes;         /* of that, by query_budget_hold() */
    uint64_t samples_max, samples_used;  /* held in memory at once, as Prometheus counts them */
    uint64_t samples_peak, samples_read; /* for `stats` */
    uint64_t unchecked;                  /* work since the clock was looked at */
};

/* Takes `count` samples. ST_QUERY: "query processing would load too many samples into memory in
 * query execution". */
enum status query_budget_take(struct query_budget *b, uint64_t count, struct err *e);
void query_budget_give(struct query_budget *b, uint64_t count);
/* Counts bytes that are held outside the arena, until they are let go: sums over edges, above all,
 * of which one query may hold twice as much as its arena. ST_QUERY: it is more; ST_NO_MEMORY: the
 * memory budget has no more. */
enum status query_budget_hold(struct query_budget *b, size_t more, struct err *e);
void query_budget_let_go(struct query_budget *b, size_t bytes);
/* Every millisecond or so of work. ST_TIMEOUT: "query timed out in expression evaluation"; ST_IO:
 * weft ends. */
enum status query_budget_check(struct query_budget *b, struct err *e);
/* The same for work in parts that are too small to look at the clock for each: `parts` of some ns
 * more were done, or are about to be. */
enum status query_budget_work(struct query_budget *b, uint64_t parts, struct err *e);

#endif
