/* promql_store.c - reads the notation of series and points, keeps series, selects among them. */
#include "tests/support/promql_store.h"
#include "base/mem.h"
#include "model/native_histogram_sum.h"
#include "model/stale.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { POINTS_MAX = 20000, LABELS_MAX = 32, BUCKETS_MAX = 256 };

static void *need(struct arena *arena, size_t count, size_t size)
{
    void *at = arena_calloc(arena, count, size);
    if (!at)
        abort();
    return at;
}

static bool at_end(const struct str *s)
{
    return s->len == 0;
}

static void skip_space(struct str *s)
{
    while (s->len && isspace((unsigned char)s->ptr[0]))
        *s = str_sub(*s, 1, s->len);
}

static bool eat(struct str *s, const char *text)
{
    struct str t = str_from_c(text);
    if (!str_starts_with(*s, t))
        return false;
    *s = str_sub(*s, t.len, s->len);
    return true;
}

/* Up to the first byte out of `stops`. */
static struct str take_until(struct str *s, const char *stops)
{
    size_t len = 0;
    while (len < s->len && !strchr(stops, s->ptr[len]))
        len++;
    struct str head = str_sub(*s, 0, len);
    *s = str_sub(*s, len, s->len);
    return head;
}

bool script_number(struct str text, double *out)
{
    char copy[64], *end;
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    str_to_c(text, copy, sizeof(copy));
    *out = strtod(copy, &end);
    return *end == '\0' && !isspace((unsigned char)copy[0]);
}

bool script_duration(struct str text, int64_t *ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1},       {"s", 1000},      {"m", 60000},      {"h", 3600000},
                 {"d", 86400000}, {"w", 604800000}, {"y", 31536000000}};
    int64_t sign = eat(&text, "-") ? -1 : 1;
    eat(&text, "+");
    *ms = 0;
    if (str_eq(text, STR("0")))
        return true;
    if (text.len == 0)
        return false;
    while (text.len) {
        uint64_t n;
        size_t i;
        size_t digits = 0;
        while (digits < text.len && isdigit((unsigned char)text.ptr[digits]))
            digits++;
        if (!str_to_u64(str_sub(text, 0, digits), &n))
            return false;
        text = str_sub(text, digits, text.len);
        for (i = 0; i < LEN(units); i++)
            if (eat(&text, units[i].unit))
                break;
        if (i == LEN(units))
            return false;
        *ms += (int64_t)n * units[i].ms;
    }
    *ms *= sign;
    return true;
}

/* A quoted text with the escapes that the scripts use. */
static bool take_quoted(struct arena *arena, struct str *s, struct str *out)
{
    char quote = s->ptr[0];
    char *to = need(arena, s->len, 1);
    size_t len = 0, i = 1;
    for (; i < s->len && s->ptr[i] != quote; i++) {
        char c = s->ptr[i];
        if (c == '\\' && i + 1 < s->len && quote != '`') {
            c = s->ptr[++i];
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
        }
        to[len++] = c;
    }
    if (i == s->len)
        return false;
    *s = str_sub(*s, i + 1, s->len);
    *out = (struct str){to, len};
    return true;
}

static bool take_word(struct arena *arena, struct str *s, struct str *out)
{
    skip_space(s);
    if (s->len && strchr("\"'`", s->ptr[0]))
        return take_quoted(arena, s, out);
    *out = take_until(s, "{}=, \t\"");
    return out->len > 0;
}

static bool take_labels(struct arena *arena, struct str *s, struct label_set *out)
{
    struct label *labels = need(arena, LABELS_MAX, sizeof(*labels));
    uint32_t count = 0;
    struct str name = take_until(s, "{ \t@");
    if (name.len)
        labels[count++] = (struct label){LABEL_METRIC_NAME, name};
    skip_space(s);
    if (!str_starts_with(*s, STR("{{")) && eat(s, "{")) {
        for (skip_space(s); !eat(s, "}"); skip_space(s)) {
            struct str key, value;
            if (count == LABELS_MAX || !take_word(arena, s, &key))
                return false;
            skip_space(s);
            bool has_value = eat(s, "=");
            if (has_value && !take_word(arena, s, &value))
                return false;
            labels[count++] =
                has_value ? (struct label){key, value} : (struct label){LABEL_METRIC_NAME, key};
            skip_space(s);
            eat(s, ",");
        }
    }
    return label_set_sort(labels, count, out, NULL) == ST_OK;
}

