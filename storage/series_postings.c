/* series_postings.c - from matchers to series numbers. */
#include "storage/series_postings.h"
#include "storage/series_index_private.h"
#include <stdlib.h>

/* --- a name's pairs in the order of their values --- */

enum { INSERT_MAX = 256 }; /* new pairs that are put into their places one by one */

struct sort_item {
    uint64_t head; /* the first bytes of the value, which decide most comparisons */
    const struct label_pair *pair;
    uint32_t number;
};

static uint64_t head_of(struct str value)
{
    uint64_t head = 0;
    memcpy(&head, value.ptr, MIN(value.len, sizeof(head)));
    return __builtin_bswap64(head);
}

static int item_cmp(const void *a, const void *b)
{
    const struct sort_item *x = a, *y = b;
    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    return str_cmp(pair_value(x->pair), pair_value(y->pair));
}

static bool sort_all(const struct series_index *x, struct label_name *name)
{
    struct sort_item *items = mem_realloc_array(NULL, name->pairs.len, sizeof(*items));
    if (!items)
        return false;
    for (size_t i = 0; i < name->pairs.len; i++) {
        const struct label_pair *p = index_pair(x, name->pairs.items[i]);
        items[i] = (struct sort_item){head_of(pair_value(p)), p, name->pairs.items[i]};
    }
    qsort(items, name->pairs.len, sizeof(*items), item_cmp);
    for (size_t i = 0; i < name->pairs.len; i++)
        name->pairs.items[i] = items[i].number;
    mem_free(items);
    return true;
}

/* First position among the sorted pairs whose value is not below the text. */
static size_t lower_bound(const struct series_index *x, const struct label_name *name,
                          struct str text)
{
    size_t low = 0, high = name->sorted;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(pair_value(index_pair(x, name->pairs.items[middle])), text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert_next(const struct series_index *x, struct label_name *name)
{
    uint32_t number = name->pairs.items[name->sorted];
    size_t at = lower_bound(x, name, pair_value(index_pair(x, number)));
    memmove(name->pairs.items + at + 1, name->pairs.items + at,
            (name->sorted - at) * sizeof(number));
    name->pairs.items[at] = number;
    name->sorted++;
}

/* Every reader comes through here before it looks at the list, so nobody sees it being sorted; the
 * owner, who would add to it, is kept out by the index's lock. */
static enum status pairs_sort(struct series_index *x, struct label_name *name, struct err *e)
{
    bool sorted = true;
    pthread_mutex_lock(&x->sort_lock);
    if (name->pairs.len - name->sorted > INSERT_MAX) {
        sorted = sort_all(x, name);
        if (sorted)
            name->sorted = name->pairs.len;
    }
    while (sorted && name->sorted < name->pairs.len)
        insert_next(x, name);
    pthread_mutex_unlock(&x->sort_lock);
    return sorted ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory to sort the values of a label");
}

/* --- the pairs that a matcher speaks of --- */

struct search {
    struct series_index *x;
    struct arena *arena;
    VEC(struct id_list) lists; /* postings found for the matcher at hand */
};

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory to look series up");
}

static enum status found(struct search *s, uint32_t pair, struct err *e)
{
    const struct label_pair *p = index_pair(s->x, pair);
    struct id_list list = {pair_ids(p), p->count};
    return vec_push(&s->lists, list) ? ST_OK : no_memory(e);
}

static enum status look_up(struct search *s, uint32_t name, const struct str *texts, size_t count,
                           struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t pair = index_pair_find(s->x, name, texts[i]);
        if (pair)
            TRY(found(s, pair, e));
    }
    return ST_OK;
}

static enum status look_through(struct search *s, uint32_t name, const struct label_matcher *m,
                                bool accepted, struct str prefix, struct err *e)
{
    struct label_name *owner = &s->x->names.items[name];
    TRY(pairs_sort(s->x, owner, e));
    for (size_t i = lower_bound(s->x, owner, prefix); i < owner->pairs.len; i++) {
        struct str value = pair_value(index_pair(s->x, owner->pairs.items[i]));
        if (!str_starts_with(value, prefix))
            break;
        if (label_matcher_accepts(m, value) == accepted)
            TRY(found(s, owner->pairs.items[i], e));
    }
    return ST_OK;
}

