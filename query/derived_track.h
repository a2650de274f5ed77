/* derived_track.h - one row of one derived metric on its way through time: running totals, a sample
 * each 15 s, quiet and ended spells. Private to query/. */
#ifndef WEFT_QUERY_DERIVED_TRACK_H
#define WEFT_QUERY_DERIVED_TRACK_H

#include "base/vec.h"
#include "model/native_histogram.h"
#include "query/derived_buckets.h"
#include "query/derived_family.h"

enum { DERIVED_STEP_MS = 15000 };
/* How long a counter goes on flat after the last request, before it ends (Prometheus' lookback). */
enum { DERIVED_QUIET_MS = 300000 };

/* What a tile, or part of one, adds to a track: a number, or latencies. */
struct derived_increase {
    double number;
    const struct histogram *latency; /* NULL: none observed. Borrowed for the call */
};

/* One thread at a time. Zeroed with `family` to `is_native` filled in, begun by
 * derived_track_begin(). */
struct derived_track {
    const struct derived_family *family;
    struct label_set labels;            /* arena; without __name__ and le */
    const struct derived_bound *bounds; /* of SHAPE_LATENCY: ascending, +Inf last. Borrowed */
    uint32_t bound_count;
    bool is_native;

    bool failed;                                   /* memory ran out: nothing of it may be used */
    double *totals, *pending;                      /* arena */
    struct histogram native_total, native_pending; /* owned */
    int64_t pending_ms, resolution_ms;             /* of the tile that is being added */
    int64_t traffic_ms;                            /* of the last sample with an increase */
    bool has_pending;
    VEC(int64_t) times;
    VEC(double) values; /* derived_track_width() a time */
    VEC(const struct native_histogram *) natives;
};

/* ST_NO_MEMORY. */
enum status derived_track_begin(struct derived_track *t, struct arena *arena, struct err *e);
/* Numbers of one sample: buckets, sum and count; 1 for a counter; 0 for native histograms. */
uint32_t derived_track_width(const struct derived_track *t);
/* Adds what happened before the range. */
void derived_track_base(struct derived_track *t, const struct derived_increase *by);
/* Adds to the tile that begins at tile_ms and lasts resolution_ms. Tiles come in order of time,
 * each in any number of parts. */
void derived_track_add(struct derived_track *t, int64_t tile_ms, int64_t resolution_ms,
                       const struct derived_increase *by, struct arena *arena);
/* After the last tile: what is pending, flat samples and the end, up to end_ms. */
void derived_track_finish(struct derived_track *t, int64_t end_ms, struct arena *arena);
/* Frees what is not the arena's. */
void derived_track_deinit(struct derived_track *t);

#endif