static bool numbers(struct arena *arena, struct str list, double **out, uint32_t *count)
{
    *out = need(arena, BUCKETS_MAX, sizeof(double));
    *count = 0;
    for (list = str_trim(list); list.len; list = str_trim(list))
        if (*count == BUCKETS_MAX || !script_number(take_until(&list, " \t"), &(*out)[(*count)++]))
            return false;
    return true;
}

static void set_buckets(struct arena *arena, const double *counts, uint32_t count, int32_t offset,
                        struct native_buckets *out)
{
    out->items = need(arena, count, sizeof(*out->items));
    out->count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (counts[i] != 0)
            out->items[out->count++] = (struct native_bucket){offset + (int32_t)i, counts[i]};
}

struct histogram_text {
    struct native_histogram h;
    double *positive, *negative, offset, negative_offset, schema;
    uint32_t positive_count, negative_count;
};

static bool take_field(struct arena *arena, struct histogram_text *t, struct str key,
                       struct str value)
{
    bool is_list = eat(&value, "[");
    double *bounds;
    if (is_list)
        value = str_sub(value, 0, value.len - 1);
    if (str_eq(key, STR("buckets")))
        return numbers(arena, value, &t->positive, &t->positive_count);
    if (str_eq(key, STR("n_buckets")))
        return numbers(arena, value, &t->negative, &t->negative_count);
    if (str_eq(key, STR("custom_values"))) {
        bool ok = numbers(arena, value, &bounds, &t->h.bound_count);
        t->h.bounds = bounds;
        return ok;
    }
    if (str_eq(key, STR("counter_reset_hint"))) {
        t->h.hint = str_eq(value, STR("reset"))       ? RESET_YES
                    : str_eq(value, STR("not_reset")) ? RESET_NO
                    : str_eq(value, STR("gauge"))     ? RESET_GAUGE
                                                      : RESET_UNKNOWN;
        return true;
    }
    double *to = str_eq(key, STR("schema"))       ? &t->schema
                 : str_eq(key, STR("sum"))        ? &t->h.sum
                 : str_eq(key, STR("count"))      ? &t->h.count
                 : str_eq(key, STR("z_bucket"))   ? &t->h.zero_count
                 : str_eq(key, STR("z_bucket_w")) ? &t->h.zero_threshold
                 : str_eq(key, STR("offset"))     ? &t->offset
                 : str_eq(key, STR("n_offset"))   ? &t->negative_offset
                                                  : NULL;
    return to && script_number(value, to);
}

/* {{...}}; NULL when it is not understood. */
static struct native_histogram *take_histogram(struct arena *arena, struct str *s)
{
    struct histogram_text t = {0};
    size_t end = str_search(*s, STR("}}"));
    struct str body = str_sub(*s, 2, end);
    if (!str_starts_with(*s, STR("{{")) || end == s->len)
        return NULL;
    *s = str_sub(*s, end + 2, s->len);
    for (body = str_trim(body); body.len; body = str_trim(body)) {
        struct str key = take_until(&body, ":");
        eat(&body, ":");
        struct str from = body;
        if (body.len && body.ptr[0] == '[') {
            take_until(&body, "]");
            eat(&body, "]");
        } else {
            take_until(&body, " \t");
        }
        if (!take_field(arena, &t, key, str_sub(from, 0, from.len - body.len)))
            return NULL;
    }
    struct native_histogram *h = need(arena, 1, sizeof(*h));
    set_buckets(arena, t.positive, t.positive_count, (int32_t)t.offset, &t.h.positive);
    set_buckets(arena, t.negative, t.negative_count, (int32_t)t.negative_offset, &t.h.negative);
    t.h.schema = (int8_t)t.schema;
    *h = t.h;
    return h;
}

static bool take_count(struct str *s, uint64_t *out)
{
    *out = 0;
    return !eat(s, "x") || str_to_u64(take_until(s, " \t"), out);
}

static bool push(struct script_points *p, struct script_point point)
{
    if (p->count == POINTS_MAX)
        return false;
    p->items[p->count++] = point;
    return true;
}

