/* promql_op.h - binary operators on values and on whole rows. Private to query/. */
#ifndef WEFT_QUERY_PROMQL_OP_H
#define WEFT_QUERY_PROMQL_OP_H

#include "query/promql_run.h"

/* The result is another quantity: name, type and unit do not hold for it. */
bool promql_op_changes_meaning(enum promql_op op);
/* Between two scalars; comparisons give 1 or 0. */
double promql_op_scalar(enum promql_op op, double a, double b);

/* How the elements of two vectors combine. */
struct promql_combine {
    struct promql_run *run;
    const struct promql_node *node; /* PROMQL_BINARY */
    struct arena *arena;            /* of new histograms */
    bool keeps_right;               /* a comparison keeps the value of the right side */
};

/* out[i] = a[i] OP b[i] where both have a value; out->values and out->histograms have a slot a step
 * (out->histograms may be NULL when neither side has any). `matched`, when given, tells at which
 * steps the operation was possible, kept by a comparison or not. Combinations without a meaning are
 * noted. ST_NO_MEMORY. */
enum status promql_combine_rows(const struct promql_combine *c, const struct promql_row *a,
                                const struct promql_row *b, struct promql_row *out,
                                uint8_t *matched, struct err *e);

#endif
