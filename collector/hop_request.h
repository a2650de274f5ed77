/* hop_request.h - one request as it is counted: who called whom, what came of it, how long it took.
 */
#ifndef WEFT_COLLECTOR_HOP_REQUEST_H
#define WEFT_COLLECTOR_HOP_REQUEST_H

#include "collector/hop_tree.h"
#include "model/cell.h"

enum code_kind { CODE_IS_NONE, CODE_IS_HTTP, CODE_IS_GRPC };
enum { REQUEST_FLAGS = 8 };

/* Ids are those of names. */
struct request {
    struct trace_id trace;
    uint64_t time_ns;        /* event time */
    uint64_t weight;         /* 2^-16 */
    uint32_t client, server; /* entities */
    uint32_t client_variant, server_variant;
    uint32_t client_owner, server_owner; /* NAMES_NONE when no span of that side came */
    /* Entities: what else the end is called, or NAMES_NONE. The callee: by its outermost span or
     * its host, and by its application. */
    uint32_t client_alias, server_aliases[2];
    struct str operation;
    enum protocol protocol;
    enum cell_view views;
    enum code_kind code_kind;
    uint32_t code;
    uint32_t flags[REQUEST_FLAGS]; /* ids of flag sets; what does not fit was said before */
    uint32_t flag_count;
    uint32_t attempts;
    uint32_t evidence; /* enum evidence bits */
    bool error, mirror, denied, end_before_start, has_client_ns, has_transit, transit_skipped;
    uint64_t client_ns, transit_ns;
    uint64_t *server_ns; /* one an attempt; borrowed from the builder until its next call */
    size_t server_count;
    uint32_t request_bytes, response_bytes; /* SIZE_NONE */
};

/* Reused from request to request. All-zero is valid. */
struct request_builder {
    VEC(uint64_t) server_ns;
};

/* Frees what the builder owns; it is empty again. */
void request_builder_deinit(struct request_builder *b);
/* What hop h of the tree looks like. False: no request (nothing is known of either end), or memory
 * is short. */
bool request_build(struct request_builder *b, const struct hop_tree *t, struct names *names,
                   const struct hop *h, struct trace_id trace, struct request *out);
/* api.md section 3, Outcome. */
bool http_code_is_error(uint32_t code);
bool grpc_code_is_error(uint32_t code);

#endif
