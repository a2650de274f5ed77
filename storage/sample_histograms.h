/* sample_histograms.h - runs of native histograms in the streams of a block: each bucket is a
 * column of its own. Private to storage/sample_* and storage/series_*. */
#ifndef WEFT_STORAGE_SAMPLE_HISTOGRAMS_H
#define WEFT_STORAGE_SAMPLE_HISTOGRAMS_H

#include "model/native_histogram.h"
#include "storage/sample_values.h"

/* Appends `count` samples: histograms[i], or values[i] where that is NULL. A lack of memory fails
 * the streams. */
void sample_histograms_put(struct sample_writer *w,
                           const struct native_histogram *const *histograms, const double *values,
                           uint32_t count);
/* Reads them into *histograms and *values (0 where the sample is a histogram), all in `arena`.
 * Buckets that hold +0 are left out. ST_CORRUPT, ST_NO_MEMORY. */
enum status sample_histograms_get(struct sample_reader *r, uint32_t count, struct arena *arena,
                                  const struct native_histogram ***histograms, double **values,
                                  struct err *e);
/* Steps over them. ST_CORRUPT, ST_NO_MEMORY. */
enum status sample_histograms_skip(struct sample_reader *r, uint32_t count, struct err *e);

#endif
