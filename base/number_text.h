/* number_text.h - numbers as Prometheus writes them. */
#ifndef WEFT_BASE_NUMBER_TEXT_H
#define WEFT_BASE_NUMBER_TEXT_H

#include "base/buf.h"

/* The shortest decimal text that reads back equal, as the values of Prometheus' HTTP API: without
 * exponent from 1e-6 to below 1e21 ("0.001", "100000"), outside with two exponent digits at least
 * ("1e-07", "1e+21"); "NaN", "+Inf", "-Inf". Any thread. */
void number_append_shortest(struct buf *out, double v);
/* The same digits, never with an exponent: how count_values writes a label. */
void number_append_plain(struct buf *out, double v);
/* The same digits as Go's %g has them: with exponent below 1e-4 and from 1e6 on. */
void number_append_general(struct buf *out, double v);

#endif
