/* derived_rows.c - the queries of one kind of rows: what was before the range, then the range tile
 * by tile, or only what leads to the times that are looked at. */
#include "query/derived_rows.h"

#include "query/derived_groups.h"
#include "query/derived_output.h"
#include "query/derived_spans.h"

enum {
    HOUR_S = 3600,
    DAY_S = 86400,
    TILE_S = DERIVED_STEP_MS / 1000,
    /* The finest tiles that are kept as long as their part: on their borders nothing that is read
     * before the range is widened into it. */
    KEPT_S = 300,
    /* Before the range there may be a request whose flat spell reaches into it. */
    REACH_S = DERIVED_QUIET_MS / 1000 + 2 * TILE_S,
    /* Tiles of a window from which on it is cheaper to sum up only its ends. */
    FEW_TILES = 16,
    SPARSE_DAYS = 366,
};

struct rows_run {
    struct derived_groups groups;
    struct row_query query;
    struct row_sums range; /* of the whole range: which rows there are */
    int64_t resolution_ms;
    uint64_t lost;
};

static enum status add_cell(struct rows_run *run, const struct row_key *key, bool is_base,
                            uint64_t time_s, const struct cell *cell, struct err *e)
{
    struct derived_groups *g = &run->groups;
    const struct derived_uses *uses = derived_groups_find(g, key);
    for (size_t i = 0; uses && i < uses->all.len; i++) {
        const struct derived_use *use = &uses->all.items[i];
        struct derived_track *t = &g->tracks.items[use->track];
        struct derived_held before = derived_track_held(t);
        struct derived_increase by;
        if (!derived_increase_of(g, use, cell, &by))
            continue;
        if (is_base)
            derived_track_base(t, &by);
        else
            derived_track_add(t, (int64_t)time_s * 1000, run->resolution_ms, &by,
                              g->ask->request->arena);
        TRY(derived_groups_count(g, t, before, e));
    }
    return uses ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for derived series");
}

/* --- queries --- */

/* Everything in [start_s, end_s), as far back as it goes, into the totals. */
static enum status add_base(struct rows_run *run, uint64_t start_s, uint64_t end_s, struct err *e)
{
    struct row_sums sums;
    struct row_query q = run->query;
    if (start_s >= end_s)
        return ST_OK;
    q.start_s = start_s;
    q.end_s = end_s;
    q.step_s = 0;
    enum status status = row_query_run(&q, &sums, e);
    run->lost += sums.result.lost_blocks;
    for (uint32_t i = 0; status == ST_OK && i < sums.result.series_count; i++) {
        struct row_key key = row_sums_key(&sums, i);
        if (sums.result.series[i].len > 0)
            status = add_cell(run, &key, true, 0, &sums.result.series[i].points[0].cell, e);
    }
    row_sums_deinit(&sums);
    return status;
}

static uint64_t down(uint64_t s, uint64_t unit)
{
    return s - s % unit;
}

/* In pieces that lie on the borders of coarse tiles: sums of much are read from few. */
static enum status add_all_before(struct rows_run *run, uint64_t start_s, struct err *e)
{
    uint64_t day = down(start_s, DAY_S), hour = down(start_s, HOUR_S);
    TRY(add_base(run, 0, day, e));
    TRY(add_base(run, day, hour, e));
    return add_base(run, hour, start_s, e);
}

static enum status on_point(uint32_t series, uint64_t time_s, const struct cell *cell, void *user,
                            struct err *e)
{
    struct rows_run *run = user;
    struct row_key key = row_sums_key(&run->range, series);
    return add_cell(run, &key, false, time_s, cell, e);
}

/* Rows of which only labels are wanted. */
static enum status add_names(struct rows_run *run, struct err *e)
{
    const struct edge_result *r = &run->range.result;
    for (uint32_t i = 0; i < r->series_count; i++) {
        struct row_key key = row_sums_key(&run->range, i);
        if (r->series[i].len > 0)
            TRY(add_cell(run, &key, false, r->start_s, &r->series[i].points[0].cell, e));
    }
    return ST_OK;
}

