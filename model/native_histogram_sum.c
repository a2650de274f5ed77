/* native_histogram_sum.c - compensated sums of native histograms of any schema and bounds. */
#include "model/native_histogram_sum.h"

#include <math.h>

/* Where a histogram's bucket belongs in the sum: `steps` schemas lower, or by its upper bound. */
struct mapping {
    unsigned steps;
    const double *from, *to; /* NULL: the bounds are the same, or exponential */
    uint32_t from_count, to_count;
};

static int32_t map_index(const struct mapping *m, int32_t index)
{
    if (!m->from)
        return native_index_reduce(index, m->steps);
    if ((uint32_t)index >= m->from_count)
        return (int32_t)m->to_count;
    uint32_t low = 0, high = m->to_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (m->to[middle] < m->from[index])
            low = middle + 1;
        else
            high = middle;
    }
    return (int32_t)low;
}

/* Neumaier's variant of Kahan's sum; an infinity leaves nothing to compensate. */
static struct native_number number_plus(struct native_number n, double v)
{
    double sum = n.value + v;
    if (isinf(sum))
        n.rest = 0;
    else if (fabs(n.value) >= fabs(v))
        n.rest += (n.value - sum) + v;
    else
        n.rest += (v - sum) + n.value;
    n.value = sum;
    return n;
}

static double number_total(struct native_number n)
{
    return isfinite(n.value) ? n.value + n.rest : n.value;
}

static struct native_number side_get(const struct native_side *side, uint32_t i)
{
    return (struct native_number){side->items[i].count, side->rests[i]};
}

static void side_push(struct native_side *side, int32_t index, struct native_number n)
{
    side->items[side->count] = (struct native_bucket){index, n.value};
    side->rests[side->count++] = n.rest;
}

/* Room for `need` buckets; what was in it is lost. */
static bool side_reserve(struct native_side *side, uint32_t need, struct arena *arena)
{
    side->count = 0;
    if (need <= side->cap)
        return true;
    uint32_t cap = need + need / 2;
    side->items = arena_calloc(arena, cap, sizeof(*side->items));
    side->rests = arena_calloc(arena, cap, sizeof(*side->rests));
    side->cap = side->items && side->rests ? cap : 0;
    return side->cap != 0;
}

static struct native_buckets side_buckets(const struct native_side *side)
{
    return (struct native_buckets){side->items, side->count};
}

/* Merges in place those buckets of a side that a coarser layout has as one. */
static void side_remap(struct native_side *side, const struct mapping *m)
{
    uint32_t count = side->count;
    side->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct native_number n = side_get(side, i);
        int32_t index = map_index(m, side->items[i].index);
        if (side->count > 0 && side->items[side->count - 1].index == index) {
            struct native_number both = number_plus(side_get(side, --side->count), n.value);
            n = (struct native_number){both.value, both.rest + n.rest};
        }
        side_push(side, index, n);
    }
}

/* out = side + buckets * weight. */
static bool side_merge(const struct native_side *side, const struct native_buckets *buckets,
                       const struct mapping *m, double weight, struct native_side *out,
                       struct arena *arena)
{
    if (!side_reserve(out, side->count + buckets->count, arena))
        return side->count + buckets->count == 0;
    uint32_t a = 0, b = 0;
    while (a < side->count || b < buckets->count) {
        int32_t index = b < buckets->count ? map_index(m, buckets->items[b].index) : INT32_MAX;
        struct native_number n = {0};
        if (a < side->count && side->items[a].index <= index) {
            index = side->items[a].index;
            n = side_get(side, a++);
        }
        for (; b < buckets->count && map_index(m, buckets->items[b].index) == index; b++)
            n = number_plus(n, buckets->items[b].count * weight);
        side_push(out, index, n);
    }
    return true;
}

/* Moves the first `count` buckets of a side into the zero bucket. */
static void side_absorb(struct native_sum *s, struct native_side *side, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        s->zero_count = number_plus(s->zero_count, side->items[i].count);
        s->zero_count.rest += side->rests[i];
    }
    if (count == 0)
        return;
    side->count -= count;
    memmove(side->items, side->items + count, side->count * sizeof(*side->items));
    memmove(side->rests, side->rests + count, side->count * sizeof(*side->rests));
}

