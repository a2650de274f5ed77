/* remote_histogram.h - the Histogram message of remote write (spans and deltas) to absolute
 * buckets. Source: Prometheus, prompb/types.proto and io/prometheus/write/v2/types.proto (same
 * fields), model/histogram. */
#ifndef WEFT_CODEC_REMOTE_HISTOGRAM_H
#define WEFT_CODEC_REMOTE_HISTOGRAM_H

#include "codec/metric_build.h"
#include "codec/pb_walk.h"

/* Runs that one histogram after the other is read into. All-zero to begin with. */
struct histogram_scratch {
    struct item_run spans[2], counts[2], bounds; /* positive, negative */
};

enum histogram_result { HISTOGRAM_OK, HISTOGRAM_BROKEN, HISTOGRAM_REJECTED, HISTOGRAM_NO_MEMORY };

/* Reads one message into *out; the histogram lives in the batch's arena. BROKEN: *fault has
 * `fault` and `at`. REJECTED: it contradicts itself, *why says how (static storage). */
enum histogram_result remote_histogram_read(struct metric_builder *m,
                                            struct histogram_scratch *scratch, struct str message,
                                            struct sample *out, struct pb_reader *fault,
                                            const char **why);

#endif
