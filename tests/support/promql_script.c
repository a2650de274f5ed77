/* promql_script.c - commands of a script, one by one: loads go to a store, evaluations to the
 * engine, and what comes back is held against what the script expects. */
#include "tests/support/promql_script.h"
#include "base/buf.h"
#include "base/mem.h"
#include "model/stale.h"
#include "query/promql_eval.h"
#include "tests/support/promql_notation.h"
#include "tests/support/promql_store.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES_MAX = 4096, EXPECTS_MAX = 16 };

struct expect {
    struct str kind; /* fail, warn, info, no_warn, no_info, ordered, string */
    struct str text; /* empty: any */
    bool is_regex;
};

struct eval_case {
    struct str query;
    int64_t start_ms, end_ms, step_ms;                      /* step 0: instant */
    int64_t window_start_ms, window_end_ms, window_step_ms; /* of "expect range vector" */
    struct expect expects[EXPECTS_MAX];
    size_t expect_count;
    struct str series[256]; /* lines */
    size_t series_count;
    double scalar;
    bool has_scalar, is_window;
};

struct script {
    const char *name;
    struct script_tally *tally;
    struct promql_store *store;
    size_t line; /* of the command */
};

/* Outcome of one query. */
struct answer {
    struct arena arena;
    struct annotations notes;
    struct promql_result result;
    enum status status;
    struct err err;
};

static void ask(struct script *s, struct str query, int64_t start, int64_t end, int64_t step,
                struct answer *a)
{
    struct promql_query q = {start, end, step, 300000, 60000};
    struct series_source source = promql_store_source(s->store);
    struct query_budget budget = {.samples_max = 50000000};
    struct promql_node *root = NULL;
    *a = (struct answer){0};
    annotations_init(&a->notes, &a->arena, query);
    a->status = promql_parse(query, &a->arena, &root, &a->err);
    if (a->status == ST_OK)
        a->status = promql_resolve(root, start, end, step, &a->err);
    if (a->status == ST_OK)
        a->status = promql_eval(root, &q, &(struct series_sources){&source, 1}, &budget, &a->notes,
                                &a->arena, &a->result, &a->err);
    promql_free(root);
}

static const struct expect *find_expect(const struct eval_case *c, const char *kind)
{
    for (size_t i = 0; i < c->expect_count; i++)
        if (str_eq(c->expects[i].kind, str_from_c(kind)))
            return &c->expects[i];
    return NULL;
}

static bool text_fits(const struct expect *x, struct str text)
{
    if (x->text.len == 0)
        return true;
    if (!x->is_regex)
        return str_eq(x->text, text);
    struct buf pattern = {0};
    struct regex *r;
    buf_printf(&pattern, ".*(?:%.*s).*", STR_ARG(x->text));
    bool ok = regex_new(buf_str(&pattern), &r, NULL) == ST_OK;
    if (ok) {
        ok = regex_match(r, text);
        regex_free(r);
    }
    buf_deinit(&pattern);
    return ok;
}

static bool note_fits(const struct expect *x, const struct annotation *note)
{
    struct buf text = {0};
    annotation_append(note, &text);
    bool ok = text_fits(x, buf_str(&text));
    buf_deinit(&text);
    return ok;
}

/* Every note fits a line of its kind, and every line fits a note. */
static bool notes_fit(const struct eval_case *c, const struct annotations *notes, const char *kind,
                      const char *none, enum annotation_level level, char *why, size_t cap)
{
    size_t got = 0;
    for (size_t n = 0; n < notes->count; n++) {
        bool fits = !find_expect(c, kind);
        got += notes->items[n].level == level;
        for (size_t i = 0; i < c->expect_count; i++)
            fits |= str_eq(c->expects[i].kind, str_from_c(kind)) &&
                    note_fits(&c->expects[i], &notes->items[n]);
        if (notes->items[n].level != level || (fits && !find_expect(c, none)))
            continue;
        snprintf(why, cap, "unwanted: %.*s", STR_ARG(notes->items[n].text));
        return false;
    }
    for (size_t i = 0; i < c->expect_count; i++) {
        bool found = !str_eq(c->expects[i].kind, str_from_c(kind));
        for (size_t n = 0; n < notes->count; n++)
            found |= notes->items[n].level == level && note_fits(&c->expects[i], &notes->items[n]);
        if (found)
            continue;
        snprintf(why, cap, "no %s like: %.*s (%zu others)", kind, STR_ARG(c->expects[i].text), got);
        return false;
    }
    return true;
}

