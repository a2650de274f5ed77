/* series_histogram_image.c - a native histogram as bytes and back. */
#include "storage/series_histogram_image.h"

static void append_double(struct buf *out, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    buf_append_u64(out, bits);
}

static double read_double(struct cursor *in)
{
    uint64_t bits = cursor_u64(in);
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

static void append_side(const struct native_buckets *side, struct buf *out)
{
    int64_t index = 0;
    buf_append_varint(out, side->count);
    for (uint32_t i = 0; i < side->count; i++) {
        buf_append_zigzag(out, side->items[i].index - index);
        append_double(out, side->items[i].count);
        index = side->items[i].index;
    }
}

void series_histogram_encode(const struct native_histogram *h, struct buf *out)
{
    buf_append_u8(out, (uint8_t)h->schema);
    buf_append_u8(out, h->hint);
    append_double(out, h->count);
    append_double(out, h->sum);
    append_double(out, h->zero_count);
    append_double(out, h->zero_threshold);
    append_side(&h->positive, out);
    append_side(&h->negative, out);
    buf_append_varint(out, h->bound_count);
    for (uint32_t i = 0; i < h->bound_count; i++)
        append_double(out, h->bounds[i]);
}

static enum status corrupt(struct err *e)
{
    return err_set(e, ST_CORRUPT, "a histogram in the state of series is damaged");
}

static enum status read_side(struct cursor *in, struct arena *arena, struct native_buckets *out,
                             struct err *e)
{
    enum { BUCKET_BYTES = 9 }; /* at least */
    int64_t index = 0;
    uint64_t count = cursor_varint(in);
    if (in->failed || count > (uint64_t)(in->end - in->at) / BUCKET_BYTES)
        return corrupt(e);
    out->items = arena_alloc(arena, count * sizeof(*out->items));
    if (!out->items)
        return err_set(e, ST_NO_MEMORY, "no memory for a histogram");
    out->count = (uint32_t)count;
    for (uint32_t i = 0; i < out->count; i++) {
        int64_t step = cursor_zigzag(in);
        if ((i > 0 && step <= 0) || step > INT32_MAX || step < INT32_MIN)
            return corrupt(e);
        index += step;
        out->items[i] = (struct native_bucket){(int32_t)index, read_double(in)};
        if (index > INT32_MAX || index < INT32_MIN)
            return corrupt(e);
    }
    return ST_OK;
}

static enum status read_bounds(struct cursor *in, struct arena *arena, struct native_histogram *h,
                               struct err *e)
{
    uint64_t count = cursor_varint(in);
    if (in->failed || count > (uint64_t)(in->end - in->at) / sizeof(double))
        return corrupt(e);
    double *bounds = arena_alloc(arena, count * sizeof(*bounds));
    if (!bounds)
        return err_set(e, ST_NO_MEMORY, "no memory for a histogram");
    for (uint64_t i = 0; i < count; i++)
        bounds[i] = read_double(in);
    h->bounds = count ? bounds : NULL;
    h->bound_count = (uint32_t)count;
    return ST_OK;
}

enum status series_histogram_decode(struct cursor *in, struct arena *arena,
                                    const struct native_histogram **out, struct err *e)
{
    struct native_histogram *h = arena_calloc(arena, 1, sizeof(*h));
    if (!h)
        return err_set(e, ST_NO_MEMORY, "no memory for a histogram");
    h->schema = (int8_t)cursor_u8(in);
    h->hint = cursor_u8(in);
    h->count = read_double(in);
    h->sum = read_double(in);
    h->zero_count = read_double(in);
    h->zero_threshold = read_double(in);
    TRY(read_side(in, arena, &h->positive, e));
    TRY(read_side(in, arena, &h->negative, e));
    TRY(read_bounds(in, arena, h, e));
    bool known = h->schema == NATIVE_SCHEMA_CUSTOM ||
                 (h->schema >= NATIVE_SCHEMA_MIN && h->schema <= NATIVE_SCHEMA_MAX);
    if (in->failed || !known || h->hint > RESET_GAUGE)
        return corrupt(e);
    *out = h;
    return ST_OK;
}
