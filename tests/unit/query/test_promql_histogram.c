/* test_promql_histogram.c - quantiles, fractions, moments of native and classic histograms, against
 * values of Prometheus' own scripts. */
#include "query/promql_histogram.h"

#include "base/mem.h"
#include "tests/support/leak.h"
#include "tests/support/native_text.h"
#include <math.h>

struct rig {
    struct arena arena;
    struct annotations notes;
    struct histogram_ask ask;
    struct promql_span at;
};

static void rig_init(struct rig *r)
{
    *r = (struct rig){0};
    annotations_init(&r->notes, &r->arena, STR("f(x)"));
    r->ask = (struct histogram_ask){&r->arena, &r->notes, &r->at, STR("x")};
}

/* The only note holds `want`; none when it is NULL. */
static bool has_note(const struct rig *r, const char *want)
{
    if (!want)
        return r->notes.count == 0;
    if (r->notes.count != 1)
        return false;
    struct str text = r->notes.items[0].text;
    return memmem(text.ptr, text.len, want, strlen(want)) != NULL;
}

static bool is_near(double a, double b)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * (fabs(a) + fabs(b));
}

#define POSITIVE "{{count:12 sum:100 z_bucket:2 z_bucket_w:0.001 buckets:[2 3 0 1 4]}}"
#define NEGATIVE "{{count:12 sum:100 z_bucket:2 z_bucket_w:0.001 n_buckets:[2 3 0 1 4]}}"
#define BOTH                                                                                       \
    "{{count:24 z_bucket:4 z_bucket_w:0.001 buckets:[2 3 0 1 4] "                                  \
    "n_buckets:[2 3 0 1 4]}}"
#define CUSTOM     "{{schema:-53 sum:5 count:4 custom_values:[5 10] buckets:[1 2 1]}}"
#define BELOW      "{{schema:-53 sum:5 count:4 custom_values:[-5 10] buckets:[1 2 1]}}"
#define ALL_NAN    "{{count:3 sum:nan}}"
#define SOME_NAN   "{{count:15 sum:nan buckets:[12]}}"
#define RESULT_NAN "has NaN observations, result is NaN for metric name \"x\" (1:1)"
#define SKEWED     "has NaN observations, result is skewed higher for metric name \"x\" (1:1)"

Test(promql_histogram, quantiles)
{
    static const struct {
        const char *h;
        double q, want;
        const char *note;
    } rows[] = {
        {"{{sum:5 count:4 buckets:[1 2 1]}}", 0.5, 1.414213562373095, NULL},
        {"{{z_bucket:1 z_bucket_w:0.5 sum:0.25 count:1}}", 0.5, 0, NULL},
        {"{{sum:-5 count:4 n_buckets:[1 2 1]}}", 0.5, -1.414213562373095, NULL},
        {POSITIVE, 1.001, INFINITY, NULL},
        {POSITIVE, -1, -INFINITY, NULL},
        {POSITIVE, NAN, NAN, NULL},
        {POSITIVE, 1, 16, NULL},
        {POSITIVE, 0.99, 15.67072476139083, NULL},
        {POSITIVE, 0.9, 12.99603834169977, NULL},
        {POSITIVE, 0.6, 4.594793419988138, NULL},
        {POSITIVE, 0.5, 1.5874010519681994, NULL},
        {POSITIVE, 0.1, 0.0006, NULL},
        {POSITIVE, 0, 0, NULL},
        {BOTH, 0.3, -1.2030250360821169, NULL},
        {BOTH, 0.1, -10.556063286183155, NULL},
        {BOTH, 0.01, -15.34822590920423, NULL},
        {BOTH, 0, -16, NULL},
        {BOTH, 0.5416666666666666, 0.0005, NULL},
        {BOTH, 0.4583333333333333, -0.0005, NULL},
        {NEGATIVE, 0.9166666666666666, -0.0005, NULL},
        {CUSTOM, 0.5, 7.5, NULL},
        {CUSTOM, 0.1, 2, NULL},
        {CUSTOM, 0.9, 10, NULL},
        {BELOW, 0.1, -5, NULL},
        {"{{schema:-53 count:4 buckets:[4]}}", 0.5, INFINITY, NULL},
        {"{{}}", 0.5, NAN, NULL},
        {ALL_NAN, 1, NAN, RESULT_NAN},
        {ALL_NAN, 0.4, NAN, RESULT_NAN},
        {SOME_NAN, 1, NAN, RESULT_NAN},
        {SOME_NAN, 0.81, NAN, RESULT_NAN},
        {SOME_NAN, 0.8, 1, SKEWED},
        {SOME_NAN, 0.4, 0.7071067811865475, SKEWED},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct rig r;
        rig_init(&r);
        double got = native_quantile(&r.ask, native_from_text(&r.arena, rows[i].h), rows[i].q);
        cr_expect(is_near(got, rows[i].want), "row %zu: %.17g, not %.17g", i, got, rows[i].want);
        cr_expect(has_note(&r, rows[i].note), "row %zu", i);
        arena_deinit(&r.arena);
    }
    EXPECT_NO_LEAK();
}