static bool is_close(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    if (a == b)
        return true;
    if (isinf(a) || isinf(b))
        return false;
    double d = fabs(a - b), total = fabs(a) + fabs(b);
    if (a == 0 || b == 0 || total < DBL_MIN)
        return d < 1e-6 * DBL_MIN;
    return d / fmin(total, DBL_MAX) < 1e-6;
}

static bool buckets_fit(const struct native_buckets *a, const struct native_buckets *b)
{
    uint32_t i = 0, k = 0;
    for (;; i++, k++) {
        while (i < a->count && a->items[i].count == 0)
            i++;
        while (k < b->count && b->items[k].count == 0)
            k++;
        if (i == a->count || k == b->count)
            return i == a->count && k == b->count;
        if (a->items[i].index != b->items[k].index ||
            !is_close(a->items[i].count, b->items[k].count))
            return false;
    }
}

static bool histogram_fits(const struct native_histogram *want, const struct native_histogram *got)
{
    if (!is_close(want->count, got->count) || !is_close(want->sum, got->sum) ||
        !is_close(want->zero_count, got->zero_count) ||
        (want->zero_count > 0 && !is_close(want->zero_threshold, got->zero_threshold)))
        return false;
    bool is_custom = native_histogram_is_custom(want);
    bool has_buckets = want->positive.count || want->negative.count;
    if (has_buckets && (want->schema != got->schema || want->bound_count != got->bound_count))
        return false;
    for (uint32_t i = 0; is_custom && has_buckets && i < want->bound_count; i++)
        if (!is_close(want->bounds[i], got->bounds[i]))
            return false;
    return buckets_fit(&want->positive, &got->positive) &&
           buckets_fit(&want->negative, &got->negative);
}

static bool point_fits(const struct script_point *want, double v, const struct native_histogram *h)
{
    if (!want->histogram)
        return !h && is_close(want->value, v);
    return h && histogram_fits(want->histogram, h);
}

static const struct promql_series *find_series(const struct promql_result *r,
                                               struct label_set labels, uint32_t *at)
{
    for (uint32_t i = 0; i < r->series_count; i++)
        if (label_set_eq(r->series[i].labels, labels)) {
            *at = i;
            return &r->series[i];
        }
    return NULL;
}

/* Which points to look at: an instant's only one is at `start`. */
struct frame {
    int64_t start_ms, step_ms;
    bool only_first; /* points at other times do not matter */
};

static bool series_fits(const struct promql_series *s, const struct script_points *want,
                        struct frame f, char *why, size_t cap)
{
    uint32_t found = 0, looked_at = 0;
    for (uint32_t k = 0; s && k < s->point_count; k++)
        looked_at += !f.only_first || s->times_ms[k] == f.start_ms;
    for (size_t i = 0; i < want->count; i++) {
        int64_t at = f.start_ms + (int64_t)i * f.step_ms;
        uint32_t k = 0;
        if (want->items[i].is_none)
            continue;
        while (s && k < s->point_count && s->times_ms[k] != at)
            k++;
        if (!s || k == s->point_count) {
            snprintf(why, cap, "no point at %lld", (long long)at);
            return false;
        }
        const struct native_histogram *h = s->histograms ? s->histograms[k] : NULL;
        if (!point_fits(&want->items[i], s->values[k], h)) {
            snprintf(why, cap, "at %lld: %s %.17g, expected %.17g", (long long)at,
                     h ? "histogram of count" : "got", h ? h->count : s->values[k],
                     want->items[i].histogram ? want->items[i].histogram->count
                                              : want->items[i].value);
            return false;
        }
        found++;
    }
    if (found == looked_at)
        return true;
    snprintf(why, cap, "%u points, expected %u", looked_at, found);
    return false;
}

static bool has_point(const struct promql_series *s, struct frame f)
{
    for (uint32_t k = 0; k < s->point_count; k++)
        if (!f.only_first || s->times_ms[k] == f.start_ms)
            return true;
    return false;
}

