/* metrics_table.h - every metric of GET /metrics: one row says name, type, labels, help and where
 * the number is. */
#ifndef WEFT_QUERY_METRICS_TABLE_H
#define WEFT_QUERY_METRICS_TABLE_H

#include "model/label_set.h"
#include "query/query.h"

/* One reading of everything that is shown. */
struct metric_facts {
    struct account_totals account;
    struct store_stats store;
    struct net_counters net;
    struct journal_stats journal;
    struct pipeline_stats pipeline;
    struct decode_stats decode;
    struct series_stats series;
    const struct remote_stats *remote; /* borrowed */
    uint32_t remote_count;
    uint64_t ready, senders, resident_bytes, budget_bytes, budget_used_bytes;
    double uptime_s, cpu_s;
    unsigned known; /* enum metric_source bits that were read */
};

enum metric_source {
    FROM_WEFT = 1,
    FROM_NET = 2,
    FROM_JOURNAL = 4,
    FROM_PIPELINE = 8,
    FROM_SERIES = 16,
    FROM_REMOTE = 32,
    FROM_INGEST = 64
};

struct metric_out;

struct metric {
    const char *name, *type, *labels, *help; /* labels: for the docs, "" = none */
    unsigned source;                         /* enum metric_source: shown when it was read */
    size_t offset;                           /* of a uint64_t in metric_facts, when write is NULL */
    void (*write)(const struct metric_out *out, const struct metric_facts *f);
    int decimals; /* in the text: 3 of seconds, none of counts */
};

/* Who takes the numbers. */
struct metric_out {
    void (*begin)(const struct metric_out *out); /* of each metric; NULL: not needed */
    /* Labels are sorted, without __name__, and borrowed for the call. */
    void (*sample)(const struct metric_out *out, struct label_set labels, double value);
    void *user;
    const struct metric *metric; /* the one under way; set by metrics_each() */
};

/* Ended by a NULL name. */
extern const struct metric metrics[];

/* Walks every sample of what was read. */
void metrics_each(const struct metric_facts *f, struct metric_out *out);
/* Reads every number once, into the arena where there are several. Any thread; ST_NO_MEMORY. */
enum status metrics_read(const struct query_config *config, struct arena *arena,
                         struct metric_facts *out, struct err *e);
/* Prometheus text exposition 0.0.4 of all of them. */
void metrics_write(struct buf *out, const struct metric_facts *f);
/* docs/metrics.md, whole. */
void metrics_describe(struct buf *out);

#endif
