/* api_percentiles.c - GET /api/mesh/percentiles: quantiles of any set of requests, each an exact
 * merge of histograms. */
#include "query/api.h"
#include "query/ask_params.h"
#include "query/graph_json.h"
#include "query/histogram_sum.h"
#include <stdlib.h>

enum side { SIDE_SERVER, SIDE_CLIENT, SIDE_TRANSIT };
enum by { BY_CLIENT = 1, BY_SERVER = 2, BY_VERSION = 4, BY_OPERATION = 8, BY_CODE = 16 };

static const char *const side_names[] = {"server", "client", "transit", NULL};
static const char *const by_names[] = {"client", "server", "version", "operation", "code", NULL};

struct ask {
    struct row_query rows;
    struct node_wanted wanted;
    struct str version, operation;
    int protocol; /* enum protocol or PROTOCOL_ANY */
    enum side side;
    unsigned by; /* enum by bits */
    double q[EDGE_QUANTILES_MAX];
    size_t q_count;
};

/* One line of the answer: the sums of one or more groups. */
struct line {
    struct row_key key;
    struct edge_series *points; /* of the whole range; borrowed from the sums */
    struct histogram whole;     /* owned */
    struct buf text;            /* owned; its steps, as JSON */
    struct json_writer steps;
};

struct answer {
    struct node_table nodes;
    struct intern *words;
    struct row_sums sums;
    struct intern *line_keys;
    VEC(struct line) lines;
    uint32_t *line_of; /* of each series of the sums, or LINE_NONE; in the arena */
    struct warnings warnings;
};

#define LINE_NONE UINT32_MAX

/* --- what is asked --- */

static unsigned dims_of(const struct ask *ask)
{
    static const unsigned dims[] = {DIM_CLIENT, DIM_SERVER, DIM_SERVER_VERSION, DIM_OPERATION,
                                    DIM_CODE};
    unsigned all = 0;
    for (size_t i = 0; i < LEN(dims); i++)
        if (ask->by >> i & 1)
            all |= dims[i];
    return all;
}

static enum status read_names(const struct params *p, struct ask *ask, struct err *e)
{
    TRY(params_all(p, "client", &ask->wanted.clients, e));
    TRY(params_all(p, "server", &ask->wanted.servers, e));
    TRY(params_all(p, "namespace", &ask->wanted.spaces, e));
    struct row_filter *f = &ask->rows.filter;
    f->client_flags = ask->wanted.clients.len ? NODE_CLIENT : 0;
    f->server_flags =
        (ask->wanted.servers.len ? NODE_SERVER : 0u) | (ask->wanted.spaces.len ? NODE_SPACE : 0u);
    f->version = params_find(p, "version", &ask->version) ? &ask->version : NULL;
    f->operation = params_find(p, "operation", &ask->operation) ? &ask->operation : NULL;
    return ST_OK;
}

static enum status read_quantiles(const struct params *p, struct ask *ask, struct err *e)
{
    static const double usual[] = {0.5, 0.9, 0.99};
    TRY(params_quantiles(p, "q", ask->q, EDGE_QUANTILES_MAX, &ask->q_count, e));
    if (!ask->q_count) {
        memcpy(ask->q, usual, sizeof(usual));
        ask->q_count = LEN(usual);
    }
    return ST_OK;
}

static enum status read_ask(const struct request *r, struct ask *ask, struct err *e)
{
    static const unsigned sections[] = {SECTION_SERVER, SECTION_CLIENT, SECTION_TRANSIT};
    struct time_range range;
    unsigned side;
    TRY(params_range(&r->params, &range, e));
    TRY(read_names(&r->params, ask, e));
    TRY(read_quantiles(&r->params, ask, e));
    TRY(params_word(&r->params, "side", side_names, SIDE_SERVER, &side, e));
    TRY(params_word_set(&r->params, "by", by_names, BY_CLIENT | BY_SERVER, &ask->by, e));
    TRY(ask_protocol(&r->params, &ask->protocol, e));
    TRY(ask_picture(&r->params, &ask->rows.picture, e));
    TRY(ask_step(&r->params, &ask->rows.step_s, e));
    ask->side = (enum side)side;
    ask->rows.view = r->view;
    ask->rows.budget = r->budget;
    ask->rows.start_s = range.start_s;
    ask->rows.end_s = range.end_s;
    ask->rows.sections = sections[side];
    ask->rows.without_sums = true;
    ask->rows.joint = ask->by & (BY_VERSION | BY_OPERATION | BY_CODE) || ask->rows.filter.version ||
                      ask->rows.filter.operation;
    /* Pairs are told apart to choose those of the protocol. */
    unsigned pair = DIM_CLIENT | DIM_SERVER;
    ask->rows.dims = dims_of(ask) | (ask->protocol == PROTOCOL_ANY ? 0u : pair);
    return ST_OK;
}

