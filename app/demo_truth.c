/* demo_truth.c - counts what the simulated mesh did and writes it down. */
#include "app/demo_truth.h"

#include "base/fileio.h"
#include "base/json_write.h"
#include "base/vec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY_BYTES = 112 };

struct tally {
    char name[64];
    uint64_t count;
};

struct tallies {
    struct tally *items; /* owned */
    size_t len, cap;
};

/* One row of `edges` or of `received`; the unused half stays zero. */
struct row {
    char client[KEY_BYTES], service[KEY_BYTES], version[16], path[64];
    const char *kind;
    uint64_t count, repeated, request_bytes, response_bytes, first_ns, last_ns;
    struct trace_id example;
    struct tallies codes, answered_by, proxy_said;
    VEC(uint64_t) latencies; /* ns */
};

struct demo_truth {
    uint64_t seed, began_ns, ended_ns;
    bool keep_latencies;
    VEC(struct row) edges;
    VEC(struct row) received;
};

struct demo_truth *demo_truth_new(uint64_t seed, bool keep_latencies)
{
    struct demo_truth *t = mem_calloc(1, sizeof(*t));
    if (t) {
        t->seed = seed;
        t->keep_latencies = keep_latencies;
    }
    return t;
}

static void rows_free(struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        vec_deinit(&rows[i].codes);
        vec_deinit(&rows[i].answered_by);
        vec_deinit(&rows[i].proxy_said);
        vec_deinit(&rows[i].latencies);
    }
    mem_free(rows);
}

void demo_truth_free(struct demo_truth *t)
{
    if (!t)
        return;
    rows_free(t->edges.items, t->edges.len);
    rows_free(t->received.items, t->received.len);
    mem_free(t);
}

static bool tally_add(struct tallies *t, const char *name)
{
    size_t at = 0;
    while (at < t->len && strcmp(t->items[at].name, name) != 0)
        at++;
    struct tally fresh = {.count = 0};
    snprintf(fresh.name, sizeof(fresh.name), "%.*s", (int)sizeof(fresh.name) - 1, name);
    if (at == t->len && !vec_push(t, fresh))
        return false;
    t->items[at].count++;
    return true;
}

static bool row_is(const struct row *r, const struct row *key)
{
    return strcmp(r->client, key->client) == 0 && strcmp(r->service, key->service) == 0 &&
           strcmp(r->version, key->version) == 0 && strcmp(r->path, key->path) == 0;
}

static void code_text(unsigned http_code, int grpc_code, char *out, size_t cap)
{
    if (grpc_code >= 0)
        snprintf(out, cap, "grpc:%d", grpc_code);
    else
        snprintf(out, cap, "%u", http_code);
}

static bool note_times(struct demo_truth *t, struct row *r, uint64_t start_ns, uint64_t end_ns)
{
    t->began_ns = t->began_ns ? MIN(t->began_ns, start_ns) : start_ns;
    t->ended_ns = MAX(t->ended_ns, end_ns);
    r->first_ns = r->first_ns ? MIN(r->first_ns, start_ns) : start_ns;
    r->last_ns = MAX(r->last_ns, end_ns);
    return !t->keep_latencies || vec_push(&r->latencies, end_ns - start_ns);
}

bool demo_truth_asked(struct demo_truth *t, const struct demo_asked *a)
{
    static const char *const kinds[] = {"http", "grpc", "database"};
    struct row key = {.kind = kinds[a->protocol]};
    snprintf(key.client, sizeof(key.client), "%s", a->client);
    snprintf(key.service, sizeof(key.service), "%s", a->service);
    snprintf(key.path, sizeof(key.path), "%s", a->path);
    size_t at = 0;
    while (at < t->edges.len && !row_is(&t->edges.items[at], &key))
        at++;
    if (at == t->edges.len && !vec_push(&t->edges, key))
        return false;
    struct row *r = &t->edges.items[at];
    char text[64];
    r->count++;
    r->request_bytes += a->request_bytes;
    r->response_bytes += a->response_bytes;
    r->example = a->trace;
    code_text(a->http_code, a->grpc_code, text, sizeof(text));
    if (a->protocol == DEMO_DATABASE)
        snprintf(text, sizeof(text), "ok");
    bool kept = tally_add(&r->codes, text) && tally_add(&r->answered_by, a->answered_by);
    snprintf(text, sizeof(text), "%s %s %u", a->flags, *a->answered_by ? "via_upstream" : "-",
             a->attempts);
    return kept && tally_add(&r->proxy_said, text) && note_times(t, r, a->start_ns, a->end_ns);
}

bool demo_truth_arrived(struct demo_truth *t, const struct demo_arrived *a)
{
    struct row key = {0};
    snprintf(key.client, sizeof(key.client), "%s", a->client);
    snprintf(key.service, sizeof(key.service), "%s", a->workload);
    snprintf(key.version, sizeof(key.version), "%s", a->version);
    snprintf(key.path, sizeof(key.path), "%s", a->path);
    size_t at = 0;
    while (at < t->received.len && !row_is(&t->received.items[at], &key))
        at++;
    if (at == t->received.len && !vec_push(&t->received, key))
        return false;
    struct row *r = &t->received.items[at];
    char text[32];
    r->count++;
    r->repeated += a->repeated;
    code_text(a->http_code, a->grpc_code, text, sizeof(text));
    return tally_add(&r->codes, text) && note_times(t, r, a->start_ns, a->end_ns);
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Exact nearest-rank percentiles of the row, in ms, as "<side>_p50_ms" and so on. */
static void write_latencies(struct json_writer *w, struct row *r, const char *side)
{
    static const struct {
        const char *name;
        double q;
    } quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"max", 1.0}};
    if (!r->latencies.len)
        return;
    qsort(r->latencies.items, r->latencies.len, sizeof(uint64_t), compare_u64);
    char key[32];
    for (size_t i = 0; i < LEN(quantiles); i++) {
        size_t rank = (size_t)ceil(quantiles[i].q * (double)r->latencies.len);
        snprintf(key, sizeof(key), "%s_%s_ms", side, quantiles[i].name);
        JSON_DOUBLE(w, key, (double)r->latencies.items[MAX(rank, (size_t)1) - 1] / 1e6);
    }
    double sum = 0;
    for (size_t i = 0; i < r->latencies.len; i++)
        sum += (double)r->latencies.items[i] / 1e6;
    snprintf(key, sizeof(key), "%s_sum_ms", side);
    JSON_DOUBLE(w, key, sum);
}

