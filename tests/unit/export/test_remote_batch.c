/* test_remote_batch.c - requests are cut by samples, bytes and kinds of samples. */
#include "export/remote_batch.h"

#include "tests/support/leak.h"

#include <criterion/criterion.h>

static const struct label name[] = {{{"__name__", 8}, {"up", 2}}};
static const struct label_set labels = {name, 1};

static void fill(int64_t *times, double *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        times[i] = 1000 * i;
        values[i] = i;
    }
}

Test(remote_batch, a_long_series_is_cut)
{
    static int64_t times[5000];
    static double values[5000];
    struct series_data data = {
        .labels = labels, .sample_count = 5000, .times_ms = times, .values = values};
    struct remote_batch b = {0};
    uint32_t at = 0, requests = 0;
    fill(times, values, 5000);
    while (at < 5000) {
        uint32_t first = at;
        cr_assert(remote_batch_add(&b, labels, &data, &at, 5000, NULL, NULL) == ST_OK);
        cr_expect_eq(b.sample_count, at - first);
        cr_expect_eq(b.series.items[0].samples[0].time_ms, 1000 * (int64_t)first);
        cr_expect_eq(remote_batch_is_full(&b), at - first == REMOTE_BATCH_SAMPLES);
        remote_batch_clear(&b);
        requests++;
    }
    cr_expect_eq(requests, 3u);
    remote_batch_deinit(&b);
    EXPECT_NO_LEAK();
}

Test(remote_batch, kinds_do_not_mix)
{
    int64_t times[6];
    double values[6];
    struct native_histogram h = {.count = 1};
    const struct native_histogram *histograms[6] = {NULL, NULL, &h, &h, NULL, &h};
    struct series_data data = {.labels = labels,
                               .sample_count = 6,
                               .times_ms = times,
                               .values = values,
                               .histograms = histograms};
    struct remote_batch b = {0};
    uint32_t at = 0;
    fill(times, values, 6);
    cr_assert(remote_batch_add(&b, labels, &data, &at, 6, NULL, NULL) == ST_OK);
    cr_assert_eq(b.series.len, 4u);
    static const uint32_t counts[] = {2, 2, 1, 1};
    for (size_t i = 0; i < 4; i++) {
        cr_expect_eq(b.series.items[i].sample_count, counts[i]);
        cr_expect_eq(b.series.items[i].samples[0].histogram != NULL, i % 2 == 1);
    }
    remote_batch_deinit(&b);
    EXPECT_NO_LEAK();
}

Test(remote_batch, wide_histograms_fill_it_sooner)
{
    static struct native_bucket buckets[10000];
    struct native_histogram h = {.count = 1, .positive = {buckets, LEN(buckets)}};
    const struct native_histogram *histograms[100];
    int64_t times[100];
    double values[100];
    struct series_data data = {.labels = labels,
                               .sample_count = 100,
                               .times_ms = times,
                               .values = values,
                               .histograms = histograms};
    struct remote_batch b = {0};
    uint32_t at = 0;
    fill(times, values, 100);
    for (size_t i = 0; i < 100; i++)
        histograms[i] = &h;
    cr_assert(remote_batch_add(&b, labels, &data, &at, 100, NULL, NULL) == ST_OK);
    cr_expect(remote_batch_is_full(&b));
    cr_expect(at >= 10 && at <= 11, "%u", at);
    remote_batch_deinit(&b);
    EXPECT_NO_LEAK();
}
