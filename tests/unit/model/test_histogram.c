/* test_histogram.c - bucket borders against long doubles, error bounds on real shapes, exact merges
 * and round trips. */
#include "model/histogram.h"
#include "tests/support/random.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "model/histogram_dense.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state;

static uint64_t next_random(void)
{
    return random_step(&state) >> 11;
}

static double uniform(void)
{
    return ((double)next_random() + 0.5) / (double)(UINT64_C(1) << 53);
}

static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(2 * 3.14159265358979323846 * uniform());
}

static uint64_t bound_ns(double ns)
{
    return ns < 1e3 ? 1000 : ns > 1e12 ? 1000000000000 : (uint64_t)ns;
}

static uint64_t draw_log_normal(void)
{
    return bound_ns(exp(log(8e6) + 1.2 * normal()));
}

static uint64_t draw_bimodal(void)
{
    return uniform() < 0.7 ? bound_ns(2e5 * (1 + 0.1 * normal()))
                           : bound_ns(9e8 * (1 + 0.2 * normal()));
}

static uint64_t draw_constant(void)
{
    return 40000;
}

static uint64_t draw_wide(void)
{
    return bound_ns(exp(log(1e3) + uniform() * log(1e9)));
}

static const struct shape {
    const char *name;
    uint64_t (*draw)(void);
} shapes[] = {
    {"log-normal", draw_log_normal},
    {"bimodal", draw_bimodal},
    {"constant", draw_constant},
    {"1 us to 1000 s", draw_wide},
};

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool same(const struct histogram *a, const struct histogram *b)
{
    if (a->weight != b->weight || a->zero != b->zero || a->sum != b->sum ||
        a->bucket_count != b->bucket_count)
        return false;
    if (a->weight && (a->min_ns != b->min_ns || a->max_ns != b->max_ns))
        return false;
    for (uint32_t i = 0; i < a->bucket_count; i++)
        if (a->buckets[i].index != b->buckets[i].index ||
            a->buckets[i].weight != b->buckets[i].weight)
            return false;
    return true;
}

/* The bucket by the definition; a long double cannot tell sides within its own rounding. */
static long double border_ns(int32_t border)
{
    return 1e9L * exp2l((long double)border / 64);
}

Test(histogram, index_is_exact_at_every_border)
{
    for (int32_t i = HISTOGRAM_INDEX_MIN; i < HISTOGRAM_INDEX_MAX; i++) {
        uint64_t inside = histogram_upper_floor_ns(i);
        long double exact = border_ns(i + 1), slack = exact * 4e-19L;
        cr_assert((long double)inside <= exact + slack && (long double)inside + 1 > exact - slack,
                  "border of %d", i);
        if (inside == 0)
            continue;
        cr_assert(histogram_index(inside) <= i, "last of %d", i);
        cr_assert(histogram_index(inside + 1) > i, "behind %d", i);
        if (histogram_upper_floor_ns(i - 1) < inside)
            cr_assert_eq(histogram_index(inside), i, "last of %d", i);
        cr_assert_float_eq(histogram_upper_ns(i), (double)exact, (double)exact * 1e-12);
    }
    cr_assert_eq(histogram_index(1), HISTOGRAM_INDEX_MIN);
    cr_assert_eq(histogram_index(UINT64_MAX), HISTOGRAM_INDEX_MAX);
    cr_assert_eq(histogram_index(NS_PER_S), -1, "(2^(-1/64), 1] s holds one second");
    cr_assert_eq(histogram_index(NS_PER_S + 1), 0);
    cr_assert_eq(histogram_index(2 * NS_PER_S), 63);
    cr_assert_eq(histogram_index(2 * NS_PER_S + 1), 64);
}

Test(histogram, index_agrees_with_the_definition)
{
    state = 7;
    for (int i = 0; i < 200000; i++) {
        uint64_t ns = next_random() << 11 >> (next_random() % 60);
        ns = MAX(ns, 1u);
        int32_t index = histogram_index(ns);
        long double slack = (long double)ns * 4e-19L;
        cr_assert((long double)ns > border_ns(index) - slack, "%lu", ns);
        cr_assert((long double)ns <= border_ns(index + 1) + slack, "%lu", ns);
    }
}

