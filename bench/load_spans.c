/* load_spans.c - a span template for each service, side and place in the path; making a span is a
 * copy and six patches.
 *
 * Trace t enters the mesh at service t % LOAD_SERVICES and goes on to the next LOAD_HOPS - 1
 * services. Ids are a function of trace, place and side, so that the two sidecars of a hop agree
 * without talking. */
#include "bench/load_spans.h"
#include "base/hash.h"
#include "base/mem.h"
#include <stdio.h>

enum side { SERVER, CLIENT, SIDES };
enum { KIND_SERVER = 2, KIND_CLIENT = 3, TEMPLATE_BYTES = 1024, GUID_BYTES = 36 };

struct template
{
    char bytes[TEMPLATE_BYTES]; /* one `spans` field of ScopeSpans, tag and length included */
    size_t len, trace, span, parent, start, end, guid;
};

struct cursor_of_service {
    uint64_t visit; /* the traces that pass this service, in order */
    enum side side; /* what comes next of that visit */
};

struct load_spans {
    uint64_t seed;
    struct template spans[LOAD_SERVICES][LOAD_HOPS][SIDES];
    struct buf resource[LOAD_SERVICES]; /* Resource field and InstrumentationScope field */
    size_t resource_len[LOAD_SERVICES]; /* of its first part */
    struct cursor_of_service cursors[LOAD_SERVICES];
};

static const char *const names[LOAD_SERVICES] = {
    "frontend", "catalog",   "cart",    "checkout", "payment",  "shipping", "inventory",
    "pricing",  "reviews",   "ratings", "accounts", "search",   "mailer",   "ledger",
    "features", "recommend", "orders",  "coupons",  "currency", "audit"};

static void put_bytes(struct buf *b, unsigned field, struct str bytes)
{
    buf_append_varint(b, field << 3 | 2);
    buf_append_lenstr(b, bytes);
}

static void put_attribute(struct buf *b, unsigned field, const char *key, const char *value)
{
    struct buf any = {0}, pair = {0};
    put_bytes(&any, 1, str_from_c(value));
    put_bytes(&pair, 1, str_from_c(key));
    put_bytes(&pair, 2, buf_str(&any));
    put_bytes(b, field, buf_str(&pair));
    buf_deinit(&any);
    buf_deinit(&pair);
}

static void put_attributes(struct buf *b, unsigned service, unsigned next, enum side side)
{
    char text[200];
    const unsigned field = 9;
    snprintf(text, sizeof(text),
             "sidecar~10.244.1.%u~%s-v1-6d5f7c9b4-x2x7k.shop~shop.svc.cluster.local", service + 10,
             names[service]);
    put_attribute(b, field, "node_id", text);
    put_attribute(b, field, "zone", "");
    put_attribute(b, field, "guid:x-request-id", "00000000-0000-9000-8000-000000000000");
    unsigned callee = side == CLIENT ? next : service;
    snprintf(text, sizeof(text), "http://%s.shop:8080/api/items", names[callee]);
    put_attribute(b, field, "http.url", text);
    put_attribute(b, field, "http.method", "GET");
    put_attribute(b, field, "downstream_cluster", "-");
    put_attribute(b, field, "user_agent", "Go-http-client/1.1");
    put_attribute(b, field, "http.protocol", "HTTP/1.1");
    put_attribute(b, field, "peer.address", "10.244.1.7");
    put_attribute(b, field, "request_size", "0");
    put_attribute(b, field, "response_size", "512");
    put_attribute(b, field, "component", "proxy");
    if (side == CLIENT)
        snprintf(text, sizeof(text), "outbound|8080||%s.shop.svc.cluster.local", names[next]);
    else
        snprintf(text, sizeof(text), "inbound|8080||");
    put_attribute(b, field, "upstream_cluster", text);
    put_attribute(b, field, "http.status_code", "200");
    put_attribute(b, field, "response_flags", "-");
    put_attribute(b, field, "istio.canonical_service", names[service]);
    put_attribute(b, field, "istio.canonical_revision", "v1");
    put_attribute(b, field, "istio.namespace", "shop");
}

static size_t put_hole(struct buf *b, unsigned tag, size_t len)
{
    static const char zeros[16];
    buf_append_varint(b, tag);
    if ((tag & 7) == 2)
        buf_append_varint(b, len);
    buf_append(b, zeros, len);
    return b->len - len;
}

static void make_template(struct template *t, unsigned service, unsigned hop, enum side side)
{
    struct buf b = {0}, out = {0};
    char name[80];
    unsigned next = (service + 1) % LOAD_SERVICES;
    t->trace = put_hole(&b, 1 << 3 | 2, 16);
    t->span = put_hole(&b, 2 << 3 | 2, 8);
    if (side == CLIENT || hop > 0)
        t->parent = put_hole(&b, 4 << 3 | 2, 8);
    snprintf(name, sizeof(name), "%s.shop.svc.cluster.local:8080/*",
             names[side == CLIENT ? next : service]);
    put_bytes(&b, 5, str_from_c(name));
    buf_append_varint(&b, 6 << 3);
    buf_append_varint(&b, side == CLIENT ? KIND_CLIENT : KIND_SERVER);
    t->start = put_hole(&b, 7 << 3 | 1, 8);
    t->end = put_hole(&b, 8 << 3 | 1, 8);
    put_attributes(&b, service, next, side);
    put_bytes(&out, 2, buf_str(&b));
    size_t shift = out.len - b.len;
    memcpy(t->bytes, out.ptr, MIN(out.len, (size_t)TEMPLATE_BYTES));
    t->len = out.len;
    t->trace += shift, t->span += shift, t->start += shift, t->end += shift;
    t->parent += t->parent ? shift : 0;
    t->guid = str_search(buf_str(&out), STR("00000000-0000"));
    buf_deinit(&b);
    buf_deinit(&out);
}

