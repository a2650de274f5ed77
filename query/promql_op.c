/* promql_op.c - what + - * / % ^ atan2, comparisons and trims make of floats and histograms. */
#include "query/promql_op.h"
#include "query/promql_histogram.h"
#include "query/promql_words.h"

#include <math.h>

static double op_add(double a, double b)
{
    return a + b;
}

static double op_sub(double a, double b)
{
    return a - b;
}

static double op_mul(double a, double b)
{
    return a * b;
}

static double op_div(double a, double b)
{
    return a / b;
}

static double op_eq(double a, double b)
{
    return a == b;
}

static double op_ne(double a, double b)
{
    return a != b;
}

static double op_gt(double a, double b)
{
    return a > b;
}

static double op_lt(double a, double b)
{
    return a < b;
}

static double op_ge(double a, double b)
{
    return a >= b;
}

static double op_le(double a, double b)
{
    return a <= b;
}

static const struct {
    double (*floats)(double a, double b); /* NULL: not for floats */
    bool changes_meaning;
} ops[] = {
    [OP_ADD] = {op_add, true},  [OP_SUB] = {op_sub, true},       [OP_MUL] = {op_mul, true},
    [OP_DIV] = {op_div, true},  [OP_MOD] = {fmod, true},         [OP_POW] = {pow, true},
    [OP_ATAN2] = {atan2, true}, [OP_EQ] = {op_eq, false},        [OP_NE] = {op_ne, false},
    [OP_GT] = {op_gt, false},   [OP_LT] = {op_lt, false},        [OP_GE] = {op_ge, false},
    [OP_LE] = {op_le, false},   [OP_TRIM_BELOW] = {NULL, false}, [OP_TRIM_ABOVE] = {NULL, false},
    [OP_AND] = {NULL, false},   [OP_OR] = {NULL, false},         [OP_UNLESS] = {NULL, false},
};

bool promql_op_changes_meaning(enum promql_op op)
{
    return ops[op].changes_meaning;
}

double promql_op_scalar(enum promql_op op, double a, double b)
{
    return ops[op].floats ? ops[op].floats(a, b) : NAN;
}

static void note_types(const struct promql_combine *c, const char *left, const char *right)
{
    const char *op = promql_op_word(c->node->binary.op);
    annotations_add(c->run->notes, ANNOTATION_INFO, &c->node->span,
                    "incompatible sample types encountered for binary operator \"%s\": %s %s %s",
                    op, left, op, right);
}

/* The result of one step with a histogram on at least one side; absent when there is none. */
struct outcome {
    struct promql_point point;
    bool is_possible;
};

static enum status made(const struct native_histogram *h, struct outcome *out)
{
    out->point.histogram = h;
    out->is_possible = h != NULL;
    return ST_OK;
}

static enum status made_or_no_memory(const struct native_histogram *h, struct outcome *out,
                                     struct err *e)
{
    return h ? made(h, out) : promql_no_memory(e);
}

static enum status trim(const struct promql_combine *c, const struct native_histogram *h,
                        double bound, struct outcome *out, struct err *e)
{
    struct native_histogram *kept = NULL;
    enum status s = c->node->binary.op == OP_TRIM_BELOW
                        ? native_trim_above(h, bound, c->arena, &kept)
                        : native_trim_below(h, bound, c->arena, &kept);
    return s == ST_OK ? made(kept, out) : promql_no_memory(e);
}

static enum status with_float(const struct promql_combine *c, struct promql_point a,
                              struct promql_point b, struct outcome *out, struct err *e)
{
    enum promql_op op = c->node->binary.op;
    if (op == OP_MUL && a.histogram)
        return made_or_no_memory(native_histogram_scale(a.histogram, b.value, c->arena), out, e);
    if (op == OP_MUL)
        return made_or_no_memory(native_histogram_scale(b.histogram, a.value, c->arena), out, e);
    if (op == OP_DIV && a.histogram)
        return made_or_no_memory(native_histogram_divide(a.histogram, b.value, c->arena), out, e);
    if ((op == OP_TRIM_BELOW || op == OP_TRIM_ABOVE) && a.histogram)
        return trim(c, a.histogram, b.value, out, e);
    note_types(c, a.histogram ? "histogram" : "float", a.histogram ? "float" : "histogram");
    return ST_OK;
}

