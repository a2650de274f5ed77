/* test_native_histogram.c - bounds, copies, scaling, equality, resets of native histograms. */
#include "model/native_histogram.h"

#include "base/mem.h"
#include "model/native_histogram_text.h"
#include "model/stale.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"
#include "tests/support/native_text.h"
#include <float.h>
#include <math.h>

Test(native_histogram, bounds_are_powers)
{
    static const struct {
        int32_t index;
        int8_t schema;
        double want;
    } rows[] = {
        {0, 0, 1},
        {1, 0, 2},
        {-1, 0, 0.5},
        {3, 0, 8},
        {0, 8, 1},
        {256, 8, 2},
        {-256, 8, 0.5},
        {1, 1, M_SQRT2},
        {-1, 1, M_SQRT1_2},
        {3, 1, 2 * M_SQRT2},
        {1, -1, 4},
        {1, -4, 65536},
        {-1, -4, 1.0 / 65536},
        {1023, 0, 0x1p1023},
        {1024, 0, DBL_MAX},
        {1025, 0, INFINITY},
        {2048, 1, DBL_MAX},
        {2049, 1, INFINITY},
        {64, -4, DBL_MAX},
        {65, -4, INFINITY},
        {-1074, 0, 0x1p-1074},
        {-2000, 0, 0},
        {INT32_MAX, -4, INFINITY},
        {INT32_MIN, -4, 0},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        double got = native_exponential_bound(rows[i].index, rows[i].schema);
        cr_expect(got == rows[i].want, "row %zu: %.17g, not %.17g", i, got, rows[i].want);
    }
    EXPECT_NO_LEAK();
}

Test(native_histogram, index_halves_upwards)
{
    static const struct {
        int32_t index;
        unsigned steps;
        int32_t want;
    } rows[] = {{0, 1, 0},   {1, 1, 1},   {2, 1, 1},   {3, 1, 2},  {-1, 1, 0},
                {-2, 1, -1}, {-3, 1, -1}, {-4, 1, -2}, {5, 0, 5},  {4, 2, 1},
                {5, 2, 2},   {-3, 2, 0},  {-4, 2, -1}, {9, 44, 1}, {-9, 44, 0}};
    for (size_t i = 0; i < LEN(rows); i++)
        cr_expect_eq(native_index_reduce(rows[i].index, rows[i].steps), rows[i].want, "row %zu", i);
    EXPECT_NO_LEAK();
}

enum change { SCALE, DIVIDE, REDUCE };

