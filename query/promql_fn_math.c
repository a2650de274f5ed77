/* promql_fn_math.c - functions that take one float and give one float, clamp and round among them.
 */
#include "query/promql_fn.h"
#include "query/promql_math.h"

static double sign(double v)
{
    return v < 0 ? -1 : v > 0 ? 1 : v;
}

static double degrees(double v)
{
    return v * 180 / M_PI;
}

static double radians(double v)
{
    return v * M_PI / 180;
}

double (*promql_fn_math(enum promql_function_id id))(double)
{
    static double (*const table[FN_COUNT])(double) = {
        [FN_ABS] = fabs,    [FN_ACOS] = acos, [FN_ACOSH] = acosh, [FN_ASIN] = asin,
        [FN_ASINH] = asinh, [FN_ATAN] = atan, [FN_ATANH] = atanh, [FN_CEIL] = ceil,
        [FN_COS] = cos,     [FN_COSH] = cosh, [FN_DEG] = degrees, [FN_EXP] = exp,
        [FN_FLOOR] = floor, [FN_LN] = log,    [FN_LOG10] = log10, [FN_LOG2] = log2,
        [FN_RAD] = radians, [FN_SGN] = sign,  [FN_SIN] = sin,     [FN_SINH] = sinh,
        [FN_SQRT] = sqrt,   [FN_TAN] = tan,   [FN_TANH] = tanh,
    };
    return table[id];
}

/* Rows of floats in, rows of floats out. */
struct mapping {
    struct promql_run *run;
    const struct promql_sink *out;
    double (*apply)(const struct mapping *m, double v, uint32_t step);
    double (*math)(double v);
    const double *low, *high; /* a slot a step */
    double *values;
};

static enum status map_row(void *self, const struct promql_row *row, struct err *e)
{
    struct mapping *m = self;
    struct promql_row r = {row->labels, m->values, NULL, true};
    bool any = false;
    for (uint32_t i = 0; i < m->run->grid.count; i++) {
        if (value_is_absent(row->values[i])) {
            m->values[i] = value_absent();
            continue;
        }
        m->values[i] = m->math ? m->math(row->values[i]) : m->apply(m, row->values[i], i);
        any |= !value_is_absent(m->values[i]);
    }
    return any ? m->out->put(m->out->self, &r, e) : ST_OK;
}

static enum status map_rows(struct mapping *m, const struct promql_node *arg, struct err *e)
{
    m->values = arena_calloc(m->run->arena, m->run->grid.count, sizeof(*m->values));
    if (!m->values)
        return promql_no_memory(e);
    return promql_run_rows(m->run, arg, &(struct promql_sink){map_row, m, m->out->arena}, e);
}

enum status promql_fn_math_rows(struct promql_run *run, const struct promql_node *node,
                                const struct promql_sink *out, struct err *e)
{
    struct mapping m = {.run = run, .out = out, .math = promql_fn_math(node->call.function->id)};
    return map_rows(&m, node->call.args[0], e);
}

static double clamp(const struct mapping *m, double v, uint32_t step)
{
    if (m->low && m->high && m->high[step] < m->low[step])
        return value_absent();
    if (m->high)
        v = promql_min(m->high[step], v);
    return m->low ? promql_max(m->low[step], v) : v;
}

enum status promql_fn_clamp_rows(struct promql_run *run, const struct promql_node *node,
                                 const struct promql_sink *out, struct err *e)
{
    struct mapping m = {.run = run, .out = out, .apply = clamp};
    enum promql_function_id id = node->call.function->id;
    double *first, *second;
    TRY(promql_run_scalar(run, node->call.args[1], &first, e));
    if (id == FN_CLAMP)
        TRY(promql_run_scalar(run, node->call.args[2], &second, e));
    m.low = id == FN_CLAMP_MAX ? NULL : first;
    m.high = id == FN_CLAMP ? second : id == FN_CLAMP_MAX ? first : NULL;
    return map_rows(&m, node->call.args[0], e);
}

/* By the inverse, as Prometheus does: fewer inexact results. */
static double round_to(const struct mapping *m, double v, uint32_t step)
{
    double inverse = 1 / (m->low ? m->low[step] : 1);
    return floor(v * inverse + 0.5) / inverse;
}

enum status promql_fn_round_rows(struct promql_run *run, const struct promql_node *node,
                                 const struct promql_sink *out, struct err *e)
{
    struct mapping m = {.run = run, .out = out, .apply = round_to};
    double *to;
    if (node->call.arg_count > 1) {
        TRY(promql_run_scalar(run, node->call.args[1], &to, e));
        m.low = to;
    }
    return map_rows(&m, node->call.args[0], e);
}
