/* query.h - questions to answers on port 9600: own API, /metrics, health, the web UI. Reads storage
 * only. */
#ifndef WEFT_QUERY_QUERY_H
#define WEFT_QUERY_QUERY_H

#include "model/account.h"
#include "model/decode_stats.h"
#include "model/limits.h"
#include "model/derived_settings.h"
#include "model/remote_stats.h"
#include "model/senders.h"
#include "net/server.h"
#include "storage/edge_store.h"
#include "storage/journal.h"
#include "storage/series_store.h"

struct query;

/* What the pipeline has open and what it had to cut; as collector_stats. */
struct pipeline_stats {
    uint64_t open_hops, open_traces, open_spans, open_bytes, closed_requests;
    uint64_t overflow_edges, overflow_operations, overflow_versions, end_before_start, closed_early;
};

/* What only app can do or know; every pointer may be NULL (then the path answers 404). */
struct query_hooks {
    enum status (*flush)(void *user, struct err *e);   /* blocks until nothing is pending */
    enum status (*compact)(void *user, struct err *e); /* blocks until done */
    /* What the collector knows goes to the disk; blocks until done. */
    enum status (*checkpoint)(void *user, struct err *e);
    enum status (*reload)(void *user, struct err *e);
    bool (*ready)(void *user, const char **reason);
    void (*net_counters)(void *user, struct net_counters *out);
    void (*journal_stats)(void *user, struct journal_stats *out);
    void (*offenders_json)(void *user, struct buf *out);
    void (*pipeline_stats)(void *user, struct pipeline_stats *out);
    void (*decode_stats)(void *user, struct decode_stats *out);
    /* Bound addresses of the OTLP listeners, for the page that tells people where to send. */
    void (*listening)(void *user, const char **otlp_grpc, const char **otlp_http);
    /* Receivers of remote write: at most `cap`, and how many. */
    uint32_t (*remote_write)(void *user, struct remote_stats *out, uint32_t cap);
    void *user;
};

enum { REMOTE_STATS_MAX = 16 };

struct query_config {
    struct store *store;         /* borrowed */
    struct account *account;     /* borrowed */
    struct senders *senders;     /* borrowed */
    struct series_store *series; /* borrowed; NULL: nothing for PromQL to ask about */
    struct graph_settings graph;
    struct derived_settings derived;
    struct retention retention; /* told in /api/v1/status */
    bool admin;                 /* /-/flush, /-/compact, /api/v1/admin */
    unsigned threads;           /* pool; 0 = 3 */
    size_t query_bytes;         /* most memory that one question may hold; 0 = 64 MiB */
    struct budget *budget;      /* borrowed; what questions hold is taken from it; NULL: none */
    uint64_t started_wall_ns;
    struct query_hooks hooks;
};

/* Starts the pool. *config is copied, what it points to is borrowed. ST_NO_MEMORY, ST_IO. The
 * caller ends *out with query_free(). */
enum status query_new(const struct query_config *config, struct query **out, struct err *e);
/* Health thresholds that a reload changed: answers that begin afterwards follow them. Any thread.
 */
void query_set_graph(struct query *q, const struct graph_settings *graph);
/* net_config.http, with user = the query. Loop thread: parses, hands to the pool, returns. */
void query_http(struct http_exchange *x, void *user);
/* Breaks running requests off, ends the pool. */
void query_free(struct query *q);

#endif
