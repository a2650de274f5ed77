/* dispatch.c - path, method, readiness, parameters, view, handler: each says no in its own
 * sentence. */
#include "query/dispatch.h"
#include "base/clock.h"
#include "query/route.h"

/* Longest decoded path and parameters that the loop looks at. */
enum { LOOP_ARENA_BYTES = 256 * KIB };

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
                            .arena = arena,
                            .accept_encoding = q->accept_encoding,
                            .if_none_match = q->if_none_match,
                            .now_ns = clock_wall_ns()};
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
        reply_method_not_allowed(out, route_allow(route));
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

static void out_of_memory(struct http_response *out)
{
    struct err e;
    err_set(&e, ST_NO_MEMORY, "no memory for the answer");
    reply_error(out, &e);
}

static enum status handle(const struct route *route, struct request *r, struct str query,
                          struct http_response *out, struct err *e)
{
    if (!(route->flags & ROUTE_LAX))
        TRY(params_parse(query, route->params, r->arena, r->now_ns, &r->params, e));
    if (route->flags & ROUTE_VIEW && !r->view)
        TRY(live_view_get(r->live, &r->view, e));
    return route->handler(r, out, e);
}

static void run_handler(const struct route *route, struct request *r, struct str query,
                        struct http_response *out)
{
    struct err e = {0};
    if (handle(route, r, query, out, &e) != ST_OK)
        reply_error(out, &e);
    if (out->body.failed)
        out_of_memory(out);
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
        reply_error(out, &e);
        return true;
    }
    if (answer_method(route, q->method, out))
        return true;
    if (check_ready(d, route, &e) != ST_OK) {
        reply_error(out, &e);
        return true;
    }
    if (!(route->flags & ROUTE_LOOP))
        return false;
    run_handler(route, &r, q->query, out);
    return true;
}

bool dispatch_quick(struct dispatcher *d, const struct question *q, struct http_response *out)
{
    struct arena arena = {.limit_bytes = LOOP_ARENA_BYTES};
    bool done = quick(d, q, &arena, out);
    arena_deinit(&arena);
    return done;
}

void dispatch_full(struct dispatcher *d, const struct question *q, struct arena *arena,
                   struct http_response *out)
{
    struct err e = {0};
    const struct route *route;
    struct request r = request_of(d, q, arena);
    if (find_route(d, q, &r, &route, &e) == ST_OK)
        run_handler(route, &r, q->query, out);
    else
        reply_error(out, &e);
}
