/* test_series_view.c - what else a view is asked: names, values, exemplars, metadata, limits. */
#include "tests/support/leak.h"
#include "tests/unit/storage/series_store_rig.h"
#include <criterion/new/assert.h>
#include <stdio.h>
#include <unistd.h>

static void restart(struct series_store_rig *r)
{
    series_store_rig_close(r);
    series_store_rig_open(r, true);
}

Test(series_view, names_and_values_of_what_may_have_samples, .timeout = 60)
{
    static const struct {
        const char *matchers, *name;
        int64_t start_ms, end_ms;
        const char *want;
    } rows[] = {
        {"", "", 0, 100, "__name__;code;job;zone"},
        {"", "job", 0, 100, "a;b;c"},
        {"", "job", 0, 15, "a"},
        {"", "job", 15, 25, "a;b"},
        {"", "job", 41, 100, ""},
        {"", "nothing", 0, 100, ""},
        {"code=~2.*", "job", 0, 100, "a;b"},
        {"code=~2.*", "job", 30, 100, ""},
        {"job=c", "", 0, 100, "__name__;job;zone"},
        {"job=c", "", 0, 10, ""},
        {"zone!=", "__name__", 0, 100, "z"},
    };
    struct series_store_rig r = series_store_rig_new();
    series_store_rig_open(&r, true);
    series_store_rig_one(&r, "x,job=b,code=200", 20, 1);
    series_store_rig_one(&r, "x,job=a,code=200", 10, 1);
    series_store_rig_one(&r, "x,job=a,code=200", 20, 1);
    series_store_rig_one(&r, "z,job=c,zone=eu", 40, 1);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < LEN(rows); i++)
            cr_expect(eq(str,
                         (char *)series_store_rig_values(&r, rows[i].matchers, rows[i].name,
                                                         rows[i].start_ms, rows[i].end_ms),
                         (char *)rows[i].want),
                      "pass %d, row %zu", pass, i);
        cr_expect(eq(str, (char *)series_store_rig_names(&r, "code=200", 15, 20),
                     "x,code=200,job=a;x,code=200,job=b;"));
        restart(&r);
    }
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

static size_t deleted_files_held(void)
{
    size_t held = 0;
    char path[64], target[512];
    for (int fd = 0; fd < 1024; fd++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        ssize_t len = readlink(path, target, sizeof(target));
        struct str text = {target, len > 0 ? (size_t)len : 0};
        held += str_ends_with(text, STR(".part (deleted)"));
    }
    return held;
}

/* Remote write keeps what it selected until its receiver is there again. */
Test(series_view, an_answer_that_is_kept_holds_no_part, .timeout = 60)
{
    for (int released = 0; released < 2; released++) {
        struct series_store_rig r = series_store_rig_new();
        struct arena arena = {0};
        struct series_list list = {0};
        struct series_view *v;
        uint64_t lost = 0;
        struct series_request q = {.end_ms = 100, .arena = &arena};
        series_store_rig_open(&r, true);
        for (int i = 1; i <= 3; i++) {
            series_store_rig_one(&r, "x", i, i);
            if (i < 3)
                cr_assert(eq(int, series_store_checkpoint(r.series, NULL), ST_OK));
        }
        cr_assert(eq(int, series_view_take(r.series, &v, NULL), ST_OK));
        cr_assert(eq(int, series_view_select(v, &q, &list, &lost, NULL), ST_OK));
        if (released)
            series_view_release_parts(v);
        cr_assert(eq(int, series_store_compact(r.series, NULL), ST_OK));
        cr_expect(eq(int, deleted_files_held() == 0, released));
        cr_assert(eq(u32, list.count, 1));
        cr_assert(eq(u32, list.items[0].sample_count, 3));
        for (int i = 0; i < 3; i++)
            cr_expect(list.items[0].values[i] == i + 1);
        series_view_unref(v);
        arena_deinit(&arena);
        series_store_rig_free(&r);
    }
    EXPECT_NO_LEAK();
}

