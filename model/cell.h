/* cell.h - what is kept of the requests of one row in one tile of time; see docs/architecture.md,
 * cells. */
#ifndef WEFT_MODEL_CELL_H
#define WEFT_MODEL_CELL_H

#include "model/entity.h"
#include "model/histogram.h"
#include "model/trace_id.h"

/* Which pictures a row belongs to (api.md, view=): joined through middle proxies, every proxy a
 * node, or both. Stored. */
enum cell_view { VIEW_MESH = 1, VIEW_RAW = 2, VIEW_BOTH = 3 };

/* Who saw it. Stored: never renumber. */
enum evidence {
    EVIDENCE_CLIENT_SPAN = 1,
    EVIDENCE_SERVER_SPAN = 2,
    EVIDENCE_CLIENT_LOG = 4,
    EVIDENCE_SERVER_LOG = 8,
    EVIDENCE_METRIC = 16,
};

/* A row: an edge total (is_total, the fields below `protocol` empty), or one joint key of that
 * edge. Strings borrowed. */
struct cell_row {
    struct entity client, server;
    enum protocol protocol;
    enum cell_view views;
    bool is_total;
    struct variant client_variant, server_variant;
    struct str operation;
    /* "200", "0", "grpc:14", "" when the request carried none; with ROW_CODE_FAILED behind it when
     * the requests failed although it does not say so. Stored. */
    struct str code;
};

#define ROW_CODE_FAILED STR("!")

/* What the requests of the row carried: its code without the mark. Borrowed from the row. */
struct str cell_row_code(const struct cell_row *row);

/* A weighted count under a name: an HTTP code ("200"), a gRPC code ("14"), a flag ("UF"). */
struct cell_tally {
    uint32_t name;   /* id in the owner's intern table */
    uint64_t weight; /* 2^-16 */
};

struct cell_tallies {
    struct cell_tally *items; /* owned, unordered, names distinct */
    uint32_t len, cap;
};

struct exemplar {
    struct trace_id trace;
    uint64_t time_ns, latency_ns;
    bool error;
};

enum {
    CELL_EXEMPLARS = 4
}; /* 2 slowest and 2 slowest failing, ties by trace id: a function of the set, not of its order */

/* All-zero is a valid empty cell. Weights are 2^-16. Joint cells leave the tallies, evidence and
 * exemplars empty. */
struct cell {
    uint64_t observed; /* requests seen, each 1 */
    uint64_t weight;   /* estimated requests */
    u128 variance;     /* sum of w*(w-1), 2^-32; 0 when nobody sampled */
    uint64_t errors, attempts, retried, denied, transit_skipped, end_before_start; /* weights */
    uint64_t request_bytes, response_bytes; /* weighted sums, bytes */
    uint64_t request_sized, response_sized; /* weight of the requests that told their size */
    uint32_t evidence;                      /* enum evidence bits */
    struct histogram client, server, transit;
    struct cell_tallies codes, grpc_codes, flags;
    struct exemplar exemplars[CELL_EXEMPLARS];
    uint32_t exemplar_count;
};

/* Frees what the cell owns; it is empty again. */
void cell_deinit(struct cell *c);
/* Empties and keeps the memory. */
void cell_reset(struct cell *c);
/* Adds the plain numbers: no histogram, tally or exemplar. */
void cell_add_counts(struct cell *to, const struct cell *from);
/* False when memory is short. */
bool cell_tally_add(struct cell_tallies *t, uint32_t name, uint64_t weight) NODISCARD;
/* Keeps the best CELL_EXEMPLARS of those offered. */
void cell_offer_exemplar(struct cell *c, const struct exemplar *x);
/* False when memory is short: `to` is then only good for cell_deinit(). Adds `from` into `to`; name
 * ids of both must come from one intern table, or `map` translates from's. Exact, order-free. */
bool cell_merge(struct cell *to, const struct cell *from,
                uint32_t (*map)(uint32_t name, void *user), void *user) NODISCARD;

#endif
