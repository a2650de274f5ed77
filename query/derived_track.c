/* derived_track.c - tiles into samples: a 0 one step before the first, a coarse tile's increase
 * spread evenly, flat for five minutes after the last request, then a stale marker. */
#include "query/derived_track.h"

#include "model/stale.h"

uint32_t derived_track_width(const struct derived_track *t)
{
    if (t->is_native)
        return 0;
    return t->family->shape == SHAPE_LATENCY ? t->bound_count + 2 : 1;
}

enum status derived_track_begin(struct derived_track *t, struct arena *arena, struct err *e)
{
    uint32_t width = derived_track_width(t);
    t->totals = arena_calloc(arena, width + 1, sizeof(*t->totals));
    t->pending = arena_calloc(arena, width + 1, sizeof(*t->pending));
    return t->totals && t->pending ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for a series");
}

void derived_track_deinit(struct derived_track *t)
{
    histogram_deinit(&t->native_total);
    histogram_deinit(&t->native_pending);
    vec_deinit(&t->times);
    vec_deinit(&t->values);
    vec_deinit(&t->natives);
}

/* --- increases --- */

static double unit_of(const struct derived_track *t)
{
    return t->family->milliseconds ? 1e6 : 1e9;
}

static void add_to(struct derived_track *t, double *numbers, struct histogram *native,
                   const struct derived_increase *by)
{
    if (t->family->shape != SHAPE_LATENCY) {
        numbers[0] += by->number;
        return;
    }
    const struct histogram *h = by->latency;
    if (!h || h->weight == 0)
        return;
    if (t->is_native) {
        t->failed |= !histogram_merge(native, h);
        return;
    }
    derived_bounds_count(h, t->bounds, t->bound_count, numbers);
    numbers[t->bound_count] += (double)h->sum / WEIGHT_ONE / unit_of(t);
    numbers[t->bound_count + 1] += (double)h->weight / WEIGHT_ONE;
}

void derived_track_base(struct derived_track *t, const struct derived_increase *by)
{
    add_to(t, t->totals, &t->native_total, by);
}

/* --- native samples --- */

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

/* The total and `share` of what is pending. */
static const struct native_histogram *native_sample(struct derived_track *t, double share,
                                                    struct arena *arena)
{
    const struct histogram *a = &t->native_total, *b = &t->native_pending;
    struct native_histogram *h = arena_calloc(arena, 1, sizeof(*h));
    uint32_t buckets = union_count(a, b);
    if (!h)
        return NULL;
    h->positive.items = arena_calloc(arena, buckets + 1, sizeof(*h->positive.items));
    if (!h->positive.items)
        return NULL;
    h->schema = HISTOGRAM_SCALE;
    h->count = ((double)a->weight + share * (double)b->weight) / WEIGHT_ONE;
    h->zero_count = ((double)a->zero + share * (double)b->zero) / WEIGHT_ONE;
    h->sum = ((double)a->sum + share * (double)b->sum) / WEIGHT_ONE / unit_of(t);
    union_fill(a, b, share, &h->positive);
    return h;
}

static const struct native_histogram *native_stale(struct arena *arena)
{
    struct native_histogram *h = arena_calloc(arena, 1, sizeof(*h));
    if (h)
        h->sum = value_stale();
    return h;
}

/* --- samples --- */

static void push_time(struct derived_track *t, int64_t time_ms)
{
    t->failed |= !vec_push(&t->times, time_ms);
}

static void push_native(struct derived_track *t, const struct native_histogram *h)
{
    t->failed |= !h || !vec_push(&t->natives, h);
}

/* Totals with `share` of what is pending. */
static void push_sample(struct derived_track *t, int64_t time_ms, double share, struct arena *arena)
{
    uint32_t width = derived_track_width(t);
    push_time(t, time_ms);
    if (t->is_native) {
        push_native(t, native_sample(t, share, arena));
        return;
    }
    if (!vec_reserve(&t->values, width)) {
        t->failed = true;
        return;
    }
    for (uint32_t i = 0; i < width; i++)
        t->values.items[t->values.len++] =
            t->family->shape == SHAPE_INFO ? 1 : t->totals[i] + share * t->pending[i];
}

static void push_stale(struct derived_track *t, int64_t time_ms, struct arena *arena)
{
    push_time(t, time_ms);
    if (t->is_native)
        push_native(t, native_stale(arena));
    for (uint32_t i = 0; i < derived_track_width(t); i++)
        t->failed |= !vec_push(&t->values, value_stale());
}

/* Flat samples up to before_ms, and the end when the quiet lasts too long. */
static void push_quiet(struct derived_track *t, int64_t before_ms, struct arena *arena)
{
    if (t->times.len == 0)
        return;
    int64_t end = t->traffic_ms + DERIVED_QUIET_MS;
    int64_t at = t->times.items[t->times.len - 1] + DERIVED_STEP_MS;
    for (; at < before_ms && at <= end; at += DERIVED_STEP_MS)
        push_sample(t, at, 0, arena);
    if (at < before_ms && at == end + DERIVED_STEP_MS)
        push_stale(t, at, arena);
}

static void empty_pending(struct derived_track *t)
{
    for (uint32_t i = 0; i < derived_track_width(t); i++) {
        t->totals[i] += t->pending[i];
        t->pending[i] = 0;
    }
    if (t->is_native)
        t->failed |= !histogram_merge(&t->native_total, &t->native_pending);
    histogram_reset(&t->native_pending);
    t->has_pending = false;
}

/* The tile [pending_ms, + resolution_ms) is whole: its samples are the ends of its steps. */
static void push_tile(struct derived_track *t, struct arena *arena)
{
    int64_t steps = t->resolution_ms / DERIVED_STEP_MS;
    push_quiet(t, t->pending_ms, arena);
    if (t->times.len == 0 || t->times.items[t->times.len - 1] < t->pending_ms)
        push_sample(t, t->pending_ms, 0, arena);
    for (int64_t i = 1; i <= steps && !t->failed; i++)
        push_sample(t, t->pending_ms + i * DERIVED_STEP_MS, (double)i / (double)steps, arena);
    t->traffic_ms = t->pending_ms + t->resolution_ms;
    empty_pending(t);
}

void derived_track_add(struct derived_track *t, int64_t tile_ms, int64_t resolution_ms,
                       const struct derived_increase *by, struct arena *arena)
{
    if (t->has_pending && t->pending_ms != tile_ms)
        push_tile(t, arena);
    t->pending_ms = tile_ms;
    t->resolution_ms = resolution_ms;
    t->has_pending = true;
    add_to(t, t->pending, &t->native_pending, by);
}

void derived_track_finish(struct derived_track *t, int64_t end_ms, struct arena *arena)
{
    if (t->has_pending)
        push_tile(t, arena);
    push_quiet(t, end_ms + 1, arena);
}
