/* promql_aggr.c - grouping of aggregations, and the way to the right kind. */
#include "query/promql_aggr.h"
#include "query/promql_words.h"

void promql_note_ignored(struct promql_run *run, const struct promql_node *node,
                         const struct promql_span *at)
{
    annotations_add(run->notes, ANNOTATION_INFO, at, "ignored histogram in %s aggregation",
                    promql_aggregation_word(node->aggregate.op));
}

enum status promql_grouping_init(struct promql_grouping *g, struct promql_run *run,
                                 const struct promql_node *node, struct err *e)
{
    bool without = node->aggregate.without;
    *g = (struct promql_grouping){.groups.arena = run->arena, .without = without};
    g->names = promql_names_sorted(run->arena, node->aggregate.labels, node->aggregate.label_count,
                                   without ? LABEL_METRIC_NAME : (struct str){0});
    return g->names.items ? ST_OK : promql_no_memory(e);
}

enum status promql_grouping_find(struct promql_grouping *g, struct label_set labels,
                                 uint32_t *group, bool *added, struct err *e)
{
    if (labels.count > g->scratch_cap) {
        g->scratch_cap = labels.count * 2;
        g->scratch = arena_calloc(g->groups.arena, g->scratch_cap, sizeof(*g->scratch));
    }
    if (labels.count && !g->scratch)
        return promql_no_memory(e);
    struct label_set key = promql_labels_pick(labels, g->names, !g->without, g->scratch);
    *group = promql_table_put(&g->groups, key, added);
    return *group == PROMQL_TABLE_NONE ? promql_no_memory(e) : ST_OK;
}

static bool has_histograms(const struct series_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i].histograms || list->items[i].later)
            return true;
    return false;
}

/* Counting sort. */
static enum status sort_groups(struct promql_grouping *g, struct series_list *list,
                               struct arena *arena, struct err *e)
{
    bool added;
    uint32_t *group_of = arena_calloc(arena, list->count, sizeof(*group_of));
    struct series_data *sorted = arena_calloc(arena, list->count, sizeof(*sorted));
    if (!group_of || !sorted)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < list->count; i++)
        TRY(promql_grouping_find(g, list->items[i].labels, &group_of[i], &added, e));
    uint32_t *from = arena_calloc(arena, (size_t)g->groups.count + 1, sizeof(*from));
    if (!from)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < list->count; i++)
        from[group_of[i] + 1]++;
    for (uint32_t i = 0; i < g->groups.count; i++)
        from[i + 1] += from[i];
    for (uint32_t i = 0; i < list->count; i++)
        sorted[from[group_of[i]]++] = list->items[i];
    list->items = sorted;
    list->cap = list->count;
    return ST_OK;
}

enum status promql_order_series(struct promql_order *order, struct series_list *list,
                                struct arena *arena, struct err *e)
{
    if (!has_histograms(list))
        return ST_OK;
    order->is_grouped = true;
    return sort_groups(order->grouping, list, arena, e);
}

enum status promql_aggregate_rows(struct promql_run *run, const struct promql_node *node,
                                  const struct promql_sink *out, struct err *e)
{
    switch (node->aggregate.op) {
    case AGG_TOPK:
    case AGG_BOTTOMK:
    case AGG_LIMITK:
    case AGG_LIMIT_RATIO:
        return promql_choose_rows(run, node, out, e);
    case AGG_QUANTILE:
        return promql_quantile_rows(run, node, out, e);
    case AGG_COUNT_VALUES:
        return promql_count_values_rows(run, node, out, e);
    default:
        return promql_fold_rows(run, node, out, e);
    }
}
