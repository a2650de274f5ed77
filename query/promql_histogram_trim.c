/* promql_histogram_trim.c - h </ x and h >/ x: cuts a histogram at a value, by interpolation in the
 * bucket that holds it, and estimates the sum of what is left. */
#include "query/promql_histogram.h"

#include <math.h>

struct trim {
    double bound;
    bool keeps_below;
    bool is_custom;
    bool has_changed;
    double count, sum; /* of what is kept */
};

/* Kept part of one bucket and where it is taken to be. */
struct kept {
    double count, middle;
};

/* The part between lower and upper of a bucket spreads evenly. */
static struct kept cut_linear(const struct trim *t, double lower, double upper, double count)
{
    double share = (t->bound - lower) / (upper - lower);
    if (t->keeps_below)
        return (struct kept){count * share, (lower + t->bound) / 2};
    return (struct kept){count * (1 - share), (t->bound + upper) / 2};
}

/* The bucket (-Inf, upper]: taken to begin at 0 where that makes sense. Nothing is known of one
 * that does not, so only what keeps it whole keeps it. */
static struct kept cut_first(const struct trim *t, double upper, double count)
{
    if (t->bound >= 0 && isfinite(upper))
        return cut_linear(t, 0, upper, count);
    if (t->keeps_below && upper <= 0)
        return (struct kept){count, t->bound};
    return (struct kept){0, 0};
}

static struct kept cut_custom(const struct trim *t, const struct native_range *r)
{
    if (isinf(r->lower))
        return cut_first(t, r->upper, r->count);
    /* Of what lies in (last bound, +Inf) nothing is known to be below. */
    if (isinf(r->upper))
        return t->keeps_below ? (struct kept){0, 0} : (struct kept){r->count, t->bound};
    return cut_linear(t, r->lower, r->upper, r->count);
}

static double middle_custom(double lower, double upper)
{
    if (isinf(lower))
        return upper > 0 ? upper / 2 : upper;
    return isinf(upper) ? lower : (lower + upper) / 2;
}

static struct kept cut_exponential(const struct trim *t, const struct native_range *r)
{
    double log_lower = log2(fabs(r->lower)), log_upper = log2(fabs(r->upper));
    double share = (log2(fabs(t->bound)) - log_lower) / (log_upper - log_lower);
    double end = t->keeps_below ? r->lower : r->upper;
    double middle = copysign(sqrt(end * t->bound), t->bound);
    return (struct kept){r->count * (t->keeps_below ? share : 1 - share), middle};
}

static struct kept keep_whole(const struct trim *t, const struct native_range *r)
{
    if (t->is_custom)
        return (struct kept){r->count, middle_custom(r->lower, r->upper)};
    if (r->side == 0)
        return (struct kept){r->count, (r->lower + r->upper) / 2};
    return (struct kept){r->count, r->side * sqrt(r->lower * r->upper)};
}

static struct kept keep_part(const struct trim *t, const struct native_range *r)
{
    if (t->keeps_below ? r->upper <= t->bound : r->lower >= t->bound)
        return keep_whole(t, r);
    bool is_gone = t->keeps_below ? r->lower >= t->bound : r->upper <= t->bound;
    /* Of a zero bucket NaN leaves NaN. */
    if (is_gone || (isnan(t->bound) && r->side != 0))
        return (struct kept){0, 0};
    if (t->is_custom)
        return cut_custom(t, r);
    return r->side == 0 ? cut_linear(t, r->lower, r->upper, r->count) : cut_exponential(t, r);
}

/* What is left of the bucket's count. */
static double trim_bucket(struct trim *t, const struct native_range *r)
{
    struct kept kept = keep_part(t, r);
    t->has_changed |= kept.count != r->count;
    t->count += kept.count;
    if (kept.count != 0)
        t->sum += kept.count * kept.middle;
    return kept.count;
}

static struct native_range range_of(const struct native_histogram *h, uint32_t i, int8_t side)
{
    const struct native_bucket *b = side < 0 ? &h->negative.items[i] : &h->positive.items[i];
    if (native_histogram_is_custom(h))
        return native_histogram_range(h, i);
    double upper = native_exponential_bound(b->index, h->schema);
    double lower = native_exponential_bound(b->index - 1, h->schema);
    if (side < 0)
        return (struct native_range){
            .lower = -upper, .upper = -lower, .count = b->count, .side = -1};
    return (struct native_range){.lower = lower, .upper = upper, .count = b->count, .side = 1};
}

/* True when the side counted anything. */
static bool trim_side(struct trim *t, const struct native_histogram *from,
                      struct native_buckets *side, int8_t sign)
{
    bool is_populated = false;
    for (uint32_t i = 0; i < side->count; i++) {
        struct native_range range = range_of(from, i, sign);
        if (range.count == 0)
            continue;
        is_populated = true;
        side->items[i].count = trim_bucket(t, &range);
    }
    return is_populated;
}

static enum status trim(const struct native_histogram *h, struct trim t, struct arena *arena,
                        struct native_histogram **out)
{
    struct native_histogram *cut = native_histogram_copy(h, arena);
    *out = cut;
    if (!cut)
        return ST_NO_MEMORY;
    bool has_positive = trim_side(&t, h, &cut->positive, 1);
    bool has_negative = trim_side(&t, h, &cut->negative, -1);
    if (h->zero_count > 0) {
        struct native_range zero = {
            .lower = -h->zero_threshold, .upper = h->zero_threshold, .count = h->zero_count};
        if (has_positive && !has_negative)
            zero.lower = 0;
        if (has_negative && !has_positive)
            zero.upper = 0;
        cut->zero_count = trim_bucket(&t, &zero);
    }
    if (!t.has_changed)
        return ST_OK;
    cut->count = t.count;
    cut->sum = t.sum;
    native_histogram_compact(cut);
    return ST_OK;
}

enum status native_trim_above(const struct native_histogram *h, double bound, struct arena *arena,
                              struct native_histogram **out)
{
    struct trim t = {.bound = bound, .keeps_below = true};
    t.is_custom = native_histogram_is_custom(h);
    return trim(h, t, arena, out);
}

enum status native_trim_below(const struct native_histogram *h, double bound, struct arena *arena,
                              struct native_histogram **out)
{
    struct trim t = {.bound = bound, .is_custom = native_histogram_is_custom(h)};
    return trim(h, t, arena, out);
}
