/* sample_histograms_get.c - segments of buckets over time back to native histograms. */
#include "storage/sample_histograms_format.h"

#include "model/stale.h"
#include "storage/sample_values_format.h"

static const struct sample_basis none;

/* What a segment of histograms begins with. */
struct shape {
    int8_t schema;
    double zero_threshold;
    const uint8_t *bounds; /* bytes in the plan */
    uint32_t bound_count;
    struct bucket_union buckets;
};

/* Memory of a reader at work; freed at the end of a run. */
struct scratch {
    struct shape shape;
    double *cells;             /* owned; by bucket, then sample */
    struct sample_whole whole; /* of the column just read, and the hints */
    struct sample_whole sum;
    double *column; /* owned */
    uint32_t cap;   /* of column */
};

static void scratch_deinit(struct scratch *s)
{
    vec_deinit(&s->shape.buckets.side[SIDE_POSITIVE]);
    vec_deinit(&s->shape.buckets.side[SIDE_NEGATIVE]);
    mem_free(s->cells);
    mem_free(s->column);
    sample_whole_deinit(&s->whole);
    sample_whole_deinit(&s->sum);
}

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for native histograms");
}

static double cursor_double(struct cursor *c)
{
    return value_of_bits(cursor_u64(c));
}

static enum status read_side(struct cursor *c, struct bucket_union *u, unsigned side, struct err *e)
{
    uint64_t count = cursor_varint(c);
    int64_t last = 0;
    u->side[side].len = 0;
    if (count > SEGMENT_BUCKETS || count > (size_t)(c->end - c->at))
        return err_set(e, ST_CORRUPT, "a histogram claims %llu buckets", (unsigned long long)count);
    if (!vec_reserve(&u->side[side], count))
        return no_memory(e);
    for (uint64_t i = 0; i < count; i++) {
        int64_t gap = cursor_zigzag(c);
        if (c->failed || gap > UINT32_MAX || gap < INT32_MIN || (i > 0 && gap <= 0) ||
            last + gap > INT32_MAX || last + gap < INT32_MIN)
            return err_set(e, ST_CORRUPT, "the buckets of a histogram do not ascend");
        last += gap;
        u->side[side].items[u->side[side].len++] = (int32_t)last;
    }
    return ST_OK;
}

static size_t union_size(const struct bucket_union *u)
{
    return u->side[SIDE_POSITIVE].len + u->side[SIDE_NEGATIVE].len;
}

static enum status read_shape(struct cursor *c, uint32_t count, struct shape *s, struct err *e)
{
    s->schema = (int8_t)cursor_u8(c);
    s->zero_threshold = cursor_double(c);
    uint64_t bounds = cursor_varint(c);
    if (c->failed || bounds > SEGMENT_BUCKETS)
        return err_set(e, ST_CORRUPT, "a histogram claims %llu bounds", (unsigned long long)bounds);
    s->bound_count = (uint32_t)bounds;
    s->bounds = (const uint8_t *)cursor_bytes(c, bounds * sizeof(double)).ptr;
    for (unsigned side = 0; side < SIDE_COUNT; side++)
        TRY(read_side(c, &s->buckets, side, e));
    if (c->failed || (count > 1 && union_size(&s->buckets) * count > SEGMENT_CELLS))
        return err_set(e, ST_CORRUPT, "a segment of histograms is too large");
    return ST_OK;
}

static void add_to_sum(struct scratch *s)
{
    if (s->whole.count == 0 || s->whole.decimals > 0)
        s->sum.count = 0;
    for (uint32_t i = 0; i < s->sum.count; i++)
        s->sum.items[i] = ints_add(s->sum.items[i], s->whole.items[i]);
}

static enum status read_cells(struct sample_reader *r, uint32_t count, struct scratch *s,
                              struct err *e)
{
    size_t buckets = union_size(&s->shape.buckets);
    double *moved = mem_realloc_array(s->cells, buckets * count + 1, sizeof(*moved));
    if (!moved)
        return no_memory(e);
    s->cells = moved;
    if (!sample_whole_room(&s->sum, count))
        return no_memory(e);
    memset(s->sum.items, 0, count * sizeof(*s->sum.items));
    s->sum.count = count;
    s->sum.decimals = 0;
    for (size_t k = 0; k < buckets; k++) {
        TRY(sample_values_get(r, count, &none, &s->whole, s->cells + k * count, e));
        add_to_sum(s);
    }
    return ST_OK;
}

