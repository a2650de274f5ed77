/* edge_query_private.h - what the ways of asking parts share: rows to groups, blocks to sums.
 * Private to storage/edge_*. */
#ifndef WEFT_STORAGE_EDGE_QUERY_PRIVATE_H
#define WEFT_STORAGE_EDGE_QUERY_PRIVATE_H

#include "base/vec.h"
#include "model/histogram_dense.h"
#include "storage/edge_part_file.h"
#include "storage/edge_plan.h"

/* One group in one step. */
struct edge_sum {
    bool used;
    struct cell cell; /* but for the histograms */
    struct histogram_dense side[BLOCK_SIDES];
};

/* What the query needs of one part. */
struct part_use {
    const struct edge_part *part;
    uint32_t *groups; /* owned; of each row of the kind */
    uint64_t *wanted; /* owned; of each block of rows: bit of each row that has a group */
    uint32_t *names;  /* owned; the result's id of each symbol, INTERN_NONE = not asked yet */
};

struct query_run {
    const struct edge_query *query;
    struct edge_plan plan;
    struct edge_result *result;
    VEC(struct part_use) uses;
    const struct part_use *use; /* whose tallies are being added */
    uint32_t group_count;
    uint32_t batch_steps;
    uint64_t batch_first;  /* number of the batch's first step */
    struct edge_sum *sums; /* owned; by step of the batch, then group */
    struct block_reader reader;
    const struct block_entry *loaded; /* in reader */
    struct block_reader fine_reader;  /* of 15 s tiles whose exemplars a minute has */
    uint64_t points;
    size_t held_bytes;
    struct histogram passing[BLOCK_SIDES]; /* owned; of the point that is handed out */
    double ns[EDGE_QUANTILES_MAX];         /* likewise */
};

/* Plans the query and maps the rows of its parts. ST_NO_MEMORY, errors of the asker's check;
 * query_run_deinit() all the same. */
enum status query_run_init(struct query_run *run, const struct edge_view *v,
                           const struct edge_query *q, struct edge_result *out, struct err *e);
void query_run_deinit(struct query_run *run);
/* The run is about to hold `more` bytes. What the asker's check returns. */
enum status query_run_hold(struct query_run *run, size_t more, struct err *e);
/* Takes a part in hand. */
void query_run_use(struct query_run *run, size_t use);
/* Makes `entry` the loaded block of the part in hand. ST_CORRUPT, ST_IO, ST_NO_MEMORY. */
enum status query_run_load(struct query_run *run, const struct block_entry *entry, struct err *e);
/* Counts a block that cannot be read and names it in the log; passes on what is not damage. */
enum status query_run_lost(struct query_run *run, const struct block_entry *entry,
                           enum status status, const struct err *why, struct err *e);
/* Adds the tiles of one block into a row of sums, one a group, or (NULL) into those of their steps.
 */
enum status query_run_add_block(struct query_run *run, const struct block_entry *entry,
                                const struct tile_run *tiles, struct edge_sum *into, struct err *e);
/* Hands out what a step holds and empties it. ST_QUERY, ST_NO_MEMORY, and what the asker returns.
 */
enum status query_run_give(struct query_run *run, struct edge_sum *sums, uint64_t time,
                           struct err *e);

#endif
