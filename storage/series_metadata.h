/* series_metadata.h - type, help and unit by metric name, the newest told wins. Private to
 * storage/series_*. One thread writes under the store's head lock, others read with it. */
#ifndef WEFT_STORAGE_SERIES_METADATA_H
#define WEFT_STORAGE_SERIES_METADATA_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/map64.h"
#include "base/vec.h"
#include "model/metric_batch.h"

enum { METADATA_METRICS_MAX = 50000 };

struct kept_metadata {
    struct str metric, help, unit; /* owned: one allocation, at metric.ptr */
    enum metric_type type;
};

struct metadata_table {
    VEC(struct kept_metadata) items;
    struct map64 by_metric; /* hash -> position + 1 */
    uint64_t seed, bytes;
};

/* Frees what it keeps; it is empty again. */
void metadata_deinit(struct metadata_table *t);
/* Texts are cut to METADATA_TEXT_MAX. New metrics beyond METADATA_METRICS_MAX are not kept.
 * ST_NO_MEMORY. */
enum status metadata_put(struct metadata_table *t, const struct metric_metadata *m, struct err *e);
/* NULL when the metric is not known. Borrowed until the next put. */
const struct kept_metadata *metadata_find(const struct metadata_table *t, struct str metric);
/* For the image: docs/formats/series_state.md. */
void metadata_encode(const struct metadata_table *t, struct buf *out);
/* Into an empty table. ST_CORRUPT, ST_NO_MEMORY. */
enum status metadata_decode(struct metadata_table *t, struct cursor *in, struct err *e);

#endif
