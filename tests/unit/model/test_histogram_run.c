/* test_histogram_run.c - runs give back every histogram bit by bit, are as small as promised, and
 * damage is found. */
#include "model/histogram_codec.h"
#include "tests/support/random.h"

#include "base/mem.h"
#include "model/histogram_dense.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <math.h>

static uint64_t state = 1;

static uint64_t next_random(uint64_t below)
{
    return (random_step(&state) >> 33) % below;
}

static uint64_t log_normal_ns(double median)
{
    double u = ((double)next_random(1 << 30) + 0.5) / (1 << 30);
    double v = (double)next_random(1 << 30) / (1 << 30);
    return (uint64_t)(median * exp(0.5 * sqrt(-2 * log(u)) * cos(6.283185307179586 * v)));
}

static void add(struct histogram *h, uint64_t ns, uint64_t weight)
{
    cr_assert(histogram_add(h, ns, weight));
}

/* `kind` says how odd the histograms of a run are. */
static void draw(struct histogram *h, unsigned kind)
{
    static const uint64_t weights[] = {WEIGHT_ONE, 100 * WEIGHT_ONE, 218453, 1, UINT64_C(1) << 50};
    uint64_t requests = kind == 0 ? 8 : next_random(kind < 3 ? 40 : 400);
    uint64_t weight = weights[kind < 4 ? 0 : next_random(LEN(weights))];
    histogram_reset(h);
    for (uint64_t i = 0; i < requests; i++)
        add(h, log_normal_ns(kind == 2 ? 3 : 5e6), weight);
    if (kind > 2 && next_random(8) == 0)
        add(h, 0, WEIGHT_ONE);
    if (kind > 4 && next_random(8) == 0)
        add(h, next_random(2) ? UINT64_MAX : 1, 3);
}

static void expect_same(const struct histogram *a, const struct histogram *b)
{
    struct buf x = {0}, y = {0};
    histogram_encode(a, &x);
    histogram_encode(b, &y);
    cr_assert(str_eq(buf_str(&x), buf_str(&y)));
    cr_assert_eq(a->weight, b->weight);
    buf_deinit(&x);
    buf_deinit(&y);
}

static void expect_histogram(const struct histogram_item *item, const struct histogram *h)
{
    struct histogram back = {0};
    struct histogram_dense dense = {0};
    struct err e;
    cr_assert_eq(histogram_item_add(item, &back, &e), ST_OK, "%s", e.msg);
    expect_same(&back, h);
    cr_assert_eq(histogram_dense_add_item(item, &dense, &e), ST_OK, "%s", e.msg);
    cr_assert(histogram_dense_take(&dense, &back));
    expect_same(&back, h);
    histogram_deinit(&back);
    histogram_dense_deinit(&dense);
}

/* Reads the run, which must fill the bytes, and writes it again out of its items. */
static void expect_run(struct str bytes, const struct histogram *histograms, unsigned count)
{
    struct histogram_run_writer writer = {0};
    struct histogram_run run;
    struct buf again = {0};
    cr_assert(histogram_run_open(cursor_of(bytes), count, HISTOGRAM_FORM_2, &run));
    for (unsigned i = 0; i < count; i++) {
        struct histogram_item item;
        cr_assert(histogram_run_next(&run) && histogram_run_item(&run, &item));
        expect_histogram(&item, &histograms[i]);
        histogram_run_add_item(&writer, &item);
    }
    cr_assert_eq((const char *)histogram_run_at(&run), bytes.ptr + bytes.len, "all read");
    histogram_run_end(&writer, &again);
    cr_assert(str_eq(bytes, buf_str(&again)), "the same bytes");
    histogram_run_writer_deinit(&writer);
    buf_deinit(&again);
}

static void free_all(struct histogram *histograms)
{
    for (unsigned i = 0; i < HISTOGRAM_RUN_MAX; i++)
        histogram_deinit(&histograms[i]);
}