static void widen_zero(struct native_sum *s, double threshold)
{
    struct native_buckets positive = side_buckets(&s->positive),
                          negative = side_buckets(&s->negative);
    s->zero_threshold = threshold;
    side_absorb(s, &s->positive, native_zero_covers(&positive, s->schema, threshold));
    side_absorb(s, &s->negative, native_zero_covers(&negative, s->schema, threshold));
}

/* Brings both to one width of the zero bucket; `h` loses the buckets that went into its own. */
static void reconcile_zero(struct native_sum *s, struct native_histogram *h)
{
    struct native_histogram mine = {.positive = side_buckets(&s->positive),
                                    .negative = side_buckets(&s->negative),
                                    .schema = s->schema};
    double mine_width = s->zero_threshold, width = h->zero_threshold;
    while (mine_width < width || mine_width > width) {
        if (mine_width > width)
            width = native_zero_fit(h, mine_width);
        else
            mine_width = native_zero_fit(&mine, width);
    }
    if (width != s->zero_threshold)
        widen_zero(s, width);
    if (width == h->zero_threshold)
        return;
    struct native_buckets *sides[] = {&h->positive, &h->negative};
    for (size_t i = 0; i < LEN(sides); i++) {
        uint32_t covered = native_zero_covers(sides[i], h->schema, width);
        for (uint32_t k = 0; k < covered; k++)
            h->zero_count += sides[i]->items[k].count;
        if (covered)
            sides[i]->items += covered;
        sides[i]->count -= covered;
    }
}

static struct mapping reconcile_schema(struct native_sum *s, const struct native_histogram *h)
{
    if (h->schema >= s->schema)
        return (struct mapping){.steps = (unsigned)(h->schema - s->schema)};
    struct mapping down = {.steps = (unsigned)(s->schema - h->schema)};
    side_remap(&s->positive, &down);
    side_remap(&s->negative, &down);
    s->schema = h->schema;
    return (struct mapping){0};
}

static bool is_same_bounds(const struct native_sum *s, const struct native_histogram *h)
{
    return s->bound_count == h->bound_count &&
           (s->bounds == h->bounds || h->bound_count == 0 ||
            memcmp(s->bounds, h->bounds, h->bound_count * sizeof(*h->bounds)) == 0);
}

/* Keeps those bounds that both have. */
static enum status reconcile_bounds(struct native_sum *s, const struct native_histogram *h,
                                    struct mapping *m)
{
    *m = (struct mapping){0};
    if (is_same_bounds(s, h))
        return ST_OK;
    uint32_t most = MIN(s->bound_count, h->bound_count), count = 0;
    double *common = arena_calloc(s->arena, most + 1, sizeof(*common));
    if (!common)
        return ST_NO_MEMORY;
    for (uint32_t i = 0, j = 0; i < s->bound_count && j < h->bound_count;) {
        double mine = s->bounds[i], theirs = h->bounds[j];
        if (mine == theirs)
            common[count++] = mine;
        i += mine <= theirs;
        j += theirs <= mine;
    }
    /* A side without bounds still needs the mapping: `common` stands in for its NULL. */
    struct mapping mine = {0, s->bounds ? s->bounds : common, common, s->bound_count, count};
    *m = (struct mapping){0, h->bounds ? h->bounds : common, common, h->bound_count, count};
    side_remap(&s->positive, &mine);
    s->bounds = common;
    s->bound_count = count;
    s->is_reconciled = true;
    return ST_OK;
}

static uint8_t combine_hints(uint8_t a, uint8_t b)
{
    if (a == b)
        return a;
    return a == RESET_GAUGE || b == RESET_GAUGE ? RESET_GAUGE : RESET_UNKNOWN;
}

static void note_hint(struct native_sum *s, uint8_t hint)
{
    s->hint = s->started ? combine_hints(s->hint, hint) : hint;
    s->reset_seen |= hint == RESET_YES;
    s->no_reset_seen |= hint == RESET_NO;
}