static struct native_buckets *side_of(struct native_histogram *h, unsigned side)
{
    return side == SIDE_POSITIVE ? &h->positive : &h->negative;
}

/* Counts the filled cells of each sample of a side. */
static uint64_t count_filled(const double *cells, size_t buckets, uint32_t count,
                             struct native_histogram *out, unsigned side)
{
    uint64_t sum = 0;
    for (size_t k = 0; k < buckets; k++)
        for (uint32_t i = 0; i < count; i++) {
            uint32_t filled = value_bits(cells[k * count + i]) != 0;
            side_of(&out[i], side)->count += filled;
            sum += filled;
        }
    return sum;
}

/* Goes over the cells of a few samples at a time, so that a line of memory is loaded once. */
static void fill_buckets(const double *cells, const int32_t *indices, size_t buckets,
                         uint32_t count, struct native_histogram *out, unsigned side)
{
    enum { TILE = 8 };
    for (uint32_t first = 0; first < count; first += TILE) {
        uint32_t n = MIN(count - first, (uint32_t)TILE);
        struct native_bucket *to[TILE];
        for (uint32_t i = 0; i < n; i++)
            to[i] = side_of(&out[first + i], side)->items;
        for (size_t k = 0; k < buckets; k++)
            for (uint32_t i = 0; i < n; i++) {
                double cell = cells[k * count + first + i];
                if (value_bits(cell) != 0)
                    *to[i]++ = (struct native_bucket){indices[k], cell};
            }
    }
}

static enum status make_buckets(struct sample_reader *r, const struct scratch *s, uint32_t count,
                                struct arena *arena, struct native_histogram *out, struct err *e)
{
    const double *cells = s->cells;
    for (unsigned side = 0; side < SIDE_COUNT; side++) {
        size_t buckets = s->shape.buckets.side[side].len;
        uint64_t filled = count_filled(cells, buckets, count, out, side);
        r->cells += filled;
        if (r->cells > BLOCK_CELLS_MAX)
            return err_set(e, ST_CORRUPT, "a block has too many buckets");
        struct native_bucket *items = arena_alloc(arena, filled * sizeof(*items));
        if (!items)
            return no_memory(e);
        for (uint32_t i = 0; i < count; i++) {
            struct native_buckets *b = side_of(&out[i], side);
            b->items = items;
            items += b->count;
        }
        fill_buckets(cells, s->shape.buckets.side[side].items, buckets, count, out, side);
        cells += buckets * count;
    }
    return ST_OK;
}

static enum status copy_bounds(const struct shape *s, struct arena *arena, const double **out,
                               struct err *e)
{
    double *bounds = NULL;
    if (s->bound_count > 0) {
        bounds = arena_alloc(arena, s->bound_count * sizeof(*bounds));
        if (!bounds)
            return no_memory(e);
        memcpy(bounds, s->bounds, s->bound_count * sizeof(*bounds));
    }
    *out = bounds;
    return ST_OK;
}

static bool scratch_room(struct scratch *s, uint32_t count)
{
    if (s->cap < count) {
        double *moved = mem_realloc_array(s->column, count, sizeof(*moved));
        if (!moved)
            return false;
        s->column = moved;
        s->cap = count;
    }
    return sample_whole_room(&s->whole, count);
}

static enum status read_totals(struct sample_reader *r, struct scratch *s, uint32_t count,
                               struct native_histogram *out, struct err *e)
{
    TRY(sample_values_get(r, count, &none, &s->whole, s->column, e));
    add_to_sum(s);
    for (uint32_t i = 0; i < count; i++)
        out[i].zero_count = s->column[i];
    TRY(sample_values_get(r, count, &(struct sample_basis){.below = &s->sum}, &s->whole, s->column,
                          e));
    for (uint32_t i = 0; i < count; i++)
        out[i].count = s->column[i];
    TRY(sample_values_get(r, count, &none, &s->whole, s->column, e));
    for (uint32_t i = 0; i < count; i++)
        out[i].sum = s->column[i];
    return ST_OK;
}

