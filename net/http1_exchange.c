/* http1_exchange.c - what a handler sees of an HTTP/1.1 request, and how its answer gets back. */
#include "net/http1_exchange.h"
#include "net/http_answer.h"
#include "base/mem.h"
#include <microhttpd.h>

/* Path and query of a request target, also of one with scheme and authority (RFC 9112, 3.2.2). */
static void append_origin_form(struct buf *uri, struct str target)
{
    static const struct str schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < LEN(schemes); i++) {
        if (!str_eq_nocase(str_sub(target, 0, schemes[i].len), schemes[i]))
            continue;
        size_t end = schemes[i].len; /* of the authority */
        while (end < target.len && target.ptr[end] != '/' && target.ptr[end] != '?')
            end++;
        target = str_sub(target, end, target.len);
        if (!str_starts_with(target, STR("/")))
            buf_append_str(uri, STR("/"));
    }
    buf_append_str(uri, target);
}

struct http_exchange *http_exchange_new(struct http1 *owner, struct http1_conn *conn,
                                        const char *uri)
{
    struct http_exchange *x = mem_calloc(1, sizeof(*x));
    if (x == NULL)
        return NULL;
    x->owner = owner;
    x->conn = conn;
    x->body.budget = owner->config->budget;
    append_origin_form(&x->uri, str_from_c(uri));
    if (x->uri.failed) {
        http_exchange_free(x);
        return NULL;
    }
    return x;
}

void http_exchange_free(struct http_exchange *x)
{
    if (x == NULL)
        return;
    buf_deinit(&x->uri);
    fields_deinit(&x->fields);
    body_deinit(&x->body);
    if (x->response)
        MHD_destroy_response(x->response);
    mem_free(x);
}

void http_exchange_fill(struct http_exchange *x, struct http_response *r)
{
    x->status = r->status;
    x->answer_bytes = r->body.len;
    x->response = http_answer_build(&x->fields, x->owner->config->budget, r);
}

struct str http_method(const struct http_exchange *x)
{
    return str_from_c(x->method);
}

struct str http_path(const struct http_exchange *x)
{
    struct str path, query;
    str_cut(buf_str(&x->uri), '?', &path, &query);
    return path;
}

struct str http_query(const struct http_exchange *x)
{
    struct str path, query;
    str_cut(buf_str(&x->uri), '?', &path, &query);
    return query;
}

struct str http_header(const struct http_exchange *x, const char *name)
{
    return fields_find(&x->fields, str_from_c(name));
}

unsigned http_header_count(const struct http_exchange *x, const char *name)
{
    return fields_count(&x->fields, str_from_c(name));
}

struct str http_body(const struct http_exchange *x)
{
    return (struct str){x->body.ptr, x->body.len};
}

struct str http_take_body(struct http_exchange *x)
{
    return body_take(&x->body);
}

struct str http_peer(const struct http_exchange *x)
{
    return str_from_c(x->peer);
}

void http_reply(struct http_exchange *x, struct http_response *response)
{
    http_exchange_fill(x, response);
    x->owner->deliver(x, x->owner->user);
}
