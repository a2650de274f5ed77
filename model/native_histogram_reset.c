/* native_histogram_reset.c - tells whether a counter of histograms started anew between two. */
#include "model/native_histogram.h"

/* Sum of the buckets from *at on with an index up to `last`; *at is moved behind them. */
static double take_up_to(const struct native_buckets *b, uint32_t *at, uint32_t last)
{
    double sum = 0;
    for (; *at < b->count && (uint32_t)b->items[*at].index <= last; (*at)++)
        sum += b->items[*at].count;
    return sum;
}

/* Compares between bounds that both have, the last of which is +Inf. */
static bool custom_fell(const struct native_histogram *h, const struct native_histogram *before)
{
    uint32_t now_at = 0, then_at = 0, i = 0, j = 0;
    for (;; i++, j++) {
        while (i < h->bound_count && j < before->bound_count && h->bounds[i] != before->bounds[j]) {
            if (h->bounds[i] < before->bounds[j])
                i++;
            else
                j++;
        }
        bool is_last = i == h->bound_count || j == before->bound_count;
        double now = take_up_to(&h->positive, &now_at, is_last ? UINT32_MAX : i);
        double then = take_up_to(&before->positive, &then_at, is_last ? UINT32_MAX : j);
        if (now < then)
            return true;
        if (is_last)
            return false;
    }
}

/* Buckets of `then`, from `at` on, paired `steps` times, hold more than those of `now`. */
static bool side_fell(const struct native_buckets *now, const struct native_buckets *then,
                      uint32_t at, unsigned steps)
{
    uint32_t found = 0;
    while (at < then->count) {
        int32_t index = native_index_reduce(then->items[at].index, steps);
        double before = 0;
        for (; at < then->count && native_index_reduce(then->items[at].index, steps) == index; at++)
            before += then->items[at].count;
        while (found < now->count && now->items[found].index < index)
            found++;
        bool is_there = found < now->count && now->items[found].index == index;
        if ((is_there ? now->items[found].count : 0) < before)
            return true;
    }
    return false;
}

static double sum_of_first(const struct native_buckets *b, uint32_t count)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += b->items[i].count;
    return sum;
}

static bool exponential_fell(const struct native_histogram *h,
                             const struct native_histogram *before)
{
    double width = h->zero_threshold;
    if (h->schema > before->schema || width < before->zero_threshold)
        return true;
    uint32_t positive = 0, negative = 0; /* buckets that the wider zero bucket took in */
    if (width > before->zero_threshold) {
        if (native_zero_fit(before, width) != width)
            return true;
        positive = native_zero_covers(&before->positive, before->schema, width);
        negative = native_zero_covers(&before->negative, before->schema, width);
    }
    double zero_before = before->zero_count + sum_of_first(&before->positive, positive) +
                         sum_of_first(&before->negative, negative);
    unsigned steps = (unsigned)(before->schema - h->schema);
    return h->zero_count < zero_before ||
           side_fell(&h->positive, &before->positive, positive, steps) ||
           side_fell(&h->negative, &before->negative, negative, steps);
}

bool native_histogram_is_reset(const struct native_histogram *h,
                               const struct native_histogram *before)
{
    if (h->hint == RESET_YES || h->hint == RESET_NO)
        return h->hint == RESET_YES;
    bool is_custom = native_histogram_is_custom(h);
    if (h->count < before->count || is_custom != native_histogram_is_custom(before))
        return true;
    return is_custom ? custom_fell(h, before) : exponential_fell(h, before);
}
