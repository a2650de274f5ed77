/* dispatch.c - path, method, readiness, parameters, view, handler: each says no in its own
 * sentence. */
#include "query/dispatch.h"
#include "base/clock.h"
#include "query/prom_reply.h"
#include "query/route.h"

/* Longest decoded path and parameters that the loop looks at; longest form, as Go's servers. */
enum { LOOP_ARENA_BYTES = 256 * KIB, FORM_BYTES_MAX = 10 * MIB };

void dispatcher_init(struct dispatcher *d)
{
    pthread_mutex_init(&d->lock, NULL);
}

void dispatcher_deinit(struct dispatcher *d)
{
    pthread_mutex_destroy(&d->lock);
}

void dispatcher_set_graph(struct dispatcher *d, const struct graph_settings *graph)
{
    pthread_mutex_lock(&d->lock);
    d->config.graph = *graph;
    pthread_mutex_unlock(&d->lock);
}

static enum status find_route(struct dispatcher *d, const struct question *q, struct request *r,
                              const struct route **route, struct err *e)
{
    TRY(route_decode_path(q->path, r->arena, &r->path, e));
    *route = route_find(r->path, &r->id);
    if (!*route)
        return err_set(e, ST_NOT_FOUND, "there is no such path here");
    if ((*route)->flags & ROUTE_ADMIN && !d->config.admin)
        return err_set(e, ST_NOT_FOUND, "this path needs `admin: true` in the configuration");
    return ST_OK;
}

static struct request request_of(struct dispatcher *d, const struct question *q,
                                 struct arena *arena)
{
    pthread_mutex_lock(&d->lock);
    struct graph_settings graph = d->config.graph;
    pthread_mutex_unlock(&d->lock);
    return (struct request){.config = &d->config,
                            .graph = graph,
                            .live = &d->live,
                            .ending = &d->ending,
                            .arena = arena,
                            .accept = q->accept,
                            .accept_encoding = q->accept_encoding,
                            .if_none_match = q->if_none_match,
                            .now_ns = clock_wall_ns()};
}

static bool is_prom(const struct route *route)
{
    return route->flags & ROUTE_PROM;
}

static void reply_failure(const struct route *route, struct http_response *out, const struct err *e)
{
    if (is_prom(route))
        prom_reply_error(out, e);
    else
        reply_error(out, e);
}

/* There is no route. Prometheus' paths take OPTIONS everywhere; `OPTIONS *` asks what the listener
 * can do at all (RFC 9110 9.3.7). */
static void answer_nowhere(struct str path, struct str method, struct http_response *out,
                           const struct err *e)
{
    bool is_options = str_eq(method, STR("OPTIONS"));
    if (is_options && str_eq(path, STR("*"))) {
        out->status = 204;
        reply_header(out, "Allow", "GET, HEAD, POST, PUT, OPTIONS");
    } else if (!route_is_prom(path)) {
        reply_error(out, e);
    } else if (is_options) {
        out->status = 204;
    } else if (e->status == ST_NOT_FOUND) {
        prom_reply_line(out, 404, "404 page not found");
    } else {
        prom_reply_error(out, e);
    }
}

static void refuse_method(const struct route *route, struct http_response *out)
{
    if (!is_prom(route)) {
        reply_method_not_allowed(out, route_allow(route));
        return;
    }
    prom_reply_line(out, 405, "Method Not Allowed");
    reply_header(out, "Allow", route_allow(route));
}

/* True when the method alone decides. */
static bool answer_method(const struct route *route, struct str method, struct http_response *out)
{
    if (route_takes(route, method))
        return false;
    if (str_eq(method, STR("OPTIONS"))) {
        out->status = 204;
        reply_header(out, "Allow", route_allow(route));
    } else {
        refuse_method(route, out);
    }
    return true;
}

static enum status check_ready(const struct dispatcher *d, const struct route *route, struct err *e)
{
    const char *reason;
    if (!(route->flags & (ROUTE_VIEW | ROUTE_READY)) || api_is_ready(&d->config, &reason))
        return ST_OK;
    return err_set(e, ST_IO, "weft cannot answer yet: %s", reason);
}

static enum status parse_form(const struct question *q, struct request *r, struct err *e)
{
    struct err inner = {0};
    if (q->form.len > FORM_BYTES_MAX)
        return err_set(e, ST_TOO_BIG, "error parsing form values: http: POST too large");
    enum status status =
        params_parse_lax(q->form, q->query, r->arena, r->now_ns, &r->params, &inner);
    return status == ST_OK ? ST_OK : err_set(e, status, "error parsing form values: %s", inner.msg);
}