Test(series_view, limits, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    struct arena arena = {0};
    struct series_list list = {0};
    struct series_view *v;
    struct str *texts;
    uint32_t count;
    bool truncated;
    uint64_t lost = 0;
    struct err e;
    series_store_rig_open(&r, true);
    for (int i = 0; i < 5; i++)
        series_store_rig_one(&r, "x", i, 1);
    series_store_rig_one(&r, "y", 1, 1);
    struct series_request q = {.end_ms = 100, .arena = &arena, .samples_max = 5};
    cr_assert(eq(int, series_view_take(r.series, &v, NULL), ST_OK));
    cr_expect(eq(int, series_view_select(v, &q, &list, &lost, &e), ST_QUERY));
    q.samples_max = 6;
    cr_expect(eq(int, series_view_select(v, &q, &list, &lost, &e), ST_OK));
    cr_expect(eq(u32, list.count, 2));
    cr_expect(eq(int, series_view_select(v, &q, &list, &lost, &e), ST_OK));
    cr_expect(eq(u32, list.count, 4), "appended");
    cr_assert(eq(int,
                 series_view_labels(v, &q, LABEL_METRIC_NAME, 1, &texts, &count, &truncated, NULL),
                 ST_OK));
    cr_expect(eq(u32, count, 1));
    cr_expect(truncated == true);
    cr_expect(str_eq(texts[0], STR("x")) == true);
    series_view_unref(v);
    arena_deinit(&arena);
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* --- exemplars --- */

static const char *exemplars_text(struct series_store_rig *r, const char *matchers,
                                  int64_t start_ms, int64_t end_ms)
{
    static char text[2048];
    struct arena arena = {0};
    struct label_matcher m[8];
    struct series_view *v;
    struct series_exemplars *found;
    uint32_t count;
    size_t len = 0;
    struct series_request q = {
        m, series_store_rig_matchers(matchers, &arena, m), start_ms, end_ms, &arena, 0, false};
    text[0] = '\0';
    cr_assert(eq(int, series_view_take(r->series, &v, NULL), ST_OK));
    cr_assert(eq(int, series_view_exemplars(v, &q, &found, &count, NULL), ST_OK));
    for (uint32_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s",
                                STR_ARG(label_set_metric(found[i].labels)));
        for (uint32_t k = 0; k < found[i].count; k++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, " %lld=%g %.*s",
                                    (long long)found[i].items[k].time_ms, found[i].items[k].value,
                                    STR_ARG(found[i].items[k].labels.items[0].value));
        len += (size_t)snprintf(text + len, sizeof(text) - len, ";");
    }
    series_view_unref(v);
    for (uint32_t i = 0; i < q.matcher_count; i++)
        label_matcher_deinit(&m[i]);
    arena_deinit(&arena);
    return text;
}

static void send_exemplar(struct series_store_rig *r, const char *labels, int64_t time_ms,
                          const char *trace)
{
    struct rig_batch b = series_store_rig_batch(r);
    struct label label = {STR("trace_id"), str_from_c(trace)};
    struct metric_exemplar x = {{&label, 1}, (double)time_ms / 2, time_ms};
    series_store_rig_put(&b, labels, time_ms, 1);
    b.series.items[0].exemplars = &x;
    b.series.items[0].exemplar_count = 1;
    struct metric_outcome o = series_store_rig_send(r, &b);
    cr_expect(eq(u32, o.exemplars, 1));
}

