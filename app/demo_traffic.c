/* demo_traffic.c - one request through the simulated mesh: calls, retries, failures, and the spans
 * the sidecars would make. */
#include "app/demo_traffic.h"

#include <stdio.h>

/* What travels down the calls of one request. */
struct context {
    struct demo_traffic *traffic;
    struct demo_weather weather;
    struct trace_id trace;
    uint64_t request_id;
    bool buys;
};

/* Who serves a request, and the span its own calls hang below. */
struct server {
    enum demo_service_id id;
    unsigned version;
    uint64_t span;
};

struct outcome {
    uint64_t end_ns;
    unsigned http_code;
    int grpc_code;    /* -1: not gRPC */
    unsigned version; /* who answered last; 0: a proxy did */
};

static uint64_t ms_to_ns(double ms)
{
    return (uint64_t)(ms * 1e6);
}

static uint64_t network(struct context *c)
{
    return ms_to_ns(0.1 + 0.25 * demo_random_unit(&c->traffic->random));
}

static uint64_t own_work(struct context *c, enum demo_service_id id, unsigned version)
{
    const struct demo_service *s = &demo_services[id];
    double slow = version == 2 ? s->canary_slowdown : 1.0;
    return ms_to_ns(slow * demo_random_lognormal(&c->traffic->random, s->median_ms, s->sigma)) + 1;
}

static uint64_t new_span_id(struct context *c)
{
    uint64_t id = demo_random_u64(&c->traffic->random);
    return id ? id : 1;
}

static void emit(struct context *c, const struct demo_span *span)
{
    if (!c->traffic->emit(c->traffic->user, span))
        c->traffic->failed = true;
}

/* {id} of a path template becomes a number. */
static void fill_path(struct context *c, const char *pattern, char *out, size_t cap)
{
    const char *brace = strchr(pattern, '{');
    unsigned id = (unsigned)(demo_random_unit(&c->traffic->random) * 5000);
    if (brace)
        snprintf(out, cap, "%.*s%u%s", (int)(brace - pattern), pattern, id, strchr(brace, '}') + 1);
    else
        snprintf(out, cap, "%s", pattern);
}

static struct outcome answer(struct context *c, enum demo_service_id id, uint64_t end_ns,
                             double error_rate)
{
    bool fails = demo_random_unit(&c->traffic->random) < error_rate;
    bool grpc = demo_services[id].protocol == DEMO_GRPC;
    return (struct outcome){end_ns, fails && !grpc ? 500 : 200, grpc ? (fails ? 13 : 0) : -1, 1};
}

static struct outcome call(struct context *c, const struct server *from,
                           const struct demo_call *what, uint64_t start_ns);

/* The application's work and the calls it makes meanwhile, one after another. */
static uint64_t work(struct context *c, const struct server *self, uint64_t start_ns)
{
    uint64_t now = start_ns + own_work(c, self->id, self->version);
    for (size_t i = 0; i < demo_call_count; i++) {
        const struct demo_call *next = &demo_calls[i];
        if (next->from != self->id || (next->to == DEMO_CHECKOUT && !c->buys))
            continue;
        if (demo_random_unit(&c->traffic->random) < next->probability)
            now = call(c, self, next, now).end_ns;
    }
    return now;
}

static unsigned pick_version(struct context *c, enum demo_service_id id)
{
    double canary = demo_services[id].canary;
    return canary > 0 && demo_random_unit(&c->traffic->random) < canary ? 2 : 1;
}

static struct demo_span span_base(const struct context *c, const struct demo_call *what,
                                  const char *path)
{
    struct demo_span s = {.trace = c->trace,
                          .request_id = c->request_id,
                          .target = what->to,
                          .method = what->method,
                          .grpc_code = -1,
                          .flags = "-",
                          .http_code = 200,
                          .request_bytes = 120,
                          .response_bytes = 900};
    snprintf(s.path, sizeof(s.path), "%s", path);
    return s;
}

