/* remote_write_encode.h - series to bodies of Prometheus remote write 1.0 and 2.0. Source:
 * Prometheus, docs/specs/prw (1.0 and 2.0) and prompb. */
#ifndef WEFT_CODEC_REMOTE_WRITE_ENCODE_H
#define WEFT_CODEC_REMOTE_WRITE_ENCODE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/intern.h"
#include "model/batch.h"
#include "model/metric_batch.h"

/* One request after the other. */
struct write_encoder {
    enum batch_encoding version; /* ENCODING_REMOTE_WRITE_1 or _2 */
    uint64_t seed;
    struct intern *symbols;               /* owned; 2.0 */
    struct buf entries, entry, item, sub; /* owned: encoded series, and parts under way */
    struct arena arena;                   /* of one histogram */
    uint32_t series, samples, histograms, exemplars; /* of the request, for the limits of a send */
    bool failed;                                     /* memory ran out: asked once, at the end */
};

/* Series of one request go in between begin and finish. One thread at a time. */

/* Empty; the caller ends it with write_encoder_deinit(). `seed` hashes symbols. */
void write_encoder_init(struct write_encoder *w, enum batch_encoding version, uint64_t seed);
void write_encoder_deinit(struct write_encoder *w);
/* Forgets what the last request was made of. */
void write_encoder_begin(struct write_encoder *w);
/* Appends a series: labels sorted, samples in time order, floats or histograms. 1.0 takes no start
 * times, and of `metadata` (may be NULL) nothing: it has write_encoder_metadata(). */
void write_encoder_series(struct write_encoder *w, const struct metric_series *series,
                          const struct metric_metadata *metadata);
/* 1.0: metadata of a family, independent of series. 2.0: nothing. */
void write_encoder_metadata(struct write_encoder *w, const struct metric_metadata *metadata);
/* Bytes that the body would have by now, about. */
size_t write_encoder_bytes(const struct write_encoder *w);
/* Appends the body, compressed as a snappy block. False when memory ran out. */
bool write_encoder_finish(struct write_encoder *w, struct buf *out) NODISCARD;

#endif
