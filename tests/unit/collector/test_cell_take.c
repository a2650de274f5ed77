/* test_cell_take.c - what is left of a histogram can be encoded and read again, whatever was taken
 * out of it. */
#include "collector/cell_take.h"
#include "tests/support/random.h"
#include "model/histogram_run.h"
#include "support/leak.h"
#include <criterion/criterion.h>

enum { DURATIONS = 12, ROUNDS = 2000 };

static uint64_t random_of(uint64_t *state)
{
    return random_step(state) >> 33;
}

static bool same_counts(const struct histogram *a, const struct histogram *b)
{
    if (a->weight != b->weight || a->zero != b->zero || a->sum != b->sum ||
        a->bucket_count != b->bucket_count)
        return false;
    for (uint32_t i = 0; i < a->bucket_count; i++)
        if (a->buckets[i].index != b->buckets[i].index ||
            a->buckets[i].weight != b->buckets[i].weight)
            return false;
    return true;
}

/* As stored alone (form 1) and in a run of parts (form 2). */
static void expect_readable(const struct histogram *h, uint64_t round)
{
    struct buf alone = {0}, many = {0};
    struct histogram read = {0};
    struct histogram_run_writer w = {0};
    struct histogram_run run;
    struct histogram_item item;
    struct err e = {0};
    histogram_encode(h, &alone);
    struct cursor c = cursor_of(buf_str(&alone));
    cr_expect(histogram_decode_add(&c, &read, &e) == ST_OK && same_counts(h, &read),
              "alone, round %llu: %s", (unsigned long long)round, e.msg);
    histogram_run_add(&w, h);
    histogram_run_add(&w, h);
    (void)histogram_run_end(&w, &many);
    c = cursor_of(buf_str(&many));
    cr_assert(histogram_run_open(c, 2, HISTOGRAM_FORM_2, &run));
    for (int i = 0; i < 2; i++) {
        histogram_reset(&read);
        cr_expect(histogram_run_next(&run) && histogram_run_item(&run, &item) &&
                      histogram_item_add(&item, &read, &e) == ST_OK && same_counts(h, &read),
                  "in a run, round %llu: %s", (unsigned long long)round, e.msg);
    }
    histogram_run_writer_deinit(&w);
    histogram_deinit(&read);
    buf_deinit(&alone);
    buf_deinit(&many);
}

Test(cell_take, what_is_left_is_readable)
{
    uint64_t state = 7;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct histogram h = {0};
        uint64_t ns[DURATIONS], least = UINT64_MAX, greatest = 0;
        bool stale = false;
        unsigned kept = 1 + (unsigned)(random_of(&state) % (DURATIONS - 1));
        for (unsigned i = 0; i < DURATIONS; i++) {
            ns[i] = random_of(&state) % 8 ? random_of(&state) >> random_of(&state) % 24 : 0;
            cr_assert(histogram_add(&h, ns[i], WEIGHT_ONE));
        }
        for (unsigned i = 0; i < DURATIONS; i++) {
            if (i >= kept) {
                histogram_take(&h, ns[i], WEIGHT_ONE, &stale);
                continue;
            }
            least = MIN(least, ns[i]);
            greatest = MAX(greatest, ns[i]);
        }
        cr_expect(h.min_ns <= least && h.max_ns >= greatest);
        expect_readable(&h, round);
        histogram_deinit(&h);
    }
    EXPECT_NO_LEAK();
}