static enum status read_histograms(struct sample_reader *r, struct cursor *c, struct scratch *s,
                                   uint32_t count, struct arena *arena,
                                   struct native_histogram *out, struct err *e)
{
    const double *bounds = NULL;
    TRY(read_shape(c, count, &s->shape, e));
    TRY(sample_reader_plan_done(r, c, e));
    if (!scratch_room(s, count))
        return no_memory(e);
    TRY(copy_bounds(&s->shape, arena, &bounds, e));
    TRY(sample_ints_get(r, count, s->whole.items, e));
    for (uint32_t i = 0; i < count; i++)
        out[i] = (struct native_histogram){.schema = s->shape.schema,
                                           .zero_threshold = s->shape.zero_threshold,
                                           .bounds = bounds,
                                           .bound_count = s->shape.bound_count,
                                           .hint = (uint8_t)s->whole.items[i]};
    TRY(read_cells(r, count, s, e));
    TRY(make_buckets(r, s, count, arena, out, e));
    return read_totals(r, s, count, out, e);
}

static enum status read_segment_head(struct cursor *c, uint32_t left, enum segment_kind *kind,
                                     uint32_t *count, struct err *e)
{
    unsigned byte = cursor_u8(c);
    uint64_t samples = cursor_varint(c);
    if (c->failed || byte > SEGMENT_STALE || samples == 0 || samples > left)
        return err_set(e, ST_CORRUPT, "a segment of histograms makes no sense");
    *kind = byte;
    *count = (uint32_t)samples;
    return ST_OK;
}

/* Reads one segment into the slots, which are all NULL and 0. */
static enum status get_segment(struct sample_reader *r, struct scratch *s, uint32_t left,
                               struct arena *arena, const struct native_histogram **slots,
                               double *values, uint32_t *count, struct err *e)
{
    struct cursor c;
    enum segment_kind kind = SEGMENT_STALE;
    TRY(sample_reader_plan(r, &c, e));
    TRY(read_segment_head(&c, left, &kind, count, e));
    if (kind == SEGMENT_FLOATS) {
        TRY(sample_reader_plan_done(r, &c, e));
        return sample_values_get(r, *count, &none, &s->whole, values, e);
    }
    struct native_histogram *out = arena_calloc(arena, *count, sizeof(*out));
    if (!out)
        return no_memory(e);
    for (uint32_t i = 0; i < *count; i++)
        slots[i] = &out[i];
    if (kind == SEGMENT_HISTOGRAMS)
        return read_histograms(r, &c, s, *count, arena, out, e);
    int8_t schema = (int8_t)cursor_u8(&c);
    uint8_t hint = cursor_u8(&c);
    for (uint32_t i = 0; i < *count; i++)
        out[i] = (struct native_histogram){.sum = value_stale(), .schema = schema, .hint = hint};
    return sample_reader_plan_done(r, &c, e);
}

enum status sample_histograms_get(struct sample_reader *r, uint32_t count, struct arena *arena,
                                  const struct native_histogram ***histograms, double **values,
                                  struct err *e)
{
    struct scratch s = {0};
    uint32_t segment = 0;
    enum status status = ST_OK;
    *histograms = arena_calloc(arena, count, sizeof(**histograms));
    *values = arena_calloc(arena, count, sizeof(**values));
    if (!*histograms || !*values)
        return no_memory(e);
    for (uint32_t at = 0; status == ST_OK && at < count; at += segment)
        status = get_segment(r, &s, count - at, arena, *histograms + at, *values + at, &segment, e);
    scratch_deinit(&s);
    return status;
}

static enum status skip_segment(struct sample_reader *r, struct shape *shape, uint32_t left,
                                uint32_t *count, struct err *e)
{
    struct cursor c;
    enum segment_kind kind = SEGMENT_STALE;
    enum basis_kind basis;
    size_t columns = 1;
    TRY(sample_reader_plan(r, &c, e));
    TRY(read_segment_head(&c, left, &kind, count, e));
    if (kind == SEGMENT_STALE) {
        cursor_u16(&c);
        return sample_reader_plan_done(r, &c, e);
    }
    if (kind == SEGMENT_HISTOGRAMS)
        TRY(read_shape(&c, *count, shape, e));
    TRY(sample_reader_plan_done(r, &c, e));
    if (kind == SEGMENT_HISTOGRAMS) {
        TRY(sample_ints_skip(r, *count, e));
        columns = union_size(&shape->buckets) + 3;
    }
    for (size_t k = 0; k < columns; k++)
        TRY(sample_values_skip(r, *count, &basis, e));
    return ST_OK;
}

enum status sample_histograms_skip(struct sample_reader *r, uint32_t count, struct err *e)
{
    struct scratch s = {0};
    uint32_t segment = 0;
    enum status status = ST_OK;
    for (uint32_t at = 0; status == ST_OK && at < count; at += segment)
        status = skip_segment(r, &s.shape, count - at, &segment, e);
    scratch_deinit(&s);
    return status;
}
