/* series_head.h - the samples that no part holds yet: for every series that got some an ascending
 * array in one arena, which goes away whole once a checkpoint has written it. Private to
 * storage/series_*.
 *
 * One thread appends, with the store's head lock; others read with it. Once frozen it is read
 * without. */
#ifndef WEFT_STORAGE_SERIES_HEAD_H
#define WEFT_STORAGE_SERIES_HEAD_H

#include "base/arena.h"
#include "model/metric_batch.h"
#include "storage/series_pages.h"
#include <stdatomic.h>

/* What few series have; both arrays have the slot's cap, or are NULL. */
struct head_extra {
    const struct native_histogram **histograms; /* own copies; NULL where the sample is a float */
    int64_t *starts_ms;
};

/* The samples of one series: 32 bytes, since most series hold two samples between checkpoints. */
struct head_slot {
    uint32_t id, count, cap;
    int64_t *times_ms; /* `cap` times, ascending and distinct, then `cap` values */
    struct head_extra *extra;
};

static inline double *head_values(const struct head_slot *s)
{
    return (double *)(void *)(s->times_ms + s->cap);
}

static inline const struct native_histogram *head_histogram(const struct head_slot *s, uint32_t i)
{
    return s->extra && s->extra->histograms ? s->extra->histograms[i] : NULL;
}

struct series_head {
    atomic_uint refs;
    struct arena arena;
    struct pages slots;   /* struct head_slot, from 1 */
    struct pages slot_of; /* uint32_t by series number: its slot; 0 = none */
    uint32_t count;       /* number of the last slot */
    uint64_t samples;
    int64_t min_time_ms, max_time_ms;
    /* The slot whose free room lies in front of position gap_at instead of behind the last sample;
     * NULL: none. */
    struct head_slot *gapped;
    uint32_t gap_at;
};

/* Empty, one reference; NULL when memory is short. */
struct series_head *series_head_new(void);
/* Any thread. */
struct series_head *series_head_ref(struct series_head *h);
void series_head_unref(struct series_head *h); /* NULL is allowed */
uint64_t series_head_bytes(const struct series_head *h);

/* The slot of a series, NULL when it has no sample. */
const struct head_slot *series_head_find(const struct series_head *h, uint32_t id);
/* The same, made when missing, with room for `more` samples. NULL when memory is short. */
struct head_slot *series_head_slot(struct series_head *h, uint32_t id, uint32_t more);

enum head_put { HEAD_STORED, HEAD_KNOWN, HEAD_DIFFERS, HEAD_NO_MEMORY };
/* Adds a sample at its place. KNOWN: it is there already; DIFFERS: another value is. A histogram is
 * copied. A late one leaves a gap behind it for its neighbours in time: series_head_settle() closes
 * it before anything else is done with the head. */
enum head_put series_head_put(struct series_head *h, struct head_slot *slot,
                              const struct sample *s);
void series_head_settle(struct series_head *h);
/* KNOWN, DIFFERS, or STORED when the slot (NULL is allowed) has no sample of that time. */
enum head_put series_head_compare(const struct head_slot *slot, const struct sample *s);
/* First position whose time is >= time_ms. */
uint32_t series_head_position(const struct head_slot *slot, int64_t time_ms);

/* A copy whose arrays are the arena's; NULL when memory is short. */
const struct native_histogram *series_histogram_copy(struct arena *arena,
                                                     const struct native_histogram *h);
/* Bit by bit. */
bool series_histogram_eq(const struct native_histogram *a, const struct native_histogram *b);

#endif
