/* series_index.c - builds the label index: series, label pairs and their postings. */
#include "storage/series_index.h"
#include "base/hash.h"
#include "storage/series_index_private.h"
#include <math.h>

enum { FIRST_SLOTS = 64, GROUP = 16 };

/* --- life --- */

struct series_index *series_index_new(uint64_t seed)
{
    struct series_index *x = mem_calloc(1, sizeof(*x));
    if (!x)
        return NULL;
    x->seed = seed;
    x->families.seed = seed;
    x->name_ids = intern_new(seed);
    if (!x->name_ids) {
        mem_free(x);
        return NULL;
    }
    x->entries.item_bytes = sizeof(struct series_entry);
    x->pairs.item_bytes = sizeof(struct label_pair);
    atomic_init(&x->refs, 1);
    pthread_rwlock_init(&x->lock, NULL);
    pthread_rwlock_init(&x->order_lock, NULL);
    return x;
}

struct series_index *series_index_ref(struct series_index *x)
{
    atomic_fetch_add(&x->refs, 1);
    return x;
}

static void index_free(struct series_index *x)
{
    for (uint32_t i = 1; i <= x->pair_count; i++) {
        struct label_pair *p = index_pair(x, i);
        if (p->cap)
            mem_free(p->many);
    }
    for (size_t i = 0; i < x->names.len; i++) {
        vec_deinit(&x->names.items[i].pairs);
        vec_deinit(&x->names.items[i].order);
        value_list_deinit(&x->names.items[i].values);
    }
    vec_deinit(&x->names);
    vec_deinit(&x->all);
    pages_deinit(&x->entries);
    pages_deinit(&x->pairs);
    map64_deinit(&x->families);
    intern_free(x->name_ids);
    mem_free(x->by_labels.slots);
    mem_free(x->by_pair.slots);
    arena_deinit(&x->arena);
    pthread_rwlock_destroy(&x->order_lock);
    pthread_rwlock_destroy(&x->lock);
    mem_free(x);
}

void series_index_unref(struct series_index *x)
{
    if (x && atomic_fetch_sub(&x->refs, 1) == 1)
        index_free(x);
}

void series_index_lock(struct series_index *x)
{
    pthread_rwlock_rdlock(&x->lock);
}

void series_index_unlock(struct series_index *x)
{
    pthread_rwlock_unlock(&x->lock);
}

/* --- the hash tables --- */

/* The low half of the hash: it says the place and, being more than the place, tells most strangers.
 */
static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)hash;
}

/* The table has room. */
static void table_put(struct hash_table *t, uint32_t tag, uint32_t number)
{
    size_t at = tag & t->mask;
    while (t->slots[at].number)
        at = (at + 1) & t->mask;
    t->slots[at] = (struct hash_slot){tag, number};
    t->count++;
}

static bool table_reserve(struct hash_table *t)
{
    if (t->slots && t->count < t->mask / 4 * 3)
        return true;
    size_t slots = t->slots ? (t->mask + 1) * 2 : FIRST_SLOTS;
    struct hash_table bigger = {mem_calloc(slots, sizeof(*bigger.slots)), slots - 1, 0};
    if (!bigger.slots)
        return false;
    for (size_t i = 0; t->slots && i <= t->mask; i++)
        if (t->slots[i].number)
            table_put(&bigger, t->slots[i].tag, t->slots[i].number);
    mem_free(t->slots);
    *t = bigger;
    return true;
}

/* --- names and pairs --- */

uint32_t index_name_find(const struct series_index *x, struct str name)
{
    uint32_t id = intern_find(x->name_ids, name);
    return id == INTERN_NONE || id >= x->names.len ? 0 : id;
}

static uint64_t pair_hash(const struct series_index *x, uint32_t name, struct str value)
{
    return hash_str(value, x->seed + name);
}

static uint32_t pair_find_hashed(const struct series_index *x, uint32_t name, struct str value,
                                 uint64_t hash)
{
    const struct hash_table *t = &x->by_pair;
    if (!t->slots)
        return 0;
    for (size_t at = hash & t->mask; t->slots[at].number; at = (at + 1) & t->mask) {
        if (t->slots[at].tag != tag_of(hash))
            continue;
        const struct label_pair *p = index_pair(x, t->slots[at].number);
        if (p->name == name && str_eq(pair_value(p), value))
            return t->slots[at].number;
    }
    return 0;
}

