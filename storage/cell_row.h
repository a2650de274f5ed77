/* cell_row.h - rows as keys: their order in every part, equality, and a copy that owns its strings.
 * Private to storage/. */
#ifndef WEFT_STORAGE_CELL_ROW_H
#define WEFT_STORAGE_CELL_ROW_H

#include "base/arena.h"
#include "model/cell.h"

/* The strings of a row, in the order in which they are compared and stored. */
enum { ROW_STRINGS = 12 };
void cell_row_strings(const struct cell_row *row, struct str out[ROW_STRINGS]);
/* Sets the strings only. Borrowed. */
void cell_row_set_strings(struct cell_row *row, const struct str in[ROW_STRINGS]);
/* Kinds, protocol, views, is_total in one word; the inverse is false for a word that no row has. */
uint32_t cell_row_word(const struct cell_row *row);
bool cell_row_set_word(struct cell_row *row, uint32_t word) NODISCARD;

/* Totals first, then by client, server, protocol ...: the rows of an edge are neighbours. <0, 0,
 * >0. */
int cell_row_cmp(const struct cell_row *a, const struct cell_row *b);
uint64_t cell_row_hash(const struct cell_row *row, uint64_t seed);
/* A copy whose strings live in the arena. False when memory is short. */
bool cell_row_copy(struct arena *arena, const struct cell_row *row, struct cell_row *out) NODISCARD;

#endif
