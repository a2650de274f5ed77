/* edge_rig.c - random requests and brute force. */
#include "tests/unit/storage/edge_rig.h"
#include "tests/support/random.h"

#include "base/hash.h"
#include "base/mem.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const codes[] = {"200", "404", "503", "0"};

uint64_t edge_rig_random(struct edge_rig *r, uint64_t below)
{
    return hash_u64(random_step(&r->state)) % below;
}

struct edge_rig edge_rig_new(size_t count, unsigned rows, uint64_t start_s, uint64_t span_s,
                             uint64_t seed)
{
    struct edge_rig r = {.count = count, .rows = rows, .state = seed * 0x9e3779b97f4a7c15u + 1};
    r.requests = mem_calloc(count, sizeof(*r.requests));
    for (size_t i = 0; i < count; i++) {
        uint64_t octave = edge_rig_random(&r, 30);
        r.requests[i] = (struct rig_request){
            .row = (unsigned)edge_rig_random(&r, rows),
            .time_s = start_s + edge_rig_random(&r, span_s),
            .server_ns = edge_rig_random(&r, 1000) * (UINT64_C(1) << octave),
            .weight =
                edge_rig_random(&r, 10) ? WEIGHT_ONE : 1 + edge_rig_random(&r, 10 * WEIGHT_ONE),
            .bytes = edge_rig_random(&r, 3) ? edge_rig_random(&r, 100000) : 0,
            .code = (unsigned)edge_rig_random(&r, 4),
            .error = edge_rig_random(&r, 5) == 0,
            .has_server = edge_rig_random(&r, 8) != 0,
        };
        r.requests[i].client_ns = r.requests[i].server_ns + edge_rig_random(&r, 1000000);
    }
    return r;
}

void edge_rig_free(struct edge_rig *r)
{
    mem_free(r->requests);
}

struct cell_row edge_rig_row(unsigned row, char text[16])
{
    snprintf(text, 16, "svc-%u", row / 4);
    bool is_total = row % 4 == 0;
    return (struct cell_row){.client = {.space = STR("shop"), .name = STR("web")},
                             .server = {.space = STR("shop"), .name = str_from_c(text)},
                             .protocol = PROTOCOL_HTTP,
                             .views = VIEW_BOTH,
                             .is_total = is_total,
                             .operation = is_total ? STR("") : STR("GET /"),
                             .code = is_total ? STR("") : str_from_c(codes[row % 4])};
}

unsigned edge_rig_row_number(const struct cell_row *row)
{
    char name[16];
    unsigned base = (unsigned)atoi(str_to_c(row->server.name, name, sizeof(name)) + 4) * 4;
    for (unsigned i = 1; i < 4 && !row->is_total; i++)
        if (str_eq(row->code, str_from_c(codes[i])))
            return base + i;
    return base;
}

static void fill_cell(struct cell *c, const struct rig_request *r, uint32_t code, uint32_t flag)
{
    c->observed++;
    c->weight += r->weight;
    c->attempts += r->weight;
    if (r->weight != WEIGHT_ONE)
        c->variance += (u128)r->weight * r->weight;
    if (r->error)
        c->errors += r->weight;
    if (r->bytes) {
        c->request_bytes += r->bytes;
        c->request_sized += r->weight;
    }
    c->evidence |= r->has_server ? EVIDENCE_SERVER_SPAN : EVIDENCE_CLIENT_LOG;
    cr_assert(histogram_add(&c->client, r->client_ns, r->weight));
    if (r->has_server) {
        cr_assert(histogram_add(&c->server, r->server_ns, r->weight));
        cr_assert(histogram_add(&c->transit, r->client_ns - r->server_ns, r->weight));
    }
    cr_assert(cell_tally_add(r->code == 3 ? &c->grpc_codes : &c->codes, code, r->weight));
    if (r->error)
        cr_assert(cell_tally_add(&c->flags, flag, r->weight));
    struct exemplar x = {.trace = {r->time_s, r->client_ns},
                         .time_ns = r->time_s * NS_PER_S + 77,
                         .latency_ns = r->client_ns,
                         .error = r->error};
    cell_offer_exemplar(c, &x);
}

void edge_rig_add(struct cell_set *set, const struct rig_request *request)
{
    char text[16];
    struct cell_row row = edge_rig_row(request->row, text);
    uint32_t id = cell_set_row(set, &row);
    uint32_t code = cell_set_name(set, str_from_c(codes[request->code]));
    uint32_t flag = cell_set_name(set, STR("UF"));
    struct cell *cell = cell_set_cell(set, id, request->time_s);
    cr_assert_not_null(cell);
    fill_cell(cell, request, code, flag);
}

struct cell_set *edge_rig_set(const struct edge_rig *r)
{
    struct cell_set *set = cell_set_new(1);
    for (size_t i = 0; i < r->count; i++)
        edge_rig_add(set, &r->requests[i]);
    return set;
}

