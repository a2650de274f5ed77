/* test_series_store.c - what is sent to the series store is what it answers: in memory, across
 * checkpoints and restarts. */
#include "model/stale.h"
#include "tests/support/leak.h"
#include "tests/support/random.h"
#include "tests/unit/storage/series_store_rig.h"
#include <criterion/new/assert.h>
#include <stdio.h>
#include <time.h>

static const int64_t T = 1700000000000;

static void checkpoint(struct series_store_rig *r)
{
    struct err e = {0};
    cr_assert(eq(int, series_store_checkpoint(r->series, &e), ST_OK), "%s", e.msg);
}

/* The four places in which samples lie: active head, frozen or written by a checkpoint, read again
 * after a restart, merged. */
enum place { IN_HEAD, IN_PART, AFTER_RESTART, COMPACTED, PLACES };

static void move_to(struct series_store_rig *r, enum place place)
{
    if (place >= IN_PART)
        checkpoint(r);
    if (place >= AFTER_RESTART) {
        series_store_rig_close(r);
        series_store_rig_open(r, true);
    }
    if (place >= COMPACTED)
        cr_assert(eq(int, series_store_compact(r->series, NULL), ST_OK));
}

static void send_mixture(struct series_store_rig *r)
{
    static const struct native_bucket bucket = {3, 2};
    static const struct native_histogram h = {
        .count = 2, .sum = 5, .positive = {(struct native_bucket *)&bucket, 1}, .schema = 2};
    struct rig_batch b = series_store_rig_batch(r);
    series_store_rig_put(&b, "up,job=a", T + 10, 1);
    series_store_rig_put(&b, "up,job=a", T + 20, value_stale());
    series_store_rig_put(&b, "up,job=b", T + 20, 0.25);
    series_store_rig_put(&b, "lat,job=a,le=1", T + 20, 4);
    series_store_rig_put(&b, "lat,job=a,le=+Inf", T + 20, 7);
    series_store_rig_put(&b, "native", T + 20, 0);
    series_store_rig_last(&b)->histogram = &h;
    series_store_rig_last(&b)->start_ms = T;
    struct metric_outcome o = series_store_rig_send(r, &b);
    cr_expect(eq(u32, o.samples, 5));
    cr_expect(eq(u32, o.histograms, 1));
    cr_expect(eq(str, o.message, ""));
}

Test(series_store, answers_the_same_wherever_samples_lie, .timeout = 60)
{
    for (enum place place = IN_HEAD; place < PLACES; place++) {
        struct series_store_rig r = series_store_rig_new();
        series_store_rig_open(&r, true);
        send_mixture(&r);
        move_to(&r, place);
        cr_expect(eq(str, (char *)series_store_rig_select(&r, "__name__=up", 0, INT64_MAX),
                     "up,job=a 1700000000010=1 1700000000020=stale;up,job=b "
                     "1700000000020=0.25;"),
                  "place %d", place);
        cr_expect(eq(str, (char *)series_store_rig_select(&r, "le=~.+", T + 11, T + 20),
                     "lat,job=a,le=+Inf 1700000000020=7;lat,job=a,le=1 1700000000020=4;"),
                  "place %d", place);
        cr_expect(eq(str, (char *)series_store_rig_select(&r, "__name__=native", T, T + 30),
                     "native 1700000000020=h2@1700000000000;"),
                  "place %d", place);
        cr_expect(eq(str, (char *)series_store_rig_select(&r, "job=a", T, T + 19),
                     "up,job=a 1700000000010=1;"),
                  "place %d", place);
        cr_expect(eq(str, (char *)series_store_rig_select(&r, "job=a", T + 21, T + 99), ""));
        series_store_rig_free(&r);
    }
    EXPECT_NO_LEAK();
}

