/* corpus.c - the two files of a capture: lines of JSON, and bodies one after the other. */
#include "tests/support/corpus.h"

#include "base/json_read.h"
#include "base/mem.h"
#include "codec/unpack.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zstd.h>

#define SPANS_GRPC   "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
#define SPANS_HTTP   "/v1/traces"
#define METRICS_GRPC "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
#define METRICS_HTTP "/v1/metrics"
#define WRITE_HTTP   "/api/v1/write"

const char *corpus_root(void)
{
    static const char beside[] = WEFT_SOURCE_DIR "/../shared/corpus";
    const char *named = getenv("WEFT_CORPUS");
    struct stat st;
    if (named && *named)
        return named;
    return stat(beside, &st) == 0 ? beside : NULL;
}

const char *corpus_own(void)
{
    return WEFT_SOURCE_DIR "/tests/data";
}

unsigned corpus_each_scenario(const char *root,
                              void (*each)(const char *root, const char *name, void *user),
                              void *user)
{
    unsigned count = 0;
    DIR *dir = opendir(root);
    if (!dir)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[4096];
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s/index.jsonl", root, entry->d_name);
        if (entry->d_name[0] == '.' || stat(path, &st) != 0)
            continue;
        each(root, entry->d_name, user);
        count++;
    }
    closedir(dir);
    return count;
}

struct str corpus_read_file(const char *root, const char *name, const char *file)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s/%s", root, name, file);
    FILE *f = fopen(path, "rb");
    struct buf all = {0};
    if (!f)
        return (struct str){NULL, 0};
    while (buf_reserve(&all, 65536)) {
        size_t got = fread(all.ptr + all.len, 1, 65536, f);
        all.len += got;
        if (got == 0)
            break;
    }
    fclose(f);
    buf_append_u8(&all, 0);
    struct str out;
    out.ptr = buf_take(&all, &out.len);
    out.len--;
    return out;
}

/* The bodies were packed with a window of 128 MiB, which unpack() refuses by design. */
static struct str unzstd(struct str packed)
{
    struct buf plain = {0};
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    ZSTD_inBuffer in = {packed.ptr, packed.len, 0};
    size_t left = 1;
    ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, 27);
    while (buf_reserve(&plain, 1 << 20)) {
        ZSTD_outBuffer out = {plain.ptr, plain.cap, plain.len};
        left = ZSTD_decompressStream(ctx, &out, &in);
        plain.len = out.pos;
        if (left == 0 || ZSTD_isError(left) || (in.pos == in.size && out.pos < out.size))
            break;
    }
    ZSTD_freeDCtx(ctx);
    struct str bytes = {NULL, 0};
    if (left == 0)
        bytes.ptr = buf_take(&plain, &bytes.len);
    buf_deinit(&plain);
    return bytes;
}

bool corpus_open(const char *root, const char *name, struct corpus *c)
{
    *c = (struct corpus){0};
    struct str packed = corpus_read_file(root, name, "bodies.bin.zst");
    c->index = corpus_read_file(root, name, "index.jsonl");
    c->rest = c->index;
    if (packed.ptr)
        c->bodies = unzstd(packed);
    mem_free((void *)(uintptr_t)packed.ptr);
    return c->index.ptr && c->bodies.ptr;
}

void corpus_close(struct corpus *c)
{
    mem_free((void *)(uintptr_t)c->index.ptr);
    mem_free((void *)(uintptr_t)c->bodies.ptr);
    arena_deinit(&c->arena);
}

/* What a line of the index says. */
struct line {
    struct str path, transport, content_type, content_encoding, grpc_encoding;
    uint64_t off, len;
    bool cut;
};

static void read_headers(struct json_reader *r, struct line *l)
{
    while (json_next(r) == JSON_KEY) {
        struct str key = r->text;
        json_next(r);
        if (str_eq(key, STR("content-type")))
            l->content_type = r->text;
        else if (str_eq(key, STR("content-encoding")))
            l->content_encoding = r->text;
        else if (str_eq(key, STR("grpc-encoding")))
            l->grpc_encoding = r->text;
    }
}

