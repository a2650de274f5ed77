/* otlp_build.c - protobuf by hand, and a sidecar's spans. */
#include "tests/support/otlp_build.h"

#include "base/hash.h"
#include <stdio.h>

static void put_tag(struct buf *out, unsigned field, unsigned type)
{
    buf_append_varint(out, field << 3 | type);
}

void pb_put_varint(struct buf *out, unsigned field, uint64_t v)
{
    put_tag(out, field, 0);
    buf_append_varint(out, v);
}

void pb_put_fixed64(struct buf *out, unsigned field, uint64_t v)
{
    put_tag(out, field, 1);
    buf_append_u64(out, v);
}

void pb_put_fixed32(struct buf *out, unsigned field, uint32_t v)
{
    put_tag(out, field, 5);
    buf_append_u32(out, v);
}

void pb_put_bytes(struct buf *out, unsigned field, struct str bytes)
{
    put_tag(out, field, 2);
    buf_append_lenstr(out, bytes);
}

void pb_put_hex(struct buf *out, const char *hex)
{
    unsigned byte = 0, digits = 0;
    for (; *hex; hex++) {
        if (*hex == ' ')
            continue;
        byte = byte << 4 | (unsigned)(*hex <= '9' ? *hex - '0' : *hex - 'a' + 10);
        if (++digits % 2 == 0)
            buf_append_u8(out, (uint8_t)byte);
    }
}

void pb_put_message(struct buf *out, unsigned field, struct buf *message)
{
    pb_put_bytes(out, field, buf_str(message));
    buf_reset(message);
}

void pb_put_attr(struct buf *out, unsigned field, struct str key, struct str value)
{
    struct buf any = {0}, pair = {0};
    pb_put_bytes(&any, 1, value);
    pb_put_bytes(&pair, 1, key);
    pb_put_message(&pair, 2, &any);
    pb_put_message(out, field, &pair);
    buf_deinit(&any);
    buf_deinit(&pair);
}

static void put_text_attr(struct buf *out, unsigned field, const char *key, const char *value)
{
    pb_put_attr(out, field, str_from_c(key), str_from_c(value));
}

static void put_id(struct buf *out, unsigned field, uint64_t hi, uint64_t lo, size_t bytes)
{
    uint64_t words[2] = {hi, lo};
    pb_put_bytes(out, field, (struct str){(const char *)words, bytes});
}

/* The tags of Envoy's HTTP tracer, with the tag names Istio adds. */
static void put_envoy_attrs(struct buf *span, uint64_t random)
{
    static const char *const attrs[][2] = {
        {"component", "proxy"},
        {"node_id", "sidecar~10.8.3.17~cart-v1-7c9f5d~shop.svc.cluster.local"},
        {"http.protocol", "HTTP/1.1"},
        {"http.method", "GET"},
        {"http.url", "http://catalog.shop.svc.cluster.local:8080/items/1042"},
        {"http.status_code", "200"},
        {"response_flags", "-"},
        {"request_size", "0"},
        {"response_size", "1312"},
        {"user_agent", "Go-http-client/1.1"},
        {"upstream_cluster", "outbound|8080||catalog.shop.svc.cluster.local"},
        {"upstream_cluster.name", "outbound|8080||catalog.shop.svc.cluster.local"},
        {"istio.canonical_service", "cart"},
        {"istio.mesh_id", "cluster.local"},
    };
    char text[48];
    for (size_t i = 0; i < LEN(attrs); i++)
        put_text_attr(span, 9, attrs[i][0], attrs[i][1]);
    snprintf(text, sizeof(text), "%08x-4a1c-9f00-8e21-%012llx", (unsigned)random,
             (unsigned long long)(random >> 16));
    put_text_attr(span, 9, "guid:x-request-id", text);
    put_text_attr(span, 9, "peer.address", "10.8.3.17");
}

static void put_envoy_span(struct buf *out, uint64_t seed, unsigned number)
{
    struct buf span = {0};
    uint64_t trace = hash_u64(seed + number / 2), id = hash_u64(trace + number);
    uint64_t start_ns = 1795439186000000000ull + (uint64_t)number * 1000003;
    put_id(&span, 1, trace, ~trace, 16);
    put_id(&span, 2, id, 0, 8);
    put_id(&span, 4, hash_u64(id), 0, 8);
    pb_put_bytes(&span, 5, STR("catalog.shop.svc.cluster.local:8080/*"));
    pb_put_varint(&span, 6, 2 + number % 2);
    pb_put_fixed64(&span, 7, start_ns);
    pb_put_fixed64(&span, 8, start_ns + 1000000 + trace % 9000000);
    put_envoy_attrs(&span, trace);
    pb_put_bytes(&span, 15, STR(""));
    pb_put_fixed32(&span, 16, 257);
    pb_put_message(out, 2, &span);
    buf_deinit(&span);
}

void otlp_build_envoy(struct buf *out, unsigned spans, uint64_t seed)
{
    static const char *const attrs[][2] = {
        {"service.name", "cart.shop"},
        {"telemetry.sdk.language", "cpp"},
        {"telemetry.sdk.name", "envoy"},
        {"telemetry.sdk.version", "1.40.0"},
    };
    struct buf resource = {0}, resource_spans = {0}, scope_spans = {0};
    for (size_t i = 0; i < LEN(attrs); i++)
        put_text_attr(&resource, 1, attrs[i][0], attrs[i][1]);
    pb_put_message(&resource_spans, 1, &resource);
    pb_put_bytes(&scope_spans, 1, STR(""));
    for (unsigned i = 0; i < spans; i++)
        put_envoy_span(&scope_spans, seed, i);
    pb_put_message(&resource_spans, 2, &scope_spans);
    pb_put_message(out, 1, &resource_spans);
    buf_deinit(&resource);
    buf_deinit(&resource_spans);
    buf_deinit(&scope_spans);
}
