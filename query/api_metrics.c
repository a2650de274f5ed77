/* api_metrics.c - GET /metrics: reads every number once, then writes the table. */
#include "query/api.h"
#include "query/metrics_table.h"

#include "base/clock.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The second number of /proc/self/statm, in pages; 0 where there is no such file. */
static uint64_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    if (fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    fclose(f);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void read_hooks(const struct query_hooks *hooks, struct metric_facts *f)
{
    if (hooks->net_counters) {
        hooks->net_counters(hooks->user, &f->net);
        f->known |= FROM_NET;
    }
    if (hooks->journal_stats) {
        hooks->journal_stats(hooks->user, &f->journal);
        f->known |= FROM_JOURNAL;
    }
    if (hooks->pipeline_stats) {
        hooks->pipeline_stats(hooks->user, &f->pipeline);
        f->known |= FROM_PIPELINE;
    }
    if (hooks->decode_stats) {
        hooks->decode_stats(hooks->user, &f->decode);
        f->known |= FROM_INGEST;
    }
}

/* Without any, their rows are left out. */
static enum status read_receivers(const struct query_hooks *hooks, struct arena *arena,
                                  struct metric_facts *f, struct err *e)
{
    struct remote_stats *stats = arena_calloc(arena, REMOTE_STATS_MAX, sizeof(*stats));
    if (!stats)
        return err_set(e, ST_NO_MEMORY, "no memory for the receivers of remote write");
    f->remote = stats;
    f->remote_count =
        hooks->remote_write ? hooks->remote_write(hooks->user, stats, REMOTE_STATS_MAX) : 0;
    f->known |= f->remote_count ? FROM_REMOTE : 0;
    return ST_OK;
}

enum status metrics_read(const struct query_config *config, struct arena *arena,
                         struct metric_facts *out, struct err *e)
{
    const char *reason;
    struct sender_row *senders = arena_calloc(arena, SENDERS_MAX, sizeof(*senders));
    if (!senders)
        return err_set(e, ST_NO_MEMORY, "no memory for the senders");
    *out = (struct metric_facts){.known = FROM_WEFT};
    account_read(config->account, &out->account);
    store_stats(config->store, &out->store);
    read_hooks(&config->hooks, out);
    TRY(read_receivers(&config->hooks, arena, out, e));
    if (config->series) {
        series_store_stats(config->series, &out->series);
        out->known |= FROM_SERIES;
    }
    out->senders = senders_read(config->senders, senders, SENDERS_MAX);
    out->ready = api_is_ready(config, &reason);
    out->uptime_s = ((double)clock_wall_ns() - (double)config->started_wall_ns) / 1e9;
    out->cpu_s = cpu_seconds();
    out->resident_bytes = resident_bytes();
    if (config->budget) {
        out->budget_bytes = config->budget->limit;
        out->budget_used_bytes = budget_used(config->budget);
    }
    return ST_OK;
}

enum status api_metrics(struct request *r, struct http_response *out, struct err *e)
{
    struct metric_facts facts;
    TRY(metrics_read(r->config, r->arena, &facts, e));
    out->status = 200;
    out->content_type = "text/plain; version=0.0.4; charset=utf-8";
    reply_header(out, "Cache-Control", "no-store");
    metrics_write(&out->body, &facts);
    return ST_OK;
}
