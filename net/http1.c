/* http1.c - libmicrohttpd glue: its callbacks, its epoll descriptor in our loop, and the way of a
 * request through both. */
#include "net/http1.h"
#include "net/http1_check.h"
#include "net/http1_conn.h"
#include "net/http_answer.h"
#include "base/clock.h"
#include "base/mem.h"
#include <microhttpd.h>
#include <stdio.h>
#include <unistd.h>

/* A connection; MHD clears all of it after each request, so it stays resident while idle. Holds a
 * head of HTTP1_HEAD_BYTES, its parsed fields and ours. */
enum { POOL_BYTES = 20 * KIB };
#define LINGER_NS (2 * NS_PER_S)

static struct http1_conn *conn_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* --- answers --- */

static enum MHD_Result queue(struct http_exchange *x)
{
    struct http1_conn *c = x->conn;
    x->stage = EX_ANSWERED; /* no handler has it any more, also when there was no memory */
    if (x->response == NULL)
        return MHD_NO;
    if (c->owner->draining)
        MHD_add_response_header(x->response, "Connection", "close");
    enum MHD_Result rc = MHD_queue_response(c->mhd, x->status, x->response);
    MHD_destroy_response(x->response);
    x->response = NULL;
    http1_conn_await_reader(c, clock_mono_ns());
    return rc;
}

void http1_deliver(struct http_exchange *x)
{
    if (x->conn == NULL) {
        http_exchange_free(x);
        return;
    }
    struct MHD_Connection *mhd = x->conn->mhd;
    queue(x);
    MHD_resume_connection(mhd);
}

static void tell_unseen(const struct http_exchange *x, enum status why)
{
    const struct net_config *config = x->owner->config;
    if (x->port == PORT_OTLP_HTTP && config->unseen)
        config->unseen(why, config->unseen_user);
}

/* `http` 0: as the status says. */
static enum MHD_Result refuse(struct http_exchange *x, unsigned http, const struct err *e)
{
    struct http_response r;
    http_answer_error(&x->fields, x->port, http, e, &r);
    if (e->status == ST_TOO_BIG)
        stat_add(&x->owner->stats->too_big);
    tell_unseen(x, e->status);
    http_exchange_fill(x, &r);
    return queue(x);
}

/* Before the body was read: MHD closes after such an answer, so that the rest is drained by a
 * lingering socket. */
static enum MHD_Result refuse_early(struct http_exchange *x, unsigned http, const struct err *e)
{
    x->conn->linger = true;
    return refuse(x, http, e);
}

/* --- the head --- */

static enum MHD_Result on_field(void *user, enum MHD_ValueKind kind, const char *name,
                                size_t name_len, const char *value, size_t value_len)
{
    struct fields *fields = user;
    (void)kind;
    return fields_add(fields, (struct str){name, name_len}, (struct str){value, value_len})
               ? MHD_YES
               : MHD_NO;
}

static bool may_come(struct http_exchange *x, struct err *e)
{
    const struct net_config *config = x->owner->config;
    uint64_t length = 0;
    str_to_u64(fields_find(&x->fields, STR("content-length")), &length);
    if (length > config->limits.body_bytes) {
        err_set(e, ST_TOO_BIG, "the body has %llu bytes, the limit is %llu",
                (unsigned long long)length, (unsigned long long)config->limits.body_bytes);
        return false;
    }
    x->body.promised = length;
    struct str agent = fields_find(&x->fields, STR("user-agent"));
    return x->port != PORT_OTLP_HTTP || config->admit == NULL ||
           config->admit(length, agent, e, config->admit_user);
}

static enum MHD_Result begin(struct http_exchange *x, const char *method, const char *version)
{
    struct err e;
    struct http1_conn *c = x->conn;
    x->stage = EX_BODY;
    x->port = c->in->port;
    snprintf(x->method, sizeof(x->method), "%s", method);
    memcpy(x->peer, c->in->peer_text, sizeof(x->peer));
    http1_conn_await_body(c, clock_mono_ns());
    MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, on_field, &x->fields);
    struct http1_fault fault = http1_check_head(&x->fields, str_from_c(version), buf_str(&x->uri),
                                                x->owner->config->limits.header_list_bytes);
    if (fault.http) {
        http1_count_fault(x->owner->stats, fault);
        err_set(&e, ST_INVALID, "%s", fault.sentence);
        return refuse_early(x, fault.http, &e);
    }
    if (!may_come(x, &e))
        return refuse_early(x, 0, &e);
    return MHD_YES;
}