/* Few of the range's tiles are looked at, and what a cell adds does not depend on its length. The
 * minutes of the range are held as bits: of years, or from 1970 on, they are too many. */
static bool is_sparse(const struct rows_run *run)
{
    const struct derived_times *times = &run->groups.times;
    uint64_t tiles = (run->query.end_s - run->query.start_s) / TILE_S;
    return run->groups.rows == ROWS_GRAPH && run->resolution_ms == DERIVED_STEP_MS &&
           !derived_times_are_dense(times) && tiles > (uint64_t)times->windows.count * FEW_TILES &&
           tiles <= (uint64_t)SPARSE_DAYS * DAY_S / TILE_S;
}

static enum status run_queries(struct rows_run *run, struct err *e)
{
    const struct derived_ask *ask = run->groups.ask;
    unsigned sections = run->query.sections;
    if (!ask->request->names_only)
        run->query.sections = 0;
    TRY(row_query_run(&run->query, &run->range, e));
    const struct edge_result *r = &run->range.result;
    run->query.sections = sections;
    run->lost += r->lost_blocks;
    run->resolution_ms = (int64_t)r->resolution_s * 1000;
    if (ask->request->names_only)
        return add_names(run, e);
    bool any = false;
    for (uint32_t i = 0; i < r->series_count; i++)
        any |= r->series[i].len > 0;
    if (!any)
        return ST_OK;
    run->query.start_s = r->start_s;
    run->query.end_s = r->end_s;
    TRY(add_all_before(run, r->start_s, e));
    if (is_sparse(run))
        return derived_spans_add(&run->groups, &run->query, &run->range, &run->lost, e);
    run->query.step_s = TILE_S;
    return row_query_points(&run->query, &run->range, on_point, run, e);
}

/* --- life --- */

static enum status run_init(struct rows_run *run, const struct derived_ask *ask,
                            enum derived_rows rows, const struct edge_view *view, unsigned sections,
                            struct query_budget *budget, struct err *e)
{
    static const unsigned dims[] = {
        [ROWS_GRAPH] = DIM_CLIENT | DIM_SERVER,
        [ROWS_SPANS] = DIM_CLIENT | DIM_SERVER | DIM_OPERATION | DIM_OUTCOME,
        [ROWS_EDGES] = DIM_PAIR | DIM_CLIENT_VERSION | DIM_SERVER_VERSION,
    };
    const struct series_request *r = ask->request;
    int64_t start_s = r->start_ms / 1000 - REACH_S, end_s = r->end_ms / 1000;
    *run = (struct rows_run){0};
    TRY(derived_groups_init(&run->groups, ask, rows, view->registry, budget, e));
    run->query = (struct row_query){
        .view = view,
        .budget = budget,
        .nodes = &run->groups.nodes,
        .words = run->groups.words,
        .start_s = down((uint64_t)MAX(start_s, INT64_C(0)), KEPT_S),
        .end_s = down((uint64_t)MAX(end_s, INT64_C(0)), TILE_S),
        .joint = rows != ROWS_GRAPH,
        .sections = sections,
        .dims = dims[rows],
        .picture = VIEW_MESH,
        .max_points = UINT32_MAX, /* what comes out is bounded by derived_groups_count() */
        .apart = ask->apart,
        .apart_count = ask->apart_count,
    };
    return ST_OK;
}

static void run_deinit(struct rows_run *run)
{
    derived_groups_deinit(&run->groups);
    row_sums_deinit(&run->range);
}

enum status derived_rows_select(const struct derived_ask *ask, enum derived_rows rows,
                                unsigned sections, const struct edge_view *view,
                                struct series_list *out, struct query_budget *budget,
                                uint64_t *lost, struct err *e)
{
    struct rows_run run;
    enum status status = run_init(&run, ask, rows, view, sections, budget, e);
    if (status == ST_OK && run.query.start_s < run.query.end_s)
        status = run_queries(&run, e);
    *lost += run.lost;
    for (size_t i = 0; status == ST_OK && i < run.groups.tracks.len; i++)
        status = derived_output(ask, &run.groups.tracks.items[i], out, budget, e);
    run_deinit(&run);
    return status;
}
