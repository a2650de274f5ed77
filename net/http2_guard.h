/* http2_guard.h - what one HTTP/2 peer may do that is of no use, and how often. */
#ifndef WEFT_NET_HTTP2_GUARD_H
#define WEFT_NET_HTTP2_GUARD_H

#include "net/token_bucket.h"
#include "base/str.h"

/* One a connection. It follows the frames by itself, before nghttp2 sees them: nghttp2 tells
 * nothing about frames of unknown types or for closed streams. Each check returns NULL, or why the
 * connection is to be closed (static storage). */
struct http2_guard {
    struct token_bucket
        resets; /* streams reset, by the peer or because of it (CVE-2023-44487, CVE-2025-8671) */
    struct token_bucket useless; /* frames that carry nothing (CVE-2019-9512 to 9518) */
    uint64_t head_since_ns;      /* a header block is open since; 0 = none */
    size_t head_bytes, max_head_bytes;
    size_t list_bytes; /* what the block unpacked to so far; 0 when one begins */
    unsigned continuations;
    bool peer_leaves; /* it sent GOAWAY */

    size_t skip;             /* bytes until the next frame header (or the padding length) */
    unsigned char header[9]; /* of the frame in work */
    unsigned header_len;
    bool reads_padding; /* the next byte is the padding length of a DATA frame */
};

/* A guard with full buckets that waits for the connection preface. */
struct http2_guard http2_guard_of(size_t max_head_bytes, uint64_t now_ns);
/* Bytes as they come from the peer, from the connection preface on. */
const char *http2_guard_scan(struct http2_guard *g, struct str bytes, uint64_t now_ns);
/* A field of `bytes` was unpacked, which a byte of the block may name again and again: somewhat
 * over the limit is a call to be refused, far over it nobody goes on unpacking. */
const char *http2_guard_field(struct http2_guard *g, size_t bytes);
/* We had to reset a stream. */
const char *http2_guard_reset(struct http2_guard *g, uint64_t now_ns);
/* A whole message came: pays for the PINGs and WINDOW_UPDATEs that honest clients send along with
 * it. */
void http2_guard_work(struct http2_guard *g);

#endif
