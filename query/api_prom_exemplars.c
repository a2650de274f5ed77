/* api_prom_exemplars.c - /api/v1/query_exemplars: traces behind the series of an expression. */
#include "base/clock.h"
#include "query/derived_exemplars.h"
#include "query/prom_names.h"
#include "query/prom_reply.h"
#include <stdlib.h>

/* Exemplars of all selectors of one expression. */
struct gathering {
    struct prom_sources sources;
    struct query_budget budget;
    struct arena *arena;
    int64_t start_ms, end_ms;
    struct series_exemplars *items; /* arena */
    uint32_t count, cap;
};

static enum status grow(struct gathering *g, uint32_t more, struct err *e)
{
    if (g->cap - g->count >= more)
        return ST_OK;
    uint32_t cap = MAX(g->cap * 2, g->count + more);
    struct series_exemplars *items = arena_calloc(g->arena, cap, sizeof(*items));
    if (!items)
        return err_set(e, ST_NO_MEMORY, "no memory for the exemplars");
    if (g->count)
        memcpy(items, g->items, g->count * sizeof(*items));
    g->items = items;
    g->cap = cap;
    return ST_OK;
}

static enum status add_found(struct gathering *g, const struct series_exemplars *found,
                             uint32_t count, struct err *e)
{
    TRY(grow(g, count, e));
    if (count)
        memcpy(g->items + g->count, found, count * sizeof(*found));
    g->count += count;
    return ST_OK;
}

static enum status add_selector(struct gathering *g, const struct promql_selector *s, struct err *e)
{
    struct series_request request = {.matchers = s->matchers,
                                     .matcher_count = s->matcher_count,
                                     .start_ms = g->start_ms,
                                     .end_ms = g->end_ms,
                                     .arena = g->arena};
    struct series_exemplars *found;
    uint32_t count;
    TRY(query_budget_check(&g->budget, e));
    if (g->sources.view) {
        TRY(series_view_exemplars(g->sources.view, &request, &found, &count, e));
        TRY(add_found(g, found, count, e));
    }
    if (!g->sources.derived.live)
        return ST_OK;
    TRY(derived_exemplars(&g->sources.derived, &request, &g->budget, &found, &count, e));
    return add_found(g, found, count, e);
}

static enum status add_node(struct gathering *g, const struct promql_node *node, struct err *e)
{
    if (!node)
        return ST_OK;
    switch (node->kind) {
    case PROMQL_NUMBER:
    case PROMQL_STRING_LITERAL:
        return ST_OK;
    case PROMQL_SELECTOR:
        return add_selector(g, &node->selector, e);
    case PROMQL_RANGE:
        return add_node(g, node->range.selector, e);
    case PROMQL_SUBQUERY:
        return add_node(g, node->subquery.expr, e);
    case PROMQL_UNARY:
        return add_node(g, node->unary.expr, e);
    case PROMQL_BINARY:
        TRY(add_node(g, node->binary.first->binary.lhs, e));
        for (const struct promql_node *n = node->binary.first; n; n = promql_link_above(n, node))
            TRY(add_node(g, n->binary.rhs, e));
        return ST_OK;
    case PROMQL_AGGREGATE:
        TRY(add_node(g, node->aggregate.expr, e));
        return add_node(g, node->aggregate.param, e);
    case PROMQL_CALL:
        for (uint32_t i = 0; i < node->call.arg_count; i++)
            TRY(add_node(g, node->call.args[i], e));
        return ST_OK;
    case PROMQL_PAREN:
        return add_node(g, node->paren, e);
    }
    return ST_OK;
}

/* --- the answer --- */

static int by_labels(const void *a, const void *b)
{
    return label_set_cmp(((const struct series_exemplars *)a)->labels,
                         ((const struct series_exemplars *)b)->labels);
}

/* Two selectors may find the same series. */
static void sort_series(struct gathering *g)
{
    uint32_t kept = 0;
    if (g->count)
        qsort(g->items, g->count, sizeof(*g->items), by_labels);
    for (uint32_t i = 0; i < g->count; i++)
        if (!kept || !label_set_eq(g->items[kept - 1].labels, g->items[i].labels))
            g->items[kept++] = g->items[i];
    g->count = kept;
}

static void write_exemplar(struct json_writer *w, const struct metric_exemplar *x)
{
    json_object_begin(w);
    json_key(w, "labels");
    prom_write_labels(w, x->labels);
    json_key(w, "value");
    prom_write_value(w, x->value);
    json_key(w, "timestamp");
    prom_write_time(w, x->time_ms);
    json_object_end(w);
}

static void write_answer(struct http_response *out, const struct gathering *g)
{
    struct json_writer w;
    prom_reply_begin(out, &w);
    json_array_begin(&w);
    for (uint32_t i = 0; i < g->count; i++) {
        const struct series_exemplars *s = &g->items[i];
        if (!s->count)
            continue;
        json_object_begin(&w);
        json_key(&w, "seriesLabels");
        prom_write_labels(&w, s->labels);
        json_key(&w, "exemplars");
        json_array_begin(&w);
        for (uint32_t k = 0; k < s->count; k++)
            write_exemplar(&w, &s->items[k]);
        json_array_end(&w);
        json_object_end(&w);
    }
    json_array_end(&w);
    prom_reply_end(&w, NULL);
}

enum status prom_query_exemplars(struct request *r, struct http_response *out, struct err *e)
{
    struct gathering g = {.budget = {.deadline_mono_ns = clock_mono_ns() + PROM_TIMEOUT_NS,
                                     .ending = r->ending,
                                     .payer = r->arena},
                          .arena = r->arena};
    struct promql_node *root = NULL;
    struct str text = {0};
    TRY(prom_param_range(&r->params, &g.start_ms, &g.end_ms, e));
    if (g.end_ms < g.start_ms)
        return err_set(e, ST_INVALID, "end timestamp must not be before start timestamp");
    params_find(&r->params, "query", &text);
    enum status status = promql_parse(text, r->arena, &root, e);
    if (status == ST_OK)
        status = prom_sources_open(r->config, r->live, &g.sources, e);
    if (status == ST_OK)
        status = add_node(&g, root, e);
    if (status == ST_OK) {
        sort_series(&g);
        write_answer(out, &g);
    }
    prom_sources_close(&g.sources);
    promql_free(root);
    return status;
}
