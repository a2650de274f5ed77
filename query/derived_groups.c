/* derived_groups.c - a group of rows is looked up once, and then names the tracks of all families
 * that it belongs to. */
#include "query/derived_groups.h"

/* Of a row: both kinds of span, failed or not. */
enum { VARIANTS_MAX = 4 };

/* --- tracks --- */

static bool track_key(const struct derived_family *f, struct label_set labels, struct buf *key)
{
    buf_append_varint(key, (uint64_t)(f - derived_families));
    label_set_encode(labels, key);
    return !key->failed;
}

static struct derived_track track_of(const struct derived_groups *g, const struct derived_family *f,
                                     struct label_set labels)
{
    size_t family = (size_t)(f - derived_families);
    return (struct derived_track){
        .form = {.family = f,
                 .bounds = g->ask->bounds[f->milliseconds],
                 .bound_count =
                     g->ask->parts[family] & PART_BUCKET ? g->ask->bound_count[f->milliseconds] : 0,
                 .is_native = g->ask->native[family]},
        .labels = labels,
        .times = &g->times,
    };
}

/* Number of the track of these labels, made when new; UINT32_MAX when memory is short. */
static uint32_t track_find(struct derived_groups *g, const struct derived_family *f,
                           struct label_set labels)
{
    struct arena *arena = g->ask->request->arena;
    struct buf key = {0};
    struct label_set copy;
    uint32_t known = intern_count(g->labels), id = INTERN_NONE;
    if (track_key(f, labels, &key))
        id = intern_add(g->labels, buf_str(&key));
    buf_deinit(&key);
    if (id == INTERN_NONE)
        return UINT32_MAX;
    if (intern_count(g->labels) == known)
        return id - 1;
    if (!label_set_copy(arena, labels, &copy))
        return UINT32_MAX;
    struct derived_track track = track_of(g, f, copy);
    if (derived_track_begin(&track, arena, NULL) != ST_OK || !vec_push(&g->tracks, track))
        return UINT32_MAX;
    return id - 1;
}

static void use_variant(struct derived_groups *g, struct derived_uses *uses,
                        const struct derived_family *f, const struct derived_row *row)
{
    struct label labels[DERIVED_LABELS_MAX];
    struct label_set set;
    uint32_t count = derived_labels(f, row, labels);
    if (count == 0 || !derived_ask_accepts(g->ask, labels, count))
        return;
    if (label_set_sort(labels, count, &set, NULL) != ST_OK)
        return;
    struct derived_use use = {track_find(g, f, set), row->is_server, row->is_error};
    g->failed |= use.track == UINT32_MAX || !vec_push(&uses->all, use);
}

static struct derived_row row_of(const struct derived_groups *g, const struct row_key *key)
{
    return (struct derived_row){
        .client = node_table_at(&g->nodes, key->client),
        .server = node_table_at(&g->nodes, key->server),
        .protocol = (enum protocol)key->protocol,
        .client_version = intern_get(g->words, key->client_version),
        .server_version = intern_get(g->words, key->server_version),
        .operation = intern_get(g->words, key->operation),
    };
}

static void use_families(struct derived_groups *g, struct derived_uses *uses,
                         const struct row_key *key)
{
    struct derived_row row = row_of(g, key);
    unsigned variants = g->rows == ROWS_SPANS ? VARIANTS_MAX : 1;
    for (size_t i = 0; i < derived_family_count; i++) {
        if (!g->ask->parts[i] || derived_families[i].rows != g->rows)
            continue;
        for (unsigned v = 0; v < variants; v++) {
            row.is_server = (v & 1) != 0;
            row.is_error = (v & 2) != 0;
            use_variant(g, uses, &derived_families[i], &row);
        }
    }
}

