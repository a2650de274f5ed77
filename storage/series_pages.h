/* series_pages.h - an array by 32-bit number whose items never move and whose unused pages cost
 * nothing: series numbers are never used twice, so the old end of the array dies away. Private to
 * storage/series_*. */
#ifndef WEFT_STORAGE_SERIES_PAGES_H
#define WEFT_STORAGE_SERIES_PAGES_H

#include "base/compiler.h"

enum { PAGE_SHIFT = 10, PAGE_ITEMS = 1 << PAGE_SHIFT };

/* item_bytes must be set; the rest all-zero is a valid empty array. One thread at a time. */
struct pages {
    char **pages; /* owned; NULL where nothing was put */
    size_t cap, held;
    uint32_t item_bytes;
};

/* Frees all pages; the array is empty again. */
void pages_deinit(struct pages *p);
/* The item, zeroed when its page is new. NULL when memory is short. Lives until its page is
 * dropped. */
void *pages_put(struct pages *p, uint32_t i);
/* Frees the page that holds item i. */
void pages_drop(struct pages *p, uint32_t i);

static inline size_t pages_bytes(const struct pages *p)
{
    return p->held * PAGE_ITEMS * p->item_bytes + p->cap * sizeof(char *);
}

/* An item that was put. */
static inline void *pages_get(const struct pages *p, uint32_t i)
{
    return p->pages[i >> PAGE_SHIFT] + (size_t)(i & (PAGE_ITEMS - 1)) * p->item_bytes;
}

/* NULL when its page was never put or is dropped. */
static inline void *pages_find(const struct pages *p, uint32_t i)
{
    return i >> PAGE_SHIFT < p->cap && p->pages[i >> PAGE_SHIFT] ? pages_get(p, i) : NULL;
}

#endif
