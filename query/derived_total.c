/* derived_total.c - whole numbers to samples. */
#include "query/derived_total.h"

uint32_t derived_form_width(const struct derived_form *f)
{
    if (f->is_native)
        return 0;
    return f->family->shape == SHAPE_LATENCY ? f->bound_count + 2 : 1;
}

static bool is_classic(const struct derived_form *f)
{
    return f->family->shape == SHAPE_LATENCY && !f->is_native;
}

static uint32_t bounds_of(const struct derived_form *f)
{
    return is_classic(f) ? f->bound_count : 0;
}

bool derived_total_init(struct derived_total *t, const struct derived_form *f, struct arena *arena)
{
    *t = (struct derived_total){.at = arena_calloc(arena, bounds_of(f) + 1, sizeof(*t->at))};
    return t->at != NULL;
}

void derived_total_deinit(struct derived_total *t)
{
    histogram_deinit(&t->native);
}

bool derived_total_add(struct derived_total *t, const struct derived_form *f,
                       const struct derived_increase *by)
{
    if (f->family->shape != SHAPE_LATENCY) {
        t->number += by->number;
        return true;
    }
    const struct histogram *h = by->latency;
    if (!h || h->weight == 0)
        return true;
    if (f->is_native)
        return histogram_merge(&t->native, h);
    derived_bounds_count(h, f->bounds, f->bound_count, t->at);
    t->sum += h->sum;
    t->number += h->weight;
    return true;
}

bool derived_total_copy(struct derived_total *to, const struct derived_total *from,
                        const struct derived_form *f)
{
    if (bounds_of(f) > 0)
        memcpy(to->at, from->at, bounds_of(f) * sizeof(*to->at));
    to->number = from->number;
    to->sum = from->sum;
    histogram_reset(&to->native);
    return !f->is_native || histogram_merge(&to->native, &from->native);
}

bool derived_total_take(struct derived_total *to, struct derived_total *from,
                        const struct derived_form *f)
{
    for (uint32_t i = 0; i < bounds_of(f); i++) {
        to->at[i].below += from->at[i].below;
        to->at[i].cut += from->at[i].cut;
        from->at[i] = (struct bound_count){0};
    }
    to->number += from->number;
    to->sum += from->sum;
    from->number = 0;
    from->sum = 0;
    bool ok = !f->is_native || histogram_merge(&to->native, &from->native);
    histogram_reset(&from->native);
    return ok;
}

/* --- numbers --- */

/* Both are not below `before` and not above `after` whatever is rounded. */
static double between(double before, double after, double share)
{
    return before + share * (after - before);
}

static double unit_of(const struct derived_form *f)
{
    return f->family->milliseconds ? 1e6 : 1e9;
}

static double seconds(u128 sum, const struct derived_form *f)
{
    return (double)sum / WEIGHT_ONE / unit_of(f);
}

static double number(uint64_t n, const struct derived_form *f)
{
    bool is_bytes =
        f->family->shape == SHAPE_REQUEST_BYTES || f->family->shape == SHAPE_RESPONSE_BYTES;
    return is_bytes ? (double)n : (double)n / WEIGHT_ONE;
}

static double below(struct bound_count c, const struct derived_bound *b)
{
    return ((double)c.below + b->share * (double)c.cut) / WEIGHT_ONE;
}

static struct bound_count both(struct bound_count a, struct bound_count b)
{
    return (struct bound_count){a.below + b.below, a.cut + b.cut};
}

void derived_total_values(const struct derived_total *t, const struct derived_total *next,
                          double share, const struct derived_form *f, double *out)
{
    static const struct derived_total none = {0};
    if (f->family->shape == SHAPE_INFO) {
        *out = 1;
        return;
    }
    const struct derived_total *n = next ? next : &none;
    for (uint32_t i = 0; i < bounds_of(f); i++) {
        const struct derived_bound *b = &f->bounds[i];
        double before = below(t->at[i], b);
        *out++ = next ? between(before, below(both(t->at[i], n->at[i]), b), share) : before;
    }
    if (is_classic(f))
        *out++ = between(seconds(t->sum, f), seconds(t->sum + n->sum, f), share);
    *out = between(number(t->number, f), number(t->number + n->number, f), share);
}

/* --- native histograms --- */

static uint32_t union_count(const struct histogram *a, const struct histogram *b)
{
    uint32_t n = 0, j = 0;
    for (uint32_t i = 0; i < a->bucket_count || j < b->bucket_count; n++) {
        int32_t x = i < a->bucket_count ? a->buckets[i].index : INT32_MAX;
        int32_t y = j < b->bucket_count ? b->buckets[j].index : INT32_MAX;
        i += x <= y;
        j += y <= x;
    }
    return n;
}

static void union_fill(const struct histogram *a, const struct histogram *b, double share,
                       struct native_buckets *out)
{
    uint32_t j = 0;
    for (uint32_t i = 0; i < a->bucket_count || j < b->bucket_count;) {
        int32_t x = i < a->bucket_count ? a->buckets[i].index : INT32_MAX;
        int32_t y = j < b->bucket_count ? b->buckets[j].index : INT32_MAX;
        double count = x <= y ? (double)a->buckets[i].weight : 0;
        if (y <= x)
            count += share * (double)b->buckets[j].weight;
        /* Ours begin at index 0 above 1 s, Prometheus' at index 1. */
        out->items[out->count++] =
            (struct native_bucket){.index = MIN(x, y) + 1, .count = count / WEIGHT_ONE};
        i += x <= y;
        j += y <= x;
    }
}

const struct native_histogram *derived_total_native(const struct derived_total *t,
                                                    const struct derived_total *next, double share,
                                                    const struct derived_form *f,
                                                    struct arena *arena)
{
    static const struct histogram none = {0};
    const struct histogram *a = &t->native, *b = next ? &next->native : &none;
    struct native_histogram *h = arena_calloc(arena, 1, sizeof(*h));
    uint32_t buckets = union_count(a, b);
    if (!h)
        return NULL;
    h->positive.items = arena_calloc(arena, buckets + 1, sizeof(*h->positive.items));
    if (!h->positive.items)
        return NULL;
    h->schema = HISTOGRAM_SCALE;
    h->hint = RESET_NO; /* a running total */
    h->count = ((double)a->weight + share * (double)b->weight) / WEIGHT_ONE;
    h->zero_count = ((double)a->zero + share * (double)b->zero) / WEIGHT_ONE;
    h->sum = between(seconds(a->sum, f), seconds(a->sum + b->sum, f), share);
    union_fill(a, b, share, &h->positive);
    return h;
}
