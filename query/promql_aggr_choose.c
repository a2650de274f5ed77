/* promql_aggr_choose.c - topk, bottomk, limitk, limit_ratio: which rows stay at which step. */
#include "base/hash.h"
#include "base/number_text.h"
#include "query/promql_aggr.h"

#include <math.h>

struct choice {
    struct promql_run *run;
    const struct promql_node *node;
    struct promql_rows rows; /* sorted by labels: equal values go to the first */
    uint32_t *group_of;      /* a slot a row */
    uint32_t group_count;
    uint32_t *room, *held; /* a slot a group: where its part of `best` begins, how many are in it */
    uint32_t *best;        /* rows chosen at the step at hand; of topk and bottomk each group's part
                              is a heap, the worst of them first */
    uint8_t *chosen;       /* a slot a row and step */
    double *params;        /* a slot a step */
    double *places;        /* limit_ratio: a slot a row, where it lies between 0 and 1 */
};

static enum status refuse_count(double k, struct err *e)
{
    struct buf number = {0};
    number_append_general(&number, k);
    err_set(e, ST_QUERY, "Scalar value %.*s %s int64", STR_ARG(number),
            k > 0 ? "overflows" : "underflows");
    buf_deinit(&number);
    return ST_QUERY;
}

static enum status check_counts(struct choice *c, struct err *e)
{
    for (uint32_t i = 0; i < c->run->grid.count; i++) {
        double k = c->params[i];
        if (isnan(k))
            return err_set(e, ST_QUERY, "Parameter value is NaN");
        if (k >= 0x1p63 || k <= -0x1p63)
            return refuse_count(k, e);
    }
    return ST_OK;
}

static void note_ratio(struct choice *c, double got, double used)
{
    struct buf number = {0};
    number_append_general(&number, got);
    annotations_add(c->run->notes, ANNOTATION_WARNING, &c->node->aggregate.param->span,
                    "ratio value should be between -1 and 1, got %.*s, capping to %g",
                    STR_ARG(number), used);
    buf_deinit(&number);
}

static enum status check_ratios(struct choice *c, struct err *e)
{
    double least = 0, most = 0;
    for (uint32_t i = 0; i < c->run->grid.count; i++) {
        if (isnan(c->params[i]))
            return err_set(e, ST_QUERY, "Ratio value is NaN");
        least = fmin(least, c->params[i]);
        most = fmax(most, c->params[i]);
        c->params[i] = fmax(-1, fmin(1, c->params[i]));
    }
    if (most > 1)
        note_ratio(c, most, 1);
    if (least < -1)
        note_ratio(c, least, -1);
    return ST_OK;
}

static enum status choice_alloc(struct choice *c, struct err *e)
{
    struct arena *arena = c->run->arena;
    c->group_of = arena_calloc(arena, c->rows.count, sizeof(*c->group_of));
    c->room = arena_calloc(arena, (size_t)c->rows.count + 1, sizeof(*c->room));
    c->held = arena_calloc(arena, c->rows.count, sizeof(*c->held));
    c->best = arena_calloc(arena, c->rows.count, sizeof(*c->best));
    c->chosen = arena_calloc(arena, c->rows.count, c->run->grid.count);
    if (!c->group_of || !c->room || !c->held || !c->best || !c->chosen)
        return promql_no_memory(e);
    return ST_OK;
}

static enum status group_rows(struct choice *c, struct err *e)
{
    struct promql_grouping grouping;
    TRY(promql_grouping_init(&grouping, c->run, c->node, e));
    for (uint32_t r = 0; r < c->rows.count; r++) {
        bool added;
        TRY(promql_grouping_find(&grouping, c->rows.items[r].labels, &c->group_of[r], &added, e));
        c->room[c->group_of[r] + 1]++;
    }
    c->group_count = grouping.groups.count;
    for (uint32_t g = 0; g < c->group_count; g++)
        c->room[g + 1] += c->room[g];
    return ST_OK;
}

/* Does a go before b? NaN is last for both operators. */
static bool is_better(const struct choice *c, double a, double b)
{
    if (isnan(a) || isnan(b))
        return !isnan(a);
    return c->node->aggregate.op == AGG_TOPK ? a > b : a < b;
}

/* Rows are numbered by their labels. */
static bool goes_before(const struct choice *c, uint32_t step, uint32_t a, uint32_t b)
{
    double x = c->rows.items[a].values[step], y = c->rows.items[b].values[step];
    return is_better(c, x, y) || (!is_better(c, y, x) && a < b);
}