Test(histogram, quantiles_keep_their_bound)
{
    enum { N = 20000 };
    static const double qs[] = {0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999};
    uint64_t *values = malloc(N * sizeof(*values));
    for (size_t s = 0; s < LEN(shapes); s++) {
        struct histogram h = {0};
        u128 sum = 0;
        state = s + 1;
        for (size_t i = 0; i < N; i++) {
            values[i] = shapes[s].draw();
            sum += values[i];
            cr_assert(histogram_add(&h, values[i], WEIGHT_ONE));
        }
        qsort(values, N, sizeof(*values), by_value);
        cr_assert_eq(histogram_count(&h), N);
        cr_assert_float_eq(histogram_mean_ns(&h), (double)sum / N, 1e-6);
        cr_assert_eq((uint64_t)histogram_quantile_ns(&h, 0), values[0]);
        cr_assert_eq((uint64_t)histogram_quantile_ns(&h, 1), values[N - 1]);
        for (size_t i = 0; i < LEN(qs); i++) {
            double exact = (double)values[(size_t)ceil(qs[i] * N) - 1];
            double off = fabs(histogram_quantile_ns(&h, qs[i]) - exact) / exact;
            cr_assert(off <= HISTOGRAM_RELATIVE_ERROR, "%s q=%g off by %g", shapes[s].name, qs[i],
                      off);
        }
        histogram_deinit(&h);
    }
    free(values);
}

Test(histogram, small_and_empty_answers)
{
    struct histogram h = {0};
    cr_assert_eq(histogram_quantile_ns(&h, 0.5), 0);
    cr_assert_eq(histogram_mean_ns(&h), 0);
    cr_assert(histogram_add(&h, 0, WEIGHT_ONE));
    cr_assert(histogram_add(&h, 5, 0), "weight 0 changes nothing");
    cr_assert_eq(histogram_count(&h), 1);
    cr_assert_eq(histogram_quantile_ns(&h, 0.5), 0, "a zero duration is exactly zero");
    cr_assert(histogram_add(&h, 77, WEIGHT_ONE));
    cr_assert_eq(histogram_quantile_ns(&h, 0.5), 0, "rank ceil(0.5*2) = 1");
    cr_assert_float_eq(histogram_quantile_ns(&h, 0.51), 77, 77 * HISTOGRAM_RELATIVE_ERROR);
    cr_assert_eq(histogram_quantile_ns(&h, 1), 77);
    histogram_deinit(&h);
}

static void fill(struct histogram *h, uint64_t (*draw)(void), size_t n, uint64_t weight)
{
    for (size_t i = 0; i < n; i++)
        cr_assert(histogram_add(h, draw(), weight));
}

Test(histogram, merge_is_exact_and_free_of_order)
{
    struct histogram parts[8] = {0}, all = {0}, forward = {0}, backward = {0};
    state = 3;
    for (size_t i = 0; i < 4000; i++) {
        uint64_t ns = i % 97 ? shapes[i % LEN(shapes)].draw() : 0;
        uint64_t weight = i % 5 ? WEIGHT_ONE : 3 * WEIGHT_ONE / 2;
        cr_assert(histogram_add(&all, ns, weight));
        cr_assert(histogram_add(&parts[next_random() % 8], ns, weight));
    }
    for (size_t i = 0; i < 8; i++) {
        cr_assert(histogram_merge(&forward, &parts[i]));
        cr_assert(histogram_merge(&backward, &parts[7 - i]));
    }
    for (size_t i = 0; i < 8; i++)
        histogram_deinit(&parts[i]);
    cr_assert(same(&all, &forward));
    cr_assert(same(&all, &backward));
    histogram_deinit(&all);
    histogram_deinit(&forward);
    histogram_deinit(&backward);
}

/* Buckets that are all there are added in place, others are not; gaps between them are wide and
 * narrow. */
