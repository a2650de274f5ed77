/* promql_fn_bucket.c - histogram_quantile, histogram_quantiles, histogram_fraction: native
 * histograms, and classic ones put together from their series by `le`. */
#include "base/number_text.h"
#include "base/vec.h"
#include "query/promql_fn.h"
#include "query/promql_histogram.h"
#include "query/promql_labels.h"
#include "query/promql_notes.h"
#include "query/promql_quote.h"

#include <math.h>
#include <stdlib.h>

/* One series of the argument. */
struct part {
    const struct promql_row *row;
    const double *answers; /* NULL, or a slot a step: of its native histograms, absent elsewhere */
    uint32_t group;
    double upper;    /* of le */
    bool has_bucket; /* le is a number */
};

struct buckets {
    struct promql_run *run;
    const struct promql_node *node;
    const struct promql_span *at; /* of the vector */
    struct promql_rows rows;
    VEC(double *) answers;      /* of the rows; arrays are the arena's */
    struct arena scratch;       /* owned: native histograms of the row that comes */
    struct promql_table groups; /* labels without le */
    struct part *parts;         /* sorted by group and bound */
    uint32_t *first;            /* a slot a group and one more: where its parts begin */
    struct classic_bucket *room;
    const double *low, *high; /* quantile, or lower and upper; a slot a step */
    double *values;
    bool is_again; /* another quantile of the same buckets */
};

static bool parse_bound(struct str le, double *out)
{
    char text[64], *end;
    if (le.len == 0 || le.len >= sizeof(text))
        return false;
    str_to_c(le, text, sizeof(text));
    *out = strtod(text, &end);
    if (isinf(*out) && !strpbrk(text, "iI"))
        return false; /* beyond the range of doubles */
    return *end == '\0' && end != text && text[0] != ' ';
}

static int part_order(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->upper > y->upper) - (x->upper < y->upper);
}

static enum status part_make(struct buckets *b, const struct promql_row *row, struct part *out,
                             struct err *e)
{
    struct str le = label_set_get(row->labels, STR("le"));
    struct label_set key = promql_labels_with(b->run->arena, row->labels, STR("le"), STR(""));
    bool added;
    if (!key.items)
        return promql_no_memory(e);
    *out = (struct part){.row = row, .group = promql_table_put(&b->groups, key, &added)};
    if (b->answers.len > 0)
        out->answers = b->answers.items[row - b->rows.items];
    if (out->group == PROMQL_TABLE_NONE)
        return promql_no_memory(e);
    out->has_bucket = parse_bound(le, &out->upper);
    return ST_OK;
}

static void note_bad_bucket(struct buckets *b, const struct promql_row *row)
{
    struct str le = label_set_get(row->labels, STR("le")), metric = label_set_metric(row->labels);
    struct buf text = {0};
    buf_append_str(&text, STR("bucket label \"le\" is missing or has a malformed value of "));
    promql_quote(le, &text);
    if (metric.len > 0) {
        buf_append_str(&text, STR(" for metric name "));
        promql_quote(metric, &text);
    }
    annotations_add(b->run->notes, ANNOTATION_WARNING, b->at, "%.*s", STR_ARG(text));
    buf_deinit(&text);
}

static enum status parts_make(struct buckets *b, struct err *e)
{
    struct arena *arena = b->run->arena;
    uint32_t count = b->rows.count;
    b->parts = arena_calloc(arena, count, sizeof(*b->parts));
    b->first = arena_calloc(arena, (size_t)count + 1, sizeof(*b->first));
    b->room = arena_calloc(arena, count, sizeof(*b->room));
    b->values = arena_calloc(arena, b->run->grid.count, sizeof(*b->values));
    if (!b->parts || !b->first || !b->room || !b->values)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < count; i++) {
        TRY(part_make(b, &b->rows.items[i], &b->parts[i], e));
        b->first[b->parts[i].group + 1]++;
    }
    qsort(b->parts, count, sizeof(*b->parts), part_order);
    for (uint32_t g = 0; g < b->groups.count; g++)
        b->first[g + 1] += b->first[g];
    return ST_OK;
}

/* The native histogram of a group at a step, or what was told of it. */
struct native_told {
    const struct native_histogram *h;
    double answer; /* absent: it was not told yet */
};

/* The classic buckets of a group at a step, and its native histogram. */
static uint32_t gather(struct buckets *b, uint32_t group, uint32_t step, struct native_told *native)
{
    uint32_t count = 0;
    *native = (struct native_told){NULL, value_absent()};
    for (uint32_t i = b->first[group]; i < b->first[group + 1]; i++) {
        const struct part *p = &b->parts[i];
        const struct native_histogram *h = promql_row_histogram(p->row, step);
        if (h)
            *native = (struct native_told){h, value_absent()};
        else if (p->answers && !value_is_absent(p->answers[step]))
            *native = (struct native_told){NULL, p->answers[step]};
        else if (value_is_absent(p->row->values[step]))
            continue;
        else if (p->has_bucket)
            b->room[count++] = (struct classic_bucket){p->upper, p->row->values[step]};
        else
            note_bad_bucket(b, p->row);
    }
    return count;
}

