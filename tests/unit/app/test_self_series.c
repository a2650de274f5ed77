/* test_self_series.c - the request that weft sends itself: what /metrics shows, with names, labels
 * and types, readable by the decoder that every sender meets. */
#include "app/self_series.h"
#include "base/clock.h"
#include "codec/remote_write.h"
#include "codec/unpack.h"
#include "query/query_series.h"
#include "support/leak.h"
#include "support/patience.h"
#include "support/temp_dir.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdatomic.h>

#define TIME_MS INT64_C(1700000000000)
#define ADDRESS STR("127.0.0.1:9600")

struct world {
    struct temp_dir dir;
    struct store *store;
    struct account *account;
    struct senders *senders;
    struct query *query;
    struct batch *batch;
};

/* A request as the thread makes it, decoded again. */
static void world_make(struct world *w, bool with_metadata)
{
    struct err e = {0};
    struct limits limits = limits_default();
    struct remote_write_rules rules = {.limits = &limits};
    struct write_encoder encoder;
    struct buf body = {0};
    w->dir = temp_dir_make();
    struct store_config store = {.directory = str_from_c(w->dir.path)};
    cr_assert_eq(store_open(&store, &w->store, &e), ST_OK, "%s", e.msg);
    w->account = account_new();
    w->senders = senders_new();
    struct query_config config = {
        .store = w->store, .account = w->account, .senders = w->senders, .threads = 1};
    cr_assert_eq(query_new(&config, &w->query, &e), ST_OK, "%s", e.msg);
    write_encoder_init(&encoder, ENCODING_REMOTE_WRITE_1, 0);
    cr_assert_eq(self_series_encode(w->query, ADDRESS, TIME_MS, with_metadata, &encoder, &body, &e),
                 ST_OK, "%s", e.msg);
    w->batch = batch_new();
    w->batch->signal = BATCH_METRICS;
    w->batch->encoding = ENCODING_REMOTE_WRITE_1;
    w->batch->compression = COMPRESSION_SNAPPY_BLOCK;
    w->batch->body = (struct str){body.ptr, body.len}; /* the batch frees it */
    cr_assert_eq(unpack(COMPRESSION_SNAPPY_BLOCK, w->batch->body, MIB, &w->batch->plain, &e), ST_OK,
                 "%s", e.msg);
    cr_assert_eq(remote_write_decode(w->batch, &rules, &e), ST_OK, "%s", e.msg);
    write_encoder_deinit(&encoder);
}

static void world_end(struct world *w)
{
    batch_free(w->batch);
    query_free(w->query);
    senders_free(w->senders);
    account_free(w->account);
    store_close(w->store);
    temp_dir_remove(&w->dir);
}

static void count(void *user, const struct metric_metadata *m, struct label_set labels,
                  double value)
{
    uint32_t *n = user;
    (void)m, (void)labels, (void)value;
    (*n)++;
}

Test(self_series, every_number_is_a_series)
{
    struct world w = {0};
    struct arena arena = {0};
    struct err e = {0};
    uint32_t shown = 0, with_reason = 0;
    world_make(&w, false);
    cr_expect_eq(query_metrics_each(w.query, &arena, count, &shown, &e), ST_OK);
    const struct metric_batch *m = w.batch->metrics;
    cr_expect(eq(u32, m->series_count, shown));
    cr_expect(shown > 50);
    for (uint32_t i = 0; i < m->series_count; i++) {
        const struct metric_series *s = &m->series[i];
        cr_expect(str_starts_with(label_set_metric(s->labels), STR("weft_")));
        cr_expect(str_eq(label_set_get(s->labels, STR("job")), STR("weft")));
        cr_expect(str_eq(label_set_get(s->labels, STR("instance")), ADDRESS));
        cr_expect(s->sample_count == 1 && s->samples[0].time_ms == TIME_MS);
        with_reason += label_set_get(s->labels, STR("reason")).len > 0;
    }
    cr_expect(with_reason > 4 * REJECT_REASON_COUNT);
    cr_expect(eq(u32, m->metadata_count, 0));
    cr_expect(eq(u32, batch_rejected_total(w.batch), 0));
    world_end(&w);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(self_series, metadata_comes_once_a_metric)
{
    struct world w = {0};
    world_make(&w, true);
    const struct metric_batch *m = w.batch->metrics;
    cr_assert(m->metadata_count >= 20);
    for (uint32_t i = 0; i < m->metadata_count; i++) {
        bool is_total = str_ends_with(m->metadata[i].metric, STR("_total"));
        cr_expect(eq(int, m->metadata[i].type, is_total ? METRIC_COUNTER : METRIC_GAUGE));
        cr_expect(m->metadata[i].help.len > 0);
        cr_expect(i == 0 || !str_eq(m->metadata[i].metric, m->metadata[i - 1].metric));
    }
    world_end(&w);
    EXPECT_NO_LEAK();
}

/* --- the thread --- */

static void count_reading(void *user, struct net_counters *out)
{
    *out = (struct net_counters){0};
    atomic_fetch_add((atomic_int *)user, 1);
}

/* The wall clock is an hour ahead when the thread looks at it, and the system's own is what its
 * wait would see: as if it were set back. It was silent for that hour. */
Test(self_series, a_clock_that_is_set_back_silences_nobody, .timeout = 60)
{
    const uint64_t step_ns = SELF_SERIES_STEP_MS * NS_PER_MS;
    struct world w = {.dir = temp_dir_make(), .account = account_new(), .senders = senders_new()};
    struct store_config store = {.directory = str_from_c(w.dir.path)};
    struct budget budget = {.limit = 1}; /* all is refused: what is sent does not matter here */
    struct ingest_config ingest = {
        .limits = limits_default(), .budget = &budget, .account = w.account, .senders = w.senders};
    atomic_int readings = 0;
    struct self_series *s = NULL;
    struct err e = {0};
    cr_assert_eq(store_open(&store, &w.store, &e), ST_OK, "%s", e.msg);
    struct query_config config = {.store = w.store,
                                  .account = w.account,
                                  .senders = w.senders,
                                  .threads = 1,
                                  .hooks = {.net_counters = count_reading, .user = &readings}};
    cr_assert_eq(query_new(&config, &w.query, &e), ST_OK, "%s", e.msg);
    struct ingest *in;
    cr_assert_eq(ingest_new(&ingest, &in, &e), ST_OK, "%s", e.msg);
    uint64_t ahead_ns = clock_wall_ns() + 3600 * NS_PER_S;
    clock_set_ns(ahead_ns - ahead_ns % step_ns + step_ns - 20 * NS_PER_MS, clock_mono_ns());
    cr_assert_eq(self_series_start(w.query, in, ADDRESS, &s, &e), ST_OK, "%s", e.msg);
    for (struct patience p = {0}; readings == 0 && patience_left(&p);)
        ;
    cr_expect(readings > 0);
    self_series_stop(s);
    clock_set_ns(0, 0);
    ingest_free(in);
    world_end(&w);
    EXPECT_NO_LEAK();
}
