/* native_histogram.c - bounds, copies, equality and order of native histograms. */
#include "model/native_histogram.h"

#include "model/stale.h"
#include <float.h>
#include <math.h>

bool native_histogram_is_stale(const struct native_histogram *h)
{
    return value_is_stale(h->sum);
}

double native_exponential_bound(int32_t index, int8_t schema)
{
    int64_t exponent = schema > 0 ? index >> schema : (int64_t)index * (1 << -schema);
    int32_t part = schema > 0 ? index & ((1 << schema) - 1) : 0;
    /* Prometheus ends the bucket that would end at 2^1024 at the greatest double; infinities have
     * the one behind it. */
    if (exponent >= DBL_MAX_EXP)
        return exponent == DBL_MAX_EXP && part == 0 ? DBL_MAX : INFINITY;
    if (exponent < DBL_MIN_EXP - DBL_MANT_DIG - 1)
        return 0;
    return ldexp(part ? exp2(ldexp(part, -schema)) : 1, (int)exponent);
}

int32_t native_index_reduce(int32_t index, unsigned steps)
{
    return (int32_t)((((int64_t)index - 1) >> steps) + 1);
}

static bool buckets_copy(const struct native_buckets *from, struct arena *arena,
                         struct native_buckets *to)
{
    *to = (struct native_buckets){0};
    if (from->count == 0)
        return true;
    to->items = arena_alloc(arena, from->count * sizeof(*to->items));
    if (!to->items)
        return false;
    memcpy(to->items, from->items, from->count * sizeof(*to->items));
    to->count = from->count;
    return true;
}

/* All but the bounds, which are shared. */
static struct native_histogram *copy_buckets(const struct native_histogram *h, struct arena *arena)
{
    struct native_histogram *copy = arena_alloc(arena, sizeof(*copy));
    if (!copy)
        return NULL;
    *copy = *h;
    if (!buckets_copy(&h->positive, arena, &copy->positive) ||
        !buckets_copy(&h->negative, arena, &copy->negative))
        return NULL;
    return copy;
}

struct native_histogram *native_histogram_copy(const struct native_histogram *h,
                                               struct arena *arena)
{
    struct native_histogram *copy = copy_buckets(h, arena);
    if (!copy || h->bound_count == 0)
        return copy;
    double *bounds = arena_alloc(arena, h->bound_count * sizeof(*bounds));
    if (!bounds)
        return NULL;
    memcpy(bounds, h->bounds, h->bound_count * sizeof(*bounds));
    copy->bounds = bounds;
    return copy;
}

static void buckets_compact(struct native_buckets *b)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->count; i++)
        if (b->items[i].count != 0)
            b->items[kept++] = b->items[i];
    b->count = kept;
}

void native_histogram_compact(struct native_histogram *h)
{
    buckets_compact(&h->positive);
    buckets_compact(&h->negative);
}

/* Multiplication by an inverse would round twice: both operations are there. */
static double apply(double v, double operand, bool divides)
{
    return divides ? v / operand : v * operand;
}

static void buckets_apply(struct native_buckets *b, double operand, bool divides)
{
    for (uint32_t i = 0; i < b->count; i++)
        b->items[i].count = apply(b->items[i].count, operand, divides);
}

static struct native_histogram *apply_to_all(const struct native_histogram *h, double operand,
                                             bool divides, struct arena *arena)
{
    struct native_histogram *out = copy_buckets(h, arena);
    if (!out)
        return NULL;
    out->count = apply(h->count, operand, divides);
    out->sum = apply(h->sum, operand, divides);
    out->zero_count = apply(h->zero_count, operand, divides);
    buckets_apply(&out->positive, operand, divides);
    buckets_apply(&out->negative, operand, divides);
    if (operand < 0)
        out->hint = RESET_GAUGE;
    return out;
}

struct native_histogram *native_histogram_scale(const struct native_histogram *h, double factor,
                                                struct arena *arena)
{
    return apply_to_all(h, factor, false, arena);
}

struct native_histogram *native_histogram_divide(const struct native_histogram *h, double by,
                                                 struct arena *arena)
{
    struct native_histogram *out = apply_to_all(h, by, true, arena);
    if (out && by == 0)
        out->positive.count = out->negative.count = 0;
    return out;
}

static void buckets_reduce(struct native_buckets *b, unsigned steps)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        struct native_bucket bucket = b->items[i];
        bucket.index = native_index_reduce(bucket.index, steps);
        if (kept > 0 && b->items[kept - 1].index == bucket.index)
            b->items[kept - 1].count += bucket.count;
        else
            b->items[kept++] = bucket;
    }
    b->count = kept;
}