Test(promql_histogram, fractions)
{
    static const struct {
        const char *h;
        double lower, upper, want;
    } rows[] = {
        {POSITIVE, 1, 2, 0.25},
        {POSITIVE, 0, 1.5, 0.4795739585136224},
        {POSITIVE, 1.5, 2, 0.10375937481971091},
        {POSITIVE, 0, 6, 0.6320802083934297},
        {POSITIVE, -2, -1, 0},
        {POSITIVE, 42, 3.1415, 0},
        {POSITIVE, 0, 0, 0},
        {POSITIVE, 3, NAN, NAN},
        {POSITIVE, NAN, 3, NAN},
        {POSITIVE, -INFINITY, INFINITY, 1},
        {NEGATIVE, 0, INFINITY, 0},
        {NEGATIVE, -INFINITY, 0, 1},
        {NEGATIVE, -0.001, 0, 0.16666666666666666},
        {NEGATIVE, -0.0005, 0, 0.08333333333333333},
        {NEGATIVE, -INFINITY, -0.0005, 0.9166666666666666},
        {BOTH, -0.0005, 0.0005, 0.08333333333333333},
        {BOTH, -INFINITY, 0.0005, 0.5416666666666666},
        {BOTH, 1.5, 6, 0.07625312493990366},
        {BOTH, -6, -1.5, 0.07625312493990362},
        {CUSTOM, 5, 10, 0.5},
        {CUSTOM, 0, 2.5, 0.125},
        {CUSTOM, -INFINITY, -1, 0},
        {CUSTOM, 10, INFINITY, 0.25},
        {CUSTOM, 20, 30, 0},
        {BELOW, -10, 10, 0.5},
        {BELOW, -INFINITY, 2.5, 0.5},
        {"{{}}", 0, 1, NAN},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct rig r;
        rig_init(&r);
        struct native_histogram *h = native_from_text(&r.arena, rows[i].h);
        double got = native_fraction(&r.ask, h, rows[i].lower, rows[i].upper);
        cr_expect(is_near(got, rows[i].want), "row %zu: %.17g, not %.17g", i, got, rows[i].want);
        cr_expect(has_note(&r, NULL), "row %zu", i);
        arena_deinit(&r.arena);
    }
    EXPECT_NO_LEAK();
}

Test(promql_histogram, fractions_leave_nan_out)
{
    struct rig r;
    rig_init(&r);
    struct native_histogram *some = native_from_text(&r.arena, SOME_NAN);
    cr_expect_eq(native_fraction(&r.ask, some, -INFINITY, INFINITY), 0.8);
    cr_expect(is_near(native_fraction(&r.ask, some, -INFINITY, M_SQRT1_2), 0.4));
    struct native_histogram *all = native_from_text(&r.arena, ALL_NAN);
    cr_expect_eq(native_fraction(&r.ask, all, -INFINITY, INFINITY), 0);
    cr_expect(has_note(&r, "input to histogram_fraction has NaN observations, which are excluded "
                           "from all fractions for metric name \"x\" (1:1)"));
    arena_deinit(&r.arena);
    EXPECT_NO_LEAK();
}