uint32_t index_pair_find(const struct series_index *x, uint32_t name, struct str value)
{
    return pair_find_hashed(x, name, value, pair_hash(x, name, value));
}

/* Number of a label's name, added when new; 0: no memory. */
static uint32_t name_add(struct series_index *x, struct str name)
{
    uint32_t id = intern_add(x->name_ids, name);
    if (id == INTERN_NONE)
        return 0;
    while (x->names.len <= id)
        if (!vec_push(&x->names, (struct label_name){0}))
            return 0;
    x->names.items[id].text = intern_get(x->name_ids, id);
    return id;
}

static uint32_t pair_add(struct series_index *x, uint32_t name, struct str value, uint64_t hash)
{
    struct label_name *owner = &x->names.items[name];
    struct label_pair *p = pages_put(&x->pairs, x->pair_count + 1);
    if (!p || !vec_reserve(&owner->pairs, 1) || !table_reserve(&x->by_pair))
        return 0;
    uint64_t held = owner->values.held_bytes;
    const char *copy = value_list_push(&owner->values, value);
    if (!copy)
        return 0;
    x->value_bytes += owner->values.held_bytes - held;
    *p = (struct label_pair){.value = copy, .value_len = (uint32_t)value.len, .name = name};
    x->pair_count++;
    owner->pairs.items[owner->pairs.len++] = x->pair_count;
    table_put(&x->by_pair, tag_of(hash), x->pair_count);
    return x->pair_count;
}

/* 0: no memory. */
static uint32_t pair_get(struct series_index *x, const struct label *l)
{
    uint32_t name = name_add(x, l->name);
    if (name == 0)
        return 0;
    uint64_t hash = pair_hash(x, name, l->value);
    uint32_t found = pair_find_hashed(x, name, l->value, hash);
    return found ? found : pair_add(x, name, l->value, hash);
}

/* Room for one more number. Long lists grow by a quarter: there are few of them, and they are what
 * the index weighs. */
static bool postings_reserve(struct series_index *x, struct label_pair *p)
{
    if (p->count < (p->cap ? p->cap : POSTINGS_INLINE))
        return true;
    uint32_t cap = p->cap ? p->cap + MAX(p->cap / 4, 4u) : 4;
    uint32_t *many = mem_realloc_array(p->cap ? p->many : NULL, cap, sizeof(*many));
    if (!many)
        return false;
    if (!p->cap)
        memcpy(many, p->few, sizeof(p->few));
    x->postings_bytes += (cap - p->cap) * sizeof(*many);
    p->many = many;
    p->cap = cap;
    return true;
}

static void postings_push(struct label_pair *p, uint32_t id)
{
    (p->cap ? p->many : p->few)[p->count++] = id;
}

/* --- series --- */

