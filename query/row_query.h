/* row_query.h - an edge_query whose groups are named: which nodes, protocol, versions, operation
 * and code a sum is of. */
#ifndef WEFT_QUERY_ROW_QUERY_H
#define WEFT_QUERY_ROW_QUERY_H

#include "base/map64.h"
#include "query/node_table.h"
#include "query/query_budget.h"
#include "storage/edge_spans.h"
#include "storage/edge_stretches.h"

/* What is told apart; everything else is added up. */
enum row_dim {
    DIM_CLIENT = 1,
    DIM_SERVER = 2,
    DIM_PROTOCOL = 4,
    DIM_CLIENT_VERSION = 8,
    DIM_SERVER_VERSION = 16,
    DIM_OPERATION = 32,
    DIM_CODE = 64,
    DIM_OUTCOME = 128, /* the code as the row has it, so of one outcome */
    DIM_PAIR = DIM_CLIENT | DIM_SERVER | DIM_PROTOCOL,
};

/* Of a group: numbers of nodes and of words; 0 where the dimension was not asked for. */
struct row_key {
    uint32_t client, server;
    uint32_t protocol; /* enum protocol */
    uint32_t client_version, server_version, operation, code;
};

/* Which rows count. All-zero takes all of them. */
struct row_filter {
    unsigned client_flags, server_flags; /* enum node_flag bits an end must have */
    unsigned either_flags;               /* bits that one of both ends must have */
    const struct map64 *pairs;           /* row_pair()s to look at; NULL = any. Borrowed */
    const struct str *version;           /* of the server; NULL = any. Borrowed */
    const struct str *operation;         /* NULL = any. Borrowed */
};

struct row_query {
    const struct edge_view *view;
    struct node_table *nodes; /* grows by what the rows name */
    struct intern *words;     /* versions, operations, codes; grows */
    uint64_t start_s, end_s;
    uint32_t step_s;
    bool joint;
    bool without_sums; /* of histograms: edge_store.h */
    unsigned sections, dims;
    enum cell_view picture;
    struct row_filter filter;
    struct query_budget
        *budget;          /* borrowed, until what is summed has ended, too; NULL: no limits */
    uint64_t max_points;  /* 0 = POINTS_MAX */
    const int32_t *apart; /* as edge_query's. Borrowed */
    size_t apart_count;
};

/* Client and server as one number, for map64. */
static inline uint64_t row_pair(uint32_t client, uint32_t server)
{
    return (uint64_t)client << 32 | server;
}

/* All-zero is valid and empty. */
struct row_sums {
    struct edge_result result;   /* series i belongs to key i; may be empty */
    struct intern *keys;         /* owned */
    struct query_budget *budget; /* borrowed, may be NULL: counts what the result holds */
};

enum { POINTS_MAX = 400000 };

/* Any thread. ST_QUERY when there would be more than max_points, ST_NO_MEMORY, errors of the
 * budget. The caller ends *out (also on error) with row_sums_deinit. */
enum status row_query_run(const struct row_query *q, struct row_sums *out, struct err *e);
void row_sums_deinit(struct row_sums *s);

/* As row_query_run() over the same range, but by step and point by point, in order of time: what is
 * too much to hold at once. `series` is that of *sums, which was filled without a step. The cell is
 * borrowed for the call. */
typedef enum status (*row_point_fn)(uint32_t series, uint64_t time_s, const struct cell *cell,
                                    void *user, struct err *e);
enum status row_query_points(const struct row_query *q, struct row_sums *sums, row_point_fn point,
                             void *user, struct err *e);
/* Of which quantiles are asked. Borrowed. */
struct row_quantiles {
    const double *q;
    size_t count;            /* at most EDGE_QUANTILES_MAX */
    const uint32_t *line_of; /* series are added up that have the same line (dense from 0);
                                UINT32_MAX: left out */
};
/* The same of quantiles of the side in q->sections alone, by line, and only when something was
 * observed. */
typedef enum status (*row_quantiles_fn)(uint32_t line, uint64_t time_s, uint64_t weight,
                                        const double *ns, void *user, struct err *e);
enum status row_query_quantiles(const struct row_query *q, struct row_sums *sums,
                                const struct row_quantiles *asked, row_quantiles_fn give,
                                void *user, struct err *e);
/* As row_query_points() of spans within the range: `time_s` is the number of the span. Damaged
 * blocks are added to *lost. */
enum status row_query_spans(const struct row_query *q, struct row_sums *sums,
                            const struct edge_span *spans, uint32_t count, row_point_fn point,
                            void *user, uint64_t *lost, struct err *e);
/* When there was traffic, by the series of *sums; as edge_stretches_run(). */
enum status row_query_stretches(const struct row_query *q, struct row_sums *sums, uint64_t gap_s,
                                struct edge_stretches *out, struct err *e);
struct row_key row_sums_key(const struct row_sums *s, uint32_t series);

/* Adds the points of `from` into `to`, step by step; both from one result. `from` is empty
 * afterwards. */
bool edge_series_join(struct edge_series *to, struct edge_series *from) NODISCARD;

#endif