static bool take_histograms(struct arena *arena, struct str *s, struct script_points *out)
{
    struct native_histogram *h = take_histogram(arena, s), *step = NULL;
    double weight = str_starts_with(*s, STR("-")) ? -1 : 1;
    uint64_t n;
    if (!h)
        return false;
    if ((eat(s, "+") || eat(s, "-")) && !(step = take_histogram(arena, s)))
        return false;
    if (!take_count(s, &n))
        return false;
    for (uint64_t i = 0; i <= n; i++) {
        if (!push(out, (struct script_point){0, h, false}))
            return false;
        struct native_sum sum = {.arena = arena};
        if (!step || i == n)
            continue;
        if (native_sum_add(&sum, h, 1) != ST_OK || native_sum_add(&sum, step, weight) != ST_OK)
            return false;
        h = native_sum_take(&sum);
    }
    return true;
}

/* Length of a number without a sign in the middle: "1+2x3" begins with "1". */
static struct str take_number(struct str *s)
{
    size_t i = s->len && strchr("+-", s->ptr[0]) ? 1 : 0;
    for (; i < s->len && !isspace((unsigned char)s->ptr[i]); i++) {
        char c = s->ptr[i];
        if (c == 'x' || ((c == '+' || c == '-') && tolower((unsigned char)s->ptr[i - 1]) != 'e'))
            break;
    }
    struct str head = str_sub(*s, 0, i);
    *s = str_sub(*s, i, s->len);
    return head;
}

static bool take_floats(struct str *s, struct script_points *out)
{
    double value, step = 0;
    uint64_t n;
    if (!script_number(take_number(s), &value))
        return false;
    if (s->len && strchr("+-", s->ptr[0]) && !script_number(take_number(s), &step))
        return false;
    if (!take_count(s, &n))
        return false;
    for (uint64_t i = 0; i <= n; i++, value += step)
        if (!push(out, (struct script_point){value, NULL, false}))
            return false;
    return true;
}

static bool take_points(struct arena *arena, struct str s, struct script_points *out)
{
    out->items = need(arena, POINTS_MAX, sizeof(*out->items));
    out->count = 0;
    for (s = str_trim(s); !at_end(&s); skip_space(&s)) {
        uint64_t n = 0;
        bool ok = true;
        if (eat(&s, "_")) {
            ok = take_count(&s, &n);
            for (uint64_t i = 0; i < MAX(n, 1u); i++)
                ok = ok && push(out, (struct script_point){0, NULL, true});
        } else if (eat(&s, "stale")) {
            ok = push(out, (struct script_point){value_stale(), NULL, false});
        } else {
            ok = str_starts_with(s, STR("{{")) ? take_histograms(arena, &s, out)
                                               : take_floats(&s, out);
        }
        if (!ok)
            return false;
    }
    return true;
}

bool script_series(struct arena *arena, struct str line, struct label_set *labels,
                   struct script_points *points)
{
    if (!take_labels(arena, &line, labels))
        return false;
    return !points || take_points(arena, line, points);
}

/* "_ -30s-1mx2 0": offsets of start timestamps. */
static bool take_starts(struct arena *arena, struct str s, int64_t **out, size_t *count)
{
    *out = need(arena, POINTS_MAX, sizeof(**out));
    for (*count = 0, s = str_trim(s); !at_end(&s); skip_space(&s)) {
        int64_t value = INT64_MIN, step = 0;
        uint64_t n = 0;
        bool is_none = eat(&s, "_");
        if (!is_none) {
            size_t len = strchr("+-", s.ptr[0]) ? 1 : 0;
            while (len < s.len && (isdigit((unsigned char)s.ptr[len]) || strchr("msh", s.ptr[len])))
                len++;
            if (!script_duration(str_sub(s, 0, len), &value))
                return false;
            s = str_sub(s, len, s.len);
            if (s.len && strchr("+-", s.ptr[0])) {
                struct str text = take_until(&s, "x \t");
                if (!script_duration(text, &step))
                    return false;
            }
        }
        if (!take_count(&s, &n))
            return false;
        n = is_none ? MAX(n, 1u) : n + 1;
        for (uint64_t i = 0; i < n && *count < POINTS_MAX; i++, value += step)
            (*out)[(*count)++] = value;
    }
    return true;
}

/* A later line with the same series replaces the earlier one. */
static struct series_data *slot(struct promql_store *s, struct label_set labels)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (label_set_eq(s->series[i].labels, labels))
            return &s->series[i];
    if (s->count == STORE_SERIES_MAX)
        abort();
    return &s->series[s->count++];
}