static bool values_fit(const struct eval_case *c, const struct promql_result *r, struct frame f,
                       bool ordered, char *why, size_t cap)
{
    struct arena arena = {0};
    size_t with_points = 0;
    bool ok = true;
    for (uint32_t i = 0; i < r->series_count; i++)
        with_points += has_point(&r->series[i], f);
    for (size_t i = 0; ok && i < c->series_count; i++) {
        struct label_set labels;
        struct script_points points;
        uint32_t at = 0;
        char text[300];
        size_t len;
        if (!script_series(&arena, c->series[i], &labels, &points)) {
            snprintf(why, cap, "not understood: %.*s", STR_ARG(c->series[i]));
            ok = false;
            break;
        }
        const struct promql_series *s = find_series(r, labels, &at);
        ok = series_fits(s, &points, f, text, sizeof(text)) && (!ordered || at == i);
        len = (size_t)snprintf(why, cap, "%.*s", (int)MIN(c->series[i].len, (size_t)80),
                               c->series[i].ptr);
        if (!ok)
            snprintf(why + len, cap - len, ": %s", ordered && at != i ? "order" : text);
    }
    if (ok && with_points != c->series_count) {
        snprintf(why, cap, "%zu series, expected %zu", with_points, c->series_count);
        ok = false;
    }
    arena_deinit(&arena);
    return ok;
}

static bool answer_fits(const struct eval_case *c, const struct answer *a, char *why, size_t cap)
{
    const struct expect *fail = find_expect(c, "fail"), *text = find_expect(c, "string");
    struct frame f = {c->start_ms, c->step_ms, false};
    if (a->status != ST_OK || fail) {
        snprintf(why, cap, "%s", a->status == ST_OK ? "no error" : a->err.msg);
        return fail && a->status != ST_OK && text_fits(fail, str_from_c(a->err.msg));
    }
    if (!notes_fit(c, &a->notes, "warn", "no_warn", ANNOTATION_WARNING, why, cap) ||
        !notes_fit(c, &a->notes, "info", "no_info", ANNOTATION_INFO, why, cap))
        return false;
    if (a->result.type == TYPE_STRING)
        return text && str_eq(text->text, a->result.text);
    if (a->result.type == TYPE_SCALAR) {
        snprintf(why, cap, "scalar %.17g", a->result.scalar);
        return c->has_scalar && is_close(c->scalar, a->result.scalar);
    }
    if (c->is_window)
        f = (struct frame){c->window_start_ms, c->window_step_ms, false};
    snprintf(why, cap, "not a scalar");
    return !c->has_scalar &&
           values_fit(c, &a->result, f, find_expect(c, "ordered") != NULL, why, cap);
}

static void tell(const struct script *s, const struct eval_case *c, const char *mode,
                 const char *why)
{
    fprintf(stderr, "%s:%zu: %s%.*s\n    %s\n", s->name, s->line, mode, STR_ARG(c->query), why);
}

static bool asks_for_bounds(struct str query)
{
    static const char *const calls[] = {"start()", "end()", "range()", "step()"};
    for (size_t i = 0; i < LEN(calls); i++)
        if (str_search(query, str_from_c(calls[i])) < query.len)
            return true;
    return false;
}

/* The same instant as the middle of three steps. */
static void run_in_range(struct script *s, struct eval_case *c)
{
    struct answer a;
    char why[600] = "";
    if (c->step_ms || c->is_window || find_expect(c, "fail") || find_expect(c, "ordered") ||
        find_expect(c, "string") || asks_for_bounds(c->query))
        return;
    ask(s, c->query, c->start_ms - 60000, c->start_ms + 60000, 60000, &a);
    bool ok = a.status == ST_OK;
    struct frame f = {c->start_ms, 0, true};
    if (!ok)
        snprintf(why, sizeof(why), "%s", a.err.msg);
    else if (c->has_scalar)
        ok = a.result.series_count == 1 && a.result.series[0].point_count == 3 &&
             is_close(a.result.series[0].values[1], c->scalar);
    else
        ok = values_fit(c, &a.result, f, false, why, sizeof(why));
    s->tally->range_passed += ok;
    s->tally->range_failed += !ok;
    if (!ok)
        tell(s, c, "in range mode: ", why);
    arena_deinit(&a.arena);
}

static void run_case(struct script *s, struct eval_case *c)
{
    struct answer a;
    char why[600] = "";
    ask(s, c->query, c->start_ms, c->end_ms, c->step_ms, &a);
    bool ok = answer_fits(c, &a, why, sizeof(why));
    s->tally->passed += ok;
    s->tally->failed += !ok;
    if (!ok)
        tell(s, c, "", why);
    arena_deinit(&a.arena);
    run_in_range(s, c);
}

/* ---- reading ---- */

static struct str word(struct str *line)
{
    struct str head, tail;
    *line = str_trim(*line);
    size_t len = 0;
    while (len < line->len && line->ptr[len] != ' ' && line->ptr[len] != '\t')
        len++;
    head = str_sub(*line, 0, len);
    tail = str_trim(str_sub(*line, len, line->len));
    *line = tail;
    return head;
}