/* One attempt that reaches the callee: its inbound proxy's SERVER span, and everything below. */
static struct outcome attempt(struct context *c, const struct server *from,
                              const struct demo_call *what, const struct demo_span *client,
                              uint64_t start_ns, bool repeated)
{
    struct server self = {what->to, pick_version(c, what->to), new_span_id(c)};
    double error_rate = demo_services[what->to].error_rate;
    bool unavailable = what->to == DEMO_INVENTORY &&
                       demo_random_unit(&c->traffic->random) < c->weather.inventory_unavailable;
    struct outcome o = answer(
        c, what->to, unavailable ? start_ns + ms_to_ns(0.3) : work(c, &self, start_ns), error_rate);
    o.version = self.version;
    if (unavailable)
        o.grpc_code = 14;
    struct demo_span s = *client;
    s.id = self.span;
    s.parent = client->id;
    s.reporter = DEMO_INBOUND;
    s.owner = self.id;
    s.owner_version = self.version;
    s.start_ns = start_ns;
    s.end_ns = o.end_ns;
    s.http_code = o.http_code;
    s.grpc_code = o.grpc_code;
    emit(c, &s);
    char caller[64], workload[64], version[16];
    snprintf(version, sizeof(version), "v%u", self.version);
    struct demo_arrived a = {
        .client = demo_workload(from->id, from->version, caller, sizeof(caller)),
        .workload = demo_workload(self.id, self.version, workload, sizeof(workload)),
        .version = version,
        .path = what->path,
        .http_code = o.http_code,
        .grpc_code = o.grpc_code,
        .repeated = repeated,
        .start_ns = start_ns,
        .end_ns = o.end_ns};
    if (!demo_truth_arrived(c->traffic->truth, &a))
        c->traffic->failed = true;
    return o;
}

static void note_asked(struct context *c, const struct server *from, const struct demo_call *what,
                       const struct demo_span *s, unsigned answered_by, unsigned attempts)
{
    char caller[64], service[128], workload[64] = "";
    if (answered_by)
        demo_workload(what->to, answered_by, workload, sizeof(workload));
    struct demo_asked a = {
        .client = from ? demo_workload(from->id, from->version, caller, sizeof(caller)) : "driver",
        .service = what->to == DEMO_GATEWAY ? demo_services[DEMO_GATEWAY].name
                                            : demo_authority(what->to, service, sizeof(service)),
        .path = what->path,
        .answered_by = workload,
        .flags = s->flags,
        .protocol = demo_services[what->to].protocol,
        .http_code = s->http_code,
        .grpc_code = s->grpc_code,
        .attempts = attempts,
        .request_bytes = s->request_bytes,
        .response_bytes = s->response_bytes,
        .start_ns = s->start_ns,
        .end_ns = s->end_ns,
        .trace = s->trace};
    if (!demo_truth_asked(c->traffic->truth, &a))
        c->traffic->failed = true;
}

/* Out of the mesh: nobody there sends spans. */
static struct outcome call_outside(struct context *c, const struct demo_call *what,
                                   uint64_t start_ns)
{
    uint64_t end = start_ns + own_work(c, what->to, 1);
    struct outcome o = answer(c, what->to, end, demo_services[what->to].error_rate);
    if (o.http_code == 500)
        o.http_code = 502;
    return o;
}

/* The caller's proxy: circuit breaker, connection, attempts with retries. *flags and *attempts tell
 * what it did. */
