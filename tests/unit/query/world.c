/* world.c - fills cells as the collector would, and asks handlers as the pool would. */
#include "tests/unit/query/world.h"
#include "base/fileio.h"
#include "base/mem.h"
#include "query/route.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>

void world_init(struct world *w)
{
    *w = (struct world){.cells = cell_set_new(1),
                        .registry = registry_new(1, 1000),
                        .account = account_new(),
                        .senders = senders_new()};
    w->config = (struct query_config){.account = w->account,
                                      .senders = w->senders,
                                      .graph = graph_settings_default(),
                                      .started_wall_ns = (WORLD_NOW_S - 10) * NS_PER_S};
}

static struct entity entity_of(const char *id)
{
    struct str s = str_from_c(id), space, name;
    if (str_eq(s, STR("user")))
        return (struct entity){.name = s, .kind = ENTITY_USER};
    if (str_starts_with(s, STR("ext:")))
        return (struct entity){.name = str_sub(s, 4, s.len), .kind = ENTITY_EXTERNAL};
    if (!str_cut(s, '/', &space, &name))
        return (struct entity){.name = s, .kind = ENTITY_SERVICE};
    return (struct entity){.space = space, .name = name, .kind = ENTITY_SERVICE};
}

static void tally(struct cell_set *cells, struct cell_tallies *t, const char *name, uint64_t weight)
{
    if (name)
        cr_assert(cell_tally_add(t, cell_set_name(cells, str_from_c(name)), weight));
}

static void add_exemplar(struct cell *cell, const struct call *c, uint64_t time_s)
{
    struct exemplar x = {.trace = {1, (uint64_t)(c->client_ms * 1000) + c->count},
                         .time_ns = time_s * NS_PER_S,
                         .latency_ns = (uint64_t)(c->client_ms * 1e6),
                         .error = c->error};
    if (c->client_ms >= 0)
        cell_offer_exemplar(cell, &x);
}

static void fill(struct cell *cell, const struct call *c, uint64_t one)
{
    uint64_t weight = one * c->count;
    cell->observed += c->count;
    cell->weight += weight;
    cell->variance += (u128)c->count * one * (one - WEIGHT_ONE);
    cell->errors += c->error ? weight : 0;
    cell->attempts += weight * (c->attempts ? c->attempts : 1);
    cell->retried += c->attempts > 1 ? weight : 0;
    cell->request_bytes += 100 * c->count;
    cell->request_sized += weight;
    for (uint64_t i = 0; i < c->count; i++) {
        bool both = c->client_ms >= c->server_ms && c->server_ms >= 0;
        bool ok =
            c->client_ms < 0 || histogram_add(&cell->client, (uint64_t)(c->client_ms * 1e6), one);
        ok &= c->server_ms < 0 || histogram_add(&cell->server, (uint64_t)(c->server_ms * 1e6), one);
        ok &= !both ||
              histogram_add(&cell->transit, (uint64_t)((c->client_ms - c->server_ms) * 1e6), one);
        cr_assert(ok);
    }
}

static struct cell *cell_at(struct world *w, const struct cell_row *row, uint64_t time_s)
{
    uint32_t id = cell_set_row(w->cells, row);
    cr_assert(id != UINT32_MAX);
    struct cell *cell = cell_set_cell(w->cells, id, time_s);
    cr_assert(cell != NULL);
    return cell;
}

static void add_total(struct world *w, const struct call *c, struct cell_row row, uint64_t time_s,
                      uint64_t one)
{
    const char *code = c->code ? c->code : c->error ? "503" : "200";
    bool is_grpc = strncmp(code, "grpc:", 5) == 0, is_told = *code && !strchr(code, '!');
    row.is_total = true;
    row.client_variant = row.server_variant = (struct variant){0};
    row.operation = row.code = (struct str){0};
    struct cell *cell = cell_at(w, &row, time_s);
    fill(cell, c, one);
    if (is_told)
        tally(w->cells, is_grpc ? &cell->grpc_codes : &cell->codes, is_grpc ? code + 5 : code,
              one * c->count);
    tally(w->cells, &cell->flags, c->flag, one * c->count);
    cell->evidence |= (c->client_ms >= 0 ? EVIDENCE_CLIENT_SPAN : 0) |
                      (c->server_ms >= 0 ? EVIDENCE_SERVER_SPAN : 0);
    add_exemplar(cell, c, time_s);
}

static void note(struct world *w, const struct entity *e, const struct variant *v, uint64_t time_s)
{
    char instance[64];
    snprintf(instance, sizeof(instance), "%.*s-pod", STR_ARG(e->name));
    if (e->kind == ENTITY_SERVICE)
        registry_note(w->registry, e, v, str_from_c(instance), time_s * NS_PER_S);
}