Test(native_histogram, scale_divide_and_reduce)
{
    static const struct {
        enum change change;
        double operand;
        const char *from, *want;
    } rows[] = {
        {SCALE, 3, "{{count:4 sum:5 z_bucket:1 z_bucket_w:0.1 buckets:[1 2] n_buckets:[1]}}",
         "{{count:12 sum:15 z_bucket:3 z_bucket_w:0.1 buckets:[3 6] n_buckets:[3]}}"},
        {SCALE, -1, "{{count:4 sum:5 buckets:[4]}}",
         "{{count:-4 sum:-5 buckets:[-4] counter_reset_hint:gauge}}"},
        {SCALE, 0, "{{count:4 sum:5 buckets:[4]}}", "{{}}"},
        {SCALE, 2, "{{schema:-53 count:3 custom_values:[5 10] buckets:[0 1 2]}}",
         "{{schema:-53 count:6 custom_values:[5 10] buckets:[0 2 4]}}"},
        {DIVIDE, 4, "{{count:4 sum:-5 z_bucket:1 buckets:[1 2]}}",
         "{{count:1 sum:-1.25 z_bucket:0.25 buckets:[0.25 0.5]}}"},
        {DIVIDE, 0, "{{count:4 sum:-5 z_bucket:0 buckets:[4]}}",
         "{{count:inf sum:-inf z_bucket:nan}}"},
        {DIVIDE, -2, "{{count:4 sum:4 buckets:[4] counter_reset_hint:not_reset}}",
         "{{count:-2 sum:-2 buckets:[-2] counter_reset_hint:gauge}}"},
        {REDUCE, 0, "{{schema:2 count:15 offset:-1 buckets:[1 2 4 8] n_offset:5 n_buckets:[1 1]}}",
         "{{schema:0 count:15 buckets:[3 12] n_offset:2 n_buckets:[2]}}"},
        {REDUCE, 3, "{{schema:2 count:1 buckets:[1]}}", "{{schema:2 count:1 buckets:[1]}}"},
        {REDUCE, -2, "{{schema:-53 custom_values:[1] buckets:[1 2]}}",
         "{{schema:-53 custom_values:[1] buckets:[1 2]}}"},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct native_histogram *from = native_from_text(&arena, rows[i].from), *got = from;
        if (rows[i].change == SCALE)
            got = native_histogram_scale(from, rows[i].operand, &arena);
        else if (rows[i].change == DIVIDE)
            got = native_histogram_divide(from, rows[i].operand, &arena);
        else
            native_histogram_reduce(got, (int8_t)rows[i].operand);
        cr_expect(native_is_near(got, native_from_text(&arena, rows[i].want)), "row %zu: %s", i,
                  native_to_text(&arena, got));
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(native_histogram, equality_sees_all_but_the_hint)
{
    static const struct {
        const char *a, *b;
        bool want;
    } rows[] = {
        {"{{count:4 buckets:[1 2 1]}}", "{{count:4 buckets:[1 2 1]}}", true},
        {"{{count:4 buckets:[1 2 1]}}", "{{count:4 buckets:[1 2 1] counter_reset_hint:gauge}}",
         true},
        {"{{buckets:[0 1 0 2]}}", "{{offset:1 buckets:[1 0 2 0]}}", true},
        {"{{buckets:[0 1 0 2]}}", "{{buckets:[1 0 2]}}", false},
        {"{{buckets:[1]}}", "{{buckets:[1 1]}}", false},
        {"{{buckets:[1]}}", "{{n_buckets:[1]}}", false},
        {"{{sum:nan}}", "{{sum:nan}}", true},
        {"{{sum:nan}}", "{{sum:1}}", false},
        {"{{count:1}}", "{{count:2}}", false},
        {"{{schema:1}}", "{{}}", false},
        {"{{z_bucket:1}}", "{{}}", false},
        {"{{z_bucket_w:1}}", "{{}}", false},
        {"{{schema:-53 custom_values:[1 2]}}", "{{schema:-53 custom_values:[1 2]}}", true},
        {"{{schema:-53 custom_values:[1 2]}}", "{{schema:-53 custom_values:[1 3]}}", false},
        {"{{schema:-53 custom_values:[1 2]}}", "{{schema:-53 custom_values:[1]}}", false},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct native_histogram *a = native_from_text(&arena, rows[i].a);
        struct native_histogram *b = native_from_text(&arena, rows[i].b);
        cr_expect_eq(native_histogram_equal(a, b), rows[i].want, "row %zu", i);
        cr_expect_eq(native_histogram_equal(b, a), rows[i].want, "row %zu", i);
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(native_histogram, a_reset_is_seen)
{
    static const struct {
        const char *name, *before, *now;
        bool want;
    } rows[] = {
        {"growth", "{{count:3 buckets:[1 2]}}", "{{count:5 buckets:[1 3 1]}}", false},
        {"same", "{{count:3 buckets:[1 2]}}", "{{count:3 buckets:[1 2]}}", false},
        {"count fell", "{{count:3}}", "{{count:2}}", true},
        {"bucket fell", "{{count:3 buckets:[1 2]}}", "{{count:5 buckets:[4 1]}}", true},
        {"bucket vanished", "{{count:3 buckets:[1 2]}}", "{{count:5 buckets:[5]}}", true},
        {"empty bucket vanished", "{{count:3 buckets:[3 0]}}", "{{count:5 buckets:[5]}}", false},
        {"negative fell", "{{count:3 n_buckets:[3]}}", "{{count:5 n_buckets:[2 3]}}", true},
        {"zero bucket fell", "{{count:3 z_bucket:3}}", "{{count:5 z_bucket:2 buckets:[3]}}", true},
        {"schema rose", "{{count:3 buckets:[3]}}", "{{schema:1 count:5 buckets:[2 3]}}", true},
        {"schema fell", "{{schema:1 count:3 buckets:[1 1 1]}}", "{{count:5 buckets:[1 4]}}", false},
        {"fell at the lower schema", "{{schema:1 count:3 buckets:[1 1 1]}}",
         "{{count:5 buckets:[1 1 3]}}", true},
        {"zero width fell", "{{z_bucket_w:0.5}}", "{{z_bucket_w:0.25}}", true},
        {"wider zero takes buckets in", "{{count:3 offset:-3 buckets:[1 2]}}",
         "{{count:4 z_bucket:3 z_bucket_w:0.25 buckets:[1]}}", false},
        {"wider zero lost some", "{{count:3 offset:-3 buckets:[1 2]}}",
         "{{count:4 z_bucket:2 z_bucket_w:0.25 buckets:[2]}}", true},
        {"wider zero cuts a bucket", "{{count:3 buckets:[3]}}",
         "{{count:4 z_bucket:4 z_bucket_w:0.75}}", true},
        {"hint says so", "{{count:3}}", "{{count:3 counter_reset_hint:reset}}", true},
        {"hint denies", "{{count:3}}", "{{count:2 counter_reset_hint:not_reset}}", false},
        {"gauge is compared", "{{count:3}}", "{{count:2 counter_reset_hint:gauge}}", true},
        {"to custom", "{{count:3}}", "{{schema:-53 count:3}}", true},
        {"custom growth", "{{schema:-53 count:3 custom_values:[1 2] buckets:[1 1 1]}}",
         "{{schema:-53 count:4 custom_values:[1 2] buckets:[1 2 1]}}", false},
        {"custom fell", "{{schema:-53 count:3 custom_values:[1 2] buckets:[1 1 1]}}",
         "{{schema:-53 count:4 custom_values:[1 2] buckets:[2 2 0]}}", true},
        {"other bounds, equal in common", "{{schema:-53 count:1 custom_values:[5] buckets:[1]}}",
         "{{schema:-53 count:1 custom_values:[5 10] buckets:[1]}}", false},
        {"other bounds, fell in common",
         "{{schema:-53 count:15 custom_values:[2 4 6] buckets:[1 2 5 7]}}",
         "{{schema:-53 count:15 custom_values:[2 3 4 6] buckets:[1 0 1 5 8]}}", true},
        {"no bound in common", "{{schema:-53 count:2 custom_values:[1] buckets:[1 1]}}",
         "{{schema:-53 count:3 custom_values:[2] buckets:[3]}}", false},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct native_histogram *before = native_from_text(&arena, rows[i].before);
        struct native_histogram *now = native_from_text(&arena, rows[i].now);
        cr_expect_eq(native_histogram_is_reset(now, before), rows[i].want, "%s", rows[i].name);
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(native_histogram, text_is_that_of_prometheus)
{
    static const struct {
        const char *from, *want;
    } rows[] = {
        {"{{count:20 sum:10 z_bucket:2 z_bucket_w:0.001 buckets:[1 2] n_buckets:[1 2]}}",
         "{count:20, sum:10, [-2,-1):2, [-1,-0.5):1, [-0.001,0.001]:2, (0.5,1]:1, (1,2]:2}"},
        {"{{}}", "{count:0, sum:0}"},
        {"{{schema:-53 count:3e6 custom_values:[5] buckets:[1 2]}}",
         "{count:3e+06, sum:0, [-Inf,5]:1, (5,+Inf]:2}"},
        {"{{buckets:[1 0 0 1] z_bucket:1 z_bucket_w:0.75}}",
         "{count:0, sum:0, [-0.75,0.75]:1, (0.75,1]:1, (4,8]:1}"},
    };
    struct arena arena = {0};
    struct buf b = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        buf_reset(&b);
        native_histogram_append_text(&b, native_from_text(&arena, rows[i].from));
        buf_append_u8(&b, 0);
        cr_expect_str_eq(b.ptr, rows[i].want);
    }
    buf_deinit(&b);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

/* Infinity times no zero count is NaN; minus a zero count is below nothing. */
Test(native_histogram, a_zero_bucket_shows_when_it_counts_something)
{
    static const struct {
        const char *from;
        double factor;
        uint32_t ranges;
    } rows[] = {
        {"{{schema:-53 count:3 custom_values:[5] buckets:[1 2]}}", (double)INFINITY, 2},
        {"{{schema:-53 count:3 custom_values:[5] buckets:[1 2]}}", (double)NAN, 2},
        {"{{count:3 buckets:[1 2]}}", (double)INFINITY, 2},
        {"{{count:4 z_bucket:1 z_bucket_w:0.1 buckets:[1 2]}}", (double)NAN, 2},
        {"{{count:4 z_bucket:1 z_bucket_w:0.1 buckets:[1 2]}}", -1, 2},
        {"{{count:4 z_bucket:1 z_bucket_w:0.1 buckets:[1 2]}}", 2, 3},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct native_histogram *h =
            native_histogram_scale(native_from_text(&arena, rows[i].from), rows[i].factor, &arena);
        cr_assert_eq(native_histogram_range_count(h), rows[i].ranges, "row %zu", i);
        for (uint32_t at = 0; at < rows[i].ranges; at++)
            cr_expect(native_histogram_range(h, at).count != 0, "row %zu", i);
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(native_histogram, a_copy_shares_nothing)
{
    struct arena from = {0}, to = {0};
    const char *text = "{{schema:-53 count:3 custom_values:[1 2] buckets:[1 0 2]}}";
    struct native_histogram *h = native_from_text(&from, text);
    h->sum = value_stale();
    struct native_histogram *copy = native_histogram_copy(h, &to);
    cr_expect(native_histogram_is_stale(copy));
    arena_deinit(&from);
    native_histogram_compact(copy);
    cr_expect_eq(copy->positive.count, 2);
    copy->sum = 0;
    cr_expect(native_is_near(copy, native_from_text(&to, text)));
    arena_deinit(&to);
    EXPECT_NO_LEAK();
}

Test(native_histogram, no_memory_is_null)
{
    struct arena source = {0};
    struct native_histogram *h = native_from_text(&source, "{{schema:-53 custom_values:[1] "
                                                           "buckets:[1 2]}}");
    for (struct alloc_walk walk = {0}; alloc_walk_next(&walk);) {
        struct arena arena = {0};
        struct native_histogram *copy = native_histogram_copy(h, &arena);
        struct native_histogram *twice = native_histogram_scale(h, 2, &arena);
        cr_expect(!copy || native_histogram_equal(copy, h));
        cr_expect(!twice || twice->positive.items[0].count == 2);
        arena_deinit(&arena);
    }
    arena_deinit(&source);
    EXPECT_NO_LEAK();
}
