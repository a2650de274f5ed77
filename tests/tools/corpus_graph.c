/* corpus_graph.c - what the collector makes of a captured scenario, as a graph in JSON: in memory,
 * without server or disk. tests/tools/corpus_graph.py holds it against the truth.
 *
 *     corpus_graph ROOT SCENARIO [order|shuffled|twice|reversed] [seed]
 */
#include "base/json_write.h"
#include "tests/support/random.h"
#include "base/mem.h"
#include "codec/otlp_trace.h"
#include "collector/collector.h"
#include "collector/pipeline.h"
#include "support/corpus.h"
#include <stdio.h>
#include <stdlib.h>

enum { BATCHES_MAX = 20000, EDGES_MAX = 4096 };

struct edge {
    struct str client, server; /* ids */
    struct cell total;
    struct {
        struct str version;
        uint64_t requests;
    } versions[16];
    size_t version_count;
};

struct graph {
    struct arena arena;
    const struct registry *registry;
    const struct cell_set *cells;
    struct edge edges[EDGES_MAX];
    size_t edge_count;
};

static struct str id_of(struct graph *g, const struct entity *e)
{
    struct entity known = registry_resolve(g->registry, e);
    struct buf text = {0};
    entity_append_id(&text, &known, false);
    struct str id = arena_dup_str(&g->arena, buf_str(&text));
    buf_deinit(&text);
    return id;
}

static struct edge *edge_of(struct graph *g, const struct cell_row *row)
{
    struct str client = id_of(g, &row->client), server = id_of(g, &row->server);
    for (size_t i = 0; i < g->edge_count; i++)
        if (str_eq(g->edges[i].client, client) && str_eq(g->edges[i].server, server))
            return &g->edges[i];
    if (g->edge_count == EDGES_MAX)
        abort();
    g->edges[g->edge_count] = (struct edge){.client = client, .server = server};
    return &g->edges[g->edge_count++];
}

static void add_version(struct edge *edge, struct str version, uint64_t requests)
{
    size_t i = 0;
    while (i < edge->version_count && !str_eq(edge->versions[i].version, version))
        i++;
    if (i == LEN(edge->versions))
        abort();
    if (i == edge->version_count)
        edge->versions[edge->version_count++].version = version;
    edge->versions[i].requests += requests;
}

static enum status add_cell(const struct cell_row *row, uint64_t tile_s, const struct cell *cell,
                            void *user, struct err *e)
{
    struct graph *g = user;
    (void)tile_s;
    if (!(row->views & VIEW_MESH))
        return ST_OK;
    struct edge *edge = edge_of(g, row);
    if (!row->is_total) {
        add_version(edge, row->server_variant.version, cell->weight >> WEIGHT_SHIFT);
        return ST_OK;
    }
    return cell_merge(&edge->total, cell, NULL, NULL) ? ST_OK
                                                      : err_set(e, ST_NO_MEMORY, "no memory");
}

static void write_tallies(struct json_writer *w, const char *key, const struct graph *g,
                          const struct cell_tallies *t)
{
    json_key(w, key);
    json_object_begin(w);
    for (uint32_t i = 0; i < t->len; i++) {
        json_key_str(w, cell_set_name_at(g->cells, t->items[i].name));
        json_u64(w, t->items[i].weight >> WEIGHT_SHIFT);
    }
    json_object_end(w);
}

