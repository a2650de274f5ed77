/* series_fragments.h - the samples of one series from several places become one run. Private to
 * storage/series_*. */
#ifndef WEFT_STORAGE_SERIES_FRAGMENTS_H
#define WEFT_STORAGE_SERIES_FRAGMENTS_H

#include "storage/series_part.h"
#include "storage/series_set.h"
#include "storage/series_view.h"

/* Samples of one series out of one part or head: ascending, borrowed. */
struct fragment {
    struct fragment *next;
    uint32_t count;
    const int64_t *times_ms;
    const double *values;
    const struct native_histogram *const *histograms;
    const int64_t *starts_ms;
};

/* Fragments in the order in which they were stored. */
struct fragment_list {
    struct fragment *first, *last;
    uint32_t fragments;
    uint64_t samples;
};

/* Appends one. The node is the arena's. False: no memory. */
bool fragments_add(struct fragment_list *list, const struct fragment *f,
                   struct arena *arena) NODISCARD;
/* Samples [from, to) of it. */
struct fragment fragment_slice(const struct fragment *f, uint32_t from, uint32_t to);
/* First position whose time is >= time_ms. */
uint32_t fragment_position(const struct fragment *f, int64_t time_ms);
/* One run of all fragments (at least one): of one time the one stored last. before_list and before
 * (may be NULL) are those of the series before it: when their times are the same they are shared.
 * Arrays are the arena's or the fragments'. False: no memory. */
bool fragments_join(const struct fragment_list *list, const struct fragment_list *before_list,
                    const struct series_data *before, struct arena *arena,
                    struct series_data *out) NODISCARD;

#endif
