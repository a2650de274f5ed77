/* number_text.c - shortest decimal digits of a double, laid out in three ways. */
#include "base/number_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIGITS_MAX = 17, TEXT_MAX = 32, EXACT_POWER_MAX = 7 };

/* 0.d1d2d3... * 10^point. */
struct decimal {
    char digits[TEXT_MAX];
    int count, point;
};

static struct decimal decimal_of_whole(uint64_t v, int point_shift)
{
    struct decimal d = {0};
    char reversed[24];
    int length = 0;
    for (; v; v /= 10)
        reversed[length++] = (char)('0' + v % 10);
    for (int i = 0; i < length; i++)
        d.digits[i] = reversed[length - 1 - i];
    d.point = length - point_shift;
    d.count = length;
    return d;
}

/* Numbers of at most 15 digits, few of them behind the point: the quotient of two doubles that are
 * exact is rounded like the decimal itself, so equality proves the digits. */
static bool find_plain(double v, struct decimal *d)
{
    static const double powers[EXACT_POWER_MAX] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    if (v >= 1e15 || v < 1e-6)
        return false;
    for (int shift = 0; shift < EXACT_POWER_MAX; shift++) {
        double scaled = rint(v * powers[shift]);
        if (scaled >= 1e15)
            return false;
        if (scaled / powers[shift] == v) {
            *d = decimal_of_whole((uint64_t)scaled, shift);
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
    if (!find_plain(v, &d))
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