static enum status parse_params(const struct route *route, const struct question *q,
                                struct request *r, struct err *e)
{
    if (is_prom(route))
        return parse_form(q, r, e);
    if (route->flags & ROUTE_LAX)
        return ST_OK;
    return params_parse(q->query, route->params, r->arena, r->now_ns, &r->params, e);
}

static enum status handle(const struct route *route, const struct question *q, struct request *r,
                          struct http_response *out, struct err *e)
{
    TRY(query_budget_check(&(struct query_budget){.ending = r->ending},
                           e)); /* it waited too long */
    TRY(parse_params(route, q, r, e));
    if (route->flags & ROUTE_VIEW && !r->view)
        TRY(live_view_get(r->live, &r->view, e));
    return route->handler(r, out, e);
}

/* Asking again would not help when it was the question's own limit: half of it is used up, so what
 * did not fit was large. */
static void blame_question(const struct arena *arena, struct err *e)
{
    if (arena->is_refused) {
        err_set(e, ST_NO_MEMORY,
                "the memory budget is used up, the query held %zu KiB of it: ask again later, or "
                "for less",
                arena->most_bytes / KIB);
        return;
    }
    if (e->status == ST_NO_MEMORY && arena->limit_bytes &&
        arena->used_bytes > arena->limit_bytes / 2)
        err_set(e, ST_QUERY, "the query needs more memory than the %zu MiB it may use",
                arena->limit_bytes / MIB);
}

/* The body could not grow: memory is short, or the answer is longer than one may be. */
static void body_failed(const struct route *route, struct arena *arena, struct http_response *out)
{
    struct err e;
    size_t max_bytes = arena->limit_bytes;
    if (max_bytes && !arena->is_refused && out->body.len > max_bytes / 2)
        err_set(&e, ST_QUERY, "the answer is larger than %zu MiB: ask for less", max_bytes / MIB);
    else
        err_set(&e, ST_NO_MEMORY, "no memory for the answer");
    blame_question(arena, &e);
    reply_failure(route, out, &e);
}

static void run_handler(const struct route *route, const struct question *q, struct request *r,
                        struct http_response *out)
{
    struct err e = {0};
    struct query_budget budget = {.deadline_mono_ns = clock_mono_ns() + QUERY_TIMEOUT_NS,
                                  .late = "the answer took longer than 2 minutes: ask for less",
                                  .ending = r->ending,
                                  .payer = r->arena};
    r->budget = &budget;
    if (handle(route, q, r, out, &e) != ST_OK) {
        blame_question(r->arena, &e);
        reply_failure(route, out, &e);
    }
    if (out->body.failed)
        body_failed(route, r->arena, out);
    if (r->view)
        edge_view_unref(r->view);
}

/* Everything that needs no pool; false leaves *out empty. */
static bool quick(struct dispatcher *d, const struct question *q, struct arena *arena,
                  struct http_response *out)
{
    struct err e = {0};
    const struct route *route;
    struct request r = request_of(d, q, arena);
    if (find_route(d, q, &r, &route, &e) != ST_OK) {
        answer_nowhere(r.path.len ? r.path : q->path, q->method, out, &e);
        return true;
    }
    if (answer_method(route, q->method, out))
        return true;
    if (check_ready(d, route, &e) != ST_OK) {
        reply_failure(route, out, &e);
        return true;
    }
    if (!(route->flags & ROUTE_LOOP))
        return false;
    run_handler(route, q, &r, out);
    return true;
}

/* A page of another origin may read what Prometheus' paths answer, whatever it is. */
static void allow_origin(const struct question *q, struct http_response *out)
{
    if (q->origin.len && route_is_prom(q->path))
        prom_reply_cors(out);
}

bool dispatch_quick(struct dispatcher *d, const struct question *q, struct http_response *out)
{
    struct arena arena = {.limit_bytes = LOOP_ARENA_BYTES};
    bool done = quick(d, q, &arena, out);
    if (done)
        allow_origin(q, out);
    arena_deinit(&arena);
    return done;
}

void dispatch_full(struct dispatcher *d, const struct question *q, struct arena *arena,
                   struct http_response *out)
{
    struct err e = {0};
    const struct route *route;
    struct request r = request_of(d, q, arena);
    out->body.payer = arena;
    if (find_route(d, q, &r, &route, &e) == ST_OK)
        run_handler(route, q, &r, out);
    else
        answer_nowhere(r.path.len ? r.path : q->path, q->method, out, &e);
    out->body.payer = NULL;
    allow_origin(q, out);
}
