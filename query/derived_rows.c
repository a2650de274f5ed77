/* derived_rows.c - groups of rows are looked up once; each then adds its tiles to the tracks of all
 * families that it belongs to. */
#include "query/derived_rows.h"

#include "query/derived_output.h"
#include "query/derived_track.h"
#include "query/row_query.h"

enum {
    HOUR_S = 3600,
    DAY_S = 86400,
    TILE_S = DERIVED_STEP_MS / 1000,
    /* Before the range there may be a request whose flat spell reaches into it. */
    REACH_S = DERIVED_QUIET_MS / 1000 + 2 * TILE_S,
    VARIANTS_MAX = 4, /* of a row: both kinds of span, failed or not */
};

/* One track that a group adds to, and as what. */
struct use {
    uint32_t track;
    bool is_server, is_error;
};

struct group_uses {
    VEC(struct use) all;
};

struct rows_run {
    const struct derived_ask *ask;
    enum derived_rows rows;
    struct row_query query;
    struct node_table nodes;
    struct intern *words;  /* owned */
    struct intern *keys;   /* owned: row_key -> number of a group + 1 */
    struct intern *labels; /* owned: family and labels -> number of a track + 1 */
    VEC(struct group_uses) groups;
    VEC(struct derived_track) tracks;
    struct derived_times times;
    struct row_sums range; /* of the whole range: which rows there are */
    int64_t resolution_ms;
    uint64_t lost;
    bool failed; /* out of memory */
};

/* --- tracks --- */

static bool track_key(const struct derived_family *f, struct label_set labels, struct buf *key)
{
    buf_append_varint(key, (uint64_t)(f - derived_families));
    label_set_encode(labels, key);
    return !key->failed;
}

static struct derived_track track_of(const struct rows_run *run, const struct derived_family *f,
                                     struct label_set labels)
{
    return (struct derived_track){
        .form = {.family = f,
                 .bounds = run->ask->bounds[f->milliseconds],
                 .bound_count = run->ask->bound_count,
                 .is_native = run->ask->native[f - derived_families]},
        .labels = labels,
        .times = &run->times,
    };
}

/* Number of the track of these labels, made when new; UINT32_MAX when memory is short. */
static uint32_t track_find(struct rows_run *run, const struct derived_family *f,
                           struct label_set labels)
{
    struct arena *arena = run->ask->request->arena;
    struct buf key = {0};
    struct label_set copy;
    uint32_t known = intern_count(run->labels), id = INTERN_NONE;
    if (track_key(f, labels, &key))
        id = intern_add(run->labels, buf_str(&key));
    buf_deinit(&key);
    if (id == INTERN_NONE)
        return UINT32_MAX;
    if (intern_count(run->labels) == known)
        return id - 1;
    if (!label_set_copy(arena, labels, &copy))
        return UINT32_MAX;
    struct derived_track track = track_of(run, f, copy);
    if (derived_track_begin(&track, arena, NULL) != ST_OK || !vec_push(&run->tracks, track))
        return UINT32_MAX;
    return id - 1;
}

static void use_variant(struct rows_run *run, struct group_uses *uses,
                        const struct derived_family *f, const struct derived_row *row)
{
    struct label labels[DERIVED_LABELS_MAX];
    struct label_set set;
    uint32_t count = derived_labels(f, row, labels);
    if (count == 0 || !derived_ask_accepts(run->ask, labels, count))
        return;
    if (label_set_sort(labels, count, &set, NULL) != ST_OK)
        return;
    struct use use = {track_find(run, f, set), row->is_server, row->is_error};
    run->failed |= use.track == UINT32_MAX || !vec_push(&uses->all, use);
}

static struct derived_row row_of(const struct rows_run *run, const struct row_key *key)
{
    return (struct derived_row){
        .client = node_table_at(&run->nodes, key->client),
        .server = node_table_at(&run->nodes, key->server),
        .protocol = (enum protocol)key->protocol,
        .client_version = intern_get(run->words, key->client_version),
        .server_version = intern_get(run->words, key->server_version),
        .operation = intern_get(run->words, key->operation),
    };
}

