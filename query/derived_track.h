/* derived_track.h - one row of one derived metric on its way through time: which samples it has,
 * and of those the ones that somebody looks at. A 0 one step before the first request, flat for
 * five minutes after the last, then a stale marker. Private to query/. */
#ifndef WEFT_QUERY_DERIVED_TRACK_H
#define WEFT_QUERY_DERIVED_TRACK_H

#include "base/vec.h"
#include "model/label_set.h"
#include "query/derived_natives.h"
#include "query/derived_times.h"
#include "query/derived_total.h"
#include "storage/edge_stretches.h"

/* How long a counter goes on flat after the last request, before it ends (Prometheus' lookback). */
enum { DERIVED_QUIET_MS = 300000 };
/* Tiles with traffic that are no further apart belong to one run. */
enum { DERIVED_GAP_MS = DERIVED_QUIET_MS + DERIVED_STEP_MS };

/* One thread at a time. Zeroed with `form` to `times` filled in, begun by derived_track_begin(). */
struct derived_track {
    struct derived_form form;
    struct label_set labels;           /* arena; without __name__ and le */
    const struct derived_times *times; /* borrowed */

    bool failed;                         /* memory ran out: nothing of it may be used */
    struct derived_total total, pending; /* pending: of the tile that is being added */
    int64_t pending_ms, resolution_ms;
    bool has_pending;

    /* A run: samples at every step from begin_ms to five minutes after traffic_ms. */
    bool has_run, run_is_over; /* over: its last samples and the marker behind it are made */
    int64_t begin_ms, traffic_ms;
    uint32_t samples_before;  /* the run */
    bool wants_begin;         /* of the next run: a window begins in the gap before it */
    struct derived_time next; /* what is looked at up to here is made; INT64_MAX: all of it */

    VEC(int64_t) times_ms;
    VEC(uint32_t) ordinals;
    VEC(double) values; /* derived_form_width() a time */
    struct derived_natives natives;
};

/* ST_NO_MEMORY. */
enum status derived_track_begin(struct derived_track *t, struct arena *arena, struct err *e);
/* Adds what happened before the range. */
void derived_track_base(struct derived_track *t, const struct derived_increase *by);
/* Adds to the tile that begins at tile_ms and lasts resolution_ms. Tiles come in order of time,
 * each in any number of parts. */
void derived_track_add(struct derived_track *t, int64_t tile_ms, int64_t resolution_ms,
                       const struct derived_increase *by, struct arena *arena);
/* The other way to fill a track, time by time as it looks at them: the total at a time, and when
 * there was traffic (more than 315 s apart; `at` is the track's place in them). */
struct derived_traffic {
    const struct edge_stretch *items; /* borrowed; ascending */
    size_t len, at;
};
void derived_track_look(struct derived_track *t, int64_t at_ms, const struct derived_total *total,
                        struct derived_traffic *traffic, struct arena *arena);
/* After the last tile: what is pending, flat samples and the end, up to end_ms. */
void derived_track_finish(struct derived_track *t, int64_t end_ms, struct arena *arena);
/* What was made so far; a row of a classic histogram is as many samples as it has series. */
struct derived_held {
    uint64_t samples, bytes; /* bytes: beside the arena */
};
struct derived_held derived_track_held(const struct derived_track *t);
/* Frees what is not the arena's. */
void derived_track_deinit(struct derived_track *t);

#endif
