/* series_set.h - one moment of the series store: index, heads, parts, tombstones; each view holds
 * one. Immutable but for the samples of the active head, counted. Private to storage/series_*. */
#ifndef WEFT_STORAGE_SERIES_SET_H
#define WEFT_STORAGE_SERIES_SET_H

#include "storage/series_head.h"
#include "storage/series_ids.h"
#include "storage/series_index.h"

struct set_part {
    uint64_t id;              /* names the file */
    struct series_part *part; /* a reference */
    struct series_part_info info;
    uint32_t step_s; /* thinned out to this step; 0: every sample is there */
    bool is_sealed;  /* made by a merge with EFFORT_SEALED */
};

/* Samples that are deleted: of these series, in this range, in parts whose id is below the limit.
 * Counted; immutable. */
struct tombstone {
    atomic_uint refs;
    uint64_t id, part_limit;
    int64_t start_ms, end_ms;
    struct id_list series; /* owned */
    uint64_t freezes;      /* series_store.freezes before it; not stored */
};

/* Takes the ids over (mem_free), also when memory is short (NULL). */
struct tombstone *tombstone_new(uint32_t *ids, uint32_t count);
void tombstone_unref(struct tombstone *t); /* NULL is allowed */
static inline bool tombstone_covers(const struct tombstone *t, uint64_t part)
{
    return part < t->part_limit;
}

struct series_set {
    atomic_uint refs;
    struct series_index *index;
    struct series_head *head;      /* still grows: under the store's head lock */
    struct series_head *frozen;    /* being written by a checkpoint; NULL: none */
    struct set_part *parts;        /* owned; in the order of commits: of one time the last wins */
    struct tombstone **tombstones; /* owned */
    uint32_t part_count, part_cap, tombstone_count, tombstone_cap;
};

/* Empty, with room; NULL when memory is short. */
struct series_set *series_set_new(uint32_t part_cap, uint32_t tombstone_cap);
struct series_set *series_set_ref(struct series_set *s);
void series_set_unref(struct series_set *s); /* NULL is allowed */
/* Fills an empty set with references to index and heads of `from`. */
void series_set_fill_heads(struct series_set *to, const struct series_set *from);
/* The same, and to all else that it has. False: there is not room enough. */
bool series_set_fill(struct series_set *to, const struct series_set *from);
/* In a set that nobody else knows yet; room is there. */
void series_set_add_part(struct series_set *s, const struct set_part *p); /* reference taken over */
void series_set_remove_part(struct series_set *s, uint64_t id);
/* Puts a part (reference taken over) where the first of those it replaces was. */
void series_set_replace_parts(struct series_set *s, const uint64_t *ids, uint32_t count,
                              const struct set_part *p);

#endif
