/* edge_merge.c - which parts become one; none do so far: queries add up whatever there is. */
#include "storage/store_parts.h"

enum status edge_merge_step(struct store *s, uint64_t now_ns, bool compact, bool *did,
                            struct err *e)
{
    (void)s, (void)now_ns, (void)compact, (void)e;
    *did = false;
    return ST_OK;
}