static void make_resource(struct load_spans *l, unsigned service)
{
    struct buf attributes = {0}, scope = {0}, *out = &l->resource[service];
    char name[80];
    snprintf(name, sizeof(name), "%s.shop", names[service]);
    put_attribute(&attributes, 1, "service.name", name);
    put_attribute(&attributes, 1, "telemetry.sdk.language", "cpp");
    put_attribute(&attributes, 1, "telemetry.sdk.name", "envoy");
    put_bytes(out, 1, buf_str(&attributes));
    l->resource_len[service] = out->len;
    put_bytes(&scope, 1, STR("envoy"));
    put_bytes(out, 1, buf_str(&scope));
    buf_deinit(&attributes);
    buf_deinit(&scope);
}

struct load_spans *load_spans_new(uint64_t seed)
{
    struct load_spans *l = mem_need(sizeof(*l));
    memset(l, 0, sizeof(*l));
    l->seed = seed;
    for (unsigned s = 0; s < LOAD_SERVICES; s++) {
        make_resource(l, s);
        for (unsigned hop = 0; hop < LOAD_HOPS; hop++) {
            make_template(&l->spans[s][hop][SERVER], s, hop, SERVER);
            make_template(&l->spans[s][hop][CLIENT], s, hop, CLIENT);
        }
    }
    return l;
}

void load_spans_free(struct load_spans *l)
{
    for (unsigned s = 0; s < LOAD_SERVICES; s++)
        buf_deinit(&l->resource[s]);
    mem_free(l);
}

static uint64_t id_of(const struct load_spans *l, uint64_t trace, unsigned hop, enum side side)
{
    return hash_u64(l->seed + trace * 16 + hop * SIDES + side) | 1;
}

/* The digits of a request id: shared by all spans of a trace, as x-request-id is. */
static void put_guid(char *out, uint64_t x)
{
    static const char hex[] = "0123456789abcdef";
    for (unsigned i = 0; i < 8; i++)
        out[i] = hex[x >> (4 * i) & 15];
    for (unsigned i = 0; i < 8; i++)
        out[GUID_BYTES - 8 + i] = hex[x >> (32 + 4 * i) & 15];
}

static void patch(const struct load_spans *l, const struct template *t, char *span, uint64_t trace,
                  unsigned hop, enum side side, uint64_t now_ns)
{
    uint64_t high = hash_u64(l->seed ^ trace) | 1, low = hash_u64(trace + 1);
    uint64_t id = id_of(l, trace, hop, side);
    uint64_t parent =
        side == CLIENT ? id_of(l, trace, hop, SERVER) : id_of(l, trace, hop - 1, CLIENT);
    uint64_t duration_ns = NS_PER_MS + low % (10 * NS_PER_MS) + (LOAD_HOPS - hop) * 300000;
    uint64_t start_ns = now_ns - duration_ns - (side == CLIENT ? 200000 : 0);
    memcpy(span + t->trace, &high, 8);
    memcpy(span + t->trace + 8, &low, 8);
    memcpy(span + t->span, &id, 8);
    if (t->parent)
        memcpy(span + t->parent, &parent, 8);
    memcpy(span + t->start, &start_ns, 8);
    memcpy(span + t->end, &now_ns, 8);
    put_guid(span + t->guid, low);
}

/* The next span of a service; the last service of a path has no client side. */
struct pick {
    uint64_t trace;
    unsigned hop;
    enum side side;
};

static struct pick take(struct load_spans *l, unsigned service)
{
    struct cursor_of_service *c = &l->cursors[service];
    unsigned hop = (unsigned)(c->visit % LOAD_HOPS);
    unsigned entry = (service + LOAD_SERVICES - hop) % LOAD_SERVICES;
    struct pick p = {c->visit / LOAD_HOPS * LOAD_SERVICES + entry, hop, c->side};
    if (c->side == SERVER && hop < LOAD_HOPS - 1) {
        c->side = CLIENT;
    } else {
        c->side = SERVER;
        c->visit++;
    }
    return p;
}

void load_spans_request(struct load_spans *l, unsigned service, unsigned count, uint64_t now_ns,
                        struct buf *out)
{
    struct cursor_of_service before = l->cursors[service];
    const struct buf *resource = &l->resource[service];
    size_t scope_len = resource->len - l->resource_len[service], spans_len = scope_len;
    for (unsigned i = 0; i < count; i++) {
        struct pick p = take(l, service);
        spans_len += l->spans[service][p.hop][p.side].len;
    }
    l->cursors[service] = before;
    struct buf head = {0};
    buf_append_varint(&head, 2 << 3 | 2);
    buf_append_varint(&head, spans_len);
    buf_append_varint(out, 1 << 3 | 2);
    buf_append_varint(out, l->resource_len[service] + head.len + spans_len);
    buf_append(out, resource->ptr, l->resource_len[service]);
    buf_append_str(out, buf_str(&head));
    buf_append(out, resource->ptr + l->resource_len[service], scope_len);
    for (unsigned i = 0; i < count; i++) {
        struct pick p = take(l, service);
        const struct template *t = &l->spans[service][p.hop][p.side];
        buf_append(out, t->bytes, t->len);
        patch(l, t, out->ptr + out->len - t->len, p.trace, p.hop, p.side, now_ns);
    }
    buf_deinit(&head);
}
