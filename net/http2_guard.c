/* http2_guard.c - the limits of reliability for HTTP/2: every frame is either useful, or paid for
 * from a bucket. */
#include "net/http2_guard.h"

enum {
    RESET_BURST = 200,
    RESET_PER_S = 33,
    USELESS_BURST = 1000,
    USELESS_PER_S = 100,
    WORK_TOKENS = 8,      /* grpc-go sends a PING after each answer it reads, and WINDOW_UPDATEs */
    TINY_DATA_BYTES = 16, /* smaller pieces of a message cost more to frame than to carry */
};

struct http2_guard http2_guard_of(size_t max_head_bytes, uint64_t now_ns)
{
    return (struct http2_guard){
        .resets = token_bucket_of(RESET_BURST, RESET_PER_S, now_ns),
        .useless = token_bucket_of(USELESS_BURST, USELESS_PER_S, now_ns),
        .max_head_bytes = max_head_bytes,
    };
}

static bool is_useless(const nghttp2_frame_hd *hd)
{
    switch (hd->type) {
    case NGHTTP2_DATA:
        return hd->length < TINY_DATA_BYTES && !(hd->flags & NGHTTP2_FLAG_END_STREAM);
    case NGHTTP2_HEADERS:
    case NGHTTP2_RST_STREAM: /* has a bucket of its own */
    case NGHTTP2_GOAWAY:
        return false;
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS:
        return !(hd->flags & NGHTTP2_FLAG_ACK);
    case NGHTTP2_CONTINUATION:
        return hd->length == 0;
    default: /* PRIORITY, WINDOW_UPDATE, and what nobody knows */
        return true;
    }
}

/* A header block is HEADERS and the CONTINUATIONs behind it; nghttp2 counts the frames, this counts
 * bytes and time. */
static const char *follow_head(struct http2_guard *g, const nghttp2_frame_hd *hd, uint64_t now_ns)
{
    if (hd->type == NGHTTP2_HEADERS)
        g->head_bytes = 0;
    if (hd->type == NGHTTP2_HEADERS || hd->type == NGHTTP2_CONTINUATION)
        g->head_bytes += hd->length;
    if (hd->type == NGHTTP2_HEADERS)
        g->head_since_ns = now_ns;
    else if (hd->type != NGHTTP2_CONTINUATION)
        g->head_since_ns = 0;
    return g->head_bytes > g->max_head_bytes ? "header block too large" : NULL;
}

const char *http2_guard_frame(struct http2_guard *g, const nghttp2_frame_hd *hd, uint64_t now_ns)
{
    const char *reason = follow_head(g, hd, now_ns);
    if (reason)
        return reason;
    if (hd->type == NGHTTP2_RST_STREAM)
        return http2_guard_reset(g, now_ns);
    if (is_useless(hd) && !token_bucket_take(&g->useless, now_ns))
        return "flood of frames without use";
    return NULL;
}

const char *http2_guard_data(struct http2_guard *g, const nghttp2_data *data, uint64_t now_ns)
{
    if (data->padlen * 2 > data->hd.length && !token_bucket_take(&g->useless, now_ns))
        return "flood of padding";
    return NULL;
}

const char *http2_guard_reset(struct http2_guard *g, uint64_t now_ns)
{
    return token_bucket_take(&g->resets, now_ns) ? NULL : "flood of reset streams";
}

void http2_guard_work(struct http2_guard *g)
{
    token_bucket_give(&g->useless, WORK_TOKENS);
}
