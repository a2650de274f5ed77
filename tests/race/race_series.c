/* race_series.c - one thread appends, two ask, one writes checkpoints, merges and deletes; run
 * under TSan. Every acknowledged sample is in the next view, once. */
#include "base/mem.h"
#include "model/series_hash.h"
#include "storage/series_store.h"
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 150, SERIES = 20 };

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "race_series: %s\n", what);
    exit(1);
}

static struct store *store;
static struct series_store *series;
static atomic_uint acknowledged; /* rounds */
static atomic_bool finished;

static void on_applied(void *user, const struct metric_outcome *outcome)
{
    atomic_uint *applied = user;
    must(outcome->samples == SERIES + 2, "samples were turned down");
    atomic_fetch_add(applied, 1);
}

static struct metric_series *add(struct batch *b, const char *metric, unsigned n, double value,
                                 int64_t time_ms)
{
    struct metric_batch *m = b->metrics;
    struct metric_series *s = &m->series[m->series_count++];
    struct label *l = arena_calloc(&b->arena, 2, sizeof(*l));
    char text[16];
    snprintf(text, sizeof(text), "%u", n);
    l[0] = (struct label){LABEL_METRIC_NAME, str_from_c(metric)};
    l[1] = (struct label){STR("n"), arena_dup_str(&b->arena, str_from_c(text))};
    s->labels = (struct label_set){l, 2};
    s->hash = series_hash(s->labels, store_seed(store));
    s->samples = arena_calloc(&b->arena, 1, sizeof(*s->samples));
    s->samples[0] = (struct sample){.time_ms = time_ms, .value = value};
    s->sample_count = s->item_count = 1;
    return s;
}

/* Each round a sample of every old series and a new series. */
static void *append(void *user)
{
    static atomic_uint applied;
    (void)user;
    for (unsigned round = 1; round <= ROUNDS; round++) {
        struct batch *b = batch_new();
        b->metrics = arena_calloc(&b->arena, 1, sizeof(*b->metrics));
        b->metrics->series = arena_calloc(&b->arena, SERIES + 2, sizeof(*b->metrics->series));
        for (unsigned n = 0; n < SERIES; n++)
            add(b, "old", n, round, round);
        add(b, "new", round, 1, round);
        add(b, "gone", round % 3, 1, round);
        b->received = SERIES + 2;
        b->encoding = ENCODING_REMOTE_WRITE_1;
        b->sender = STR("127.0.0.1:1");
        b->sequence = round;
        b->applied = on_applied;
        b->applied_user = &applied;
        series_store_batch(series, b);
        while (applied < round)
            usleep(100);
        acknowledged = round;
    }
    finished = true;
    return NULL;
}

static void look(const char *name, const char *value, uint32_t *count, uint32_t *samples)
{
    struct arena arena = {0};
    struct series_list list = {0};
    struct series_view *v;
    struct label_matcher m[2];
    uint64_t lost = 0;
    must(label_matcher_init(&m[0], MATCH_EQ, LABEL_METRIC_NAME, str_from_c(name), NULL) == ST_OK &&
             label_matcher_init(&m[1], MATCH_RE, STR("n"), str_from_c(value), NULL) == ST_OK,
         "matcher");
    struct series_request q = {
        .matchers = m, .matcher_count = 2, .start_ms = 0, .end_ms = 1000000, .arena = &arena};
    must(series_view_take(series, &v, NULL) == ST_OK, "view");
    must(series_view_select(v, &q, &list, &lost, NULL) == ST_OK && lost == 0, "select");
    *count = list.count;
    *samples = list.count ? list.items[0].sample_count : 0;
    for (uint32_t i = 0; i < list.count; i++)
        for (uint32_t k = 1; k < list.items[i].sample_count; k++)
            must(list.items[i].times_ms[k - 1] < list.items[i].times_ms[k], "not ascending");
    series_view_unref(v);
    label_matcher_deinit(&m[0]);
    label_matcher_deinit(&m[1]);
    arena_deinit(&arena);
}

static void *ask(void *user)
{
    (void)user;
    while (!finished) {
        uint32_t rounds = acknowledged, count, samples;
        struct series_stats stats;
        look("old", "1.*|7", &count, &samples);
        must(rounds == 0 || (count == 12 && samples >= rounds),
             "an acknowledged sample is missing");
        look("new", ".+", &count, &samples);
        must(count >= rounds, "an acknowledged series is missing");
        series_store_stats(series, &stats);
    }
    return NULL;
}

static void *change(void *user)
{
    struct label_matcher m;
    must(label_matcher_init(&m, MATCH_EQ, LABEL_METRIC_NAME, STR("gone"), NULL) == ST_OK, "m");
    for (unsigned i = 0; !finished; i++) {
        must(series_store_checkpoint(series, NULL) == ST_OK, "checkpoint");
        must(i % 7 || series_store_compact(series, NULL) == ST_OK, "compact");
        must(i % 5 || series_store_delete(series, &m, 1, 0, 1000, NULL) == ST_OK, "delete");
        usleep(1000);
    }
    label_matcher_deinit(&m);
    return user;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

int main(void)
{
    char directory[] = "/tmp/weft-race-XXXXXX";
    pthread_t threads[4];
    uint64_t position;
    must(mkdtemp(directory) != NULL, "no temporary directory");
    struct store_config config = {str_from_c(directory), {0}};
    must(store_open(&config, &store, NULL) == ST_OK, "store");
    struct series_store_config own = {.store = store, .account = account_new()};
    must(series_store_open(&own, &series, &position, NULL) == ST_OK, "open");
    must(series_store_start(series, NULL) == ST_OK, "start");
    void *(*const jobs[])(void *) = {append, ask, ask, change};
    for (size_t i = 0; i < LEN(jobs); i++)
        pthread_create(&threads[i], NULL, jobs[i], NULL);
    for (size_t i = 0; i < LEN(jobs); i++)
        pthread_join(threads[i], NULL);
    uint32_t count, samples;
    look("old", "7", &count, &samples);
    must(count == 1 && samples == ROUNDS, "something is missing or twice");
    series_store_stop(series);
    series_store_close(series);
    store_close(store);
    account_free(own.account);
    nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    puts("1 passed, 0 failed, 0 skipped");
    return 0;
}
