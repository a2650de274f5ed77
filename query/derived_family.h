/* derived_family.h - the metrics that are made of edges: their names, where they come from, their
 * labels. Names and labels are those of Tempo's metrics generator (traces_service_graph_*,
 * traces_spanmetrics_*), of the OpenTelemetry Collector's connector (traces_span_metrics_*) and
 * weft's own. Private to query/. */
#ifndef WEFT_QUERY_DERIVED_FAMILY_H
#define WEFT_QUERY_DERIVED_FAMILY_H

#include "model/cell.h"
#include "model/label_matcher.h"
#include "model/metric_batch.h"
#include "query/node_table.h"

/* What a sample counts. */
enum derived_shape {
    SHAPE_REQUESTS,
    SHAPE_ERRORS,
    SHAPE_ATTEMPTS,
    SHAPE_REQUEST_BYTES,
    SHAPE_RESPONSE_BYTES,
    SHAPE_INFO,    /* a gauge that is 1 */
    SHAPE_LATENCY, /* NAME_bucket, NAME_sum, NAME_count; or NAME as a native histogram */
};

/* Which rows of edges, under which labels. */
enum derived_rows {
    ROWS_GRAPH, /* pairs of services: client, server by bare name */
    ROWS_SPANS, /* operations: one series for the side that served, one for the side that called */
    ROWS_EDGES, /* weft's own: ids, protocol and versions */
    ROWS_COUNT,
};

enum derived_side { SIDE_CLIENT, SIDE_SERVER, SIDE_TRANSIT, SIDE_OWN /* of the span's kind */ };

struct derived_family {
    const char *name, *help;
    enum derived_shape shape;
    enum derived_rows rows;
    enum derived_side side; /* SHAPE_LATENCY */
    bool milliseconds;      /* else seconds */
    bool native;            /* a native histogram whatever the settings say */
    const char *service;    /* ROWS_SPANS: the name of the label that names the service */
};

extern const struct derived_family derived_families[];
extern const size_t derived_family_count;

/* One row of edges, whatever made it: what labels are made of. */
struct derived_row {
    const struct node *client, *server; /* NULL: not told apart */
    enum protocol protocol;
    struct str client_version, server_version, operation;
    bool is_server, is_error; /* ROWS_SPANS */
};

enum { DERIVED_LABELS_MAX = 10 };

/* Labels of the family's series for the row, without __name__ and le, unsorted; their number. `out`
 * has DERIVED_LABELS_MAX places. Strings are borrowed from the row or static. 0: it has no such
 * series. */
uint32_t derived_labels(const struct derived_family *f, const struct derived_row *row,
                        struct label *out);
/* As /api/v1/metadata says it. */
enum metric_type derived_type(const struct derived_family *f);

#endif
