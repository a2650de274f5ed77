/* worker.c - a worker's mail, its clock tick, and its end. */
#include "net/worker.h"
#include "net/http1_door.h"
#include "net/http1_exchange.h"
#include "base/clock.h"
#include <stdio.h>

enum { TICK_MS = 250, DRAIN_TICK_MS = 20 };

/* --- answers on their way back to the loop --- */

static void deliver_call(struct grpc_call *call, void *user)
{
    struct worker *w = user;
    if (loop_is_current(&w->loop)) {
        grpc_call_deliver(call);
        return;
    }
    call->mail.kind = WORKER_GRPC;
    loop_post(&w->loop, &call->mail);
}

static void deliver_exchange(struct http_exchange *x, void *user)
{
    struct worker *w = user;
    if (loop_is_current(&w->loop) && x->stage == EX_DISPATCHING) {
        x->answered_at_once = true;
        return;
    }
    x->mail.kind = WORKER_HTTP;
    loop_post(&w->loop, &x->mail);
}

/* --- the end --- */

static bool is_empty(const struct worker *w)
{
    return list_is_empty(&w->h2.open) && http1_is_empty(&w->http1) &&
           list_is_empty(&w->lingers.open);
}

static void close_all(struct worker *w)
{
    h2_conns_close_all(&w->h2);
    http1_door_tick(&w->http1, UINT64_MAX);
    http1_close_all(&w->http1);
    linger_close_all(&w->lingers);
}

static void check_drained(struct worker *w)
{
    if (!w->is_drained && clock_mono_ns() >= w->grace_end_ns)
        close_all(w);
    if (w->is_drained || !is_empty(w))
        return;
    w->is_drained = true;
    uv_sem_post(&w->drained);
}

static void drain(struct worker *w)
{
    w->draining = true;
    h2_conns_drain(&w->h2);
    http1_door_tick(&w->http1, UINT64_MAX);
    http1_drain(&w->http1);
    uv_timer_set_repeat(&w->tick, DRAIN_TICK_MS);
    uv_timer_again(&w->tick);
}

static void stop(struct worker *w)
{
    w->stopping = true;
    close_all(w);
    http1_stop(&w->http1);
    linger_close_all(&w->lingers);
    uv_close((uv_handle_t *)&w->tick, NULL);
    loop_stop(&w->loop);
}

/* --- mail --- */

static void take_socket(struct worker *w, struct inbound *in)
{
    if (w->draining || w->stopping)
        inbound_free(in);
    else if (in->port == PORT_OTLP_GRPC)
        h2_conns_adopt(&w->h2, in);
    else
        http1_door_enter(&w->http1, in);
}

static void on_mail(struct mail *mail, void *user)
{
    struct worker *w = user;
    switch (mail->kind) {
    case WORKER_SOCKET:
        take_socket(w, CONTAINER_OF(mail, struct inbound, mail));
        break;
    case WORKER_GRPC:
        grpc_call_deliver(CONTAINER_OF(mail, struct grpc_call, mail));
        break;
    case WORKER_HTTP:
        http1_deliver(CONTAINER_OF(mail, struct http_exchange, mail));
        w->http_answered = true;
        break;
    case WORKER_DRAIN:
        drain(w);
        break;
    default:
        stop(w);
    }
}

/* All answers of one wake-up leave in one write a connection. */
static void on_batch_end(void *user)
{
    struct worker *w = user;
    if (w->stopping)
        return;
    h2_conns_flush(&w->h2);
    if (w->http_answered)
        http1_pump(&w->http1);
    w->http_answered = false;
}

static void on_tick(uv_timer_t *tick)
{
    struct worker *w = tick->data;
    uint64_t now_ns = clock_mono_ns();
    h2_conns_tick(&w->h2, now_ns);
    http1_door_tick(&w->http1, now_ns);
    http1_tick(&w->http1, now_ns);
    linger_tick(&w->lingers, now_ns);
    if (w->draining)
        check_drained(w);
}

/* --- life --- */

static void join_parts(struct worker *w, const struct net_config *config, const char *http_addr)
{
    linger_set_init(&w->lingers, &w->loop.uv);
    grpc_host_init(&w->grpc, config, w->stats);
    w->grpc.deliver = deliver_call;
    w->grpc.user = w;
    w->h2 = (struct h2_conns){
        .loop = &w->loop.uv, .host = &w->grpc, .lingers = &w->lingers, .http_addr = http_addr};
    w->http1 = (struct http1){.config = config,
                              .stats = w->stats,
                              .lingers = &w->lingers,
                              .loop = &w->loop.uv,
                              .deliver = deliver_exchange,
                              .user = w};
}

enum status worker_init(struct worker *w, const struct net_config *config, struct net_stats *stats,
                        const char *http_addr, struct err *e)
{
    *w = (struct worker){.stats = stats};
    TRY(loop_init(&w->loop, &(struct loop_hooks){on_mail, on_batch_end, w}, e));
    join_parts(w, config, http_addr);
    enum status st = h2_conns_init(&w->h2, e);
    if (st == ST_OK)
        st = http1_init(&w->http1, e);
    if (st != ST_OK) {
        loop_deinit(&w->loop);
        h2_conns_deinit(&w->h2);
        return st;
    }
    uv_sem_init(&w->drained, 0);
    uv_timer_init(&w->loop.uv, &w->tick);
    w->tick.data = w;
    return ST_OK;
}

enum status worker_start(struct worker *w, unsigned index, struct err *e)
{
    char name[16];
    snprintf(name, sizeof(name), "worker-%u", index % 1000);
    uv_timer_start(&w->tick, on_tick, TICK_MS, TICK_MS);
    return loop_start(&w->loop, name, e);
}

void worker_drain(struct worker *w, uint64_t grace_end_ns)
{
    w->grace_end_ns = grace_end_ns;
    w->drain_mail.kind = WORKER_DRAIN;
    loop_post(&w->loop, &w->drain_mail);
}

void worker_wait_drained(struct worker *w)
{
    uv_sem_wait(&w->drained);
}

void worker_deinit(struct worker *w)
{
    if (w->loop.started) {
        w->stop_mail.kind = WORKER_STOP;
        loop_post(&w->loop, &w->stop_mail);
    } else {
        stop(w);
    }
    loop_deinit(&w->loop);
    h2_conns_deinit(&w->h2);
    grpc_host_deinit(&w->grpc);
    uv_sem_destroy(&w->drained);
}