Test(histogram_run, gives_back_every_histogram)
{
    struct histogram histograms[HISTOGRAM_RUN_MAX] = {{0}};
    struct histogram_run_writer writer = {0};
    struct buf bytes = {0};
    for (unsigned round = 0; round < 300; round++) {
        unsigned count = round % 5 == 0 ? 1 : 1 + (unsigned)next_random(HISTOGRAM_RUN_MAX);
        bool some = false;
        buf_reset(&bytes);
        for (unsigned i = 0; i < count; i++) {
            draw(&histograms[i], round % 6);
            some |= histograms[i].weight > 0;
            histogram_run_add(&writer, &histograms[i]);
        }
        cr_assert_eq(histogram_run_end(&writer, &bytes), some);
        expect_run(buf_str(&bytes), histograms, count);
    }
    free_all(histograms);
    histogram_run_writer_deinit(&writer);
    buf_deinit(&bytes);
    EXPECT_NO_LEAK();
}

/* What docs/formats/histogram.md says of 64 neighbours, heads included. */
Test(histogram_run, stays_small)
{
    static const struct {
        unsigned requests;
        double bytes;
    } rows[] = {{8, 14.2}, {31, 25.3}, {158, 54}, {630, 115}};
    for (size_t row = 0; row < LEN(rows); row++) {
        struct histogram h = {0};
        struct histogram_run_writer writer = {0};
        struct buf bytes = {0};
        for (unsigned i = 0; i < HISTOGRAM_RUN_MAX; i++) {
            histogram_reset(&h);
            for (unsigned n = 0; n < rows[row].requests; n++)
                add(&h, log_normal_ns(15e6 + (i / 20) * 5e6), WEIGHT_ONE);
            histogram_run_add(&writer, &h);
        }
        histogram_run_end(&writer, &bytes);
        cr_assert_leq((double)bytes.len / HISTOGRAM_RUN_MAX, rows[row].bytes, "%g bytes",
                      (double)bytes.len / HISTOGRAM_RUN_MAX);
        histogram_deinit(&h);
        histogram_run_writer_deinit(&writer);
        buf_deinit(&bytes);
    }
}

Test(histogram_run, room_bits_hold_every_room)
{
    for (int32_t i = HISTOGRAM_INDEX_MIN; i <= HISTOGRAM_INDEX_MAX; i++) {
        unsigned exact = bit_length(histogram_bucket_room(i)), bits = histogram_room_bits(i);
        cr_assert(bits == exact || bits == exact + 1, "bucket %d: %u bits, needs %u", i, bits,
                  exact);
    }
}

/* A run of one. */
static void expect_alone(const struct histogram *h, bool far, const char *what)
{
    struct histogram_run_writer writer = {0};
    struct buf bytes = {0};
    histogram_run_add(&writer, h);
    cr_assert_eq((writer.entries[0].head & HEAD_FAR) != 0, far, "%s", what);
    histogram_run_end(&writer, &bytes);
    expect_run(buf_str(&bytes), h, 1);
    histogram_run_writer_deinit(&writer);
    buf_deinit(&bytes);
}

/* Durations at one end of their bucket: their sum takes more bits, and comes back as exactly. */
Test(histogram_run, sums_may_be_far_from_the_middles)
{
    struct histogram h = {0};
    uint64_t border = histogram_upper_floor_ns(-300);
    for (unsigned i = 0; i < 1000; i++)
        add(&h, border, WEIGHT_ONE);
    add(&h, 2 * border, WEIGHT_ONE);
    add(&h, 4 * border, WEIGHT_ONE);
    expect_alone(&h, true, "all but two at the upper border");
    histogram_reset(&h);
    for (unsigned i = 0; i < 1000; i++)
        add(&h, histogram_middle_ns(-300 + (int32_t)(i % 7)), WEIGHT_ONE);
    expect_alone(&h, false, "in the middles");
    add(&h, 5000000, 12345);
    expect_alone(&h, false, "and a fraction of a request");
    histogram_reset(&h);
    for (unsigned i = 0; i < 100; i++)
        add(&h, histogram_middle_ns(-300 + (int32_t)i % 10), 12345);
    expect_alone(&h, false, "all of one odd weight");
    histogram_deinit(&h);
    EXPECT_NO_LEAK();
}

