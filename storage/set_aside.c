/* set_aside.c - a ring of ids and until when. */
#include "storage/set_aside.h"

static const uint64_t aside_ns = 3600 * NS_PER_S;

void set_aside_add(struct set_aside *a, uint64_t id, uint64_t now_mono_ns)
{
    a->items[a->next].id = id;
    a->items[a->next].until_mono_ns = now_mono_ns + aside_ns;
    a->next = (a->next + 1) % SET_ASIDE_MAX;
}

bool set_aside_has(const struct set_aside *a, uint64_t id, uint64_t now_mono_ns)
{
    for (size_t i = 0; i < SET_ASIDE_MAX; i++)
        if (a->items[i].id == id && now_mono_ns < a->items[i].until_mono_ns)
            return true;
    return false;
}
