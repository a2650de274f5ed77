/* test_native_histogram_wire.c - what is taken from remote write and OTLP, what is refused, and the
 * way back to spans. */
#include "model/native_histogram_wire.h"

#include "base/mem.h"
#include "model/stale.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"
#include "tests/support/native_text.h"
#include <math.h>

#define SIDE(span_list, list, member)                                                              \
    {                                                                                              \
        .spans = span_list, .span_count = LEN(span_list), .member = list,                          \
        .bucket_count = LEN(list)                                                                  \
    }

static const struct native_span two_spans[] = {{-2, 2}, {3, 1}}, one_span[] = {{0, 2}};
static const struct native_span back_span[] = {{0, 1}, {-1, 1}}, far_span[] = {{2000, 2}};
static const struct native_span early_span[] = {{-1, 2}}, late_span[] = {{1, 2}};
static const int64_t deltas[] = {1, 2, -1}, two_deltas[] = {1, 1}, falling[] = {1, -2};
static const int64_t huge[] = {INT64_MAX, 1};
static const double counts[] = {1, 3, 2.5}, two_counts[] = {1, 2}, negative_counts[] = {1, -2};
static const double nan_counts[] = {NAN, 2};
static const double bounds[] = {1, 2}, equal_bounds[] = {1, 1}, open_bounds[] = {1, INFINITY};