/* --- the body, and the handler --- */

static void take_body(struct http_exchange *x, struct str bytes)
{
    uint64_t most = x->owner->config->limits.body_bytes;
    x->conn->body_bytes += bytes.len;
    if (x->refused.status == ST_OK && body_append(&x->body, bytes, most, &x->refused) != ST_OK)
        body_deinit(&x->body);
}

static enum MHD_Result dispatch(struct http_exchange *x)
{
    const struct net_config *config = x->owner->config;
    bool is_otlp = x->port == PORT_OTLP_HTTP;
    struct MHD_Connection *mhd = x->conn->mhd;
    x->stage = EX_DISPATCHING;
    http1_conn_heard_request(x->conn);
    if (is_otlp)
        config->otlp_http(x, config->otlp_http_user);
    else
        config->http(x, config->http_user);
    if (x->answered_at_once)
        return queue(x);
    x->stage = EX_HELD;
    MHD_suspend_connection(mhd);
    return MHD_YES;
}

static enum MHD_Result end_body(struct http_exchange *x)
{
    return x->refused.status == ST_OK ? dispatch(x) : refuse(x, 0, &x->refused);
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *len, void **context)
{
    struct http_exchange *x = *context;
    (void)user, (void)mhd, (void)url;
    if (x == NULL)
        return MHD_NO;
    if (x->stage == EX_HEAD)
        return begin(x, method, version);
    if (x->stage != EX_BODY)
        return MHD_NO; /* resumed without an answer: the connection is being closed */
    if (*len == 0)
        return end_body(x);
    take_body(x, (struct str){bytes, *len});
    *len = 0;
    return MHD_YES;
}

/* --- life of connections and requests, as MHD tells --- */

static void *on_uri(void *user, const char *uri, struct MHD_Connection *mhd)
{
    struct http1_conn *c = conn_of(mhd);
    /* The door saw the connection's first head only. */
    if (http1_check_target(str_from_c(uri)).http)
        http1_conn_end_crowded(c);
    c->x = http_exchange_new(user, c, uri);
    return c->x;
}

static bool was_answered(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_HTTP_STATUS);
    return info && info->http_status != 0;
}

/* What was answered, but not by us, MHD could not read. */
static void count_end(struct http1 *h, const struct http1_conn *c, const struct http_exchange *x,
                      bool is_done)
{
    bool is_unreadable = x->stage < EX_ANSWERED && was_answered(c->mhd);
    if (is_unreadable)
        stat_add(&h->stats->protocol_errors);
    else if (!is_done && !c->ended)
        stat_add(&h->stats->aborted);
    if (x->stage == EX_BODY)
        tell_unseen(x, is_unreadable ? ST_INVALID : ST_OK);
}

