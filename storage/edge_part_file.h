/* edge_part_file.h - what an opened part knows of itself: tables, index, where its bytes are.
 * Private to storage/edge_*. */
#ifndef WEFT_STORAGE_EDGE_PART_FILE_H
#define WEFT_STORAGE_EDGE_PART_FILE_H

#include "storage/edge_block.h"
#include <stdatomic.h>

struct edge_part {
    atomic_uint references;
    char *path;        /* owned; NULL in memory */
    int fd;            /* owned; -1 in memory */
    char *memory;      /* owned; NULL for a file */
    uint64_t size;     /* bytes */
    struct buf tables; /* unpacked; symbols point into it */
    struct str *symbols;
    struct row_key *rows;
    struct block_entry *blocks; /* ordered */
    uint32_t symbol_count, row_count, total_count, block_count;
    uint64_t start_s, end_s;
    uint64_t from_s[2][TIER_COUNT]; /* by joint: from when on the tier is whole; TIER_ABSENT */
    uint64_t joint_minutes_end_s;   /* minutes of joint rows are whole before it only */
    uint32_t version;
};

/* `len` bytes at `at`: in place when the part lies in memory, else read into *scratch. ST_CORRUPT,
 * ST_IO, ST_NO_MEMORY. */
enum status edge_part_read(const struct edge_part *p, uint64_t at, size_t len, struct buf *scratch,
                           struct str *out, struct err *e);
/* Takes the tables and the index apart. ST_CORRUPT, ST_NO_MEMORY. */
enum status edge_part_parse_tables(struct edge_part *p, struct str tables, uint64_t blocks_end,
                                   struct err *e);
/* For messages. */
const char *edge_part_label(const struct edge_part *p);
/* First block not before (tier, joint, slab, row_block). */
uint32_t edge_part_find_block(const struct edge_part *p, enum tier tier, bool joint, uint64_t slab,
                              uint32_t row_block);
/* The rows of one kind are numbered in blocks of their own. */
static inline uint32_t edge_part_first_row(const struct edge_part *p, bool joint)
{
    return joint ? p->total_count : 0;
}

static inline uint32_t edge_part_kind_rows(const struct edge_part *p, bool joint)
{
    return joint ? p->row_count - p->total_count : p->total_count;
}
/* Adds the loaded sections of the cell under the cursor to *to. ST_CORRUPT, ST_NO_MEMORY. */
enum status edge_part_add_cell(const struct block_cursor *c, unsigned sections, uint64_t tile_s,
                               struct cell *to, uint32_t (*map)(uint32_t name, void *user),
                               void *user, struct err *e);
/* Warns of a block that cannot be read, naming part, block and reason. */
void edge_part_log_lost(const struct edge_part *p, const struct block_entry *entry,
                        const struct err *e);

#endif
