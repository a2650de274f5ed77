/* wiring.c - creates every part bottom-up, joins them, and takes them down in order. */
#include "app/wiring.h"

#include "app/descriptors.h"
#include "app/export_wiring.h"
#include "app/self_series.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "collector/collector.h"
#include "ingest/ingest.h"
#include "query/query.h"
#include "storage/series_store.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/* A checkpoint also comes after this much journal, so that a replay stays short. */
#define CHECKPOINT_BYTES (256ull * MIB)
/* Open requests get this share of the memory budget; the rest is for what is in flight. */
enum { OPEN_PERCENT = 60 };
/* Cells of closed requests are a part of this share when there are as many of them; as much is
 * being written. A view holds both, and what is open. */
enum { CLOSED_SHARE = 8, VIEW_SHARE = 3 };
/* One query may hold this part of it; two are answered at a time. */
enum { QUERY_SHARE = 4 };
#define DRAIN_GRACE_NS (2 * NS_PER_S)
/* POST /-/flush waits this long for what was pending to be settled. */
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
    struct series_store *series;
    /* From where each needs the journal: what it has in its checkpoint is before it. */
    _Atomic uint64_t collector_position, series_position;
    _Atomic uint64_t collector_older; /* what the checkpoint before it would need */
    struct ingest_config ingest_config;
    struct ingest *ingest;
    struct query *query;
    struct net_server *net;
    struct export_wiring *export;
    struct self_series *self;
    enum status (*reload)(void *user, struct err *e);
    void *reload_user;
    atomic_bool ready, stopping;
};

/* --- what the parts tell each other --- */

/* What a replay may leave out: a part has everything before its position. */
struct needs {
    bool collector, series;
};

static struct needs needs_of(const struct app *a, uint64_t sequence)
{
    return (struct needs){sequence >= a->collector_position, sequence >= a->series_position};
}

/* A record goes to both, in the journal's order: what is not its own moves a part's position. */
static void pass_tick(struct app *a, struct needs to, uint64_t sequence, uint64_t wall_ns,
                      uint64_t clock_ns)
{
    if (to.series)
        series_store_pass(a->series, sequence);
    if (to.collector)
        collector_tick(a->collector, sequence, wall_ns, clock_ns);
}

static void pass_batch(struct app *a, struct needs to, struct batch *b)
{
    if (b->signal == BATCH_METRICS) {
        pass_tick(a, (struct needs){.collector = to.collector}, b->sequence, b->arrival_ns,
                  b->clock_ns);
        series_store_batch(a->series, b);
    } else {
        pass_tick(a, (struct needs){.series = to.series}, b->sequence, b->arrival_ns, b->clock_ns);
        collector_batch(a->collector, b);
    }
}

static const struct needs both = {true, true};

static void on_batch(struct batch *b, void *user)
{
    pass_batch(user, both, b);
}

static void on_tick(uint64_t sequence, uint64_t wall_ns, uint64_t clock_ns, void *user)
{
    pass_tick(user, both, sequence, wall_ns, clock_ns);
}

static void on_flush(uint64_t sequence, uint64_t clock_ns, void *user)
{
    struct app *a = user;
    series_store_pass(a->series, sequence);
    collector_flush(a->collector, sequence, clock_ns);
}

/* A record that was decodable once is decodable again; if not, the journal lied and that is said.
 */
static bool decode_again(struct app *a, struct batch *b)
{
    struct err e = {0};
    if (ingest_decode(&a->ingest_config, b, &e) == ST_OK)
        return true;
    log_error("app: journal record cannot be replayed sequence=%llu reason=\"%s\"",
              (unsigned long long)b->sequence, e.msg);
    return false;
}

static void on_replayed_batch(struct batch *b, void *user)
{
    struct app *a = user;
    struct needs to = needs_of(a, b->sequence);
    bool wanted = b->signal == BATCH_METRICS ? to.series : to.collector;
    if (wanted && decode_again(a, b)) {
        pass_batch(a, to, b);
        return;
    }
    pass_tick(a, to, b->sequence, b->arrival_ns, b->clock_ns);
    batch_free(b);
}

static void on_replayed_tick(uint64_t sequence, uint64_t wall_ns, uint64_t clock_ns, void *user)
{
    struct app *a = user;
    pass_tick(a, needs_of(a, sequence), sequence, wall_ns, clock_ns);
}

static void on_replayed_flush(uint64_t sequence, uint64_t clock_ns, void *user)
{
    struct app *a = user;
    struct needs to = needs_of(a, sequence);
    if (to.series)
        series_store_pass(a->series, sequence);
    if (to.collector)
        collector_flush(a->collector, sequence, clock_ns);
}

/* The journal keeps what either of them would need again, and, while it has room, what the
 * collector would need if its last image were damaged. When only one of them has much to do, the
 * other one's position is old: then it is asked to follow, but not back again the one that is
 * behind by what came meanwhile. Any thread. */
