/* series_postings.c - from matchers to series numbers. */
#include "storage/series_postings.h"
#include "storage/series_order.h"
#include "storage/series_scan.h"
#include <stdlib.h>

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

/* Which of a label's values have a text that the expression needs. */
struct hits {
    const uint64_t *bits; /* by position among the label's pairs; NULL: any may */
};

static bool hits_have(const struct hits *h, size_t position)
{
    return !h->bits || (h->bits[position / 64] >> position % 64 & 1);
}

static enum status find_hits(struct search *s, const struct label_name *name, size_t from,
                             const struct label_matcher *m, struct hits *out, struct err *e)
{
    const struct str *texts;
    bool nocase;
    uint32_t count = m->regex ? regex_needs(m->regex, &texts, &nocase) : 0;
    *out = (struct hits){0};
    if (count == 0 || from == name->pairs.len)
        return ST_OK;
    uint64_t *bits = arena_calloc(s->arena, name->pairs.len / 64 + 1, sizeof(*bits));
    if (!bits)
        return no_memory(e);
    for (uint32_t i = 0; i < count; i++)
        series_scan(s->x, name, from, (struct text_search){texts[i], nocase}, bits);
    out->bits = bits;
    return ST_OK;
}

/* The text of the matcher, whatever its sign: it is, or matches, the value. */
static bool text_fits(const struct label_matcher *m, struct str value)
{
    return m->regex ? regex_match(m->regex, value) : str_eq(m->value, value);
}

/* Of the pairs behind `from`, in the order in which they came, those that the matcher's text fits,
 * or does not. */
static enum status look_through(struct search *s, const struct label_name *name, size_t from,
                                const struct label_matcher *m, bool fits, struct err *e)
{
    struct hits hits;
    TRY(find_hits(s, name, from, m, &hits, e));
    for (size_t i = from; i < name->pairs.len; i++) {
        if (fits && hits.bits && hits.bits[i / 64] == 0) {
            i |= 63;
            continue;
        }
        struct str value = pair_value(index_pair(s->x, name->pairs.items[i]));
        if ((hits_have(&hits, i) && text_fits(m, value)) == fits)
            TRY(found(s, name->pairs.items[i], e));
    }
    return ST_OK;
}

/* Of the pairs that are in order, those that begin as the expression does. */
static enum status look_between(struct search *s, const struct label_name *name,
                                const struct label_matcher *m, struct str prefix, struct err *e)
{
    for (size_t i = series_order_find(s->x, name, prefix); i < name->order.len; i++) {
        struct str value = pair_value(index_pair(s->x, name->order.items[i]));
        if (!str_starts_with(value, prefix))
            break;
        if (text_fits(m, value))
            TRY(found(s, name->order.items[i], e));
    }
    return ST_OK;
}

static enum status look_for_prefix(struct search *s, struct label_name *name,
                                   const struct label_matcher *m, struct err *e)
{
    series_order_hold(s->x, name);
    size_t ordered = name->order.len;
    enum status status = look_between(s, name, m, regex_prefix(m->regex), e);
    series_order_release(s->x);
    return status == ST_OK ? look_through(s, name, ordered, m, true, e) : status;
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
        struct label_name *owner = &s->x->names.items[name];
        bool by_prefix = by_text && m->regex && regex_prefix(m->regex).len > 0;
        TRY(by_prefix ? look_for_prefix(s, owner, m, e) : look_through(s, owner, 0, m, by_text, e));
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

/* How many candidates it takes to be asked one by one what looking through a label's values costs:
 * a search in all of them is cheaper than a question each. */
static size_t cost_of_values(const struct search *s, const struct label_matcher *m)
{
    enum { SEARCH_GAIN = 8 };
    const struct str *texts;
    bool nocase;
    size_t values = s->x->names.items[index_name_find(s->x, m->name)].pairs.len;
    return m->regex && regex_needs(m->regex, &texts, &nocase) ? values / SEARCH_GAIN : values;
}

/* Look-ups first, they are cheap and narrow most; of the others each takes the cheaper way. */
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
        bool is_few = c->any && c->list.count <= cost_of_values(s, &matchers[i]);
        TRY(is_few ? sift(s, &matchers[i], c, e) : narrow(s, &matchers[i], c, e));
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
    TRY(series_order_all(x, owner, e));
    out->items = arena_alloc(arena, owner->pairs.len * sizeof(*out->items));
    if (!out->items)
        return no_memory(e);
    for (size_t i = 0; i < owner->order.len; i++) {
        const struct label_pair *p = index_pair(x, owner->order.items[i]);
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
