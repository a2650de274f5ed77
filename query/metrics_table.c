/* metrics_table.c - the rows, and what is made of them: numbers, /metrics and docs/metrics.md. */
#include "query/metrics_table.h"

/* --- samples with labels --- */

static void emit(const struct metric_out *out, const struct label *labels, uint32_t count,
                 double value)
{
    out->sample(out, (struct label_set){labels, count}, value);
}

static void plain(const struct metric_out *out, double value)
{
    emit(out, NULL, 0, value);
}

static void labelled(const struct metric_out *out, const char *name, const char *text, double value)
{
    struct label label = {str_from_c(name), str_from_c(text)};
    emit(out, &label, 1, value);
}

static void per_signal(const struct metric_out *out, const struct metric_facts *f, size_t field)
{
    for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
        uint64_t value;
        memcpy(&value, (const char *)&f->account.rows[i] + field, sizeof(value));
        labelled(out, "signal", account_signal_name((enum account_signal)i), (double)value);
    }
}

static void write_received(const struct metric_out *out, const struct metric_facts *f)
{
    per_signal(out, f, offsetof(struct account_row, received));
}

static void write_stored(const struct metric_out *out, const struct metric_facts *f)
{
    per_signal(out, f, offsetof(struct account_row, stored));
}

static void write_sampled_out(const struct metric_out *out, const struct metric_facts *f)
{
    per_signal(out, f, offsetof(struct account_row, sampled_out));
}

static void write_pending(const struct metric_out *out, const struct metric_facts *f)
{
    per_signal(out, f, offsetof(struct account_row, pending));
}

static void write_difference(const struct metric_out *out, const struct metric_facts *f)
{
    for (unsigned i = 0; i < SIGNAL_COUNT; i++)
        labelled(out, "signal", account_signal_name((enum account_signal)i),
                 (double)account_difference(&f->account.rows[i]));
}

static void per_reason(const struct metric_out *out, unsigned signal, const char *reason,
                       uint64_t value)
{
    const struct label labels[] = {
        {STR("reason"), str_from_c(reason)},
        {STR("signal"), str_from_c(account_signal_name((enum account_signal)signal))}};
    emit(out, labels, LEN(labels), (double)value);
}

static void write_rejected(const struct metric_out *out, const struct metric_facts *f)
{
    for (unsigned i = 0; i < SIGNAL_COUNT; i++)
        for (unsigned r = 0; r < REJECT_REASON_COUNT; r++)
            per_reason(out, i, reject_reason_name((enum reject_reason)r),
                       f->account.rows[i].rejected[r]);
}

static void write_dropped(const struct metric_out *out, const struct metric_facts *f)
{
    for (unsigned i = 0; i < SIGNAL_COUNT; i++)
        for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
            per_reason(out, i, drop_reason_name((enum drop_reason)r),
                       f->account.rows[i].dropped[r]);
}

static void write_refused(const struct metric_out *out, const struct metric_facts *f)
{
    for (unsigned i = 0; i < SIGNAL_COUNT; i++)
        for (unsigned r = 0; r < REFUSE_REASON_COUNT; r++)
            per_reason(out, i, refuse_reason_name((enum refuse_reason)r),
                       f->account.rows[i].refused[r]);
}

static void write_requests(const struct metric_out *out, const struct metric_facts *f)
{
    for (unsigned i = 0; i < REQUEST_OUTCOME_COUNT; i++)
        labelled(out, "outcome", request_outcome_name((enum request_outcome)i),
                 (double)f->account.requests[i]);
}

static void write_refused_connections(const struct metric_out *out, const struct metric_facts *f)
{
    labelled(out, "limit", "connections", (double)f->net.refused_connections);
    labelled(out, "limit", "per_peer", (double)f->net.refused_per_peer);
}

static void write_failed_requests(const struct metric_out *out, const struct metric_facts *f)
{
    labelled(out, "reason", "too_big", (double)f->net.too_big);
    labelled(out, "reason", "head_too_large", (double)f->net.large_heads);
    labelled(out, "reason", "too_many_streams", (double)f->net.refused_streams);
    labelled(out, "reason", "slow_head", (double)f->net.slow_heads);
    labelled(out, "reason", "slow_body", (double)f->net.slow_bodies);
    labelled(out, "reason", "idle", (double)f->net.idle);
    labelled(out, "reason", "abusive", (double)f->net.abusive);
    labelled(out, "reason", "protocol_error", (double)f->net.protocol_errors);
    labelled(out, "reason", "aborted", (double)f->net.aborted);
}