/* What a matcher names by its text alone: such pairs are looked up, not looked for. */
static bool texts_of(const struct label_matcher *m, const struct str **texts, size_t *count)
{
    if (m->regex)
        return regex_literals(m->regex, texts, count);
    *texts = &m->value;
    *count = 1;
    return true;
}

static bool accepts_missing(const struct label_matcher *m)
{
    return label_matcher_accepts(m, STR(""));
}

/* True when pairs_of() is nothing but look-ups: it then asks for the pairs that fit the text. */
static bool is_cheap(const struct label_matcher *m)
{
    const struct str *texts;
    size_t count;
    bool takes_text = m->op == MATCH_EQ || m->op == MATCH_RE;
    return takes_text != accepts_missing(m) && texts_of(m, &texts, &count);
}

/* Union of the postings of the pairs that the matcher accepts; for one that accepts a missing label
 * of those that it does not: the series to leave out. */
static enum status pairs_of(struct search *s, const struct label_matcher *m, struct id_list *out,
                            struct err *e)
{
    const struct str *texts;
    size_t count;
    uint32_t name = index_name_find(s->x, m->name);
    s->lists.len = 0;
    *out = (struct id_list){0};
    if (name == 0)
        return ST_OK;
    bool accepted = !accepts_missing(m);
    bool by_text = (m->op == MATCH_EQ || m->op == MATCH_RE) == accepted;
    if (by_text && texts_of(m, &texts, &count)) {
        TRY(look_up(s, name, texts, count, e));
    } else {
        struct str prefix = by_text && m->regex ? regex_prefix(m->regex) : STR("");
        TRY(look_through(s, name, m, accepted, prefix, e));
    }
    return ids_union(s->lists.items, (uint32_t)s->lists.len, s->arena, out) ? ST_OK : no_memory(e);
}

/* --- all matchers together --- */

struct candidates {
    struct id_list list;
    bool any; /* false: all series, nothing has narrowed them yet */
};

static enum status narrow(struct search *s, const struct label_matcher *m, struct candidates *c,
                          struct err *e)
{
    struct id_list list;
    bool exclude = accepts_missing(m);
    TRY(pairs_of(s, m, &list, e));
    if (!c->any && !exclude) {
        *c = (struct candidates){list, true};
        return ST_OK;
    }
    if (!c->any)
        *c = (struct candidates){{s->x->all.items, (uint32_t)s->x->all.len}, true};
    bool done = exclude ? ids_subtract(c->list, list, s->arena, &c->list)
                        : ids_intersect(c->list, list, s->arena, &c->list);
    return done ? ST_OK : no_memory(e);
}

/* Asks each candidate instead of each value of the label. */
static enum status sift(struct search *s, const struct label_matcher *m, struct candidates *c,
                        struct err *e)
{
    uint32_t *ids = arena_alloc(s->arena, c->list.count * sizeof(*ids)), count = 0;
    if (!ids)
        return no_memory(e);
    for (uint32_t i = 0; i < c->list.count; i++)
        if (label_matcher_accepts(m, series_index_value(s->x, c->list.ids[i], m->name)))
            ids[count++] = c->list.ids[i];
    c->list = (struct id_list){ids, count};
    return ST_OK;
}

/* Look-ups first, they are cheap and narrow most; of the others each takes the way that asks fewer
 * questions. */
static enum status match_all(struct search *s, const struct label_matcher *matchers, uint32_t count,
                             struct candidates *c, struct err *e)
{
    for (uint32_t i = 0; i < count; i++)
        if (is_cheap(&matchers[i]) && !accepts_missing(&matchers[i]))
            TRY(narrow(s, &matchers[i], c, e));
    for (uint32_t i = 0; i < count; i++)
        if (is_cheap(&matchers[i]) && accepts_missing(&matchers[i]))
            TRY(narrow(s, &matchers[i], c, e));
    for (uint32_t i = 0; i < count; i++) {
        if (is_cheap(&matchers[i]))
            continue;
        size_t values = s->x->names.items[index_name_find(s->x, matchers[i].name)].pairs.len;
        TRY(c->any && c->list.count <= values ? sift(s, &matchers[i], c, e)
                                              : narrow(s, &matchers[i], c, e));
    }
    return ST_OK;
}