/* Series with the same times share the array, as those that arrive together do. */
static const int64_t *shared_times(const struct promql_store *s, const int64_t *times,
                                   uint32_t count)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->series[i].sample_count == count && count &&
            memcmp(s->series[i].times_ms, times, count * sizeof(*times)) == 0)
            return s->series[i].times_ms;
    return times;
}

static void keep(struct promql_store *s, struct label_set labels, const struct script_points *p,
                 int64_t step_ms, const int64_t *starts, size_t start_count)
{
    int64_t *times = need(&s->arena, p->count, sizeof(*times));
    int64_t *start = need(&s->arena, p->count, sizeof(*start));
    double *values = need(&s->arena, p->count, sizeof(*values));
    const struct native_histogram **histograms = need(&s->arena, p->count, sizeof(*histograms));
    uint32_t n = 0;
    bool any_histogram = false;
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].is_none)
            continue;
        times[n] = (int64_t)i * step_ms;
        start[n] = i < start_count && starts[i] != INT64_MIN ? times[n] + starts[i] : 0;
        memcpy(&values[n], &p->items[i].value, sizeof(double));
        histograms[n] = p->items[i].histogram;
        any_histogram |= histograms[n] != NULL;
        n++;
    }
    const int64_t *shared = shared_times(s, times, n);
    *slot(s, labels) = (struct series_data){
        labels, n, shared, values, any_histogram ? histograms : NULL, start_count ? start : NULL};
}

/* ---- classic histograms as native ones with custom buckets ---- */

struct classic {
    struct label_set labels; /* without le, name without suffix */
    struct classic_point {
        double bounds[BUCKETS_MAX], counts[BUCKETS_MAX], sum, count;
        uint32_t bound_count;
        bool is_set, has_count;
    } * points; /* one per step */
    size_t count;
};

static const struct str suffixes[] = {{"_bucket", 7}, {"_sum", 4}, {"_count", 6}};

static struct classic *classic_of(struct arena *arena, struct classic *all, size_t *count,
                                  struct label_set labels, size_t suffix)
{
    struct label *copy = need(arena, labels.count, sizeof(*copy));
    uint32_t n = 0;
    for (uint32_t i = 0; i < labels.count; i++) {
        copy[n] = labels.items[i];
        if (str_eq(copy[n].name, LABEL_METRIC_NAME))
            copy[n].value = str_sub(copy[n].value, 0, copy[n].value.len - suffixes[suffix].len);
        n += !str_eq(copy[n].name, STR("le"));
    }
    struct label_set key = {copy, n};
    for (size_t i = 0; i < *count; i++)
        if (label_set_eq(all[i].labels, key))
            return &all[i];
    all[*count] =
        (struct classic){.labels = key, .points = need(arena, 64, sizeof(struct classic_point))};
    return &all[(*count)++];
}

static void classic_add(struct classic *c, size_t suffix, double le,
                        const struct script_points *points)
{
    c->count = MAX(c->count, MIN(points->count, (size_t)64));
    for (size_t i = 0; i < points->count && i < 64; i++) {
        struct classic_point *p = &c->points[i];
        double v = points->items[i].value;
        if (points->items[i].is_none)
            continue;
        p->is_set = true;
        if (suffix == 1)
            p->sum = v;
        if (suffix == 2) {
            p->count = v;
            p->has_count = true;
        }
        uint32_t at = 0;
        while (suffix == 0 && at < p->bound_count && p->bounds[at] < le)
            at++;
        if (suffix != 0 || (at < p->bound_count && p->bounds[at] == le))
            continue;
        memmove(&p->bounds[at + 1], &p->bounds[at], (p->bound_count - at) * sizeof(double));
        memmove(&p->counts[at + 1], &p->counts[at], (p->bound_count - at) * sizeof(double));
        p->bounds[at] = le;
        p->counts[at] = v;
        p->bound_count++;
    }
}

