/* histogram_dense.h - an accumulator for many encoded histograms: a window of neighbouring buckets
 * as 32-bit counts, so that adding one is a few vector instructions for each 16 buckets. Exact as
 * histogram_decode_add(). */
#ifndef WEFT_MODEL_HISTOGRAM_DENSE_H
#define WEFT_MODEL_HISTOGRAM_DENSE_H

#include "model/histogram_run.h"

/* All-zero is a valid empty accumulator. One thread at a time. */
struct histogram_dense {
    uint32_t *slots; /* owned; whole requests of bucket base + i */
    int32_t base;
    uint32_t len;
    uint64_t bound;    /* all slots together are not more */
    bool without_sums; /* nobody asks for sums: they may be anything while adding, and come out 0 */
    struct histogram rest; /* weight, sum (without the middles of the slots), zero, min, max of all;
                              buckets that do not fit the slots */
};

/* Frees the slots; d is empty again. */
void histogram_dense_deinit(struct histogram_dense *d);
/* As histogram_decode_add(). */
enum status histogram_dense_add(struct cursor *in, struct histogram_dense *into, struct err *e);
/* The same of one that is taken apart. */
enum status histogram_dense_add_item(const struct histogram_item *item,
                                     struct histogram_dense *into, struct err *e);
/* Moves all of d into *out (emptied first, keeps its memory); d is empty again and keeps its
 * window. False when memory is short. */
bool histogram_dense_take(struct histogram_dense *d, struct histogram *out) NODISCARD;
/* The same, of which only the buckets `apart` (ascending) stay apart: what lies between two of them
 * is one bucket there. */
bool histogram_dense_take_coarse(struct histogram_dense *d, const int32_t *apart, size_t count,
                                 struct histogram *out) NODISCARD;
/* The same, of which only quantiles are told: ns[i] as histogram_quantile_ns(out, q[i]) would give
 * it. That costs a fraction, for buckets are not listed. */
bool histogram_dense_take_quantiles(struct histogram_dense *d, const double *q, size_t count,
                                    uint64_t *weight, double *ns) NODISCARD;

#endif
