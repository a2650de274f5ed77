/* edge_tables.h - the symbols and rows of a part that is being made, sorted and free of duplicates.
 * Private to storage/. */
#ifndef WEFT_STORAGE_EDGE_TABLES_H
#define WEFT_STORAGE_EDGE_TABLES_H

#include "base/intern.h"
#include "base/vec.h"
#include "storage/edge_format.h"

/* All-zero but `strings` is a valid empty value. One thread at a time. */
struct edge_tables {
    struct intern *strings;   /* owned; numbered as they came */
    VEC(struct row_key) rows; /* as they came; after edge_tables_sort() final */
    uint32_t *symbol_rank;    /* owned; of each string */
    uint32_t *symbol_by_rank;
    uint32_t *row_rank; /* owned; place of the i-th row that was added */
    uint32_t symbol_count, row_count, total_count;
};

/* False when memory is short; end with edge_tables_deinit() all the same. */
bool edge_tables_init(struct edge_tables *t) NODISCARD;
void edge_tables_deinit(struct edge_tables *t);
/* Number of a string; UINT32_MAX when memory is short. */
uint32_t edge_tables_string(struct edge_tables *t, struct str s);
/* Adds a row whose strings are such numbers; the same row may come again. False when memory is
 * short. */
bool edge_tables_row(struct edge_tables *t, const struct row_key *row) NODISCARD;
bool edge_tables_cell_row(struct edge_tables *t, const struct cell_row *row) NODISCARD;
/* Gives everything its place. After it nothing may be added. */
bool edge_tables_sort(struct edge_tables *t) NODISCARD;
struct str edge_tables_symbol(const struct edge_tables *t, uint32_t rank);

#endif