static const struct native_histogram *nhcb(struct arena *arena, struct classic_point *p)
{
    struct native_histogram *h = need(arena, 1, sizeof(*h));
    double counts[BUCKETS_MAX], before = 0;
    if (!p->has_count)
        p->count = p->bound_count ? p->counts[p->bound_count - 1] : 0;
    if (p->bound_count == 0 || !isinf(p->bounds[p->bound_count - 1])) {
        p->bounds[p->bound_count] = INFINITY;
        p->counts[p->bound_count++] = p->count;
    }
    for (uint32_t i = 0; i < p->bound_count; i++) {
        counts[i] = p->counts[i] - before;
        before = p->counts[i];
    }
    *h = (struct native_histogram){.count = p->count,
                                   .sum = p->sum,
                                   .schema = NATIVE_SCHEMA_CUSTOM,
                                   .bounds = p->bounds,
                                   .bound_count = p->bound_count - 1};
    set_buckets(arena, counts, p->bound_count, 0, &h->positive);
    return h;
}

static void add_nhcb(struct promql_store *s, int64_t step_ms, const struct str *lines, size_t count)
{
    struct classic *all = need(&s->arena, count, sizeof(*all));
    size_t classics = 0;
    for (size_t i = 0; i < count; i++) {
        struct label_set labels;
        struct script_points points;
        double le = 0;
        if (!script_series(&s->arena, lines[i], &labels, &points))
            continue;
        for (size_t k = 0; k < LEN(suffixes); k++) {
            if (!str_ends_with(label_set_metric(labels), suffixes[k]))
                continue;
            if (k == 0 && (!script_number(label_set_get(labels, STR("le")), &le) || isnan(le)))
                continue;
            classic_add(classic_of(&s->arena, all, &classics, labels, k), k, le, &points);
        }
    }
    for (size_t i = 0; i < classics; i++) {
        struct script_points points = {need(&s->arena, 64, sizeof(*points.items)), all[i].count};
        for (size_t k = 0; k < all[i].count; k++)
            points.items[k] =
                all[i].points[k].is_set
                    ? (struct script_point){0, nhcb(&s->arena, &all[i].points[k]), false}
                    : (struct script_point){0, NULL, true};
        keep(s, all[i].labels, &points, step_ms, NULL, 0);
    }
}

bool promql_store_load(struct promql_store *s, int64_t step_ms, bool with_nhcb,
                       const struct str *lines, size_t count)
{
    int64_t *starts = NULL;
    size_t start_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct label_set labels;
        struct script_points points;
        size_t mark = str_search(lines[i], STR("@st "));
        if (mark < lines[i].len) {
            if (!take_starts(&s->arena, str_sub(lines[i], mark + 4, lines[i].len), &starts,
                             &start_count))
                return false;
            continue;
        }
        if (!script_series(&s->arena, lines[i], &labels, &points))
            return false;
        keep(s, labels, &points, step_ms, starts, start_count);
        start_count = 0;
    }
    if (with_nhcb)
        add_nhcb(s, step_ms, lines, count);
    return true;
}

void promql_store_deinit(struct promql_store *s)
{
    arena_deinit(&s->arena);
    s->count = 0;
}

static enum status store_select(void *self, const struct series_request *request,
                                struct series_list *out, struct query_budget *budget,
                                struct annotations *notes, struct err *e)
{
    struct promql_store *s = self;
    (void)budget;
    (void)notes;
    for (uint32_t i = 0; i < s->count; i++) {
        struct series_data d = s->series[i];
        uint32_t from = 0, to = d.sample_count;
        if (!label_matchers_accept(request->matchers, request->matcher_count, d.labels))
            continue;
        while (from < to && d.times_ms[from] < request->start_ms)
            from++;
        while (to > from && d.times_ms[to - 1] > request->end_ms)
            to--;
        if (from == to)
            continue;
        if (out->count == out->cap) {
            uint32_t cap = out->cap ? out->cap * 2 : 64;
            struct series_data *items = arena_calloc(request->arena, cap, sizeof(*items));
            if (!items)
                return err_set(e, ST_NO_MEMORY, "no memory");
            if (out->count)
                memcpy(items, out->items, out->count * sizeof(*items));
            out->items = items;
            out->cap = cap;
        }
        d.sample_count = to - from;
        d.times_ms += from;
        d.values += from;
        d.histograms = d.histograms ? d.histograms + from : NULL;
        d.starts_ms = d.starts_ms ? d.starts_ms + from : NULL;
        out->items[out->count++] = d;
    }
    return ST_OK;
}

struct series_source promql_store_source(struct promql_store *s)
{
    return (struct series_source){store_select, s};
}