static int64_t duration(struct str *line)
{
    int64_t ms = 0;
    script_duration(word(line), &ms);
    return ms;
}

static void add_expect(struct eval_case *c, struct str kind, struct str rest)
{
    struct expect x = {.kind = kind};
    if (c->expect_count == EXPECTS_MAX)
        return;
    x.is_regex = str_starts_with(rest, STR("regex:"));
    if (x.is_regex || str_starts_with(rest, STR("msg:")))
        x.text = str_trim(str_sub(rest, x.is_regex ? 6 : 4, rest.len));
    c->expects[c->expect_count++] = x;
}

static void read_expectation(struct eval_case *c, struct str line)
{
    struct str rest = line, first = word(&rest);
    if (!str_eq(first, STR("expect"))) {
        if (!c->has_scalar && rest.len == 0 && script_number(first, &c->scalar))
            c->has_scalar = true;
        else if (c->series_count < LEN(c->series))
            c->series[c->series_count++] = line;
        return;
    }
    struct str kind = word(&rest);
    if (str_eq(kind, STR("range"))) {
        word(&rest); /* vector */
        word(&rest); /* from */
        c->is_window = true;
        c->window_start_ms = duration(&rest);
        word(&rest); /* to */
        c->window_end_ms = duration(&rest);
        word(&rest); /* step */
        c->window_step_ms = duration(&rest);
    } else if (str_eq(kind, STR("string"))) {
        c->expects[c->expect_count++] =
            (struct expect){kind, str_sub(rest, 1, rest.len - 1), false};
    } else {
        add_expect(c, kind, rest);
    }
}

static void read_case(struct script *s, const struct str *lines, size_t count)
{
    struct eval_case *c = mem_calloc(1, sizeof(*c));
    struct str rest = lines[0], command = word(&rest), mode = word(&rest);
    if (!c)
        abort();
    if (command.len > 5)
        add_expect(c, str_sub(command, 5, command.len), (struct str){0});
    if (str_eq(mode, STR("range"))) {
        word(&rest); /* from */
        c->start_ms = duration(&rest);
        word(&rest); /* to */
        c->end_ms = duration(&rest);
        word(&rest); /* step */
        c->step_ms = duration(&rest);
    } else if (str_starts_with(rest, STR("at "))) {
        word(&rest);
        c->start_ms = c->end_ms = duration(&rest);
    }
    c->query = rest;
    for (size_t i = 1; i < count; i++)
        read_expectation(c, lines[i]);
    run_case(s, c);
    mem_free(c);
}

static void read_load(struct script *s, const struct str *lines, size_t count)
{
    struct str rest = lines[0], command = word(&rest);
    bool with_nhcb = str_eq(command, STR("load_with_nhcb"));
    if (!promql_store_load(s->store, duration(&rest), with_nhcb, lines + 1, count - 1)) {
        fprintf(stderr, "%s:%zu: a load is not understood\n", s->name, s->line);
        s->tally->failed++;
    }
}

/* A paragraph is one command, but for "clear", which takes one line. */
static void read_paragraph(struct script *s, const struct str *lines, size_t count)
{
    while (count && str_eq(lines[0], STR("clear"))) {
        promql_store_deinit(s->store);
        lines++;
        count--;
        s->line++;
    }
    if (count == 0)
        return;
    if (str_starts_with(lines[0], STR("load")))
        read_load(s, lines, count);
    else
        read_case(s, lines, count);
}

void promql_script_run_text(const char *name, struct str text, struct script_tally *tally)
{
    struct script s = {.name = name, .tally = tally};
    struct str *lines = mem_calloc(LINES_MAX, sizeof(*lines));
    size_t count = 0, number = 0;
    s.store = mem_calloc(1, sizeof(*s.store));
    if (!lines || !s.store)
        abort();
    while (text.len || count) {
        struct str line = {0};
        str_cut(text, '\n', &line, &text);
        line = str_trim(line);
        number++;
        if (line.len && line.ptr[0] != '#' && count < LINES_MAX) {
            lines[count++] = line;
            continue;
        }
        s.line = number - count;
        read_paragraph(&s, lines, count);
        count = 0;
    }
    promql_store_deinit(s.store);
    mem_free(s.store);
    mem_free(lines);
}

bool promql_script_run(const char *path, struct script_tally *tally)
{
    FILE *f = fopen(path, "rb");
    struct buf text = {0};
    char part[4096];
    size_t n;
    if (!f)
        return false;
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        buf_append(&text, part, n);
    fclose(f);
    promql_script_run_text(path, buf_str(&text), tally);
    buf_deinit(&text);
    return true;
}