static void use_families(struct rows_run *run, struct group_uses *uses, const struct row_key *key)
{
    struct derived_row row = row_of(run, key);
    unsigned variants = run->rows == ROWS_SPANS ? VARIANTS_MAX : 1;
    for (size_t i = 0; i < derived_family_count; i++) {
        if (!run->ask->parts[i] || derived_families[i].rows != run->rows)
            continue;
        for (unsigned v = 0; v < variants; v++) {
            row.is_server = (v & 1) != 0;
            row.is_error = (v & 2) != 0;
            use_variant(run, uses, &derived_families[i], &row);
        }
    }
}

/* The group of a key; NULL when memory is short. */
static const struct group_uses *group_find(struct rows_run *run, const struct row_key *key)
{
    uint32_t known = intern_count(run->keys);
    uint32_t id = intern_add(run->keys, (struct str){(const char *)key, sizeof(*key)});
    if (id == INTERN_NONE || run->failed)
        return NULL;
    if (intern_count(run->keys) > known) {
        struct group_uses uses = {0};
        use_families(run, &uses, key);
        if (!vec_push(&run->groups, uses)) {
            vec_deinit(&uses.all);
            return NULL;
        }
    }
    return run->failed ? NULL : &run->groups.items[id - 1];
}

/* --- increases --- */

static const struct histogram *latency_of(const struct derived_family *f, const struct use *use,
                                          const struct cell *cell)
{
    switch (f->side) {
    case SIDE_CLIENT:
        return &cell->client;
    case SIDE_SERVER:
        return &cell->server;
    case SIDE_TRANSIT:
        return &cell->transit;
    case SIDE_OWN:
        break;
    }
    /* A joint row holds requests of one code, so of one outcome; without a code the larger part
     * decides. */
    bool is_error = 2 * cell->errors > cell->weight;
    if (use->is_error != is_error)
        return NULL;
    return use->is_server ? &cell->server : &cell->client;
}

static uint64_t number_of(const struct derived_family *f, const struct use *use,
                          const struct cell *cell, bool by_outcome)
{
    switch (f->shape) {
    case SHAPE_REQUESTS:
        if (!by_outcome)
            return cell->weight;
        return use->is_error ? cell->errors : cell->weight - cell->errors;
    case SHAPE_ERRORS:
        return cell->errors;
    case SHAPE_ATTEMPTS:
        return cell->attempts;
    case SHAPE_REQUEST_BYTES:
        return cell->request_bytes;
    case SHAPE_RESPONSE_BYTES:
        return cell->response_bytes;
    case SHAPE_INFO:
    case SHAPE_LATENCY:
        break;
    }
    return 0;
}

/* False: the cell says nothing about such series. */
static bool increase_of(const struct rows_run *run, const struct use *use,
                        const struct derived_family *f, const struct cell *cell,
                        struct derived_increase *out)
{
    bool by_outcome = run->rows == ROWS_SPANS;
    *out = (struct derived_increase){0};
    if (f->shape == SHAPE_LATENCY) {
        out->latency = latency_of(f, use, cell);
        return out->latency && out->latency->weight > 0;
    }
    out->number = number_of(f, use, cell, by_outcome);
    return !by_outcome || out->number > 0;
}