/* --- sums to lines --- */

static const struct histogram *side_of(const struct cell *c, enum side side)
{
    return side == SIDE_SERVER ? &c->server : side == SIDE_CLIENT ? &c->client : &c->transit;
}

static enum status note_protocols(const struct row_sums *sums, struct map64 *strongest,
                                  struct err *e)
{
    for (uint32_t i = 0; i < sums->result.series_count; i++) {
        bool added;
        struct row_key key = row_sums_key(sums, i);
        if (!sums->result.series[i].len)
            continue;
        uint64_t *protocol = map64_put(strongest, row_pair(key.client, key.server), &added);
        if (!protocol)
            return err_set(e, ST_NO_MEMORY, "no memory for the percentiles");
        *protocol = MAX(*protocol, key.protocol);
    }
    return ST_OK;
}

/* The protocol of an edge is that of its strongest row in the range, whichever of its requests are
 * asked for. */
static enum status find_protocols(const struct answer *a, const struct ask *ask,
                                  struct map64 *strongest, struct err *e)
{
    struct row_sums totals;
    struct row_query q = ask->rows;
    q.start_s = a->sums.result.start_s;
    q.end_s = a->sums.result.end_s;
    q.step_s = 0;
    q.joint = false;
    q.sections = 0;
    q.dims = DIM_PAIR;
    q.filter.version = q.filter.operation = NULL;
    enum status status = row_query_run(&q, &totals, e);
    if (status == ST_OK)
        status = note_protocols(&totals, strongest, e);
    row_sums_deinit(&totals);
    return status;
}

/* False also for an edge whose totals are damaged. */
static bool has_protocol(const struct map64 *strongest, const struct row_key *key, int protocol)
{
    const uint64_t *found = map64_find(strongest, row_pair(key->client, key->server));
    return found && *found == (uint64_t)protocol;
}

/* What the answer tells apart; the rest of the key was only needed to choose. */
static struct row_key line_key(const struct ask *ask, const struct row_key *key)
{
    return (struct row_key){.client = ask->by & BY_CLIENT ? key->client : 0,
                            .server = ask->by & BY_SERVER ? key->server : 0,
                            .server_version = key->server_version,
                            .operation = key->operation,
                            .code = key->code};
}

static bool add_line(struct answer *a, const struct row_key *key, uint32_t number)
{
    struct edge_series *series = &a->sums.result.series[number];
    uint32_t id = intern_add(a->line_keys, (struct str){(const char *)key, sizeof(*key)});
    if (id == INTERN_NONE)
        return false;
    a->line_of[number] = id - 1;
    if (id <= a->lines.len)
        return edge_series_join(a->lines.items[id - 1].points, series);
    struct line line = {.key = *key, .points = series};
    return vec_push(&a->lines, line);
}

static enum status collect_lines(struct answer *a, const struct ask *ask,
                                 const struct map64 *strongest, struct err *e)
{
    uint32_t count = a->sums.result.series_count;
    a->line_of = arena_alloc(a->nodes.arena, (count + 1) * sizeof(*a->line_of));
    if (!a->line_of)
        return err_set(e, ST_NO_MEMORY, "no memory for the percentiles");
    for (uint32_t i = 0; i < count; i++) {
        struct row_key key = row_sums_key(&a->sums, i);
        a->line_of[i] = LINE_NONE;
        if (!a->sums.result.series[i].len)
            continue;
        if (ask->protocol != PROTOCOL_ANY && !has_protocol(strongest, &key, ask->protocol))
            continue;
        key = line_key(ask, &key);
        if (!add_line(a, &key, i))
            return err_set(e, ST_NO_MEMORY, "no memory for the percentiles");
    }
    return ST_OK;
}

static bool merge_line(struct line *line, enum side side, struct arena *arena)
{
    const struct histogram **all = arena_alloc(arena, (line->points->len + 1) * sizeof(*all));
    if (!all)
        return false;
    for (size_t i = 0; i < line->points->len; i++)
        all[i] = side_of(&line->points->points[i].cell, side);
    return histogram_sum(&line->whole, all, line->points->len);
}