Test(histogram, merge_into_a_total_is_exact)
{
    state = 5;
    for (size_t round = 0; round < 200; round++) {
        struct histogram total = {0}, part = {0}, want = {0};
        for (size_t i = 0; i < 100; i++) {
            uint64_t ns = shapes[(round + i / 50) % LEN(shapes)].draw();
            bool is_new = round % 4 == 0 && i == 60; /* one bucket may be lacking */
            if (i % (1 + round % 7) == 0 || is_new)
                cr_assert(histogram_add(&part, ns, WEIGHT_ONE) &&
                          histogram_add(&want, ns, WEIGHT_ONE));
            if (!is_new)
                cr_assert(histogram_add(&total, ns, WEIGHT_ONE) &&
                          histogram_add(&want, ns, WEIGHT_ONE));
        }
        cr_assert(histogram_merge(&total, &part));
        cr_assert(same(&total, &want), "round %zu", round);
        histogram_deinit(&total);
        histogram_deinit(&part);
        histogram_deinit(&want);
    }
}

/* Buckets that are kept apart, and all that lies between two of them. */
static void expect_coarse(const struct histogram *h, struct str bytes, const char *what)
{
    static const int32_t apart[] = {-900, -600, -420, -300, -299, 0, 200, HISTOGRAM_INDEX_MAX + 1};
    struct histogram_dense dense = {0};
    struct histogram coarse = {0};
    struct cursor c = cursor_of(bytes);
    cr_assert_eq(histogram_dense_add(&c, &dense, NULL), ST_OK, "%s", what);
    cr_assert(histogram_dense_take_coarse(&dense, apart, LEN(apart), &coarse));
    cr_assert(coarse.weight == h->weight && coarse.sum == h->sum && coarse.zero == h->zero);
    for (size_t i = 0; i < LEN(apart); i++) {
        uint64_t below[2] = {0}, at[2] = {0};
        const struct histogram *both[] = {h, &coarse};
        for (size_t k = 0; k < 2; k++)
            for (uint32_t b = 0; b < both[k]->bucket_count; b++) {
                const struct histogram_bucket *x = &both[k]->buckets[b];
                below[k] += x->index < apart[i] ? x->weight : 0;
                at[k] += x->index == apart[i] ? x->weight : 0;
            }
        cr_assert_eq(below[0], below[1], "%s below %d", what, apart[i]);
        cr_assert_eq(at[0], at[1], "%s at %d", what, apart[i]);
    }
    cr_assert(histogram_dense_take(&dense, &coarse) && coarse.bucket_count == 0, "%s left", what);
    histogram_deinit(&coarse);
    histogram_dense_deinit(&dense);
}

/* Quantiles straight out of the window are those of its list of buckets, bit by bit. */
static void expect_quantiles(const struct histogram *h, struct str bytes, const char *what)
{
    static const double q[] = {-1, 0, 1e-9, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999999, 1, 2, NAN};
    struct histogram_dense dense = {.without_sums = true};
    struct histogram left = {0};
    double ns[LEN(q)];
    uint64_t weight;
    for (unsigned round = 0; round < 2; round++) { /* the window is used again */
        struct cursor c = cursor_of(bytes);
        cr_assert_eq(histogram_dense_add(&c, &dense, NULL), ST_OK, "%s", what);
        cr_assert(histogram_dense_take_quantiles(&dense, q, LEN(q), &weight, ns));
        cr_assert_eq(weight, h->weight, "%s", what);
        for (size_t i = 0; i < LEN(q); i++)
            cr_assert_eq(ns[i], histogram_quantile_ns(h, q[i]), "%s: %g is %g", what, q[i], ns[i]);
        cr_assert(histogram_dense_take(&dense, &left) && left.weight == 0 && !left.bucket_count);
    }
    histogram_deinit(&left);
    histogram_dense_deinit(&dense);
}

