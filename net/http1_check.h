/* http1_check.h - what libmicrohttpd 0.9.75 lets through and must not reach a handler: request
 * smuggling, odd paths, limits. */
#ifndef WEFT_NET_HTTP1_CHECK_H
#define WEFT_NET_HTTP1_CHECK_H

#include "net/fields.h"
#include "net/net_stats.h"
#include "base/err.h"

/* What is refused, and how; a protocol error has no row in status_wire. */
struct http1_fault {
    unsigned http;        /* 400, 414, 431, 501, 505; 0 = none */
    const char *sentence; /* static storage */
};

/* What was refused, in the counter of its kind. */
static inline void http1_count_fault(struct net_stats *stats, struct http1_fault fault)
{
    bool large = fault.http == 414 || fault.http == 431;
    stat_add(large ? &stats->large_heads : &stats->protocol_errors);
}

/* A whole request head. `uri` as sent, with the query. */
struct http1_fault http1_check_head(const struct fields *fields, struct str version, struct str uri,
                                    uint32_t header_list_bytes);
enum {
    HTTP1_HEAD_BYTES = 12 * KIB, /* of a whole request head; with MAX_FIELDS it fits MHD's pool */
    HTTP1_MAX_FIELDS = 100,
};

/* The head as it lies in the socket, as much as is there: bare LF, NUL and folded lines are visible
 * here only, and what is too large is answered in our own words. */
struct http1_fault http1_check_raw(struct str head);

/* Of the target alone: more parameters than libmicrohttpd can keep, whatever else the head has. */
struct http1_fault http1_check_target(struct str target);

#endif