/* One layout for both; *h is a shallow copy that may lose buckets to its zero bucket. */
static enum status reconcile(struct native_sum *s, struct native_histogram *h, struct mapping *m)
{
    if (!s->started) {
        s->schema = h->schema;
        s->zero_threshold = h->zero_threshold;
        s->bounds = h->bounds;
        s->bound_count = h->bound_count;
    }
    if ((s->schema == NATIVE_SCHEMA_CUSTOM) != native_histogram_is_custom(h))
        return ST_INVALID;
    if (native_histogram_is_custom(h))
        return reconcile_bounds(s, h, m);
    reconcile_zero(s, h);
    *m = reconcile_schema(s, h);
    return ST_OK;
}

static bool side_overflows(const struct native_side *side)
{
    for (uint32_t i = 0; i < side->count; i++)
        if (isinf(side->items[i].count))
            return true;
    return false;
}

static void swap_sides(struct native_side *a, struct native_side *b)
{
    struct native_side kept = *a;
    *a = *b;
    *b = kept;
}

/* With `fits`, a result that is infinite is not taken. */
static enum status sum_add(struct native_sum *s, const struct native_histogram *from, double weight,
                           bool *fits)
{
    struct native_histogram h = *from;
    struct mapping m;
    TRY(reconcile(s, &h, &m));
    if (!side_merge(&s->positive, &h.positive, &m, weight, &s->spare_positive, s->arena) ||
        !side_merge(&s->negative, &h.negative, &m, weight, &s->spare_negative, s->arena))
        return ST_NO_MEMORY;
    struct native_number count = number_plus(s->count, h.count * weight);
    struct native_number sum = number_plus(s->sum, h.sum * weight);
    struct native_number zero = number_plus(s->zero_count, h.zero_count * weight);
    if (fits) {
        *fits = !isinf(count.value) && !isinf(sum.value) && !isinf(zero.value) &&
                !side_overflows(&s->spare_positive) && !side_overflows(&s->spare_negative);
        if (!*fits)
            return ST_OK;
    }
    s->count = count;
    s->sum = sum;
    s->zero_count = zero;
    swap_sides(&s->positive, &s->spare_positive);
    swap_sides(&s->negative, &s->spare_negative);
    note_hint(s, h.hint);
    s->started = true;
    return ST_OK;
}

enum status native_sum_add(struct native_sum *s, const struct native_histogram *h, double weight)
{
    return sum_add(s, h, weight, NULL);
}

enum status native_sum_try_add(struct native_sum *s, const struct native_histogram *h,
                               double weight, bool *fits)
{
    return sum_add(s, h, weight, fits);
}

static void number_scale(struct native_number *n, double factor)
{
    n->value *= factor;
    n->rest *= factor;
}

static void side_scale(struct native_side *side, double factor)
{
    for (uint32_t i = 0; i < side->count; i++) {
        side->items[i].count *= factor;
        side->rests[i] *= factor;
    }
}

void native_sum_scale(struct native_sum *s, double factor)
{
    number_scale(&s->count, factor);
    number_scale(&s->sum, factor);
    number_scale(&s->zero_count, factor);
    side_scale(&s->positive, factor);
    side_scale(&s->negative, factor);
}

static bool side_take(const struct native_side *side, struct arena *arena,
                      struct native_buckets *out)
{
    *out = (struct native_buckets){0};
    if (side->count == 0)
        return true;
    out->items = arena_alloc(arena, side->count * sizeof(*out->items));
    if (!out->items)
        return false;
    for (uint32_t i = 0; i < side->count; i++) {
        double count = number_total(side_get(side, i));
        if (count != 0)
            out->items[out->count++] = (struct native_bucket){side->items[i].index, count};
    }
    return true;
}

struct native_histogram *native_sum_take(const struct native_sum *s)
{
    struct native_histogram *h = arena_calloc(s->arena, 1, sizeof(*h));
    if (!h || !side_take(&s->positive, s->arena, &h->positive) ||
        !side_take(&s->negative, s->arena, &h->negative))
        return NULL;
    h->count = number_total(s->count);
    h->sum = number_total(s->sum);
    h->zero_count = number_total(s->zero_count);
    h->zero_threshold = s->zero_threshold;
    h->bounds = s->bounds;
    h->bound_count = s->bound_count;
    h->schema = s->schema;
    h->hint = s->hint;
    return h;
}
