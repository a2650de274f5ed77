/* cell_set.c - cells being filled, found by row and tile. */
#include "storage/cell_set.h"

#include "base/intern.h"
#include "base/map64.h"
#include "base/vec.h"
#include "storage/cell_row.h"
#include <stdlib.h>

struct cell_entry {
    uint64_t key; /* row << 32 | tile */
    struct cell cell;
};

struct cell_set {
    uint64_t seed;
    struct arena arena; /* strings of rows */
    VEC(struct cell_row) rows;
    struct map64 row_by_hash;
    struct intern *names;
    VEC(struct cell_entry) cells;
    struct map64 cell_by_key;
};

struct cell_set *cell_set_new(uint64_t seed)
{
    struct cell_set *s = mem_calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->seed = seed;
    s->row_by_hash.seed = s->cell_by_key.seed = seed;
    s->names = intern_new(seed);
    if (!s->names) {
        mem_free(s);
        return NULL;
    }
    return s;
}

void cell_set_free(struct cell_set *s)
{
    if (!s)
        return;
    cell_set_clear(s);
    vec_deinit(&s->rows);
    map64_deinit(&s->row_by_hash);
    map64_deinit(&s->cell_by_key);
    intern_free(s->names);
    arena_deinit(&s->arena);
    mem_free(s);
}

uint32_t cell_set_row(struct cell_set *s, const struct cell_row *row)
{
    uint64_t hash = cell_row_hash(row, s->seed);
    bool added;
    for (;; hash++) { /* two rows of one hash stand at neighbouring keys */
        uint64_t *id = map64_put(&s->row_by_hash, hash, &added);
        if (!id)
            return UINT32_MAX;
        if (added)
            break;
        if (cell_row_cmp(&s->rows.items[*id], row) == 0)
            return (uint32_t)*id;
    }
    struct cell_row copy;
    if (!vec_reserve(&s->rows, 1) || !cell_row_copy(&s->arena, row, &copy)) {
        map64_remove(&s->row_by_hash, hash);
        return UINT32_MAX;
    }
    *map64_find(&s->row_by_hash, hash) = s->rows.len;
    s->rows.items[s->rows.len] = copy;
    return (uint32_t)s->rows.len++;
}

const struct cell_row *cell_set_row_at(const struct cell_set *s, uint32_t row)
{
    return &s->rows.items[row];
}

uint32_t cell_set_row_count(const struct cell_set *s)
{
    return (uint32_t)s->rows.len;
}

uint32_t cell_set_name(struct cell_set *s, struct str name)
{
    return intern_add(s->names, name);
}

struct str cell_set_name_at(const struct cell_set *s, uint32_t name)
{
    return intern_get(s->names, name);
}

uint32_t cell_set_name_count(const struct cell_set *s)
{
    return intern_count(s->names);
}

struct cell *cell_set_cell(struct cell_set *s, uint32_t row, uint64_t unix_s)
{
    uint64_t tile = MIN(unix_s / TILE_SECONDS, UINT32_MAX), key = (uint64_t)row << 32 | tile;
    if (!vec_reserve(&s->cells, 1))
        return NULL;
    bool added;
    uint64_t *at = map64_put(&s->cell_by_key, key, &added);
    if (!at)
        return NULL;
    if (added) {
        *at = s->cells.len;
        s->cells.items[s->cells.len++] = (struct cell_entry){.key = key};
    }
    return &s->cells.items[*at].cell;
}

void cell_set_clear(struct cell_set *s)
{
    for (size_t i = 0; i < s->cells.len; i++)
        cell_deinit(&s->cells.items[i].cell);
    vec_deinit(&s->cells);
    map64_deinit(&s->cell_by_key);
}

/* What a peak of cells left behind. */
static void give_back(struct cell_set *s)
{
    size_t cap = 2 * s->cells.len + 8;
    if (cap >= s->cells.cap / 2)
        return;
    struct cell_entry *fewer = mem_realloc_array(s->cells.items, cap, sizeof(*fewer));
    if (!fewer)
        return;
    s->cells.items = fewer;
    s->cells.cap = cap;
}

void cell_set_drop_empty(struct cell_set *s)
{
    for (size_t i = s->cells.len; i-- > 0;) {
        struct cell_entry *entry = &s->cells.items[i];
        if (entry->cell.observed)
            continue;
        cell_deinit(&entry->cell);
        (void)map64_remove(&s->cell_by_key, entry->key);
        /* The last one, which is not empty, takes its place. */
        const struct cell_entry last = s->cells.items[--s->cells.len];
        if (i == s->cells.len)
            continue;
        *entry = last;
        *map64_find(&s->cell_by_key, last.key) = i;
    }
    give_back(s);
}

struct translation {
    struct cell_set *to;
    const struct cell_set *from;
};