static inline uint64_t word_at(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* Most names and values have 8 to 16 bytes: two words that may overlap, without a call. */
static inline bool text_eq(struct str a, struct str b)
{
    if (a.len != b.len || a.len < 8 || a.len > 16)
        return str_eq(a, b);
    return word_at(a.ptr) == word_at(b.ptr) &&
           word_at(a.ptr + a.len - 8) == word_at(b.ptr + b.len - 8);
}

static bool has_labels(const struct series_index *x, uint32_t id, struct label_set labels)
{
    const struct series_entry *entry = index_entry(x, id);
    if (entry->pair_count != labels.count)
        return false;
    for (uint32_t i = 0; i < labels.count; i++) {
        const struct label_pair *p = index_pair(x, entry->pairs[i]);
        if (!text_eq(pair_value(p), labels.items[i].value) ||
            !text_eq(x->names.items[p->name].text, labels.items[i].name))
            return false;
    }
    return true;
}

uint32_t series_index_find(const struct series_index *x, struct label_set labels, uint64_t hash)
{
    const struct hash_table *t = &x->by_labels;
    if (!t->slots)
        return 0;
    for (size_t at = hash & t->mask; t->slots[at].number; at = (at + 1) & t->mask)
        if (t->slots[at].tag == tag_of(hash) && has_labels(x, t->slots[at].number, labels))
            return t->slots[at].number;
    return 0;
}

/* The first series whose 32 bits of hash fit, unverified: what series_index_find() will look at. */
static uint32_t candidate(const struct hash_table *t, uint64_t hash)
{
    for (size_t at = hash & t->mask; t->slots[at].number; at = (at + 1) & t->mask)
        if (t->slots[at].tag == tag_of(hash))
            return t->slots[at].number;
    return 0;
}

/* Each step asks for the memory that the next one reads, for a group of series side by side. */
static void prefetch_group(const struct series_index *x, const struct metric_series *series,
                           uint32_t count)
{
    const struct series_entry *entries[GROUP];
    for (uint32_t i = 0; i < count; i++)
        __builtin_prefetch(&x->by_labels.slots[series[i].hash & x->by_labels.mask]);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t id = candidate(&x->by_labels, series[i].hash);
        entries[i] = id ? index_entry(x, id) : NULL;
        __builtin_prefetch(entries[i]);
    }
    for (uint32_t i = 0; i < count; i++)
        if (entries[i])
            __builtin_prefetch(entries[i]->pairs);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; entries[i] && k < entries[i]->pair_count; k++)
            __builtin_prefetch(index_pair(x, entries[i]->pairs[k]));
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; entries[i] && k < entries[i]->pair_count; k++)
            __builtin_prefetch(index_pair(x, entries[i]->pairs[k])->value);
}

void series_index_find_many(const struct series_index *x, const struct metric_series *series,
                            uint32_t count, uint32_t *ids)
{
    for (uint32_t at = 0; at < count; at += GROUP) {
        uint32_t group = MIN(count - at, (uint32_t)GROUP);
        if (x->by_labels.slots)
            prefetch_group(x, series + at, group);
        for (uint32_t i = at; i < at + group; i++)
            ids[i] = series_index_find(x, series[i].labels, series[i].hash);
    }
}

/* --- families --- */

/* The text of a `le`, as senders write bounds. */
static bool bound_parse(struct str text, double *bound)
{
    if (str_eq(text, STR("+Inf")))
        *bound = INFINITY;
    return str_eq(text, STR("+Inf")) || str_to_double(text, bound);
}

static uint64_t family_hash(struct label_set labels, uint64_t seed)
{
    uint64_t h = seed;
    for (uint32_t i = 0; i < labels.count; i++)
        if (!str_eq(labels.items[i].name, STR("le")))
            h = hash_str(labels.items[i].value, hash_str(labels.items[i].name, h));
    return h;
}

/* The same labels but for `le`, which both have. */
static bool is_kin(const struct series_index *x, uint32_t id, struct label_set labels)
{
    const struct series_entry *entry = index_entry(x, id);
    if (entry->pair_count != labels.count)
        return false;
    for (uint32_t i = 0; i < labels.count; i++) {
        const struct label_pair *p = index_pair(x, entry->pairs[i]);
        bool le = str_eq(labels.items[i].name, STR("le"));
        if (!str_eq(x->names.items[p->name].text, labels.items[i].name) ||
            (!le && !str_eq(pair_value(p), labels.items[i].value)))
            return false;
    }
    return true;
}

/* Series that differ in `le` only are kept together in parts; number of the first. 0: no memory. */
static uint32_t family_of(struct series_index *x, uint32_t id, struct label_set labels,
                          bool *has_bound)
{
    double bound;
    bool added;
    *has_bound = bound_parse(label_set_get(labels, STR("le")), &bound);
    if (!*has_bound)
        return id;
    uint64_t *first = map64_put(&x->families, family_hash(labels, x->seed), &added);
    if (!first)
        return 0;
    if (added)
        *first = id;
    return added || is_kin(x, (uint32_t)*first, labels) ? (uint32_t)*first : id;
}

/* --- adding --- */