void edge_rig_add_cell(struct cell *cell, struct intern *names, const struct rig_request *request)
{
    fill_cell(cell, request, intern_add(names, str_from_c(codes[request->code])),
              intern_add(names, STR("UF")));
}

static bool same_histogram(const struct histogram *a, const struct histogram *b)
{
    if (a->weight != b->weight || a->zero != b->zero || a->sum != b->sum ||
        a->bucket_count != b->bucket_count)
        return false;
    if (a->weight > 0 && (a->min_ns != b->min_ns || a->max_ns != b->max_ns))
        return false;
    for (uint32_t i = 0; i < a->bucket_count; i++)
        if (a->buckets[i].index != b->buckets[i].index ||
            a->buckets[i].weight != b->buckets[i].weight)
            return false;
    return true;
}

static bool same_tallies(const struct cell_tallies *a, const struct intern *a_names,
                         const struct cell_tallies *b, const struct intern *b_names)
{
    if (a->len != b->len)
        return false;
    for (uint32_t i = 0; i < a->len; i++) {
        bool found = false;
        for (uint32_t j = 0; j < b->len; j++)
            found |= str_eq(intern_get(a_names, a->items[i].name),
                            intern_get(b_names, b->items[j].name)) &&
                     a->items[i].weight == b->items[j].weight;
        if (!found)
            return false;
    }
    return true;
}

static bool same_counts(const struct cell *a, const struct cell *b)
{
    return a->observed == b->observed && a->weight == b->weight && a->variance == b->variance &&
           a->errors == b->errors && a->attempts == b->attempts && a->retried == b->retried &&
           a->denied == b->denied && a->transit_skipped == b->transit_skipped &&
           a->end_before_start == b->end_before_start && a->request_bytes == b->request_bytes &&
           a->response_bytes == b->response_bytes && a->request_sized == b->request_sized &&
           a->response_sized == b->response_sized && a->evidence == b->evidence;
}

static bool same_exemplars(const struct cell *a, const struct cell *b)
{
    if (a->exemplar_count != b->exemplar_count)
        return false;
    for (uint32_t i = 0; i < a->exemplar_count; i++) {
        const struct exemplar *x = &a->exemplars[i], *y = &b->exemplars[i];
        if (!trace_id_eq(x->trace, y->trace) || x->latency_ns != y->latency_ns ||
            x->time_ns != y->time_ns || x->error != y->error)
            return false;
    }
    return true;
}

bool edge_rig_cells_equal(const struct cell *a, const struct intern *a_names, const struct cell *b,
                          const struct intern *b_names, unsigned sections)
{
    if (sections & SECTION_COUNTS && !same_counts(a, b))
        return false;
    if (sections & SECTION_CLIENT && !same_histogram(&a->client, &b->client))
        return false;
    if (sections & SECTION_SERVER && !same_histogram(&a->server, &b->server))
        return false;
    if (sections & SECTION_TRANSIT && !same_histogram(&a->transit, &b->transit))
        return false;
    if (sections & SECTION_TALLIES &&
        !(same_tallies(&a->codes, a_names, &b->codes, b_names) &&
          same_tallies(&a->grpc_codes, a_names, &b->grpc_codes, b_names) &&
          same_tallies(&a->flags, a_names, &b->flags, b_names)))
        return false;
    return !(sections & SECTION_EXEMPLARS) || same_exemplars(a, b);
}

struct edge_part *edge_rig_part(const struct cell_set *set, bool sealed)
{
    struct buf bytes = {0};
    struct edge_part *part;
    struct err e;
    cr_assert_eq(edge_part_encode(set, sealed, &bytes, &e), ST_OK);
    cr_assert_eq(edge_part_open_memory(&bytes, &part, &e), ST_OK, "%s", e.msg);
    return part;
}

struct edge_part *edge_rig_open_golden(unsigned version)
{
    struct edge_part *p;
    char path[512];
    snprintf(path, sizeof(path), "%s/tests/golden/edge_part_v%u.bin", WEFT_SOURCE_DIR, version);
    cr_assert_eq(edge_part_open_file(path, &p, NULL), ST_OK);
    return p;
}

void edge_rig_split(const struct edge_rig *r, struct edge_part **parts, size_t count)
{
    for (size_t p = 0; p < count; p++) {
        struct cell_set *set = cell_set_new(p);
        for (size_t i = p; i < r->count; i += count)
            edge_rig_add(set, &r->requests[i]);
        parts[p] = edge_rig_part(set, p != count - 1);
        cell_set_free(set);
    }
}

void edge_rig_unref(struct edge_part **parts, size_t count)
{
    for (size_t p = 0; p < count; p++)
        edge_part_unref(parts[p]);
}
