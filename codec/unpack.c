/* unpack.c - which compression by which name, and the output that all of them share. */
#include "codec/unpack.h"

#include "base/mem.h"
#include "codec/unpack_format.h"

enum status unpack_too_big(const struct unpack_job *job)
{
    return err_set(job->err, ST_TOO_BIG, "the body unpacks to more than the limit of %zu bytes",
                   job->max);
}

enum status unpack_room(struct unpack_job *job, size_t want)
{
    if (job->len > job->max)
        return unpack_too_big(job);
    size_t most = job->max + 1 - job->len;
    if (want < 1)
        want = 1;
    if (job->cap - job->len >= MIN(want, most))
        return ST_OK;
    size_t cap = job->len + MIN(MAX(want, job->cap), most);
    if (job->payer && !arena_hold(job->payer, cap - job->cap))
        return budget_is_used_up(job->err);
    char *out = mem_realloc(job->out, cap);
    if (!out)
        return err_set(job->err, ST_NO_MEMORY, "out of memory while unpacking a body");
    job->out = out;
    job->cap = cap;
    return ST_OK;
}

static enum status run(enum batch_compression how, struct unpack_job *job)
{
    switch (how) {
    case COMPRESSION_GZIP:
        return unpack_gzip(job);
    case COMPRESSION_ZLIB:
        return unpack_zlib(job);
    case COMPRESSION_ZSTD:
        return unpack_zstd(job);
    case COMPRESSION_SNAPPY_BLOCK:
        return unpack_snappy_block(job);
    case COMPRESSION_SNAPPY_FRAMED:
        return unpack_snappy_framed(job);
    case COMPRESSION_LZ4_FRAME:
        return unpack_lz4(job);
    case COMPRESSION_NONE:
        break;
    }
    return err_set(job->err, ST_INTERNAL, "compression %d cannot be unpacked", (int)how);
}

static void give_back(const struct unpack_job *job, size_t bytes)
{
    if (job->payer)
        arena_let_go(job->payer, bytes);
}

/* What growing left over goes back when it is a good part of the whole. */
static void trim(struct unpack_job *job)
{
    if (job->len == 0 || job->cap - job->len < job->len / 4)
        return;
    char *fit = mem_realloc(job->out, job->len);
    if (!fit)
        return;
    give_back(job, job->cap - job->len);
    job->out = fit;
    job->cap = job->len;
}

enum status unpack(enum batch_compression how, struct str in, size_t max_bytes, struct str *out,
                   struct err *e)
{
    return unpack_paid(how, in, max_bytes, NULL, out, e);
}

enum status unpack_paid(enum batch_compression how, struct str in, size_t max_bytes,
                        struct arena *payer, struct str *out, struct err *e)
{
    struct unpack_job job = {
        .in = in, .max = MIN(max_bytes, SIZE_MAX - 1), .payer = payer, .err = e};
    enum status status = run(how, &job);
    if (status == ST_OK && job.len > job.max)
        status = unpack_too_big(&job);
    if (status != ST_OK) {
        mem_free(job.out);
        give_back(&job, job.cap);
        return status;
    }
    trim(&job);
    *out = (struct str){job.out, job.len};
    return ST_OK;
}

struct token {
    struct str name;
    enum batch_compression compression;
};

static bool find_token(const struct token *tokens, size_t count, struct str name,
                       enum batch_compression *out)
{
    name = str_trim(name);
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(tokens[i].name, name)) {
            *out = tokens[i].compression;
            return true;
        }
    }
    return false;
}

#define TOKEN(name, compression)                                                                   \
    {                                                                                              \
        {name, sizeof(name) - 1}, compression                                                      \
    }

bool unpack_from_http(struct str token, enum batch_compression *out)
{
    static const struct token tokens[] = {
        TOKEN("", COMPRESSION_NONE),
        TOKEN("identity", COMPRESSION_NONE),
        TOKEN("gzip", COMPRESSION_GZIP),
        TOKEN("x-gzip", COMPRESSION_GZIP),
        TOKEN("zstd", COMPRESSION_ZSTD),
        TOKEN("deflate", COMPRESSION_ZLIB),
        TOKEN("zlib", COMPRESSION_ZLIB),
        TOKEN("snappy", COMPRESSION_SNAPPY_BLOCK),
        TOKEN("x-snappy-framed", COMPRESSION_SNAPPY_FRAMED),
        TOKEN("lz4", COMPRESSION_LZ4_FRAME),
    };
    return find_token(tokens, LEN(tokens), token, out);
}

bool unpack_from_grpc(struct str token, enum batch_compression *out)
{
    static const struct token tokens[] = {
        TOKEN("", COMPRESSION_NONE),
        TOKEN("identity", COMPRESSION_NONE),
        TOKEN("gzip", COMPRESSION_GZIP),
        TOKEN("zstd", COMPRESSION_ZSTD),
        TOKEN("snappy", COMPRESSION_SNAPPY_FRAMED),
    };
    return find_token(tokens, LEN(tokens), token, out);
}