static void sift_up(const struct choice *c, uint32_t step, uint32_t *heap, uint32_t at)
{
    uint32_t row = heap[at];
    for (; at > 0 && goes_before(c, step, heap[(at - 1) / 2], row); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = row;
}

static void sift_down(const struct choice *c, uint32_t step, uint32_t *heap, uint32_t count)
{
    uint32_t row = heap[0], at = 0;
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && goes_before(c, step, heap[child], heap[child + 1]))
            child++;
        if (!goes_before(c, step, row, heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = row;
}

/* Keeps a row when it is among the best k of its group. */
static void rank_row(struct choice *c, uint32_t row, uint32_t step, double k)
{
    uint32_t group = c->group_of[row], *best = c->best + c->room[group], *held = &c->held[group];
    if (*held < k) {
        best[*held] = row;
        sift_up(c, step, best, *held);
        ++*held;
    } else if (goes_before(c, step, row, best[0])) {
        best[0] = row;
        sift_down(c, step, best, *held);
    }
}

static void append_text(struct buf *out, struct str s)
{
    if (s.len < 255) {
        buf_append_u8(out, (uint8_t)s.len);
    } else {
        buf_append_u8(out, 255);
        for (unsigned shift = 0; shift < 24; shift += 8)
            buf_append_u8(out, (uint8_t)(s.len >> shift));
    }
    buf_append_str(out, s);
}

/* 2^-64 * hash of the labels, which is that of Prometheus (labels_stringlabels.go): the same series
 * are taken. */
static enum status place_rows(struct choice *c, struct err *e)
{
    struct buf text = {0};
    c->places = arena_calloc(c->run->arena, c->rows.count, sizeof(*c->places));
    for (uint32_t r = 0; c->places && r < c->rows.count; r++) {
        struct label_set s = c->rows.items[r].labels;
        buf_reset(&text);
        for (uint32_t i = 0; i < s.count; i++) {
            append_text(&text, s.items[i].name);
            append_text(&text, s.items[i].value);
        }
        c->places[r] = (double)hash_xx64(text.ptr, text.len) * 0x1p-64;
    }
    bool failed = text.failed;
    buf_deinit(&text);
    return failed || !c->places ? promql_no_memory(e) : ST_OK;
}

/* A ratio and its complement, ratio - 1, share all series without overlap. */
static bool ratio_takes(double place, double ratio)
{
    return ratio >= 0 ? place < ratio : place >= 1 + ratio;
}

static void offer_row(struct choice *c, uint32_t row, uint32_t step)
{
    double param = c->params[step];
    enum promql_aggregation op = c->node->aggregate.op;
    if (op == AGG_LIMIT_RATIO) {
        if (ratio_takes(c->places[row], param))
            c->best[c->room[c->group_of[row]] + c->held[c->group_of[row]]++] = row;
        return;
    }
    if (param < 1)
        return;
    if (op == AGG_LIMITK) {
        if (c->held[c->group_of[row]] < floor(param))
            c->best[c->room[c->group_of[row]] + c->held[c->group_of[row]]++] = row;
        return;
    }
    if (promql_row_histogram(&c->rows.items[row], step))
        promql_note_ignored(c->run, c->node, &c->node->span);
    else
        rank_row(c, row, step, floor(param));
}

static void choose_step(struct choice *c, uint32_t step)
{
    memset(c->held, 0, c->group_count * sizeof(*c->held));
    for (uint32_t r = 0; r < c->rows.count; r++)
        if (promql_row_has(&c->rows.items[r], step))
            offer_row(c, r, step);
    for (uint32_t g = 0; g < c->group_count; g++)
        for (uint32_t i = 0; i < c->held[g]; i++)
            c->chosen[(size_t)c->best[c->room[g] + i] * c->run->grid.count + step] = 1;
}

static enum status put_row(struct choice *c, uint32_t number, const struct promql_sink *out,
                           struct err *e)
{
    struct promql_row *row = &c->rows.items[number];
    const uint8_t *chosen = c->chosen + (size_t)number * c->run->grid.count;
    bool any = false;
    for (uint32_t i = 0; i < c->run->grid.count; i++) {
        any |= chosen[i];
        if (chosen[i])
            continue;
        row->values[i] = value_absent();
        if (row->histograms)
            row->histograms[i] = NULL;
    }
    return any ? out->put(out->self, row, e) : ST_OK;
}

/* The best first, out of a heap. */
static void sort_heap(const struct choice *c, uint32_t *heap, uint32_t count)
{
    for (; count > 1; count--) {
        uint32_t worst = heap[0];
        heap[0] = heap[count - 1];
        sift_down(c, 0, heap, count - 1);
        heap[count - 1] = worst;
    }
}

/* The order of an instant query: group by group, the best first. */
static enum status put_ranked(struct choice *c, const struct promql_sink *out, struct err *e)
{
    enum promql_aggregation op = c->node->aggregate.op;
    for (uint32_t g = 0; g < c->group_count; g++) {
        uint32_t *best = c->best + c->room[g];
        if (op == AGG_TOPK || op == AGG_BOTTOMK)
            sort_heap(c, best, c->held[g]);
        for (uint32_t i = 0; i < c->held[g]; i++)
            TRY(put_row(c, best[i], out, e));
    }
    return ST_OK;
}

enum status promql_choose_rows(struct promql_run *run, const struct promql_node *node,
                               const struct promql_sink *out, struct err *e)
{
    struct choice c = {.run = run, .node = node};
    TRY(promql_run_scalar(run, node->aggregate.param, &c.params, e));
    TRY(node->aggregate.op == AGG_LIMIT_RATIO ? check_ratios(&c, e) : check_counts(&c, e));
    TRY(promql_run_keep(run, node->aggregate.expr, &c.rows, e));
    promql_rows_sort(&c.rows);
    TRY(choice_alloc(&c, e));
    TRY(group_rows(&c, e));
    if (node->aggregate.op == AGG_LIMIT_RATIO)
        TRY(place_rows(&c, e));
    for (uint32_t i = 0; i < run->grid.count; i++) {
        TRY(query_budget_check(run->budget, e));
        choose_step(&c, i);
    }
    if (run->grid.count == 1)
        TRY(put_ranked(&c, out, e));
    for (uint32_t r = 0; run->grid.count > 1 && r < c.rows.count; r++)
        TRY(put_row(&c, r, out, e));
    promql_run_drop(run, &c.rows);
    return ST_OK;
}
