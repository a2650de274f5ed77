/* promql_fn_histogram.c - histogram_count, _sum, _avg, _stddev, _stdvar of native histograms. */
#include "query/promql_fn.h"
#include "query/promql_histogram.h"

#include <math.h>

struct measuring {
    struct promql_run *run;
    const struct promql_sink *out;
    enum promql_function_id id;
    double *values;
};

static double measure(enum promql_function_id id, const struct native_histogram *h)
{
    switch (id) {
    case FN_HISTOGRAM_COUNT:
        return h->count;
    case FN_HISTOGRAM_SUM:
        return h->sum;
    case FN_HISTOGRAM_AVG:
        return native_average(h);
    case FN_HISTOGRAM_STDVAR:
        return native_variance(h);
    default:
        return sqrt(native_variance(h));
    }
}

static enum status measure_row(void *self, const struct promql_row *row, struct err *e)
{
    struct measuring *m = self;
    struct promql_row r = {row->labels, m->values, NULL, true};
    bool any = false;
    for (uint32_t i = 0; i < m->run->grid.count; i++) {
        const struct native_histogram *h = promql_row_histogram(row, i);
        m->values[i] = h ? measure(m->id, h) : value_absent();
        any |= h != NULL;
    }
    return any ? m->out->put(m->out->self, &r, e) : ST_OK;
}

enum status promql_fn_histogram_rows(struct promql_run *run, const struct promql_node *node,
                                     const struct promql_sink *out, struct err *e)
{
    struct measuring m = {run, out, node->call.function->id,
                          arena_calloc(run->arena, run->grid.count, sizeof(double))};
    struct promql_run inner = *run;
    if (!m.values)
        return promql_no_memory(e);
    if (m.id == FN_HISTOGRAM_COUNT || m.id == FN_HISTOGRAM_SUM || m.id == FN_HISTOGRAM_AVG)
        inner.tells_resets = true;
    return promql_run_rows(&inner, node->call.args[0],
                           &(struct promql_sink){measure_row, &m, out->arena}, e);
}
