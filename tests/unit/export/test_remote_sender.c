/* test_remote_sender.c - whole senders over a source in memory: what is sent when, and once. */
#include "export/remote_sender.h"

#include "base/clock.h"
#include "base/mem.h"
#include "codec/remote_write.h"
#include "codec/unpack.h"
#include "export/remote_cursor.h"
#include "tests/support/http_script.h"
#include "tests/support/leak.h"
#include "tests/support/patience.h"
#include "tests/support/temp_dir.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define GOOD   "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define NO     "HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define NOW_MS INT64_C(1764345600000) /* a multiple of a step */
enum { STEP = 15000, SAMPLES_MAX = 400, TEXT = 4096 };

/* --- a source: two series, samples added while it is asked --- */

struct store {
    pthread_mutex_t lock;
    struct {
        int64_t times[SAMPLES_MAX];
        double values[SAMPLES_MAX];
        uint32_t count;
    } series[2];
    uint64_t samples_max; /* ST_QUERY when more are asked for; 0 = no limit */
    uint64_t fills_above; /* more than so many fill the arena to the brim; 0 = none do */
};

static const struct label name_a[] = {{{"__name__", 8}, {"a", 1}}, {{"job", 3}, {"x", 1}}};
static const struct label name_b[] = {{{"__name__", 8}, {"b", 1}}, {{"job", 3}, {"x", 1}}};
static const struct label_set names[] = {{name_a, 2}, {name_b, 2}};

static void put(struct store *s, unsigned series, int64_t at_ms, double value)
{
    pthread_mutex_lock(&s->lock);
    uint32_t i = s->series[series].count++;
    for (; i > 0 && s->series[series].times[i - 1] > at_ms; i--) {
        s->series[series].times[i] = s->series[series].times[i - 1];
        s->series[series].values[i] = s->series[series].values[i - 1];
    }
    s->series[series].times[i] = at_ms;
    s->series[series].values[i] = value;
    pthread_mutex_unlock(&s->lock);
}

static enum status copy(const struct store *s, unsigned series, const struct series_request *r,
                        struct series_data *out)
{
    int64_t *times = arena_calloc(r->arena, SAMPLES_MAX, sizeof(*times));
    double *values = arena_calloc(r->arena, SAMPLES_MAX, sizeof(*values));
    *out = (struct series_data){.labels = names[series], .times_ms = times, .values = values};
    if (!times || !values)
        return ST_NO_MEMORY;
    for (uint32_t i = 0; i < s->series[series].count; i++) {
        int64_t time = s->series[series].times[i];
        if (time < r->start_ms || time > r->end_ms)
            continue;
        times[out->sample_count] = time;
        values[out->sample_count++] = s->series[series].values[i];
    }
    return ST_OK;
}

static enum status select_store(void *user, const struct series_request *r, struct series_list *out,
                                void **held, struct err *e)
{
    struct store *s = user;
    uint64_t samples = 0;
    (void)held;
    out->items = out->items ? out->items : arena_calloc(r->arena, 64, sizeof(*out->items));
    if (!out->items)
        return err_set(e, ST_NO_MEMORY, "no memory");
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < 2; i++) {
        struct series_data *d = &out->items[out->count];
        if (!label_matchers_accept(r->matchers, r->matcher_count, names[i]))
            continue;
        cr_assert(copy(s, i, r, d) == ST_OK);
        samples += d->sample_count;
        out->count += d->sample_count > 0;
    }
    pthread_mutex_unlock(&s->lock);
    if (r->arena->limit_bytes && s->fills_above && samples > s->fills_above)
        cr_assert(arena_alloc(r->arena, r->arena->limit_bytes - r->arena->used_bytes));
    if (r->samples_max && s->samples_max && samples > s->samples_max)
        return err_set(e, ST_QUERY, "too many samples");
    return ST_OK;
}

static void release_store(void *user, void *held)
{
    (void)user, (void)held;
}

/* --- a sender --- */

