/* remote_round.h - one source on its way to one receiver, in rounds: what became final since the
 * last one is selected, sent, and remembered as delivered. */
#ifndef WEFT_EXPORT_REMOTE_ROUND_H
#define WEFT_EXPORT_REMOTE_ROUND_H

#include "export/remote_cursor.h"
#include "export/remote_families.h"
#include "export/remote_post.h"
#include "export/remote_seen.h"

/* Longest time of one round: a long absence is made up in many. */
enum { REMOTE_WINDOW_MS = 5 * 60 * 1000, REMOTE_SAVE_MS = 250 };
/* Of one round. */
enum { REMOTE_ROUND_BYTES = 64 * MIB, REMOTE_ROUND_SAMPLES = 4000000 };

/* One thread. */
struct remote_round {
    const struct remote_target *target; /* borrowed, as the next five */
    const struct remote_source *source;
    const struct remote_families *families;
    struct remote_post *post;
    struct remote_state *state;
    struct remote_batch *batch;
    char path[REMOTE_CURSOR_PATH]; /* of the cursor */
    struct remote_cursor cursor;
    struct remote_cursor resumed; /* as the last process left it */
    struct remote_seen seen;
    struct arena arena; /* of what a round selects */
    uint64_t saved_mono_ns;
    /* A round that took too much memory is cut: a shorter time, then no look back for what came
     * late, then without a bound, because no part of it can be left out. */
    int64_t window_ms;
    bool no_look_back, unbounded;
    unsigned went_well; /* rounds since the last cut */
};

/* Reads the cursor, or makes one that begins at now_ms. Everything else of *r was set before.
 * ST_IO, ST_NO_MEMORY. */
enum status remote_round_begin(struct remote_round *r, const char *directory, int64_t now_ms,
                               struct err *e);
/* One round, when something is final that was not sent. *more: another one is due at once. ST_BUSY:
 * it is time to stop. Else the round is to be tried again: ST_NO_MEMORY, ST_IO, ST_TIMEOUT. */
enum status remote_round_run(struct remote_round *r, int64_t now_ms, bool *more, struct err *e);
/* How far a source of which everything up to until_ms is delivered is behind what could have been
 * sent by now. Any thread. */
int64_t remote_round_lag_ms(const struct remote_source *source, int64_t until_ms, int64_t now_ms);
void remote_round_deinit(struct remote_round *r);

#endif