static void add_alone(struct histogram_dense *to, const struct histogram *h)
{
    struct buf bytes = {0};
    histogram_encode(h, &bytes);
    struct cursor c = cursor_of(buf_str(&bytes));
    cr_assert_eq(histogram_dense_add(&c, to, NULL), ST_OK);
    buf_deinit(&bytes);
}

static void add_in_run(struct histogram_dense *to, const struct histogram *h)
{
    struct histogram_run_writer writer = {0};
    struct histogram_run run;
    struct histogram_item item;
    struct buf bytes = {0};
    histogram_run_add(&writer, h);
    histogram_run_end(&writer, &bytes);
    cr_assert(histogram_run_open(cursor_of(buf_str(&bytes)), 1, HISTOGRAM_FORM_2, &run));
    cr_assert(histogram_run_next(&run) && histogram_run_item(&run, &item));
    cr_assert_eq(histogram_dense_add_item(&item, to, NULL), ST_OK);
    histogram_run_writer_deinit(&writer);
    buf_deinit(&bytes);
}

/* Parts of all versions are summed up in one place. */
Test(histogram_run, forms_add_up)
{
    for (unsigned round = 0; round < 60; round++) {
        struct histogram all = {0}, one = {0}, taken = {0};
        struct histogram_dense dense = {.without_sums = round % 3 == 0};
        for (unsigned i = 0; i < 20; i++) {
            draw(&one, round % 6);
            cr_assert(histogram_merge(&all, &one));
            next_random(2) ? add_alone(&dense, &one) : add_in_run(&dense, &one);
        }
        cr_assert(histogram_dense_take(&dense, &taken));
        if (dense.without_sums) {
            cr_assert_eq((uint64_t)taken.sum, 0, "nobody asked");
            taken.sum = all.sum;
        }
        expect_same(&taken, &all);
        histogram_deinit(&all);
        histogram_deinit(&one);
        histogram_deinit(&taken);
        histogram_dense_deinit(&dense);
    }
    EXPECT_NO_LEAK();
}

/* Every histogram of a run of any bytes; the answer does not matter, that it stays inside does:
 * the copy ends where the bytes do. */
static bool read_run(struct str bytes, unsigned count)
{
    struct histogram_run run;
    struct histogram_item item;
    struct histogram into = {0};
    char *copy = mem_alloc(bytes.len + 1);
    memcpy(copy, bytes.ptr, bytes.len);
    bool ok =
        histogram_run_open(cursor_of((struct str){copy, bytes.len}), count, HISTOGRAM_FORM_2, &run);
    for (unsigned i = 0; i < count && ok; i++)
        ok = histogram_run_next(&run) && histogram_run_item(&run, &item) &&
             histogram_item_add(&item, &into, NULL) == ST_OK;
    histogram_deinit(&into);
    mem_free(copy);
    return ok;
}

Test(histogram_run, damage_is_found_or_harmless)
{
    struct histogram h = {0};
    struct histogram_run_writer writer = {0};
    struct buf bytes = {0};
    for (unsigned round = 0; round < 60; round++) {
        unsigned count = 1 + (unsigned)next_random(20);
        buf_reset(&bytes);
        for (unsigned i = 0; i < count; i++) {
            draw(&h, round % 6);
            if (i == 0)
                add(&h, 5000000, WEIGHT_ONE);
            histogram_run_add(&writer, &h);
        }
        histogram_run_end(&writer, &bytes);
        cr_assert(read_run(buf_str(&bytes), count));
        for (size_t cut = 0; cut < bytes.len && cut < 40; cut++)
            read_run((struct str){bytes.ptr, cut}, count);
        if (bytes.len < 40)
            cr_assert_not(read_run((struct str){bytes.ptr, 4}, count), "the head is cut off");
        for (unsigned i = 0; i < 200; i++) {
            size_t at = next_random(MIN(bytes.len, (size_t)40));
            char was = bytes.ptr[at];
            bytes.ptr[at] = (char)next_random(256);
            read_run(buf_str(&bytes), count);
            bytes.ptr[at] = was;
        }
    }
    histogram_deinit(&h);
    histogram_run_writer_deinit(&writer);
    buf_deinit(&bytes);
}
