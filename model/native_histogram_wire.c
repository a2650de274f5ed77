/* native_histogram_wire.c - judges histograms of spans and buckets and makes them sparse; back. */
#include "model/native_histogram_wire.h"

#include "model/stale.h"
#include <math.h>

enum {
    WIRE_SCHEMA_MAX = 52,  /* that Prometheus knows; above 8 it reduces */
    EXPONENT_REACH = 1080, /* no double lies beyond 2^+-EXPONENT_REACH */
    GAP_FILLED_MAX = 2,
};

/* Buckets beyond it can hold no observation, and would make a dense form of any size. */
static int64_t index_limit(int32_t schema)
{
    int64_t limit = (int64_t)EXPONENT_REACH << MAX(schema, 0);
    return MIN(limit, INT32_MAX / 2);
}

/* What the walk over one side's spans knows. */
struct span_walk {
    const struct native_span_buckets *from;
    struct native_buckets *to; /* room for all */
    uint32_t at;               /* of the next bucket */
    int64_t whole;             /* absolute count of the last bucket, of an integer histogram */
    double total;
    int64_t limit; /* greatest index either way */
};

static enum status take_bucket(struct span_walk *w, int64_t index, struct err *e)
{
    double count;
    if (w->from->deltas) {
        if (__builtin_add_overflow(w->whole, w->from->deltas[w->at], &w->whole))
            return err_set(e, ST_INVALID, "histogram bucket count is out of range");
        count = (double)w->whole;
    } else {
        count = w->from->counts[w->at];
    }
    if (count < 0)
        return err_set(e, ST_INVALID, "histogram has a negative bucket count");
    if (index > w->limit || index < -w->limit)
        return err_set(e, ST_INVALID, "histogram bucket index %lld is out of range",
                       (long long)index);
    w->at++;
    w->total += count;
    if (count != 0)
        w->to->items[w->to->count++] = (struct native_bucket){(int32_t)index, count};
    return ST_OK;
}

static enum status check_spans(const struct native_span_buckets *b, struct err *e)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < b->span_count; i++) {
        if (i > 0 && b->spans[i].offset < 0)
            return err_set(e, ST_INVALID, "histogram span %u has the negative offset %d", i,
                           b->spans[i].offset);
        sum += b->spans[i].length;
    }
    if (sum != b->bucket_count)
        return err_set(e, ST_INVALID, "histogram spans tell %llu buckets, there are %u",
                       (unsigned long long)sum, b->bucket_count);
    if (sum > NATIVE_BUCKETS_MAX)
        return err_set(e, ST_INVALID, "histogram has more than %d buckets", NATIVE_BUCKETS_MAX);
    return ST_OK;
}

/* Adds the side's count to *total. */
static enum status read_side(const struct native_span_buckets *from, int64_t limit,
                             struct arena *arena, struct native_buckets *to, double *total,
                             struct err *e)
{
    TRY(check_spans(from, e));
    if (from->bucket_count == 0)
        return ST_OK;
    to->items = arena_alloc(arena, from->bucket_count * sizeof(*to->items));
    if (!to->items)
        return err_set(e, ST_NO_MEMORY, "no memory for a histogram");
    struct span_walk walk = {.from = from, .to = to, .limit = limit};
    int64_t index = 0;
    for (uint32_t i = 0; i < from->span_count; i++) {
        index += from->spans[i].offset;
        for (uint32_t k = 0; k < from->spans[i].length; k++)
            TRY(take_bucket(&walk, index++, e));
    }
    *total += walk.total;
    return ST_OK;
}

static enum status copy_bounds(const double *bounds, uint32_t count, struct arena *arena,
                               struct native_histogram *out, struct err *e)
{
    if (count > NATIVE_BUCKETS_MAX)
        return err_set(e, ST_INVALID, "histogram has more than %d custom bounds",
                       NATIVE_BUCKETS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (!isfinite(bounds[i]))
            return err_set(e, ST_INVALID, "histogram custom bounds must be finite");
        if (i > 0 && bounds[i] <= bounds[i - 1])
            return err_set(e, ST_INVALID,
                           "histogram custom bounds must be in strictly increasing order");
    }
    if (count == 0)
        return ST_OK;
    double *copy = arena_alloc(arena, count * sizeof(*copy));
    if (!copy)
        return err_set(e, ST_NO_MEMORY, "no memory for a histogram");
    memcpy(copy, bounds, count * sizeof(*copy));
    out->bounds = copy;
    out->bound_count = count;
    return ST_OK;
}