static enum status add_cell(struct rows_run *run, const struct row_key *key, bool is_base,
                            uint64_t time_s, const struct cell *cell, struct err *e)
{
    const struct group_uses *group = group_find(run, key);
    for (size_t i = 0; group && i < group->all.len; i++) {
        const struct use *use = &group->all.items[i];
        struct derived_track *t = &run->tracks.items[use->track];
        struct derived_increase by;
        if (!increase_of(run, use, t->form.family, cell, &by))
            continue;
        if (is_base)
            derived_track_base(t, &by);
        else
            derived_track_add(t, (int64_t)time_s * 1000, run->resolution_ms, &by,
                              run->ask->request->arena);
    }
    return group ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for derived series");
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

/* In pieces whose ends lie on borders of the coarse tiles that old parts keep, so that no piece is
 * widened into the next. */
static enum status add_all_before(struct rows_run *run, uint64_t start_s, struct err *e)
{
    uint64_t day = down(start_s, DAY_S), hour = down(start_s, HOUR_S), minute = down(start_s, 60);
    TRY(add_base(run, 0, day, e));
    TRY(add_base(run, day, hour, e));
    TRY(add_base(run, hour, minute, e));
    return add_base(run, minute, start_s, e);
}

static enum status on_point(uint32_t series, uint64_t time_s, const struct cell *cell, void *user,
                            struct err *e)
{
    struct rows_run *run = user;
    struct row_key key = row_sums_key(&run->range, series);
    return add_cell(run, &key, false, time_s, cell, e);
}

static enum status run_queries(struct rows_run *run, struct err *e)
{
    TRY(row_query_run(&run->query, &run->range, e));
    struct edge_result *r = &run->range.result;
    run->lost += r->lost_blocks;
    run->resolution_ms = (int64_t)r->resolution_s * 1000;
    if (run->ask->request->names_only) {
        for (uint32_t i = 0; i < r->series_count; i++) {
            struct row_key key = row_sums_key(&run->range, i);
            if (r->series[i].len > 0)
                TRY(add_cell(run, &key, false, r->start_s, &r->series[i].points[0].cell, e));
        }
        return ST_OK;
    }
    bool any = false;
    for (uint32_t i = 0; i < r->series_count; i++)
        any |= r->series[i].len > 0;
    if (!any)
        return ST_OK;
    run->query.start_s = r->start_s;
    run->query.end_s = r->end_s;
    TRY(add_all_before(run, r->start_s, e));
    run->query.step_s = TILE_S;
    return row_query_points(&run->query, &run->range, on_point, run, e);
}

/* --- life --- */

static enum status run_init(struct rows_run *run, const struct edge_view *view, unsigned sections,
                            struct err *e)
{
    static const unsigned dims[] = {
        [ROWS_GRAPH] = DIM_CLIENT | DIM_SERVER,
        [ROWS_SPANS] = DIM_CLIENT | DIM_SERVER | DIM_OPERATION | DIM_CODE,
        [ROWS_EDGES] = DIM_PAIR | DIM_CLIENT_VERSION | DIM_SERVER_VERSION,
    };
    static const struct node_wanted all = {0};
    const struct series_request *r = run->ask->request;
    int64_t start_s = r->start_ms / 1000 - REACH_S, end_s = r->end_ms / 1000;
    run->times = derived_times_of(r);
    run->words = intern_new(0);
    run->keys = intern_new(0);
    run->labels = intern_new(0);
    TRY(node_table_init(&run->nodes, view->registry, GROUP_SERVICE, &all, r->arena, e));
    run->query = (struct row_query){
        .view = view,
        .nodes = &run->nodes,
        .words = run->words,
        .start_s = down((uint64_t)MAX(start_s, INT64_C(0)), TILE_S),
        .end_s = down((uint64_t)MAX(end_s, INT64_C(0)), TILE_S),
        .joint = run->rows != ROWS_GRAPH,
        .sections = sections,
        .dims = dims[run->rows],
        .picture = VIEW_MESH,
        .max_points = UINT32_MAX, /* what comes out is bounded by the query's budget */
    };
    return run->words && run->keys && run->labels
               ? ST_OK
               : err_set(e, ST_NO_MEMORY, "no memory for derived series");
}

static void run_deinit(struct rows_run *run)
{
    for (size_t i = 0; i < run->groups.len; i++)
        vec_deinit(&run->groups.items[i].all);
    for (size_t i = 0; i < run->tracks.len; i++)
        derived_track_deinit(&run->tracks.items[i]);
    vec_deinit(&run->groups);
    vec_deinit(&run->tracks);
    row_sums_deinit(&run->range);
    intern_free(run->words);
    intern_free(run->keys);
    intern_free(run->labels);
    node_table_deinit(&run->nodes);
}

enum status derived_rows_select(const struct derived_ask *ask, enum derived_rows rows,
                                unsigned sections, const struct edge_view *view,
                                struct series_list *out, struct query_budget *budget,
                                uint64_t *lost, struct err *e)
{
    struct rows_run run = {.ask = ask, .rows = rows};
    enum status status = run_init(&run, view, sections, e);
    if (status == ST_OK && run.query.start_s < run.query.end_s)
        status = run_queries(&run, e);
    *lost += run.lost;
    for (size_t i = 0; status == ST_OK && i < run.tracks.len; i++)
        status = derived_output(ask, &run.tracks.items[i], out, budget, e);
    run_deinit(&run);
    return status;
}
