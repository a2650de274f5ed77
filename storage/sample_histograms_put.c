/* sample_histograms_put.c - cuts a run of native histograms into segments of one shape and writes
 * each bucket over time as a column. */
#include "storage/sample_histograms_format.h"

#include "model/stale.h"
#include "storage/sample_values_format.h"

static const struct sample_basis none;

struct segment {
    uint32_t count;
    struct bucket_union buckets;
    double *column;            /* owned; scratch of one column */
    double *cells;             /* owned; by bucket, then sample */
    struct sample_whole whole; /* of the column just written */
    struct sample_whole sum;   /* of all bucket columns; count 0: not all are integers */
};

static void segment_deinit(struct segment *s)
{
    vec_deinit(&s->buckets.side[SIDE_POSITIVE]);
    vec_deinit(&s->buckets.side[SIDE_NEGATIVE]);
    mem_free(s->cells);
    mem_free(s->column);
    sample_whole_deinit(&s->whole);
    sample_whole_deinit(&s->sum);
}

static bool is_filled(const struct native_bucket *b)
{
    return value_bits(b->count) != 0;
}

static bool is_plain_stale(const struct native_histogram *h)
{
    return value_is_stale(h->sum) && value_bits(h->count) == 0 && value_bits(h->zero_count) == 0 &&
           value_bits(h->zero_threshold) == 0 && h->positive.count == 0 && h->negative.count == 0 &&
           h->bound_count == 0;
}

static enum segment_kind kind_of(const struct native_histogram *h)
{
    return !h ? SEGMENT_FLOATS : is_plain_stale(h) ? SEGMENT_STALE : SEGMENT_HISTOGRAMS;
}

static bool same_bounds(const struct native_histogram *a, const struct native_histogram *b)
{
    return a->bound_count == b->bound_count &&
           (a->bounds == b->bounds || a->bound_count == 0 ||
            memcmp(a->bounds, b->bounds, a->bound_count * sizeof(*a->bounds)) == 0);
}

/* True when b can stand behind a in one segment. */
static bool goes_on(const struct native_histogram *a, const struct native_histogram *b)
{
    if (kind_of(a) != kind_of(b))
        return false;
    if (!a)
        return true;
    bool reset = b->count < a->count && b->hint != RESET_GAUGE;
    return a->schema == b->schema && !reset && same_bounds(a, b) &&
           value_bits(a->zero_threshold) == value_bits(b->zero_threshold) &&
           value_is_stale(a->sum) == value_is_stale(b->sum) &&
           (kind_of(a) == SEGMENT_HISTOGRAMS || a->hint == b->hint);
}

/* How many filled buckets of a side the union does not have. */
static size_t union_missing(const struct bucket_union *u, unsigned side,
                            const struct native_buckets *b)
{
    const int32_t *items = u->side[side].items;
    size_t at = 0, len = u->side[side].len, missing = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        if (!is_filled(&b->items[i]))
            continue;
        while (at < len && items[at] < b->items[i].index)
            at++;
        missing += at == len || items[at] != b->items[i].index;
    }
    return missing;
}

/* Adds those, from the end, so that each bucket moves once; false when memory is short. */
static bool union_add(struct bucket_union *u, unsigned side, const struct native_buckets *b,
                      size_t missing)
{
    size_t left = u->side[side].len, to = left + missing;
    if (!vec_reserve(&u->side[side], missing))
        return false;
    int32_t *items = u->side[side].items;
    u->side[side].len = to;
    for (uint32_t i = b->count; to > left; i--) {
        int32_t index = b->items[i - 1].index;
        if (!is_filled(&b->items[i - 1]))
            continue;
        while (left > 0 && items[left - 1] > index)
            items[--to] = items[--left];
        if (left == 0 || items[left - 1] != index)
            items[--to] = index;
    }
    return true;
}

static size_t union_size(const struct bucket_union *u)
{
    return u->side[SIDE_POSITIVE].len + u->side[SIDE_NEGATIVE].len;
}

/* Samples of the segment that begins at h[0], and its buckets; 0 when memory is short. */
static uint32_t segment_find(struct segment *s, const struct native_histogram *const *h,
                             uint32_t count)
{
    struct bucket_union *u = &s->buckets;
    u->side[SIDE_POSITIVE].len = u->side[SIDE_NEGATIVE].len = 0;
    for (uint32_t n = 0; n < count; n++) {
        if (n > 0 && !goes_on(h[n - 1], h[n]))
            return n;
        if (kind_of(h[n]) != SEGMENT_HISTOGRAMS)
            continue;
        size_t positive = union_missing(u, SIDE_POSITIVE, &h[n]->positive);
        size_t negative = union_missing(u, SIDE_NEGATIVE, &h[n]->negative);
        if (n > 0 && (union_size(u) + positive + negative) * (n + 1) > SEGMENT_CELLS)
            return n;
        if (!union_add(u, SIDE_POSITIVE, &h[n]->positive, positive) ||
            !union_add(u, SIDE_NEGATIVE, &h[n]->negative, negative))
            return 0;
    }
    return count;
}