static void write_tallies(struct json_writer *w, const char *key, const struct tallies *t)
{
    json_key(w, key);
    json_object_begin(w);
    for (size_t i = 0; i < t->len; i++)
        JSON_U64(w, t->items[i].name, t->items[i].count);
    json_object_end(w);
}

static void write_edge(struct json_writer *w, struct row *r)
{
    char trace[33];
    json_object_begin(w);
    JSON_STR(w, "client", str_from_c(r->client));
    JSON_STR(w, "service", str_from_c(r->service));
    JSON_STR(w, "kind", str_from_c(r->kind));
    JSON_STR(w, "path", str_from_c(r->path));
    JSON_U64(w, "asked", r->count);
    write_tallies(w, "codes", &r->codes);
    write_tallies(w, "answered_by", &r->answered_by);
    write_tallies(w, "proxy_said", &r->proxy_said);
    JSON_U64(w, "request_bytes", r->request_bytes);
    JSON_U64(w, "response_bytes", r->response_bytes);
    write_latencies(w, r, "client");
    JSON_U64(w, "first_ns", r->first_ns);
    JSON_U64(w, "last_ns", r->last_ns);
    JSON_STR(w, "example_traceid", str_from_c(trace_id_to_hex(r->example, trace)));
    json_object_end(w);
}

static void write_received(struct json_writer *w, struct row *r)
{
    json_object_begin(w);
    JSON_STR(w, "client", str_from_c(r->client));
    JSON_STR(w, "workload", str_from_c(r->service));
    JSON_STR(w, "version", str_from_c(r->version));
    JSON_STR(w, "path", str_from_c(r->path));
    JSON_U64(w, "arrived", r->count);
    JSON_U64(w, "distinct", r->count - r->repeated);
    JSON_U64(w, "repeated", r->repeated);
    write_tallies(w, "codes", &r->codes);
    write_latencies(w, r, "server");
    json_object_end(w);
}

static void write_workload(struct json_writer *w, enum demo_service_id id, unsigned version)
{
    const struct demo_service *s = &demo_services[id];
    char name[64], ver[16];
    demo_workload(id, version, name, sizeof(name));
    snprintf(ver, sizeof(ver), id == DEMO_GATEWAY ? "latest" : "v%u", version);
    json_object_begin(w);
    JSON_STR(w, "name", str_from_c(name));
    JSON_STR(w, "wl", str_from_c(name));
    JSON_STR(w, "service", str_from_c(s->name));
    JSON_STR(w, "ns", str_from_c(s->space));
    JSON_STR(w, "ver", str_from_c(ver));
    JSON_BOOL(w, "sidecar", true);
    JSON_BOOL(w, "gateway", id == DEMO_GATEWAY);
    json_object_end(w);
}

static void write_notes(struct json_writer *w)
{
    char host[128], cluster[160];
    json_key(w, "notes");
    json_object_begin(w);
    JSON_STR(w, "flavour", STR("istio"));
    JSON_U64(w, "sampling_percent", 100);
    json_key(w, "workloads");
    json_array_begin(w);
    for (unsigned id = 0; id < DEMO_SERVICE_COUNT; id++)
        for (unsigned version = 1; version <= (demo_services[id].canary > 0 ? 2u : 1u); version++)
            write_workload(w, (enum demo_service_id)id, version);
    json_array_end(w);
    json_key(w, "services");
    json_object_begin(w);
    for (unsigned id = 1; id < DEMO_SERVICE_COUNT; id++) {
        demo_authority((enum demo_service_id)id, host, sizeof(host));
        snprintf(cluster, sizeof(cluster), "outbound|%u||%s.%s.svc.cluster.local",
                 demo_services[id].port, demo_services[id].name, demo_services[id].space);
        json_key(w, host);
        json_array_begin(w);
        json_str(w, str_from_c(cluster));
        json_array_end(w);
    }
    json_object_end(w);
    json_object_end(w);
}

enum status demo_truth_write(struct demo_truth *t, const char *path, struct err *e)
{
    struct buf out = {0};
    struct json_writer w = json_writer_of(&out);
    json_object_begin(&w);
    JSON_U64(&w, "began_ns", t->began_ns);
    JSON_U64(&w, "ended_ns", t->ended_ns);
    JSON_U64(&w, "seed", t->seed);
    json_key(&w, "edges");
    json_array_begin(&w);
    for (size_t i = 0; i < t->edges.len; i++)
        write_edge(&w, &t->edges.items[i]);
    json_array_end(&w);
    json_key(&w, "received");
    json_array_begin(&w);
    for (size_t i = 0; i < t->received.len; i++)
        write_received(&w, &t->received.items[i]);
    json_array_end(&w);
    write_notes(&w);
    json_object_end(&w);
    enum status st = out.failed ? err_set(e, ST_NO_MEMORY, "out of memory")
                                : file_replace(path, buf_str(&out), e);
    buf_deinit(&out);
    return st;
}
