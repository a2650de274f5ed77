/* remote_batch.h - the series of one request, collected until it is full. */
#ifndef WEFT_EXPORT_REMOTE_BATCH_H
#define WEFT_EXPORT_REMOTE_BATCH_H

#include "base/vec.h"
#include "model/metric_batch.h"
#include "storage/series_view.h"

/* Of one request; a single sample may be larger. */
enum { REMOTE_BATCH_SAMPLES = 2000, REMOTE_BATCH_BYTES = MIB };

/* All-zero is valid and empty. One thread at a time. */
struct remote_batch {
    struct arena arena;                 /* labels that are made for the batch */
    VEC(struct metric_series) series;   /* labels borrowed: arena, or who adds them */
    VEC(struct metric_metadata) family; /* of each series; no metric: nothing is known */
    struct sample *samples;             /* owned: REMOTE_BATCH_SAMPLES */
    uint32_t sample_count;
    size_t bytes; /* about, unpacked */
};

/* Appends samples [*at, end) of `data`, floats and histograms as series of their own, until the
 * batch is full; *at moves on. `family` may be NULL. What is told is borrowed until the batch is
 * cleared. ST_NO_MEMORY. */
enum status remote_batch_add(struct remote_batch *b, struct label_set labels,
                             const struct series_data *data, uint32_t *at, uint32_t end,
                             const struct metric_metadata *family, struct err *e);
bool remote_batch_is_full(const struct remote_batch *b);
void remote_batch_clear(struct remote_batch *b);
void remote_batch_deinit(struct remote_batch *b);

#endif
