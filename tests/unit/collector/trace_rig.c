/* trace_rig.c - makes spans, feeds them, writes down what was counted. */
#include "unit/collector/trace_rig.h"
#include "support/leak.h"
#include "tests/support/random.h"
#include "collector/image.h"
#include "collector/live.h"
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

static const uint64_t START_NS = UINT64_C(1700000000) * NS_PER_S;

void rig_init(struct rig *r)
{
    *r = (struct rig){.trace = 1, .graph = graph_settings_default()};
    r->spans = mem_calloc(RIG_SPANS, sizeof(*r->spans));
}

void rig_deinit(struct rig *r)
{
    arena_deinit(&r->arena);
    mem_free(r->spans);
}

static const char *text(struct rig *r, const char *fmt, ...)
{
    char line[2048];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    cr_assert(len >= 0 && (size_t)len < sizeof(line));
    return arena_dup_str(&r->arena, (struct str){line, (size_t)len + 1}).ptr;
}

/* "key=value;key=value" */
static uint32_t parse_attrs(struct rig *r, const char *list, struct attr *out)
{
    struct str pair, rest = arena_dup_str(&r->arena, str_from_c(list ? list : ""));
    uint32_t count = 0;
    while (rest.len > 0) {
        str_cut(rest, ';', &pair, &rest);
        if (pair.len == 0)
            continue;
        cr_assert(count < RIG_ATTRS);
        struct attr *a = &out[count++];
        *a = (struct attr){.type = VALUE_STRING};
        cr_assert(str_cut(pair, '=', &a->key, &a->text), "%.*s", STR_ARG(pair));
        if (a->text.len > 1 && a->text.ptr[0] == '#') {
            a->type = VALUE_INT;
            cr_assert(str_to_i64(str_sub(a->text, 1, a->text.len), &a->i));
        }
    }
    return count;
}

struct rig_span *rig_add(struct rig *r, uint64_t id, uint64_t parent, enum span_kind kind,
                         const char *name, const char *resource, const char *attrs, uint64_t at,
                         uint64_t us)
{
    static const struct scope scope = {{"envoy", 5}, {"", 0}};
    cr_assert(r->count < RIG_SPANS);
    struct rig_span *s = &r->spans[r->count++];
    s->resource.attrs = s->resource_attrs;
    s->resource.attr_count = parse_attrs(r, resource, s->resource_attrs);
    s->span = (struct span){
        .trace = {.hi = 77, .lo = r->trace},
        .id = id * UINT64_C(0x9e3779b97f4a7c15),
        .parent = parent * UINT64_C(0x9e3779b97f4a7c15),
        .start_ns = START_NS + at * 1000,
        .end_ns = START_NS + (at + us) * 1000,
        .name = str_from_c(text(r, "%s", name)),
        .resource = &s->resource,
        .scope = &scope,
        .attrs = s->attrs,
        .attr_count = parse_attrs(r, attrs, s->attrs),
        .kind = kind,
    };
    return s;
}

static const char *envoy_attrs(struct rig *r, const char *cluster, const char *url, int code,
                               const char *flags)
{
    return text(
        r,
        "component=proxy;http.protocol=HTTP/1.1;%s%s%s%s%s%shttp.status_code=%d;response_flags=%s;"
        "request_size=10;response_size=20",
        cluster ? "upstream_cluster=" : "", cluster ? cluster : "", cluster ? ";" : "",
        url ? "http.url=" : "", url ? url : "", url ? ";http.method=GET;" : "", code, flags);
}

struct rig_span *rig_istio(struct rig *r, uint64_t id, uint64_t parent, enum span_kind kind,
                           const char *service, const char *space, const char *version,
                           const char *cluster, const char *url, int code, const char *flags,
                           uint64_t at, uint64_t us, const char *more)
{
    const char *attrs =
        text(r,
             "node_id=sidecar~10.0.0.1~%s-%s-7d9f4c5b6-x2k41.%s~%s.svc.cluster.local;"
             "istio.canonical_service=%s;istio.namespace=%s;istio.canonical_revision=%s;"
             "istio.cluster_id=Kubernetes;%s;%s",
             service, version, space, space, service, space, version,
             envoy_attrs(r, cluster, url, code, flags), more ? more : "");
    const char *resource = text(r, "service.name=%s.%s;telemetry.sdk.name=envoy", service, space);
    return rig_add(r, id, parent, kind, "cart.shop.svc.cluster.local:8080/*", resource, attrs, at,
                   us);
}

