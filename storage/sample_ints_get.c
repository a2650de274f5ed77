/* sample_ints_get.c - a column of integers out of the streams of a block. */
#include "storage/sample_ints_format.h"

static enum status read_head(struct cursor *c, uint32_t count, struct ints_head *h, struct err *e)
{
    unsigned word = cursor_u8(c);
    *h = (struct ints_head){.width = word & HEAD_WIDTH,
                            .order = word >> HEAD_ORDER_SHIFT & HEAD_ORDER,
                            .exceptions = word & HEAD_EXCEPTIONS};
    if (h->width == WIDTH_NIBBLE || h->width == WIDTH_BYTE)
        h->class = cursor_u8(c);
    if (word > HEAD_BITS || h->width > WIDTH_TINY || h->order > ORDER_MAX || h->order >= count ||
        h->class >= (h->width == WIDTH_NIBBLE ? NIBBLE_CLASSES : BYTE_CLASSES))
        return err_set(e, ST_CORRUPT, "the head of a column makes no sense");
    if (h->width == WIDTH_TINY)
        return ST_OK;
    for (unsigned i = 0; i < h->order; i++)
        h->seed[i] = cursor_zigzag(c);
    if (h->width != WIDTH_WORD)
        h->base = cursor_zigzag(c);
    if (h->width == WIDTH_BYTE)
        h->low_bits = cursor_u8(c);
    return h->low_bits > LOW_BITS_MAX ? err_set(e, ST_CORRUPT, "a column has too many low bits")
                                      : ST_OK;
}

/* Adds the exceptions, or steps over them when `out` is NULL. */
static enum status read_exceptions(struct cursor *c, uint32_t count, int64_t *out, struct err *e)
{
    uint64_t exceptions = cursor_varint(c), at = 0;
    for (uint64_t i = 0; i < exceptions; i++, at++) {
        uint64_t gap = cursor_varint(c);
        int64_t extra = cursor_zigzag(c);
        if (c->failed || gap >= count - at)
            return err_set(e, ST_CORRUPT, "an exception lies behind its column");
        at += gap;
        if (out)
            out[at] = ints_add(out[at], extra);
        if (at + 1 == count && i + 1 < exceptions)
            return err_set(e, ST_CORRUPT, "a column has too many exceptions");
    }
    return ST_OK;
}

static void unpack_narrow(const uint8_t *from, unsigned bits, int64_t base, uint32_t count,
                          int64_t *out)
{
    unsigned each = 8 / bits, mask = (1u << bits) - 1;
    uint32_t i = 0;
    for (; i + each <= count; i += each, from++)
        for (unsigned k = 0; k < each; k++)
            out[i + k] = ints_add(base, *from >> k * bits & mask);
    for (unsigned k = 0; i < count; i++, k++)
        out[i] = ints_add(base, *from >> k * bits & mask);
}

static void unpack_bytes(const uint8_t *from, int64_t base, uint32_t count, int64_t *out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = ints_add(base, (int8_t)from[i]);
}

static void unpack_wide(const uint8_t *high, const uint8_t *low, const struct ints_head *h,
                        uint32_t count, int64_t *out)
{
    uint64_t mask = (UINT64_C(1) << h->low_bits) - 1;
    for (uint64_t i = 0, bit = 0; i < count; i++, bit += h->low_bits) {
        uint64_t word;
        memcpy(&word, low + bit / 8, sizeof(word));
        uint64_t d = (uint64_t)(int8_t)high[i] << h->low_bits | (word >> bit % 8 & mask);
        out[i] = ints_add(h->base, (int64_t)d);
    }
}

static enum status get_symbols(struct sample_reader *r, const struct ints_head *h, uint32_t count,
                               int64_t *out, struct err *e)
{
    const uint8_t *symbols, *low;
    if (h->width == WIDTH_WORD) {
        TRY(sample_reader_take(r, STREAM_LOW, (size_t)count * 8, &low, e));
        memcpy(out, low, (size_t)count * 8);
        return ST_OK;
    }
    if (h->width == WIDTH_NONE) {
        for (uint32_t i = 0; i < count; i++)
            out[i] = h->base;
        return ST_OK;
    }
    TRY(sample_reader_take(r, ints_stream(h), ints_width_bytes(h->width, count), &symbols, e));
    if (h->width != WIDTH_BYTE) {
        unpack_narrow(symbols, 1u << (h->width - 1), h->base, count, out);
    } else if (h->low_bits == 0) {
        unpack_bytes(symbols, h->base, count, out);
    } else {
        TRY(sample_reader_take(r, STREAM_LOW, ints_low_bytes(count, h->low_bits), &low, e));
        unpack_wide(symbols, low, h, count, out);
    }
    return ST_OK;
}

static void sum_up(int64_t *x, uint32_t count, int64_t last)
{
    for (uint32_t i = 0; i < count; i++)
        x[i] = last = ints_add(x[i], last);
}

static enum status get_tiny(struct sample_reader *r, struct cursor *c, uint32_t count, int64_t *out,
                            struct err *e)
{
    int64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        last = ints_add(last, cursor_zigzag(c));
        if (out)
            out[i] = last;
        if (c->failed)
            break;
    }
    return sample_reader_plan_done(r, c, e);
}

enum status sample_ints_get(struct sample_reader *r, uint32_t count, int64_t *out, struct err *e)
{
    struct cursor c;
    struct ints_head h;
    TRY(sample_reader_plan(r, &c, e));
    TRY(read_head(&c, count, &h, e));
    if (h.width == WIDTH_TINY)
        return get_tiny(r, &c, count, out, e);
    uint32_t n = count - h.order;
    int64_t *d = out + h.order;
    TRY(get_symbols(r, &h, n, d, e));
    if (h.exceptions)
        TRY(read_exceptions(&c, n, d, e));
    if (h.order > 1) {
        sum_up(d, n, h.seed[1]);
        out[1] = h.seed[1];
        d--, n++;
    }
    if (h.order > 0) {
        sum_up(d, n, h.seed[0]);
        out[0] = h.seed[0];
    }
    return sample_reader_plan_done(r, &c, e);
}

enum status sample_ints_skip(struct sample_reader *r, uint32_t count, struct err *e)
{
    struct cursor c;
    struct ints_head h;
    TRY(sample_reader_plan(r, &c, e));
    TRY(read_head(&c, count, &h, e));
    if (h.width == WIDTH_TINY)
        return get_tiny(r, &c, count, NULL, e);
    uint32_t n = count - h.order;
    if (h.exceptions)
        TRY(read_exceptions(&c, n, NULL, e));
    TRY(sample_reader_plan_done(r, &c, e));
    if (h.width == WIDTH_NONE)
        return ST_OK;
    if (h.width == WIDTH_WORD)
        return sample_reader_skip(r, STREAM_LOW, (size_t)n * 8, e);
    TRY(sample_reader_skip(r, ints_stream(&h), ints_width_bytes(h.width, n), e));
    return sample_reader_skip(r, STREAM_LOW, ints_low_bytes(n, h.low_bits), e);
}
