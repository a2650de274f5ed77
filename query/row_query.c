/* row_query.c - maps every row to the number of its group while a range is summed. */
#include "query/row_query.h"

struct row_grouping {
    const struct row_query *query;
    struct intern *keys;
    bool failed;
    row_point_fn point;
    const struct row_quantiles *quantiles;
    row_quantiles_fn give_quantiles;
    void *user;            /* of both */
    size_t held_bytes;     /* of the run, as the budget knows it */
    uint32_t series_count; /* with quantiles: lines are known of so many */
};

static bool has_flags(const struct node *n, unsigned flags)
{
    return (n->flags & flags) == flags;
}

static bool row_wanted(const struct row_query *q, const struct cell_row *row)
{
    const struct row_filter *f = &q->filter;
    return ((unsigned)row->views & (unsigned)q->picture) != 0 &&
           (!f->version || str_eq(row->server_variant.version, *f->version)) &&
           (!f->operation || str_eq(row->operation, *f->operation));
}

static bool ends_wanted(const struct row_query *q, uint32_t client, uint32_t server)
{
    const struct row_filter *f = &q->filter;
    const struct node *c = node_table_at(q->nodes, client), *s = node_table_at(q->nodes, server);
    return (!f->pairs || map64_find(f->pairs, row_pair(client, server))) &&
           has_flags(c, f->client_flags) && has_flags(s, f->server_flags) &&
           (has_flags(c, f->either_flags) || has_flags(s, f->either_flags));
}

static uint32_t word(struct row_grouping *g, enum row_dim dim, struct str text)
{
    if (!(g->query->dims & (unsigned)dim))
        return 0;
    uint32_t id = intern_add(g->query->words, text);
    g->failed |= id == INTERN_NONE;
    return id;
}

static uint32_t group_of_series(const struct row_grouping *g, uint32_t series)
{
    if (!g->quantiles)
        return series;
    return series < g->series_count ? g->quantiles->line_of[series] : UINT32_MAX;
}

static uint32_t group_of(const struct cell_row *row, void *user)
{
    struct row_grouping *g = user;
    const struct row_query *q = g->query;
    if (g->failed || !row_wanted(q, row))
        return UINT32_MAX;
    uint32_t client = node_table_add(q->nodes, &row->client, &row->client_variant);
    uint32_t server = node_table_add(q->nodes, &row->server, &row->server_variant);
    if (client == NODE_NONE || server == NODE_NONE) {
        g->failed = true;
        return UINT32_MAX;
    }
    if (!ends_wanted(q, client, server))
        return UINT32_MAX;
    struct row_key key = {
        .client = q->dims & DIM_CLIENT ? client : 0,
        .server = q->dims & DIM_SERVER ? server : 0,
        .protocol = q->dims & DIM_PROTOCOL ? (uint32_t)row->protocol : 0,
        .client_version = word(g, DIM_CLIENT_VERSION, row->client_variant.version),
        .server_version = word(g, DIM_SERVER_VERSION, row->server_variant.version),
        .operation = word(g, DIM_OPERATION, row->operation),
        .code =
            word(g, DIM_CODE | DIM_OUTCOME, q->dims & DIM_OUTCOME ? row->code : cell_row_code(row)),
    };
    uint32_t id = intern_add(g->keys, (struct str){(const char *)&key, sizeof(key)});
    g->failed |= id == INTERN_NONE;
    return g->failed ? UINT32_MAX : group_of_series(g, id - 1);
}

static enum status give_point(uint32_t group, uint64_t time_s, const struct cell *cell, void *user,
                              struct err *e)
{
    struct row_grouping *g = user;
    return g->point(group, time_s, cell, g->user, e);
}

static enum status give_quantiles(uint32_t group, uint64_t time_s, uint64_t weight,
                                  const double *ns, void *user, struct err *e)
{
    struct row_grouping *g = user;
    return weight ? g->give_quantiles(group, time_s, weight, ns, g->user, e) : ST_OK;
}

static enum status check(size_t held_bytes, void *user, struct err *e)
{
    struct row_grouping *g = user;
    struct query_budget *budget = g->query->budget;
    if (held_bytes > g->held_bytes)
        TRY(query_budget_hold(budget, held_bytes - g->held_bytes, e));
    else
        query_budget_let_go(budget, g->held_bytes - held_bytes);
    g->held_bytes = held_bytes;
    return query_budget_check(budget, e);
}

/* The run is over; `kept` bytes of what it held are there still. */
static void settle(struct row_grouping *g, size_t kept)
{
    if (g->query->budget)
        query_budget_let_go(g->query->budget, g->held_bytes - kept);
}

static struct edge_query edge_query_of(struct row_grouping *g, uint32_t step_s)
{
    const struct row_query *q = g->query;
    return (struct edge_query){.start_s = q->start_s,
                               .end_s = q->end_s,
                               .step_s = step_s,
                               .joint = q->joint,
                               .sections = q->sections,
                               .without_sums = q->without_sums,
                               .group = group_of,
                               .point = g->point ? give_point : NULL,
                               .quantiles = g->quantiles ? give_quantiles : NULL,
                               .q = g->quantiles ? g->quantiles->q : NULL,
                               .q_count = g->quantiles ? g->quantiles->count : 0,
                               .check = q->budget ? check : NULL,
                               .user = g,
                               .max_points = q->max_points ? q->max_points : POINTS_MAX,
                               .apart = q->apart,
                               .apart_count = q->apart_count};
}