static void write_overflow(const struct metric_out *out, const struct metric_facts *f)
{
    labelled(out, "kind", "edges", (double)f->pipeline.overflow_edges);
    labelled(out, "kind", "operations", (double)f->pipeline.overflow_operations);
    labelled(out, "kind", "versions", (double)f->pipeline.overflow_versions);
}

static void write_build(const struct metric_out *out, const struct metric_facts *f)
{
    (void)f;
    labelled(out, "version", WEFT_VERSION, 1);
}

static void write_uptime(const struct metric_out *out, const struct metric_facts *f)
{
    plain(out, f->uptime_s);
}

static void write_cpu(const struct metric_out *out, const struct metric_facts *f)
{
    plain(out, f->cpu_s);
}

static void write_journal_clock(const struct metric_out *out, const struct metric_facts *f)
{
    plain(out, (double)f->journal.clock_ns / 1e9);
}

/* --- receivers of remote write --- */

static void of_receiver(const struct metric_out *out, const struct remote_stats *s, double value)
{
    const struct label labels[] = {{STR("name"), str_from_c(s->name)},
                                   {STR("url"), str_from_c(s->url)}};
    emit(out, labels, LEN(labels), value);
}

static void per_receiver(const struct metric_out *out, const struct metric_facts *f, size_t field)
{
    for (uint32_t i = 0; i < f->remote_count; i++) {
        uint64_t value;
        memcpy(&value, (const char *)&f->remote[i] + field, sizeof(value));
        of_receiver(out, &f->remote[i], (double)value);
    }
}

static void write_remote_sent(const struct metric_out *out, const struct metric_facts *f)
{
    per_receiver(out, f, offsetof(struct remote_stats, sent));
}

static void write_remote_requests(const struct metric_out *out, const struct metric_facts *f)
{
    per_receiver(out, f, offsetof(struct remote_stats, requests));
}

static void write_remote_failed(const struct metric_out *out, const struct metric_facts *f)
{
    per_receiver(out, f, offsetof(struct remote_stats, failed));
}

static void write_remote_retries(const struct metric_out *out, const struct metric_facts *f)
{
    per_receiver(out, f, offsetof(struct remote_stats, retries));
}

static void write_remote_pending(const struct metric_out *out, const struct metric_facts *f)
{
    per_receiver(out, f, offsetof(struct remote_stats, pending));
}

static void write_remote_dropped(const struct metric_out *out, const struct metric_facts *f)
{
    for (uint32_t i = 0; i < f->remote_count; i++)
        for (unsigned r = 0; r < REMOTE_LOSS_COUNT; r++) {
            const struct remote_stats *s = &f->remote[i];
            const struct label labels[] = {
                {STR("name"), str_from_c(s->name)},
                {STR("reason"), str_from_c(remote_loss_name((enum remote_loss)r))},
                {STR("url"), str_from_c(s->url)}};
            emit(out, labels, LEN(labels), (double)s->lost[r]);
        }
}

static void write_remote_expired(const struct metric_out *out, const struct metric_facts *f)
{
    for (uint32_t i = 0; i < f->remote_count; i++)
        of_receiver(out, &f->remote[i], (double)f->remote[i].expired_ms / 1000);
}

static void write_remote_lag(const struct metric_out *out, const struct metric_facts *f)
{
    for (uint32_t i = 0; i < f->remote_count; i++)
        of_receiver(out, &f->remote[i], f->remote[i].lag_s);
}

/* --- the rows --- */

#define NUMBER(field) offsetof(struct metric_facts, field), NULL, 0
#define LABELLED(fn)  0, fn, 0
#define SECONDS(fn)   0, fn, 3

