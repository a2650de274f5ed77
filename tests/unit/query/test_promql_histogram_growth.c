/* test_promql_histogram_growth.c - +, -, growth of windows and totals of native histograms. */
#include "query/promql_histogram.h"

#include "base/mem.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"
#include "tests/support/native_text.h"

enum { POINTS_MAX = 8 };

struct rig {
    struct arena arena;
    struct annotations notes;
    struct histogram_ask ask;
    struct promql_span at;
    const struct native_histogram *points[POINTS_MAX];
    size_t count;
};

static void rig_init(struct rig *r, const char *const *texts)
{
    *r = (struct rig){0};
    annotations_init(&r->notes, &r->arena, STR("f(x)"));
    r->ask = (struct histogram_ask){&r->arena, &r->notes, &r->at, STR("x")};
    while (r->count < POINTS_MAX && texts[r->count]) {
        r->points[r->count] = native_from_text(&r->arena, texts[r->count]);
        r->count++;
    }
}

/* Every note holds `want`, and there is one; none when it is NULL. */
static bool has_note(const struct rig *r, const char *want)
{
    if (!want)
        return r->notes.count == 0;
    for (size_t i = 0; i < r->notes.count; i++) {
        struct str text = r->notes.items[i].text;
        if (!memmem(text.ptr, text.len, want, strlen(want)))
            return false;
    }
    return r->notes.count > 0;
}

static void expect_result(struct rig *r, const char *name, const struct native_histogram *got,
                          const char *want, const char *note)
{
    bool is_right = want ? got && native_is_near(got, native_from_text(&r->arena, want)) : !got;
    cr_expect(is_right, "%s: %s", name, native_to_text(&r->arena, got));
    cr_expect(has_note(r, note), "%s: %zu notes, first %.*s", name, r->notes.count,
              STR_ARG(r->notes.items[0].text));
}

#define NHCB_5    "{{schema:-53 sum:1 count:1 custom_values:[5] buckets:[1]}}"
#define NHCB_5_10 "{{schema:-53 sum:1 count:1 custom_values:[5 10] buckets:[1]}}"
#define EXP_1     "{{sum:1 count:1 buckets:[1]}}"
#define EXP_4     "{{sum:5 count:4 buckets:[1 2 1]}}"
#define MIXED                                                                                      \
    "PromQL warning: vector contains a mix of histograms with exponential and custom buckets "     \
    "schemas for metric name \"x\" (1:1)"
#define NOT_COUNTER "PromQL warning: this native histogram metric is not a counter: \"x\" (1:1)"
#define NOT_GAUGE   "PromQL warning: this native histogram metric is not a gauge: \"x\" (1:1)"

static const struct {
    const char *name;
    bool is_counter;
    const char *points[POINTS_MAX];
    const char *want, *note;
} windows[] = {
    {"growth",
     true,
     {EXP_1, EXP_4, "{{sum:8 count:6 buckets:[2 3 1]}}"},
     "{{sum:7 count:5 buckets:[1 3 1] counter_reset_hint:gauge}}",
     NULL},
    {"reset behind the first",
     true,
     {EXP_4, EXP_1, EXP_4},
     "{{sum:5 count:4 buckets:[1 2 1] counter_reset_hint:gauge}}",
     NULL},
    {"reset later",
     true,
     {EXP_1, EXP_4, EXP_1, EXP_4},
     "{{sum:9 count:7 buckets:[1 4 2] counter_reset_hint:gauge}}",
     NULL},
    {"hint of a reset",
     true,
     {EXP_1, EXP_4,
      "{{sum:6 count:5 buckets:[2 2 1] "
      "counter_reset_hint:reset}}"},
     "{{sum:10 count:8 buckets:[2 4 2] counter_reset_hint:gauge}}",
     NULL},
    {"lowest schema",
     true,
     {"{{schema:1 count:1 buckets:[1]}}", "{{count:2 buckets:[2]}}",
      "{{schema:1 count:5 buckets:[2 3]}}"},
     "{{count:6 buckets:[3 3] counter_reset_hint:gauge}}",
     NULL},
    {"gauge as a counter",
     true,
     {EXP_1, "{{sum:5 count:4 buckets:[1 2 1] "
             "counter_reset_hint:gauge}}"},
     "{{sum:4 count:3 offset:1 buckets:[2 1] counter_reset_hint:gauge}}",
     NOT_COUNTER},
    {"mixed inside", true, {EXP_1, NHCB_5, EXP_4}, NULL, MIXED},
    {"mixed at the end", true, {EXP_1, EXP_4, NHCB_5_10}, NULL, MIXED},
    {"first one of another kind",
     true,
     {NHCB_5, EXP_1, EXP_4},
     "{{sum:5 count:4 buckets:[1 2 1] counter_reset_hint:gauge}}",
     NULL},
    {"other bounds",
     true,
     {NHCB_5, NHCB_5, NHCB_5_10},
     "{{schema:-53 custom_values:[5] counter_reset_hint:gauge}}",
     "PromQL info: mismatched custom buckets were reconciled during subtraction (1:1)"},
    {"one", true, {EXP_4}, "{{counter_reset_hint:gauge}}", NULL},
    {"delta",
     false,
     {"{{sum:5 count:4 buckets:[4] counter_reset_hint:gauge}}",
      "{{sum:2 count:1 buckets:[1] counter_reset_hint:gauge}}"},
     "{{sum:-3 count:-3 buckets:[-3] counter_reset_hint:gauge}}",
     NULL},
    {"delta of a counter",
     false,
     {EXP_1, EXP_4},
     "{{sum:4 count:3 offset:1 buckets:[2 1] counter_reset_hint:gauge}}",
     NOT_GAUGE},
};

