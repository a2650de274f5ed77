/* http_answer.c - what every HTTP answer has in common. */
#include "net/http_answer.h"
#include "net/grpc_text.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/status_wire.h"
#include <libdeflate.h>
#include <microhttpd.h>
#include <zstd.h>

enum { PACKED_MIN_BYTES = 1024, COUNTED_MIN_BYTES = 4096, GZIP_LEVEL = 3, ZSTD_LEVEL = 1 };

double http_coding_weight(struct str accept, struct str coding)
{
    while (accept.len) {
        struct str item, token, parameters, q, value;
        str_cut(accept, ',', &item, &accept);
        str_cut(item, ';', &token, &parameters);
        if (!str_eq_nocase(str_trim(token), coding))
            continue;
        double weight;
        bool has_q = str_cut(parameters, '=', &q, &value) && str_eq_nocase(str_trim(q), STR("q"));
        return has_q && str_to_double(str_trim(value), &weight) ? weight : 1;
    }
    return 0;
}

static bool is_text(const char *content_type)
{
    static const char *const kinds[] = {"text/", "application/json", "application/javascript",
                                        "image/svg+xml", "application/openmetrics-text"};
    for (size_t i = 0; i < LEN(kinds); i++) {
        if (str_starts_with(str_from_c(content_type), str_from_c(kinds[i])))
            return true;
    }
    return false;
}

static bool has_header(const struct http_response *r, const char *name)
{
    for (size_t i = 0; i < LEN(r->headers) && r->headers[i].name; i++) {
        if (str_eq_nocase(str_from_c(r->headers[i].name), str_from_c(name)))
            return true;
    }
    return false;
}

static bool may_compress(const struct http_response *r)
{
    return r->body.len >= PACKED_MIN_BYTES && r->content_type && is_text(r->content_type) &&
           !has_header(r, "Content-Encoding");
}

/* Both give the bytes written, 0 when they do not fit. */
static size_t pack_gzip(const struct buf *body, void *to)
{
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(GZIP_LEVEL);
    if (c == NULL)
        return 0;
    size_t len = libdeflate_gzip_compress(c, body->ptr, body->len, to, body->len);
    libdeflate_free_compressor(c);
    return len;
}

static size_t pack_zstd(const struct buf *body, void *to)
{
    size_t len = ZSTD_compress(to, body->len, body->ptr, body->len, ZSTD_LEVEL);
    return ZSTD_isError(len) ? 0 : len;
}

/* Replaces the body by a packed form when one is wanted and smaller; otherwise leaves it. Returns
 * the coding, or NULL. */
static const char *compress_body(struct str accept, struct buf *body)
{
    double zstd = http_coding_weight(accept, STR("zstd"));
    double gzip = http_coding_weight(accept, STR("gzip"));
    struct buf packed = {0};
    if (!(zstd > 0 || gzip > 0) || !buf_reserve(&packed, body->len))
        return NULL;
    packed.len = zstd >= gzip ? pack_zstd(body, packed.ptr) : pack_gzip(body, packed.ptr);
    if (packed.len == 0) {
        buf_deinit(&packed);
        return NULL;
    }
    buf_deinit(body);
    char *fitting = mem_realloc(packed.ptr, packed.len);
    *body = (struct buf){.ptr = fitting ? fitting : packed.ptr, .len = packed.len};
    return zstd >= gzip ? "zstd" : "gzip";
}

/* The same, while the budget has room for what that takes beside the body. */
static const char *compress_paid(struct str accept, struct buf *body, struct budget *budget)
{
    size_t bytes = body->len;
    if (!budget)
        return compress_body(accept, body);
    if (!budget_take(budget, bytes, 100))
        return NULL;
    const char *coding = compress_body(accept, body);
    budget_give(budget, bytes);
    return coding;
}

static void add_fields(struct MHD_Response *m, const struct http_response *r)
{
    MHD_add_response_header(m, "X-Content-Type-Options", "nosniff");
    if (r->content_type)
        MHD_add_response_header(m, "Content-Type", r->content_type);
    for (size_t i = 0; i < LEN(r->headers) && r->headers[i].name; i++)
        MHD_add_response_header(m, r->headers[i].name, r->headers[i].value);
}

/* A body that a slow reader may make last. */
struct held_body {
    struct budget *budget;
    size_t charged;
    char *bytes; /* owned */
};

static void free_held(void *user)
{
    struct held_body *held = user;
    budget_give(held->budget, held->charged);
    mem_free(held->bytes);
    mem_free(held);
}