struct rig_span *rig_gateway(struct rig *r, uint64_t id, uint64_t parent, const char *cluster,
                             const char *url, int code, const char *flags, uint64_t at, uint64_t us)
{
    const char *attrs =
        text(r,
             "node_id=router~10.0.0.9~gw-7d9f4c5b6-x2k40.edge~edge.svc.cluster.local;"
             "istio.canonical_service=gw;istio.namespace=edge;istio.canonical_revision=latest;"
             "istio.cluster_id=Kubernetes;%s",
             envoy_attrs(r, cluster, url, code, flags));
    return rig_add(r, id, parent, SPAN_SERVER, "ingress",
                   "service.name=gw.edge;telemetry.sdk.name=envoy", attrs, at, us);
}

struct rig_span *rig_upstream(struct rig *r, uint64_t id, uint64_t parent, const char *service,
                              const char *space, const char *version, const char *cluster, int code,
                              const char *flags, int retry, uint64_t at, uint64_t us)
{
    const char *attrs = text(r,
                             "component=proxy;http.protocol=HTTP/"
                             "1.1;upstream_cluster=%s;http.status_code=%d;response_flags=%s;"
                             "istio.canonical_service=%s;istio.namespace=%s;istio.canonical_"
                             "revision=%s;istio.cluster_id=Kubernetes;%s",
                             cluster, code, flags, service, space, version,
                             retry ? text(r, "retry.count=%d", retry) : "");
    const char *resource = text(r, "service.name=%s.%s;telemetry.sdk.name=envoy", service, space);
    return rig_add(r, id, parent, SPAN_CLIENT, text(r, "router %s egress", cluster), resource,
                   attrs, at, us);
}

struct rig_span *rig_consul(struct rig *r, uint64_t id, uint64_t parent, enum span_kind kind,
                            const char *pod, const char *cluster, const char *url, int code,
                            uint64_t at, uint64_t us)
{
    const char *attrs =
        text(r, "node_id=%s-sidecar-proxy;%s", pod, envoy_attrs(r, cluster, url, code, "-"));
    return rig_add(r, id, parent, kind, "ingress",
                   "service.name=consul-mesh;telemetry.sdk.name=envoy", attrs, at, us);
}

struct rig_span *rig_linkerd(struct rig *r, uint64_t id, uint64_t parent, enum span_kind kind,
                             const char *direction, const char *deployment, const char *space,
                             const char *host, int code, uint64_t at, uint64_t us)
{
    const char *attrs =
        text(r,
             "direction=%s;http.request.method=GET;url.path=/items/42;server.address=%s;"
             "server.port=8080;http.response.status_code=%d",
             direction, host, code);
    const char *resource = text(
        r,
        "service.name=linkerd-proxy;host.name=%s-5d9c7b8f6-abcde;linkerd.io/proxy-deployment=%s;"
        "linkerd.io/workload-ns=%s",
        deployment, deployment, space);
    return rig_add(r, id, parent, kind, "/items/42", resource, attrs, at, us);
}

struct rig_span *rig_app(struct rig *r, uint64_t id, uint64_t parent, enum span_kind kind,
                         const char *service, const char *name, const char *attrs, uint64_t at,
                         uint64_t us)
{
    const char *resource =
        strchr(service, '=') ? service : text(r, "service.name=%s;service.version=v1", service);
    struct rig_span *s = rig_add(r, id, parent, kind, name, resource, attrs, at, us);
    static const struct scope scope = {{"app", 3}, {"", 0}};
    s->span.scope = &scope;
    return s;
}

/* --- text --- */

struct writer {
    struct buf *out;
    const struct registry *registry;
    const struct cell_set *cells;
};

static void put_entity(struct writer *w, const struct entity *e)
{
    struct entity known = registry_resolve(w->registry, e);
    entity_append_id(w->out, &known, false);
}

static void put_tallies(struct writer *w, const char *prefix, const struct cell_tallies *t)
{
    /* Names in byte order: the tallies themselves have none. */
    struct str last = {0};
    for (uint32_t done = 0; done < t->len; done++) {
        const struct cell_tally *next = NULL;
        for (uint32_t i = 0; i < t->len; i++) {
            struct str name = cell_set_name_at(w->cells, t->items[i].name);
            if ((done == 0 || str_cmp(name, last) > 0) &&
                (!next || str_cmp(name, cell_set_name_at(w->cells, next->name)) < 0))
                next = &t->items[i];
        }
        last = cell_set_name_at(w->cells, next->name);
        buf_printf(w->out, " %s%.*s=%llu", prefix, STR_ARG(last),
                   (unsigned long long)(next->weight >> WEIGHT_SHIFT));
    }
}

static void put_latency(struct writer *w, char side, const struct histogram *h)
{
    if (h->weight)
        buf_printf(w->out, " %c%llu:%lluus", side, (unsigned long long)histogram_count(h),
                   (unsigned long long)(uint64_t)(h->sum / ((u128)WEIGHT_ONE * 1000)));
}