static void write_edge(struct json_writer *w, const struct graph *g, const struct edge *edge)
{
    const struct cell *c = &edge->total;
    json_object_begin(w);
    json_key(w, "id");
    struct buf id = {0};
    buf_printf(&id, "%.*s>%.*s", STR_ARG(edge->client), STR_ARG(edge->server));
    json_str(w, buf_str(&id));
    buf_deinit(&id);
    JSON_STR(w, "client", edge->client);
    JSON_STR(w, "server", edge->server);
    JSON_U64(w, "requests", c->weight >> WEIGHT_SHIFT);
    JSON_U64(w, "errors", c->errors >> WEIGHT_SHIFT);
    JSON_U64(w, "attempts", c->attempts >> WEIGHT_SHIFT);
    JSON_U64(w, "retried", c->retried >> WEIGHT_SHIFT);
    JSON_U64(w, "clients", histogram_count(&c->client));
    JSON_U64(w, "servers", histogram_count(&c->server));
    JSON_U64(w, "transits", histogram_count(&c->transit));
    JSON_DOUBLE(w, "client_p50", histogram_quantile_ns(&c->client, 0.5) / 1e6);
    JSON_DOUBLE(w, "server_p50", histogram_quantile_ns(&c->server, 0.5) / 1e6);
    write_tallies(w, "codes", g, &c->codes);
    write_tallies(w, "grpc_codes", g, &c->grpc_codes);
    write_tallies(w, "flags", g, &c->flags);
    json_key(w, "versions");
    json_array_begin(w);
    for (size_t i = 0; i < edge->version_count; i++) {
        json_object_begin(w);
        JSON_STR(w, "server_version", edge->versions[i].version);
        JSON_U64(w, "requests", edge->versions[i].requests);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

static void write_node(struct json_writer *w, struct graph *g, const struct registry_service *s)
{
    json_object_begin(w);
    JSON_STR(w, "id", id_of(g, &s->entity));
    JSON_STR(w, "name", s->entity.name);
    JSON_STR(w, "namespace", s->entity.space);
    JSON_STR(w, "kind", str_from_c(entity_kind_name(s->entity.kind)));
    json_key(w, "aliases");
    json_array_begin(w);
    for (uint32_t i = 0; i < s->aliases.len; i++)
        json_str(w, s->aliases.items[i].name);
    json_array_end(w);
    json_object_end(w);
}

static void write_graph(struct graph *g, const struct account_row *account)
{
    struct buf out = {0};
    struct json_writer w = json_writer_of(&out);
    json_object_begin(&w);
    json_key(&w, "nodes");
    json_array_begin(&w);
    for (uint32_t i = 0; i < registry_count(g->registry); i++)
        write_node(&w, g, registry_at(g->registry, i));
    json_array_end(&w);
    json_key(&w, "edges");
    json_array_begin(&w);
    for (size_t i = 0; i < g->edge_count; i++)
        write_edge(&w, g, &g->edges[i]);
    json_array_end(&w);
    JSON_U64(&w, "stored", account->stored);
    JSON_U64(&w, "pending", account->pending);
    JSON_U64(&w, "duplicate", account->dropped[DROP_DUPLICATE]);
    JSON_U64(&w, "late", account->dropped[DROP_LATE]);
    json_object_end(&w);
    fwrite(out.ptr, 1, out.len, stdout);
    putchar('\n');
    buf_deinit(&out);
}

static size_t load(const char *root, const char *name, struct batch **batches)
{
    struct corpus c;
    struct corpus_request r;
    struct limits limits = limits_default();
    struct otlp_trace_rules rules = {.limits = &limits, .newest_ns = UINT64_MAX};
    struct err e;
    size_t count = 0;
    if (!corpus_open(root, name, &c)) {
        fprintf(stderr, "cannot read %s/%s\n", root, name);
        exit(1);
    }
    while (count < BATCHES_MAX && corpus_next_spans(&c, &r)) {
        struct batch *b = corpus_batch(&r);
        if (!b || otlp_trace_decode(b, &rules, &e) != ST_OK || collector_prepare(b, &e) != ST_OK) {
            fprintf(stderr, "cannot decode a request: %s\n", b ? e.msg : "unpacking failed");
            exit(1);
        }
        batches[count++] = b;
    }
    corpus_close(&c);
    return count;
}

static void shuffle(struct batch **batches, size_t count, uint64_t seed)
{
    for (size_t i = count; i > 1; i--) {
        (void)random_step(&seed);
        size_t other = (seed >> 33) % i;
        struct batch *moving = batches[i - 1];
        batches[i - 1] = batches[other];
        batches[other] = moving;
    }
}

int main(int argc, char **argv)
{
    static struct batch *batches[BATCHES_MAX];
    static struct graph g;
    struct pipeline p;
    struct pipeline_config config = {.seed = 7, .graph = graph_settings_default()};
    struct str mode = str_from_c(argc > 3 ? argv[3] : "order");
    if (argc < 3)
        return 2;
    size_t count = load(argv[1], argv[2], batches);
    if (!str_eq(mode, STR("order")))
        shuffle(batches, count, argc > 4 ? strtoull(argv[4], NULL, 10) : 1);
    if (pipeline_init(&p, &config, NULL) != ST_OK)
        return 1;
    uint64_t clock_ns = 1000 * NS_PER_S;
    for (size_t i = 0; i < count; i++) {
        batches[i]->clock_ns = clock_ns += NS_PER_MS;
        pipeline_batch(&p, batches[i]);
        if (str_eq(mode, STR("twice")) && i % 20 == 0)
            pipeline_batch(&p, batches[i]);
    }
    pipeline_flush(&p, 1, clock_ns);
    sightings_tell(&p.sightings, p.names, p.registry);
    g.registry = p.registry;
    g.cells = cell_feed_cells(p.closed);
    if (cell_set_each(g.cells, add_cell, &g, NULL) != ST_OK)
        return 1;
    write_graph(&g, &p.delta);
    return 0;
}
