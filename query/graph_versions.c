/* graph_versions.c - which versions of client and server an edge's requests went between.
 * Joint rows are many (operations and codes tell them apart, too), so their histograms are read
 * only for edges with more than one pair of versions: the only pair of an edge is the edge. */
#include "query/graph_build.h"
#include <stdlib.h>

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for the versions of the graph");
}

static struct row_query versions_query(struct graph *g, const struct graph_ask *ask,
                                       unsigned sections)
{
    struct row_query q = graph_query_of(g, ask);
    q.joint = true;
    q.dims = DIM_PAIR | DIM_CLIENT_VERSION | DIM_SERVER_VERSION;
    q.sections = sections;
    return q;
}

/* Joint rows may be kept coarser; totals then follow the wider range, so that both say the same. */
enum status graph_versions_sum(struct graph *g, const struct graph_ask *ask, struct err *e)
{
    struct row_query q = versions_query(g, ask, SECTION_COUNTS);
    TRY(row_query_run(&q, &g->joint, e));
    graph_note_result(g, &g->joint.result);
    return ST_OK;
}

/* --- rows --- */

static struct version_row row_of(const struct row_sums *sums, uint32_t series, size_t edge)
{
    struct row_key key = row_sums_key(sums, series);
    struct cell *cell = &sums->result.series[series].points[0].cell;
    return (struct version_row){.edge = (uint32_t)edge,
                                .client_version = key.client_version,
                                .server_version = key.server_version,
                                .cell = cell,
                                .client = &cell->client,
                                .server = &cell->server};
}

/* Calls for every sum that belongs to an edge. */
static enum status each_sum(struct graph *g, const struct row_sums *sums, const struct map64 *pairs,
                            enum status (*fn)(struct graph *g, const struct version_row *row,
                                              struct err *e),
                            struct err *e)
{
    for (uint32_t i = 0; i < sums->result.series_count; i++) {
        if (!sums->result.series[i].len)
            continue;
        struct row_key key = row_sums_key(sums, i);
        const uint64_t *edge = map64_find(pairs, row_pair(key.client, key.server));
        if (!edge)
            continue;
        struct version_row row = row_of(sums, i, *edge);
        TRY(fn(g, &row, e));
    }
    return ST_OK;
}

static enum status collect(struct graph *g, const struct version_row *row, struct err *e)
{
    return vec_push(&g->versions, *row) ? ST_OK : no_memory(e);
}

static int by_versions(const void *a, const void *b, void *words)
{
    const struct version_row *x = a, *y = b;
    if (x->edge != y->edge)
        return x->edge < y->edge ? -1 : 1;
    int order = str_cmp(intern_get(words, x->client_version), intern_get(words, y->client_version));
    return order ? order
                 : str_cmp(intern_get(words, x->server_version),
                           intern_get(words, y->server_version));
}

/* Rows of one edge that differ in protocol only are one row of the joined edge. */
static enum status join(struct graph *g, struct err *e)
{
    size_t kept = 0;
    if (g->versions.len)
        qsort_r(g->versions.items, g->versions.len, sizeof(*g->versions.items), by_versions,
                g->words);
    for (size_t i = 0; i < g->versions.len; i++) {
        struct version_row *row = &g->versions.items[i];
        struct version_row *last = kept ? &g->versions.items[kept - 1] : NULL;
        if (!last || by_versions(last, row, g->words) != 0)
            g->versions.items[kept++] = *row;
        else if (!cell_merge(last->cell, row->cell, NULL, NULL))
            return no_memory(e);
    }
    g->versions.len = kept;
    for (size_t i = 0; i < kept; i++) {
        struct graph_edge *edge = &g->edges.items[g->versions.items[i].edge];
        if (!edge->version_count++)
            edge->versions = &g->versions.items[i];
    }
    return ST_OK;
}

/* --- latencies --- */

static bool same_range(const struct graph *g)
{
    return g->joint.result.start_s == g->start_s && g->joint.result.end_s == g->end_s;
}

/* The edges whose latencies must be read by versions; the others get their own. */
static enum status choose_edges(struct graph *g, struct map64 *wide, struct err *e)
{
    bool may_share = same_range(g);
    for (size_t i = 0; i < g->edges.len; i++) {
        struct graph_edge *edge = &g->edges.items[i];
        bool added;
        if (edge->version_count == 1 && may_share) {
            edge->versions[0].client = &edge->total->client;
            edge->versions[0].server = &edge->total->server;
        } else if (edge->version_count &&
                   !map64_put(wide, row_pair(edge->client, edge->server), &added)) {
            return no_memory(e);
        }
    }
    return ST_OK;
}

/* The edge's row with the versions of `row`; they are in order, and may be thousands. NULL: none.
 */
static struct version_row *find_row(struct graph_edge *edge, const struct version_row *row,
                                    void *words)
{
    size_t from = 0, to = edge->version_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = by_versions(&edge->versions[middle], row, words);
        if (order == 0)
            return &edge->versions[middle];
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

static enum status add_latencies(struct graph *g, const struct version_row *row, struct err *e)
{
    struct version_row *to = find_row(&g->edges.items[row->edge], row, g->words);
    if (!to)
        return ST_OK;
    if (!histogram_merge(&to->cell->client, row->client) ||
        !histogram_merge(&to->cell->server, row->server))
        return no_memory(e);
    return ST_OK;
}

static enum status read_latencies(struct graph *g, const struct graph_ask *ask,
                                  const struct map64 *pairs, const struct map64 *wide,
                                  struct err *e)
{
    if (!wide->count)
        return ST_OK;
    struct row_query q = versions_query(g, ask, SECTION_CLIENT | SECTION_SERVER);
    q.start_s = g->joint.result.start_s;
    q.end_s = g->joint.result.end_s;
    q.filter.pairs = wide;
    TRY(row_query_run(&q, &g->latencies, e));
    return each_sum(g, &g->latencies, pairs, add_latencies, e);
}

enum status graph_versions_fill(struct graph *g, const struct graph_ask *ask,
                                const struct map64 *pairs, struct err *e)
{
    TRY(each_sum(g, &g->joint, pairs, collect, e));
    TRY(join(g, e));
    struct map64 wide = {0};
    enum status status = choose_edges(g, &wide, e);
    if (status == ST_OK)
        status = read_latencies(g, ask, pairs, &wide, e);
    map64_deinit(&wide);
    return status;
}