static void read_member(struct json_reader *r, struct line *l)
{
    struct str key = r->text;
    enum json_token token;
    if (str_eq(key, STR("messages"))) {
        json_skip(r);
        return;
    }
    token = json_next(r);
    if (token == JSON_OBJECT_BEGIN && str_eq(key, STR("headers")))
        read_headers(r, l);
    else if (token == JSON_OBJECT_BEGIN || token == JSON_ARRAY_BEGIN)
        json_skip(r);
    else if (str_eq(key, STR("path")))
        l->path = r->text;
    else if (str_eq(key, STR("transport")))
        l->transport = r->text;
    else if (str_eq(key, STR("off")))
        str_to_u64(r->text, &l->off);
    else if (str_eq(key, STR("len")))
        str_to_u64(r->text, &l->len);
    else if (str_eq(key, STR("cut")))
        l->cut = token != JSON_FALSE;
}

static bool is_json(struct str content_type)
{
    return str_starts_with(content_type, STR("application/json"));
}

/* The paths of a kind of request. */
struct wanted {
    const char *grpc, *http;
};

static const struct wanted spans = {SPANS_GRPC, SPANS_HTTP};
static const struct wanted metrics = {METRICS_GRPC, METRICS_HTTP};
static const struct wanted writes = {NULL, WRITE_HTTP};

static bool is_path(struct str path, const char *wanted)
{
    return wanted && str_eq(path, str_from_c(wanted));
}

static enum batch_encoding encoding_of(const struct line *l, const struct wanted *wanted)
{
    if (wanted != &writes)
        return is_json(l->content_type) ? ENCODING_JSON : ENCODING_PROTOBUF;
    bool second = str_search(l->content_type, STR("write.v2")) < l->content_type.len;
    return second ? ENCODING_REMOTE_WRITE_2 : ENCODING_REMOTE_WRITE_1;
}

/* False: not a whole request of this kind. */
static bool understand(const struct line *l, struct str body, const struct wanted *wanted,
                       struct corpus_request *out)
{
    bool grpc = is_path(l->path, wanted->grpc);
    if (l->cut || !(grpc || is_path(l->path, wanted->http)))
        return false;
    *out = (struct corpus_request){.path = l->path, .body = body, .encoding = ENCODING_PROTOBUF};
    if (!grpc) {
        out->encoding = encoding_of(l, wanted);
        return unpack_from_http(l->content_encoding, &out->compression);
    }
    if (body.len < 5)
        return false;
    out->body = str_sub(body, 5, body.len);
    return body.ptr[0] == 0 || unpack_from_grpc(l->grpc_encoding, &out->compression);
}

static bool next_request(struct corpus *c, const struct wanted *const *wanted, size_t count,
                         struct corpus_request *out)
{
    while (c->rest.len > 0) {
        struct str text;
        struct line l = {.off = 0};
        struct json_reader r;
        str_cut(c->rest, '\n', &text, &c->rest);
        json_reader_init(&r, text, &c->arena, 16);
        if (json_next(&r) != JSON_OBJECT_BEGIN)
            continue;
        while (json_next(&r) == JSON_KEY)
            read_member(&r, &l);
        for (size_t i = 0; i < count; i++)
            if (understand(&l, str_sub(c->bodies, l.off, l.off + l.len), wanted[i], out))
                return true;
    }
    return false;
}

bool corpus_next_spans(struct corpus *c, struct corpus_request *out)
{
    static const struct wanted *const wanted[] = {&spans};
    return next_request(c, wanted, LEN(wanted), out);
}

bool corpus_next_metrics(struct corpus *c, struct corpus_request *out)
{
    static const struct wanted *const wanted[] = {&metrics, &writes};
    return next_request(c, wanted, LEN(wanted), out);
}

struct batch *corpus_batch(const struct corpus_request *request)
{
    struct batch *b = batch_new();
    struct err e;
    char *copy = mem_alloc(MAX(request->body.len, (size_t)1));
    memcpy(copy, request->body.ptr, request->body.len);
    b->body = b->plain = (struct str){copy, request->body.len};
    b->encoding = request->encoding;
    b->compression = request->compression;
    if (b->compression != COMPRESSION_NONE &&
        unpack(b->compression, b->body, 64 * MIB, &b->plain, &e) != ST_OK) {
        fprintf(stderr, "corpus: %s\n", e.msg);
        batch_free(b);
        return NULL;
    }
    return b;
}