struct rig {
    struct temp_dir dir;
    struct store store;
    struct http_script *script;
    struct remote_target target;
    struct remote_source source;
    struct remote_senders *senders;
};

static void set_clock(int64_t ms)
{
    clock_set_ns((uint64_t)ms * NS_PER_MS, (uint64_t)ms * NS_PER_MS);
}

static void rig_init(struct rig *rig, const char *const *answers)
{
    *rig = (struct rig){.dir = temp_dir_make(), .store.lock = PTHREAD_MUTEX_INITIALIZER};
    rig->script = http_script_start(answers);
    rig->target = (struct remote_target){
        .url = http_script_url(rig->script), .protocol = 1, .timeout_ms = 30000};
    rig->source = (struct remote_source){.name = "test",
                                         .select = select_store,
                                         .release = release_store,
                                         .user = &rig->store,
                                         .lag_ms = 10000,
                                         .step_ms = STEP,
                                         .late_ms = 300000};
    set_clock(NOW_MS);
}

static void rig_start(struct rig *rig)
{
    struct remote_senders_config config = {.directory = rig->dir.path,
                                           .targets = &rig->target,
                                           .target_count = 1,
                                           .sources = &rig->source,
                                           .source_count = 1};
    struct err e = {0};
    cr_assert(remote_senders_start(&config, &rig->senders, &e) == ST_OK, "%s", e.msg);
}

static void rig_stop(struct rig *rig)
{
    remote_senders_free(rig->senders);
    rig->senders = NULL;
}

static void rig_deinit(struct rig *rig)
{
    rig_stop(rig);
    http_script_stop(rig->script);
    temp_dir_remove(&rig->dir);
    clock_set_ns(0, 0);
}

static struct remote_stats stats_of(struct rig *rig)
{
    struct remote_stats stats;
    cr_assert_eq(remote_senders_stats(rig->senders, &stats, 1), 1u);
    return stats;
}

/* The clock goes on; true once `sent` samples are delivered and nothing is left to do. */
static bool sends(struct rig *rig, int64_t now_ms, uint64_t sent)
{
    set_clock(now_ms);
    struct remote_stats stats = stats_of(rig);
    for (struct patience p = {0}; stats.sent != sent || stats.lag_s != 0 || stats.pending != 0;
         stats = stats_of(rig))
        if (!patience_left(&p))
            return false;
    usleep(20000);
    return stats_of(rig).sent == sent;
}

/* What the i-th request holds: "a 15:1 30:2; b 15:1", times in seconds since NOW_MS. */
static void read_request(struct rig *rig, unsigned i, char *out)
{
    struct limits limits = {.samples = 100000, .attributes = 100, .unpacked_bytes = MIB};
    struct remote_write_rules rules = {.limits = &limits};
    struct str body = http_script_body(rig->script, i);
    struct batch *b = mem_calloc(1, sizeof(*b));
    size_t n = 0;
    b->encoding = ENCODING_REMOTE_WRITE_1;
    cr_assert(unpack(COMPRESSION_SNAPPY_BLOCK, body, MIB, &b->plain, NULL) == ST_OK);
    cr_assert(remote_write_decode(b, &rules, NULL) == ST_OK);
    out[0] = '\0';
    for (uint32_t s = 0; s < b->metrics->series_count; s++) {
        const struct metric_series *series = &b->metrics->series[s];
        n += (size_t)snprintf(out + n, TEXT - n, "%s%.*s", s ? "; " : "",
                              STR_ARG(label_set_metric(series->labels)));
        for (uint32_t k = 0; k < series->sample_count && n < TEXT; k++)
            n += (size_t)snprintf(out + n, TEXT - n, " %lld:%g",
                                  (long long)(series->samples[k].time_ms - NOW_MS) / 1000,
                                  series->samples[k].value);
    }
    mem_free((void *)(uintptr_t)b->plain.ptr);
    arena_deinit(&b->arena);
    mem_free(b);
}

#define EXPECT_REQUEST(rig, i, want)                                                               \
    do {                                                                                           \
        char text_[TEXT];                                                                          \
        read_request(rig, i, text_);                                                               \
        cr_expect_str_eq(text_, want);                                                             \
    } while (0)

