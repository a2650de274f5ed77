/* wiring.c - creates every part bottom-up, joins them, and takes them down in order. */
#include "app/wiring.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "collector/collector.h"
#include "ingest/ingest.h"
#include "query/query.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/* A checkpoint also comes after this much journal, so that a replay stays short. */
#define CHECKPOINT_BYTES (256ull * MIB)
/* Open requests get this share of the memory budget; the rest is for what is in flight. */
enum { OPEN_PERCENT = 60 };
#define DRAIN_GRACE_NS (2 * NS_PER_S)
/* POST /-/flush waits this long for pending to become 0. */
#define FLUSH_WAIT_NS (60 * NS_PER_S)
enum { FLUSH_POLL_US = 2000 };

struct app {
    struct config config;
    struct budget budget;
    struct account *account;
    struct senders *senders;
    struct store *store;
    struct journal *journal;
    struct collector *collector;
    struct ingest_config ingest_config;
    struct ingest *ingest;
    struct query *query;
    struct net_server *net;
    enum status (*reload)(void *user, struct err *e);
    void *reload_user;
    atomic_bool ready;
};

/* --- what the parts tell each other --- */

static void on_batch(struct batch *b, void *user)
{
    struct app *a = user;
    collector_batch(a->collector, b);
}

/* A record that was decodable once is decodable again; if not, the journal lied and that is said.
 */
static void on_replayed_batch(struct batch *b, void *user)
{
    struct app *a = user;
    struct err e = {0};
    if (ingest_decode(&a->ingest_config, b, &e) == ST_OK) {
        collector_batch(a->collector, b);
        return;
    }
    log_error("app: journal record cannot be replayed sequence=%llu reason=\"%s\"",
              (unsigned long long)b->sequence, e.msg);
    batch_free(b);
}

static void on_tick(uint64_t sequence, uint64_t wall_ns, uint64_t clock_ns, void *user)
{
    struct app *a = user;
    collector_tick(a->collector, sequence, wall_ns, clock_ns);
}

static void on_flush(uint64_t sequence, uint64_t clock_ns, void *user)
{
    struct app *a = user;
    collector_flush(a->collector, sequence, clock_ns);
}

static void on_checkpointed(uint64_t position, void *user)
{
    struct app *a = user;
    journal_trim(a->journal, position);
}

static void on_ticking(bool on, void *user)
{
    struct app *a = user;
    journal_set_ticking(a->journal, on);
}

/* --- hooks of the query side --- */

static enum status hook_flush(void *user, struct err *e)
{
    struct app *a = user;
    TRY(journal_append_flush(a->journal, e));
    uint64_t deadline = clock_mono_ns() + FLUSH_WAIT_NS;
    struct account_totals totals;
    do {
        usleep(FLUSH_POLL_US);
        account_read(a->account, &totals);
        if (totals.rows[SIGNAL_SPANS].pending == 0)
            return ST_OK;
    } while (clock_mono_ns() < deadline);
    return err_set(e, ST_TIMEOUT, "%llu spans are still pending",
                   (unsigned long long)totals.rows[SIGNAL_SPANS].pending);
}

static enum status hook_compact(void *user, struct err *e)
{
    struct app *a = user;
    TRY(collector_checkpoint(a->collector, e));
    return store_compact(a->store, e);
}

static enum status hook_reload(void *user, struct err *e)
{
    struct app *a = user;
    return a->reload(a->reload_user, e);
}

static bool hook_ready(void *user, const char **reason)
{
    struct app *a = user;
    *reason = "the journal is being replayed";
    return atomic_load(&a->ready);
}

static void hook_net_counters(void *user, struct net_counters *out)
{
    struct app *a = user;
    net_server_counters(a->net, out);
}

static void hook_journal_stats(void *user, struct journal_stats *out)
{
    struct app *a = user;
    journal_stats(a->journal, out);
}

static void hook_pipeline_stats(void *user, struct pipeline_stats *out)
{
    struct app *a = user;
    struct collector_stats s;
    collector_stats(a->collector, &s);
    *out = (struct pipeline_stats){.open_hops = s.open_hops,
                                   .open_traces = s.open_traces,
                                   .open_spans = s.open_spans,
                                   .open_bytes = s.open_bytes,
                                   .closed_requests = s.closed_requests,
                                   .overflow_edges = s.overflow_edges,
                                   .overflow_operations = s.overflow_operations,
                                   .end_before_start = s.end_before_start};
}

static void hook_listening(void *user, const char **otlp_grpc, const char **otlp_http)
{
    struct app *a = user;
    *otlp_grpc = net_server_otlp_grpc_addr(a->net);
    *otlp_http = net_server_otlp_http_addr(a->net);
}

static void hook_offenders(void *user, struct buf *out)
{
    struct app *a = user;
    collector_offenders_json(a->collector, out);
}

/* --- bottom-up --- */

static enum status open_storage(struct app *a, struct err *e)
{
    const struct config *c = &a->config;
    struct store_config store = {.directory = str_from_c(c->data), .retention = c->retention};
    TRY(store_open(&store, &a->store, e));
    char directory[CONFIG_TEXT_BYTES + 16];
    snprintf(directory, sizeof(directory), "%s/journal", c->data);
    struct journal_config journal = {
        .directory = str_from_c(directory), .ack = c->ack, .max_bytes = c->journal_max_bytes};
    return journal_open(&journal, &a->journal, e);
}