Test(promql_histogram, moments)
{
    static const struct {
        const char *h;
        double variance, average;
    } rows[] = {
        {"{{schema:2 count:4 sum:10 buckets:[1 0 0 0 1 0 0 1 1]}}", 1.163807968526718, 2.5},
        {"{{count:10 sum:-100 n_buckets:[0 0 0 0 10]}}", 1.725830020304794, -10},
        {"{{count:3 sum:3 z_bucket:3 z_bucket_w:0.5}}", 1, 1},
        {"{{schema:-53 count:2 sum:20 custom_values:[5 15 25] buckets:[0 1 1]}}", 50, 10},
        {"{{count:7 sum:nan buckets:[7]}}", NAN, NAN},
        {"{{count:7 sum:inf buckets:[7]}}", INFINITY, INFINITY},
        {"{{}}", NAN, NAN},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct native_histogram *h = native_from_text(&arena, rows[i].h);
        cr_expect(is_near(native_variance(h), rows[i].variance), "row %zu: %.17g", i,
                  native_variance(h));
        cr_expect(is_near(native_average(h), rows[i].average), "row %zu", i);
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

#define FORCED                                                                                     \
    "needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/"

Test(promql_histogram, classic_quantiles)
{
    static const struct {
        struct classic_bucket buckets[5];
        size_t count;
        double q, want;
        const char *note;
    } rows[] = {
        {{{0.1, 50}, {0.2, 70}, {1, 110}, {INFINITY, 120}}, 4, 0.5, 0.15, NULL},
        {{{INFINITY, 120}, {1, 110}, {0.2, 70}, {0.1, 50}}, 4, 0.5, 0.15, NULL},
        {{{0.1, 50}, {0.2, 70}, {1, 110}, {INFINITY, 120}}, 4, 0.99, 1, NULL},
        {{{0.1, 50}, {0.2, 70}, {1, 110}, {INFINITY, 120}}, 4, 0, 0, NULL},
        {{{-0.2, 10}, {-0.1, 20}, {0.3, 20}, {INFINITY, 30}}, 4, 0.1, -0.2, NULL},
        {{{-0.2, 10}, {-0.1, 20}, {0.3, 20}, {INFINITY, 30}}, 4, 0.5, -0.15, NULL},
        {{{1, 1}, {2, 3}}, 2, 0.5, NAN, NULL},
        {{{INFINITY, 3}}, 1, 0.5, NAN, NULL},
        {{{1, 0}, {INFINITY, 0}}, 2, 0.5, NAN, NULL},
        {{{1, 1}, {INFINITY, 2}}, 2, -0.1, -INFINITY, NULL},
        {{{1, 1}, {INFINITY, 2}}, 2, 1.1, INFINITY, NULL},
        {{{1, 1}, {INFINITY, 2}}, 2, NAN, NAN, NULL},
        {{{1, 1}, {1, 1}, {2, 4}, {INFINITY, 2}, {INFINITY, 2}}, 5, 0.75, 1.5, NULL},
        {{{1, 4}, {2, 2}, {4, 8}, {INFINITY, 8}}, 4, 0.75, 3, FORCED},
        {{{1, 1e6}, {2, 999999.9999999}, {4, 2e6}, {INFINITY, 2e6}}, 4, 0.75, 3, NULL},
        {{{0, 0}}, 0, 0.5, NAN, NULL},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct rig r;
        rig_init(&r);
        struct classic_bucket buckets[5];
        memcpy(buckets, rows[i].buckets, sizeof(buckets));
        double got = classic_quantile(&r.ask, buckets, rows[i].count, rows[i].q);
        cr_expect(is_near(got, rows[i].want), "row %zu: %.17g, not %.17g", i, got, rows[i].want);
        cr_expect(has_note(&r, rows[i].note), "row %zu", i);
        arena_deinit(&r.arena);
    }
    EXPECT_NO_LEAK();
}

Test(promql_histogram, classic_fractions)
{
    static const struct {
        struct classic_bucket buckets[4];
        size_t count;
        double lower, upper, want;
    } rows[] = {
        {{{1, 1}, {2, 3}, {3, 6}, {INFINITY, 100}}, 4, 2, 5, 0.03},
        {{{1, 1}, {2, 3}, {3, 6}, {INFINITY, 100}}, 4, 0.5, 2, 0.025},
        {{{1, 1}, {2, 3}, {3, 6}, {INFINITY, 100}}, 4, 400, INFINITY, 0.94},
        {{{1, 1}, {2, 3}, {3, 6}, {INFINITY, 100}}, 4, -INFINITY, INFINITY, 1},
        {{{1, 1}, {2, 3}, {3, 6}, {INFINITY, 100}}, 4, -INFINITY, -1, 0},
        {{{1, 1}, {2, 3}, {3, 6}, {INFINITY, 100}}, 4, 3, 2, 0},
        {{{1, 1}, {2, 3}, {3, 6}, {INFINITY, 100}}, 4, NAN, 2, NAN},
        {{{-3, 10}, {-2, 12}, {-1, 15}, {INFINITY, 100}}, 4, -4, -1, 0.05},
        {{{-3, 10}, {-2, 12}, {-1, 15}, {INFINITY, 100}}, 4, -INFINITY, -1, 0.15},
        {{{-3, 10}, {-2, 12}, {-1, 15}, {INFINITY, 100}}, 4, 0, 1, 0},
        {{{INFINITY, 100}}, 1, 0, 1, 0},
        {{{1, 0}, {INFINITY, 0}}, 2, 0, 1, NAN},
        {{{1, 1}, {2, 3}}, 2, 0, 1, NAN},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct classic_bucket buckets[4];
        memcpy(buckets, rows[i].buckets, sizeof(buckets));
        double got = classic_fraction(buckets, rows[i].count, rows[i].lower, rows[i].upper);
        cr_expect(is_near(got, rows[i].want), "row %zu: %.17g, not %.17g", i, got, rows[i].want);
    }
    EXPECT_NO_LEAK();
}

struct trim_row {
    const char *from;
    bool keeps_below;
    double bound;
    const char *want;
};

static void expect_trims(const struct trim_row *rows, size_t count)
{
    struct arena arena = {0};
    for (size_t i = 0; i < count; i++) {
        struct native_histogram *from = native_from_text(&arena, rows[i].from), *got;
        enum status status = rows[i].keeps_below
                                 ? native_trim_above(from, rows[i].bound, &arena, &got)
                                 : native_trim_below(from, rows[i].bound, &arena, &got);
        cr_assert_eq(status, ST_OK);
        cr_expect(native_is_near(got, native_from_text(&arena, rows[i].want)), "row %zu: %s", i,
                  native_to_text(&arena, got));
    }
    arena_deinit(&arena);
}

#define T                                                                                          \
    "{{sum:123.75 count:34 z_bucket:1 z_bucket_w:0.001 buckets:[2 4 8 16] "                        \
    "n_buckets:[1 2]}}"
#define P    "{{sum:8.0210678118654755 count:12 z_bucket:2 z_bucket_w:0.5 buckets:[10]}}"
#define N    "{{sum:-8.0210678118654755 count:12 z_bucket:2 z_bucket_w:0.5 n_buckets:[10]}}"
#define ZERO "{{count:5 z_bucket:5 z_bucket_w:0.1}}"

Test(promql_histogram, exponential_buckets_are_trimmed)
{
    static const struct trim_row rows[] = {
        {T, false, -INFINITY, T},
        {T, true, INFINITY, T},
        {T, false, INFINITY, "{{z_bucket_w:0.001}}"},
        {T, true, -INFINITY, "{{z_bucket_w:0.001}}"},
        {T, false, 0,
         "{{sum:120.20840280171308 count:30.5 z_bucket:0.5 z_bucket_w:0.001 "
         "buckets:[2 4 8 16]}}"},
        {T, true, 0,
         "{{sum:-3.53578390593273768 count:3.5 z_bucket:0.5 z_bucket_w:0.001 "
         "n_buckets:[1 2]}}"},
        {T, true, M_SQRT2,
         "{{count:8 sum:0.2570938865989847 z_bucket:1 z_bucket_w:0.001 "
         "buckets:[2 2] n_buckets:[1 2]}}"},
        {T, true, -1,
         "{{count:2 sum:-2.8284271247461903 z_bucket_w:0.001 n_offset:1 "
         "n_buckets:[2]}}"},
        {T, false, -M_SQRT2,
         "{{count:33 sum:118.31183890552382 z_bucket:1 z_bucket_w:0.001 "
         "buckets:[2 4 8 16] n_buckets:[1 1]}}"},
        {P, false, 0.5, "{{count:10 sum:7.0710678118654755 z_bucket_w:0.5 buckets:[10]}}"},
        {P, false, 0.1,
         "{{count:11.6 sum:7.551067811865476 z_bucket:1.6 z_bucket_w:0.5 "
         "buckets:[10]}}"},
        {P, false, 0, P},
        {P, true, 0.5, "{{count:2 sum:0.5 z_bucket:2 z_bucket_w:0.5}}"},
        {P, true, 0.1, "{{count:0.4 sum:0.02 z_bucket:0.4 z_bucket_w:0.5}}"},
        {P, true, 0, "{{z_bucket_w:0.5}}"},
        {N, true, -0.5, "{{count:10 sum:-7.0710678118654755 z_bucket_w:0.5 n_buckets:[10]}}"},
        {N, true, -0.1,
         "{{count:11.6 sum:-7.551067811865476 z_bucket:1.6 z_bucket_w:0.5 "
         "n_buckets:[10]}}"},
        {N, true, 0, N},
        {N, false, -0.1, "{{count:0.4 sum:-0.02 z_bucket:0.4 z_bucket_w:0.5}}"},
        {N, false, 0, "{{z_bucket_w:0.5}}"},
        {ZERO, false, 0.1, "{{z_bucket_w:0.1}}"},
        {ZERO, true, 0.1, ZERO},
        {ZERO, false, 0.05, "{{count:1.25 sum:0.09375 z_bucket:1.25 z_bucket_w:0.1}}"},
        {"{{}}", true, -INFINITY, "{{}}"},
    };
    expect_trims(rows, LEN(rows));
    EXPECT_NO_LEAK();
}

#define CBH       "{{schema:-53 sum:172.5 count:15 custom_values:[5 10 15 20] buckets:[1 6 4 3 1]}}"
#define CBH_EMPTY "{{schema:-53 custom_values:[5 10 15 20]}}"
#define LOW                                                                                        \
    "{{schema:-53 sum:172.5 count:15 custom_values:[-10 5 10 15 20] "                              \
    "buckets:[2 1 6 4 3 1]}}"
#define UP   "{{schema:-53 sum:33 count:101 custom_values:[5] buckets:[1 100]}}"
#define DOWN "{{schema:-53 sum:33 count:101 custom_values:[-5] buckets:[1 100]}}"
#define ONE  "{{schema:-53 sum:100 count:100 buckets:[100]}}"

Test(promql_histogram, custom_buckets_are_trimmed)
{
    static const struct trim_row rows[] = {
        {CBH, false, 15,
         "{{schema:-53 count:4 sum:72.5 custom_values:[5 10 15 20] offset:3 "
         "buckets:[3 1]}}"},
        {CBH, true, 13,
         "{{schema:-53 count:9.4 sum:75.1 custom_values:[5 10 15 20] "
         "buckets:[1 6 2.4]}}"},
        {CBH, false, 13,
         "{{schema:-53 count:5.6 sum:94.9 custom_values:[5 10 15 20] offset:2 "
         "buckets:[1.6 3 1]}}"},
        {CBH, true, 50,
         "{{schema:-53 count:14 sum:150 custom_values:[5 10 15 20] "
         "buckets:[1 6 4 3]}}"},
        {CBH, true, -INFINITY, CBH_EMPTY},
        {CBH, false, INFINITY, CBH_EMPTY},
        {CBH, true, INFINITY, CBH},
        {CBH, false, -INFINITY, CBH},
        {CBH, false, 0, CBH},
        {CBH, true, 0, CBH_EMPTY},
        {CBH, true, -3, CBH_EMPTY},
        {LOW, true, 2,
         "{{schema:-53 count:2.8 sum:-23.2 custom_values:[-10 5 10 15 20] "
         "buckets:[2 0.8]}}"},
        {LOW, true, -15,
         "{{schema:-53 count:2 sum:-30 custom_values:[-10 5 10 15 20] "
         "buckets:[2]}}"},
        {UP, false, -10, "{{schema:-53 sum:500 count:100 custom_values:[5] buckets:[0 100]}}"},
        {UP, false, 0, UP},
        {UP, false, 2, "{{schema:-53 sum:502.1 count:100.6 custom_values:[5] buckets:[0.6 100]}}"},
        {UP, false, 10, "{{schema:-53 sum:1000 count:100 custom_values:[5] buckets:[0 100]}}"},
        {DOWN, true, 10, "{{schema:-53 sum:-5 count:1 custom_values:[-5] buckets:[1]}}"},
        {DOWN, true, -10, "{{schema:-53 sum:-10 count:1 custom_values:[-5] buckets:[1]}}"},
        {DOWN, false, -10, "{{schema:-53 sum:-500 count:100 custom_values:[-5] buckets:[0 100]}}"},
        {DOWN, false, -2, "{{schema:-53 sum:-200 count:100 custom_values:[-5] buckets:[0 100]}}"},
        {ONE, true, 10, "{{schema:-53}}"},
        {ONE, false, 10, "{{schema:-53}}"},
        {ONE, true, INFINITY, ONE},
    };
    expect_trims(rows, LEN(rows));
    EXPECT_NO_LEAK();
}