static enum status put_cell(const struct cell_row *row, uint64_t tile_s, const struct cell *c,
                            void *user, struct err *e)
{
    struct writer *w = user;
    (void)tile_s;
    (void)e;
    if (!row->is_total)
        buf_append_str(w->out, STR("    "));
    put_entity(w, &row->client);
    buf_append_str(w->out, STR(" > "));
    put_entity(w, &row->server);
    if (row->is_total) {
        static const char *const views[] = {"", " mesh", " raw", ""};
        buf_printf(w->out, " %s%s %llu/%llu/%llu", protocol_name(row->protocol), views[row->views],
                   (unsigned long long)(c->weight >> WEIGHT_SHIFT),
                   (unsigned long long)(c->errors >> WEIGHT_SHIFT),
                   (unsigned long long)(c->attempts >> WEIGHT_SHIFT));
        put_tallies(w, "", &c->codes);
        put_tallies(w, "grpc:", &c->grpc_codes);
        put_tallies(w, "", &c->flags);
    } else {
        buf_printf(w->out, " [%.*s>%.*s] %.*s %.*s %llu", STR_ARG(row->client_variant.version),
                   STR_ARG(row->server_variant.version), STR_ARG(row->operation),
                   STR_ARG(row->code), (unsigned long long)(c->weight >> WEIGHT_SHIFT));
    }
    put_latency(w, 'c', &c->client);
    put_latency(w, 's', &c->server);
    put_latency(w, 't', &c->transit);
    if (c->transit_skipped)
        buf_append_str(w->out, STR(" skipped"));
    if (c->denied)
        buf_append_str(w->out, STR(" denied"));
    if (c->end_before_start)
        buf_append_str(w->out, STR(" backwards"));
    buf_append_str(w->out, STR("\n"));
    return ST_OK;
}

/* --- running --- */

static struct batch *make_batch(const struct rig *r, const struct rig_run *run, uint32_t from,
                                uint32_t count)
{
    struct batch *b = batch_new();
    uint32_t copies = run->twice ? 2 : 1;
    b->spans = arena_calloc(&b->arena, (size_t)count * copies, sizeof(*b->spans));
    for (uint32_t i = 0; i < count * copies; i++) {
        uint32_t at = from + i % count;
        b->spans[i] = r->spans[run->order ? run->order[at] : at].span;
    }
    b->span_count = b->received = count * copies;
    cr_assert(collector_prepare(b, NULL) == ST_OK);
    return b;
}

static enum status keep_chunk(struct str chunk, void *user, struct err *e)
{
    (void)e;
    buf_append_lenstr(user, chunk);
    return ST_OK;
}

/* A second pipeline that was read from the first one's image; the closed cells go over as they
 * would in a part. */
static void copy_state(struct pipeline *p, struct pipeline *copy)
{
    struct buf image = {0};
    struct account_totals totals = {0};
    struct err e;
    sightings_tell(&p->sightings, p->names, p->registry);
    sightings_clear(&p->sightings);
    cr_assert(image_encode(p, &totals, keep_chunk, &image, &e) == ST_OK);
    cr_assert(pipeline_init(copy, &p->config, &e) == ST_OK);
    struct image_reader reader = {.pipeline = copy};
    struct cursor c = cursor_of(buf_str(&image));
    while (c.at < c.end) {
        struct str chunk = cursor_lenstr(&c);
        cr_assert(image_read_chunk(&reader, chunk, &e) == ST_OK, "%s", e.msg);
    }
    cr_assert(image_read_end(&reader, &e) == ST_OK);
    cr_assert(cell_set_merge(cell_feed_cells(copy->closed), cell_feed_cells(p->closed), &e) ==
              ST_OK);
    copy->delta = p->delta;
    buf_deinit(&image);
}

void rig_restart(struct pipeline *p)
{
    struct pipeline copy;
    copy_state(p, &copy);
    pipeline_deinit(p);
    *p = copy;
}

void rig_counted(struct pipeline *p, struct buf *out)
{
    sightings_tell(&p->sightings, p->names, p->registry);
    sightings_clear(&p->sightings);
    struct writer w = {out, p->registry, cell_feed_cells(p->closed)};
    cr_assert(cell_set_each(w.cells, put_cell, &w, NULL) == ST_OK);
}

static void look(struct live *live, struct buf *out)
{
    struct live_view view;
    struct err e = {0};
    cr_assert(live_look(live, NULL, false, &view, &e) == ST_OK, "%s", e.msg);
    struct writer w = {out, view.registry, view.cells};
    cr_assert(cell_set_each(view.cells, put_cell, &w, NULL) == ST_OK);
    registry_free(view.registry);
    buf_append_u8(out, 0);
}

