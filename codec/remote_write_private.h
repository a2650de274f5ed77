/* remote_write_private.h - what the readers of remote write 1.0 and 2.0 share. */
#ifndef WEFT_CODEC_REMOTE_WRITE_PRIVATE_H
#define WEFT_CODEC_REMOTE_WRITE_PRIVATE_H

#include "codec/metric_build.h"
#include "codec/pb_fault.h"
#include "codec/remote_histogram.h"
#include "codec/remote_write.h"

/* One call, and the series that is being read. */
struct write_decoder {
    struct metric_builder m;
    struct pb_body body;
    struct histogram_scratch scratch;
    const struct str *symbols; /* 2.0; batch arena */
    uint32_t symbol_count;
    bool symbols_are_utf8;
    bool label_is_short;        /* the last one of 1.0: its bytes are what series_hash() hashes */
    const char *labels_fault;   /* why the series is rejected; NULL: it is not */
    struct err histogram_fault; /* why the first bad histogram is rejected */
    uint32_t bad_histograms;
    struct metric_metadata metadata; /* 2.0: of the series */
    bool has_metadata;
};

/* The shortest series with a name and a sample; shorter ones need no room. */
enum { SERIES_BYTES_MIN = 6 };
/* Makes room for the series that the body has as fields `tag`; faults are met again later. */
enum status write_reserve(struct write_decoder *d, struct str body, uint32_t tag);
/* Opens the runs of a series. */
void write_series_begin(struct write_decoder *d);
/* A Sample; an absent value is 0. */
enum status write_read_sample(struct write_decoder *d, struct str message);
enum status write_read_histogram(struct write_decoder *d, struct str message);
/* Checks the labels, and appends the series or rejects what it holds. `bytes`: those that hold all
 * its labels, or an empty slice when they are known to be UTF-8. `wire`: they are what
 * series_hash() hashes, if the labels are in order. */
enum status write_series_end(struct write_decoder *d, struct str bytes, bool wire);
/* An exemplar whose labels are the run exemplar_labels; left out when they are no labels. */
enum status write_exemplar(struct write_decoder *d, double value, int64_t time_ms);

/* The two bodies. */
enum status write_request_1(struct write_decoder *d, struct str body);
enum status write_request_2(struct write_decoder *d, struct str body);

#endif
