/* http2_guard.c - limits against HTTP/2 floods: a frame is either useful, or paid for from a
 * bucket. */
#include "net/http2_guard.h"
#include <nghttp2/nghttp2.h>

enum {
    RESET_BURST = 200,
    RESET_PER_S = 33,
    USELESS_BURST = 1000,
    USELESS_PER_S = 100,
    WORK_TOKENS = 8,      /* grpc-go sends a PING after each answer it reads, and WINDOW_UPDATEs */
    TINY_DATA_BYTES = 16, /* smaller pieces of a message cost more to frame than to carry */
    MAX_CONTINUATIONS = 8,
    FAR_OVER = 4, /* times the largest head */
    PREFACE_BYTES = 24,
};

struct frame {
    size_t length;
    unsigned type, flags;
};

struct http2_guard http2_guard_of(size_t max_head_bytes, uint64_t now_ns)
{
    return (struct http2_guard){
        .resets = token_bucket_of(RESET_BURST, RESET_PER_S, now_ns),
        .useless = token_bucket_of(USELESS_BURST, USELESS_PER_S, now_ns),
        .max_head_bytes = max_head_bytes,
        .skip = PREFACE_BYTES,
    };
}

static const char *useless(struct http2_guard *g, uint64_t now_ns)
{
    return token_bucket_take(&g->useless, now_ns) ? NULL : "flood of frames without use";
}

static bool is_useless(const struct frame *f)
{
    switch (f->type) {
    case NGHTTP2_DATA:
        return f->length < TINY_DATA_BYTES && !(f->flags & NGHTTP2_FLAG_END_STREAM);
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION: /* counted apart */
    case NGHTTP2_RST_STREAM:   /* has a bucket of its own */
    case NGHTTP2_GOAWAY:
        return false;
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS:
        return !(f->flags & NGHTTP2_FLAG_ACK);
    default: /* PRIORITY, WINDOW_UPDATE, and what nobody knows */
        return true;
    }
}

/* A header block is HEADERS and the CONTINUATIONs behind it, bounded in bytes, frames and time. */
static const char *follow_head(struct http2_guard *g, const struct frame *f, uint64_t now_ns)
{
    if (f->type == NGHTTP2_HEADERS) {
        g->head_bytes = 0;
        g->continuations = 0;
        g->head_since_ns = now_ns;
    } else if (++g->continuations > MAX_CONTINUATIONS) {
        return "too many CONTINUATION frames";
    }
    g->head_bytes += f->length;
    return g->head_bytes > g->max_head_bytes ? "header block too large" : NULL;
}

static struct frame frame_of(const unsigned char h[9])
{
    return (struct frame){(size_t)h[0] << 16 | (size_t)h[1] << 8 | h[2], h[3], h[4]};
}

static const char *begin_frame(struct http2_guard *g, uint64_t now_ns)
{
    struct frame f = frame_of(g->header);
    g->skip = f.length;
    g->reads_padding = f.type == NGHTTP2_DATA && (f.flags & NGHTTP2_FLAG_PADDED) && f.length > 0;
    g->peer_leaves = g->peer_leaves || f.type == NGHTTP2_GOAWAY;
    if (f.type == NGHTTP2_RST_STREAM)
        return http2_guard_reset(g, now_ns);
    if (f.type == NGHTTP2_HEADERS || f.type == NGHTTP2_CONTINUATION)
        return follow_head(g, &f, now_ns);
    return is_useless(&f) ? useless(g, now_ns) : NULL;
}

/* The frame's payload is through: the next byte begins a frame header. */
static void end_frame(struct http2_guard *g)
{
    struct frame f = frame_of(g->header);
    bool is_head = f.type == NGHTTP2_HEADERS || f.type == NGHTTP2_CONTINUATION;
    if (is_head && (f.flags & NGHTTP2_FLAG_END_HEADERS))
        g->head_since_ns = 0;
    g->header_len = 0;
}

/* More padding than content is useless too. */
static const char *check_padding(struct http2_guard *g, unsigned padding, uint64_t now_ns)
{
    g->reads_padding = false;
    return padding * 2 > frame_of(g->header).length ? useless(g, now_ns) : NULL;
}

const char *http2_guard_scan(struct http2_guard *g, struct str bytes, uint64_t now_ns)
{
    const char *reason = NULL;
    for (size_t at = 0; at < bytes.len && reason == NULL;) {
        if (g->reads_padding) {
            reason = check_padding(g, (unsigned char)bytes.ptr[at], now_ns);
        } else if (g->skip) {
            size_t n = MIN(g->skip, bytes.len - at);
            g->skip -= n;
            at += n;
        } else {
            g->header[g->header_len++] = (unsigned char)bytes.ptr[at++];
            if (g->header_len == sizeof(g->header))
                reason = begin_frame(g, now_ns);
        }
        if (g->header_len == sizeof(g->header) && g->skip == 0)
            end_frame(g);
    }
    return reason;
}

const char *http2_guard_field(struct http2_guard *g, size_t bytes)
{
    g->list_bytes += bytes;
    return g->list_bytes / FAR_OVER > g->max_head_bytes ? "header list too large" : NULL;
}

const char *http2_guard_reset(struct http2_guard *g, uint64_t now_ns)
{
    return token_bucket_take(&g->resets, now_ns) ? NULL : "flood of reset streams";
}

void http2_guard_work(struct http2_guard *g)
{
    token_bucket_give(&g->useless, WORK_TOKENS);
}