static const char *const good[] = {GOOD, NULL};

Test(remote_sender, live_late_and_out_of_order, .timeout = 60)
{
    struct rig rig;
    rig_init(&rig, good);
    put(&rig.store, 0, NOW_MS - 5000, 1); /* before it began */
    rig_start(&rig);
    put(&rig.store, 0, NOW_MS + 5000, 2);
    put(&rig.store, 0, NOW_MS + 16000, 3); /* not final yet */
    cr_assert(sends(&rig, NOW_MS + 25000, 1));
    EXPECT_REQUEST(&rig, 0, "a 5:2");
    put(&rig.store, 1, NOW_MS + 2000, 4); /* late, first of its series */
    put(&rig.store, 0, NOW_MS + 3000, 5); /* behind what was sent */
    cr_assert(sends(&rig, NOW_MS + 40000, 3));
    cr_expect_eq(stats_of(&rig).lost[REMOTE_LOST_OUT_OF_ORDER], 1u);
    cr_assert(sends(&rig, NOW_MS + 55000, 3));
    cr_expect_eq(stats_of(&rig).lost[REMOTE_LOST_OUT_OF_ORDER], 1u);
    cr_expect_eq(http_script_count(rig.script), 2u);
    rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(remote_sender, goes_on_where_it_was, .timeout = 60)
{
    struct rig rig;
    rig_init(&rig, good);
    rig_start(&rig);
    put(&rig.store, 0, NOW_MS + 15000, 1);
    cr_assert(sends(&rig, NOW_MS + 25000, 1));
    rig_stop(&rig);
    /* A process later: half an hour was missed. */
    for (int i = 2; i <= 120; i++)
        put(&rig.store, 0, NOW_MS + i * STEP, i);
    set_clock(NOW_MS + 1810000);
    rig_start(&rig);
    cr_assert(sends(&rig, NOW_MS + 1810000, 119));
    EXPECT_REQUEST(&rig, 0, "a 15:1");
    EXPECT_REQUEST(&rig, 1, "a 30:2"); /* one sample of a series at a time: see next_cut() */
    EXPECT_REQUEST(&rig, 2, "a 45:3");
    cr_expect_eq(http_script_count(rig.script), 120u);
    rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

/* Samples of different paces: none goes before an older one of its series is durable. */
Test(remote_sender, no_request_has_two_samples_of_a_series, .timeout = 60)
{
    struct rig rig;
    rig_init(&rig, good);
    rig_start(&rig);
    for (int i = 1; i <= 15; i++)
        put(&rig.store, 0, NOW_MS + 1000 * i, i);
    put(&rig.store, 1, NOW_MS + 7000, 1);
    cr_assert(sends(&rig, NOW_MS + 25000, 16));
    cr_assert_eq(http_script_count(rig.script), 15u);
    EXPECT_REQUEST(&rig, 0, "a 1:1");
    EXPECT_REQUEST(&rig, 14, "a 15:15");
    cr_assert(sends(&rig, NOW_MS + 40000, 16));
    cr_expect_eq(stats_of(&rig).lost[REMOTE_LOST_OUT_OF_ORDER], 0u);
    rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(remote_sender, waits_for_a_receiver_without_losing, .timeout = 60)
{
    static const char *const answers[] = {NO, NO, NO, "", GOOD, NULL};
    struct rig rig;
    rig_init(&rig, answers);
    rig_start(&rig);
    put(&rig.store, 0, NOW_MS + 15000, 1);
    put(&rig.store, 1, NOW_MS + 15000, 1);
    cr_assert(sends(&rig, NOW_MS + 25000, 2));
    cr_expect_eq(stats_of(&rig).failed, 4u);
    cr_expect_eq(stats_of(&rig).retries, 4u);
    cr_expect_eq(stats_of(&rig).last_error[0], '\0');
    rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

/* The number to be alarmed by when a receiver is away. */
Test(remote_sender, how_far_it_is_behind_grows_while_it_tries, .timeout = 60)
{
    static const char *const answers[] = {NO, NULL};
    struct rig rig;
    rig_init(&rig, answers);
    rig_start(&rig);
    put(&rig.store, 0, NOW_MS + 15000, 1);
    set_clock(NOW_MS + 25000);
    for (struct patience p = {0}; stats_of(&rig).failed < 2 && patience_left(&p);)
        ;
    cr_expect_eq(stats_of(&rig).lag_s, 15);
    set_clock(NOW_MS + 3625000);
    cr_expect_eq(stats_of(&rig).lag_s, 3615);
    rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(remote_sender, what_retention_took_is_told, .timeout = 60)
{
    struct rig rig;
    rig_init(&rig, good);
    rig.source.retention_ms = 600000;
    rig_start(&rig);
    rig_stop(&rig);
    set_clock(NOW_MS + 3600000);
    rig_start(&rig);
    cr_assert(sends(&rig, NOW_MS + 3600000, 0));
    cr_expect_eq(stats_of(&rig).expired_ms, 3000000u);
    rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(remote_sender, too_much_at_once_is_cut, .timeout = 60)
{
    struct rig rig;
    rig_init(&rig, good);
    rig_start(&rig);
    rig_stop(&rig);
    for (int i = 1; i <= 40; i++)
        put(&rig.store, 0, NOW_MS + i * STEP, i);
    rig.store.samples_max = 4;
    set_clock(NOW_MS + 610000);
    rig_start(&rig);
    cr_assert(sends(&rig, NOW_MS + 610000, 40));
    cr_expect_gt(http_script_count(rig.script), 8u);
    cr_expect_eq(stats_of(&rig).lost[REMOTE_LOST_OUT_OF_ORDER], 0u);
    rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

/* What was selected fits in a round, but the order of it does not. */
Test(remote_sender, a_full_arena_is_too_much, .timeout = 60)
{
    struct rig rig;
    rig_init(&rig, good);
    rig_start(&rig);
    rig_stop(&rig);
    for (int i = 1; i <= 20; i++)
        put(&rig.store, 0, NOW_MS + i * STEP, i);
    rig.store.fills_above = 4;
    set_clock(NOW_MS + 310000);
    rig_start(&rig);
    cr_assert(sends(&rig, NOW_MS + 310000, 20));
    rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(remote_sender, a_quick_series_takes_a_request_a_second, .timeout = 60)
{
    struct rig rig;
    rig_init(&rig, good);
    rig_start(&rig);
    for (int i = 1; i <= 300; i++)
        put(&rig.store, 0, NOW_MS + 50 * i, i);
    put(&rig.store, 1, NOW_MS + 15000, 1);
    cr_assert(sends(&rig, NOW_MS + 25000, 301));
    cr_expect_leq(http_script_count(rig.script), 16u, "%u requests", http_script_count(rig.script));
    cr_expect_eq(stats_of(&rig).lost[REMOTE_LOST_OUT_OF_ORDER], 0u);
    rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

static bool cursor_is_at(const struct rig *rig, int64_t until_ms)
{
    char path[REMOTE_CURSOR_PATH];
    struct remote_cursor cursor;
    remote_cursor_path(rig->dir.path, rig->target.url, rig->source.name, path);
    struct patience p = {0};
    while (remote_cursor_read(path, &cursor, NULL) != ST_OK || cursor.until_ms != until_ms)
        if (!patience_left(&p))
            return false;
    return true;
}

/* The clock of a machine that starts an hour ahead, and is put right. */
Test(remote_sender, a_clock_put_back_does_not_silence_it, .timeout = 60)
{
    struct rig rig;
    rig_init(&rig, good);
    rig_start(&rig);
    put(&rig.store, 1, NOW_MS + 3595000, 1); /* of this very machine */
    cr_assert(sends(&rig, NOW_MS + 3610000, 1));
    cr_assert(cursor_is_at(&rig, NOW_MS + 3600000));
    set_clock(NOW_MS + 30000);
    cr_assert(cursor_is_at(&rig, NOW_MS + 30000));
    put(&rig.store, 0, NOW_MS + 40000, 1);
    put(&rig.store, 1, NOW_MS + 40000, 2);
    cr_assert(sends(&rig, NOW_MS + 70000, 3));
    cr_expect_eq(stats_of(&rig).lost[REMOTE_LOST_OUT_OF_ORDER], 0u);
    rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(remote_sender, selects_labels_and_relabels, .timeout = 60)
{
    static const struct str job = {"job", 3};
    static const struct label extra[] = {{{"cluster", 7}, {"c", 1}}, {{"job", 3}, {"mine", 4}}};
    struct label_matcher a, any;
    struct relabel_rule rule;
    struct relabel_text text = {.source_labels = &job,
                                .source_count = 1,
                                .target_label = STR("__name__"),
                                .regex = STR("(.*)"),
                                .replacement = STR("was_$1")};
    struct rig rig;
    cr_assert(label_matcher_init(&a, MATCH_EQ, STR("__name__"), STR("a"), NULL) == ST_OK);
    cr_assert(label_matcher_init(&any, MATCH_RE, STR("__name__"), STR("a|z"), NULL) == ST_OK);
    cr_assert(relabel_rule_init(&text, &rule, NULL) == ST_OK);
    const struct remote_match match[] = {{&a, 1}, {&any, 1}};
    rig_init(&rig, good);
    rig.target.match = match;
    rig.target.match_count = 2; /* both have a: it is sent once */
    rig.target.relabel = &rule;
    rig.target.relabel_count = 1;
    rig.target.external_labels = (struct label_set){extra, 2};
    rig_start(&rig);
    put(&rig.store, 0, NOW_MS + 15000, 1);
    put(&rig.store, 1, NOW_MS + 15000, 1);
    cr_assert(sends(&rig, NOW_MS + 25000, 1));
    EXPECT_REQUEST(&rig, 0, "was_x 15:1");
    rig_deinit(&rig);
    label_matcher_deinit(&a);
    label_matcher_deinit(&any);
    relabel_rule_deinit(&rule);
    EXPECT_NO_LEAK();
}

Test(remote_sender, a_crash_in_a_round_repeats_little, .timeout = 60)
{
    struct rig rig;
    rig_init(&rig, good);
    rig_start(&rig);
    rig_stop(&rig);
    /* A cursor as a crash leaves it: of the round up to 30 s the series with the smaller hash was
     * delivered. */
    uint64_t ha = label_set_hash(names[0], 0), hb = label_set_hash(names[1], 0);
    char path[REMOTE_CURSOR_PATH];
    struct remote_cursor cursor = {NOW_MS, NOW_MS + 30000, MIN(ha, hb)};
    remote_cursor_path(rig.dir.path, rig.target.url, rig.source.name, path);
    cr_assert(remote_cursor_write(path, &cursor, NULL) == ST_OK);
    for (unsigned s = 0; s < 2; s++) {
        put(&rig.store, s, NOW_MS + 15000, 1);
        put(&rig.store, s, NOW_MS + 45000, 2);
    }
    set_clock(NOW_MS + 55000);
    rig_start(&rig);
    cr_assert(sends(&rig, NOW_MS + 55000, 3));
    EXPECT_REQUEST(&rig, 0, ha < hb ? "b 15:1" : "a 15:1");
    rig_deinit(&rig);
    EXPECT_NO_LEAK();
}

Test(remote_sender, addresses_without_secrets)
{
    static const char *const rows[][2] = {
        {"http://a/b", "http://a/b"},
        {"https://me:secret@host:1/w?key=secret", "https://host:1/w"},
        {"http://me@host", "http://host"},
        {"http://host/a@b", "http://host/a@b"},
        {"http://host/\"x", "http://host/_x"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        char shown[REMOTE_URL_BYTES];
        remote_url_show(rows[i][0], shown);
        cr_expect_str_eq(shown, rows[i][1]);
    }
    EXPECT_NO_LEAK();
}
