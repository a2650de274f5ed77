/* promql_notation.h - series and points as Prometheus' test scripts write them. */
#ifndef WEFT_TESTS_SUPPORT_PROMQL_NOTATION_H
#define WEFT_TESTS_SUPPORT_PROMQL_NOTATION_H

#include "base/arena.h"
#include "model/label_set.h"
#include "model/native_histogram.h"

/* One expected or loaded point. */
struct script_point {
    double value;
    const struct native_histogram *histogram; /* NULL: a float */
    bool is_none;                             /* "_" */
};
struct script_points {
    struct script_point *items; /* arena */
    size_t count;
};
/* `name{label="value"} points`; false: it is not understood. Also reads only labels, when `points`
 * is NULL. */
bool script_series(struct arena *arena, struct str line, struct label_set *labels,
                   struct script_points *points);
/* "5m", "1h30m", "-10s", "0". */
bool script_duration(struct str text, int64_t *ms);
/* "1e3", "NaN", "-Inf", "0x1f". */
bool script_number(struct str text, double *out);

/* "_ -30s-1mx2 0": offsets of start timestamps, INT64_MIN where there is none. */
bool script_starts(struct arena *arena, struct str s, int64_t **out, size_t *count);

/* Zeroed; ends the program when memory is short. */
void *script_need(struct arena *arena, size_t count, size_t size);
/* counts[i] of bucket offset + i, without the empty ones. */
void script_buckets(struct arena *arena, const double *counts, uint32_t count, int32_t offset,
                    struct native_buckets *out);

#endif
