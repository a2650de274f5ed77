/* sample_values_get.c - a column of doubles out of the streams of a block. */
#include "storage/sample_values_format.h"

#include <math.h>

struct values_head {
    enum value_kind kind;
    bool exceptions, follows;
    unsigned decimals;
    int exponent;
};

static enum status read_head(struct cursor *c, struct values_head *h, struct err *e)
{
    unsigned word = cursor_u8(c);
    *h = (struct values_head){.kind = word & VALUE_KIND,
                              .exceptions = word & VALUE_EXCEPTIONS,
                              .follows = word & VALUE_FOLLOWS,
                              .decimals = word >> VALUE_DECIMALS_SHIFT};
    if (h->kind == KIND_BINARY) {
        int64_t exponent = cursor_zigzag(c);
        if (exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX)
            return err_set(e, ST_CORRUPT, "a column has an exponent of %lld", (long long)exponent);
        h->exponent = (int)exponent;
    }
    return ST_OK;
}

/* Puts the odd values into their places, or steps over them when `out` is NULL. */
static enum status read_exceptions(struct cursor *c, uint32_t count, double *out, struct err *e)
{
    uint64_t exceptions = cursor_varint(c), at = 0;
    for (uint64_t i = 0; i < exceptions; i++, at++) {
        uint64_t gap = cursor_varint(c);
        unsigned odd = cursor_u8(c);
        if (c->failed || at >= count || gap >= count - at || odd > ODD_OTHER)
            return err_set(e, ST_CORRUPT, "an odd value lies behind its column");
        at += gap;
        uint64_t bits = odd == ODD_OTHER ? cursor_u64(c) : odd_bits(odd);
        if (out)
            out[at] = value_of_bits(bits);
    }
    return ST_OK;
}

static enum status get_planes(struct sample_reader *r, uint32_t count, double *out, struct err *e)
{
    struct cursor c;
    TRY(sample_reader_plan(r, &c, e));
    unsigned mask = cursor_u8(&c);
    TRY(sample_reader_plan_done(r, &c, e));
    size_t bytes = (size_t)count * (unsigned)__builtin_popcount(mask);
    if (!out)
        return sample_reader_skip(r, STREAM_PLANES, bytes, e);
    const uint8_t *from;
    TRY(sample_reader_take(r, STREAM_PLANES, bytes, &from, e));
    uint64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t word = 0;
        for (unsigned k = 0, plane = 0; k < WORD_BYTES; k++)
            if (mask >> k & 1)
                word |= (uint64_t)from[(size_t)plane++ * count + i] << 8 * k;
        last ^= word;
        out[i] = value_of_bits(last);
    }
    return ST_OK;
}

static void to_values(const struct values_head *h, const int64_t *whole, uint32_t count,
                      double *out)
{
    double scale = h->kind == KIND_BINARY ? ldexp(1, h->exponent) : power_of_ten(h->decimals);
    if (scale == 1)
        for (uint32_t i = 0; i < count; i++)
            out[i] = (double)whole[i];
    else if (h->kind == KIND_BINARY)
        for (uint32_t i = 0; i < count; i++)
            out[i] = (double)whole[i] * scale;
    else
        for (uint32_t i = 0; i < count; i++)
            out[i] = (double)whole[i] / scale;
}

static enum status add_guess(struct sample_reader *r, const struct values_head *h,
                             const struct sample_family *family, struct sample_whole *whole,
                             uint32_t count, struct err *e)
{
    if (!family || family->samples != count)
        return err_set(e, ST_CORRUPT, "a column is the sum of no family");
    if (!vec_reserve(&r->guess, count))
        return err_set(e, ST_NO_MEMORY, "no memory for a column of %u samples", count);
    sample_family_guess(family, power_of_ten(h->decimals), r->guess.items);
    for (uint32_t i = 0; i < count; i++)
        whole->items[i] = ints_add(whole->items[i], r->guess.items[i]);
    return ST_OK;
}

static enum status get_whole(struct sample_reader *r, const struct values_head *h, uint32_t count,
                             const struct sample_basis *basis, struct sample_whole *whole,
                             struct err *e)
{
    const struct sample_whole *below = basis->below;
    if (h->follows && (!below || below->count != count || below->decimals != h->decimals))
        return err_set(e, ST_CORRUPT, "a column follows none");
    if (!sample_whole_room(whole, count))
        return err_set(e, ST_NO_MEMORY, "no memory for a column of %u samples", count);
    TRY(sample_ints_get(r, count, whole->items, e));
    if (h->kind == KIND_GUESS)
        return add_guess(r, h, basis->family, whole, count, e);
    for (uint32_t i = 0; h->follows && i < count; i++)
        whole->items[i] = ints_add(whole->items[i], below->items[i]);
    return ST_OK;
}

enum status sample_values_get(struct sample_reader *r, uint32_t count,
                              const struct sample_basis *basis, struct sample_whole *whole,
                              double *out, struct err *e)
{
    struct cursor c;
    struct values_head h;
    TRY(sample_reader_plan(r, &c, e));
    TRY(read_head(&c, &h, e));
    whole->count = h.kind == KIND_DECIMAL || h.kind == KIND_GUESS ? count : 0;
    whole->decimals = (uint8_t)h.decimals;
    if (h.kind == KIND_XOR) {
        TRY(sample_reader_plan_done(r, &c, e));
        return get_planes(r, count, out, e);
    }
    struct cursor odd = c;
    if (h.exceptions)
        TRY(read_exceptions(&c, count, NULL, e));
    TRY(sample_reader_plan_done(r, &c, e));
    TRY(get_whole(r, &h, count, basis, whole, e));
    to_values(&h, whole->items, count, out);
    return h.exceptions ? read_exceptions(&odd, count, out, e) : ST_OK;
}

enum status sample_values_skip(struct sample_reader *r, uint32_t count, enum basis_kind *basis,
                               struct err *e)
{
    struct cursor c;
    struct values_head h;
    TRY(sample_reader_plan(r, &c, e));
    TRY(read_head(&c, &h, e));
    *basis = h.kind == KIND_GUESS ? BASIS_FAMILY : h.follows ? BASIS_BELOW : BASIS_NONE;
    if (h.exceptions && h.kind != KIND_XOR)
        TRY(read_exceptions(&c, count, NULL, e));
    TRY(sample_reader_plan_done(r, &c, e));
    return h.kind == KIND_XOR ? get_planes(r, count, NULL, e) : sample_ints_skip(r, count, e);
}
