/* test_native_histogram_sum.c - sums over schemas, zero buckets and custom bounds. */
#include "model/native_histogram_sum.h"
#include "tests/support/random.h"

#include "base/mem.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"
#include "tests/support/native_text.h"
#include <math.h>

static const struct {
    const char *name, *a, *b;
    double weight;
    const char *want;
} sums[] = {
    {"same layout", "{{count:4 sum:5 z_bucket:1 buckets:[1 2] n_buckets:[1]}}",
     "{{count:3 sum:1 z_bucket:2 buckets:[0 1 1] n_buckets:[1]}}", 1,
     "{{count:7 sum:6 z_bucket:3 buckets:[1 3 1] n_buckets:[2]}}"},
    {"difference", "{{count:4 sum:5 buckets:[1 2]}}", "{{count:3 sum:1 buckets:[1 1 1]}}", -1,
     "{{count:1 sum:4 offset:1 buckets:[1 -1]}}"},
    {"lower schema first", "{{schema:0 count:41 buckets:[1 3 1 2 1 1 1]}}",
     "{{schema:1 count:11 buckets:[0 2 1] n_buckets:[0 0 3 2]}}", -1,
     "{{schema:0 count:30 buckets:[1 0 1 2 1 1 1] n_offset:1 n_buckets:[-3 -2]}}"},
    {"lower schema second", "{{schema:1 count:11 buckets:[0 2 1]}}",
     "{{schema:0 count:41 buckets:[1 3 1 2 1 1 1]}}", -1,
     "{{schema:0 count:-30 buckets:[-1 0 -1 -2 -1 -1 -1]}}"},
    {"wider zero second", "{{count:7 z_bucket:1 z_bucket_w:0.1 offset:-3 buckets:[1 2 3]}}",
     "{{count:5 z_bucket:5 z_bucket_w:0.25}}", 1,
     "{{count:12 z_bucket:9 z_bucket_w:0.25 offset:-1 buckets:[3]}}"},
    {"wider zero first", "{{count:5 z_bucket:5 z_bucket_w:0.25}}",
     "{{count:7 z_bucket:1 z_bucket_w:0.1 offset:-3 buckets:[1 2 3]}}", -1,
     "{{count:-2 z_bucket:1 z_bucket_w:0.25 offset:-1 buckets:[-3]}}"},
    {"zero cuts a bucket", "{{count:5 z_bucket:5 z_bucket_w:0.3}}",
     "{{count:4 z_bucket:1 offset:-1 buckets:[2 1]}}", 1,
     "{{count:9 z_bucket:8 z_bucket_w:0.5 offset:0 buckets:[1]}}"},
    {"zero cuts a negative bucket", "{{count:5 z_bucket:5 z_bucket_w:0.3 n_buckets:[1]}}",
     "{{count:4 z_bucket:1 n_offset:-1 n_buckets:[2 1]}}", 1,
     "{{count:9 z_bucket:8 z_bucket_w:0.5 n_buckets:[2]}}"},
    {"custom", "{{schema:-53 count:3 custom_values:[1 2] buckets:[1 1 1]}}",
     "{{schema:-53 count:3 custom_values:[1 2] buckets:[0 2 1]}}", 1,
     "{{schema:-53 count:6 custom_values:[1 2] buckets:[1 3 2]}}"},
    {"custom, other bounds", "{{schema:-53 count:4 custom_values:[1 2 3] buckets:[1 1 1 1]}}",
     "{{schema:-53 count:6 custom_values:[2 4] buckets:[1 2 3]}}", 1,
     "{{schema:-53 count:10 custom_values:[2] buckets:[3 7]}}"},
    {"custom, no bound in common", "{{schema:-53 count:1 custom_values:[1] buckets:[1]}}",
     "{{schema:-53 count:2 custom_values:[2] buckets:[2]}}", 1,
     "{{schema:-53 count:3 buckets:[3]}}"},
    {"custom, no bounds", "{{schema:-53 count:1 buckets:[1]}}",
     "{{schema:-53 count:3 custom_values:[2] buckets:[2 1]}}", 1,
     "{{schema:-53 count:4 buckets:[4]}}"},
    {"not reset twice", "{{counter_reset_hint:not_reset}}", "{{counter_reset_hint:not_reset}}", 1,
     "{{counter_reset_hint:not_reset}}"},
    {"gauge wins", "{{counter_reset_hint:not_reset}}", "{{counter_reset_hint:gauge}}", 1,
     "{{counter_reset_hint:gauge}}"},
    {"unknown wins over counters", "{{counter_reset_hint:reset}}", "{{}}", 1, "{{}}"},
    {"conflict", "{{counter_reset_hint:reset}}", "{{counter_reset_hint:not_reset}}", 1, "{{}}"},
};