static enum status merge_points(struct answer *a, const struct ask *ask, struct err *e)
{
    for (size_t i = 0; i < a->lines.len; i++)
        if (!merge_line(&a->lines.items[i], ask->side, a->nodes.arena))
            return err_set(e, ST_NO_MEMORY, "no memory for the percentiles");
    return ST_OK;
}

/* --- steps: written as they come, for a day of them is more than memory may hold --- */

static void write_values(struct json_writer *w, const struct ask *ask, const struct histogram *h)
{
    JSON_U64(w, "count", histogram_count(h));
    json_key(w, "values");
    json_array_begin(w);
    for (size_t i = 0; i < ask->q_count; i++)
        reply_quantile(w, h, ask->q[i]);
    json_array_end(w);
}

struct stepping {
    struct answer *answer;
    const struct ask *ask;
};

static enum status pay(struct query_budget *budget, size_t bytes, struct err *e)
{
    return budget && bytes ? query_budget_hold(budget, bytes, e) : ST_OK;
}

static enum status add_step(uint32_t number, uint64_t time_s, uint64_t weight, const double *ns,
                            void *user, struct err *e)
{
    const struct stepping *s = user;
    struct line *line = &s->answer->lines.items[number];
    struct json_writer *w = &line->steps;
    size_t cap_before = line->text.cap;
    json_object_begin(w);
    JSON_U64(w, "time", time_s);
    JSON_U64(w, "count", reply_count(weight));
    json_key(w, "values");
    json_array_begin(w);
    for (size_t i = 0; i < s->ask->q_count; i++)
        reply_quantile_ns(w, ns[i]);
    json_array_end(w);
    json_object_end(w);
    if (line->text.failed)
        return err_set(e, ST_NO_MEMORY, "no memory for the percentiles");
    return pay(s->ask->rows.budget, line->text.cap - cap_before, e);
}

static enum status write_steps(struct answer *a, const struct ask *ask, struct err *e)
{
    struct stepping stepping = {a, ask};
    struct row_quantiles asked = {ask->q, ask->q_count, a->line_of};
    for (size_t i = 0; i < a->lines.len; i++) {
        struct line *line = &a->lines.items[i];
        line->steps = json_writer_of(&line->text);
        json_array_begin(&line->steps);
    }
    TRY(row_query_quantiles(&ask->rows, &a->sums, &asked, add_step, &stepping, e));
    for (size_t i = 0; i < a->lines.len; i++) {
        json_array_end(&a->lines.items[i].steps);
        if (a->lines.items[i].text.failed)
            return err_set(e, ST_NO_MEMORY, "no memory for the percentiles");
    }
    return ST_OK;
}

static int by_names_of_line(const void *x, const void *y, void *user)
{
    const struct answer *a = user;
    const struct row_key *k = &((const struct line *)x)->key, *l = &((const struct line *)y)->key;
    int order = k->client == l->client ? 0
                                       : str_cmp(node_table_at(&a->nodes, k->client)->id,
                                                 node_table_at(&a->nodes, l->client)->id);
    if (!order && k->server != l->server)
        order = str_cmp(node_table_at(&a->nodes, k->server)->id,
                        node_table_at(&a->nodes, l->server)->id);
    if (!order)
        order = str_cmp(intern_get(a->words, k->server_version),
                        intern_get(a->words, l->server_version));
    if (!order)
        order = str_cmp(intern_get(a->words, k->operation), intern_get(a->words, l->operation));
    return order ? order : str_cmp(intern_get(a->words, k->code), intern_get(a->words, l->code));
}

/* --- the answer --- */

static void warn_unknown(struct answer *a, const char *name, const struct str_list *ids)
{
    for (size_t i = 0; i < ids->len; i++)
        if (node_table_find(&a->nodes, ids->items[i]) == NODE_NONE)
            warnings_add(&a->warnings, "%s: nothing has the id '%.*s'", name,
                         (int)MIN(ids->items[i].len, (size_t)80), ids->items[i].ptr);
}

