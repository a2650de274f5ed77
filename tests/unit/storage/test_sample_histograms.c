/* test_sample_histograms.c - runs of native histograms come back, whatever their shapes. */
#include "storage/sample_histograms.h"

#include "storage/sample_histograms_format.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <time.h>

/* `buckets` positive ones, `apart` indices from one to the next. */
static const struct native_histogram *make(struct arena *arena, uint32_t buckets, int32_t first,
                                           int32_t apart, double count)
{
    struct native_histogram *h = arena_calloc(arena, 1, sizeof(*h));
    h->positive.items = arena_calloc(arena, buckets, sizeof(*h->positive.items));
    h->positive.count = buckets;
    h->count = count;
    for (uint32_t i = 0; i < buckets; i++)
        h->positive.items[i] = (struct native_bucket){first + (int32_t)i * apart, 1 + i % 3};
    return h;
}

static void expect_same(const struct native_histogram *want, const struct native_histogram *got,
                        uint32_t sample)
{
    cr_assert(got && got->count == want->count, "sample %u", sample);
    cr_assert_eq(got->positive.count, want->positive.count, "sample %u", sample);
    for (uint32_t k = 0; k < want->positive.count; k++)
        cr_assert(got->positive.items[k].index == want->positive.items[k].index &&
                      got->positive.items[k].count == want->positive.items[k].count,
                  "sample %u bucket %u", sample, k);
}

/* Writes them, and reads them as they were. */
static void round_trip(const struct native_histogram *const *histograms, uint32_t count)
{
    struct sample_writer w = {0};
    struct sample_reader r = {0};
    struct buf block = {0};
    struct arena arena = {0};
    struct err e = {0};
    const struct native_histogram **got;
    double *values;
    sample_histograms_put(&w, histograms, NULL, count);
    cr_assert_eq(sample_writer_flush(&w, &block, &e), ST_OK, "%s", e.msg);
    cr_assert_eq(sample_reader_load(&r, buf_str(&block), &e), ST_OK, "%s", e.msg);
    cr_assert_eq(sample_histograms_skip(&r, count, &e), ST_OK, "%s", e.msg);
    r.place = (struct sample_place){0};
    cr_assert_eq(sample_histograms_get(&r, count, &arena, &got, &values, &e), ST_OK, "%s", e.msg);
    for (uint32_t i = 0; i < count; i++)
        expect_same(histograms[i], got[i], i);
    arena_deinit(&arena);
    buf_deinit(&block);
    sample_reader_deinit(&r);
    sample_writer_deinit(&w);
}

Test(sample_histograms, a_wide_one_behind_many_narrow_ones)
{
    enum { NARROW = 1000, COUNT = NARROW + 3 };
    struct arena arena = {0};
    const struct native_histogram *histograms[COUNT];
    for (uint32_t i = 0; i < COUNT; i++)
        histograms[i] = make(&arena, i < NARROW ? 10 : 2000, 0, 1, 1000 + i);
    round_trip(histograms, COUNT);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(sample_histograms, buckets_between_those_of_others)
{
    enum { COUNT = 40 };
    struct arena arena = {0};
    const struct native_histogram *histograms[COUNT];
    for (uint32_t i = 0; i < COUNT; i++)
        histograms[i] = make(&arena, 1 + i * 7 % 11, -(int32_t)(i % 5), 1 + i % 4, 1000 + i);
    round_trip(histograms, COUNT);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

/* Seconds of CPU time for histograms of many buckets, each `step` behind those of the one before.
 */
static double time_wide(int32_t step, int32_t apart)
{
    enum { COUNT = 48, BUCKETS = 16000 };
    struct arena arena = {0};
    const struct native_histogram *histograms[COUNT];
    for (uint32_t i = 0; i < COUNT; i++)
        histograms[i] = make(&arena, BUCKETS, (int32_t)i * step, apart, 1000 + i);
    clock_t before = clock();
    round_trip(histograms, COUNT);
    arena_deinit(&arena);
    return (double)(clock() - before) / CLOCKS_PER_SEC;
}

Test(sample_histograms, buckets_between_buckets_cost_no_more, .timeout = 120)
{
    double behind_s = time_wide(16000, 1), between_s = time_wide(-1, 48);
    cr_assert(between_s < 3 * behind_s + 0.1, "%.2f s, behind each other %.2f s", between_s,
              behind_s);
    EXPECT_NO_LEAK();
}
