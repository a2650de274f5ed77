/* edge_tables.c - sorting symbols and rows, so that the same cells give the same bytes. */
#include "storage/edge_tables.h"

#include <stdlib.h>

bool edge_tables_init(struct edge_tables *t)
{
    *t = (struct edge_tables){.strings = intern_new(0)};
    return t->strings != NULL;
}

void edge_tables_deinit(struct edge_tables *t)
{
    intern_free(t->strings);
    vec_deinit(&t->rows);
    mem_free(t->symbol_rank);
    mem_free(t->symbol_by_rank);
    mem_free(t->row_rank);
    *t = (struct edge_tables){0};
}

uint32_t edge_tables_string(struct edge_tables *t, struct str s)
{
    return intern_add(t->strings, s);
}

bool edge_tables_row(struct edge_tables *t, const struct row_key *row)
{
    return vec_push(&t->rows, *row);
}

bool edge_tables_cell_row(struct edge_tables *t, const struct cell_row *row)
{
    struct row_key key = {
        .v = {[ROW_KEY_JOINT] = row->is_total ? 0 : 1, [ROW_KEY_WORD] = cell_row_word(row)}};
    struct str strings[ROW_STRINGS];
    cell_row_strings(row, strings);
    for (unsigned i = 0; i < ROW_STRINGS; i++) {
        key.v[ROW_KEY_STRINGS + i] = intern_add(t->strings, strings[i]);
        if (key.v[ROW_KEY_STRINGS + i] == INTERN_NONE)
            return false;
    }
    return edge_tables_row(t, &key);
}

static int by_string(const void *a, const void *b, void *strings)
{
    return str_cmp(intern_get(strings, *(const uint32_t *)a),
                   intern_get(strings, *(const uint32_t *)b));
}

static bool sort_symbols(struct edge_tables *t)
{
    uint32_t count = intern_count(t->strings);
    t->symbol_count = count;
    t->symbol_rank = mem_realloc_array(NULL, count + 1, sizeof(uint32_t));
    t->symbol_by_rank = mem_realloc_array(NULL, count + 1, sizeof(uint32_t));
    if (!t->symbol_rank || !t->symbol_by_rank)
        return false;
    for (uint32_t i = 0; i < count; i++)
        t->symbol_by_rank[i] = i;
    qsort_r(t->symbol_by_rank, count, sizeof(uint32_t), by_string, t->strings);
    for (uint32_t i = 0; i < count; i++)
        t->symbol_rank[t->symbol_by_rank[i]] = i;
    return true;
}

static int row_key_cmp(const struct row_key *a, const struct row_key *b)
{
    for (unsigned i = 0; i < ROW_KEY_LEN; i++)
        if (a->v[i] != b->v[i])
            return a->v[i] < b->v[i] ? -1 : 1;
    return 0;
}

struct placed_row {
    struct row_key key;
    uint32_t added; /* place in the order of adding */
};

static int by_row_key(const void *a, const void *b)
{
    return row_key_cmp(&((const struct placed_row *)a)->key, &((const struct placed_row *)b)->key);
}

/* Rows in their order, each once. */
static void place_rows(struct edge_tables *t, const struct placed_row *sorted)
{
    for (size_t i = 0; i < t->rows.len; i++) {
        const struct row_key *key = &sorted[i].key;
        if (i == 0 || row_key_cmp(key, &sorted[i - 1].key) != 0) {
            t->rows.items[t->row_count++] = *key;
            t->total_count += key->v[ROW_KEY_JOINT] == 0;
        }
        t->row_rank[sorted[i].added] = t->row_count - 1;
    }
    t->rows.len = t->row_count;
}

bool edge_tables_sort(struct edge_tables *t)
{
    if (!sort_symbols(t))
        return false;
    size_t count = t->rows.len;
    struct placed_row *sorted = mem_realloc_array(NULL, count + 1, sizeof(*sorted));
    t->row_rank = mem_realloc_array(NULL, count + 1, sizeof(uint32_t));
    if (!sorted || !t->row_rank) {
        mem_free(sorted);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = (struct placed_row){t->rows.items[i], (uint32_t)i};
        for (unsigned s = ROW_KEY_STRINGS; s < ROW_KEY_WORD; s++)
            sorted[i].key.v[s] = t->symbol_rank[sorted[i].key.v[s]];
    }
    qsort(sorted, count, sizeof(*sorted), by_row_key);
    place_rows(t, sorted);
    mem_free(sorted);
    return true;
}

struct str edge_tables_symbol(const struct edge_tables *t, uint32_t rank)
{
    return intern_get(t->strings, t->symbol_by_rank[rank]);
}
