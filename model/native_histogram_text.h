/* native_histogram_text.h - a native histogram for the eye. */
#ifndef WEFT_MODEL_NATIVE_HISTOGRAM_TEXT_H
#define WEFT_MODEL_NATIVE_HISTOGRAM_TEXT_H

#include "base/buf.h"
#include "model/native_histogram.h"

/* {count:4, sum:5, [-2,-1):1, [-0.001,0.001]:2, (1,2]:1}: as Prometheus prints it, and so the label
 * that count_values makes of a histogram. Any thread. */
void native_histogram_append_text(struct buf *out, const struct native_histogram *h);

#endif
