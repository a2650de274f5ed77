/* series_index_private.h - what the index looks like inside: shared by series_index.c, which builds
 * it, and series_postings.c, which searches it. */
#ifndef WEFT_STORAGE_SERIES_INDEX_PRIVATE_H
#define WEFT_STORAGE_SERIES_INDEX_PRIVATE_H

#include "base/intern.h"
#include "base/map64.h"
#include "base/vec.h"
#include "storage/series_index.h"
#include "storage/series_pages.h"
#include "storage/series_values.h"
#include <pthread.h>
#include <stdatomic.h>

enum { POSTINGS_INLINE = 2 };

/* One value of one label. 32 bytes: many pairs belong to one series only. */
struct label_pair {
    const char *value;        /* its label's value list */
    uint32_t value_len, name; /* name: position in series_index.names */
    uint32_t count, cap;      /* of the ids; cap 0: they are in few[] */
    union {
        uint32_t few[POSTINGS_INLINE];
        uint32_t *many; /* owned */
    };                  /* numbers of the series that carry it, ascending */
};

struct label_name {
    struct str text;          /* name_ids' */
    VEC(uint32_t) pairs;      /* as they came */
    VEC(uint32_t) order;      /* the first so many of them, ascending by value (series_order.h) */
    struct value_list values; /* in the order of pairs */
};

struct series_entry {
    uint32_t *pairs; /* the index's arena, in the order of names; NULL: no such series */
    uint32_t family;
    uint32_t pair_count : 31;
    uint32_t has_bound : 1; /* a `le` that is a number */
};

/* Open addressing: a slot holds the low half of the hash beside the number. */
struct hash_slot {
    uint32_t tag, number; /* number 0: free */
};

struct hash_table {
    struct hash_slot *slots; /* owned */
    size_t mask, count;
};

struct series_index {
    atomic_uint refs;
    pthread_rwlock_t lock;       /* readers that are not the owner, against adding */
    pthread_rwlock_t order_lock; /* inside of lock: readers that use or make the order of pairs */
    uint64_t seed;
    struct arena arena; /* entries' pair lists */
    struct hash_table by_labels, by_pair;
    struct pages entries; /* struct series_entry by series number */
    struct pages pairs;   /* struct label_pair, from 1 */
    uint32_t pair_count;  /* the last pair's number */
    struct intern *name_ids;
    VEC(struct label_name) names; /* by id in name_ids; the first is nobody's */
    VEC(uint32_t) all;            /* series numbers, ascending */
    struct map64 families; /* hash of the labels without `le` -> number of the first series */
    uint64_t postings_bytes, value_bytes;
};

static inline struct label_pair *index_pair(const struct series_index *x, uint32_t number)
{
    return pages_get(&x->pairs, number);
}

static inline const struct series_entry *index_entry(const struct series_index *x, uint32_t id)
{
    return pages_get(&x->entries, id);
}

static inline const uint32_t *pair_ids(const struct label_pair *p)
{
    return p->cap ? p->many : p->few;
}

static inline struct str pair_value(const struct label_pair *p)
{
    return (struct str){p->value, p->value_len};
}

/* Number of a label's name; 0 when no series has it. */
uint32_t index_name_find(const struct series_index *x, struct str name);
/* Number of a pair; 0 when no series has it. */
uint32_t index_pair_find(const struct series_index *x, uint32_t name, struct str value);

#endif
