/* edge_store.h - which parts there are, what the head looks like, and exact sums over any range of
 * both. */
#ifndef WEFT_STORAGE_EDGE_STORE_H
#define WEFT_STORAGE_EDGE_STORE_H

#include "model/registry.h"
#include "storage/edge_part.h"
#include "storage/store.h"

/* A consistent moment: each request is in exactly one of its parts. Immutable, counted by
 * reference. */
struct edge_view {
    struct edge_part *
        *parts; /* the head (closed since the last checkpoint, and open) is one of them */
    size_t part_count;
    /* The same without what is open: closed requests never change. NULL in a view that nobody
     * wanted it in, see edge_store_view_closed(). */
    struct edge_part **closed_parts;
    size_t closed_count;
    const struct registry *registry;
    struct store *store; /* borrowed; may be NULL: then lost blocks are counted in results only */
    uint64_t complete_until_ns; /* api.md section 3 */
    uint64_t published_mono_ns;
    bool is_closed_only; /* what is open is too much to be shown */
    uint32_t open_hops, open_traces;
    uint64_t open_bytes;
};

enum { EDGE_HEAD_CLOSED = 2 };

/* What the collector publishes; registry and parts are taken over (each part may be NULL). */
struct edge_head {
    struct edge_part *head;
    /* Closed requests alone, when edge_store_wants_closed(): of the checkpoint that is being
     * written, and since. */
    struct edge_part *closed[EDGE_HEAD_CLOSED];
    bool has_closed;
    struct registry *registry;
    uint64_t complete_until_ns;
    uint64_t checkpointed; /* position of the last checkpoint whose cells are no longer in head (its
                              done() was handled) */
    uint64_t captured_mono_ns; /* clock_mono_ns() when the head was begun: what came later may be
                                  missing in it; 0 = now */
    bool is_closed_only;       /* head is without what is open, which would be too much */
    uint32_t open_hops, open_traces;
    uint64_t open_bytes;
};
/* Collector thread. Parts of checkpoints up to `checkpointed` become visible in the same step. */
void edge_store_publish(struct store *s, const struct edge_head *head);
/* Called (any thread) when a reader wants a view younger than it is: the collector then publishes
 * soon. */
void edge_store_set_refresh(struct store *s, void (*refresh)(void *user), void *user);
/* A view at most max_age_ns old; waits for the collector up to 5 s (ST_TIMEOUT). May block: query
 * pool only. */
enum status edge_store_view(struct store *s, uint64_t max_age_ns, const struct edge_view **out,
                            struct err *e);
/* The same, with closed_parts. For a while views are then made with them. */
enum status edge_store_view_closed(struct store *s, uint64_t max_age_ns,
                                   const struct edge_view **out, struct err *e);
/* Somebody asked for closed requests within the last minute. Collector thread. */
bool edge_store_wants_closed(struct store *s);
/* Of a view with closed_parts: the view whose parts they are, as long as v. */
struct edge_view edge_view_closed(const struct edge_view *v);
void edge_view_unref(const struct edge_view *v);

/* --- exact sums --- */

enum { EDGE_QUANTILES_MAX = 64 };

struct edge_query {
    uint64_t start_s, end_s; /* widened to whole cells of the finest resolution kept */
    uint32_t step_s;         /* 0 = one point for the whole range */
    bool joint;              /* joint rows (versions, operations, codes) instead of edge totals */
    unsigned sections;
    /* Group of a row, dense from 0, or UINT32_MAX to leave it out. Called once per distinct row of
     * each part. */
    uint32_t (*group)(const struct cell_row *row, void *user);
    /* When set, each point goes here and is not kept: steps in order of time, each with all its
     * groups. The cell is borrowed for the call; names are those of the result. What would take
     * hundreds of MB as series takes none so. */
    enum status (*point)(uint32_t group, uint64_t time_s, const struct cell *cell, void *user,
                         struct err *e);
    /* Instead of point, when quantiles of the only side in sections are all that is asked: `ns` of
     * each of q, and what the side weighs (2^-16), borrowed for the call. No buckets are listed. */
    enum status (*quantiles)(uint32_t group, uint64_t time_s, uint64_t weight, const double *ns,
                             void *user, struct err *e);
    const double *q; /* borrowed */
    size_t q_count;  /* at most EDGE_QUANTILES_MAX */
    /* Asked every millisecond or so of work, before it holds `held_bytes` in all; what it returns
     * ends the query. NULL: nobody is asked. */
    enum status (*check)(size_t held_bytes, void *user, struct err *e);
    void *user;
    uint64_t max_points; /* ST_QUERY when the answer would have more */
    /* When set: only these buckets of histograms (ascending) need to stay apart; what lies between
     * two of them may come as one bucket there. Borrowed. */
    const int32_t *apart;
    size_t apart_count;
    bool without_sums; /* sums of histograms come out 0: nobody asks for means */
};

struct edge_point {
    uint64_t time_s; /* start of the step */
    struct cell cell;
};

struct edge_series {
    struct edge_point *points; /* ascending; empty steps are left out */
    size_t len, cap;
};

struct edge_result {
    uint64_t start_s, end_s; /* as widened */
    uint32_t resolution_s, step_s;
    struct edge_series *series; /* by group */
    uint32_t series_count;
    struct intern *names; /* of the tallies */
    size_t held_bytes;    /* of the points, as query.check was told */
    uint64_t lost_blocks;
};
/* Takes the coarsest tiles that fit. Blocks that are damaged or cannot be read are named in the
 * log, counted and left out. Any thread. ST_QUERY, ST_NO_MEMORY, and what q->check returns. The
 * caller ends *out with edge_result_deinit. */
enum status edge_query_run(const struct edge_view *v, const struct edge_query *q,
                           struct edge_result *out, struct err *e);
void edge_result_deinit(struct edge_result *r);

#endif
