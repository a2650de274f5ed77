/* api_status.c - GET /api/mesh/status: the account of every item, what is open and kept, who sends.
 */
#include "query/api.h"

typedef const char *reason_name(unsigned reason);

static const char *reject_name(unsigned r)
{
    return reject_reason_name((enum reject_reason)r);
}

static const char *drop_name(unsigned r)
{
    return drop_reason_name((enum drop_reason)r);
}

static const char *refuse_name(unsigned r)
{
    return refuse_reason_name((enum refuse_reason)r);
}

/* Only reasons that happened. */
static void write_reasons(struct json_writer *w, const char *key, const uint64_t *counts,
                          unsigned len, reason_name *name)
{
    json_key(w, key);
    json_object_begin(w);
    for (unsigned i = 0; i < len; i++)
        if (counts[i])
            JSON_U64(w, name(i), counts[i]);
    json_object_end(w);
}

static void write_row(struct json_writer *w, const struct account_row *row)
{
    json_object_begin(w);
    JSON_U64(w, "received", row->received);
    JSON_U64(w, "stored", row->stored);
    JSON_U64(w, "sampled_out", row->sampled_out);
    write_reasons(w, "rejected", row->rejected, REJECT_REASON_COUNT, reject_name);
    write_reasons(w, "dropped", row->dropped, DROP_REASON_COUNT, drop_name);
    write_reasons(w, "refused", row->refused, REFUSE_REASON_COUNT, refuse_name);
    JSON_U64(w, "pending", row->pending);
    json_key(w, "difference");
    json_i64(w, account_difference(row));
    json_object_end(w);
}

static void write_account(struct json_writer *w, const struct account_totals *totals)
{
    json_key(w, "account");
    json_object_begin(w);
    for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
        json_key(w, account_signal_name((enum account_signal)i));
        write_row(w, &totals->rows[i]);
    }
    json_object_end(w);
    json_key(w, "requests");
    json_object_begin(w);
    for (unsigned i = 0; i < REQUEST_OUTCOME_COUNT; i++)
        JSON_U64(w, request_outcome_name((enum request_outcome)i), totals->requests[i]);
    json_object_end(w);
}

static void write_open(struct json_writer *w, const struct query_hooks *hooks)
{
    json_key(w, "open");
    if (!hooks->pipeline_stats) {
        json_null(w);
        return;
    }
    struct pipeline_stats stats = {0};
    hooks->pipeline_stats(hooks->user, &stats);
    json_object_begin(w);
    JSON_U64(w, "hops", stats.open_hops);
    JSON_U64(w, "traces", stats.open_traces);
    JSON_U64(w, "spans", stats.open_spans);
    JSON_U64(w, "bytes", stats.open_bytes);
    json_object_end(w);
}

static void write_journal(struct json_writer *w, const struct query_hooks *hooks)
{
    struct journal_stats stats = {0};
    if (hooks->journal_stats)
        hooks->journal_stats(hooks->user, &stats);
    json_key(w, "journal");
    json_object_begin(w);
    JSON_U64(w, "bytes", stats.bytes);
    json_key(w, "oldest");
    reply_time(w, stats.oldest_ns);
    json_object_end(w);
}

struct kept {
    uint64_t files, bytes, oldest_ns, newest_ns;
};

static void write_kept(struct json_writer *w, const struct kept *kept)
{
    JSON_U64(w, "files", kept->files);
    JSON_U64(w, "bytes", kept->bytes);
    json_key(w, "oldest");
    reply_time(w, kept->oldest_ns);
    json_key(w, "newest");
    reply_time(w, kept->newest_ns);
}

static void write_edges(struct json_writer *w, struct store *store)
{
    struct store_stats stats = {0};
    store_stats(store, &stats);
    json_key(w, "edges");
    json_object_begin(w);
    write_kept(w, &(struct kept){stats.edge_files, stats.edge_bytes, stats.edge_oldest_ns,
                                 stats.edge_newest_ns});
    json_object_end(w);
}

static uint64_t ns_of_ms(int64_t ms)
{
    return ms > 0 ? (uint64_t)ms * NS_PER_MS : 0;
}

static void write_series(struct json_writer *w, struct series_store *series)
{
    struct series_stats stats = {0};
    series_store_stats(series, &stats);
    json_key(w, "series");
    json_object_begin(w);
    write_kept(w, &(struct kept){stats.part_files, stats.part_bytes, ns_of_ms(stats.min_time_ms),
                                 ns_of_ms(stats.max_time_ms)});
    JSON_U64(w, "series", stats.series);
    JSON_U64(w, "active", stats.active_series);
    JSON_U64(w, "samples", stats.samples_head + stats.samples_parts);
    json_object_end(w);
}

static void write_storage(struct json_writer *w, const struct query_config *config)
{
    json_key(w, "storage");
    json_object_begin(w);
    write_edges(w, config->store);
    if (config->series)
        write_series(w, config->series);
    json_object_end(w);
}

static void write_signals(struct json_writer *w, unsigned signals)
{
    json_key(w, "signals");
    json_array_begin(w);
    for (unsigned i = 0; i < SIGNAL_COUNT; i++)
        if (signals >> i & 1)
            json_str(w, str_from_c(account_signal_name((enum account_signal)i)));
    json_array_end(w);
}

