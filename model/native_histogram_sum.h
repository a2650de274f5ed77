/* native_histogram_sum.h - adds and subtracts native histograms into one, with Neumaier's
 * compensation: the result of 1e100 + 1 - 1e100 is 1. Everything that combines histograms is made
 * of this: +, -, rate, sum, avg. */
#ifndef WEFT_MODEL_NATIVE_HISTOGRAM_SUM_H
#define WEFT_MODEL_NATIVE_HISTOGRAM_SUM_H

#include "model/native_histogram.h"

struct native_number {
    double value, rest; /* rest: what rounding lost */
};

/* One side: rests[i] belongs to items[i]. */
struct native_side {
    struct native_bucket *items; /* arena, as rests */
    double *rests;
    uint32_t count, cap;
};

/* Start with {.arena = a}. One thread at a time. */
struct native_sum {
    struct arena *arena; /* borrowed; must outlive the sum and what is taken from it */
    struct native_number count, sum, zero_count;
    struct native_side positive, negative;
    struct native_side spare_positive, spare_negative; /* where the next sum is made */
    double zero_threshold;
    const double *bounds; /* of the first histogram, or arena once reconciled */
    uint32_t bound_count;
    int8_t schema;
    uint8_t hint;
    bool started;                   /* something was added: schema and bounds hold */
    bool reset_seen, no_reset_seen; /* terms say RESET_YES, RESET_NO: both are a conflict */
    bool is_reconciled;             /* custom bounds differed: those in common were kept */
};

/* Adds h * weight (weight -1 subtracts). The result has the lowest schema, the widest zero bucket
 * (widened until it cuts no bucket), of different custom bounds those in common. The hint is that
 * of all terms when they agree, gauge when one is, else unknown. Borrows the bounds of `h`.
 * ST_INVALID: exponential and custom buckets do not add; s is unchanged. ST_NO_MEMORY. */
enum status native_sum_add(struct native_sum *s, const struct native_histogram *h, double weight);
/* The same, but when a count or the sum would be infinite: *fits is false and s is unchanged,
 * though it may have a lower schema, a wider zero bucket or fewer bounds. */
enum status native_sum_try_add(struct native_sum *s, const struct native_histogram *h,
                               double weight, bool *fits);
/* Multiplies what was added so far. */
void native_sum_scale(struct native_sum *s, double factor);
/* The sum as a compact histogram of its own in the arena; NULL: no memory. */
struct native_histogram *native_sum_take(const struct native_sum *s) NODISCARD;

#endif