static void expect_round_trip(const struct histogram *h, const char *what)
{
    struct buf bytes = {0}, again = {0};
    struct histogram back = {0}, dense_back = {0};
    struct histogram_dense dense = {0};
    struct err e;
    histogram_encode(h, &bytes);
    struct cursor c = cursor_of(buf_str(&bytes));
    cr_assert_eq(histogram_decode_add(&c, &back, &e), ST_OK, "%s", what);
    cr_assert(c.at == c.end, "%s: all read", what);
    cr_assert(same(h, &back), "%s", what);
    c = cursor_of(buf_str(&bytes));
    cr_assert_eq(histogram_dense_add(&c, &dense, &e), ST_OK, "%s", what);
    cr_assert(histogram_dense_take(&dense, &dense_back));
    cr_assert(same(h, &dense_back), "%s dense", what);
    expect_coarse(h, buf_str(&bytes), what);
    expect_quantiles(h, buf_str(&bytes), what);
    c = cursor_of(buf_str(&bytes));
    cr_assert_eq(histogram_skip(&c, &e), ST_OK);
    cr_assert(c.at == c.end);
    histogram_encode(&back, &again);
    cr_assert(str_eq(buf_str(&bytes), buf_str(&again)), "%s: same bytes", what);
    for (size_t cut = 0; cut < bytes.len; cut++) { /* every cut is noticed */
        struct histogram none = {0};
        c = cursor_of((struct str){bytes.ptr, cut});
        cr_assert_eq(histogram_decode_add(&c, &none, &e), ST_CORRUPT, "%s cut at %zu", what, cut);
        histogram_deinit(&none);
    }
    buf_deinit(&bytes);
    buf_deinit(&again);
    histogram_deinit(&back);
    histogram_deinit(&dense_back);
    histogram_dense_deinit(&dense);
}

Test(histogram, round_trips)
{
    static const size_t counts[] = {1, 2, 3, 8, 31, 157, 630, 3200, 100000};
    static const uint64_t weights[] = {WEIGHT_ONE, 10 * WEIGHT_ONE, 100 * WEIGHT_ONE, 218453, 1};
    struct histogram h = {0};
    expect_round_trip(&h, "empty");
    cr_assert(histogram_add(&h, 0, WEIGHT_ONE));
    expect_round_trip(&h, "one zero");
    for (size_t s = 0; s < LEN(shapes); s++) {
        for (size_t n = 0; n < LEN(counts); n++) {
            for (size_t w = 0; w < LEN(weights); w++) {
                histogram_reset(&h);
                state = n;
                fill(&h, shapes[s].draw, counts[n], weights[w]);
                expect_round_trip(&h, shapes[s].name);
                cr_assert(histogram_add(&h, 0, 5 * WEIGHT_ONE));
                expect_round_trip(&h, "with zeros");
            }
        }
    }
    histogram_deinit(&h);
}

Test(histogram, extremes_round_trip)
{
    struct histogram h = {0};
    cr_assert(histogram_add(&h, 1, WEIGHT_ONE));
    cr_assert(histogram_add(&h, UINT64_MAX, WEIGHT_ONE));
    expect_round_trip(&h, "1 ns and the longest");
    cr_assert(histogram_add(&h, 1000, UINT64_C(1) << 40));
    cr_assert(histogram_add(&h, 5000, UINT64_C(1) << 52));
    expect_round_trip(&h, "more than 2^32 in a bucket");
    cr_assert(histogram_add(&h, 7000, 3));
    expect_round_trip(&h, "and a fraction");
    histogram_deinit(&h);
}

/* Sums of encoded histograms, dense and sparse, equal the histogram of everything. */
Test(histogram, dense_sum_equals_sparse_sum)
{
    struct histogram all = {0}, one = {0}, sparse = {0}, taken = {0};
    struct histogram_dense dense = {0};
    struct buf bytes = {0};
    struct err e;
    for (int round = 0; round < 2; round++) { /* the window is used again */
        histogram_reset(&all);
        histogram_reset(&sparse);
        for (size_t i = 0; i < 300; i++) {
            histogram_reset(&one);
            state = i * 31 + (uint64_t)round;
            size_t n = next_random() % 200;
            uint64_t weight = i % 7 ? WEIGHT_ONE : i % 14 ? 100 * WEIGHT_ONE : 99999;
            if (i == 100 || i == 101) /* the sum is more than a slot holds */
                weight = UINT64_C(3) << (30 + WEIGHT_SHIFT);
            fill(&one, shapes[i % LEN(shapes)].draw, n, weight);
            cr_assert(histogram_merge(&all, &one));
            buf_reset(&bytes);
            histogram_encode(&one, &bytes);
            struct cursor c = cursor_of(buf_str(&bytes));
            cr_assert_eq(histogram_dense_add(&c, &dense, &e), ST_OK);
            c = cursor_of(buf_str(&bytes));
            cr_assert_eq(histogram_decode_add(&c, &sparse, &e), ST_OK);
        }
        cr_assert(histogram_dense_take(&dense, &taken));
        cr_assert(same(&all, &taken));
        cr_assert(same(&all, &sparse));
    }
    cr_assert(histogram_dense_take(&dense, &taken));
    cr_assert_eq(taken.weight, 0, "taken once");
    histogram_deinit(&all);
    histogram_deinit(&one);
    histogram_deinit(&sparse);
    histogram_deinit(&taken);
    histogram_dense_deinit(&dense);
    buf_deinit(&bytes);
}

