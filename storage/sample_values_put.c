/* sample_values_put.c - finds the integers behind a column of doubles and writes them. */
#include "storage/sample_values_format.h"

#include "base/mem.h"
#include <math.h>

void sample_whole_deinit(struct sample_whole *w)
{
    mem_free(w->items);
    *w = (struct sample_whole){0};
}

bool sample_whole_room(struct sample_whole *w, uint32_t count)
{
    if (w->cap >= count)
        return true;
    int64_t *moved = mem_realloc_array(w->items, count, sizeof(*moved));
    if (!moved)
        return false;
    w->items = moved;
    w->cap = count;
    return true;
}

/* Integers up to here are doubles, and so is each of their neighbours. */
#define WHOLE_MAX 9007199254740992.0

/* The integer of a value with so many decimals; false when it has none that gives the same bits. */
static inline bool to_decimal(double v, double power, int64_t *out)
{
    double scaled = v * power;
    if (!(fabs(scaled) < WHOLE_MAX))
        return false;
    *out = power == 1 ? (int64_t)scaled : llrint(scaled);
    double back = power == 1 ? (double)*out : (double)*out / power;
    return value_bits(back) == value_bits(v);
}

static bool is_odd(double v)
{
    return !isfinite(v) || value_bits(v) == odd_bits(ODD_MINUS_ZERO);
}

/* Decimals that the values need; DECIMALS_MAX + 1 when some have more. Looks at few values. */
static unsigned find_decimals(const double *values, uint32_t count)
{
    enum { LOOKS = 64 };
    unsigned decimals = 0;
    uint32_t step = count / LOOKS + 1;
    int64_t unused;
    for (uint32_t i = 0; i < count && decimals <= DECIMALS_MAX; i += step)
        while (decimals <= DECIMALS_MAX && !is_odd(values[i]) &&
               !to_decimal(values[i], power_of_ten(decimals), &unused))
            decimals++;
    return decimals;
}

/* Fills out; exceptions repeat the integer before them. Gives how many there are. */
static uint32_t fill_decimals(const double *values, uint32_t count, unsigned decimals, int64_t *out)
{
    double power = power_of_ten(decimals);
    uint32_t exceptions = 0;
    int64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t whole;
        if (LIKELY(to_decimal(values[i], power, &whole)))
            last = whole;
        else
            exceptions++;
        out[i] = last;
    }
    return exceptions;
}

/* Exponent of the lowest bit that is set in any value; false when no integers of 62 bits hold all.
 */
static bool find_exponent(const double *values, uint32_t count, int *exponent)
{
    int lowest = EXPONENT_MAX, highest = -EXPONENT_MAX;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bits = value_bits(values[i]);
        int biased = (int)(bits >> 52 & 0x7ff);
        if (is_odd(values[i]) || values[i] == 0)
            continue;
        uint64_t mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
        lowest = MIN(lowest, biased - 1075 + __builtin_ctzll(mantissa));
        highest = biased - 1022 > highest ? biased - 1022 : highest;
        if (biased == 0)
            return false;
    }
    *exponent = lowest;
    return lowest > -EXPONENT_MAX && lowest < EXPONENT_MAX && highest - lowest <= 62;
}

static uint32_t fill_binary(const double *values, uint32_t count, int exponent, int64_t *out)
{
    double scale = ldexp(1, -exponent);
    uint32_t exceptions = 0;
    int64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (is_odd(values[i]))
            exceptions++;
        else
            last = (int64_t)(values[i] * scale);
        out[i] = last;
    }
    return exceptions;
}

static void put_odd(struct buf *plan, double v)
{
    enum odd_value odd = ODD_STALE;
    while (odd < ODD_OTHER && odd_bits(odd) != value_bits(v))
        odd++;
    buf_append_u8(plan, (uint8_t)odd);
    if (odd == ODD_OTHER)
        buf_append_u64(plan, value_bits(v));
}

struct values_head {
    enum value_kind kind;
    unsigned decimals;
    int exponent;
    uint32_t exceptions;
};

static bool is_exception(const struct values_head *h, double v)
{
    int64_t unused;
    return h->kind == KIND_BINARY ? is_odd(v) : !to_decimal(v, power_of_ten(h->decimals), &unused);
}

static void put_exceptions(struct buf *plan, const struct values_head *h, const double *values,
                           uint32_t count)
{
    buf_append_varint(plan, h->exceptions);
    for (uint32_t i = 0, next = 0; i < count; i++) {
        if (!is_exception(h, values[i]))
            continue;
        buf_append_varint(plan, i - next);
        put_odd(plan, values[i]);
        next = i + 1;
    }
}

