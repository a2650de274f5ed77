/* store_parts.h - the seam inside storage/: store_*.c keeps the catalogue and the list of edge
 * parts, edge_store.c answers from that list and edge_merge.c decides what to merge. Private to
 * storage/.
 *
 * A part enters the list with the checkpoint that wrote it, but shows only when the collector's
 * head no longer holds the same requests: with the first edge_store_publish() whose
 * edge_head.checkpointed reaches the part's position. */
#ifndef WEFT_STORAGE_STORE_PARTS_H
#define WEFT_STORAGE_STORE_PARTS_H

#include "storage/edge_part.h"
#include "storage/store.h"

/* --- the list: what edge_store.c and edge_merge.c use --- */

struct stored_part {
    uint64_t id;            /* file DIR/edges/<16 hex digits>.part; never used twice */
    struct edge_part *part; /* a reference */
};

/* Shows what came with checkpoints up to `checkpointed` and gives every part that shows, in the
 * order they were committed: an array of *count (mem_free) with a reference each (edge_part_unref).
 * One consistent moment: before or after a replacement, never between. UINT64_MAX shows nothing
 * new. Any thread. ST_NO_MEMORY. */
enum status store_parts_snapshot(struct store *s, uint64_t checkpointed, struct stored_part **out,
                                 size_t *count, struct err *e);
/* Gives the references and the array back. Any thread. */
void stored_parts_free(struct stored_part *parts, size_t count);

/* Writes and syncs `bytes` (an encoded edge part; taken over, also on error; empty: nothing is
 * added) as a new part that takes the place of the `ids`, in one catalogue transaction and one
 * change of the list; then their files go. With an error nothing has changed. Writer thread. ST_IO,
 * ST_CORRUPT (the bytes are no part), ST_NO_MEMORY. */
enum status store_parts_replace(struct store *s, const uint64_t *ids, size_t count,
                                struct buf *bytes, struct err *e);

/* For sums that are too big to hold: a number and path (cap bytes) for a file that the caller
 * writes and syncs, and the exchange once it is whole. The file goes when the exchange fails; one
 * that is never exchanged goes when the store is opened next. Writer thread. */
uint64_t store_parts_new_file(struct store *s, char *path, size_t cap);
enum status store_parts_replace_by_file(struct store *s, const uint64_t *ids, size_t count,
                                        uint64_t file, struct err *e);

/* As configured; borrowed from the store. Any thread. */
const struct retention *store_retention(const struct store *s);
/* Damaged blocks met while reading, for store_stats.lost_blocks. Any thread. */
void store_note_lost(struct store *s, uint64_t blocks);
/* What edge_store_new() made. */
struct edge_store *store_edges(const struct store *s);

/* --- what edge_store.c and edge_merge.c provide; store_*.c calls it --- */

struct edge_store; /* the published head, the current view, who waits for a younger one */

/* While the store opens (the list is complete, no thread runs) and after its thread has ended. NULL
 * when memory is short. */
struct edge_store *edge_store_new(void);
void edge_store_free(struct edge_store *edges);

/* One unit of merging, a fraction of a second: chooses parts of store_parts_snapshot() or goes on
 * with those chosen before, writes their sum without what retention cuts, and once it is whole
 * exchanges it for them. *did is false when nothing is
 * left to do. With `compact` everything is merged as it would be when old. `now_ns` is wall time:
 * it chooses, it never changes what a cell says. Writer thread. */
enum status edge_merge_step(struct store *s, uint64_t now_ns, bool compact, bool *did,
                            struct err *e);

#endif