Test(native_histogram_wire, sound_ones_are_taken)
{
    static const struct {
        const char *name;
        struct native_wire wire;
        const char *want;
    } rows[] = {
        {"integer",
         {.count = 8,
          .sum = 5,
          .zero_count = 2,
          .zero_threshold = 0.5,
          .schema = 1,
          .positive = SIDE(two_spans, deltas, deltas),
          .hint = RESET_NO},
         "{{schema:1 count:8 sum:5 z_bucket:2 z_bucket_w:0.5 offset:-2 buckets:[1 3 0 0 0 2] "
         "counter_reset_hint:not_reset}}"},
        {"float, count differs",
         {.is_float = true, .count = 6, .negative = SIDE(two_spans, counts, counts)},
         "{{count:6 n_offset:-2 n_buckets:[1 3 0 0 0 2.5]}}"},
        {"empty", {.schema = 3}, "{{schema:3}}"},
        {"NaN observations",
         {.count = 9, .sum = NAN, .positive = SIDE(one_span, two_deltas, deltas)},
         "{{count:9 sum:nan buckets:[1 2]}}"},
        {"high schema",
         {.count = 3, .schema = 10, .positive = SIDE(one_span, two_deltas, deltas)},
         "{{schema:8 count:3 buckets:[1 2]}}"},
        {"custom",
         {.count = 3,
          .schema = -53,
          .bounds = bounds,
          .bound_count = 2,
          .positive = SIDE(late_span, two_deltas, deltas)},
         "{{schema:-53 count:3 custom_values:[1 2] offset:1 buckets:[1 2]}}"},
        {"float, of no number",
         {.is_float = true, .count = NAN, .positive = SIDE(one_span, nan_counts, counts)},
         "{{count:nan buckets:[nan 2]}}"},
        {"infinite width", {.is_float = true, .zero_threshold = INFINITY}, "{{z_bucket_w:inf}}"},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct native_histogram got;
        struct err e = {0};
        cr_assert_eq(native_histogram_from_wire(&rows[i].wire, &arena, &got, &e), ST_OK, "%s: %s",
                     rows[i].name, e.msg);
        cr_expect(native_is_near(&got, native_from_text(&arena, rows[i].want)), "%s: %s",
                  rows[i].name, native_to_text(&arena, &got));
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(native_histogram_wire, faults_are_named)
{
    static const struct {
        const char *want;
        struct native_wire wire;
    } rows[] = {
        {"the histogram's count is 7",
         {.count = 7, .positive = SIDE(one_span, two_deltas, deltas)}},
        {"the histogram's count is 2",
         {.count = 2, .sum = NAN, .positive = SIDE(one_span, two_deltas, deltas)}},
        {"negative bucket count", {.positive = SIDE(one_span, falling, deltas)}},
        {"negative bucket count",
         {.is_float = true, .negative = SIDE(one_span, negative_counts, counts)}},
        {"out of range", {.positive = SIDE(one_span, huge, deltas)}},
        {"2 buckets, there are 3", {.positive = SIDE(one_span, deltas, deltas)}},
        {"negative offset -1", {.positive = SIDE(back_span, two_deltas, deltas)}},
        {"index 2000 is out of range", {.positive = SIDE(far_span, two_deltas, deltas)}},
        {"unknown schema -5", {.schema = -5}},
        {"unknown schema 53", {.schema = 53}},
        {"unknown reset hint 4", {.hint = 4}},
        {"has custom bounds", {.bounds = bounds, .bound_count = 2}},
        {"zero threshold", {.zero_threshold = -1}},
        {"zero threshold", {.zero_threshold = NAN}},
        {"negative count", {.is_float = true, .count = -1}},
        {"negative count", {.is_float = true, .zero_count = -1}},
        {"increasing", {.schema = -53, .bounds = equal_bounds, .bound_count = 2}},
        {"finite", {.schema = -53, .bounds = open_bounds, .bound_count = 2}},
        {"zero bucket", {.schema = -53, .zero_count = 1}},
        {"zero bucket", {.schema = -53, .zero_threshold = 1}},
        {"negative buckets",
         {.schema = -53, .count = 3, .negative = SIDE(one_span, two_deltas, deltas)}},
        {"0 custom bounds, but bucket 1",
         {.schema = -53, .count = 3, .positive = SIDE(one_span, two_deltas, deltas)}},
        {"2 custom bounds, but bucket -1",
         {.schema = -53,
          .count = 3,
          .bounds = bounds,
          .bound_count = 2,
          .positive = SIDE(early_span, two_deltas, deltas)}},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct native_histogram got;
        struct err e = {0};
        enum status status = native_histogram_from_wire(&rows[i].wire, &arena, &got, &e);
        cr_expect_eq(status, ST_INVALID, "row %zu", i);
        cr_expect(strstr(e.msg, rows[i].want), "row %zu: %s", i, e.msg);
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(native_histogram_wire, buckets_are_bounded)
{
    struct arena arena = {0};
    struct native_span span = {0, NATIVE_BUCKETS_MAX + 1};
    double *many = arena_calloc(&arena, span.length, sizeof(*many));
    struct native_wire wire = {
        .is_float = true, .schema = 8, .positive = {&span, 1, NULL, many, span.length}};
    struct native_histogram got;
    struct err e = {0};
    cr_expect_eq(native_histogram_from_wire(&wire, &arena, &got, &e), ST_INVALID);
    cr_expect(strstr(e.msg, "more than 16384 buckets"), "%s", e.msg);
    span.length = wire.positive.bucket_count = NATIVE_BUCKETS_MAX;
    cr_expect_eq(native_histogram_from_wire(&wire, &arena, &got, &e), ST_OK);
    struct native_span spans[] = {{0, UINT32_MAX}, {0, UINT32_MAX}};
    wire.positive.spans = spans;
    wire.positive.span_count = LEN(spans);
    cr_expect_eq(native_histogram_from_wire(&wire, &arena, &got, &e), ST_INVALID);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(native_histogram_wire, a_stale_marker_is_taken_as_it_is)
{
    struct arena arena = {0};
    struct native_wire wire = {.sum = value_stale(), .count = 5, .schema = 99};
    struct native_histogram got;
    cr_assert_eq(native_histogram_from_wire(&wire, &arena, &got, NULL), ST_OK);
    cr_expect(native_histogram_is_stale(&got));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

static const uint64_t dense[] = {1, 0, 2, 4}, wide[] = {1, 1};

Test(native_histogram_wire, otlp_shifts_by_one_and_scales_down)
{
    static const struct {
        const char *name;
        struct native_otlp point;
        const char *want; /* NULL: refused */
    } rows[] = {
        {"scale 0",
         {.count = 9, .sum = 3, .zero_count = 2, .positive = {-1, dense, 4}},
         "{{count:9 sum:3 z_bucket:2 z_bucket_w:1e-128 buckets:[1 0 2 4]}}"},
        {"both sides",
         {.count = 14,
          .zero_threshold = 0.1,
          .scale = -4,
          .positive = {0, dense, 4},
          .negative = {1, dense, 4}},
         "{{schema:-4 count:14 z_bucket_w:0.1 offset:1 buckets:[1 0 2 4] n_offset:2 "
         "n_buckets:[1 0 2 4]}}"},
        {"scale 10",
         {.count = 7, .scale = 10, .positive = {3, dense, 4}},
         "{{schema:8 count:7 z_bucket_w:1e-128 offset:1 buckets:[1 6]}}"},
        {"scale 20",
         {.count = 7, .scale = 20, .positive = {-4, dense, 4}},
         "{{schema:8 count:7 z_bucket_w:1e-128 offset:0 buckets:[7]}}"},
        {"scale -5", {.scale = -5}, NULL},
        {"scale 60", {.scale = 60}, NULL},
        {"count", {.count = 8, .positive = {0, dense, 4}}, NULL},
        {"far", {.count = 2, .positive = {INT32_MAX, wide, 2}}, NULL},
        {"far down", {.count = 2, .positive = {INT32_MIN, wide, 2}}, NULL},
        {"threshold", {.zero_threshold = NAN}, NULL},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct native_histogram got;
        struct err e = {0};
        enum status status = native_histogram_from_otlp(&rows[i].point, &arena, &got, &e);
        cr_assert_eq(status, rows[i].want ? ST_OK : ST_INVALID, "%s: %s", rows[i].name, e.msg);
        cr_expect(!rows[i].want || native_is_near(&got, native_from_text(&arena, rows[i].want)),
                  "%s: %s", rows[i].name, native_to_text(&arena, &got));
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(native_histogram_wire, explicit_bounds_become_custom_buckets)
{
    static const struct {
        double bounds[3];
        uint32_t bound_count;
        uint64_t counts[4];
        const char *want; /* NULL: refused */
    } rows[] = {
        {{1, 2, 5},
         3,
         {1, 0, 2, 3},
         "{{schema:-53 count:6 sum:7 custom_values:[1 2 5] "
         "buckets:[1 0 2 3]}}"},
        {{1, 2, INFINITY},
         3,
         {1, 1, 2, 0},
         "{{schema:-53 count:4 sum:7 custom_values:[1 2] "
         "buckets:[1 1 2]}}"},
        {{0}, 0, {4}, "{{schema:-53 count:4 sum:7 buckets:[4]}}"},
        {{2, 1, 5}, 3, {0}, NULL},
        {{1, NAN, 5}, 3, {0}, NULL},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct native_histogram got;
        enum status status = native_histogram_from_bounds(rows[i].bounds, rows[i].bound_count,
                                                          rows[i].counts, 7, &arena, &got, NULL);
        cr_assert_eq(status, rows[i].want ? ST_OK : ST_INVALID, "row %zu", i);
        cr_expect(!rows[i].want || native_is_near(&got, native_from_text(&arena, rows[i].want)),
                  "row %zu: %s", i, native_to_text(&arena, &got));
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(native_histogram_wire, spans_lead_back)
{
    static const struct {
        const char *from;
        uint32_t spans, buckets;
    } rows[] = {
        {"{{}}", 0, 0},
        {"{{count:1 buckets:[1]}}", 1, 1},
        {"{{count:4 offset:-7 buckets:[1 0 0 3]}}", 1, 4},
        {"{{count:4 offset:-7 buckets:[1 0 0 0 3]}}", 2, 2},
        {"{{count:6 offset:9 buckets:[1 2 0 0 0 0 0 2 0 1]}}", 2, 5},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct native_histogram *h = native_from_text(&arena, rows[i].from), got;
        native_histogram_compact(h);
        struct native_spans out;
        cr_assert_eq(native_buckets_to_spans(&h->positive, &arena, &out), ST_OK);
        cr_expect_eq(out.span_count, rows[i].spans, "%s: %u", rows[i].from, out.span_count);
        cr_expect_eq(out.bucket_count, rows[i].buckets, "%s: %u", rows[i].from, out.bucket_count);
        struct native_wire wire = {
            .is_float = true,
            .count = h->count,
            .positive = {out.spans, out.span_count, NULL, out.counts, out.bucket_count}};
        cr_assert_eq(native_histogram_from_wire(&wire, &arena, &got, NULL), ST_OK);
        cr_expect(native_histogram_equal(&got, h), "%s", rows[i].from);
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(native_histogram_wire, no_memory_is_an_error)
{
    struct native_wire wire = {.count = 3,
                               .schema = -53,
                               .bounds = bounds,
                               .bound_count = 2,
                               .positive = SIDE(one_span, two_deltas, deltas)};
    for (struct alloc_walk walk = {0}; alloc_walk_next(&walk);) {
        struct arena arena = {0};
        struct native_histogram got;
        struct native_spans spans;
        enum status status = native_histogram_from_wire(&wire, &arena, &got, NULL);
        if (status == ST_OK)
            status = native_buckets_to_spans(&got.positive, &arena, &spans);
        cr_expect(status == ST_OK || status == ST_NO_MEMORY);
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}
