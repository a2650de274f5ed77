/* promql_fn_sort.c - sort, sort_desc, sort_by_label, sort_by_label_desc: the order of the answer to
 * an instant query. */
#include "query/promql_fn.h"

#include <math.h>
#include <stdlib.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Length of the run of digits, or of other bytes, at the start. */
static size_t run_length(struct str s)
{
    size_t len = 0;
    while (len < s.len && is_digit(s.ptr[len]) == is_digit(s.ptr[0]))
        len++;
    return len;
}

static struct str without_zeros(struct str digits)
{
    while (digits.len > 1 && digits.ptr[0] == '0')
        digits = str_sub(digits, 1, digits.len);
    return digits;
}

static int run_order(struct str a, struct str b)
{
    if (!is_digit(a.ptr[0]) || !is_digit(b.ptr[0]))
        return str_cmp(a, b);
    a = without_zeros(a);
    b = without_zeros(b);
    return a.len != b.len ? (a.len > b.len) - (a.len < b.len) : str_cmp(a, b);
}

/* Runs of digits compare as numbers: node2 comes before node10. */
static int natural_order(struct str a, struct str b)
{
    while (a.len && b.len) {
        size_t x = run_length(a), y = run_length(b);
        int order = run_order(str_sub(a, 0, x), str_sub(b, 0, y));
        if (order)
            return order;
        a = str_sub(a, x, a.len);
        b = str_sub(b, y, b.len);
    }
    return (a.len > 0) - (b.len > 0);
}

static int by_label(const void *a, const void *b, void *user)
{
    const struct promql_row *x = a, *y = b;
    const struct promql_node *node = user;
    int order = 0;
    for (uint32_t i = 1; order == 0 && i < node->call.arg_count; i++) {
        struct str name = promql_run_text(node->call.args[i]);
        order = natural_order(label_set_get(x->labels, name), label_set_get(y->labels, name));
    }
    if (order == 0)
        order = label_set_cmp(x->labels, y->labels);
    return node->call.function->id == FN_SORT_BY_LABEL_DESC ? -order : order;
}

/* NaN is last in both directions; equal values are in the order of labels. */
static int by_value(const void *a, const void *b, void *user)
{
    const struct promql_row *x = a, *y = b;
    const struct promql_node *node = user;
    double v = x->values[0], w = y->values[0];
    if (isnan(v) != isnan(w))
        return isnan(v) ? 1 : -1;
    int order = (v > w) - (v < w);
    if (node->call.function->id == FN_SORT_DESC)
        order = -order;
    return order ? order : label_set_cmp(x->labels, y->labels);
}

static bool sorts_values(const struct promql_node *node)
{
    return node->call.function->id == FN_SORT || node->call.function->id == FN_SORT_DESC;
}

/* Histograms have no order. */
static void leave_histograms(struct promql_rows *rows, uint32_t steps)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        rows->items[i].histograms = NULL;
        if (promql_row_points(&rows->items[i], steps))
            rows->items[kept++] = rows->items[i];
    }
    rows->count = kept;
}

enum status promql_fn_sort_rows(struct promql_run *run, const struct promql_node *node,
                                const struct promql_sink *out, struct err *e)
{
    struct promql_rows rows = {0};
    TRY(promql_run_keep(run, node->call.args[0], &rows, e));
    if (sorts_values(node))
        leave_histograms(&rows, run->grid.count);
    if (run->grid.count > 1)
        annotations_add(run->notes, ANNOTATION_WARNING, &node->span,
                        "sort is ineffective for range queries since results are always ordered "
                        "by labels");
    else if (rows.count)
        qsort_r(rows.items, rows.count, sizeof(*rows.items),
                sorts_values(node) ? by_value : by_label, (void *)node);
    for (uint32_t i = 0; i < rows.count; i++)
        TRY(out->put(out->self, &rows.items[i], e));
    promql_run_drop(run, &rows);
    return ST_OK;
}