static enum status compute(struct answer *a, const struct ask *ask, struct err *e)
{
    struct map64 strongest = {0};
    struct row_query whole = ask->rows;
    whole.step_s = 0;
    enum status status = row_query_run(&whole, &a->sums, e);
    if (status == ST_OK && ask->protocol != PROTOCOL_ANY)
        status = find_protocols(a, ask, &strongest, e);
    if (status == ST_OK)
        status = collect_lines(a, ask, &strongest, e);
    map64_deinit(&strongest);
    TRY(status);
    TRY(merge_points(a, ask, e));
    if (ask->rows.step_s)
        TRY(write_steps(a, ask, e));
    if (a->lines.len)
        qsort_r(a->lines.items, a->lines.len, sizeof(*a->lines.items), by_names_of_line, a);
    graph_warn_view(ask->rows.view, &a->warnings);
    ask_warn_step(ask->rows.step_s, a->sums.result.step_s, &a->warnings);
    warn_unknown(a, "client", &ask->wanted.clients);
    warn_unknown(a, "server", &ask->wanted.servers);
    ask_warn_spaces(&a->nodes, &a->warnings);
    if (a->sums.result.lost_blocks) {
        a->warnings.truncated = true;
        warnings_add(&a->warnings, "%llu damaged blocks are left out",
                     (unsigned long long)a->sums.result.lost_blocks);
    }
    return ST_OK;
}

static void write_line_names(struct json_writer *w, const struct answer *a, const struct ask *ask,
                             const struct row_key *key)
{
    if (ask->by & BY_CLIENT)
        JSON_STR(w, "client", node_table_at(&a->nodes, key->client)->id);
    if (ask->by & BY_SERVER)
        JSON_STR(w, "server", node_table_at(&a->nodes, key->server)->id);
    if (ask->by & BY_VERSION)
        JSON_STR(w, "version", intern_get(a->words, key->server_version));
    if (ask->by & BY_OPERATION)
        JSON_STR(w, "operation", intern_get(a->words, key->operation));
    if (ask->by & BY_CODE)
        JSON_STR(w, "code", intern_get(a->words, key->code));
}

static void write_lines(struct json_writer *w, const struct answer *a, const struct ask *ask)
{
    json_key(w, "series");
    json_array_begin(w);
    for (size_t i = 0; i < a->lines.len; i++) {
        const struct line *line = &a->lines.items[i];
        if (!line->whole.weight)
            continue;
        json_object_begin(w);
        write_line_names(w, a, ask, &line->key);
        write_values(w, ask, &line->whole);
        json_key(w, "points");
        json_raw(w, ask->rows.step_s ? buf_str(&line->text) : STR("[]"));
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_answer(struct json_writer *w, const struct answer *a, const struct ask *ask)
{
    json_object_begin(w);
    JSON_STR(w, "unit", STR("ms"));
    JSON_STR(w, "side", str_from_c(side_names[ask->side]));
    json_key(w, "q");
    json_array_begin(w);
    for (size_t i = 0; i < ask->q_count; i++)
        json_double(w, ask->q[i]);
    json_array_end(w);
    reply_error_bound(w);
    JSON_U64(w, "start", a->sums.result.start_s);
    JSON_U64(w, "end", a->sums.result.end_s);
    JSON_U64(w, "resolution", a->sums.result.resolution_s);
    if (ask->rows.step_s)
        JSON_U64(w, "step", a->sums.result.step_s);
    write_lines(w, a, ask);
    reply_warnings(w, &a->warnings);
    json_object_end(w);
}

static void answer_deinit(struct answer *a)
{
    for (size_t i = 0; i < a->lines.len; i++) {
        histogram_deinit(&a->lines.items[i].whole);
        buf_deinit(&a->lines.items[i].text);
    }
    vec_deinit(&a->lines);
    row_sums_deinit(&a->sums);
    intern_free(a->line_keys);
    intern_free(a->words);
    node_table_deinit(&a->nodes);
}

enum status api_percentiles(struct request *r, struct http_response *out, struct err *e)
{
    struct ask ask = {0};
    struct answer a = {0};
    TRY(read_ask(r, &ask, e));
    ask.rows.nodes = &a.nodes;
    ask.rows.words = a.words = intern_new(0);
    a.line_keys = intern_new(0);
    enum status status =
        a.words && a.line_keys ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for the percentiles");
    if (status == ST_OK)
        status =
            node_table_init(&a.nodes, r->view->registry, GROUP_SERVICE, &ask.wanted, r->arena, e);
    if (status == ST_OK)
        status = compute(&a, &ask, e);
    if (status == ST_OK) {
        reply_json_begin(out);
        struct json_writer w = json_writer_of(&out->body);
        write_answer(&w, &a, &ask);
    }
    answer_deinit(&a);
    return status;
}