Test(native_histogram_sum, adds_and_subtracts)
{
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(sums); i++) {
        struct native_sum sum = {.arena = &arena};
        cr_assert_eq(native_sum_add(&sum, native_from_text(&arena, sums[i].a), 1), ST_OK);
        struct native_histogram *b = native_from_text(&arena, sums[i].b);
        cr_assert_eq(native_sum_add(&sum, b, sums[i].weight), ST_OK);
        struct native_histogram *got = native_sum_take(&sum);
        cr_expect(native_is_near(got, native_from_text(&arena, sums[i].want)), "%s: %s",
                  sums[i].name, native_to_text(&arena, got));
        cr_expect_eq(sum.is_reconciled, strstr(sums[i].name, "bound") != NULL, "%s", sums[i].name);
        cr_expect_eq(sum.reset_seen && sum.no_reset_seen, strcmp(sums[i].name, "conflict") == 0);
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(native_histogram_sum, loses_no_small_terms)
{
    struct arena arena = {0};
    static const double terms[] = {5.3, 1e100, 1, -1e100, 2, 1e50, -1e50};
    struct native_sum sum = {.arena = &arena};
    for (size_t i = 0; i < LEN(terms); i++) {
        struct native_bucket bucket = {1, terms[i]};
        struct native_histogram h = {.sum = terms[i], .positive = {&bucket, 1}};
        cr_assert_eq(native_sum_add(&sum, &h, 1), ST_OK);
    }
    struct native_histogram *got = native_sum_take(&sum);
    cr_expect_eq(got->sum, 8.3);
    cr_expect_eq(got->positive.items[0].count, 8.3);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(native_histogram_sum, kinds_do_not_mix)
{
    struct arena arena = {0};
    struct native_sum sum = {.arena = &arena};
    struct native_histogram *a = native_from_text(&arena, "{{count:1 buckets:[1]}}");
    struct native_histogram *b = native_from_text(&arena, "{{schema:-53 count:1 buckets:[1]}}");
    cr_assert_eq(native_sum_add(&sum, a, 1), ST_OK);
    cr_expect_eq(native_sum_add(&sum, b, 1), ST_INVALID);
    cr_expect(native_histogram_equal(native_sum_take(&sum), a));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(native_histogram_sum, an_overflow_is_not_taken)
{
    static const struct {
        const char *add;
        bool fits;
    } rows[] = {
        {"{{count:1e307}}", true},
        {"{{count:1.7e308}}", false},
        {"{{sum:-1.7e308}}", false},
        {"{{z_bucket:1.7e308}}", false},
        {"{{buckets:[1.7e308]}}", false},
        {"{{n_buckets:[1.7e308]}}", false},
        {"{{offset:1 buckets:[1e308]}}", true},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct native_sum sum = {.arena = &arena};
        struct native_histogram *a =
            native_from_text(&arena, "{{count:1e308 sum:-1e308 z_bucket:1e308 buckets:[1e308] "
                                     "n_buckets:[1e308]}}");
        bool fits = false;
        cr_assert_eq(native_sum_add(&sum, a, 1), ST_OK);
        struct native_histogram *b = native_from_text(&arena, rows[i].add);
        cr_assert_eq(native_sum_try_add(&sum, b, 1, &fits), ST_OK);
        cr_expect_eq(fits, rows[i].fits, "%s", rows[i].add);
        cr_expect_eq(native_histogram_equal(native_sum_take(&sum), a), !fits, "%s", rows[i].add);
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

/* Any order, any grouping: the same buckets. */
Test(native_histogram_sum, order_does_not_matter)
{
    struct arena arena = {0};
    uint64_t state = 7;
    for (int round = 0; round < 300; round++) {
        struct native_histogram *terms[6];
        for (size_t i = 0; i < LEN(terms); i++) {
            terms[i] = arena_calloc(&arena, 1, sizeof(*terms[i]));
            struct native_histogram *h = terms[i];
            h->positive.items = arena_calloc(&arena, 40, sizeof(*h->positive.items));
            h->schema = (int8_t)(round % 5 + (int)i % 3 - 2);
            for (int32_t index = -20; index < 20; index++) {
                (void)random_step(&state);
                if (state >> 62)
                    continue;
                double count = (double)(state >> 40 & 1023);
                h->positive.items[h->positive.count++] = (struct native_bucket){index, count};
                h->count += count;
            }
        }
        struct native_sum up = {.arena = &arena}, down = {.arena = &arena};
        for (size_t i = 0; i < LEN(terms); i++) {
            cr_assert_eq(native_sum_add(&up, terms[i], 1), ST_OK);
            cr_assert_eq(native_sum_add(&down, terms[LEN(terms) - 1 - i], 1), ST_OK);
        }
        struct native_histogram *sum = native_sum_take(&up);
        cr_assert(native_histogram_equal(sum, native_sum_take(&down)), "round %d", round);
        double total = 0;
        for (uint32_t i = 0; i < sum->positive.count; i++)
            total += sum->positive.items[i].count;
        cr_assert_eq(total, sum->count);
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(native_histogram_sum, no_memory_is_an_error)
{
    struct arena source = {0};
    struct native_histogram *a = native_from_text(&source, "{{schema:-53 custom_values:[1 2] "
                                                           "buckets:[1 2 3]}}");
    struct native_histogram *b = native_from_text(&source, "{{schema:-53 custom_values:[2] "
                                                           "buckets:[1 2]}}");
    for (struct alloc_walk walk = {0}; alloc_walk_next(&walk);) {
        struct arena arena = {0};
        struct native_sum sum = {.arena = &arena};
        enum status status = native_sum_add(&sum, a, 1);
        if (status == ST_OK)
            status = native_sum_add(&sum, b, 1);
        cr_expect(status == ST_OK || status == ST_NO_MEMORY);
        struct native_histogram *got = status == ST_OK ? native_sum_take(&sum) : NULL;
        cr_expect(!got || got->positive.items[0].count == 4);
        arena_deinit(&arena);
    }
    arena_deinit(&source);
    EXPECT_NO_LEAK();
}
