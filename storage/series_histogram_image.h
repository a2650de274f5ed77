/* series_histogram_image.h - one native histogram as bytes of the series' state file. Format:
 * docs/formats/series_state.md. Private to storage/series_*. */
#ifndef WEFT_STORAGE_SERIES_HISTOGRAM_IMAGE_H
#define WEFT_STORAGE_SERIES_HISTOGRAM_IMAGE_H

#include "base/buf.h"
#include "base/cursor.h"
#include "model/native_histogram.h"

/* Appends it. */
void series_histogram_encode(const struct native_histogram *h, struct buf *out);
/* Reads one into the arena. ST_CORRUPT, ST_NO_MEMORY. */
enum status series_histogram_decode(struct cursor *in, struct arena *arena,
                                    const struct native_histogram **out, struct err *e);

#endif
