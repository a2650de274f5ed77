/* edge_block.h - one block of an edge part: a grid of cells to bytes, and bytes to cells one by
 * one. Private to storage/. Format: docs/formats/edge_part.md. */
#ifndef WEFT_STORAGE_EDGE_BLOCK_H
#define WEFT_STORAGE_EDGE_BLOCK_H

#include "model/histogram_run.h"
#include "storage/edge_format.h"

/* --- writing --- */

/* A histogram of form 2 that is still as it was read: its bits lie at `at` in block_grid.encoded;
 * head 0 = there is none. */
struct encoded_ref {
    struct histogram_item item;
    size_t at;
};
enum { BLOCK_SIDES = 3 }; /* client, server, transit */

/* Cells on their way into a block; tally names are symbols of the part. */
struct block_grid {
    uint64_t present[SLAB_TILES]; /* bit = row of the block */
    struct cell
        *cells; /* owned; BLOCK_CELLS of them, by tile, then row; what is not present is empty */
    /* Most cells of a merged part come from one of its parts: their histograms are passed on as
     * they are. */
    struct encoded_ref (*refs)[BLOCK_SIDES]; /* owned; of each cell */
    struct buf encoded;                      /* owned */
};

/* Memory for all cells of one block; false when it is short. */
bool block_grid_init(struct block_grid *g) NODISCARD;
void block_grid_deinit(struct block_grid *g);
/* Empties it and keeps the memory. */
void block_grid_reset(struct block_grid *g);
/* The cell, made present. */
struct cell *block_grid_cell(struct block_grid *g, unsigned tile, unsigned row);
/* Adds an encoded histogram, which may be empty, to one side of a present cell. ST_CORRUPT,
 * ST_NO_MEMORY. */
enum status block_grid_add_side(struct block_grid *g, unsigned tile, unsigned row, unsigned side,
                                const struct histogram_item *item, struct err *e);
bool block_grid_is_empty(const struct block_grid *g);

struct block_packer; /* zstd context and scratch memory; one thread at a time */
/* NULL when memory is short. */
struct block_packer *block_packer_new(void);
void block_packer_free(struct block_packer *p);
/* Squeezes `raw` by zstd-1 when that saves more than a twentieth: *packed tells. Borrowed until the
 * next call. */
struct str block_pack(struct block_packer *p, struct str raw, bool *packed);
/* Appends the block and fills bytes, packed and checksum of its entry. out->failed tells of short
 * memory. Sorts the tallies of the grid. */
void block_encode(struct block_packer *p, struct block_grid *g, uint64_t tile_zero_s,
                  uint32_t tile_s, bool pack, struct buf *out, struct block_entry *entry);

/* --- reading --- */

/* Counts of the cells of a block, column by column. */
enum { COUNT_COLUMNS = 13 };

/* The sections of one block, checked and unpacked; reused from block to block. One thread at a
 * time. */
struct block_reader {
    uint64_t present[SLAB_TILES];
    uint32_t cells_before[SLAB_TILES];
    uint32_t cell_count;
    struct str section[STORED_SECTIONS];
    struct buf stored[STORED_SECTIONS], unpacked[STORED_SECTIONS]; /* owned */
    uint64_t (*columns)[COUNT_COLUMNS];                            /* owned; of each cell */
    u128 *variance;                                                /* owned; NULL: all are 0 */
    bool varies;
    uint32_t version, name_count; /* of the part */
    struct ZSTD_DCtx_s *zstd;
};

/* Frees what the reader owns; it is empty again. */
void block_reader_deinit(struct block_reader *r);
/* Loads a block of p: presence and the wanted sections (enum section bits). ST_CORRUPT, ST_IO,
 * ST_NO_MEMORY. */
enum status block_reader_load(struct block_reader *r, const struct edge_part *p,
                              const struct block_entry *entry, unsigned sections, struct err *e);
/* zstd frame behind its unpacked length, as sections and the tables are packed. */
enum status block_unpack(struct ZSTD_DCtx_s **zstd, struct str stored, size_t max, struct buf *out,
                         struct err *e);

/* Goes over the cells of some tiles, in order of (tile, row). */
struct block_cursor {
    const struct block_reader *reader;
    uint64_t rows; /* bit of each row that is asked for: set it behind block_cursor_init(), which
                      asks for all. The others are stepped over, and those behind the last one not
                      even that. */
    unsigned tile, next_tile, tile_end;
    uint64_t left;    /* rows of the tile that are still to come */
    uint32_t ordinal; /* of the cell, in the block */
    unsigned row;     /* of the cell, in the block */
    struct cursor at[STORED_SECTIONS];
    struct cursor lengths[STORED_SECTIONS];   /* of the runs from next_tile on */
    const uint8_t *next_run[STORED_SECTIONS]; /* where that of next_tile begins */
    struct str item[STORED_SECTIONS]; /* the cell's bytes in sections from STORED_CLIENT on; empty
                                         when not loaded, and for histograms from version 2 on */
    struct histogram_run run[BLOCK_SIDES]; /* where these are */
    bool is_open;                          /* they are of this tile */
    bool failed;
};

/* Tiles [from, to) of the slab. */
void block_cursor_init(struct block_cursor *c, const struct block_reader *r, unsigned from,
                       unsigned to);
/* The next cell; false at the end, or when the bytes make no sense (failed). */
bool block_cursor_next(struct block_cursor *c);
/* The histogram of the cell that the cursor stands on; head 0: it is empty or not loaded. Borrowed
 * from the reader. ST_CORRUPT. */
enum status block_side_item(const struct block_cursor *c, unsigned side, struct histogram_item *out,
                            struct err *e);
/* Adds the counts of the cell that the cursor stands on (SECTION_COUNTS must be loaded). */
void block_add_counts(const struct block_cursor *c, struct cell *to);
/* Adds tallies (exemplars) of the cell; a part's name goes through map. ST_CORRUPT, ST_NO_MEMORY.
 */
enum status block_add_tallies(const struct block_cursor *c, struct cell *to,
                              uint32_t (*map)(uint32_t name, void *user), void *user,
                              struct err *e);
enum status block_add_exemplars(const struct block_cursor *c, uint64_t tile_s, struct cell *to,
                                struct err *e);

#endif
