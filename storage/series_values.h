/* series_values.h - the values of one label, back to back in blocks in the order in which they
 * came: a text is searched in many of them at once. Private to storage/series_*. */
#ifndef WEFT_STORAGE_SERIES_VALUES_H
#define WEFT_STORAGE_SERIES_VALUES_H

#include "base/str.h"
#include "base/vec.h"

struct value_block {
    char *bytes;        /* owned; never moves */
    uint32_t used, cap; /* bytes */
    uint32_t first;     /* which value of the label begins it, counted from 0 */
};

/* All-zero is a valid empty list. One thread at a time. */
struct value_list {
    VEC(struct value_block) blocks;
    uint32_t count;      /* of values */
    uint64_t held_bytes; /* of heap */
};

/* The copy of the value, which lives until the list ends and is not NUL-ended; NULL when memory is
 * short, and then the list is as before. */
const char *value_list_push(struct value_list *l, struct str value);
void value_list_deinit(struct value_list *l);

#endif