Test(series_view, exemplars_by_series_and_time, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    series_store_rig_open(&r, true);
    send_exemplar(&r, "x", 10, "one");
    send_exemplar(&r, "y", 15, "two");
    send_exemplar(&r, "x", 20, "three");
    send_exemplar(&r, "x", 20, "three"); /* sent again */
    for (int pass = 0; pass < 2; pass++) {
        cr_expect(eq(str, (char *)exemplars_text(&r, "", 0, 100),
                     "x 10=5 one 20=10 three;y 15=7.5 two;"));
        cr_expect(eq(str, (char *)exemplars_text(&r, "__name__=x", 11, 20), "x 20=10 three;"));
        cr_expect(eq(str, (char *)exemplars_text(&r, "__name__=z", 0, 100), ""));
        restart(&r);
    }
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* --- metadata --- */

static bool append_metadata(const struct metric_metadata *m, void *user)
{
    struct buf *out = user;
    buf_printf(out, "%.*s %d %.*s %.*s;", STR_ARG(m->metric), m->type, STR_ARG(m->help),
               STR_ARG(m->unit));
    return true;
}

static void expect_metadata(struct series_store_rig *r, const char *metric, const char *want)
{
    struct buf out = {0};
    struct series_view *v;
    cr_assert(eq(int, series_view_take(r->series, &v, NULL), ST_OK));
    series_view_metadata(v, str_from_c(metric), append_metadata, &out);
    buf_append_u8(&out, 0);
    cr_expect(eq(str, out.ptr, (char *)want));
    series_view_unref(v);
    buf_deinit(&out);
}

Test(series_view, metadata_newest_wins, .timeout = 60)
{
    static struct metric_metadata told[] = {
        {STR("b"), STR("old"), STR("s"), METRIC_COUNTER},
        {STR("a"), STR("of a"), STR(""), METRIC_GAUGE},
        {STR("b"), STR("of b"), STR("s"), METRIC_HISTOGRAM},
    };
    struct series_store_rig r = series_store_rig_new();
    series_store_rig_open(&r, false);
    struct rig_batch b = series_store_rig_batch(&r);
    struct metric_batch m = {.metadata = told, .metadata_count = 3};
    b.batch->metrics = &m;
    series_store_batch(r.series, b.batch);
    cr_assert(eq(int, series_store_start(r.series, NULL), ST_OK));
    for (int pass = 0; pass < 2; pass++) {
        expect_metadata(&r, "", "a 2 of a ;b 3 of b s;");
        expect_metadata(&r, "b", "b 3 of b s;");
        expect_metadata(&r, "c", "");
        restart(&r);
    }
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* --- tops --- */

static const char *top_text(const struct series_top *items, uint32_t count)
{
    static char text[512];
    size_t len = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s %llu;",
                                STR_ARG(items[i].name), (unsigned long long)items[i].value);
    return text;
}

Test(series_view, the_worst_labels_are_named, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    struct arena arena = {0};
    struct series_tops tops;
    char labels[64];
    series_store_rig_open(&r, true);
    for (int i = 0; i < 10; i++) {
        snprintf(labels, sizeof(labels), "%s,pod=backend-%d,job=a", i < 7 ? "x" : "y", i);
        series_store_rig_one(&r, labels, 10, 1);
    }
    cr_assert(eq(int, series_store_tops(r.series, 2, &arena, &tops, NULL), ST_OK));
    cr_expect(
        eq(str, (char *)top_text(tops.series_by_metric, tops.series_by_metric_count), "x 7;y 3;"));
    cr_expect(eq(str, (char *)top_text(tops.values_by_label, tops.values_by_label_count),
                 "pod 10;__name__ 2;"));
    cr_expect(eq(str, (char *)top_text(tops.bytes_by_label, tops.bytes_by_label_count),
                 "pod 90;__name__ 2;"));
    cr_expect(eq(str, (char *)top_text(tops.series_by_pair, tops.series_by_pair_count),
                 "job=a 10;__name__=x 7;"));
    arena_deinit(&arena);
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}

/* Whatever a selection holds for itself is the query's too. */
Test(series_view, a_selection_takes_from_the_budget_of_its_arena, .timeout = 60)
{
    struct series_store_rig r = series_store_rig_new();
    series_store_rig_open(&r, false);
    struct rig_batch b = series_store_rig_batch(&r);
    for (int i = 0; i < 2000; i++) {
        char labels[32];
        snprintf(labels, sizeof(labels), "up,pod=%d", i);
        series_store_rig_put(&b, labels, 1000, 1);
    }
    series_store_rig_send(&r, &b);
    for (uint64_t limit = 16 * KIB; limit <= 4 * MIB; limit *= 16) {
        struct budget budget = {.limit = limit};
        struct arena arena = {.budget = &budget, .budget_percent = 100};
        struct series_request q = {NULL, 0, 0, 2000, &arena, 0, true};
        struct series_list list = {0};
        struct series_view *v;
        uint64_t lost = 0;
        cr_assert(eq(int, series_view_take(r.series, &v, NULL), ST_OK));
        enum status status = series_view_select(v, &q, &list, &lost, NULL);
        bool fits = limit > MIB;
        cr_expect(eq(int, status, fits ? ST_OK : ST_NO_MEMORY), "%llu bytes",
                  (unsigned long long)limit);
        cr_expect(eq(int, arena.is_refused, !fits));
        series_view_unref(v);
        arena_deinit(&arena);
        cr_expect(eq(u64, budget_used(&budget), 0));
    }
    series_store_rig_free(&r);
    EXPECT_NO_LEAK();
}