Test(series_store, late_and_double_samples, .timeout = 60)
{
    static const struct {
        const char *row;
        int64_t time_ms;
        double value;
        enum sample_fault in_memory, in_parts; /* where the samples before it lie */
        const char *then; /* of the parts: what the series looks like afterwards */
    } rows[] = {
        {"known", 30, 3, SAMPLE_OK, SAMPLE_OK, "x 10=1 30=3;"},
        {"last has another value", 30, 4, SAMPLE_DUPLICATE_OTHER_VALUE,
         SAMPLE_DUPLICATE_OTHER_VALUE, "x 10=1 30=3;"},
        {"between", 20, 2, SAMPLE_OK, SAMPLE_OK, "x 10=1 20=2 30=3;"},
        {"before all", 5, 2, SAMPLE_OK, SAMPLE_OK, "x 5=2 10=1 30=3;"},
        {"old one has another value", 10, 9, SAMPLE_DUPLICATE_OTHER_VALUE, SAMPLE_OK,
         "x 10=9 30=3;"},
        {"new", 40, 4, SAMPLE_OK, SAMPLE_OK, "x 10=1 30=3 40=4;"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        for (int in_parts = 0; in_parts < 2; in_parts++) {
            struct series_store_rig r = series_store_rig_new();
            series_store_rig_open(&r, true);
            series_store_rig_one(&r, "x", 10, 1);
            series_store_rig_one(&r, "x", 30, 3);
            if (in_parts)
                move_to(&r, AFTER_RESTART);
            struct metric_outcome o = series_store_rig_one(&r, "x", rows[i].time_ms, rows[i].value);
            enum sample_fault want = in_parts ? rows[i].in_parts : rows[i].in_memory;
            cr_expect(eq(u32, o.samples, want == SAMPLE_OK), "row %s", rows[i].row);
            cr_expect(want == SAMPLE_OK || o.faults[want] == 1, "row %s", rows[i].row);
            if (in_parts)
                cr_expect(eq(str, (char *)series_store_rig_select(&r, "__name__=x", 0, 1000),
                             (char *)rows[i].then),
                          "row %s", rows[i].row);
            series_store_rig_free(&r);
        }
    }
    EXPECT_NO_LEAK();
}

/* --- samples in any order --- */

enum { MOMENTS = 100, DISORDER = 200000 };

/* Moments that divide by seven have a histogram, every third one a start. */
static void put_moment(struct rig_batch *b, struct native_histogram *histograms, int64_t moment)
{
    series_store_rig_put(b, "x", T + moment, (double)moment);
    struct sample *s = series_store_rig_last(b);
    s->start_ms = moment % 3 ? 0 : T;
    histograms[moment] = (struct native_histogram){.count = (double)moment};
    s->histogram = moment % 7 ? NULL : &histograms[moment];
}

static const char *text_of(const bool there[MOMENTS])
{
    static char text[8192];
    size_t len = (size_t)snprintf(text, sizeof(text), "x");
    for (int i = 0; i < MOMENTS; i++)
        if (there[i])
            len +=
                (size_t)snprintf(text + len, sizeof(text) - len, " %lld=%s%d%s", (long long)T + i,
                                 i % 7 ? "" : "h", i, i % 3 ? "" : "@1700000000000");
    snprintf(text + len, sizeof(text) - len, ";");
    return text;
}

Test(series_store, batches_in_disorder, .timeout = 60)
{
    struct native_histogram histograms[MOMENTS];
    struct series_store_rig r = series_store_rig_new();
    bool there[MOMENTS] = {0};
    uint64_t random = 1;
    r.arrival_ms = T + 1000;
    series_store_rig_open(&r, true);
    for (int round = 0; round < 40; round++) {
        struct rig_batch b = series_store_rig_batch(&r);
        int count = round % 9 == 8 ? 200 : 1 + round % 9; /* many are sorted first */
        for (int i = 0; i < count; i++) {
            int moment = (int)(random_step(&random) >> 33) % MOMENTS;
            put_moment(&b, histograms, moment);
            there[moment] = true;
        }
        struct metric_outcome o = series_store_rig_send(&r, &b);
        cr_expect(o.message[0] == '\0', "round %d: %s", round, o.message);
        cr_expect(eq(str, (char *)series_store_rig_select(&r, "__name__=x", 0, INT64_MAX / 2),
                     (char *)text_of(there)),
                  "round %d", round);
    }
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* DISORDER samples of one series, those of `first_ms` last or anywhere. */
static void send_disorder(struct series_store_rig *r, int64_t first_ms, bool shuffled)
{
    uint64_t random = 1;
    struct rig_batch b = series_store_rig_batch(r);
    series_store_rig_put(&b, "x", first_ms, 1);
    struct sample *samples = arena_calloc(&b.batch->arena, DISORDER, sizeof(*samples));
    for (int i = 0; i < DISORDER; i++)
        samples[i] = (struct sample){.time_ms = first_ms + DISORDER - 1 - i, .value = 1};
    for (uint32_t i = DISORDER - 1; shuffled && i > 0; i--) {
        uint32_t other = (uint32_t)(random_step(&random) >> 33) % (i + 1);
        struct sample swap = samples[i];
        samples[i] = samples[other];
        samples[other] = swap;
    }
    b.series.items[0].samples = samples;
    b.series.items[0].sample_count = b.series.items[0].item_count = DISORDER;
    b.batch->received = DISORDER;
    struct metric_outcome o = series_store_rig_send(r, &b);
    cr_expect(eq(u32, o.samples, DISORDER));
}

/* Each of them moved all that were there: three requests of the newest first took minutes, in which
 * no other was taken and no query answered. CPU time, so that who else runs does not count. */
Test(series_store, disorder_costs_no_more, .timeout = 120)
{
    for (int shuffled = 0; shuffled < 2; shuffled++) {
        struct series_store_rig r = series_store_rig_new();
        r.arrival_ms = T + 4 * DISORDER;
        series_store_rig_open(&r, true);
        clock_t before = clock();
        for (int i = 2; i >= 0; i--)
            send_disorder(&r, T + i * DISORDER, shuffled);
        double took_s = (double)(clock() - before) / CLOCKS_PER_SEC;
        cr_expect(took_s < 5, "%.1f s, shuffled %d", took_s, shuffled);
        series_store_rig_free(&r);
    }
    EXPECT_NO_LEAK();
}

Test(series_store, account_balances_and_goes_on_after_a_restart, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    struct account_totals totals;
    r.config.retention_ns = 3600 * NS_PER_S;
    series_store_rig_open(&r, true);
    struct rig_batch b = series_store_rig_batch(&r);
    series_store_rig_put(&b, "x", T, 1);
    series_store_rig_put(&b, "x", T, 2);
    series_store_rig_put(&b, "x", T - 3600001, 1);
    series_store_rig_put(&b, "x", T + 600001, 1);
    series_store_rig_put(&b, "x", T + 600000, 1);
    b.batch->received += 2;
    b.batch->rejected[REJECT_TOO_DEEP] = 2;
    struct metric_outcome o = series_store_rig_send(&r, &b);
    cr_expect(eq(u32, o.samples, 2));
    cr_expect(eq(u32, o.faults[SAMPLE_DUPLICATE_OTHER_VALUE], 1));
    cr_expect(eq(u32, o.faults[SAMPLE_TOO_OLD], 1));
    cr_expect(eq(u32, o.faults[SAMPLE_TOO_NEW], 1));
    cr_expect(
        eq(str, o.message, "duplicate sample for timestamp: x at 1700000000000 has another value"));
    for (int restarted = 0; restarted < 2; restarted++) {
        account_read(r.account, &totals);
        const struct account_row *row = &totals.rows[SIGNAL_SAMPLES];
        cr_expect(eq(u64, row->received, 7));
        cr_expect(eq(u64, row->stored, 2));
        cr_expect(eq(u64, row->pending, 0));
        cr_expect(eq(u64, row->rejected[REJECT_DUPLICATE_SAMPLE], 1));
        cr_expect(eq(u64, row->rejected[REJECT_TOO_OLD], 1));
        cr_expect(eq(u64, row->rejected[REJECT_TOO_NEW], 1));
        cr_expect(eq(u64, row->rejected[REJECT_TOO_DEEP], 2));
        cr_expect(eq(i64, account_difference(row), 0));
        cr_expect(eq(u64, totals.requests[REQUEST_PARTIAL], 1));
        series_store_rig_close(&r);
        series_store_rig_open(&r, true);
    }
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

Test(series_store, increases_are_added_up_across_checkpoints_and_restarts, .timeout = 60)
{
    for (enum place place = IN_HEAD; place < PLACES; place++) {
        struct series_store_rig r = series_store_rig_new();
        series_store_rig_open(&r, true);
        static const double increases[] = {5, 2.5, 1};
        for (int i = 0; i < 3; i++) {
            struct rig_batch b = series_store_rig_batch(&r);
            series_store_rig_put(&b, "d", 10 + i, increases[i]);
            b.series.items[0].is_delta = true;
            if (i == 2) {
                series_store_rig_put(&b, "d", 11, 2.5); /* once more */
                series_store_rig_put(&b, "d", 7, 1);    /* before all: cannot be added */
            }
            struct metric_outcome o = series_store_rig_send(&r, &b);
            cr_expect(eq(u32, o.faults[SAMPLE_TOO_OLD], i == 2 ? (place == IN_HEAD ? 1 : 2) : 0),
                      "place %d", place);
            move_to(&r, place);
        }
        cr_expect(eq(str, (char *)series_store_rig_select(&r, "__name__=d", 0, 100),
                     "d 10=5 11=7.5 12=8.5;"),
                  "place %d", place);
        series_store_rig_free(&r);
    }
    EXPECT_NO_LEAK();
}

Test(series_store, increases_of_histograms_are_added_up_likewise, .timeout = 60)
{
    for (enum place place = IN_HEAD; place < PLACES; place++) {
        struct series_store_rig r = series_store_rig_new();
        series_store_rig_open(&r, true);
        struct native_bucket bucket = {3, 2};
        const struct native_histogram increase = {
            .count = 2, .sum = 5, .positive = {&bucket, 1}, .schema = 2};
        for (int i = 0; i < 3; i++) {
            struct rig_batch b = series_store_rig_batch(&r);
            series_store_rig_put(&b, "d", 10 + i, 0);
            b.series.items[0].is_delta = true;
            series_store_rig_last(&b)->histogram = &increase;
            struct metric_outcome o = series_store_rig_send(&r, &b);
            cr_expect(eq(u32, o.histograms, 1), "place %d: %s", place, o.message);
            move_to(&r, place);
        }
        cr_expect(eq(str, (char *)series_store_rig_select(&r, "__name__=d", 0, 100),
                     "d 10=h2 11=h4 12=h6;"),
                  "place %d", place);
        series_store_rig_free(&r);
    }
    EXPECT_NO_LEAK();
}

Test(series_store, new_series_over_the_limit_are_turned_down, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    r.config.settings.max_active = 3;
    r.config.settings.max_per_sender = 2;
    series_store_rig_open(&r, true);
    struct rig_batch b = series_store_rig_batch(&r);
    series_store_rig_put(&b, "a", T, 1);
    series_store_rig_put(&b, "b", T, 1);
    series_store_rig_put(&b, "c", T, 1);
    struct metric_outcome o = series_store_rig_send(&r, &b);
    cr_expect(eq(u32, o.samples, 2));
    cr_expect(eq(u32, o.faults[SAMPLE_SERIES_LIMIT], 1), "of one sender");
    b = series_store_rig_batch(&r);
    b.batch->sender = STR("10.0.0.2:1");
    series_store_rig_put(&b, "c", T, 1);
    series_store_rig_put(&b, "d", T, 1);
    series_store_rig_put(&b, "a", T + 1, 1);
    o = series_store_rig_send(&r, &b);
    cr_expect(eq(u32, o.samples, 2), "known series go on");
    cr_expect(eq(u32, o.faults[SAMPLE_SERIES_LIMIT], 1), "in all");
    struct series_stats stats;
    series_store_stats(r.series, &stats);
    cr_expect(eq(u64, stats.active_series, 3));
    cr_expect(eq(u64, stats.rejected_series, 2));
    series_store_rig_close(&r);
    series_store_rig_open(&r, true);
    o = series_store_rig_one(&r, "e", T, 1);
    cr_expect(eq(u32, o.faults[SAMPLE_SERIES_LIMIT], 1), "the count is remembered");
    r.arrival_ms += 2 * 3600 * 1000;
    o = series_store_rig_one(&r, "e", T, 1);
    cr_expect(eq(u32, o.samples, 1), "an hour later the others are not active any more");
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* One batch that arrived while the clock was a year ahead: nothing ever became inactive afterwards,
 * and the limit was reached for good. */
Test(series_store, a_clock_that_was_ahead_is_forgotten, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    struct series_stats stats;
    uint64_t now_ms = r.arrival_ms;
    r.config.settings.max_active = 2;
    series_store_rig_open(&r, true);
    series_store_rig_one(&r, "a", T, 1);
    r.arrival_ms = now_ms + 365 * UINT64_C(86400000);
    series_store_rig_one(&r, "b", T, 1);
    for (int restarts = 0; restarts < 2; restarts++) {
        r.arrival_ms = now_ms += 2 * 3600 * 1000;
        series_store_rig_one(&r, restarts ? "e" : "c", T, 1);
        series_store_rig_one(&r, restarts ? "f" : "d", T, 1);
        series_store_rig_one(&r, "a", T + 1, 1);
        series_store_stats(r.series, &stats);
        cr_expect(eq(u64, stats.active_series, 3), "two new ones, and the old one");
        cr_expect(eq(u64, stats.rejected_series, 0));
        series_store_rig_close(&r);
        series_store_rig_open(&r, true);
    }
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

Test(series_store, replay_after_a_crash_gives_what_was_there, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    series_store_rig_open(&r, true);
    series_store_rig_one(&r, "x", 10, 1); /* sequence 1 */
    series_store_rig_close(&r);
    series_store_rig_open(&r, false);
    cr_expect(eq(u64, r.position, 2));
    series_store_rig_one(&r, "y", 20, 2);
    series_store_rig_close(&r); /* not started: no checkpoint, as after kill -9 */
    r.sequence = 0;
    series_store_rig_open(&r, false);
    cr_expect(eq(u64, r.position, 2));
    r.sequence = 0;
    series_store_rig_one(&r, "z", 10, 9); /* sequence 1 is in the checkpoint already: ignored */
    series_store_rig_one(&r, "y", 20, 2); /* 2 */
    cr_expect(eq(str, (char *)series_store_rig_select(&r, "", 0, 100), "x 10=1;y 20=2;"));
    struct account_totals totals;
    account_read(r.account, &totals);
    cr_expect(eq(u64, totals.rows[SIGNAL_SAMPLES].stored, 2));
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

Test(series_store, a_view_stays_what_it_was, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    series_store_rig_open(&r, true);
    series_store_rig_one(&r, "x", 10, 1);
    struct series_view *v;
    cr_assert(eq(int, series_view_take(r.series, &v, NULL), ST_OK));
    for (int i = 0; i < 12; i++) {
        series_store_rig_one(&r, "x", 20 + i, 1);
        checkpoint(&r);
    }
    cr_assert(eq(int, series_store_compact(r.series, NULL), ST_OK));
    struct arena arena = {0};
    struct series_list list = {0};
    struct label_matcher m[8];
    uint64_t lost = 0;
    struct series_request request = {
        m, series_store_rig_matchers("__name__=x", &arena, m), 0, 15, &arena, 0, false};
    cr_assert(eq(int, series_view_select(v, &request, &list, &lost, NULL), ST_OK));
    cr_expect(eq(u32, list.count, 1));
    cr_expect(eq(u32, list.items[0].sample_count, 1));
    label_matcher_deinit(&m[0]);
    arena_deinit(&arena);
    series_view_unref(v);
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}