static enum status of_histograms(const struct promql_combine *c, struct promql_point a,
                                 struct promql_point b, struct outcome *out, struct err *e)
{
    enum promql_op op = c->node->binary.op;
    struct histogram_ask ask = {.arena = c->arena, .notes = c->run->notes, .at = &c->node->span};
    struct native_histogram *h = NULL;
    enum status s = ST_OK;
    if (op == OP_ADD)
        s = native_binary_add(&ask, a.histogram, b.histogram, &h);
    else if (op == OP_SUB)
        s = native_binary_sub(&ask, a.histogram, b.histogram, &h);
    else if (op != OP_EQ && op != OP_NE)
        note_types(c, "histogram", "histogram");
    if (s != ST_OK)
        return promql_no_memory(e);
    if (op != OP_EQ && op != OP_NE)
        return made(h, out);
    bool holds = native_histogram_equal(a.histogram, b.histogram) == (op == OP_EQ);
    out->is_possible = true;
    if (c->node->binary.returns_bool)
        out->point.value = holds;
    else if (holds)
        out->point.histogram = c->keeps_right ? b.histogram : a.histogram;
    return ST_OK;
}

static enum status combine_histograms(const struct promql_combine *c, const struct promql_row *a,
                                      const struct promql_row *b, struct promql_row *out,
                                      uint8_t *matched, struct err *e)
{
    for (uint32_t i = 0; i < c->run->grid.count; i++) {
        struct promql_point x = promql_row_point(a, i), y = promql_row_point(b, i);
        out->histograms[i] = NULL;
        if ((!x.histogram && !y.histogram) || promql_point_is_absent(x) ||
            promql_point_is_absent(y))
            continue;
        struct outcome result = {{value_absent(), NULL}, false};
        TRY(x.histogram && y.histogram ? of_histograms(c, x, y, &result, e)
                                       : with_float(c, x, y, &result, e));
        memcpy(&out->values[i], &result.point.value, sizeof(double));
        out->histograms[i] = result.point.histogram;
        if (matched)
            matched[i] = result.is_possible;
    }
    return ST_OK;
}

static void combine_floats(const struct promql_combine *c, const double *a, const double *b,
                           double *out)
{
    double (*floats)(double, double) = ops[c->node->binary.op].floats;
    bool filters = promql_op_is_comparison(c->node->binary.op) && !c->node->binary.returns_bool;
    for (uint32_t i = 0; i < c->run->grid.count; i++) {
        if (value_is_absent(a[i]) || value_is_absent(b[i]))
            out[i] = value_absent();
        else if (!filters)
            out[i] = floats(a[i], b[i]);
        else if (floats(a[i], b[i]) != 0)
            out[i] = c->keeps_right ? b[i] : a[i];
        else
            out[i] = value_absent();
    }
}

/* A trim of floats has no meaning: noted where it is met. */
static void refuse_floats(const struct promql_combine *c, const double *a, const double *b,
                          double *out)
{
    for (uint32_t i = 0; i < c->run->grid.count; i++) {
        if (!value_is_absent(a[i]) && !value_is_absent(b[i]))
            note_types(c, "float", "float");
        out[i] = value_absent();
    }
}

enum status promql_combine_rows(const struct promql_combine *c, const struct promql_row *a,
                                const struct promql_row *b, struct promql_row *out,
                                uint8_t *matched, struct err *e)
{
    bool is_for_floats = ops[c->node->binary.op].floats != NULL;
    for (uint32_t i = 0; matched && i < c->run->grid.count; i++)
        matched[i] =
            is_for_floats && !value_is_absent(a->values[i]) && !value_is_absent(b->values[i]);
    if (is_for_floats)
        combine_floats(c, a->values, b->values, out->values);
    else
        refuse_floats(c, a->values, b->values, out->values);
    if (a->histograms || b->histograms)
        return combine_histograms(c, a, b, out, matched, e);
    return ST_OK;
}