Test(promql_histogram_growth, windows)
{
    for (size_t i = 0; i < LEN(windows); i++) {
        struct rig r;
        rig_init(&r, windows[i].points);
        struct native_histogram *got;
        cr_assert_eq(native_window_growth(&r.ask, r.points, r.count, windows[i].is_counter, &got),
                     ST_OK);
        expect_result(&r, windows[i].name, got, windows[i].want, windows[i].note);
        arena_deinit(&r.arena);
    }
    EXPECT_NO_LEAK();
}

Test(promql_histogram_growth, last_two)
{
    static const struct {
        const char *name;
        bool is_counter;
        const char *points[POINTS_MAX];
        const char *want, *note;
    } rows[] = {
        {"irate",
         true,
         {EXP_1, EXP_4},
         "{{sum:4 count:3 offset:1 buckets:[2 1] counter_reset_hint:gauge}}",
         NULL},
        {"irate over a reset",
         true,
         {EXP_4, EXP_1},
         "{{sum:1 count:1 buckets:[1] counter_reset_hint:gauge}}",
         NULL},
        {"irate of a gauge",
         true,
         {EXP_1, "{{sum:2 count:2 buckets:[2] counter_reset_hint:gauge}}"},
         "{{sum:1 count:1 buckets:[1] counter_reset_hint:gauge}}",
         NOT_COUNTER},
        {"idelta",
         false,
         {EXP_4, EXP_1},
         "{{sum:-4 count:-3 offset:1 buckets:[-2 -1] counter_reset_hint:gauge}}",
         NOT_GAUGE},
        {"idelta, mixed",
         false,
         {EXP_4 "counter_reset_hint:gauge", NHCB_5},
         NULL,
         "PromQL warning"},
        {"irate, other bounds",
         true,
         {NHCB_5, NHCB_5_10},
         "{{schema:-53 custom_values:[5] counter_reset_hint:gauge}}",
         "PromQL info: mismatched custom buckets were reconciled during subtraction (1:1)"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct rig r;
        rig_init(&r, rows[i].points);
        struct native_histogram *got;
        cr_assert_eq(
            native_instant_growth(&r.ask, r.points[0], r.points[1], rows[i].is_counter, &got),
            ST_OK);
        expect_result(&r, rows[i].name, got, rows[i].want, rows[i].note);
        arena_deinit(&r.arena);
    }
    EXPECT_NO_LEAK();
}

#define RESET     "{{count:1 counter_reset_hint:reset}}"
#define NOT_RESET "{{count:1 counter_reset_hint:not_reset}}"

Test(promql_histogram_growth, binary_operators)
{
    static const struct {
        const char *name;
        bool adds;
        const char *points[POINTS_MAX];
        const char *want, *note;
    } rows[] = {
        {"+", true, {EXP_1, EXP_4}, "{{sum:6 count:5 buckets:[2 2 1]}}", NULL},
        {"-", false, {EXP_4, EXP_4}, "{{counter_reset_hint:gauge}}", NULL},
        {"+ mixed",
         true,
         {EXP_1, NHCB_5},
         NULL,
         "PromQL warning: incompatible bucket layout encountered for binary operator + (1:1)"},
        {"- mixed",
         false,
         {EXP_1, NHCB_5},
         NULL,
         "PromQL warning: incompatible bucket layout encountered for binary operator - (1:1)"},
        {"+ conflict",
         true,
         {RESET, NOT_RESET},
         "{{count:2}}",
         "PromQL warning: conflicting counter resets during histogram addition (1:1)"},
        {"- conflict",
         false,
         {RESET, NOT_RESET},
         "{{counter_reset_hint:gauge}}",
         "PromQL warning: conflicting counter resets during histogram subtraction (1:1)"},
        {"+ bounds",
         true,
         {NHCB_5, NHCB_5_10},
         "{{schema:-53 sum:2 count:2 custom_values:[5] buckets:[2]}}",
         "PromQL info: mismatched custom buckets were reconciled during addition (1:1)"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct rig r;
        rig_init(&r, rows[i].points);
        struct native_histogram *got;
        enum status status = rows[i].adds
                                 ? native_binary_add(&r.ask, r.points[0], r.points[1], &got)
                                 : native_binary_sub(&r.ask, r.points[0], r.points[1], &got);
        cr_assert_eq(status, ST_OK);
        expect_result(&r, rows[i].name, got, rows[i].want, rows[i].note);
        arena_deinit(&r.arena);
    }
    EXPECT_NO_LEAK();
}

#define BIG "{{count:1.7976931348623157e+308 sum:5.3}}"

static struct native_histogram *total_of(struct rig *r, bool is_average)
{
    struct histogram_total total = {.sum = {.arena = &r->arena}, .is_average = is_average};
    struct native_histogram *got;
    for (size_t k = 0; k < r->count; k++)
        cr_assert_eq(histogram_total_add(&total, r->points[k]), ST_OK);
    if (total.is_mixed)
        histogram_note_mixed(&r->ask);
    cr_assert_eq(histogram_total_take(&total, &r->ask, &got), ST_OK);
    return got;
}

Test(promql_histogram_growth, totals)
{
    static const struct {
        const char *name;
        bool is_average;
        const char *points[POINTS_MAX];
        const char *want, *note;
    } rows[] = {
        {"sum", false, {EXP_1, EXP_4, EXP_1}, "{{sum:7 count:6 buckets:[3 2 1]}}", NULL},
        {"average", true, {EXP_1, EXP_4}, "{{sum:3 count:2.5 buckets:[1 1 0.5]}}", NULL},
        {"average of one", true, {EXP_4}, EXP_4, NULL},
        {"none", true, {NULL}, NULL, NULL},
        {"compensated",
         true,
         {"{{sum:1}}", "{{sum:1e100}}", "{{sum:1}}", "{{sum:-1e100}}"},
         "{{sum:0.5}}",
         NULL},
        {"sum overflows",
         false,
         {BIG, "{{count:1e308 sum:1e100}}", "{{sum:1}}", "{{sum:-1e100}}", "{{sum:2}}"},
         "{{count:inf sum:8.3}}",
         NULL},
        {"average does not",
         true,
         {BIG, "{{count:1e308 sum:1e100}}", "{{sum:1}}", "{{sum:-1e100}}", "{{sum:2}}", "{{}}",
          "{{}}"},
         "{{count:3.9967044783747367e+307 sum:1.1857142857142857}}",
         NULL},
        {"opposite numbers cancel out",
         true,
         {BIG, "{{count:1e308 sum:1e100}}", "{{sum:-1e100}}", "{{sum:1}}", "{{sum:1e100}}",
          "{{sum:-1e100}}", "{{}}"},
         "{{count:3.9967044783747367e+307 sum:0.9}}",
         NULL},
        {"mixed", false, {EXP_1, NHCB_5, EXP_1}, NULL, MIXED},
        {"conflict",
         true,
         {RESET, "{{count:1}}", NOT_RESET},
         "{{count:1}}",
         "PromQL warning: conflicting counter resets during histogram aggregation (1:1)"},
        {"bounds",
         false,
         {NHCB_5_10, NHCB_5, NHCB_5_10},
         "{{schema:-53 sum:3 count:3 custom_values:[5] buckets:[3]}}",
         "PromQL info: mismatched custom buckets were reconciled during aggregation (1:1)"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct rig r;
        rig_init(&r, rows[i].points);
        struct native_histogram *got = total_of(&r, rows[i].is_average);
        expect_result(&r, rows[i].name, got, rows[i].want, rows[i].note);
        arena_deinit(&r.arena);
    }
    EXPECT_NO_LEAK();
}

Test(promql_histogram_growth, no_memory_is_an_error)
{
    static const char *const texts[] = {EXP_1, EXP_4, NULL};
    struct rig r;
    rig_init(&r, texts);
    for (struct alloc_walk walk = {0}; alloc_walk_next(&walk);) {
        struct arena arena = {0};
        struct histogram_ask ask = {&arena, &r.notes, &r.at, STR("x")};
        struct native_histogram *out;
        enum status status = native_window_growth(&ask, r.points, 2, true, &out);
        cr_expect(status == ST_OK ? out != NULL : status == ST_NO_MEMORY);
        status = native_trim_above(r.points[1], 1, &arena, &out);
        cr_expect(status == ST_OK ? out != NULL : status == ST_NO_MEMORY);
        arena_deinit(&arena);
    }
    arena_deinit(&r.arena);
    EXPECT_NO_LEAK();
}