static uint32_t translate_name(uint32_t name, void *user)
{
    const struct translation *t = user;
    return cell_set_name(t->to, cell_set_name_at(t->from, name));
}

enum status cell_set_merge(struct cell_set *to, const struct cell_set *from, struct err *e)
{
    struct translation t = {to, from};
    for (size_t i = 0; i < from->cells.len; i++) {
        const struct cell_entry *entry = &from->cells.items[i];
        uint32_t row = cell_set_row(to, &from->rows.items[entry->key >> 32]);
        struct cell *cell = NULL;
        if (row != UINT32_MAX)
            cell = cell_set_cell(to, row, (entry->key & UINT32_MAX) * TILE_SECONDS);
        if (!cell || !cell_merge(cell, &entry->cell, translate_name, &t))
            return err_set(e, ST_NO_MEMORY, "no memory to add up %zu cells", from->cells.len);
    }
    return ST_OK;
}

size_t cell_set_cell_count(const struct cell_set *s)
{
    return s->cells.len;
}

static size_t cell_heap_bytes(const struct cell *c)
{
    size_t buckets = (size_t)c->client.bucket_cap + c->server.bucket_cap + c->transit.bucket_cap;
    size_t tallies = (size_t)c->codes.cap + c->grpc_codes.cap + c->flags.cap;
    return buckets * sizeof(struct histogram_bucket) + tallies * sizeof(struct cell_tally);
}

size_t cell_set_bytes(const struct cell_set *s)
{
    size_t bytes = sizeof(*s) + s->arena.used_bytes + intern_bytes(s->names);
    bytes += s->rows.cap * sizeof(*s->rows.items) + s->cells.cap * sizeof(*s->cells.items);
    bytes += map64_bytes(&s->row_by_hash) + map64_bytes(&s->cell_by_key);
    for (size_t i = 0; i < s->cells.len; i++)
        bytes += cell_heap_bytes(&s->cells.items[i].cell);
    return bytes;
}

static int by_row(const void *a, const void *b)
{
    return cell_row_cmp(*(const struct cell_row *const *)a, *(const struct cell_row *const *)b);
}

enum status cell_set_row_order(const struct cell_set *s, uint32_t **rank, struct err *e)
{
    size_t count = s->rows.len;
    const struct cell_row **sorted = mem_realloc_array(NULL, count + 1, sizeof(*sorted));
    *rank = mem_realloc_array(NULL, count + 1, sizeof(**rank));
    if (!sorted || !*rank) {
        mem_free(sorted);
        mem_free(*rank);
        return err_set(e, ST_NO_MEMORY, "no memory to sort %zu rows", count);
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] = &s->rows.items[i];
    qsort(sorted, count, sizeof(*sorted), by_row);
    for (size_t i = 0; i < count; i++)
        (*rank)[sorted[i] - s->rows.items] = (uint32_t)i;
    mem_free(sorted);
    return ST_OK;
}

struct cell_place {
    uint64_t key; /* rank of the row << 32 | tile */
    const struct cell_entry *entry;
};

static int by_place(const void *a, const void *b)
{
    uint64_t x = ((const struct cell_place *)a)->key, y = ((const struct cell_place *)b)->key;
    return (x > y) - (x < y);
}

static struct cell_place *sorted_cells(const struct cell_set *s, const uint32_t *rank)
{
    struct cell_place *places = mem_realloc_array(NULL, s->cells.len + 1, sizeof(*places));
    if (!places)
        return NULL;
    for (size_t i = 0; i < s->cells.len; i++) {
        const struct cell_entry *entry = &s->cells.items[i];
        uint64_t tile = entry->key & UINT32_MAX;
        places[i] = (struct cell_place){(uint64_t)rank[entry->key >> 32] << 32 | tile, entry};
    }
    qsort(places, s->cells.len, sizeof(*places), by_place);
    return places;
}

enum status cell_set_each(const struct cell_set *s,
                          enum status (*fn)(const struct cell_row *row, uint64_t tile_s,
                                            const struct cell *cell, void *user, struct err *e),
                          void *user, struct err *e)
{
    uint32_t *rank;
    TRY(cell_set_row_order(s, &rank, e));
    struct cell_place *places = sorted_cells(s, rank);
    mem_free(rank);
    if (!places)
        return err_set(e, ST_NO_MEMORY, "no memory to sort %zu cells", s->cells.len);
    enum status status = ST_OK;
    for (size_t i = 0; i < s->cells.len && status == ST_OK; i++) {
        const struct cell_entry *entry = places[i].entry;
        status = fn(&s->rows.items[entry->key >> 32], (entry->key & UINT32_MAX) * TILE_SECONDS,
                    &entry->cell, user, e);
    }
    mem_free(places);
    return status;
}
