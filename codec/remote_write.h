/* remote_write.h - bodies of Prometheus remote write to series: a bounded walk, no recursion,
 * slices into the body. Source: Prometheus, docs/specs/prw (1.0 and 2.0) and prompb. What is
 * repaired, rejected series by series, or fails the request is the table in docs/metrics-input.md.
 */
#ifndef WEFT_CODEC_REMOTE_WRITE_H
#define WEFT_CODEC_REMOTE_WRITE_H

#include "base/err.h"
#include "model/batch.h"
#include "model/limits.h"

struct remote_write_rules {
    const struct limits *limits; /* borrowed */
    uint64_t seed;               /* of metric_series.hash: the data directory's */
};

/* Decodes batch->plain (WriteRequest or io.prometheus.write.v2.Request, by batch->encoding) into
 * batch->metrics, received, rejected and reject_message; a message without rejected items means
 * that something without samples was wrong. Any thread. Errors: ST_INVALID (undecodable: says what
 * and at which byte), ST_TOO_BIG (too many samples), ST_NO_MEMORY. */
enum status remote_write_decode(struct batch *batch, const struct remote_write_rules *rules,
                                struct err *e);

#endif