static bool is_fraction(const struct buckets *b)
{
    return b->node->call.function->id == FN_HISTOGRAM_FRACTION;
}

static double native_answer(const struct buckets *b, const struct histogram_ask *ask,
                            const struct native_histogram *h, double low, double high)
{
    return is_fraction(b) ? native_fraction(ask, h, low, high) : native_quantile(ask, h, low);
}

static double answer(struct buckets *b, uint32_t group, uint32_t step, double low, double high)
{
    struct str metric = label_set_metric(promql_table_get(&b->groups, group));
    struct histogram_ask ask = {.arena = b->run->arena,
                                .notes = b->run->notes,
                                .at = b->at,
                                .metric = metric,
                                .time_ms = promql_grid_at(&b->run->grid, step),
                                .is_again = b->is_again};
    struct native_told native;
    uint32_t count = gather(b, group, step, &native);
    bool is_told = !value_is_absent(native.answer);
    if ((native.h || is_told) && count) {
        annotations_add(b->run->notes, ANNOTATION_WARNING, b->at,
                        "vector contains a mix of classic and native histograms%s%.*s%s",
                        metric.len ? " for metric name \"" : "", STR_ARG(metric),
                        metric.len ? "\"" : "");
        return value_absent();
    }
    if (native.h)
        return native_answer(b, &ask, native.h, low, high);
    if (is_told)
        return native.answer;
    if (count == 0)
        return value_absent();
    return is_fraction(b) ? classic_fraction(b->room, count, low, high)
                          : classic_quantile(&ask, b->room, count, low);
}

static enum status put_groups(struct buckets *b, const struct promql_sink *out, struct err *e)
{
    for (uint32_t g = 0; g < b->groups.count; g++) {
        struct promql_row row = {promql_table_get(&b->groups, g), b->values, NULL, true};
        TRY(query_budget_check(b->run->budget, e));
        for (uint32_t i = 0; i < b->run->grid.count; i++) {
            TRY(query_budget_work(b->run->budget, b->first[g + 1] - b->first[g], e));
            b->values[i] = answer(b, g, i, b->low[i], b->high[i]);
        }
        if (promql_row_points(&row, b->run->grid.count))
            TRY(out->put(out->self, &row, e));
    }
    return ST_OK;
}

static enum status note_quantiles(struct buckets *b, const struct promql_node *arg, const double *q,
                                  struct err *e)
{
    for (uint32_t i = 0; i < b->run->grid.count; i++)
        if (i == 0 || q[i] != q[i - 1]) {
            TRY(query_budget_check(b->run->budget, e));
            promql_note_quantile(b->run->notes, &arg->span, q[i]);
        }
    return ST_OK;
}

/* 0.5 and 1.0: as OpenMetrics writes numbers. */
static enum status quantile_text(struct arena *arena, double q, struct str *out, struct err *e)
{
    struct buf text = {0};
    number_append_general(&text, q);
    struct str s = buf_str(&text);
    if (isfinite(q) && str_find(s, '.') == s.len && str_find(s, 'e') == s.len)
        buf_append_str(&text, STR(".0"));
    *out = arena_dup_str(arena, buf_str(&text));
    bool failed = text.failed || !out->ptr;
    buf_deinit(&text);
    return failed ? promql_no_memory(e) : ST_OK;
}

/* Rows of one quantile: those steps at which the argument has this value. */
static enum status put_quantile(struct buckets *b, const double *q, double value,
                                struct promql_rows *rows, struct err *e)
{
    struct arena *arena = b->run->arena;
    struct str label = promql_run_text(b->node->call.args[1]), text;
    TRY(quantile_text(arena, value, &text, e));
    for (uint32_t g = 0; g < b->groups.count; g++) {
        TRY(query_budget_check(b->run->budget, e));
        struct label_set labels =
            promql_labels_with(arena, promql_table_get(&b->groups, g), label, text);
        struct promql_row row = {labels, promql_values_new(arena, b->run->grid.count), NULL, true};
        if (!labels.items || !row.values)
            return promql_no_memory(e);
        for (uint32_t i = 0; i < b->run->grid.count; i++)
            if (memcmp(&q[i], &value, sizeof(value)) == 0)
                row.values[i] = answer(b, g, i, value, value);
        if (promql_row_points(&row, b->run->grid.count))
            TRY(promql_run_push(b->run, rows, &row, e));
    }
    return ST_OK;
}

static bool is_first_use(const double *q, uint32_t step)
{
    for (uint32_t i = 0; i < step; i++)
        if (memcmp(&q[i], &q[step], sizeof(*q)) == 0)
            return false;
    return true;
}

