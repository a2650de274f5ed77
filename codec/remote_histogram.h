/* remote_histogram.h - the Histogram message of remote write, read off the wire. Source:
 * Prometheus, prompb/types.proto and io/prometheus/write/v2/types.proto (the same fields). */
#ifndef WEFT_CODEC_REMOTE_HISTOGRAM_H
#define WEFT_CODEC_REMOTE_HISTOGRAM_H

#include "codec/metric_build.h"
#include "codec/pb_fault.h"

/* Runs that one histogram after the other is read into. All-zero to begin with. */
struct histogram_side {
    struct item_run spans, deltas, counts;
};
struct histogram_scratch {
    struct histogram_side positive, negative;
    struct item_run bounds;
};

enum histogram_result { HISTOGRAM_OK, HISTOGRAM_BROKEN, HISTOGRAM_REJECTED, HISTOGRAM_NO_MEMORY };

/* Reads one message into *out; the histogram lives in the batch's arena. BROKEN: *fault has
 * `fault` and `at`. REJECTED: it contradicts itself, *why says how. */
enum histogram_result remote_histogram_read(struct metric_builder *m,
                                            struct histogram_scratch *scratch, struct str message,
                                            struct sample *out, struct pb_reader *fault,
                                            struct err *why);

#endif
