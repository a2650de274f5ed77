/* promql_number.h - numbers and durations of PromQL: their text and back. Private to query/. */
#ifndef WEFT_QUERY_PROMQL_NUMBER_H
#define WEFT_QUERY_PROMQL_NUMBER_H

#include "base/buf.h"
#include "base/str.h"

enum promql_number_fault { NUMBER_OK, NUMBER_SYNTAX, NUMBER_RANGE, NUMBER_UNIT };

/* Integers with Go's base prefixes (0x, 0 for octal), else decimal floats; '_' between digits; inf
 * and nan. Any thread. */
enum promql_number_fault promql_number_read(struct str text, double *out);
/* "1h30m": whole numbers of y w d h m s ms, each at most once and in this order. NUMBER_UNIT
 * with the *unit that there is not. Any thread. */
enum promql_number_fault promql_duration_read(struct str text, int64_t *ms, struct str *unit);
/* A double as Go's FormatFloat(v, 'f', -1, 64): shortest digits, no exponent. */
void promql_number_write(double v, struct buf *out);
/* As Prometheus prints durations: "1h30m", "90d", "0s", "-5m". */
void promql_duration_write(int64_t ms, struct buf *out);

#endif
