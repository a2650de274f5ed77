/* series_ids.h - sets of series numbers as ascending lists: union, intersection, difference.
 * Private to storage/series_*. */
#ifndef WEFT_STORAGE_SERIES_IDS_H
#define WEFT_STORAGE_SERIES_IDS_H

#include "base/arena.h"

/* Ascending and distinct. Borrowed. */
struct id_list {
    const uint32_t *ids;
    uint32_t count;
};

/* All: any thread; *out is the arena's or one of the lists given. False when memory is short. */
bool ids_union(const struct id_list *lists, uint32_t count, struct arena *arena,
               struct id_list *out) NODISCARD;
bool ids_intersect(struct id_list a, struct id_list b, struct arena *arena,
                   struct id_list *out) NODISCARD;
/* a without b. */
bool ids_subtract(struct id_list a, struct id_list b, struct arena *arena,
                  struct id_list *out) NODISCARD;
bool ids_contain(struct id_list list, uint32_t id);

#endif
