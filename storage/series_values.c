/* series_values.c - blocks of label values: small for labels of few values. */
#include "storage/series_values.h"

enum { FIRST_BLOCK = 32, LARGEST_BLOCK = 64 * KIB };

static struct value_block *block_add(struct value_list *l, size_t need)
{
    size_t last = l->blocks.len ? l->blocks.items[l->blocks.len - 1].cap : FIRST_BLOCK / 2;
    size_t cap = MAX(MIN(last * 2, (size_t)LARGEST_BLOCK), need);
    if (cap > UINT32_MAX || !vec_reserve(&l->blocks, 1))
        return NULL;
    char *bytes = mem_alloc(cap);
    if (!bytes)
        return NULL;
    struct value_block *block = &l->blocks.items[l->blocks.len++];
    *block = (struct value_block){bytes, 0, (uint32_t)cap, l->count};
    l->held_bytes += cap + sizeof(*block);
    return block;
}

const char *value_list_push(struct value_list *l, struct str value)
{
    struct value_block *block = l->blocks.len ? &l->blocks.items[l->blocks.len - 1] : NULL;
    if (!block || block->cap - block->used < value.len)
        block = block_add(l, value.len);
    if (!block)
        return NULL;
    char *copy = block->bytes + block->used;
    if (value.len)
        memcpy(copy, value.ptr, value.len);
    block->used += (uint32_t)value.len;
    l->count++;
    return copy;
}

void value_list_deinit(struct value_list *l)
{
    for (size_t i = 0; i < l->blocks.len; i++)
        mem_free(l->blocks.items[i].bytes);
    vec_deinit(&l->blocks);
    *l = (struct value_list){0};
}
