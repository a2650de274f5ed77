/* edge_part_write.h - the one writer of edge parts, for cells of a set and for parts being merged
 * alike: the same cells give the same bytes. Private to storage/edge_*. */
#ifndef WEFT_STORAGE_EDGE_PART_WRITE_H
#define WEFT_STORAGE_EDGE_PART_WRITE_H

#include "storage/edge_block.h"
#include "storage/edge_tables.h"

/* Where the cells come from. Rows are numbered as in `tables`, each kind from 0 on. */
struct part_source {
    const struct edge_tables *tables; /* sorted; borrowed */
    uint64_t start_s, end_s;
    uint64_t from_s[2][TIER_COUNT]; /* by joint; TIER_ABSENT: the tier is not written */
    uint64_t joint_minutes_end_s;   /* later minutes of joint rows are not written */
    bool pack;
    /* First slab >= *slab that may hold cells of the tier; false when there is none. */
    bool (*next_slab)(void *user, enum tier tier, bool joint, uint64_t *slab);
    /* Adds the cells of one block to an empty grid. */
    enum status (*gather)(void *user, const struct block_entry *block, struct block_grid *grid,
                          struct err *e);
    void *user;
};

struct part_writer; /* one thread at a time */

/* Begins with the header in *out, which the caller empties as it likes between steps (a file then
 * gets what is in it). `source` is borrowed until the writer is freed. NULL when memory is short.
 */
struct part_writer *part_writer_new(const struct part_source *source, struct buf *out);
void part_writer_free(struct part_writer *w);
/* Writes up to `blocks` blocks more; *done when there are no more. */
enum status part_writer_step(struct part_writer *w, unsigned blocks, bool *done, struct err *e);
/* After that: tables, index and footer. */
enum status part_writer_finish(struct part_writer *w, struct err *e);
/* Cells written so far, all tiers. */
uint64_t part_writer_cells(const struct part_writer *w);

#endif