static enum status check_groups(const struct row_grouping *g, struct err *e)
{
    return g->failed ? err_set(e, ST_NO_MEMORY, "no memory for the groups of the answer") : ST_OK;
}

static enum status run(struct row_grouping *g, uint32_t step_s, struct edge_result *out,
                       struct err *e)
{
    struct edge_query query = edge_query_of(g, step_s);
    enum status status = edge_query_run(g->query->view, &query, out, e);
    settle(g, out->held_bytes);
    return status == ST_OK ? check_groups(g, e) : status;
}

enum status row_query_run(const struct row_query *q, struct row_sums *out, struct err *e)
{
    *out = (struct row_sums){.keys = intern_new(0), .budget = q->budget};
    if (!out->keys)
        return err_set(e, ST_NO_MEMORY, "no memory for the groups of the answer");
    struct row_grouping grouping = {.query = q, .keys = out->keys};
    return run(&grouping, q->step_s, &out->result, e);
}

static enum status run_steps(struct row_grouping *g, struct row_sums *sums, struct err *e)
{
    struct edge_result steps;
    TRY(run(g, g->query->step_s, &steps, e));
    sums->result.step_s = steps.step_s;
    edge_result_deinit(&steps);
    return ST_OK;
}

enum status row_query_points(const struct row_query *q, struct row_sums *sums, row_point_fn point,
                             void *user, struct err *e)
{
    struct row_grouping grouping = {.query = q, .keys = sums->keys, .point = point, .user = user};
    return run_steps(&grouping, sums, e);
}

enum status row_query_quantiles(const struct row_query *q, struct row_sums *sums,
                                const struct row_quantiles *asked, row_quantiles_fn give,
                                void *user, struct err *e)
{
    struct row_grouping grouping = {.query = q,
                                    .keys = sums->keys,
                                    .quantiles = asked,
                                    .give_quantiles = give,
                                    .user = user,
                                    .series_count = sums->result.series_count};
    return run_steps(&grouping, sums, e);
}

enum status row_query_spans(const struct row_query *q, struct row_sums *sums,
                            const struct edge_span *spans, uint32_t count, row_point_fn point,
                            void *user, uint64_t *lost, struct err *e)
{
    struct row_grouping grouping = {.query = q, .keys = sums->keys, .point = point, .user = user};
    struct edge_query query = edge_query_of(&grouping, 0);
    struct edge_result result;
    enum status status = edge_spans_run(q->view, &query, spans, count, &result, e);
    settle(&grouping, 0);
    if (status != ST_OK)
        return status;
    *lost += result.lost_blocks;
    edge_result_deinit(&result);
    return check_groups(&grouping, e);
}

enum status row_query_stretches(const struct row_query *q, struct row_sums *sums, uint64_t gap_s,
                                struct edge_stretches *out, struct err *e)
{
    struct row_grouping grouping = {.query = q, .keys = sums->keys};
    struct edge_query query = edge_query_of(&grouping, 0);
    enum status status = edge_stretches_run(q->view, &query, gap_s, out, e);
    settle(&grouping, 0);
    return status == ST_OK ? check_groups(&grouping, e) : status;
}

void row_sums_deinit(struct row_sums *s)
{
    if (s->budget)
        query_budget_let_go(s->budget, s->result.held_bytes);
    edge_result_deinit(&s->result);
    intern_free(s->keys);
    s->keys = NULL;
}

struct row_key row_sums_key(const struct row_sums *s, uint32_t series)
{
    struct row_key key;
    memcpy(&key, intern_get(s->keys, series + 1).ptr, sizeof(key));
    return key;
}

/* Room for the points of both, then a merge from the back so that nothing is moved twice. */
bool edge_series_join(struct edge_series *to, struct edge_series *from)
{
    size_t i = to->len, j = from->len, shared = 0;
    for (size_t a = 0, b = 0; a < to->len && b < from->len;) {
        uint64_t ta = to->points[a].time_s, tb = from->points[b].time_s;
        shared += ta == tb;
        a += ta <= tb;
        b += tb <= ta;
    }
    size_t at = to->len + from->len - shared;
    if (at > to->cap && !vec_grow((void **)&to->points, &to->cap, at, sizeof(*to->points)))
        return false;
    to->len = at;
    bool ok = true; /* without memory the sums are wrong, but every cell still has one owner */
    while (j) {
        struct edge_point *source = &from->points[j - 1];
        if (i && to->points[i - 1].time_s > source->time_s) {
            to->points[--at] = to->points[--i];
        } else if (i && to->points[i - 1].time_s == source->time_s) {
            struct edge_point merged = to->points[--i];
            ok &= cell_merge(&merged.cell, &source->cell, NULL, NULL);
            to->points[--at] = merged;
            cell_deinit(&source->cell);
            j--;
        } else {
            to->points[--at] = *source;
            j--;
        }
    }
    from->len = 0;
    return ok;
}