static bool pairs_get(struct series_index *x, struct label_set labels, uint32_t *pairs)
{
    for (uint32_t i = 0; i < labels.count; i++) {
        pairs[i] = pair_get(x, &labels.items[i]);
        if (pairs[i] == 0 || !postings_reserve(x, index_pair(x, pairs[i])))
            return false;
    }
    return true;
}

/* All that may fail comes first; pairs without a series that a failure leaves behind do no harm. */
static bool add(struct series_index *x, uint32_t id, struct label_set labels, uint64_t hash)
{
    uint32_t *pairs = arena_alloc(&x->arena, labels.count * sizeof(*pairs));
    struct series_entry *entry = pages_put(&x->entries, id);
    if (!pairs || !entry || !pairs_get(x, labels, pairs) || !vec_reserve(&x->all, 1) ||
        !table_reserve(&x->by_labels))
        return false;
    bool has_bound;
    uint32_t family = family_of(x, id, labels, &has_bound);
    if (family == 0)
        return false;
    *entry = (struct series_entry){pairs, family, labels.count & INT32_MAX, has_bound};
    for (uint32_t i = 0; i < labels.count; i++)
        postings_push(index_pair(x, pairs[i]), id);
    x->all.items[x->all.len++] = id;
    table_put(&x->by_labels, tag_of(hash), id);
    return true;
}

enum status series_index_add(struct series_index *x, uint32_t id, struct label_set labels,
                             uint64_t hash, struct err *e)
{
    pthread_rwlock_wrlock(&x->lock);
    bool added = add(x, id, labels, hash);
    pthread_rwlock_unlock(&x->lock);
    return added ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for a new series");
}

/* --- reading --- */

bool series_index_has(const struct series_index *x, uint32_t id)
{
    const struct series_entry *entry = pages_find(&x->entries, id);
    return entry && entry->pairs;
}

enum status series_index_labels(const struct series_index *x, uint32_t id, struct arena *arena,
                                struct label_set *out, struct err *e)
{
    const struct series_entry *entry = index_entry(x, id);
    struct label *items = arena_alloc(arena, entry->pair_count * sizeof(*items));
    if (!items)
        return err_set(e, ST_NO_MEMORY, "no memory for the labels of a series");
    for (uint32_t i = 0; i < entry->pair_count; i++) {
        const struct label_pair *p = index_pair(x, entry->pairs[i]);
        items[i] = (struct label){x->names.items[p->name].text, pair_value(p)};
    }
    *out = (struct label_set){items, entry->pair_count};
    return ST_OK;
}

struct str series_index_value(const struct series_index *x, uint32_t id, struct str name)
{
    const struct series_entry *entry = index_entry(x, id);
    for (uint32_t i = 0; i < entry->pair_count; i++) {
        const struct label_pair *p = index_pair(x, entry->pairs[i]);
        if (str_eq(x->names.items[p->name].text, name))
            return pair_value(p);
    }
    return (struct str){0};
}

uint32_t series_index_family(const struct series_index *x, uint32_t id)
{
    return index_entry(x, id)->family;
}

struct series_key series_index_key(const struct series_index *x, uint32_t id)
{
    const struct series_entry *entry = index_entry(x, id);
    struct series_key key = {entry->family, id, NAN};
    if (entry->has_bound)
        (void)bound_parse(series_index_value(x, id, STR("le")), &key.le);
    return key;
}

const uint32_t *series_index_all(const struct series_index *x, uint32_t *count)
{
    *count = (uint32_t)x->all.len;
    return x->all.items;
}

void series_index_stats(const struct series_index *x, struct series_index_stats *out)
{
    *out = (struct series_index_stats){
        .series = (uint32_t)x->all.len,
        .pairs = x->pair_count,
        .names = (uint32_t)(x->names.len ? x->names.len - 1 : 0),
        .bytes = arena_held_bytes(&x->arena) + intern_bytes(x->name_ids) +
                 pages_bytes(&x->entries) + pages_bytes(&x->pairs) +
                 (x->by_labels.mask + x->by_pair.mask) * sizeof(struct hash_slot) +
                 x->all.cap * sizeof(uint32_t) + x->pair_count * sizeof(uint32_t) +
                 x->postings_bytes + x->value_bytes,
    };
}