static struct outcome proxy_call(struct context *c, const struct server *from,
                                 const struct demo_call *what, const struct demo_span *client,
                                 const char **flags, unsigned *attempts)
{
    struct demo_random *random = &c->traffic->random;
    uint64_t now = client->start_ns + network(c);
    bool grpc = demo_services[what->to].protocol == DEMO_GRPC;
    if (what->to == DEMO_REVIEWS && demo_random_unit(random) < c->weather.reviews_overflow) {
        *flags = "UO";
        return (struct outcome){now, 503, -1, 0};
    }
    bool unreachable =
        what->to == DEMO_SHIPPING && demo_random_unit(random) < c->weather.shipping_unreachable;
    struct outcome o = {0};
    for (unsigned tried = 0; tried <= what->retries; tried++) {
        if (unreachable) {
            o = (struct outcome){now + ms_to_ns(1), 503, grpc ? 14 : -1, 0};
        } else {
            o = attempt(c, from, what, client, now, tried > 0);
            (*attempts)++;
        }
        if (!unreachable && o.grpc_code != 14)
            return o;
        now = o.end_ns + ms_to_ns(2 + 20 * demo_random_unit(random));
    }
    *flags = unreachable ? "URX,UF" : what->retries ? "URX" : "-";
    return o;
}

static struct outcome call(struct context *c, const struct server *from,
                           const struct demo_call *what, uint64_t start_ns)
{
    char path[64];
    fill_path(c, what->path, path, sizeof(path));
    struct demo_span s = span_base(c, what, path);
    s.id = new_span_id(c);
    s.parent = from->span;
    s.owner = from->id;
    s.owner_version = from->version;
    s.reporter = what->to == DEMO_POSTGRES ? DEMO_APPLICATION : DEMO_OUTBOUND;
    s.start_ns = start_ns;
    unsigned attempts = 0;
    bool outside = what->to >= DEMO_SERVICE_COUNT;
    struct outcome o = outside ? call_outside(c, what, start_ns)
                               : proxy_call(c, from, what, &s, &s.flags, &attempts);
    s.end_ns = o.end_ns + network(c);
    s.http_code = o.http_code;
    s.grpc_code = o.grpc_code;
    emit(c, &s);
    note_asked(c, from, what, &s, o.version, MAX(attempts, 1u));
    o.end_ns = s.end_ns;
    return o;
}

static const struct demo_journey *pick_journey(struct demo_random *r)
{
    double u = demo_random_unit(r);
    for (size_t i = 0; i + 1 < demo_journey_count; i++) {
        if (u < demo_journeys[i].share)
            return &demo_journeys[i];
        u -= demo_journeys[i].share;
    }
    return &demo_journeys[demo_journey_count - 1];
}

void demo_traffic_request(struct demo_traffic *t, uint64_t start_ns)
{
    const struct demo_journey *journey = pick_journey(&t->random);
    struct context c = {.traffic = t,
                        .weather = demo_weather_at((double)(start_ns - t->began_ns) / 1e9),
                        .trace = {demo_random_u64(&t->random), demo_random_u64(&t->random) | 1},
                        .request_id = demo_random_u64(&t->random),
                        .buys = journey->buys};
    struct server gateway = {DEMO_GATEWAY, 1, new_span_id(&c)};
    struct demo_call what = {DEMO_GATEWAY, DEMO_WEB, 1, journey->method, journey->path, 0};
    char path[64];
    fill_path(&c, what.path, path, sizeof(path));
    struct demo_span root = span_base(&c, &what, path), client = root;
    root.id = gateway.span;
    root.reporter = DEMO_GATEWAY_SERVER;
    client.id = new_span_id(&c);
    client.parent = root.id;
    client.reporter = DEMO_GATEWAY_CLIENT;
    root.owner = client.owner = DEMO_GATEWAY;
    root.owner_version = client.owner_version = 1;
    root.start_ns = start_ns;
    client.start_ns = start_ns + ms_to_ns(0.05);
    struct outcome o = attempt(&c, &gateway, &what, &client, client.start_ns + network(&c), false);
    client.end_ns = o.end_ns + network(&c);
    root.end_ns = client.end_ns + ms_to_ns(0.05);
    root.http_code = client.http_code = o.http_code;
    emit(&c, &client);
    emit(&c, &root);
    note_asked(&c, &gateway, &what, &client, o.version, 1);
    what.to = DEMO_GATEWAY;
    note_asked(&c, NULL, &what, &root, 1, 1);
}