const struct metric metrics[] = {
    {"weft_build_info", "gauge", "version", "Always 1; the version is a label.", FROM_WEFT,
     LABELLED(write_build)},
    {"weft_uptime_seconds", "gauge", "", "Time since this process started.", FROM_WEFT,
     SECONDS(write_uptime)},
    {"weft_ready", "gauge", "", "1 when questions are answered, 0 while the journal is replayed.",
     FROM_WEFT, NUMBER(ready)},
    {"weft_process_cpu_seconds_total", "counter", "", "CPU time of this process, user and system.",
     FROM_WEFT, SECONDS(write_cpu)},
    {"weft_process_resident_bytes", "gauge", "", "Resident memory of this process.", FROM_WEFT,
     NUMBER(resident_bytes)},
    {"weft_memory_budget_bytes", "gauge", "",
     "Setting `memory`: the budget of all that is in flight and open.", FROM_WEFT,
     NUMBER(budget_bytes)},
    {"weft_memory_budget_used_bytes", "gauge", "", "Of them in use.", FROM_WEFT,
     NUMBER(budget_used_bytes)},
    {"weft_items_received_total", "counter", "signal",
     "Items in request bodies that could be decoded.", FROM_WEFT, LABELLED(write_received)},
    {"weft_items_stored_total", "counter", "signal", "Items whose effect on answers is final.",
     FROM_WEFT, LABELLED(write_stored)},
    {"weft_items_sampled_out_total", "counter", "signal",
     "Items that counted and were then not kept as traces.", FROM_WEFT,
     LABELLED(write_sampled_out)},
    {"weft_items_rejected_total", "counter", "signal, reason",
     "Items whose sender was told that they are wrong.", FROM_WEFT, LABELLED(write_rejected)},
    {"weft_items_dropped_total", "counter", "signal, reason",
     "Items that were accepted and then lost for a named reason.", FROM_WEFT,
     LABELLED(write_dropped)},
    {"weft_items_refused_total", "counter", "signal, reason",
     "Items whose sender was told to try again.", FROM_WEFT, LABELLED(write_refused)},
    {"weft_items_pending", "gauge", "signal",
     "Items that were acknowledged and may still change an answer.", FROM_WEFT,
     LABELLED(write_pending)},
    {"weft_items_difference", "gauge", "signal",
     "Received minus all ends of items: 0 unless weft is broken.", FROM_WEFT,
     LABELLED(write_difference)},
    {"weft_requests_total", "counter", "outcome", "Export requests by how they ended.", FROM_WEFT,
     LABELLED(write_requests)},
    {"weft_senders", "gauge", "", "Peers that sent something, at most 1024 are remembered.",
     FROM_WEFT, NUMBER(senders)},
    {"weft_large_requests_total", "counter", "",
     "Requests that were decoded beside the network threads, because of their size.", FROM_INGEST,
     NUMBER(decode.taken)},
    {"weft_large_requests_turned_away_total", "counter", "",
     "Those refused because no more may wait, or weft is ending.", FROM_INGEST,
     NUMBER(decode.turned_away)},
    {"weft_large_requests_waiting", "gauge", "", "Those that wait for a decoding thread.",
     FROM_INGEST, NUMBER(decode.waiting)},
    {"weft_large_requests_waiting_bytes", "gauge", "", "Bytes of their bodies, as they came.",
     FROM_INGEST, NUMBER(decode.waiting_bytes)},
    {"weft_large_requests_decoding", "gauge", "", "Those that are being decoded.", FROM_INGEST,
     NUMBER(decode.running)},
    {"weft_open_hops", "gauge", "",
     "Requests between workloads that may still change, as of the last picture of the graph.",
     FROM_PIPELINE, NUMBER(pipeline.open_hops)},
    {"weft_open_traces", "gauge", "", "Traces with something open.", FROM_PIPELINE,
     NUMBER(pipeline.open_traces)},
    {"weft_open_spans", "gauge", "", "Spans that are held for what is open.", FROM_PIPELINE,
     NUMBER(pipeline.open_spans)},
    {"weft_open_bytes", "gauge", "", "Memory of everything that is open.", FROM_PIPELINE,
     NUMBER(pipeline.open_bytes)},
    {"weft_closed_requests_total", "counter", "", "Requests that are counted for good.",
     FROM_PIPELINE, NUMBER(pipeline.closed_requests)},
    {"weft_overflow_total", "counter", "kind",
     "Requests counted under `other` because a cap was reached.", FROM_PIPELINE,
     LABELLED(write_overflow)},
    {"weft_end_before_start_total", "counter", "",
     "Spans that ended before they began: counted, without a latency.", FROM_PIPELINE,
     NUMBER(pipeline.end_before_start)},
    {"weft_traces_closed_early_total", "counter", "",
     "Traces closed before their wait was over, for want of room.", FROM_PIPELINE,
     NUMBER(pipeline.closed_early)},
    {"weft_journal_bytes", "gauge", "", "Bytes of the journal on disk.", FROM_JOURNAL,
     NUMBER(journal.bytes)},
    {"weft_journal_replay_bytes", "gauge", "", "Bytes that a start after a crash would read now.",
     FROM_JOURNAL, NUMBER(journal.replay_bytes)},
    {"weft_journal_appended_bytes_total", "counter", "", "Bytes appended to the journal.",
     FROM_JOURNAL, NUMBER(journal.appended_bytes)},
    {"weft_journal_groups_total", "counter", "", "Groups committed.", FROM_JOURNAL,
     NUMBER(journal.groups)},
    {"weft_journal_syncs_total", "counter", "", "Syncs to disk.", FROM_JOURNAL,
     NUMBER(journal.syncs)},
    {"weft_journal_write_errors_total", "counter", "",
     "Groups that could not be written or synced, none of them acknowledged.", FROM_JOURNAL,
     NUMBER(journal.write_errors)},
    {"weft_journal_torn_bytes_total", "counter", "",
     "Bytes cut from torn ends when the journal was opened.", FROM_JOURNAL,
     NUMBER(journal.torn_bytes)},
    {"weft_journal_bad_records_total", "counter", "", "Records with a wrong checksum.",
     FROM_JOURNAL, NUMBER(journal.bad_records)},
    {"weft_journal_clock_seconds", "gauge", "",
     "The pipeline clock, which stands still while weft is down.", FROM_JOURNAL,
     SECONDS(write_journal_clock)},
    {"weft_edge_files", "gauge", "", "Edge parts on disk.", FROM_WEFT, NUMBER(store.edge_files)},
    {"weft_edge_bytes", "gauge", "", "Bytes of the edge parts on disk.", FROM_WEFT,
     NUMBER(store.edge_bytes)},
    {"weft_checkpoints_total", "counter", "", "Checkpoints committed by this process.", FROM_WEFT,
     NUMBER(store.checkpoints)},
    {"weft_merges_total", "counter", "", "Merges of edge parts by this process.", FROM_WEFT,
     NUMBER(store.merges)},
    {"weft_lost_blocks_total", "counter", "",
     "Damaged or unreadable blocks that were left out of answers; the log names them.", FROM_WEFT,
     NUMBER(store.lost_blocks)},
    {"weft_series", "gauge", "", "Time series that are kept.", FROM_SERIES, NUMBER(series.series)},
    {"weft_series_active", "gauge", "", "Time series with a sample in the last hour.", FROM_SERIES,
     NUMBER(series.active_series)},
    {"weft_series_rejected_total", "counter", "",
     "Samples of new time series that were over a limit.", FROM_SERIES,
     NUMBER(series.rejected_series)},
    {"weft_series_head_samples", "gauge", "", "Samples that are in no part yet.", FROM_SERIES,
     NUMBER(series.samples_head)},
    {"weft_series_memory_bytes", "gauge", "", "Memory of the index and of samples in no part.",
     FROM_SERIES, NUMBER(series.memory_bytes)},
    {"weft_series_files", "gauge", "", "Parts of time series on disk.", FROM_SERIES,
     NUMBER(series.part_files)},
    {"weft_series_bytes", "gauge", "", "Bytes of the parts of time series on disk.", FROM_SERIES,
     NUMBER(series.part_bytes)},
    {"weft_series_checkpoints_total", "counter", "", "Checkpoints of time series by this process.",
     FROM_SERIES, NUMBER(series.checkpoints)},
    {"weft_series_merges_total", "counter", "", "Merges of parts of time series by this process.",
     FROM_SERIES, NUMBER(series.merges)},
    {"weft_series_lost_blocks_total", "counter", "",
     "Damaged or unreadable blocks of time series that were left out of answers; the log names "
     "them.",
     FROM_SERIES, NUMBER(series.lost_blocks)},
    {"weft_connections", "gauge", "", "Connections that are open.", FROM_NET,
     NUMBER(net.connections_open)},
    {"weft_connections_total", "counter", "", "Connections accepted.", FROM_NET,
     NUMBER(net.connections_total)},
    {"weft_connections_refused_total", "counter", "limit", "Connections over a limit.", FROM_NET,
     LABELLED(write_refused_connections)},
    {"weft_transport_failures_total", "counter", "reason",
     "Requests and connections that ended below the level of an answer.", FROM_NET,
     LABELLED(write_failed_requests)},
    {"weft_remote_write_sent_samples_total", "counter", "url, name",
     "Samples that receivers of remote write have.", FROM_REMOTE, LABELLED(write_remote_sent)},
    {"weft_remote_write_requests_total", "counter", "url, name", "Requests that were delivered.",
     FROM_REMOTE, LABELLED(write_remote_requests)},
    {"weft_remote_write_failed_requests_total", "counter", "url, name",
     "Requests without success; those that are sent again included.", FROM_REMOTE,
     LABELLED(write_remote_failed)},
    {"weft_remote_write_retries_total", "counter", "url, name", "Requests that were sent again.",
     FROM_REMOTE, LABELLED(write_remote_retries)},
    {"weft_remote_write_dropped_samples_total", "counter", "url, name, reason",
     "Samples that a receiver will never get.", FROM_REMOTE, LABELLED(write_remote_dropped)},
    {"weft_remote_write_expired_seconds_total", "counter", "url, name",
     "Time that retention took before it was sent.", FROM_REMOTE, SECONDS(write_remote_expired)},
    {"weft_remote_write_pending_samples", "gauge", "url, name", "Samples of the request under way.",
     FROM_REMOTE, LABELLED(write_remote_pending)},
    {"weft_remote_write_lag_seconds", "gauge", "url, name",
     "Age of the oldest samples that could have been sent by now.", FROM_REMOTE,
     SECONDS(write_remote_lag)},
    {NULL, NULL, NULL, NULL, 0, NUMBER(ready)},
};

