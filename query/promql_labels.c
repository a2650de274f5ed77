/* promql_labels.c - picks, sets and numbers label sets. */
#include "query/promql_labels.h"
#include "query/promql_quote.h"

#include <stdio.h>
#include <stdlib.h>

static int str_order(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

struct promql_names promql_names_sorted(struct arena *arena, const struct str *names,
                                        uint32_t count, struct str extra)
{
    uint32_t all = count + (extra.len > 0);
    struct str *items = arena_calloc(arena, all, sizeof(*items));
    if (!items)
        return (struct promql_names){NULL, all};
    if (count)
        memcpy(items, names, count * sizeof(*items));
    if (extra.len)
        items[count] = extra;
    qsort(items, all, sizeof(*items), str_order);
    return (struct promql_names){items, all};
}

struct label_set promql_labels_pick(struct label_set s, struct promql_names names, bool keep,
                                    struct label *out)
{
    uint32_t kept = 0, n = 0;
    for (uint32_t i = 0; i < s.count; i++) {
        int order = 1;
        while (n < names.count && (order = str_cmp(names.items[n], s.items[i].name)) < 0)
            n++;
        if ((n < names.count && order == 0) == keep)
            out[kept++] = s.items[i];
    }
    return (struct label_set){out, kept};
}

struct label_set promql_labels_with(struct arena *arena, struct label_set s, struct str name,
                                    struct str value)
{
    struct label *items = arena_calloc(arena, s.count + 1, sizeof(*items));
    uint32_t count = 0, i = 0;
    if (!items)
        return (struct label_set){NULL, s.count + 1};
    while (i < s.count && str_cmp(s.items[i].name, name) < 0)
        items[count++] = s.items[i++];
    if (value.len)
        items[count++] = (struct label){name, value};
    if (i < s.count && str_eq(s.items[i].name, name))
        i++;
    while (i < s.count)
        items[count++] = s.items[i++];
    return (struct label_set){items, count};
}

static bool is_reserved(struct str name)
{
    return str_eq(name, LABEL_METRIC_NAME) || str_eq(name, STR("__type__")) ||
           str_eq(name, STR("__unit__"));
}

struct label_set promql_labels_unnamed(struct arena *arena, struct label_set s)
{
    uint32_t reserved = 0, count = 0;
    for (uint32_t i = 0; i < s.count; i++)
        reserved += is_reserved(s.items[i].name);
    if (reserved == 0)
        return s;
    struct label *items = arena_calloc(arena, s.count, sizeof(*items));
    if (!items)
        return (struct label_set){NULL, s.count};
    for (uint32_t i = 0; i < s.count; i++)
        if (!is_reserved(s.items[i].name))
            items[count++] = s.items[i];
    return (struct label_set){items, count};
}

char *promql_labels_text(struct label_set s, char *out, size_t cap)
{
    struct buf text = {0};
    buf_append_u8(&text, '{');
    for (uint32_t i = 0; i < s.count && text.len < cap; i++) {
        buf_append_str(&text, i ? STR(", ") : STR(""));
        promql_quote_label(s.items[i].name, &text);
        buf_append_u8(&text, '=');
        promql_quote(str_sub(s.items[i].value, 0, cap), &text);
    }
    buf_append_u8(&text, '}');
    str_to_c(text.failed ? STR("{}") : buf_str(&text), out, cap);
    buf_deinit(&text);
    return out;
}

struct promql_entry {
    struct label_set labels;
    uint64_t hash;
};

enum { TABLE_FIRST = 16 };

static void slot_fill(struct promql_table *t, uint32_t number)
{
    uint32_t at = (uint32_t)t->entries[number].hash & t->mask;
    while (t->slots[at])
        at = (at + 1) & t->mask;
    t->slots[at] = number + 1;
}

/* The arena keeps the old arrays: together they are no longer than the new ones. */
static bool table_grow(struct promql_table *t)
{
    uint32_t cap = t->cap ? t->cap * 2 : TABLE_FIRST;
    struct promql_entry *entries = arena_calloc(t->arena, cap, sizeof(*entries));
    uint32_t *slots = arena_calloc(t->arena, (size_t)cap * 2, sizeof(*slots));
    if (!entries || !slots)
        return false;
    if (t->count)
        memcpy(entries, t->entries, t->count * sizeof(*entries));
    t->entries = entries;
    t->slots = slots;
    t->cap = cap;
    t->mask = cap * 2 - 1;
    for (uint32_t i = 0; i < t->count; i++)
        slot_fill(t, i);
    return true;
}

static uint32_t find_hashed(const struct promql_table *t, struct label_set s, uint64_t hash)
{
    if (!t->cap)
        return PROMQL_TABLE_NONE;
    for (uint32_t at = (uint32_t)hash & t->mask; t->slots[at]; at = (at + 1) & t->mask) {
        const struct promql_entry *x = &t->entries[t->slots[at] - 1];
        if (x->hash == hash && label_set_eq(x->labels, s))
            return t->slots[at] - 1;
    }
    return PROMQL_TABLE_NONE;
}

uint32_t promql_table_find(const struct promql_table *t, struct label_set s)
{
    return find_hashed(t, s, label_set_hash(s, 0));
}

uint32_t promql_table_put(struct promql_table *t, struct label_set s, bool *added)
{
    uint64_t hash = label_set_hash(s, 0);
    uint32_t found = find_hashed(t, s, hash);
    *added = false;
    if (found != PROMQL_TABLE_NONE)
        return found;
    if (t->count == t->cap && !table_grow(t))
        return PROMQL_TABLE_NONE;
    struct label *items = arena_calloc(t->arena, s.count, sizeof(*items));
    if (!items)
        return PROMQL_TABLE_NONE;
    if (s.count)
        memcpy(items, s.items, s.count * sizeof(*items));
    t->entries[t->count] = (struct promql_entry){{items, s.count}, hash};
    slot_fill(t, t->count);
    *added = true;
    return t->count++;
}

struct label_set promql_table_get(const struct promql_table *t, uint32_t number)
{
    return t->entries[number].labels;
}
