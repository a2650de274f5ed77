/* vec.c - the one growth function behind every VEC. */
#include "base/vec.h"

bool vec_grow(void **items, size_t *cap, size_t need, size_t item_bytes)
{
    size_t grown = MAX(need, *cap + *cap / 2);
    grown = MAX(grown, (size_t)8);
    void *moved = mem_realloc_array(*items, grown, item_bytes);
    if (!moved)
        return false;
    *items = moved;
    *cap = grown;
    return true;
}
