/* series_states.h - what the store remembers of each series besides its labels: when its samples
 * begin and end, its last value, who brought it, when it was last fed; and how many series are
 * active, in all and by sender. Private to storage/series_*.
 *
 * "Active" is counted in steps of 10 minutes: a series is active while its last sample arrived in
 * this step or the six before. Written by the store's own thread under the store's head lock. */
#ifndef WEFT_STORAGE_SERIES_STATES_H
#define WEFT_STORAGE_SERIES_STATES_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/map64.h"
#include "base/vec.h"
#include "model/native_histogram_sum.h"
#include "storage/series_pages.h"

struct series_state {
    int64_t first_ms, last_ms;        /* first > last: no sample yet, or none left */
    double last_value;                /* of the sample at last_ms, when that is a float */
    uint32_t active_step;             /* 10 minutes since 1970; 0 = not counted as active */
    uint16_t sender;                  /* who brought it first */
    bool last_is_histogram, is_known; /* the first also: last_value is gone, do not compare with it;
                                       * is_known: not fresh memory */
};

enum { ACTIVE_STEPS = 8, SENDERS_MAX = 60000 };

/* Active series by the step in which they were last fed, modulo ACTIVE_STEPS. */
struct active_counts {
    uint32_t by_step[ACTIVE_STEPS];
};

struct series_sender {
    char name[48]; /* address without port, NUL-ended */
    struct active_counts active;
};

struct series_states {
    struct pages states;               /* struct series_state by series number */
    struct map64 totals;               /* delta series: number -> bits of the running total */
    struct map64 histogram_totals;     /* number -> struct histogram_total *, owned */
    VEC(struct series_sender) senders; /* the first stands for all over SENDERS_MAX */
    struct map64 sender_ids;           /* hash of the name -> position */
    struct active_counts active;
    uint32_t step; /* the newest step met */
    uint64_t seed;
};

/* The running sum of a delta histogram series: two arenas, the sum and the next one in turn. */
struct histogram_total {
    struct arena arenas[2];
    const struct native_histogram *sum; /* in arenas[at] */
    unsigned at;
};

/* Empty, with the seed of the data directory; series_states_deinit() frees what it holds. */
void series_states_init(struct series_states *s, uint64_t seed);
void series_states_deinit(struct series_states *s);

/* The state of a series, made when new (first > last). NULL when memory is short. */
struct series_state *series_state_put(struct series_states *s, uint32_t id);
static inline const struct series_state *series_state_find(const struct series_states *s,
                                                           uint32_t id)
{
    return pages_find(&s->states, id);
}
/* Has samples, and one of them may lie in [start_ms, end_ms]. */
static inline bool series_state_overlaps(const struct series_state *state, int64_t start_ms,
                                         int64_t end_ms)
{
    return state && state->first_ms <= state->last_ms && state->first_ms <= end_ms &&
           state->last_ms >= start_ms;
}

/* The running sum of a delta histogram series with `increase` added. It is kept only when
 * series_histogram_keep() is told so, and lives until the next call for the series, when kept until
 * the next two. ST_INVALID: exponential and custom buckets do not add; ST_NO_MEMORY. */
enum status series_histogram_add(struct series_states *s, uint32_t id,
                                 const struct native_histogram *increase,
                                 const struct native_histogram **total, struct err *e);
void series_histogram_keep(struct series_states *s, uint32_t id,
                           const struct native_histogram *total);

/* Position of a sender ("127.0.0.1:4242", the port is left out), added when new; 0 when there are
 * too many or memory is short. */
uint16_t series_sender_get(struct series_states *s, struct str sender);
/* Moves the clock of activity to the arrival time of a record; back only when that is more than an
 * hour. */
void series_states_clock(struct series_states *s, uint64_t arrival_ns);
/* The series is fed now. */
void series_state_touch(struct series_states *s, struct series_state *state);
/* Forgets a series that leaves the index. */
void series_state_forget(struct series_states *s, uint32_t id);
/* Frees what only forgotten series below next_id lie in; `left` are the others, ascending. */
void series_states_tidy(struct series_states *s, const uint32_t *left, uint32_t count,
                        uint32_t next_id);
/* Series fed in the last hour. */
uint32_t series_active_count(const struct series_states *s, const struct active_counts *c);

/* Everything of the series in ids, for the image (docs/formats/series_state.md). */
void series_states_encode(const struct series_states *s, const uint32_t *ids, uint32_t count,
                          struct buf *out);
/* Into an empty one. `has` tells whether a number is known: others are left out. ST_CORRUPT,
 * ST_NO_MEMORY. */
enum status series_states_decode(struct series_states *s, struct cursor *in,
                                 bool (*has)(uint32_t id, void *user), void *user, struct err *e);

#endif