/* Eight planes, lowest bytes first; planes of zeros are left out. */
static void put_planes(struct sample_writer *w, const double *values, uint32_t count)
{
    struct buf *planes = &w->stream[STREAM_PLANES];
    uint64_t any = 0, last = 0;
    unsigned mask = 0;
    for (uint32_t i = 0; i < count; i++) {
        any |= value_bits(values[i]) ^ last;
        last = value_bits(values[i]);
    }
    for (unsigned k = 0; k < WORD_BYTES; k++)
        mask |= (any >> 8 * k & 0xff ? 1u : 0u) << k;
    buf_append_u8(&w->stream[STREAM_PLAN], (uint8_t)mask);
    if (!buf_reserve(planes, (size_t)count * WORD_BYTES))
        return;
    for (unsigned k = 0; k < WORD_BYTES; k++) {
        if (!(mask >> k & 1))
            continue;
        last = 0;
        for (uint32_t i = 0; i < count; i++) {
            planes->ptr[planes->len++] = (char)((value_bits(values[i]) ^ last) >> 8 * k);
            last = value_bits(values[i]);
        }
    }
}

/* Chooses how the values are written and fills the integers. Where those that were looked at have
 * too many decimals they may be the few: a bucket of a histogram that is mostly empty. */
static struct values_head fit(const double *values, uint32_t count, int64_t *whole)
{
    struct values_head h = {.decimals = find_decimals(values, count)};
    if (h.decimals > DECIMALS_MAX)
        h.decimals = 0;
    h.exceptions = fill_decimals(values, count, h.decimals, whole);
    if (h.exceptions <= count / 16 + 1)
        return h;
    h = (struct values_head){.kind = KIND_BINARY};
    if (find_exponent(values, count, &h.exponent)) {
        h.exceptions = fill_binary(values, count, h.exponent, whole);
        if (h.exceptions <= count / 2)
            return h;
    }
    return (struct values_head){.kind = KIND_XOR};
}

static bool can_follow(const struct values_head *h, const struct sample_basis *basis,
                       uint32_t count)
{
    const struct sample_whole *below = basis->below;
    return below && below->count == count && h->kind == KIND_DECIMAL &&
           h->decimals == below->decimals;
}

/* Puts the distances to the guess into w->guess; false when that does not save bits. */
static bool can_guess(struct sample_writer *w, const struct values_head *h,
                      const struct sample_basis *basis, const struct sample_whole *whole)
{
    const struct sample_family *family = basis->family;
    if (!family || family->samples != whole->count || h->kind != KIND_DECIMAL)
        return false;
    if (!vec_reserve(&w->guess, whole->count)) {
        w->stream[STREAM_PLAN].failed = true;
        return false;
    }
    sample_family_guess(family, power_of_ten(h->decimals), w->guess.items);
    for (uint32_t i = 0; i < whole->count; i++)
        w->guess.items[i] = ints_sub(whole->items[i], w->guess.items[i]);
    return sample_ints_cost(w->guess.items, whole->count) <
           sample_ints_cost(whole->items, whole->count);
}

/* The integers, or their distance to those below. */
static void put_whole(struct sample_writer *w, const struct sample_whole *below,
                      struct sample_whole *whole)
{
    for (uint32_t i = 0; below && i < whole->count; i++)
        whole->items[i] = ints_sub(whole->items[i], below->items[i]);
    sample_ints_put(w, whole->items, whole->count);
    for (uint32_t i = 0; below && i < whole->count; i++)
        whole->items[i] = ints_add(whole->items[i], below->items[i]);
}

void sample_values_put(struct sample_writer *w, const double *values, uint32_t count,
                       const struct sample_basis *basis, struct sample_whole *whole)
{
    struct buf *plan = &w->stream[STREAM_PLAN];
    if (!sample_whole_room(whole, count)) {
        plan->failed = true;
        return;
    }
    struct values_head h = fit(values, count, whole->items);
    bool follows = can_follow(&h, basis, count);
    whole->count = h.kind == KIND_DECIMAL ? count : 0;
    whole->decimals = (uint8_t)h.decimals;
    bool guess = can_guess(w, &h, basis, whole);
    buf_append_u8(plan,
                  (uint8_t)((guess ? KIND_GUESS : h.kind) | (h.exceptions ? VALUE_EXCEPTIONS : 0u) |
                            (follows ? VALUE_FOLLOWS : 0u) | h.decimals << VALUE_DECIMALS_SHIFT));
    if (h.kind == KIND_XOR) {
        put_planes(w, values, count);
        return;
    }
    if (h.kind == KIND_BINARY)
        buf_append_zigzag(plan, h.exponent);
    if (h.exceptions)
        put_exceptions(plan, &h, values, count);
    if (h.kind == KIND_BINARY)
        sample_ints_put(w, whole->items, count);
    else if (guess)
        sample_ints_put(w, w->guess.items, count);
    else
        put_whole(w, follows ? basis->below : NULL, whole);
}
