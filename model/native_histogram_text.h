/* native_histogram_text.h - a native histogram in the notation of Prometheus' test scripts. */
#ifndef WEFT_MODEL_NATIVE_HISTOGRAM_TEXT_H
#define WEFT_MODEL_NATIVE_HISTOGRAM_TEXT_H

#include "base/buf.h"
#include "model/native_histogram.h"

/* {{count:4 sum:5 buckets:[1 2 1]}}, what is zero left out: how count_values names a histogram. Any
 * thread. */
void native_histogram_append_text(struct buf *out, const struct native_histogram *h);

#endif
