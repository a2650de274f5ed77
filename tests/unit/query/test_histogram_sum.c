/* test_histogram_sum.c - many at once gives what one by one gives. */
#include "query/histogram_sum.h"
#include "tests/support/random.h"
#include "base/mem.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { HISTOGRAMS = 20 };

static void expect_equal(const struct histogram *a, const struct histogram *b)
{
    cr_expect(eq(u64, a->weight, b->weight));
    cr_expect(eq(u64, a->zero, b->zero));
    cr_expect(a->sum == b->sum);
    cr_expect(eq(u64, a->min_ns, b->min_ns));
    cr_expect(eq(u64, a->max_ns, b->max_ns));
    cr_assert(eq(u32, a->bucket_count, b->bucket_count));
    for (uint32_t i = 0; i < a->bucket_count; i++) {
        cr_expect(eq(i32, a->buckets[i].index, b->buckets[i].index));
        cr_expect(eq(u64, a->buckets[i].weight, b->buckets[i].weight));
    }
}

Test(histogram_sum, equals_one_by_one)
{
    struct histogram all[HISTOGRAMS] = {0}, want = {0}, got = {0};
    const struct histogram *list[HISTOGRAMS];
    uint64_t state = 1;
    for (size_t i = 0; i < HISTOGRAMS; i++) {
        list[i] = &all[i];
        for (size_t k = 0; k < i * 7; k++) { /* the first stays empty */
            (void)random_step(&state);
            uint64_t ns = k % 11 ? state >> (state % 60) : 0;
            cr_assert(histogram_add(&all[i], ns, WEIGHT_ONE + k));
        }
        cr_assert(histogram_merge(&want, &all[i]));
    }
    cr_assert(histogram_sum(&got, list, HISTOGRAMS));
    expect_equal(&got, &want);
    histogram_deinit(&want);
    histogram_deinit(&got);
    for (size_t i = 0; i < HISTOGRAMS; i++)
        histogram_deinit(&all[i]);
    EXPECT_NO_LEAK();
}

Test(histogram_sum, nothing_is_an_empty_histogram)
{
    struct histogram empty = {0}, got = {0};
    const struct histogram *list[] = {&empty};
    cr_assert(histogram_sum(&got, list, 1));
    cr_expect(eq(u64, got.weight, 0));
    histogram_deinit(&got);
    cr_assert(histogram_sum(&got, NULL, 0));
    histogram_deinit(&got);
    EXPECT_NO_LEAK();
}
