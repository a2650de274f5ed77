/* histogram_json.h - a native histogram as the HTTP API of Prometheus writes it. Private to query/.
 */
#ifndef WEFT_QUERY_HISTOGRAM_JSON_H
#define WEFT_QUERY_HISTOGRAM_JSON_H

#include "base/json_write.h"
#include "model/native_histogram.h"

/* One JSON value: {"count":"4","sum":"5","buckets":[[0,"1","2","2"],...]}. The number before the
 * bounds: 0 open left, 1 open right, 2 open both, 3 closed both. Empty buckets are left out, and
 * "buckets" itself without any. Any thread. */
void histogram_json_write(struct json_writer *w, const struct native_histogram *h);

#endif