void metrics_each(const struct metric_facts *f, struct metric_out *out)
{
    for (const struct metric *m = metrics; m->name; m++) {
        if (!(m->source & f->known))
            continue;
        out->metric = m;
        if (out->begin)
            out->begin(out);
        if (m->write) {
            m->write(out, f);
        } else {
            uint64_t value;
            memcpy(&value, (const char *)f + m->offset, sizeof(value));
            plain(out, (double)value);
        }
    }
}

/* --- the two texts --- */

static void write_begin(const struct metric_out *out)
{
    const struct metric *m = out->metric;
    buf_printf(out->user, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->type);
}

/* Counts without a point; times in milliseconds. */
static void write_sample(const struct metric_out *out, struct label_set labels, double value)
{
    struct buf *text = out->user;
    buf_printf(text, "%s", out->metric->name);
    for (uint32_t i = 0; i < labels.count; i++)
        buf_printf(text, "%s%.*s=\"%.*s\"", i ? "," : "{", STR_ARG(labels.items[i].name),
                   STR_ARG(labels.items[i].value));
    buf_printf(text, "%s %.*f\n", labels.count ? "}" : "", out->metric->decimals, value);
}

void metrics_write(struct buf *out, const struct metric_facts *f)
{
    struct metric_out text = {.begin = write_begin, .sample = write_sample, .user = out};
    metrics_each(f, &text);
}

void metrics_describe(struct buf *out)
{
    buf_printf(out, "# Metrics\n\n`GET /metrics` on port 9600 in Prometheus' text format. This "
                    "page is made from the table\n"
                    "in query/metrics_table.c (`WEFT_UPDATE_GOLDEN=1 "
                    "build/release/tests/unit_query`); a test holds both together.\n\n"
                    "| name | type | labels | meaning |\n|---|---|---|---|\n");
    for (const struct metric *m = metrics; m->name; m++)
        buf_printf(out, "| `%s` | %s | %s | %s |\n", m->name, m->type, m->labels, m->help);
}