static void on_completed(void *user, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode how)
{
    struct http1 *h = user;
    struct http1_conn *c = conn_of(mhd);
    struct http_exchange *x = *context;
    *context = NULL;
    c->x = NULL;
    http1_conn_await(c, clock_mono_ns(), h->config->limits.idle_ns);
    if (x == NULL)
        return;
    count_end(h, c, x, how == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    if (x->stage == EX_HELD)
        x->conn = NULL;
    else
        http_exchange_free(x);
}

static void on_opened(struct http1 *h, struct MHD_Connection *mhd, void **context)
{
    struct http1_conn *c = h->adopting;
    h->adopting = NULL;
    c->mhd = mhd;
    *context = c;
    list_add_tail(&h->open, &c->link);
    http1_conn_await(c, clock_mono_ns(), 0);
}

/* A head that MHD can neither read nor answer (http_answer.c: unreadable()) is never completed. */
static void end_unreadable(struct http1 *h, struct http_exchange *x)
{
    stat_add(&h->stats->protocol_errors);
    http_exchange_free(x);
}

static void on_closed(struct http1 *h, struct http1_conn *c)
{
    if (c->x)
        end_unreadable(h, c->x);
    int copy = c->linger ? dup(c->fd) : -1;
    if (copy >= 0)
        linger_start(h->lingers, copy, c->in, (struct str){NULL, 0}, clock_mono_ns() + LINGER_NS);
    else
        inbound_free(c->in);
    list_remove(&c->link);
    mem_free(c);
}

static void on_connection(void *user, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        on_opened(user, mhd, context);
    else if (*context)
        on_closed(user, *context);
}

void http1_add(struct http1 *h, struct inbound *in)
{
    struct sockaddr_in nobody = {.sin_family = AF_INET};
    struct http1_conn *c = mem_calloc(1, sizeof(*c));
    if (c == NULL) {
        inbound_free(in);
        return;
    }
    c->owner = h;
    c->in = in;
    c->fd = in->fd;
    in->fd = -1;
    h->adopting = c;
    /* libmicrohttpd 0.9 opens the connection here, 1.0 in the next MHD_run(). */
    if (MHD_add_connection(h->mhd, c->fd, (struct sockaddr *)&nobody, sizeof(nobody)))
        http1_pump(h);
    if (h->adopting == NULL)
        return;
    h->adopting = NULL;
    inbound_free(in);
    mem_free(c);
}

/* --- MHD in the loop --- */

static void on_again(uv_timer_t *timer)
{
    http1_pump(timer->data);
}

static void on_at_once(uv_idle_t *idle)
{
    http1_pump(idle->data);
}

/* A timer of 0 ms that is started from its own callback would never let libuv leave its timers. */
void http1_pump(struct http1 *h)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    MHD_run(h->mhd);
    bool waits = MHD_get_timeout(h->mhd, &wait_ms) == MHD_YES;
    if (waits && wait_ms == 0) {
        uv_idle_start(&h->at_once, on_at_once);
        return;
    }
    uv_idle_stop(&h->at_once);
    if (waits)
        uv_timer_start(&h->again, on_again, wait_ms, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    http1_pump(poll->data);
}

static struct MHD_Daemon *start_daemon(struct http1 *h)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL,
        NULL, on_request, h, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)h->config->limits.connections + 1,
        MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_URI_LOG_CALLBACK, on_uri, h,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        h, MHD_OPTION_END);
}

enum status http1_init(struct http1 *h, struct err *e)
{
    list_init(&h->waiting);
    list_init(&h->open);
    h->mhd = start_daemon(h);
    if (h->mhd == NULL)
        return err_set(e, ST_IO, "cannot start libmicrohttpd");
    int fd = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    int rc = uv_poll_init(h->loop, &h->poll, fd);
    if (rc != 0) {
        MHD_stop_daemon(h->mhd);
        return err_set(e, ST_IO, "cannot watch libmicrohttpd: %s", uv_strerror(rc));
    }
    uv_timer_init(h->loop, &h->again);
    uv_idle_init(h->loop, &h->at_once);
    h->poll.data = h->again.data = h->at_once.data = h;
    uv_poll_start(&h->poll, UV_READABLE, on_readable);
    return ST_OK;
}

void http1_stop(struct http1 *h)
{
    uv_close((uv_handle_t *)&h->poll, NULL);
    uv_close((uv_handle_t *)&h->again, NULL);
    uv_close((uv_handle_t *)&h->at_once, NULL);
    MHD_stop_daemon(h->mhd);
    h->mhd = NULL;
}

bool http1_is_empty(const struct http1 *h)
{
    return list_is_empty(&h->waiting) && list_is_empty(&h->open);
}

/* Between requests there is nothing to wait for. */
static void end_idle(struct http1 *h)
{
    LIST_EACH(node, &h->open)
    {
        struct http1_conn *c = CONTAINER_OF(node, struct http1_conn, link);
        if (c->x == NULL && !c->ended)
            http1_conn_end(c);
    }
}

void http1_tick(struct http1 *h, uint64_t now_ns)
{
    LIST_EACH(node, &h->open)
    http1_conn_tick(CONTAINER_OF(node, struct http1_conn, link), now_ns);
    if (h->draining)
        end_idle(h);
}

void http1_drain(struct http1 *h)
{
    h->draining = true;
    end_idle(h);
    http1_pump(h);
}

void http1_close_all(struct http1 *h)
{
    LIST_EACH(node, &h->open)
    {
        struct http1_conn *c = CONTAINER_OF(node, struct http1_conn, link);
        http1_conn_end(c);
        if (c->x && c->x->stage == EX_HELD)
            MHD_resume_connection(c->mhd);
    }
    http1_pump(h);
}