static enum status make_collector(struct app *a, uint64_t *position, struct err *e)
{
    const struct config *c = &a->config;
    struct collector_config config = {
        .graph = c->graph,
        .retention = c->retention,
        .checkpoint_ns = c->checkpoint_ns,
        .checkpoint_bytes = CHECKPOINT_BYTES,
        .open_bytes_max = c->memory_bytes / 100 * OPEN_PERCENT,
        .store = a->store,
        .account = a->account,
        .budget = &a->budget,
        .checkpointed = on_checkpointed,
        .ticking = on_ticking,
        .user = a,
    };
    return collector_new(&config, &a->collector, position, e);
}

static enum status make_front(struct app *a, struct err *e)
{
    const struct config *c = &a->config;
    a->ingest_config = (struct ingest_config){.limits = c->limits,
                                              .retention = c->retention,
                                              .budget = &a->budget,
                                              .account = a->account,
                                              .senders = a->senders,
                                              .journal = a->journal,
                                              .prepare = collector_prepare};
    a->ingest = ingest_new(&a->ingest_config);
    if (!a->ingest)
        return err_set(e, ST_NO_MEMORY, "out of memory");
    struct query_config query = {
        .store = a->store,
        .account = a->account,
        .senders = a->senders,
        .graph = c->graph,
        .admin = c->admin,
        .started_wall_ns = clock_wall_ns(),
        .hooks = {.flush = hook_flush,
                  .compact = hook_compact,
                  .reload = hook_reload,
                  .ready = hook_ready,
                  .net_counters = hook_net_counters,
                  .journal_stats = hook_journal_stats,
                  .offenders_json = hook_offenders,
                  .pipeline_stats = hook_pipeline_stats,
                  .listening = hook_listening,
                  .user = a},
    };
    return query_new(&query, &a->query, e);
}

static enum status bind_net(struct app *a, struct err *e)
{
    const struct config *c = &a->config;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct net_config net = {
        .limits = c->limits,
        .http_addr = str_from_c(c->http),
        .otlp_http_addr = str_from_c(c->otlp_http),
        .otlp_grpc_addr = str_from_c(c->otlp_grpc),
        .workers = c->workers  ? c->workers
                   : cores > 0 ? (unsigned)cores
                               : 1,
        .http = query_http,
        .http_user = a->query,
        .otlp_http = ingest_http,
        .otlp_http_user = a->ingest,
        .grpc_accept_encoding = "identity,gzip,zstd,snappy",
        .budget = &a->budget,
        .admit = ingest_admit,
        .admit_user = a->ingest,
    };
    net.methods = ingest_grpc_methods(a->ingest, &net.method_count);
    return net_server_new(&net, &a->net, e);
}

static enum status replay(struct app *a, uint64_t position, struct err *e)
{
    struct journal_sink sink = {
        .batch = on_replayed_batch, .tick = on_tick, .flush = on_flush, .user = a};
    uint64_t last = 0, began = clock_mono_ns();
    TRY(journal_replay(a->journal, position, &sink, &last, e));
    position = MAX(position, (uint64_t)1); /* the first record of all */
    if (last >= position)
        log_info("app: journal replayed records=%llu ms=%llu",
                 (unsigned long long)(last + 1 - position),
                 (unsigned long long)((clock_mono_ns() - began) / NS_PER_MS));
    return ST_OK;
}

static enum status start_all(struct app *a, struct err *e)
{
    uint64_t position = 0;
    struct journal_sink sink = {.batch = on_batch, .tick = on_tick, .flush = on_flush, .user = a};
    TRY(open_storage(a, e));
    TRY(make_collector(a, &position, e));
    TRY(make_front(a, e));
    TRY(bind_net(a, e));
    TRY(replay(a, position, e));
    TRY(collector_start(a->collector, e));
    TRY(journal_start(a->journal, &sink, e));
    atomic_store(&a->ready, true);
    return net_server_start(a->net, e);
}

enum status app_start(const struct config *config, enum status (*reload)(void *user, struct err *e),
                      void *user, struct app **out, struct err *e)
{
    struct app *a = mem_calloc(1, sizeof(*a));
    if (!a)
        return err_set(e, ST_NO_MEMORY, "out of memory");
    a->config = *config;
    a->reload = reload;
    a->reload_user = user;
    a->budget.limit = config->memory_bytes;
    a->account = account_new();
    a->senders = senders_new();
    enum status st =
        a->account && a->senders ? start_all(a, e) : err_set(e, ST_NO_MEMORY, "out of memory");
    if (st != ST_OK) {
        app_stop(a);
        return st;
    }
    *out = a;
    return ST_OK;
}

void app_print_listening(const struct app *a)
{
    printf("listening http=%s otlp_grpc=%s otlp_http=%s\n", net_server_http_addr(a->net),
           net_server_otlp_grpc_addr(a->net), net_server_otlp_http_addr(a->net));
    fflush(stdout);
}

void app_apply(struct app *a, const struct config *config)
{
    query_set_graph(a->query, &config->graph);
}

/* Listeners first, so that nothing new comes; then what was accepted is committed and absorbed;
 * then the last checkpoint lets the journal go. Every pointer may still be NULL after a failed
 * start. */
void app_stop(struct app *a)
{
    if (a->ingest)
        ingest_drain(a->ingest);
    if (a->net)
        net_server_drain(a->net, DRAIN_GRACE_NS);
    if (a->query)
        query_free(a->query);
    if (a->journal)
        journal_stop(a->journal, true);
    if (a->collector)
        collector_stop(a->collector);
    if (a->net)
        net_server_free(a->net);
    if (a->store)
        store_close(a->store);
    if (a->collector)
        collector_free(a->collector);
    if (a->journal)
        journal_close(a->journal);
    if (a->ingest)
        ingest_free(a->ingest);
    senders_free(a->senders);
    account_free(a->account);
    mem_free(a);
}
