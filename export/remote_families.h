/* remote_families.h - type, help and unit of metrics, as of the last minute. */
#ifndef WEFT_EXPORT_REMOTE_FAMILIES_H
#define WEFT_EXPORT_REMOTE_FAMILIES_H

#include "base/vec.h"
#include "export/remote_target.h"

/* Of one sender: more metrics go without. */
enum { REMOTE_FAMILIES_MAX = 20000 };

/* All-zero is valid and empty. One thread at a time. */
struct remote_families {
    struct arena arena;
    VEC(struct metric_metadata) items; /* sorted by metric, distinct */
};

/* Reads all of them anew. False when memory is short: then there are none. */
bool remote_families_load(struct remote_families *f,
                          const struct remote_metadata *source) NODISCARD;
/* Of a series of that metric; `x_bucket`, `x_sum`, `x_count` and `x_total` belong to `x` when they
 * are not known themselves. NULL: nothing is known. */
const struct metric_metadata *remote_families_find(const struct remote_families *f,
                                                   struct str metric);
void remote_families_deinit(struct remote_families *f);

#endif
