/* series_store_rig.c - see series_store_rig.h. */
#include "tests/unit/storage/series_store_rig.h"
#include "base/mem.h"
#include "model/series_hash.h"
#include "model/stale.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct series_store_rig series_store_rig_new(void)
{
    struct series_store_rig r = {.dir = temp_dir_make(), .arrival_ms = 1700000000000};
    r.budget.limit = (uint64_t)8 * GIB;
    return r;
}

void series_store_rig_open(struct series_store_rig *r, bool start)
{
    struct err e = {0};
    struct store_config store = {str_from_c(r->dir), {.disk_bytes = r->disk_bytes}};
    cr_assert(eq(int, store_open(&store, &r->store, &e), ST_OK), "%s", e.msg);
    r->account = account_new();
    r->config.store = r->store;
    r->config.account = r->account;
    r->config.budget = &r->budget;
    cr_assert(eq(int, series_store_open(&r->config, &r->series, &r->position, &e), ST_OK), "%s",
              e.msg);
    r->sequence = MAX(r->sequence, r->position);
    r->is_started = start;
    if (start)
        cr_assert(eq(int, series_store_start(r->series, &e), ST_OK), "%s", e.msg);
}

void series_store_rig_close(struct series_store_rig *r)
{
    if (!r->series)
        return;
    series_store_stop(r->series);
    series_store_close(r->series);
    store_close(r->store);
    account_free(r->account);
    r->series = NULL;
}

void series_store_rig_free(struct series_store_rig *r)
{
    series_store_rig_close(r);
    cr_expect(eq(u64, budget_used(&r->budget), 0), "the budget is given back");
    temp_dir_remove(r->dir);
}

/* --- batches --- */

struct rig_batch series_store_rig_batch(struct series_store_rig *r)
{
    struct rig_batch b = {.batch = batch_new(), .seed = store_seed(r->store)};
    cr_assert(ne(ptr, b.batch, NULL));
    b.batch->signal = BATCH_METRICS;
    b.batch->encoding = ENCODING_REMOTE_WRITE_1;
    b.batch->sender = STR("127.0.0.1:4242");
    b.batch->arrival_ns = r->arrival_ms * NS_PER_MS;
    b.batch->sequence = ++r->sequence;
    return b;
}

/* "name,label=value,..." sorted. */
static struct label_set parse_labels(struct arena *arena, const char *text)
{
    struct label *labels = arena_calloc(arena, 32, sizeof(*labels));
    struct str left = arena_dup_str(arena, str_from_c(text)), part;
    struct label_set set;
    uint32_t count = 0;
    do {
        str_cut(left, ',', &part, &left);
        if (!str_cut(part, '=', &labels[count].name, &labels[count].value))
            labels[count] = (struct label){LABEL_METRIC_NAME, part};
        count++;
    } while (left.len);
    cr_assert(eq(int, label_set_sort(labels, count, &set, NULL), ST_OK));
    return set;
}

static struct metric_series *series_of(struct rig_batch *b, const char *labels)
{
    struct label_set set = parse_labels(&b->batch->arena, labels);
    size_t count = b->series.len;
    if (count && label_set_eq(b->series.items[count - 1].labels, set))
        return &b->series.items[count - 1];
    struct metric_series m = {.labels = set, .hash = series_hash(set, b->seed)};
    bool pushed = vec_push(&b->series, m);
    cr_assert(pushed);
    return &b->series.items[count];
}

void series_store_rig_put(struct rig_batch *b, const char *labels, int64_t time_ms, double value)
{
    struct metric_series *m = series_of(b, labels);
    struct sample *grown = arena_alloc(&b->batch->arena, (m->sample_count + 1) * sizeof(*grown));
    if (m->sample_count)
        memcpy(grown, m->samples, m->sample_count * sizeof(*grown));
    grown[m->sample_count++] = (struct sample){.time_ms = time_ms, .value = value};
    m->samples = grown;
    m->item_count++;
    b->batch->received++;
}

struct sample *series_store_rig_last(struct rig_batch *b)
{
    struct metric_series *m = &b->series.items[b->series.len - 1];
    return &m->samples[m->sample_count - 1];
}

struct answer {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool came;
    struct metric_outcome outcome;
};