enum status series_postings_match(struct series_index *x, const struct label_matcher *matchers,
                                  uint32_t count, struct arena *arena, struct id_list *out,
                                  struct err *e)
{
    struct search s = {.x = x, .arena = arena};
    struct candidates c = {0};
    *out = (struct id_list){0};
    if (x->names.len == 0)
        return ST_OK;
    enum status status = match_all(&s, matchers, count, &c, e);
    vec_deinit(&s.lists);
    if (status == ST_OK)
        *out = c.any ? c.list : (struct id_list){x->all.items, (uint32_t)x->all.len};
    return status;
}

/* --- names and values --- */

static int text_cmp(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool any_has(const struct label_pair *p, bool (*has)(uint32_t, void *), void *user)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (has(pair_ids(p)[i], user))
            return true;
    return false;
}

/* Of all series: pair by pair, already in order. */
static enum status values_of_all(struct series_index *x, uint32_t name,
                                 bool (*has)(uint32_t, void *), void *user, struct arena *arena,
                                 struct text_list *out, struct err *e)
{
    struct label_name *owner = &x->names.items[name];
    TRY(pairs_sort(x, owner, e));
    out->items = arena_alloc(arena, owner->pairs.len * sizeof(*out->items));
    if (!out->items)
        return no_memory(e);
    for (size_t i = 0; i < owner->pairs.len; i++) {
        const struct label_pair *p = index_pair(x, owner->pairs.items[i]);
        if (any_has(p, has, user))
            out->items[out->count++] = pair_value(p);
    }
    return ST_OK;
}

/* Number of the series' pair of this name; 0 when it has none. */
static uint32_t pair_of(const struct series_index *x, uint32_t id, uint32_t name)
{
    const struct series_entry *entry = index_entry(x, id);
    for (uint32_t i = 0; i < entry->pair_count; i++)
        if (index_pair(x, entry->pairs[i])->name == name)
            return entry->pairs[i];
    return 0;
}

static bool mark(uint8_t *seen, uint32_t number)
{
    bool was = seen[number / 8] >> number % 8 & 1;
    seen[number / 8] |= (uint8_t)(1u << number % 8);
    return !was;
}

enum status series_postings_values(struct series_index *x, struct str name,
                                   const struct id_list *ids, bool (*has)(uint32_t id, void *user),
                                   void *user, struct arena *arena, struct text_list *out,
                                   struct err *e)
{
    *out = (struct text_list){0};
    uint32_t number = x->names.len ? index_name_find(x, name) : 0;
    if (number == 0)
        return ST_OK;
    if (!ids)
        return values_of_all(x, number, has, user, arena, out, e);
    size_t most = MIN(ids->count, x->names.items[number].pairs.len);
    uint8_t *seen = arena_calloc(arena, x->pair_count / 8 + 1, 1);
    out->items = arena_alloc(arena, most * sizeof(*out->items));
    if (!seen || !out->items)
        return no_memory(e);
    for (uint32_t i = 0; i < ids->count; i++) {
        uint32_t pair = pair_of(x, ids->ids[i], number);
        if (pair && has(ids->ids[i], user) && mark(seen, pair))
            out->items[out->count++] = pair_value(index_pair(x, pair));
    }
    qsort(out->items, out->count, sizeof(*out->items), text_cmp);
    return ST_OK;
}

enum status series_postings_names(struct series_index *x, const struct id_list *ids,
                                  bool (*has)(uint32_t id, void *user), void *user,
                                  struct arena *arena, struct text_list *out, struct err *e)
{
    struct id_list all = {x->all.items, (uint32_t)x->all.len};
    uint8_t *seen = arena_calloc(arena, x->names.len / 8 + 1, 1);
    *out = (struct text_list){arena_alloc(arena, x->names.len * sizeof(*out->items)), 0};
    if (!seen || !out->items)
        return no_memory(e);
    ids = ids ? ids : &all;
    for (uint32_t i = 0; i < ids->count; i++) {
        if (!has(ids->ids[i], user))
            continue;
        const struct series_entry *entry = index_entry(x, ids->ids[i]);
        for (uint32_t k = 0; k < entry->pair_count; k++) {
            uint32_t name = index_pair(x, entry->pairs[k])->name;
            if (mark(seen, name))
                out->items[out->count++] = x->names.items[name].text;
        }
    }
    qsort(out->items, out->count, sizeof(*out->items), text_cmp);
    return ST_OK;
}