static void trim_journal(struct app *a)
{
    uint64_t collector = a->collector_position, series = a->series_position;
    struct journal_stats stats;
    journal_trim(a->journal, MIN(a->collector_older, series));
    journal_stats(a->journal, MIN(collector, series), &stats);
    if (stats.bytes > a->config.journal_max_bytes / 2)
        journal_trim(a->journal, MIN(collector, series));
    if (!atomic_load(&a->ready) || stats.replay_bytes < CHECKPOINT_BYTES)
        return;
    if (series < collector)
        series_store_checkpoint_soon(a->series);
    else if (collector < series)
        collector_checkpoint_soon(a->collector);
}

static void on_checkpointed(uint64_t position, uint64_t older, void *user)
{
    struct app *a = user;
    a->collector_position = position;
    a->collector_older = older;
    trim_journal(a);
}

static void on_series_checkpointed(uint64_t position, void *user)
{
    struct app *a = user;
    a->series_position = position;
    trim_journal(a);
}

static void on_ticking(bool on, void *user)
{
    struct app *a = user;
    journal_set_ticking(a->journal, on);
}

static void on_tick_soon(void *user)
{
    struct app *a = user;
    journal_tick_soon(a->journal);
}

/* What takes data and what answers questions share a listener. */
static void on_http(struct http_exchange *x, void *user)
{
    struct app *a = user;
    if (ingest_takes_path(http_path(x)))
        ingest_api_http(x, a->ingest);
    else
        query_http(x, a->query);
}

/* --- hooks of the query side --- */

/* How many of the items that were received until `then` are pending. What came later is settled
 * after them. */
static uint64_t pending_items(struct app *a, const struct account_totals *then)
{
    struct account_totals now;
    uint64_t pending = 0;
    account_read(a->account, &now);
    for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
        uint64_t settled = now.rows[i].received - now.rows[i].pending;
        pending += then->rows[i].received - MIN(settled, then->rows[i].received);
    }
    return pending;
}

static enum status hook_flush(void *user, struct err *e)
{
    struct app *a = user;
    struct account_totals then;
    account_read(a->account, &then);
    TRY(journal_append_flush(a->journal, e));
    uint64_t deadline = clock_mono_ns() + FLUSH_WAIT_NS;
    do {
        usleep(FLUSH_POLL_US);
        if (pending_items(a, &then) == 0)
            return ST_OK;
        if (atomic_load(&a->stopping))
            return err_set(e, ST_BUSY, "weft is stopping");
    } while (clock_mono_ns() < deadline);
    return err_set(e, ST_TIMEOUT, "%llu items are still pending",
                   (unsigned long long)pending_items(a, &then));
}

static enum status hook_checkpoint(void *user, struct err *e)
{
    struct app *a = user;
    return collector_checkpoint(a->collector, e);
}

static enum status hook_compact(void *user, struct err *e)
{
    struct app *a = user;
    TRY(collector_checkpoint(a->collector, e));
    TRY(series_store_compact(a->series, e));
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
    journal_stats(a->journal, MIN(a->collector_position, a->series_position), out);
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
                                   .overflow_versions = s.overflow_versions,
                                   .end_before_start = s.end_before_start,
                                   .closed_early = s.closed_early};
}

static void hook_decode_stats(void *user, struct decode_stats *out)
{
    struct app *a = user;
    ingest_decode_stats(a->ingest, out);
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

static uint32_t hook_remote_write(void *user, struct remote_stats *out, uint32_t cap)
{
    struct app *a = user;
    return atomic_load(&a->ready) ? export_stats(a->export, out, cap) : 0;
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
        .closed_bytes_max = c->memory_bytes / CLOSED_SHARE,
        .view_bytes_max = c->memory_bytes / VIEW_SHARE,
        .store = a->store,
        .journal_from = journal_first_sequence(a->journal),
        .account = a->account,
        .budget = &a->budget,
        .checkpointed = on_checkpointed,
        .ticking = on_ticking,
        .tick_soon = on_tick_soon,
        .user = a,
    };
    return collector_new(&config, &a->collector, position, e);
}

static enum status open_series(struct app *a, uint64_t *position, struct err *e)
{
    const struct config *c = &a->config;
    struct series_store_config config = {
        .store = a->store,
        .account = a->account,
        .budget = &a->budget,
        .settings = {.max_active = c->series_max_active,
                     .max_per_sender = c->series_max_per_sender,
                     .downsample_after_s = (uint32_t)(c->series_downsample_after_ns / NS_PER_S),
                     .downsample_step_s = (uint32_t)(c->series_downsample_step_ns / NS_PER_S)},
        .retention_ns = c->retention.series_ns,
        .checkpoint_ns = c->checkpoint_ns,
        .checkpoint_bytes = CHECKPOINT_BYTES,
        .checkpointed = on_series_checkpointed,
        .user = a,
    };
    return series_store_open(&config, &a->series, position, e);
}

static unsigned worker_count(const struct config *c)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (c->workers)
        return c->workers;
    return cores > 0 ? (unsigned)cores : 1;
}

