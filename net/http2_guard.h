/* http2_guard.h - what one HTTP/2 peer may do that is of no use, and how often. */
#ifndef WEFT_NET_HTTP2_GUARD_H
#define WEFT_NET_HTTP2_GUARD_H

#include "net/token_bucket.h"
#include <nghttp2/nghttp2.h>

/* One a connection. Each check returns NULL, or the reason for closing the connection (static
 * storage). */
struct http2_guard {
    struct token_bucket
        resets; /* streams reset, by the peer or because of it (CVE-2023-44487, CVE-2025-8671) */
    struct token_bucket useless; /* frames that carry nothing (CVE-2019-9512 to 9518) */
    uint64_t head_since_ns;      /* a header block is open since; 0 = none */
    size_t head_bytes, max_head_bytes;
};

struct http2_guard http2_guard_of(size_t max_head_bytes, uint64_t now_ns);
/* A frame header arrived. */
const char *http2_guard_frame(struct http2_guard *g, const nghttp2_frame_hd *hd, uint64_t now_ns);
/* A whole frame arrived: more padding than content is useless too. */
const char *http2_guard_data(struct http2_guard *g, const nghttp2_data *data, uint64_t now_ns);
/* We had to reset a stream. */
const char *http2_guard_reset(struct http2_guard *g, uint64_t now_ns);
/* A whole message came: pays for the PINGs and WINDOW_UPDATEs that honest clients send along with
 * it. */
void http2_guard_work(struct http2_guard *g);

#endif
