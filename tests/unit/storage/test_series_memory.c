/* test_series_memory.c - the series store when memory is short: an error or a sample turned down,
 * never a leak, never a sample that is said to be stored and is not there. */
#include "base/mem.h"
#include "model/series_hash.h"
#include "tests/support/leak.h"
#include "tests/unit/storage/series_store_rig.h"
#include <criterion/new/assert.h>

static const struct native_bucket bucket = {3, 2};
static const struct native_histogram histogram = {
    .count = 2, .sum = 5, .positive = {(struct native_bucket *)&bucket, 1}, .schema = 2};
static const struct label trace = {STR("trace_id"), STR("abc")};

/* Four series of all kinds, made without a failure. */
static struct batch *make_batch(struct series_store_rig *r, struct metric_batch *m,
                                struct metric_series series[4], struct sample samples[4],
                                struct label labels[4])
{
    static const char *const names[] = {"a", "b", "c", "d"};
    static struct metric_exemplar exemplar;
    static struct metric_metadata metadata = {STR("a"), STR("help"), STR("s"), METRIC_COUNTER};
    exemplar = (struct metric_exemplar){{&trace, 1}, 1, 10};
    struct batch *b = batch_new();
    for (int i = 0; i < 4; i++) {
        labels[i] = (struct label){LABEL_METRIC_NAME, str_from_c(names[i])};
        samples[i] = (struct sample){.time_ms = 10, .value = i};
        series[i] = (struct metric_series){
            .labels = {&labels[i], 1}, .samples = &samples[i], .sample_count = 1, .item_count = 1};
        series[i].hash = series_hash(series[i].labels, store_seed(r->store));
    }
    series[0].exemplars = &exemplar;
    series[0].exemplar_count = 1;
    series[1].is_delta = true;
    samples[2].histogram = &histogram;
    samples[3].histogram = &histogram;
    series[3].is_delta = true;
    *m = (struct metric_batch){
        .series = series, .metadata = &metadata, .series_count = 4, .metadata_count = 1};
    b->metrics = m;
    b->encoding = ENCODING_REMOTE_WRITE_2;
    b->received = 4;
    b->sender = STR("127.0.0.1:1");
    b->sequence = ++r->sequence;
    b->arrival_ns = NS_PER_S;
    return b;
}

static struct metric_outcome seen;

static void on_applied(void *user, const struct metric_outcome *outcome)
{
    (void)user;
    seen = *outcome;
}

/* Everything that is asked of a view; what fails, fails with an error. */
static void ask(struct series_store_rig *r, uint32_t *series)
{
    struct arena arena = {0};
    struct series_view *v;
    struct series_list list = {0};
    struct series_exemplars *exemplars;
    struct series_tops tops;
    struct str *texts;
    uint32_t count;
    bool truncated;
    uint64_t lost = 0;
    struct series_request q = {.start_ms = 0, .end_ms = 100, .arena = &arena};
    *series = UINT32_MAX;
    if (series_view_take(r->series, &v, NULL) != ST_OK)
        return;
    if (series_view_select(v, &q, &list, &lost, NULL) == ST_OK)
        *series = list.count;
    (void)series_view_labels(v, &q, STR("__name__"), 0, &texts, &count, &truncated, NULL);
    (void)series_view_labels(v, &q, STR(""), 0, &texts, &count, &truncated, NULL);
    (void)series_view_exemplars(v, &q, &exemplars, &count, NULL);
    (void)series_store_tops(r->series, 3, &arena, &tops, NULL);
    series_view_unref(v);
    arena_deinit(&arena);
}

Test(series_memory, a_sample_is_stored_or_turned_down, .timeout = 120)
{
    unsigned refused = 0;
    bool failed = true;
    for (long n = 0; failed; n++) {
        struct metric_batch m;
        struct metric_series series[4];
        struct sample samples[4];
        struct label labels[4];
        uint32_t found;
        struct series_store_rig r = series_store_rig_new();
        series_store_rig_open(&r, false);
        struct batch *b = make_batch(&r, &m, series, samples, labels);
        b->applied = on_applied;
        mem_fail_after(n);
        series_store_batch(r.series, b);
        failed = mem_did_fail();
        uint32_t stored = seen.samples + seen.histograms;
        cr_expect(eq(u32, stored + seen.faults[SAMPLE_NO_MEMORY], 4), "allocation %ld", n);
        refused += stored < 4;
        if (!failed)
            ask(&r, &found);
        failed |= mem_did_fail();
        mem_fail_after(-1);
        ask(&r, &found);
        cr_expect(eq(u32, found, stored), "allocation %ld", n);
        struct account_totals totals;
        account_read(r.account, &totals);
        cr_expect(eq(i64, account_difference(&totals.rows[SIGNAL_SAMPLES]), 0));
        cr_expect(eq(u64, totals.rows[SIGNAL_SAMPLES].stored, stored));
        series_store_rig_free(&r);
    }
    cr_expect(refused > 10);
    EXPECT_NO_LEAK();
}

/* So large that the head needs memory of its own for it. */
static const struct native_histogram *make_wide(void)
{
    enum { BUCKETS = 8 * 1024 };
    static struct native_bucket buckets[BUCKETS];
    static struct native_histogram wide = {.count = BUCKETS, .positive = {buckets, BUCKETS}};
    for (int32_t i = 0; i < BUCKETS; i++)
        buckets[i] = (struct native_bucket){i, 1};
    return &wide;
}

/* An increase that is turned down is sent again, and counts once. */
Test(series_memory, an_increase_sent_again_counts_once, .timeout = 120)
{
    unsigned refused = 0;
    bool failed = true;
    for (long n = 0; failed; n++) {
        struct metric_batch m;
        struct metric_series series[4];
        struct sample samples[4];
        struct label labels[4];
        struct series_store_rig r = series_store_rig_new();
        series_store_rig_open(&r, false);
        uint32_t stored = 0;
        for (int i = 0; i < 2 && stored < 4; i++) {
            struct batch *b = make_batch(&r, &m, series, samples, labels);
            b->applied = on_applied;
            samples[1].value = 2;
            samples[3].histogram = make_wide();
            mem_fail_after(i ? -1 : n);
            series_store_batch(r.series, b);
            failed = i ? failed : mem_did_fail();
            mem_fail_after(-1);
            stored = seen.samples + seen.histograms;
            refused += stored < 4;
        }
        cr_expect(eq(str, (char *)series_store_rig_select(&r, "__name__=~[bd]", 0, 100),
                     "b 10=2;d 10=h8192;"),
                  "allocation %ld", n);
        series_store_rig_free(&r);
    }
    cr_expect(refused > 10);
    EXPECT_NO_LEAK();
}
