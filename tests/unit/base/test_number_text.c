/* test_number_text.c - the three notations by table; every text reads back equal and none is longer
 * than it must be. */
#include "base/number_text.h"
#include "tests/support/random.h"

#include "base/mem.h"
#include "tests/support/leak.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *text_of(struct buf *b, void (*append)(struct buf *, double), double v)
{
    buf_reset(b);
    append(b, v);
    buf_append_u8(b, 0);
    return b->ptr;
}

Test(number_text, notations_are_those_of_prometheus)
{
    static const struct {
        double v;
        const char *shortest, *plain, *general;
    } rows[] = {
        {0, "0", "0", "0"},
        {-0.0, "-0", "-0", "-0"},
        {1, "1", "1", "1"},
        {-7.25, "-7.25", "-7.25", "-7.25"},
        {0.1, "0.1", "0.1", "0.1"},
        {100000, "100000", "100000", "100000"},
        {1000000, "1000000", "1000000", "1e+06"},
        {1234567, "1234567", "1234567", "1.234567e+06"},
        {0.0001, "0.0001", "0.0001", "0.0001"},
        {0.00001, "0.00001", "0.00001", "1e-05"},
        {1e-6, "0.000001", "0.000001", "1e-06"},
        {9.99e-7, "9.99e-07", "0.000000999", "9.99e-07"},
        {1e-7, "1e-07", "0.0000001", "1e-07"},
        {1e20, "100000000000000000000", "100000000000000000000", "1e+20"},
        {1e21, "1e+21", "1000000000000000000000", "1e+21"},
        {123456789012345678, "123456789012345680", "123456789012345680", "1.2345678901234568e+17"},
        {0x1p53, "9007199254740992", "9007199254740992", "9.007199254740992e+15"},
        {1.0 / 3, "0.3333333333333333", "0.3333333333333333", "0.3333333333333333"},
        {2.0 / 3, "0.6666666666666666", "0.6666666666666666", "0.6666666666666666"},
        {1e23, "1e+23", "100000000000000000000000", "1e+23"},
        {0x1p-44, "5.684341886080802e-14", "0.00000000000005684341886080802",
         "5.684341886080802e-14"},
        {1e-100, "1e-100", NULL, "1e-100"},
        {DBL_MAX, "1.7976931348623157e+308", NULL, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308", NULL, "2.2250738585072014e-308"},
        {0x1p-1074, "5e-324", NULL, "5e-324"},
        {NAN, "NaN", "NaN", "NaN"},
        {-NAN, "NaN", "NaN", "NaN"},
        {INFINITY, "+Inf", "+Inf", "+Inf"},
        {-INFINITY, "-Inf", "-Inf", "-Inf"},
    };
    struct buf b = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        cr_expect_str_eq(text_of(&b, number_append_shortest, rows[i].v), rows[i].shortest);
        if (rows[i].plain)
            cr_expect_str_eq(text_of(&b, number_append_plain, rows[i].v), rows[i].plain);
        cr_expect_str_eq(text_of(&b, number_append_general, rows[i].v), rows[i].general);
    }
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}

/* Significant ones, without the zeros at the end. */
static size_t digit_count(const char *text)
{
    size_t n = 0, significant = 0;
    for (; *text && *text != 'e'; text++) {
        n += (*text >= '1' && *text <= '9') || (*text == '0' && n > 0);
        if (*text >= '1' && *text <= '9')
            significant = n;
    }
    return significant;
}

Test(number_text, texts_read_back_and_are_shortest)
{
    struct buf b = {0};
    uint64_t state = 42;
    for (int i = 0; i < 200000; i++) {
        (void)random_step(&state);
        uint64_t bits = state;
        if (i % 4 == 1)
            bits &= ~UINT64_C(0) << 52; /* powers of two */
        double v;
        memcpy(&v, &bits, sizeof(v));
        if (i % 4 == 2)
            v = (double)(state >> 44) / 1000;
        if (!isfinite(v))
            continue;
        const char *text = text_of(&b, number_append_general, v);
        cr_assert_eq(strtod(text, NULL), v, "%.17g is %s", v, text);
        size_t digits = digit_count(text);
        char shorter[40];
        snprintf(shorter, sizeof(shorter), "%.*e", (int)digits - 2, v);
        cr_assert(digits < 3 || strtod(shorter, NULL) != v, "%s could be %s", text, shorter);
    }
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}

Test(number_text, no_memory_is_told_by_the_buffer)
{
    struct buf b = {0};
    mem_fail_after(0);
    number_append_shortest(&b, 1.5);
    mem_fail_after(-1);
    cr_expect(b.failed);
    buf_deinit(&b);
    EXPECT_NO_LEAK();
}