static void on_applied(void *user, const struct metric_outcome *outcome)
{
    struct answer *a = user;
    pthread_mutex_lock(&a->lock);
    a->outcome = *outcome;
    a->came = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

struct metric_outcome series_store_rig_send(struct series_store_rig *r, struct rig_batch *b)
{
    struct answer a = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct metric_batch *m = arena_calloc(&b->batch->arena, 1, sizeof(*m));
    m->series = arena_alloc(&b->batch->arena, b->series.len * sizeof(*m->series));
    if (b->series.len)
        memcpy(m->series, b->series.items, b->series.len * sizeof(*m->series));
    m->series_count = (uint32_t)b->series.len;
    vec_deinit(&b->series);
    b->batch->metrics = m;
    b->batch->applied = on_applied;
    b->batch->applied_user = &a;
    series_store_batch(r->series, b->batch);
    pthread_mutex_lock(&a.lock);
    while (!a.came && r->is_started)
        pthread_cond_wait(&a.changed, &a.lock);
    pthread_mutex_unlock(&a.lock);
    return a.outcome;
}

struct metric_outcome series_store_rig_one(struct series_store_rig *r, const char *labels,
                                           int64_t time_ms, double value)
{
    struct rig_batch b = series_store_rig_batch(r);
    series_store_rig_put(&b, labels, time_ms, value);
    return series_store_rig_send(r, &b);
}

/* --- asking --- */

static struct str parse_op(struct str text, struct label_matcher *m)
{
    static const struct {
        const char *text;
        enum match_op op;
    } ops[] = {{"=~", MATCH_RE}, {"!~", MATCH_NRE}, {"!=", MATCH_NE}, {"=", MATCH_EQ}};
    size_t best = text.len;
    struct str value = {0};
    for (size_t i = 0; i < LEN(ops); i++) {
        size_t at = str_search(text, str_from_c(ops[i].text));
        if (at >= best)
            continue;
        best = at;
        m->op = ops[i].op;
        m->name = str_sub(text, 0, at);
        value = str_sub(text, at + strlen(ops[i].text), text.len);
    }
    return value;
}

uint32_t series_store_rig_matchers(const char *text, struct arena *arena,
                                   struct label_matcher out[8])
{
    struct str left = arena_dup_str(arena, str_from_c(text)), part;
    uint32_t count = 0;
    while (left.len) {
        struct label_matcher parsed;
        str_cut(left, ',', &part, &left);
        struct str value = parse_op(part, &parsed);
        cr_assert(
            eq(int, label_matcher_init(&out[count++], parsed.op, parsed.name, value, NULL), ST_OK));
    }
    return count;
}

static void append_labels(struct buf *out, struct label_set labels)
{
    buf_append_str(out, label_set_metric(labels));
    for (uint32_t i = 0; i < labels.count; i++)
        if (!str_eq(labels.items[i].name, LABEL_METRIC_NAME))
            buf_printf(out, ",%.*s=%.*s", STR_ARG(labels.items[i].name),
                       STR_ARG(labels.items[i].value));
}

static void append_samples(struct buf *out, const struct series_data *d)
{
    for (uint32_t i = 0; i < d->sample_count; i++) {
        buf_printf(out, " %lld=", (long long)d->times_ms[i]);
        if (d->histograms && d->histograms[i])
            buf_printf(out, "h%g", d->histograms[i]->count);
        else if (value_is_stale(d->values[i]))
            buf_append_str(out, STR("stale"));
        else
            buf_printf(out, "%g", d->values[i]);
        if (d->starts_ms && d->starts_ms[i])
            buf_printf(out, "@%lld", (long long)d->starts_ms[i]);
    }
}

static int data_cmp(const void *a, const void *b)
{
    return label_set_cmp(((const struct series_data *)a)->labels,
                         ((const struct series_data *)b)->labels);
}

static struct buf text; /* of the last answer */

static const char *text_end(void)
{
    buf_append_u8(&text, 0);
    static char kept[65536];
    cr_assert(lt(sz, text.len, sizeof(kept)));
    memcpy(kept, text.ptr, text.len);
    buf_deinit(&text);
    return kept;
}

static const char *select_text(struct series_store_rig *r, const char *matchers, int64_t start_ms,
                               int64_t end_ms, bool names_only)
{
    struct arena arena = {0};
    struct label_matcher m[8];
    struct series_list list = {0};
    struct series_view *v;
    struct err e = {0};
    uint64_t lost = 0;
    struct series_request request = {.matchers = m,
                                     .matcher_count =
                                         series_store_rig_matchers(matchers, &arena, m),
                                     .start_ms = start_ms,
                                     .end_ms = end_ms,
                                     .arena = &arena,
                                     .names_only = names_only};
    cr_assert(eq(int, series_view_take(r->series, &v, &e), ST_OK));
    cr_assert(eq(int, series_view_select(v, &request, &list, &lost, &e), ST_OK), "%s", e.msg);
    cr_expect(eq(u64, lost, 0));
    if (list.count)
        qsort(list.items, list.count, sizeof(*list.items), data_cmp);
    for (uint32_t i = 0; i < list.count; i++) {
        append_labels(&text, list.items[i].labels);
        append_samples(&text, &list.items[i]);
        buf_append_str(&text, STR(";"));
    }
    series_view_unref(v);
    for (uint32_t i = 0; i < request.matcher_count; i++)
        label_matcher_deinit(&m[i]);
    arena_deinit(&arena);
    return text_end();
}

const char *series_store_rig_select(struct series_store_rig *r, const char *matchers,
                                    int64_t start_ms, int64_t end_ms)
{
    return select_text(r, matchers, start_ms, end_ms, false);
}

const char *series_store_rig_names(struct series_store_rig *r, const char *matchers,
                                   int64_t start_ms, int64_t end_ms)
{
    return select_text(r, matchers, start_ms, end_ms, true);
}

const char *series_store_rig_values(struct series_store_rig *r, const char *matchers,
                                    const char *name, int64_t start_ms, int64_t end_ms)
{
    struct arena arena = {0};
    struct label_matcher m[8];
    struct series_view *v;
    struct str *texts;
    uint32_t count;
    bool truncated;
    struct series_request request = {.matchers = m,
                                     .matcher_count =
                                         series_store_rig_matchers(matchers, &arena, m),
                                     .start_ms = start_ms,
                                     .end_ms = end_ms,
                                     .arena = &arena};
    cr_assert(eq(int, series_view_take(r->series, &v, NULL), ST_OK));
    cr_assert(eq(
        int, series_view_labels(v, &request, str_from_c(name), 0, &texts, &count, &truncated, NULL),
        ST_OK));
    for (uint32_t i = 0; i < count; i++)
        buf_printf(&text, "%s%.*s", i ? ";" : "", STR_ARG(texts[i]));
    series_view_unref(v);
    for (uint32_t i = 0; i < request.matcher_count; i++)
        label_matcher_deinit(&m[i]);
    arena_deinit(&arena);
    return text_end();
}