static enum status put_quantiles(struct buckets *b, const struct promql_sink *out, struct err *e)
{
    struct promql_rows rows = {0};
    for (uint32_t a = 2; a < b->node->call.arg_count; a++) {
        double *q;
        TRY(promql_run_scalar(b->run, b->node->call.args[a], &q, e));
        TRY(note_quantiles(b, b->node->call.args[a], q, e));
        b->is_again = a > 2;
        for (uint32_t i = 0; i < b->run->grid.count; i++) {
            TRY(query_budget_work(b->run->budget, i, e));
            if (is_first_use(q, i))
                TRY(put_quantile(b, q, q[i], &rows, e));
        }
    }
    TRY(promql_rows_merge(&rows, b->run->arena, b->run->grid.count, e));
    for (uint32_t i = 0; i < rows.count; i++)
        TRY(out->put(out->self, &rows.items[i], e));
    promql_run_drop(b->run, &rows);
    return ST_OK;
}

/* --- rows as they come --- */

/* A histogram of which a note may have to be made is kept: whether it is, depends on other rows. */
static enum status take_histogram(struct buckets *b, struct promql_row *row, double *answers,
                                  uint32_t step, const struct native_histogram *h, struct err *e)
{
    static const struct histogram_ask nobody = {0};
    if (!isnan(h->sum)) {
        answers[step] = native_answer(b, &nobody, h, b->low[step], b->high[step]);
        return ST_OK;
    }
    uint32_t steps = b->run->grid.count;
    if (!row->histograms)
        row->histograms = arena_calloc(b->run->arena, steps, sizeof(*row->histograms));
    if (!row->histograms)
        return promql_no_memory(e);
    row->histograms[step] = native_histogram_copy(h, b->run->arena);
    return row->histograms[step] ? ST_OK : promql_no_memory(e);
}

/* Native histograms are large: they are answered at once and forgotten. */
static enum status take_row(void *self, const struct promql_row *from, struct err *e)
{
    struct buckets *b = self;
    uint32_t steps = b->run->grid.count;
    struct promql_row row = {from->labels, arena_calloc(b->run->arena, steps, sizeof(double)), NULL,
                             from->drop_name};
    double *answers = from->histograms ? promql_values_new(b->run->arena, steps) : NULL;
    if (!row.values || (from->histograms && !answers))
        return promql_no_memory(e);
    memcpy(row.values, from->values, steps * sizeof(double));
    for (uint32_t i = 0; from->histograms && i < steps; i++)
        if (from->histograms[i])
            TRY(take_histogram(b, &row, answers, i, from->histograms[i], e));
    arena_reset(&b->scratch);
    if (!vec_push(&b->answers, answers))
        return promql_no_memory(e);
    return promql_run_push(b->run, &b->rows, &row, e);
}

static enum status take_rows(struct buckets *b, const struct promql_node *vector, struct err *e)
{
    b->scratch = promql_room(b->run);
    enum status s =
        promql_run_rows(b->run, vector, &(struct promql_sink){take_row, b, &b->scratch}, e);
    return promql_room_end(b->run, &b->scratch, s, e);
}

static enum status answer_all(struct buckets *b, const struct promql_node *vector,
                              const struct promql_sink *out, struct err *e)
{
    if (b->node->call.function->id == FN_HISTOGRAM_QUANTILES) {
        TRY(promql_run_keep(b->run, vector, &b->rows, e));
        TRY(parts_make(b, e));
        return put_quantiles(b, out, e);
    }
    TRY(take_rows(b, vector, e));
    TRY(parts_make(b, e));
    return put_groups(b, out, e);
}

enum status promql_fn_bucket_rows(struct promql_run *run, const struct promql_node *node,
                                  const struct promql_sink *out, struct err *e)
{
    enum promql_function_id id = node->call.function->id;
    uint32_t vector = id == FN_HISTOGRAM_QUANTILES ? 0 : id == FN_HISTOGRAM_QUANTILE ? 1 : 2;
    struct buckets b = {
        .run = run, .node = node, .at = &node->call.args[vector]->span, .groups.arena = run->arena};
    double *low = NULL, *high;
    if (id != FN_HISTOGRAM_QUANTILES)
        TRY(promql_run_scalar(run, node->call.args[0], &low, e));
    high = low;
    if (id == FN_HISTOGRAM_FRACTION)
        TRY(promql_run_scalar(run, node->call.args[1], &high, e));
    b.low = low;
    b.high = high;
    if (id == FN_HISTOGRAM_QUANTILE)
        TRY(note_quantiles(&b, node->call.args[0], low, e));
    enum status status = answer_all(&b, node->call.args[vector], out, e);
    vec_deinit(&b.answers);
    promql_run_drop(run, &b.rows);
    return status;
}
