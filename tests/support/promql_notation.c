/* promql_notation.c - reads series, points, histograms and durations as test scripts write them. */
#include "tests/support/promql_notation.h"
#include "model/native_histogram_sum.h"
#include "model/stale.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

enum { POINTS_MAX = 20000, LABELS_MAX = 32, BUCKETS_MAX = 256 };

void *script_need(struct arena *arena, size_t count, size_t size)
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
    char *to = script_need(arena, s->len, 1);
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
    struct label *labels = script_need(arena, LABELS_MAX, sizeof(*labels));
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
    *out = script_need(arena, BUCKETS_MAX, sizeof(double));
    *count = 0;
    for (list = str_trim(list); list.len; list = str_trim(list))
        if (*count == BUCKETS_MAX || !script_number(take_until(&list, " \t"), &(*out)[(*count)++]))
            return false;
    return true;
}

void script_buckets(struct arena *arena, const double *counts, uint32_t count, int32_t offset,
                    struct native_buckets *out)
{
    out->items = script_need(arena, count, sizeof(*out->items));
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
    struct native_histogram *h = script_need(arena, 1, sizeof(*h));
    script_buckets(arena, t.positive, t.positive_count, (int32_t)t.offset, &t.h.positive);
    script_buckets(arena, t.negative, t.negative_count, (int32_t)t.negative_offset, &t.h.negative);
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
    out->items = script_need(arena, POINTS_MAX, sizeof(*out->items));
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

bool script_starts(struct arena *arena, struct str s, int64_t **out, size_t *count)
{
    *out = script_need(arena, POINTS_MAX, sizeof(**out));
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