void native_histogram_reduce(struct native_histogram *h, int8_t schema)
{
    if (native_histogram_is_custom(h) || h->schema <= schema)
        return;
    buckets_reduce(&h->positive, (unsigned)(h->schema - schema));
    buckets_reduce(&h->negative, (unsigned)(h->schema - schema));
    h->schema = schema;
}

/* First from `i` on that counts something. */
static uint32_t skip_empty(const struct native_buckets *b, uint32_t i)
{
    while (i < b->count && b->items[i].count == 0)
        i++;
    return i;
}

static bool buckets_equal(const struct native_buckets *a, const struct native_buckets *b)
{
    uint32_t i = skip_empty(a, 0), j = skip_empty(b, 0);
    while (i < a->count && j < b->count) {
        if (a->items[i].index != b->items[j].index || a->items[i].count != b->items[j].count)
            return false;
        i = skip_empty(a, i + 1);
        j = skip_empty(b, j + 1);
    }
    return i == a->count && j == b->count;
}

static bool number_equal(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool bounds_equal(const struct native_histogram *a, const struct native_histogram *b)
{
    if (a->bound_count != b->bound_count)
        return false;
    for (uint32_t i = 0; i < a->bound_count; i++)
        if (a->bounds[i] != b->bounds[i])
            return false;
    return true;
}

bool native_histogram_equal(const struct native_histogram *a, const struct native_histogram *b)
{
    return a->schema == b->schema && number_equal(a->count, b->count) &&
           number_equal(a->sum, b->sum) && a->zero_threshold == b->zero_threshold &&
           number_equal(a->zero_count, b->zero_count) && bounds_equal(a, b) &&
           buckets_equal(&a->positive, &b->positive) && buckets_equal(&a->negative, &b->negative);
}

uint32_t native_zero_covers(const struct native_buckets *side, int8_t schema, double threshold)
{
    uint32_t n = 0;
    while (n < side->count && native_exponential_bound(side->items[n].index, schema) <= threshold)
        n++;
    return n;
}

static double fit_side(const struct native_buckets *side, int8_t schema, double threshold)
{
    uint32_t next = skip_empty(side, native_zero_covers(side, schema, threshold));
    if (next == side->count)
        return threshold;
    int32_t index = side->items[next].index;
    bool is_cut = native_exponential_bound(index - 1, schema) < threshold;
    return is_cut ? native_exponential_bound(index, schema) : threshold;
}

double native_zero_fit(const struct native_histogram *h, double threshold)
{
    for (;;) {
        double wider = fit_side(&h->positive, h->schema, threshold);
        wider = fit_side(&h->negative, h->schema, wider);
        if (wider == threshold)
            return threshold;
        threshold = wider;
    }
}

/* No with a count below zero, as -h has, and with the NaN that infinity makes of none. */
static bool has_zero_bucket(const struct native_histogram *h)
{
    return !native_histogram_is_custom(h) && h->zero_count > 0;
}

uint32_t native_histogram_range_count(const struct native_histogram *h)
{
    return h->negative.count + has_zero_bucket(h) + h->positive.count;
}

static struct native_range custom_range(const struct native_histogram *h, uint32_t at)
{
    struct native_bucket b = h->positive.items[at];
    uint32_t index = (uint32_t)b.index;
    return (struct native_range){
        .lower = index > 0 ? h->bounds[MIN(index, h->bound_count) - 1] : -INFINITY,
        .upper = index < h->bound_count ? h->bounds[index] : INFINITY,
        .count = b.count,
        .side = 1,
        .has_lower = index == 0,
        .has_upper = true,
    };
}

struct native_range native_histogram_range(const struct native_histogram *h, uint32_t at)
{
    if (native_histogram_is_custom(h))
        return custom_range(h, at);
    bool is_negative = at < h->negative.count;
    uint32_t has_zero = has_zero_bucket(h);
    if (!is_negative && has_zero && at == h->negative.count)
        return (struct native_range){
            -h->zero_threshold, h->zero_threshold, h->zero_count, 0, true, true};
    const struct native_bucket *b = is_negative
                                        ? &h->negative.items[h->negative.count - 1 - at]
                                        : &h->positive.items[at - h->negative.count - has_zero];
    double upper = native_exponential_bound(b->index, h->schema);
    double lower = native_exponential_bound(b->index - 1, h->schema);
    lower = MIN(MAX(lower, h->zero_threshold), upper);
    if (is_negative)
        return (struct native_range){-upper, -lower, b->count, -1, true, false};
    return (struct native_range){lower, upper, b->count, 1, false, true};
}