void world_add(struct world *w, const struct call *c)
{
    uint64_t time_s = c->time_s ? c->time_s : WORLD_NOW_S - 60;
    uint64_t one = c->weight > 0 ? (uint64_t)(c->weight * (double)WEIGHT_ONE) : WEIGHT_ONE;
    struct cell_row row = {
        .client = entity_of(c->client), .server = entity_of(c->server), .protocol = PROTOCOL_HTTP};
    if (c->protocol)
        cr_assert(protocol_from_name(str_from_c(c->protocol), &row.protocol));
    row.views = c->views ? (enum cell_view)c->views : VIEW_BOTH;
    row.client_variant.version = str_from_c(c->client_version);
    row.server_variant.version = str_from_c(c->server_version);
    char client_workload[64], server_workload[64];
    snprintf(client_workload, sizeof(client_workload), "%.*s-%s", STR_ARG(row.client.name),
             c->client_version ? c->client_version : "");
    snprintf(server_workload, sizeof(server_workload), "%.*s-%s", STR_ARG(row.server.name),
             c->server_version ? c->server_version : "");
    row.client_variant.workload =
        str_from_c(c->client_version && c->client_version[0] ? client_workload : "");
    row.server_variant.workload =
        str_from_c(c->server_version && c->server_version[0] ? server_workload : "");
    row.operation = str_from_c(c->operation ? c->operation : "GET /");
    row.code = str_from_c(c->code ? c->code : c->error ? "503" : "200");
    note(w, &row.client, &row.client_variant, time_s);
    note(w, &row.server, &row.server_variant, time_s);
    fill(cell_at(w, &row, time_s), c, one);
    add_total(w, c, row, time_s, one);
}

void world_seal(struct world *w)
{
    struct buf bytes = {0};
    struct err e = {0};
    cr_assert(eq(int, edge_part_encode(w->cells, false, &bytes, &e), ST_OK), "%s", e.msg);
    cr_assert(eq(int, edge_part_open_memory(&bytes, &w->part, &e), ST_OK), "%s", e.msg);
    w->parts[0] = w->part;
    w->view = (struct edge_view){.parts = w->parts,
                                 .part_count = 1,
                                 .registry = w->registry,
                                 .complete_until_ns = (WORLD_NOW_S - 45) * NS_PER_S};
}

void world_deinit(struct world *w)
{
    edge_part_unref(w->part);
    cell_set_free(w->cells);
    registry_free(w->registry);
    account_free(w->account);
    senders_free(w->senders);
}

struct http_response world_get(struct world *w, const char *target)
{
    struct str path, query;
    struct err e = {0};
    struct arena arena = {0};
    struct live_view live = {0};
    struct http_response out = {0};
    str_cut(str_from_c(target), '?', &path, &query);
    struct request r = {.config = &w->config,
                        .graph = w->config.graph,
                        .live = &live,
                        .arena = &arena,
                        .budget = w->budget,
                        .view = &w->view,
                        .now_ns = WORLD_NOW_S * NS_PER_S};
    cr_assert(eq(int, route_decode_path(path, &arena, &r.path, &e), ST_OK), "%s", target);
    const struct route *route = route_find(r.path, &r.id);
    cr_assert(route != NULL, "%s", target);
    if (params_parse(query, route->params, &arena, r.now_ns, &r.params, &e) != ST_OK ||
        route->handler(&r, &out, &e) != ST_OK)
        reply_error(&out, &e);
    arena_deinit(&arena);
    return out;
}

/* --- golden files --- */

static void break_line(struct buf *out, unsigned depth)
{
    buf_printf(out, "\n%*s", (int)depth * 1, "");
}

/* One member or item a line, so that a difference can be read. */
static void break_json(struct str json, struct buf *out)
{
    bool in_string = false;
    unsigned depth = 0;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        if (c == '"' && (i == 0 || json.ptr[i - 1] != '\\'))
            in_string = !in_string;
        bool closes = !in_string && (c == '}' || c == ']');
        bool was_empty = i && (json.ptr[i - 1] == '{' || json.ptr[i - 1] == '[');
        if (closes)
            depth--;
        if (closes && !was_empty)
            break_line(out, depth);
        buf_append(out, &c, 1);
        bool opens = !in_string && (c == '{' || c == '[');
        if (opens)
            depth++;
        bool empty =
            opens && i + 1 < json.len && (json.ptr[i + 1] == '}' || json.ptr[i + 1] == ']');
        if ((opens && !empty) || (!in_string && c == ','))
            break_line(out, depth);
    }
    buf_append(out, "\n", 1);
}

void expect_file(struct str text, const char *path)
{
    char full[512], *want = NULL;
    size_t len = 0;
    struct err e = {0};
    snprintf(full, sizeof(full), "%s/%s", WEFT_SOURCE_DIR, path);
    if (getenv("WEFT_UPDATE_GOLDEN")) {
        cr_assert(eq(int, file_replace(full, text, &e), ST_OK), "%s", e.msg);
        return;
    }
    cr_assert(eq(int, file_read_all(full, 16 * MIB, &want, &len, &e), ST_OK),
              "%s (WEFT_UPDATE_GOLDEN=1 writes it)", e.msg);
    size_t line = 1, at = 0;
    while (at < len && at < text.len && want[at] == text.ptr[at])
        line += want[at++] == '\n';
    size_t from = at > 200 ? at - 200 : 0;
    cr_expect(len == text.len && at == len,
              "%s differs in line %zu:\n--- want\n%.*s\n--- got\n%.*s\n", path, line,
              (int)MIN(len - from, (size_t)400), want + from,
              (int)MIN(text.len - from, (size_t)400), text.ptr + from);
    mem_free(want);
}

void expect_golden(const struct buf *json, const char *name)
{
    char path[200];
    struct buf lines = {0};
    break_json(buf_str(json), &lines);
    snprintf(path, sizeof(path), "tests/golden/%s", name);
    expect_file(buf_str(&lines), path);
    buf_deinit(&lines);
}