/* A view that was kept up must be the one that is made anew. */
static void check_view(struct pipeline *p, struct live *live)
{
    struct buf kept = {0}, fresh = {0};
    struct pipeline copy;
    look(live, &kept);
    copy_state(p, &copy);
    struct live *other = live_new(&copy, 0);
    look(other, &fresh);
    cr_assert(strcmp(kept.ptr, fresh.ptr) == 0, "the view kept up is\n%safresh\n%s", kept.ptr,
              fresh.ptr);
    live_free(other);
    pipeline_deinit(&copy);
    buf_deinit(&kept);
    buf_deinit(&fresh);
}

static void check_account(const struct pipeline *p, uint32_t received)
{
    uint64_t ends = p->delta.stored + p->delta.pending;
    for (size_t i = 0; i < DROP_REASON_COUNT; i++)
        ends += p->delta.dropped[i];
    cr_assert(ends == received, "%llu ends of %u spans", (unsigned long long)ends, received);
}

void rig_run(const struct rig *r, const struct rig_run *run, struct buf *out, struct pipeline *keep)
{
    struct pipeline p;
    struct pipeline_config config = {.seed = 99, .graph = r->graph};
    cr_assert(pipeline_init(&p, &config, NULL) == ST_OK);
    struct live *live = run->look_every ? live_new(&p, 0) : NULL;
    uint64_t clock_ns = 5000 * NS_PER_S;
    uint32_t size = run->batch_spans ? run->batch_spans : MAX(r->count, 1u), batches = 0,
             received = 0;
    for (uint32_t from = 0; from < r->count; from += size) {
        struct batch *b = make_batch(r, run, from, MIN(size, r->count - from));
        b->sequence = ++batches;
        b->clock_ns = clock_ns += 10 * NS_PER_MS + run->seconds_between * NS_PER_S;
        pipeline_batch(&p, b);
        received += b->span_count;
        check_account(&p, received);
        batch_free(b);
        if (live && batches % run->look_every == 0)
            check_view(&p, live);
        if (run->restart_after && batches % run->restart_after == 0)
            rig_restart(&p);
    }
    for (uint32_t second = 0; run->by_clock && second < 45; second++) {
        pipeline_tick(&p, ++batches, START_NS, clock_ns += NS_PER_S);
        if (live && second % 16 == 0)
            check_view(&p, live);
    }
    if (!run->by_clock)
        pipeline_flush(&p, batches + 1, clock_ns);
    if (live)
        check_view(&p, live);
    live_free(live);
    check_account(&p, received);
    cr_assert(p.delta.pending == 0, "%llu pending", (unsigned long long)p.delta.pending);
    rig_counted(&p, out);
    if (keep)
        *keep = p;
    else
        pipeline_deinit(&p);
}

static uint64_t next_random(uint64_t *state)
{
    return random_step(state) >> 33;
}

void rig_expect(struct rig *r, const char *name, const char *want)
{
    struct buf plain = {0};
    uint32_t order[RIG_SPANS];
    uint64_t random = 42;
    rig_run(r, &(struct rig_run){0}, &plain, NULL);
    buf_append_u8(&plain, 0);
    if (want)
        cr_expect(strcmp(plain.ptr, want) == 0, "%s gives\n%swanted\n%s", name, plain.ptr, want);
    for (uint32_t i = 0; i < r->count; i++)
        order[i] = i;
    for (uint32_t round = 0; round < 60; round++) {
        for (uint32_t i = r->count; i > 1; i--) {
            uint32_t other = (uint32_t)(next_random(&random) % i), moving = order[i - 1];
            order[i - 1] = order[other];
            order[other] = moving;
        }
        struct rig_run run = {
            .order = order,
            .batch_spans = round % 3 == 0 ? 0 : 1 + (uint32_t)(next_random(&random) % r->count),
            .twice = round % 4 == 1,
            .restart_after = round % 5 == 2 ? 1 : 0,
            .by_clock = round % 2,
            .look_every = round % 5 == 3 ? 1 + round % 3 : 0,
            .seconds_between = round % 7 == 6 ? 7 : 0,
        };
        struct buf got = {0};
        rig_run(r, &run, &got, NULL);
        buf_append_u8(&got, 0);
        bool same = strcmp(got.ptr, plain.ptr) == 0;
        cr_expect(same, "%s, round %u gives\n%sin plain order\n%s", name, round, got.ptr,
                  plain.ptr);
        buf_deinit(&got);
        if (!same)
            break;
    }
    buf_deinit(&plain);
    rig_deinit(r);
    EXPECT_NO_LEAK();
}
