/* derived_groups.h - which series the rows of edges add to, and what a cell adds to each. Private
 * to query/derived_*. */
#ifndef WEFT_QUERY_DERIVED_GROUPS_H
#define WEFT_QUERY_DERIVED_GROUPS_H

#include "query/derived_ask.h"
#include "query/derived_track.h"
#include "query/query_budget.h"
#include "query/row_query.h"

/* One track that a group adds to, and as what. */
struct derived_use {
    uint32_t track;
    bool is_server, is_error;
};

struct derived_uses {
    VEC(struct derived_use) all;
};

/* The groups and tracks of one kind of rows; may not move once it has tracks. */
struct derived_groups {
    const struct derived_ask *ask; /* borrowed */
    struct query_budget *budget;   /* borrowed */
    enum derived_rows rows;
    struct derived_times times;
    struct node_table nodes;
    struct intern *words;  /* owned */
    struct intern *keys;   /* owned: row_key -> number of a group + 1 */
    struct intern *labels; /* owned: family and labels -> number of a track + 1 */
    VEC(struct derived_uses) groups;
    VEC(struct derived_track) tracks;
    struct derived_held held; /* by all tracks, as far as derived_groups_count() was told */
    bool failed;              /* out of memory */
};

/* ST_NO_MEMORY; derived_groups_deinit() all the same. */
enum status derived_groups_init(struct derived_groups *g, const struct derived_ask *ask,
                                enum derived_rows rows, const struct registry *registry,
                                struct query_budget *budget, struct err *e);
void derived_groups_deinit(struct derived_groups *g);
/* What the group of a key adds to, made when new; valid until the next call. NULL when memory is
 * short. */
const struct derived_uses *derived_groups_find(struct derived_groups *g, const struct row_key *key);
/* Counts what the track made since it held `before`. ST_QUERY: all together are more than the
 * request's samples_max or the memory that a query may use. ST_NO_MEMORY: the memory budget, which
 * pays for them, has no more. ST_TIMEOUT. */
enum status derived_groups_count(struct derived_groups *g, const struct derived_track *t,
                                 struct derived_held before, struct err *e);
/* False: the cell says nothing about such series. */
bool derived_increase_of(const struct derived_groups *g, const struct derived_use *use,
                         const struct cell *cell, struct derived_increase *out);

#endif
