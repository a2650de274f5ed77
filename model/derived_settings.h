/* derived_settings.h - the settings under `series` that concern series made of edges, resolved.
 * Plain data, read-only after start. */
#ifndef WEFT_MODEL_DERIVED_SETTINGS_H
#define WEFT_MODEL_DERIVED_SETTINGS_H

#include "base/compiler.h"

enum { DERIVED_BUCKETS_MAX = 64 };

struct derived_settings {
    bool native; /* the peers' names as native histograms instead of classic buckets */
    double buckets[DERIVED_BUCKETS_MAX]; /* seconds, ascending, without +Inf */
    uint32_t bucket_count;
};

#endif