static enum status make_front(struct app *a, struct err *e)
{
    const struct config *c = &a->config;
    a->ingest_config = (struct ingest_config){.limits = c->limits,
                                              .retention = c->retention,
                                              .seed = store_seed(a->store),
                                              .translation = c->translation,
                                              .decoders = worker_count(c),
                                              .budget = &a->budget,
                                              .account = a->account,
                                              .senders = a->senders,
                                              .journal = a->journal,
                                              .prepare = collector_prepare};
    TRY(ingest_new(&a->ingest_config, &a->ingest, e));
    struct query_config query = {
        .store = a->store,
        .account = a->account,
        .senders = a->senders,
        .series = a->series,
        .graph = c->graph,
        .derived = c->derived,
        .retention = c->retention,
        .admin = c->admin,
        .query_bytes = c->memory_bytes / QUERY_SHARE,
        .budget = &a->budget,
        .started_wall_ns = clock_wall_ns(),
        .hooks = {.flush = hook_flush,
                  .compact = hook_compact,
                  .checkpoint = hook_checkpoint,
                  .reload = hook_reload,
                  .ready = hook_ready,
                  .net_counters = hook_net_counters,
                  .journal_stats = hook_journal_stats,
                  .offenders_json = hook_offenders,
                  .pipeline_stats = hook_pipeline_stats,
                  .decode_stats = hook_decode_stats,
                  .listening = hook_listening,
                  .remote_write = hook_remote_write,
                  .user = a},
    };
    return query_new(&query, &a->query, e);
}

static enum status bind_net(struct app *a, struct err *e)
{
    const struct config *c = &a->config;
    struct net_config net = {
        .limits = c->limits,
        .http_addr = str_from_c(c->http),
        .otlp_http_addr = str_from_c(c->otlp_http),
        .otlp_grpc_addr = str_from_c(c->otlp_grpc),
        .workers = worker_count(c),
        .http = on_http,
        .http_user = a,
        .otlp_http = ingest_http,
        .otlp_http_user = a->ingest,
        .grpc_accept_encoding = "identity,gzip,zstd,snappy",
        .budget = &a->budget,
        .admit = ingest_admit,
        .admit_user = a->ingest,
        .unseen = ingest_unseen,
        .unseen_user = a->ingest,
    };
    net.limits.connections = descriptors_for(c->limits.connections);
    net.methods = ingest_grpc_methods(a->ingest, &net.method_count);
    return net_server_new(&net, &a->net, e);
}

static enum status replay(struct app *a, uint64_t position, struct err *e)
{
    struct journal_sink sink = {.batch = on_replayed_batch,
                                .tick = on_replayed_tick,
                                .flush = on_replayed_flush,
                                .user = a};
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
    uint64_t collector = 0, series = 0;
    struct journal_sink sink = {.batch = on_batch, .tick = on_tick, .flush = on_flush, .user = a};
    TRY(open_storage(a, e));
    TRY(make_collector(a, &collector, e));
    TRY(open_series(a, &series, e));
    a->collector_position = a->collector_older = collector;
    a->series_position = series;
    TRY(make_front(a, e));
    TRY(bind_net(a, e));
    TRY(replay(a, MIN(collector, series), e));
    journal_go_on_from(a->journal, MAX(collector, series), collector_clock_ns(a->collector));
    TRY(collector_start(a->collector, e));
    TRY(series_store_start(a->series, e));
    TRY(journal_start(a->journal, &sink, e));
    TRY(export_start(&a->config, a->series, a->query, &a->export, e));
    if (a->config.self_series)
        TRY(self_series_start(a->query, a->ingest, str_from_c(net_server_http_addr(a->net)),
                              &a->self, e));
    atomic_store(&a->ready, true);
    return net_server_start(a->net, e);
}

enum status app_start(const struct config *config, enum status (*reload)(void *user, struct err *e),
                      void *user, struct app **out, struct err *e)
{
    struct app *a = *out = mem_calloc(1, sizeof(*a)); /* now: a reload may come before the return */
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
        *out = NULL;
    }
    return st;
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

/* What may keep a caller waiting for long ends soon. */
static void hurry(struct app *a)
{
    atomic_store(&a->stopping, true);
    if (a->series)
        series_store_rest(a->series);
    if (a->store)
        store_rest(a->store);
}

/* Listeners first, so that nothing new comes; then what was accepted is committed and absorbed;
 * then the last checkpoint lets the journal go. Every pointer may still be NULL after a failed
 * start. */
void app_stop(struct app *a)
{
    hurry(a);
    self_series_stop(a->self); /* it asks query and sends to ingest */
    if (a->ingest)
        ingest_drain(a->ingest);
    if (a->net)
        net_server_drain(a->net, DRAIN_GRACE_NS);
    export_stop(a->export); /* it asks both */
    if (a->query)
        query_free(a->query); /* its /metrics asks ingest's decoders */
    if (a->ingest)
        ingest_stop(a->ingest);
    export_free(a->export);
    if (a->journal) {
        journal_stop(a->journal, true);
        if (atomic_load(&a->ready))
            journal_let_go(a->journal);
    }
    if (a->collector)
        collector_stop(a->collector);
    if (a->series)
        series_store_stop(a->series);
    if (a->net)
        net_server_free(a->net);
    if (a->series)
        series_store_close(a->series);
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
