/* world.h - a small mesh made by hand: calls become cells, cells a part, the part a view that
 * handlers are asked about. */
#ifndef WEFT_TESTS_UNIT_QUERY_WORLD_H
#define WEFT_TESTS_UNIT_QUERY_WORLD_H

#include "query/dispatch.h"
#include "storage/edge_store.h"

#define WORLD_NOW_S UINT64_C(1700000000) /* a multiple of 15 */

struct world {
    struct cell_set *cells;
    struct registry *registry;
    struct edge_part *part;
    struct edge_part *parts[1];
    struct edge_view view;
    struct query_config config;
    struct account *account;
    struct senders *senders;
    struct query_budget *budget; /* of its questions; NULL: no limits */
};

/* `count` equal requests. Ids as "space/name", "user", "ext:host"; ms < 0: that side was not seen.
 */
struct call {
    const char *client, *server;
    const char *protocol; /* NULL: http */
    const char *client_version, *server_version, *operation;
    const char *code; /* "200", "grpc:14", "" or "!"; NULL: 200, or 503 for errors */
    const char *flag;
    uint64_t count;
    bool error;
    double client_ms, server_ms;
    uint64_t time_s;   /* 0: a minute before WORLD_NOW_S */
    double weight;     /* of each; 0: 1 */
    unsigned views;    /* enum cell_view; 0: both */
    uint64_t attempts; /* of each; 0: 1 */
};

void world_init(struct world *w);
void world_add(struct world *w, const struct call *c);
/* Makes the view; no call is added afterwards. */
void world_seal(struct world *w);
void world_deinit(struct world *w);

/* The answer to GET `target` ("/api/mesh/graph?group=service") by its handler; ends with
 * buf_deinit(&r.body). */
struct http_response world_get(struct world *w, const char *target);

/* Compares with tests/golden/NAME after breaking the JSON into lines; WEFT_UPDATE_GOLDEN=1 writes
 * it. */
void expect_golden(const struct buf *json, const char *name);
/* The same for any text and a path from the root of the tree. */
void expect_file(struct str text, const char *path);

#endif