static enum status check_custom(const struct native_wire *w, const struct native_histogram *h,
                                struct err *e)
{
    if (w->zero_count != 0 || w->zero_threshold != 0)
        return err_set(e, ST_INVALID, "histogram with custom buckets has a zero bucket");
    if (w->negative.span_count || w->negative.bucket_count)
        return err_set(e, ST_INVALID, "histogram with custom buckets has negative buckets");
    if (h->positive.count == 0)
        return ST_OK;
    int32_t first = h->positive.items[0].index;
    int32_t last = h->positive.items[h->positive.count - 1].index;
    if (first < 0 || (uint32_t)last > h->bound_count)
        return err_set(e, ST_INVALID, "histogram has %u custom bounds, but bucket %d",
                       h->bound_count, first < 0 ? first : last);
    return ST_OK;
}

static enum status check_numbers(const struct native_wire *w, struct err *e)
{
    bool is_custom = w->schema == NATIVE_SCHEMA_CUSTOM;
    if (!is_custom && (w->schema < NATIVE_SCHEMA_MIN || w->schema > WIRE_SCHEMA_MAX))
        return err_set(e, ST_INVALID, "histogram has the unknown schema %d", w->schema);
    if (!is_custom && w->bound_count)
        return err_set(e, ST_INVALID, "histogram with exponential buckets has custom bounds");
    if (w->hint > RESET_GAUGE)
        return err_set(e, ST_INVALID, "histogram has the unknown reset hint %u", w->hint);
    if (!(w->zero_threshold >= 0))
        return err_set(e, ST_INVALID, "histogram zero threshold must not be negative");
    if (w->count < 0 || w->zero_count < 0)
        return err_set(e, ST_INVALID, "histogram has a negative count");
    return ST_OK;
}

/* Observations of NaN are counted and are in no bucket: they make the sum NaN. Float counts may
 * have been rounded, so nothing is asked of them. */
static enum status check_total(double count, double sum, double total, struct err *e)
{
    bool may_exceed = isnan(sum);
    if (may_exceed ? total <= count : total == count)
        return ST_OK;
    return err_set(e, ST_INVALID,
                   "%.17g observations found in buckets, but the histogram's count is %.17g", total,
                   count);
}

enum status native_histogram_from_wire(const struct native_wire *wire, struct arena *arena,
                                       struct native_histogram *out, struct err *e)
{
    *out = (struct native_histogram){.sum = wire->sum};
    if (value_is_stale(wire->sum))
        return ST_OK;
    TRY(check_numbers(wire, e));
    out->count = wire->count;
    out->zero_count = wire->zero_count;
    out->zero_threshold = wire->zero_threshold;
    out->schema = (int8_t)wire->schema;
    out->hint = (uint8_t)wire->hint;
    double total = wire->zero_count;
    int64_t limit = index_limit(wire->schema);
    if (wire->schema == NATIVE_SCHEMA_CUSTOM)
        limit = NATIVE_BUCKETS_MAX;
    TRY(read_side(&wire->positive, limit, arena, &out->positive, &total, e));
    TRY(read_side(&wire->negative, limit, arena, &out->negative, &total, e));
    TRY(copy_bounds(wire->bounds, wire->bound_count, arena, out, e));
    if (native_histogram_is_custom(out))
        TRY(check_custom(wire, out, e));
    if (!wire->is_float)
        TRY(check_total(wire->count, wire->sum, total, e));
    native_histogram_reduce(out, NATIVE_SCHEMA_MAX);
    return ST_OK;
}

static enum status read_dense(const struct native_dense *from, int32_t scale, struct arena *arena,
                              struct native_buckets *to, double *total, struct err *e)
{
    uint32_t filled = 0;
    for (uint32_t i = 0; i < from->count; i++)
        filled += from->counts[i] != 0;
    if (filled == 0)
        return ST_OK;
    if (filled > NATIVE_BUCKETS_MAX)
        return err_set(e, ST_INVALID, "histogram has more than %d buckets", NATIVE_BUCKETS_MAX);
    int64_t limit = index_limit(scale);
    to->items = arena_alloc(arena, filled * sizeof(*to->items));
    if (!to->items)
        return err_set(e, ST_NO_MEMORY, "no memory for a histogram");
    for (uint32_t i = 0; i < from->count; i++) {
        if (from->counts[i] == 0)
            continue;
        int64_t index = (int64_t)from->offset + i + 1; /* OTLP's bucket 0 is (1, base] */
        if (index > limit || index < -limit)
            return err_set(e, ST_INVALID, "histogram bucket index %lld is out of range",
                           (long long)index);
        double count = (double)from->counts[i];
        to->items[to->count++] = (struct native_bucket){(int32_t)index, count};
        *total += count;
    }
    return ST_OK;
}