Test(histogram, hostile_bytes_never_hurt)
{
    struct histogram h = {0};
    struct buf bytes = {0};
    state = 11;
    for (int round = 0; round < 3000; round++) {
        struct histogram into = {0};
        struct histogram_dense dense = {0};
        histogram_reset(&h);
        buf_reset(&bytes);
        fill(&h, shapes[round % (int)LEN(shapes)].draw, 1 + (size_t)round % 300, WEIGHT_ONE);
        histogram_encode(&h, &bytes);
        for (int i = 0; i < 3; i++)
            bytes.ptr[next_random() % MIN(bytes.len, 24u)] = (char)next_random();
        struct cursor c = cursor_of(buf_str(&bytes));
        enum status sparse_status = histogram_decode_add(&c, &into, NULL);
        c = cursor_of(buf_str(&bytes));
        enum status dense_status = histogram_dense_add(&c, &dense, NULL);
        cr_assert_eq(sparse_status, dense_status);
        histogram_deinit(&into);
        histogram_dense_deinit(&dense);
    }
    histogram_deinit(&h);
    buf_deinit(&bytes);
}

/* Bytes of version 1: one histogram of each mode. WEFT_GOLDEN_WRITE=1 writes them anew. */
Test(histogram, golden)
{
    static const size_t counts[] = {0, 1, 20, 700, 3};
    struct buf bytes = {0};
    char path[512], *golden;
    size_t len;
    for (size_t i = 0; i < LEN(counts); i++) {
        struct histogram h = {0};
        state = 42;
        for (size_t n = 0; n < counts[i]; n++) /* integers only: the same on every machine */
            cr_assert(histogram_add(&h, 1000000 + next_random() % 3000000, WEIGHT_ONE));
        if (counts[i] == 3)
            cr_assert(histogram_add(&h, 0, (UINT64_C(1) << 60) + 1) && histogram_add(&h, 7, 1));
        histogram_encode(&h, &bytes);
        histogram_deinit(&h);
    }
    snprintf(path, sizeof(path), "%s/tests/golden/histogram_v1.bin", WEFT_SOURCE_DIR);
    if (getenv("WEFT_GOLDEN_WRITE"))
        cr_assert_eq(file_replace(path, buf_str(&bytes), NULL), ST_OK);
    cr_assert_eq(file_read_all(path, MIB, &golden, &len, NULL), ST_OK);
    cr_assert(str_eq(buf_str(&bytes), (struct str){golden, len}), "written bytes differ");
    mem_free(golden);
    buf_deinit(&bytes);
}

/* Exact sizes of docs/formats/histogram.md, within a few bytes. */
Test(histogram, stays_small)
{
    static const struct {
        size_t count, bytes;
    } rows[] = {{8, 18}, {31, 31}, {158, 72}, {630, 124}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct histogram h = {0};
        struct buf bytes = {0};
        state = 9;
        for (size_t n = 0; n < rows[i].count; n++)
            cr_assert(histogram_add(&h, bound_ns(15e6 * exp(0.5 * normal())), WEIGHT_ONE));
        histogram_encode(&h, &bytes);
        cr_assert_leq(bytes.len, rows[i].bytes, "%zu durations take %zu bytes", rows[i].count,
                      bytes.len);
        histogram_deinit(&h);
        buf_deinit(&bytes);
    }
}
