/* series_pages.c - pages of items under 32-bit numbers. */
#include "storage/series_pages.h"
#include "base/vec.h"
#include <string.h>

void pages_deinit(struct pages *p)
{
    for (size_t i = 0; i < p->cap; i++)
        mem_free(p->pages[i]);
    mem_free(p->pages);
    *p = (struct pages){.item_bytes = p->item_bytes};
}

static bool grow(struct pages *p, size_t need)
{
    size_t old = p->cap;
    if (!vec_grow((void **)&p->pages, &p->cap, need, sizeof(char *)))
        return false;
    memset(p->pages + old, 0, (p->cap - old) * sizeof(char *));
    return true;
}

void *pages_put(struct pages *p, uint32_t i)
{
    size_t page = i >> PAGE_SHIFT;
    if (page >= p->cap && !grow(p, page + 1))
        return NULL;
    if (!p->pages[page]) {
        p->pages[page] = mem_calloc(PAGE_ITEMS, p->item_bytes);
        if (!p->pages[page])
            return NULL;
        p->held++;
    }
    return pages_get(p, i);
}

void pages_drop(struct pages *p, uint32_t i)
{
    size_t page = i >> PAGE_SHIFT;
    if (page >= p->cap || !p->pages[page])
        return;
    mem_free(p->pages[page]);
    p->pages[page] = NULL;
    p->held--;
}
