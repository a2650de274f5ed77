/* promql_fn_label.c - label_replace and label_join: other labels, same values. */
#include "query/promql_fn.h"
#include "query/promql_labels.h"

/* Series that are equal now are one, when no step has two of them. */
static enum status put_merged(struct promql_run *run, struct promql_rows *rows,
                              const struct promql_sink *out, struct err *e)
{
    TRY(promql_rows_merge(rows, run->arena, run->grid.count, e));
    for (uint32_t i = 0; i < rows->count; i++)
        TRY(out->put(out->self, &rows->items[i], e));
    promql_run_drop(run, rows);
    return ST_OK;
}

static enum status set_label(struct promql_run *run, struct promql_row *row, struct str name,
                             struct str value, struct err *e)
{
    struct str copy = arena_dup_str(run->arena, value);
    row->labels = promql_labels_with(run->arena, row->labels, name, copy);
    if (!copy.ptr || !row->labels.items)
        return promql_no_memory(e);
    if (str_eq(name, LABEL_METRIC_NAME))
        row->drop_name = false;
    return ST_OK;
}

static enum status check_name(struct str name, const char *kind, const char *function,
                              struct err *e)
{
    if (name.len > 0 && str_is_utf8(name))
        return ST_OK;
    return err_set(e, ST_QUERY, "invalid %s label name in %s(): %.*s", kind, function,
                   (int)MIN(name.len, 100u), name.ptr);
}

static enum status replace_all(struct promql_run *run, const struct promql_node *node,
                               const struct regex *regex, struct promql_rows *rows, struct err *e)
{
    struct str dst = promql_run_text(node->call.args[1]);
    struct str template = promql_run_text(node->call.args[2]);
    struct str src = promql_run_text(node->call.args[3]);
    struct buf text = {0};
    enum status s = ST_OK;
    for (uint32_t i = 0; s == ST_OK && i < rows->count; i++) {
        struct str value = label_set_get(rows->items[i].labels, src);
        buf_reset(&text);
        s = query_budget_work(run->budget, value.len, e);
        if (s != ST_OK || !regex_expand(regex, value, template, &text))
            continue;
        s = text.failed ? promql_no_memory(e)
                        : set_label(run, &rows->items[i], dst, buf_str(&text), e);
    }
    buf_deinit(&text);
    return s;
}

enum status promql_fn_label_replace_rows(struct promql_run *run, const struct promql_node *node,
                                         const struct promql_sink *out, struct err *e)
{
    struct str pattern = promql_run_text(node->call.args[4]);
    struct promql_rows rows = {0};
    struct regex *regex;
    enum status s = regex_new(pattern, &regex, NULL);
    if (s == ST_NO_MEMORY)
        return promql_no_memory(e);
    if (s != ST_OK)
        return err_set(e, ST_QUERY, "invalid regular expression in label_replace(): %.*s",
                       (int)MIN(pattern.len, 200u), pattern.ptr);
    s = check_name(promql_run_text(node->call.args[1]), "destination", "label_replace", e);
    if (s == ST_OK)
        s = promql_run_keep(run, node->call.args[0], &rows, e);
    if (s == ST_OK)
        s = replace_all(run, node, regex, &rows, e);
    regex_free(regex);
    return s == ST_OK ? put_merged(run, &rows, out, e) : s;
}

static enum status join_labels(struct promql_run *run, const struct promql_node *node,
                               struct promql_row *row, struct err *e)
{
    struct buf text = {0};
    struct str separator = promql_run_text(node->call.args[2]);
    for (uint32_t i = 3; i < node->call.arg_count; i++) {
        if (i > 3)
            buf_append_str(&text, separator);
        buf_append_str(&text, label_set_get(row->labels, promql_run_text(node->call.args[i])));
    }
    enum status s =
        text.failed ? promql_no_memory(e)
                    : set_label(run, row, promql_run_text(node->call.args[1]), buf_str(&text), e);
    buf_deinit(&text);
    return s;
}

enum status promql_fn_label_join_rows(struct promql_run *run, const struct promql_node *node,
                                      const struct promql_sink *out, struct err *e)
{
    struct promql_rows rows = {0};
    for (uint32_t i = 3; i < node->call.arg_count; i++)
        TRY(check_name(promql_run_text(node->call.args[i]), "source", "label_join", e));
    TRY(check_name(promql_run_text(node->call.args[1]), "destination", "label_join", e));
    TRY(promql_run_keep(run, node->call.args[0], &rows, e));
    for (uint32_t i = 0; i < rows.count; i++)
        TRY(join_labels(run, node, &rows.items[i], e));
    return put_merged(run, &rows, out, e);
}