static void fill_cells(struct segment *s, const struct native_histogram *const *h)
{
    double *first = s->cells;
    for (unsigned side = 0; side < SIDE_COUNT; side++) {
        const int32_t *indices = s->buckets.side[side].items;
        for (uint32_t i = 0; i < s->count; i++) {
            const struct native_buckets *b = buckets_of(h[i], side);
            for (size_t k = 0, at = 0; k < b->count; k++) {
                if (!is_filled(&b->items[k]))
                    continue;
                while (indices[at] < b->items[k].index)
                    at++;
                first[at * s->count + i] = b->items[k].count;
            }
        }
        first += s->buckets.side[side].len * s->count;
    }
}

/* Integers of the last column go into the sum, as long as all are plain ones. */
static void add_to_sum(struct segment *s)
{
    if (s->whole.count == 0 || s->whole.decimals > 0)
        s->sum.count = 0;
    for (uint32_t i = 0; i < s->sum.count; i++)
        s->sum.items[i] = ints_add(s->sum.items[i], s->whole.items[i]);
}

static void put_cells(struct sample_writer *w, struct segment *s)
{
    size_t buckets = union_size(&s->buckets);
    memset(s->sum.items, 0, s->count * sizeof(*s->sum.items));
    s->sum.count = s->count;
    s->sum.decimals = 0;
    for (size_t k = 0; k < buckets; k++) {
        sample_values_put(w, s->cells + k * s->count, s->count, &none, &s->whole);
        add_to_sum(s);
    }
}

static void put_shape(struct buf *plan, const struct segment *s, const struct native_histogram *h)
{
    buf_append_u8(plan, (uint8_t)h->schema);
    buf_append(plan, &h->zero_threshold, sizeof(h->zero_threshold));
    buf_append_varint(plan, h->bound_count);
    buf_append(plan, h->bounds, h->bound_count * sizeof(*h->bounds));
    for (unsigned side = 0; side < SIDE_COUNT; side++) {
        int32_t last = 0;
        buf_append_varint(plan, s->buckets.side[side].len);
        for (size_t i = 0; i < s->buckets.side[side].len; i++) {
            buf_append_zigzag(plan, (int64_t)s->buckets.side[side].items[i] - last);
            last = s->buckets.side[side].items[i];
        }
    }
}

static void put_hints(struct sample_writer *w, struct segment *s,
                      const struct native_histogram *const *h)
{
    for (uint32_t i = 0; i < s->count; i++)
        s->whole.items[i] = h[i]->hint;
    sample_ints_put(w, s->whole.items, s->count);
}

/* The count is what all buckets hold, unless NaN was observed. */
static void put_histograms(struct sample_writer *w, struct segment *s,
                           const struct native_histogram *const *h)
{
    put_shape(&w->stream[STREAM_PLAN], s, h[0]);
    put_hints(w, s, h);
    fill_cells(s, h);
    put_cells(w, s);
    for (uint32_t i = 0; i < s->count; i++)
        s->column[i] = h[i]->zero_count;
    sample_values_put(w, s->column, s->count, &none, &s->whole);
    add_to_sum(s);
    for (uint32_t i = 0; i < s->count; i++)
        s->column[i] = h[i]->count;
    sample_values_put(w, s->column, s->count, &(struct sample_basis){.below = &s->sum}, &s->whole);
    for (uint32_t i = 0; i < s->count; i++)
        s->column[i] = h[i]->sum;
    sample_values_put(w, s->column, s->count, &none, &s->whole);
}

/* Memory for the columns of a segment of histograms, the cells zeroed. */
static bool segment_room(struct segment *s)
{
    mem_free(s->cells);
    mem_free(s->column);
    s->cells = mem_calloc(union_size(&s->buckets) * s->count + 1, sizeof(*s->cells));
    s->column = mem_calloc(s->count, sizeof(*s->column));
    return s->cells && s->column && sample_whole_room(&s->whole, s->count) &&
           sample_whole_room(&s->sum, s->count);
}

static bool put_segment(struct sample_writer *w, struct segment *s,
                        const struct native_histogram *const *h, const double *values)
{
    struct buf *plan = &w->stream[STREAM_PLAN];
    enum segment_kind kind = kind_of(h[0]);
    buf_append_u8(plan, (uint8_t)kind);
    buf_append_varint(plan, s->count);
    if (kind == SEGMENT_FLOATS) {
        sample_values_put(w, values, s->count, &none, &s->whole);
    } else if (kind == SEGMENT_STALE) {
        buf_append_u8(plan, (uint8_t)h[0]->schema);
        buf_append_u8(plan, h[0]->hint);
    } else {
        if (!segment_room(s))
            return false;
        put_histograms(w, s, h);
    }
    return true;
}

void sample_histograms_put(struct sample_writer *w,
                           const struct native_histogram *const *histograms, const double *values,
                           uint32_t count)
{
    struct segment s = {0};
    for (uint32_t at = 0; at < count; at += s.count) {
        s.count = segment_find(&s, histograms + at, count - at);
        if (s.count == 0 || !put_segment(w, &s, histograms + at, values ? values + at : NULL)) {
            w->stream[STREAM_PLAN].failed = true;
            break;
        }
    }
    segment_deinit(&s);
}
