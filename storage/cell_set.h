/* cell_set.h - cells being filled: rows, 15 s tiles, one intern table of names. The collector's
 * closed and open cells. */
#ifndef WEFT_STORAGE_CELL_SET_H
#define WEFT_STORAGE_CELL_SET_H

#include "base/err.h"
#include "model/cell.h"

enum { TILE_SECONDS = 15 };

struct cell_set; /* one thread at a time */

/* An empty set that the caller ends with cell_set_free(), or NULL when memory is short. */
struct cell_set *cell_set_new(uint64_t seed);
void cell_set_free(struct cell_set *s);
/* Id of a row, added when new (strings are copied); UINT32_MAX when memory is short. Ids stay valid
 * until free. */
uint32_t cell_set_row(struct cell_set *s, const struct cell_row *row);
const struct cell_row *cell_set_row_at(const struct cell_set *s, uint32_t row);
uint32_t cell_set_row_count(const struct cell_set *s);
/* Id of a tally's name. */
uint32_t cell_set_name(struct cell_set *s, struct str name);
struct str cell_set_name_at(const struct cell_set *s, uint32_t name);
uint32_t cell_set_name_count(const struct cell_set *s);
/* The cell of a row in the tile that holds second `unix_s`, made when new; NULL when memory is
 * short. Valid until the next call. */
struct cell *cell_set_cell(struct cell_set *s, uint32_t row, uint64_t unix_s);
/* Drops all cells and their memory; rows and names stay. */
void cell_set_clear(struct cell_set *s);
/* Drops the cells in which nothing is observed any more. */
void cell_set_drop_empty(struct cell_set *s);
/* Adds all of `from`. */
enum status cell_set_merge(struct cell_set *to, const struct cell_set *from, struct err *e);
size_t cell_set_cell_count(const struct cell_set *s);
/* Bytes of heap it holds. Visits every cell. */
size_t cell_set_bytes(const struct cell_set *s);
/* The place of each row in the order of cell_row_cmp(): the caller ends *rank with mem_free.
 * ST_NO_MEMORY. */
enum status cell_set_row_order(const struct cell_set *s, uint32_t **rank, struct err *e);
/* In order of (row's key, tile): a function of the content alone. */
enum status cell_set_each(const struct cell_set *s,
                          enum status (*fn)(const struct cell_row *row, uint64_t tile_s,
                                            const struct cell *cell, void *user, struct err *e),
                          void *user, struct err *e);

#endif
