/* number_text.c - shortest decimal digits of a double, laid out in three ways. */
#include "base/number_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIGITS_MAX = 17, TEXT_MAX = 32, EXACT_POWER_MAX = 27 };

/* 0.d1d2d3... * 10^point. */
struct decimal {
    char digits[TEXT_MAX];
    int count, point;
};

static struct decimal decimal_of_whole(uint64_t v, int shift)
{
    struct decimal d = {0};
    char reversed[24];
    int length = 0;
    for (; v; v /= 10)
        reversed[length++] = (char)('0' + v % 10);
    for (int i = 0; i < length; i++)
        d.digits[i] = reversed[length - 1 - i];
    d.point = length - shift;
    d.count = length;
    return d;
}

/* v * 10^power, one rounding to 64 bits away from exact: 10^27 is the last such power that is. */
static long double times_ten_to(double v, int power)
{
    static const long double tens[EXACT_POWER_MAX + 1] = {
        1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,
        1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L,
        1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};
    return power >= 0 ? v * tens[power] : v / tens[-power];
}

/* Where 17 digits of v fit a 64-bit integer as nearly as `margin`, the distance to the decimals of
 * 15, 16, 17 digits tells which is the first to read back as v: one closer than half of v's last
 * bit. False where that is a near thing, or v is out of reach. */
static bool find_fast(double v, struct decimal *d)
{
    const long double margin = 1 / 64.0L;
    int exponent;
    if (LDBL_MANT_DIG < 64 || frexp(v, &exponent) == 0.5)
        return false;
    int power = 16 - (((exponent - 1) * 1233) >> 12); /* log10(2) is 1233 / 4096 */
    if (power > EXACT_POWER_MAX || power <= -EXACT_POWER_MAX)
        return false;
    long double scaled = times_ten_to(v, power);
    if (scaled >= 1e17L)
        scaled = times_ten_to(v, --power);
    long double half_bit = times_ten_to(ldexp(0.5, exponent - DBL_MANT_DIG), power);
    for (unsigned step = 100; step > 0; step /= 10) {
        long double nearest = rintl(scaled / step) * step, off = fabsl(nearest - scaled);
        bool is_tie = fabsl(off - step / 2.0L) < margin && off < half_bit + margin;
        if (is_tie || fabsl(off - half_bit) < margin)
            return false;
        if (off < half_bit) {
            *d = decimal_of_whole((uint64_t)nearest, power);
            return true;
        }
    }
    return false;
}

/* `text` is what %e writes: digits, their point behind the first, exponent. */
static void decimal_read(const char *text, struct decimal *d)
{
    *d = (struct decimal){0};
    for (; *text != 'e'; text++)
        if (*text != '.')
            d->digits[d->count++] = *text;
    d->point = atoi(text + 1) + 1;
}

static bool reads_back(const struct decimal *d, double v)
{
    char text[TEXT_MAX + 8];
    snprintf(text, sizeof(text), "0.%.*se%d", d->count, d->digits, d->point);
    return strtod(text, NULL) == v;
}

/* One unit more in the last digit; false when that carries beyond the first. */
static bool decimal_step(struct decimal *d)
{
    int at = d->count - 1;
    for (; at >= 0 && d->digits[at] == '9'; at--)
        d->digits[at] = '0';
    if (at < 0)
        return false;
    d->digits[at]++;
    return true;
}

static struct decimal find_digits(double v)
{
    struct decimal d;
    /* 15 digits tell normal doubles apart, subnormal ones may need but one. */
    int fewest = v < DBL_MIN ? 1 : 15;
    for (int digits = fewest; digits <= DIGITS_MAX; digits++) {
        char text[TEXT_MAX];
        snprintf(text, sizeof(text), "%.*e", digits - 1, v);
        decimal_read(text, &d);
        if (digits == DIGITS_MAX || reads_back(&d, v))
            break;
        /* Below a power of two doubles lie closer than above: the nearest decimal may miss where
         * its upper neighbour does not. */
        int exponent;
        if (frexp(v, &exponent) == 0.5 && decimal_step(&d) && reads_back(&d, v))
            break;
    }
    return d;
}

/* v is finite and above 0. */
static struct decimal decimal_of(double v)
{
    struct decimal d;
    if (v < 1e15 && v == floor(v))
        d = decimal_of_whole((uint64_t)v, 0);
    else if (!find_fast(v, &d))
        d = find_digits(v);
    while (d.count > 1 && d.digits[d.count - 1] == '0')
        d.count--;
    return d;
}

static void append_zeros(struct buf *out, int count)
{
    for (int i = 0; i < count; i++)
        buf_append_u8(out, '0');
}

static void append_fixed(struct buf *out, const struct decimal *d)
{
    if (d->point <= 0) {
        buf_append(out, "0.", 2);
        append_zeros(out, -d->point);
        buf_append(out, d->digits, (size_t)d->count);
        return;
    }
    int whole = MIN(d->count, d->point);
    buf_append(out, d->digits, (size_t)whole);
    append_zeros(out, d->point - whole);
    if (d->count > whole) {
        buf_append_u8(out, '.');
        buf_append(out, d->digits + whole, (size_t)(d->count - whole));
    }
}

static void append_exponent(struct buf *out, const struct decimal *d)
{
    buf_append(out, d->digits, 1);
    if (d->count > 1) {
        buf_append_u8(out, '.');
        buf_append(out, d->digits + 1, (size_t)d->count - 1);
    }
    buf_printf(out, "e%+03d", d->point - 1);
}

/* With an exponent outside of 10^low to below 10^high. */
static void append_number(struct buf *out, double v, int low, int high)
{
    if (isnan(v)) {
        buf_append(out, "NaN", 3);
        return;
    }
    if (isinf(v)) {
        buf_append(out, v > 0 ? "+Inf" : "-Inf", 4);
        return;
    }
    if (signbit(v))
        buf_append_u8(out, '-');
    if (v == 0) {
        buf_append_u8(out, '0');
        return;
    }
    struct decimal d = decimal_of(fabs(v));
    if (d.point - 1 < low || d.point - 1 >= high)
        append_exponent(out, &d);
    else
        append_fixed(out, &d);
}

void number_append_shortest(struct buf *out, double v)
{
    append_number(out, v, -6, 21);
}

void number_append_plain(struct buf *out, double v)
{
    append_number(out, v, INT32_MIN, INT32_MAX);
}

void number_append_general(struct buf *out, double v)
{
    append_number(out, v, -4, 6);
}
