/* vec.h - typed growable array: VEC(struct span) spans = {0}. */
#ifndef WEFT_BASE_VEC_H
#define WEFT_BASE_VEC_H

#include "base/mem.h"

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *items; /* owned */                                                                   \
        size_t len, cap;                                                                           \
    }

/* Grows to at least `need` items; false when memory is short (the vector is unchanged). */
bool vec_grow(void **items, size_t *cap, size_t need, size_t item_bytes) NODISCARD;

/* Room for `more` items behind len. */
#define vec_reserve(v, more)                                                                       \
    ((v)->len + (more) <= (v)->cap ||                                                              \
     vec_grow((void **)&(v)->items, &(v)->cap, (v)->len + (more), sizeof(*(v)->items)))
/* True when the item went in. */
#define vec_push(v, item) (vec_reserve(v, 1) ? ((v)->items[(v)->len++] = (item), true) : false)
#define vec_deinit(v)     (mem_free((v)->items), (v)->items = NULL, (v)->len = (v)->cap = 0)

#endif