/* Small bodies do not count: a connection's own memory is larger. Takes over the bytes. */
static struct MHD_Response *response_of(char *bytes, size_t len, size_t cap, struct budget *budget)
{
    if (!bytes)
        return MHD_create_response_from_buffer_with_free_callback(0, NULL, NULL);
    if (!budget || cap < COUNTED_MIN_BYTES)
        return MHD_create_response_from_buffer_with_free_callback(len, bytes, mem_free);
    struct held_body *held = mem_alloc(sizeof(*held));
    if (!held)
        return NULL;
    *held = (struct held_body){budget, cap, bytes};
    struct MHD_Response *m =
        MHD_create_response_from_buffer_with_free_callback_cls(len, bytes, free_held, held);
    if (m)
        budget_force(budget, cap);
    else
        mem_free(held);
    return m;
}

struct MHD_Response *http_answer_build(const struct fields *request, struct budget *budget,
                                       struct http_response *r)
{
    bool varies = may_compress(r);
    struct str accept = fields_find(request, STR("accept-encoding"));
    const char *coding = varies ? compress_paid(accept, &r->body, budget) : NULL;
    size_t len, cap = MAX(r->body.cap, r->body.len);
    char *bytes = buf_take(&r->body, &len);
    struct MHD_Response *m = response_of(bytes, len, cap, budget);
    if (m == NULL) {
        mem_free(bytes);
        return NULL;
    }
    add_fields(m, r);
    if (varies)
        MHD_add_response_header(m, "Vary", "Accept-Encoding");
    if (coding)
        MHD_add_response_header(m, "Content-Encoding", coding);
    return m;
}

/* --- libmicrohttpd's own answers --- */

/* What cannot be read as HTTP (a malformed or too long line, chunk or trailer) libmicrohttpd
 * answers without asking, with an HTML page that it makes by the public functions below; being
 * defined here, they are linked in place of its own, and the sentence is ours. None for a wrong
 * Content-Length: 0.9.75 would send its head twice, so that the connection only closes. */
static struct MHD_Response *unreadable(struct str page)
{
    static char sentence[] = "not HTTP: a line or a chunk is malformed, or too long\n";
    if (memmem(page.ptr, page.len, "Content-Length", strlen("Content-Length")))
        return NULL;
    struct MHD_Response *m =
        MHD_create_response_from_buffer_with_free_callback(sizeof(sentence) - 1, sentence, NULL);
    if (m)
        add_fields(m, &(struct http_response){.content_type = "text/plain; charset=utf-8"});
    return m;
}

struct MHD_Response *MHD_create_response_from_buffer(size_t len, void *page,
                                                     enum MHD_ResponseMemoryMode mode)
{
    (void)mode;
    return unreadable((struct str){page, len});
}

#if MHD_VERSION >= 0x00097701
struct MHD_Response *MHD_create_response_from_buffer_static(size_t len, const void *page)
{
    return unreadable((struct str){page, len});
}
#endif

/* --- errors in net's own name --- */

static void otlp_body(const struct fields *request, const struct err *e, struct http_response *r)
{
    struct str type = fields_find(request, STR("content-type"));
    unsigned code = status_wire_get(e->status)->grpc;
    if (str_starts_with(type, STR("application/x-protobuf"))) {
        r->content_type = "application/x-protobuf";
        grpc_status_encode(&r->body, code, str_from_c(e->msg), 0);
        return;
    }
    struct json_writer w = json_writer_of(&r->body);
    r->content_type = "application/json";
    json_object_begin(&w);
    JSON_U64(&w, "code", code);
    JSON_STR(&w, "message", str_from_c(e->msg));
    json_object_end(&w);
}

static void api_body(const struct err *e, struct http_response *r)
{
    struct json_writer w = json_writer_of(&r->body);
    r->content_type = "application/json";
    json_object_begin(&w);
    JSON_STR(&w, "status", STR("error"));
    JSON_STR(&w, "error_type", str_from_c(status_wire_get(e->status)->api_type));
    JSON_STR(&w, "error", str_from_c(e->msg));
    json_object_end(&w);
}

void http_answer_error(const struct fields *request, enum port_kind port, unsigned http,
                       const struct err *e, struct http_response *r)
{
    const struct status_wire *wire = status_wire_get(e->status);
    *r = (struct http_response){.status = http ? http : wire->http};
    if (wire->retryable)
        r->headers[0] = (struct http_header){"Retry-After", "1"};
    if (port == PORT_OTLP_HTTP)
        otlp_body(request, e, r);
    else
        api_body(e, r);
}
