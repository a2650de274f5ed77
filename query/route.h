/* route.h - which handler answers a method and a path. */
#ifndef WEFT_QUERY_ROUTE_H
#define WEFT_QUERY_ROUTE_H

#include "query/api.h"

enum route_flag {
    ROUTE_PREFIX = 1, /* what follows the path is an id */
    ROUTE_LOOP = 2,   /* answered on the loop: never blocks */
    ROUTE_VIEW = 4,   /* needs a live view, so 503 until weft is ready */
    ROUTE_READY = 8,  /* 503 until weft is ready */
    ROUTE_ADMIN = 16, /* 404 without `admin: true` */
    ROUTE_POST = 32,  /* POST instead of GET and HEAD */
    ROUTE_LAX = 64,   /* parameters are not looked at */
    ROUTE_PROM = 128, /* Prometheus' dialect: parameters of any name, also as the form of a POST;
                         with ROUTE_POST: PUT too */
    ROUTE_LONG = 256, /* may take minutes */
};

struct route {
    const char *path;
    unsigned flags;
    api_handler *handler;
    const struct param_spec *params;
};

/* Decodes and checks a path (no NUL, no ".." segment). ST_INVALID, ST_NO_MEMORY. */
enum status route_decode_path(struct str raw, struct arena *arena, struct str *path, struct err *e);
/* The row for a decoded path, NULL when nothing is there; *id is what follows a prefix. */
const struct route *route_find(struct str path, struct str *id);
/* The answer to this path, which is not decoded yet, may take minutes. */
bool route_is_long(struct str raw);
/* "GET, HEAD, OPTIONS", "POST, OPTIONS", ...: static. */
const char *route_allow(const struct route *route);
bool route_takes(const struct route *route, struct str method);
/* Paths that Prometheus' API owns, whether something is there or not: what is wrong is said in its
 * dialect. */
bool route_is_prom(struct str path);

#endif
