/* server.c - binds the three ports and joins acceptor and workers; the life of the whole network
 * side. */
#include "net/server.h"
#include "net/worker.h"
#include "base/clock.h"
#include "base/mem.h"

struct net_server {
    struct net_config config;
    struct net_stats stats;
    struct listener listeners[PORT_COUNT];
    struct acceptor *acceptor;
    struct acceptor_worker *seats; /* config.workers of each */
    struct worker *workers;
    unsigned made; /* workers that were initialised */
    bool started;
};

static enum status open_listeners(struct net_server *s, struct err *e)
{
    const struct str addrs[PORT_COUNT] = {
        [PORT_HTTP] = s->config.http_addr,
        [PORT_OTLP_HTTP] = s->config.otlp_http_addr,
        [PORT_OTLP_GRPC] = s->config.otlp_grpc_addr,
    };
    for (size_t i = 0; i < PORT_COUNT; i++)
        TRY(listener_open(addrs[i], &s->listeners[i], e));
    return ST_OK;
}

static enum status make_workers(struct net_server *s, struct err *e)
{
    s->workers = mem_calloc(s->config.workers, sizeof(*s->workers));
    s->seats = mem_calloc(s->config.workers, sizeof(*s->seats));
    if (s->workers == NULL || s->seats == NULL)
        return err_set(e, ST_NO_MEMORY, "no memory for the workers");
    for (unsigned i = 0; i < s->config.workers; i++) {
        TRY(worker_init(&s->workers[i], &s->config, &s->stats, s->listeners[PORT_OTLP_HTTP].addr,
                        e));
        s->seats[i].loop = &s->workers[i].loop;
        s->made++;
    }
    return ST_OK;
}

static enum status make_acceptor(struct net_server *s, struct err *e)
{
    const struct acceptor_config config = {
        .listeners = s->listeners,
        .workers = s->seats,
        .worker_count = s->config.workers,
        .mail_kind = WORKER_SOCKET,
        .max_connections = s->config.limits.connections,
        .max_per_peer = s->config.limits.per_peer,
        .stats = &s->stats,
    };
    return acceptor_new(&config, &s->acceptor, e);
}

enum status net_server_new(const struct net_config *config, struct net_server **out, struct err *e)
{
    struct net_server *s = mem_calloc(1, sizeof(*s));
    if (s == NULL)
        return err_set(e, ST_NO_MEMORY, "no memory for the server");
    s->config = *config;
    for (size_t i = 0; i < PORT_COUNT; i++)
        s->listeners[i].fd = -1;
    enum status st = open_listeners(s, e);
    if (st == ST_OK)
        st = make_workers(s, e);
    if (st == ST_OK)
        st = make_acceptor(s, e);
    if (st == ST_OK)
        *out = s;
    else
        net_server_free(s);
    return st;
}

enum status net_server_start(struct net_server *s, struct err *e)
{
    for (unsigned i = 0; i < s->made; i++)
        TRY(worker_start(&s->workers[i], i, e));
    s->started = true;
    return acceptor_start(s->acceptor, e);
}

const char *net_server_http_addr(const struct net_server *s)
{
    return s->listeners[PORT_HTTP].addr;
}

const char *net_server_otlp_http_addr(const struct net_server *s)
{
    return s->listeners[PORT_OTLP_HTTP].addr;
}

const char *net_server_otlp_grpc_addr(const struct net_server *s)
{
    return s->listeners[PORT_OTLP_GRPC].addr;
}

void net_server_counters(struct net_server *s, struct net_counters *out)
{
    const struct net_stats *t = &s->stats;
    *out = (struct net_counters){
        .connections_open = stat_get(&t->connections_open),
        .connections_total = stat_get(&t->connections_total),
        .refused_connections = stat_get(&t->refused_connections),
        .refused_per_peer = stat_get(&t->refused_per_peer),
        .too_big = stat_get(&t->too_big),
        .refused_streams = stat_get(&t->refused_streams),
        .large_heads = stat_get(&t->large_heads),
        .slow_heads = stat_get(&t->slow_heads),
        .slow_bodies = stat_get(&t->slow_bodies),
        .idle = stat_get(&t->idle),
        .abusive = stat_get(&t->abusive),
        .protocol_errors = stat_get(&t->protocol_errors),
        .aborted = stat_get(&t->aborted),
    };
}

void net_server_drain(struct net_server *s, uint64_t grace_ns)
{
    acceptor_close(s->acceptor);
    if (!s->started)
        return;
    uint64_t grace_end_ns = clock_mono_ns() + grace_ns;
    for (unsigned i = 0; i < s->made; i++)
        worker_drain(&s->workers[i], grace_end_ns);
    for (unsigned i = 0; i < s->made; i++)
        worker_wait_drained(&s->workers[i]);
}

void net_server_free(struct net_server *s)
{
    if (s == NULL)
        return;
    if (s->acceptor)
        acceptor_close(s->acceptor);
    for (unsigned i = 0; i < s->made; i++)
        worker_deinit(&s->workers[i]);
    acceptor_free(s->acceptor);
    for (size_t i = 0; i < PORT_COUNT; i++)
        listener_close(&s->listeners[i]);
    mem_free(s->workers);
    mem_free(s->seats);
    mem_free(s);
}
