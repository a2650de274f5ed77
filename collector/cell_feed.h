/* cell_feed.h - puts requests into cells: one edge total and one joint row each, under caps that
 * keep sums right. */
#ifndef WEFT_COLLECTOR_CELL_FEED_H
#define WEFT_COLLECTOR_CELL_FEED_H

#include "collector/hop_request.h"
#include "collector/row_caps.h"
#include "storage/cell_set.h"

/* A set of cells being filled, with the ids of the rows that were used before. One thread at a
 * time. */
struct cell_feed;

/* `names` and `caps` are borrowed. NULL when memory is short. */
struct cell_feed *cell_feed_new(uint64_t seed, const struct names *names, struct row_caps *caps);
void cell_feed_free(struct cell_feed *f);
struct cell_set *cell_feed_cells(struct cell_feed *f);
/* Counts q. `decide`: a row that is new to the caps takes its place in them (closed requests);
 * otherwise it only is judged by them (open ones). False when memory is short: q may be counted in
 * part. */
bool cell_feed_add(struct cell_feed *f, const struct request *q, bool decide);
/* Takes out a request that was added with `decide` false, under the same caps. *stale: see
 * cell_take.h. */
void cell_feed_take(struct cell_feed *f, const struct request *q, bool *stale);
/* Takes out all that `cells` holds, which was merged in before. ST_NO_MEMORY: only a part was. */
enum status cell_feed_take_cells(struct cell_feed *f, const struct cell_set *cells, bool *stale,
                                 struct err *e);
/* The names and caps have new ids now: rows are found by their content again. */
void cell_feed_rename(struct cell_feed *f, const struct names *names);
/* Empties the cells and, when they have become many, the rows. False when memory is short. */
bool cell_feed_clear(struct cell_feed *f);

#endif
