/* derived_total.h - what a derived series has counted, in whole numbers: sums in any order and over
 * any pieces of time give the same value. Private to query/derived_*. */
#ifndef WEFT_QUERY_DERIVED_TOTAL_H
#define WEFT_QUERY_DERIVED_TOTAL_H

#include "model/native_histogram.h"
#include "query/derived_buckets.h"
#include "query/derived_family.h"

/* What a tile, or part of one, adds: a number, or latencies. */
struct derived_increase {
    uint64_t number;                 /* bytes, or 2^-16 requests */
    const struct histogram *latency; /* NULL: none observed. Borrowed for the call */
};

/* How the samples of one series, or of one classic histogram's series, are made of what was
 * counted. */
struct derived_form {
    const struct derived_family *family;
    const struct derived_bound *bounds; /* of SHAPE_LATENCY: ascending, +Inf last. Borrowed */
    uint32_t bound_count;
    bool is_native;
};

struct derived_total {
    uint64_t number;         /* as derived_increase; of latencies: how many, 2^-16 */
    u128 sum;                /* of latencies, ns * 2^-16 */
    struct bound_count *at;  /* arena; of each bound: latencies at or below it */
    struct histogram native; /* owned */
};

/* Numbers of one sample: buckets, sum and count; 1 for a counter; 0 for native histograms. */
uint32_t derived_form_width(const struct derived_form *f);

/* False when memory is short. */
bool derived_total_init(struct derived_total *t, const struct derived_form *f,
                        struct arena *arena) NODISCARD;
void derived_total_deinit(struct derived_total *t);
/* False when memory is short (native histograms). */
bool derived_total_add(struct derived_total *t, const struct derived_form *f,
                       const struct derived_increase *by) NODISCARD;
/* Makes `to` equal to `from`. False when memory is short. */
bool derived_total_copy(struct derived_total *to, const struct derived_total *from,
                        const struct derived_form *f) NODISCARD;
/* Adds `from`, which is empty afterwards. False when memory is short. */
bool derived_total_take(struct derived_total *to, struct derived_total *from,
                        const struct derived_form *f) NODISCARD;

/* The numbers of the total and `share` (0 to 1) of what comes next; never falls with either.
 * `next`: NULL for none. */
void derived_total_values(const struct derived_total *t, const struct derived_total *next,
                          double share, const struct derived_form *f, double *out);
/* The same as a native histogram, arena's; NULL when memory is short. */
const struct native_histogram *derived_total_native(const struct derived_total *t,
                                                    const struct derived_total *next, double share,
                                                    const struct derived_form *f,
                                                    struct arena *arena);

#endif