const struct derived_uses *derived_groups_find(struct derived_groups *g, const struct row_key *key)
{
    uint32_t known = intern_count(g->keys);
    uint32_t id = intern_add(g->keys, (struct str){(const char *)key, sizeof(*key)});
    if (id == INTERN_NONE || g->failed)
        return NULL;
    if (intern_count(g->keys) > known) {
        struct derived_uses uses = {0};
        use_families(g, &uses, key);
        if (!vec_push(&g->groups, uses)) {
            vec_deinit(&uses.all);
            return NULL;
        }
    }
    return g->failed ? NULL : &g->groups.items[id - 1];
}

/* --- what is held --- */

enum status derived_groups_count(struct derived_groups *g, const struct derived_track *t,
                                 struct derived_held before, struct err *e)
{
    const struct series_request *r = g->ask->request;
    struct derived_held now = derived_track_held(t);
    if (now.bytes == before.bytes)
        return ST_OK;
    if (now.bytes < before.bytes)
        arena_let_go(r->arena, before.bytes - now.bytes);
    else if (!arena_hold(r->arena, now.bytes - before.bytes))
        return err_set(e, ST_NO_MEMORY, "no memory for derived series");
    g->held.samples += now.samples - before.samples;
    g->held.bytes += now.bytes - before.bytes;
    if (r->samples_max && g->held.samples > r->samples_max)
        return err_set(e, ST_QUERY, "the query would load more than %llu samples",
                       (unsigned long long)r->samples_max);
    if (r->arena->limit_bytes && g->held.bytes > r->arena->limit_bytes)
        return err_set(e, ST_QUERY, "the query needs more memory than the %zu MiB it may use",
                       r->arena->limit_bytes / MIB);
    return query_budget_work(g->budget, now.samples - before.samples, e);
}

/* --- increases --- */

static const struct histogram *latency_of(const struct derived_family *f,
                                          const struct derived_use *use, const struct cell *cell)
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
    /* A joint row holds requests of one outcome; in rows of before the larger part decides. */
    bool is_error = 2 * cell->errors > cell->weight;
    if (use->is_error != is_error)
        return NULL;
    return use->is_server ? &cell->server : &cell->client;
}

static uint64_t number_of(const struct derived_family *f, const struct derived_use *use,
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

bool derived_increase_of(const struct derived_groups *g, const struct derived_use *use,
                         const struct cell *cell, struct derived_increase *out)
{
    const struct derived_family *f = g->tracks.items[use->track].form.family;
    bool by_outcome = g->rows == ROWS_SPANS;
    *out = (struct derived_increase){0};
    if (f->shape == SHAPE_LATENCY) {
        out->latency = latency_of(f, use, cell);
        return out->latency && out->latency->weight > 0;
    }
    out->number = number_of(f, use, cell, by_outcome);
    return !by_outcome || out->number > 0;
}

enum status derived_groups_init(struct derived_groups *g, const struct derived_ask *ask,
                                enum derived_rows rows, const struct registry *registry,
                                struct query_budget *budget, struct err *e)
{
    static const struct node_wanted all = {0};
    *g = (struct derived_groups){.ask = ask,
                                 .budget = budget,
                                 .rows = rows,
                                 .times = derived_times_of(ask->request),
                                 .words = intern_new(0),
                                 .keys = intern_new(0),
                                 .labels = intern_new(0)};
    TRY(node_table_init(&g->nodes, registry, GROUP_SERVICE, &all, ask->request->arena, e));
    return g->words && g->keys && g->labels
               ? ST_OK
               : err_set(e, ST_NO_MEMORY, "no memory for derived series");
}

void derived_groups_deinit(struct derived_groups *g)
{
    arena_let_go(g->ask->request->arena, g->held.bytes);
    for (size_t i = 0; i < g->groups.len; i++)
        vec_deinit(&g->groups.items[i].all);
    for (size_t i = 0; i < g->tracks.len; i++)
        derived_track_deinit(&g->tracks.items[i]);
    vec_deinit(&g->groups);
    vec_deinit(&g->tracks);
    intern_free(g->words);
    intern_free(g->keys);
    intern_free(g->labels);
    node_table_deinit(&g->nodes);
}