static void write_sender(struct json_writer *w, const struct sender_row *s)
{
    json_object_begin(w);
    JSON_STR(w, "peer", str_from_c(s->peer));
    JSON_STR(w, "name", str_from_c(s->name));
    JSON_STR(w, "client", str_from_c(s->client));
    write_signals(w, s->signals);
    JSON_U64(w, "items", s->items);
    JSON_U64(w, "refused", s->refused);
    json_key(w, "last_seen");
    reply_time(w, s->last_seen_ns);
    json_key(w, "clock_offset_ms");
    json_i64(w, s->clock_offset_ms);
    json_object_end(w);
}

static enum status write_senders(struct json_writer *w, struct request *r, struct err *e)
{
    struct sender_row *rows = arena_calloc(r->arena, SENDERS_MAX, sizeof(*rows));
    if (!rows)
        return err_set(e, ST_NO_MEMORY, "no memory for the senders");
    size_t len = senders_read(r->config->senders, rows, SENDERS_MAX);
    json_key(w, "senders");
    json_array_begin(w);
    for (size_t i = 0; i < len; i++)
        write_sender(w, &rows[i]);
    json_array_end(w);
    return ST_OK;
}

static void write_offenders(struct json_writer *w, const struct query_hooks *hooks)
{
    struct buf json = {0};
    if (hooks->offenders_json)
        hooks->offenders_json(hooks->user, &json);
    json_key(w, "offenders");
    json_raw(w, json.len && !json.failed ? buf_str(&json) : STR("[]"));
    buf_deinit(&json);
}

static const char *loss_name(unsigned loss)
{
    return remote_loss_name((enum remote_loss)loss);
}

static void write_receiver(struct json_writer *w, const struct remote_stats *s)
{
    json_object_begin(w);
    JSON_STR(w, "url", str_from_c(s->url));
    JSON_STR(w, "name", str_from_c(s->name));
    JSON_U64(w, "protocol", s->protocol);
    JSON_U64(w, "sent", s->sent);
    JSON_U64(w, "requests", s->requests);
    JSON_U64(w, "failed", s->failed);
    JSON_U64(w, "retries", s->retries);
    write_reasons(w, "dropped", s->lost, REMOTE_LOSS_COUNT, loss_name);
    JSON_DOUBLE(w, "expired_s", (double)s->expired_ms / 1000);
    JSON_U64(w, "pending", s->pending);
    JSON_DOUBLE(w, "lag_s", s->lag_s);
    json_key(w, "last_error");
    if (*s->last_error)
        json_str(w, str_from_c(s->last_error));
    else
        json_null(w);
    json_object_end(w);
}

static enum status write_remote_write(struct json_writer *w, struct request *r, struct err *e)
{
    const struct query_hooks *hooks = &r->config->hooks;
    struct remote_stats *stats = arena_calloc(r->arena, REMOTE_STATS_MAX, sizeof(*stats));
    if (!stats)
        return err_set(e, ST_NO_MEMORY, "no memory for the receivers of remote write");
    uint32_t count =
        hooks->remote_write ? hooks->remote_write(hooks->user, stats, REMOTE_STATS_MAX) : 0;
    json_key(w, "remote_write");
    json_array_begin(w);
    for (uint32_t i = 0; i < count; i++)
        write_receiver(w, &stats[i]);
    json_array_end(w);
    return ST_OK;
}

static void write_listening(struct json_writer *w, const struct query_hooks *hooks)
{
    const char *otlp_grpc = NULL, *otlp_http = NULL;
    if (hooks->listening)
        hooks->listening(hooks->user, &otlp_grpc, &otlp_http);
    json_key(w, "listen");
    if (!otlp_grpc || !otlp_http) {
        json_null(w);
        return;
    }
    json_object_begin(w);
    JSON_STR(w, "otlp_grpc", str_from_c(otlp_grpc));
    JSON_STR(w, "otlp_http", str_from_c(otlp_http));
    json_object_end(w);
}

enum status api_status(struct request *r, struct http_response *out, struct err *e)
{
    struct account_totals totals;
    const char *reason;
    account_read(r->config->account, &totals);
    live_view_settle(r->live, &totals);
    reply_json_begin(out);
    struct json_writer w = json_writer_of(&out->body);
    json_object_begin(&w);
    JSON_STR(&w, "version", STR(WEFT_VERSION));
    JSON_DOUBLE(&w, "uptime", ((double)r->now_ns - (double)r->config->started_wall_ns) / 1e9);
    JSON_BOOL(&w, "ready", api_is_ready(r->config, &reason));
    write_listening(&w, &r->config->hooks);
    write_account(&w, &totals);
    write_open(&w, &r->config->hooks);
    write_journal(&w, &r->config->hooks);
    write_storage(&w, r->config);
    TRY(write_senders(&w, r, e));
    write_offenders(&w, &r->config->hooks);
    TRY(write_remote_write(&w, r, e));
    json_object_end(&w);
    return ST_OK;
}
