/* test_derived_track.c - samples of derived series: where they begin, stay, end; bounds among
 * exponential buckets. */
#include "model/stale.h"
#include "query/derived_track.h"
#include "tests/support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

enum { T0 = 1500000000 }; /* a multiple of 15 s, in ms behind 1970 */

/* Everything is looked at. */
static const struct derived_times dense = {.start_ms = T0, .end_ms = INT64_C(1) << 40};

static struct derived_track counter_track(struct arena *arena)
{
    struct derived_track t = {.form = {.family = &derived_families[0]}, .times = &dense};
    cr_assert(eq(int, derived_track_begin(&t, arena, NULL), ST_OK));
    return t;
}

static void add(struct derived_track *t, int64_t tile, int64_t seconds, double number,
                struct arena *arena)
{
    struct derived_increase by = {.number = (uint64_t)(number * WEIGHT_ONE)};
    derived_track_add(t, T0 + tile * DERIVED_STEP_MS, seconds * 1000, &by, arena);
}

static void expect_sample(const struct derived_track *t, size_t i, int64_t step, double value)
{
    cr_assert(t->times_ms.len > i);
    cr_expect(eq(i64, t->times_ms.items[i], T0 + step * DERIVED_STEP_MS), "time of sample %zu", i);
    cr_expect(isnan(value) ? value_is_stale(t->values.items[i]) : t->values.items[i] == value,
              "value of sample %zu: %g", i, t->values.items[i]);
}

Test(derived_track, begins_at_zero_stays_flat_and_ends)
{
    struct arena arena = {0};
    struct derived_track t = counter_track(&arena);
    add(&t, 0, 15, 3, &arena);
    add(&t, 0, 15, 1, &arena); /* another row of the same labels */
    add(&t, 2, 15, 5, &arena);
    derived_track_finish(&t, T0 + 3600000, &arena);
    expect_sample(&t, 0, 0, 0);
    expect_sample(&t, 1, 1, 4);
    expect_sample(&t, 2, 2, 4);
    expect_sample(&t, 3, 3, 9);
    expect_sample(&t, 23, 23, 9); /* 300 s after the last */
    expect_sample(&t, 24, 24, NAN);
    cr_expect(eq(sz, t.times_ms.len, 25));
    derived_track_deinit(&t);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(derived_track, goes_on_from_its_base_after_an_end)
{
    struct arena arena = {0};
    struct derived_track t = counter_track(&arena);
    derived_track_base(&t, &(struct derived_increase){.number = 100 * WEIGHT_ONE});
    add(&t, 0, 15, 1, &arena);
    add(&t, 100, 15, 1, &arena);
    derived_track_finish(&t, T0 + 101 * DERIVED_STEP_MS, &arena);
    expect_sample(&t, 0, 0, 100);
    expect_sample(&t, 1, 1, 101);
    expect_sample(&t, 21, 21, 101);
    expect_sample(&t, 22, 22, NAN);
    expect_sample(&t, 23, 100, 101);
    expect_sample(&t, 24, 101, 102);
    cr_expect(eq(sz, t.times_ms.len, 25));
    derived_track_deinit(&t);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(derived_track, spreads_a_coarse_tile_evenly)
{
    struct arena arena = {0};
    struct derived_track t = counter_track(&arena);
    add(&t, 0, 60, 8, &arena);
    derived_track_finish(&t, T0 + 60000, &arena);
    for (int64_t i = 0; i <= 4; i++)
        expect_sample(&t, (size_t)i, i, 2.0 * (double)i);
    cr_expect(eq(sz, t.times_ms.len, 5));
    derived_track_deinit(&t);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(derived_track, native_histograms_hold_all_since_the_beginning)
{
    struct arena arena = {0};
    struct histogram a = {0}, b = {0};
    struct derived_track t = {.form = {.family = &derived_families[2], .is_native = true},
                              .times = &dense};
    cr_assert(eq(int, derived_track_begin(&t, &arena, NULL), ST_OK));
    cr_assert(histogram_add(&a, NS_PER_S, 2 * WEIGHT_ONE) && histogram_add(&a, 0, WEIGHT_ONE));
    cr_assert(histogram_add(&b, NS_PER_S, WEIGHT_ONE) &&
              histogram_add(&b, 3 * NS_PER_S, WEIGHT_ONE));
    derived_track_base(&t, &(struct derived_increase){.latency = &a});
    derived_track_add(&t, T0, 15000, &(struct derived_increase){.latency = &b}, &arena);
    derived_track_finish(&t, T0 + 15000, &arena);
    cr_assert(eq(sz, t.natives.records.len, 2));
    const struct series_later *later = derived_natives_later(&t.natives, &t.form, 0, 2, &arena);
    const struct native_histogram *const *made = later->make(later, &arena);
    const struct native_histogram *before = made[0], *after = made[1];
    cr_expect(before->count == 3 && before->sum == 2 && before->zero_count == 1);
    cr_expect(after->count == 5 && after->sum == 6 && after->zero_count == 1);
    cr_assert(eq(u32, after->positive.count, 2));
    /* 1 s is the upper border of bucket 0. */
    cr_expect(eq(i32, after->positive.items[0].index, 0));
    cr_expect(after->positive.items[0].count == 3 && after->positive.items[1].count == 1);
    histogram_deinit(&a);
    histogram_deinit(&b);
    derived_track_deinit(&t);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(derived_buckets, exact_on_borders_shared_out_elsewhere)
{
    struct arena arena = {0};
    struct histogram h = {0};
    struct derived_bound bounds[4];
    static const double seconds[] = {0.5, 1.005, 2, INFINITY};
    static const char *const text[] = {"500", "1005", "2000", "+Inf"};
    struct bound_count counts[4] = {0};
    for (size_t i = 0; i < LEN(bounds); i++) {
        cr_assert(derived_bound_make(seconds[i], true, &arena, &bounds[i]));
        cr_expect(str_eq(bounds[i].text, str_from_c(text[i])), "%.*s", STR_ARG(bounds[i].text));
        cr_expect(eq(int, derived_bound_is_exact(&bounds[i]), i != 1));
    }
    cr_assert(histogram_add(&h, 0, WEIGHT_ONE) && histogram_add(&h, NS_PER_S / 2, WEIGHT_ONE) &&
              histogram_add(&h, NS_PER_S * 1006 / 1000, 4 * WEIGHT_ONE) &&
              histogram_add(&h, 2 * NS_PER_S, WEIGHT_ONE) &&
              histogram_add(&h, 5 * NS_PER_S, WEIGHT_ONE));
    derived_bounds_count(&h, bounds, LEN(bounds), counts);
    static const uint64_t below[] = {2, 2, 7, 8};
    for (size_t i = 0; i < LEN(bounds); i++) {
        cr_expect(eq(u64, counts[i].below, below[i] * WEIGHT_ONE), "bound %zu", i);
        cr_expect(eq(u64, counts[i].cut, i == 1 ? 4 * WEIGHT_ONE : 0), "bound %zu", i);
    }
    histogram_deinit(&h);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}