enum status native_histogram_from_otlp(const struct native_otlp *point, struct arena *arena,
                                       struct native_histogram *out, struct err *e)
{
    if (point->scale < NATIVE_SCHEMA_MIN || point->scale > WIRE_SCHEMA_MAX)
        return err_set(e, ST_INVALID, "exponential histogram has the scale %d, not %d to %d",
                       point->scale, NATIVE_SCHEMA_MIN, WIRE_SCHEMA_MAX);
    if (!(point->zero_threshold >= 0))
        return err_set(e, ST_INVALID, "histogram zero threshold must not be negative");
    *out = (struct native_histogram){
        .count = (double)point->count,
        .sum = point->sum,
        .zero_count = (double)point->zero_count,
        .zero_threshold = point->zero_threshold > 0 ? point->zero_threshold : 1e-128,
        .schema = (int8_t)point->scale,
    };
    double total = out->zero_count;
    TRY(read_dense(&point->positive, point->scale, arena, &out->positive, &total, e));
    TRY(read_dense(&point->negative, point->scale, arena, &out->negative, &total, e));
    native_histogram_reduce(out, NATIVE_SCHEMA_MAX);
    return check_total(out->count, out->sum, total, e);
}

enum status native_histogram_from_bounds(const double *bounds, uint32_t bound_count,
                                         const uint64_t *counts, double sum, struct arena *arena,
                                         struct native_histogram *out, struct err *e)
{
    *out = (struct native_histogram){.sum = sum, .schema = NATIVE_SCHEMA_CUSTOM};
    uint32_t finite = bound_count;
    if (finite > 0 && isinf(bounds[finite - 1]) && bounds[finite - 1] > 0)
        finite--;
    TRY(copy_bounds(bounds, finite, arena, out, e));
    out->positive.items = arena_alloc(arena, (finite + 1) * sizeof(*out->positive.items));
    if (!out->positive.items)
        return err_set(e, ST_NO_MEMORY, "no memory for a histogram");
    double last = bound_count > finite ? (double)counts[bound_count] : 0;
    for (uint32_t i = 0; i <= finite; i++) {
        double count = (double)counts[i] + (i == finite ? last : 0);
        out->count += count;
        if (count != 0)
            out->positive.items[out->positive.count++] = (struct native_bucket){(int32_t)i, count};
    }
    return ST_OK;
}

/* Empty buckets between a bucket and the one before; the gap of the first is its index. */
static int64_t gap_before(const struct native_buckets *b, uint32_t i)
{
    return i == 0 ? b->items[0].index : (int64_t)b->items[i].index - b->items[i - 1].index - 1;
}

static bool starts_span(const struct native_buckets *b, uint32_t i)
{
    return i == 0 || gap_before(b, i) > GAP_FILLED_MAX;
}

enum status native_buckets_to_spans(const struct native_buckets *buckets, struct arena *arena,
                                    struct native_spans *out)
{
    *out = (struct native_spans){0};
    if (buckets->count == 0)
        return ST_OK;
    size_t room = (size_t)buckets->count * (GAP_FILLED_MAX + 1);
    out->spans = arena_calloc(arena, buckets->count, sizeof(*out->spans));
    out->counts = arena_calloc(arena, room, sizeof(*out->counts));
    if (!out->spans || !out->counts)
        return ST_NO_MEMORY;
    for (uint32_t i = 0; i < buckets->count; i++) {
        uint32_t gap = (uint32_t)gap_before(buckets, i);
        if (starts_span(buckets, i)) {
            out->spans[out->span_count++].offset = (int32_t)gap;
            gap = 0;
        }
        out->bucket_count += gap;
        out->counts[out->bucket_count++] = buckets->items[i].count;
        out->spans[out->span_count - 1].length += gap + 1;
    }
    return ST_OK;
}
