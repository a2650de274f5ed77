/* series_stats.c - numbers about the series store, and which labels weigh most. */
#include "storage/series_index_private.h"
#include "storage/series_store_private.h"

static void sum_parts(const struct series_set *set, struct series_stats *out)
{
    int64_t min_ms = INT64_MAX, max_ms = INT64_MIN;
    for (uint32_t i = 0; i < set->part_count; i++) {
        const struct series_part_info *info = &set->parts[i].info;
        out->samples_parts += info->samples;
        out->part_bytes += info->bytes;
        min_ms = MIN(min_ms, info->min_time_ms);
        max_ms = MAX(max_ms, info->max_time_ms);
    }
    out->part_files = set->part_count;
    const struct series_head *heads[] = {set->head, set->frozen};
    for (size_t i = 0; i < LEN(heads); i++) {
        if (!heads[i])
            continue;
        out->samples_head += heads[i]->samples;
        out->memory_bytes += series_head_bytes(heads[i]);
        min_ms = MIN(min_ms, heads[i]->min_time_ms);
        max_ms = MAX(max_ms, heads[i]->max_time_ms);
    }
    out->min_time_ms = min_ms <= max_ms ? min_ms : 0;
    out->max_time_ms = min_ms <= max_ms ? max_ms : 0;
}

void series_store_stats(struct series_store *s, struct series_stats *out)
{
    struct series_index_stats index;
    pthread_mutex_lock(&s->set_lock);
    *out = s->counters;
    struct series_set *set = series_set_ref(s->set);
    pthread_mutex_unlock(&s->set_lock);
    series_index_lock(set->index);
    series_index_stats(set->index, &index);
    series_index_unlock(set->index);
    pthread_mutex_lock(&s->head_lock);
    out->active_series = series_active_count(&s->states, &s->states.active);
    sum_parts(set, out);
    out->memory_bytes += pages_bytes(&s->states.states) + s->exemplars.bytes + s->metadata.bytes;
    pthread_mutex_unlock(&s->head_lock);
    out->series = index.series;
    out->label_pairs = index.pairs;
    out->index_bytes = index.bytes;
    out->memory_bytes += index.bytes;
    series_set_unref(set);
}

/* --- the worst --- */

struct top_list {
    struct series_top *items; /* arena; descending */
    uint32_t count, limit;
};

static bool top_init(struct top_list *t, uint32_t limit, struct arena *arena)
{
    t->items = arena_calloc(arena, (size_t)limit + 1, sizeof(*t->items));
    t->count = 0;
    t->limit = limit;
    return t->items;
}

/* Names are borrowed from the index until top_copy(). */
static void top_put(struct top_list *t, struct str name, uint64_t value)
{
    if (value == 0 ||
        (t->count == t->limit && (t->limit == 0 || t->items[t->count - 1].value >= value)))
        return;
    uint32_t at = t->count < t->limit ? t->count++ : t->limit - 1;
    for (; at > 0 && t->items[at - 1].value < value; at--)
        t->items[at] = t->items[at - 1];
    t->items[at] = (struct series_top){name, value};
}

static bool top_copy(struct top_list *t, struct arena *arena)
{
    for (uint32_t i = 0; i < t->count; i++) {
        t->items[i].name = arena_dup_str(arena, t->items[i].name);
        if (!t->items[i].name.ptr)
            return false;
    }
    return true;
}

/* "name=value". */
static struct str pair_text(const struct series_index *x, const struct label_pair *p,
                            struct arena *arena)
{
    struct str name = x->names.items[p->name].text;
    char *text = arena_alloc(arena, name.len + 1 + p->value_len);
    if (!text)
        return (struct str){NULL, 1};
    memcpy(text, name.ptr, name.len);
    text[name.len] = '=';
    memcpy(text + name.len + 1, p->value, p->value_len);
    return (struct str){text, name.len + 1 + p->value_len};
}

struct tops {
    struct top_list metrics, values, bytes, pairs;
};

static void rank_name(const struct series_index *x, const struct label_name *name,
                      struct tops *tops)
{
    uint64_t bytes = 0;
    bool is_metric = str_eq(name->text, LABEL_METRIC_NAME);
    for (size_t i = 0; i < name->pairs.len; i++) {
        const struct label_pair *p = index_pair(x, name->pairs.items[i]);
        bytes += p->value_len;
        /* The number for the text, which is made for the few that stay. */
        top_put(&tops->pairs, (struct str){NULL, name->pairs.items[i]}, p->count);
        if (is_metric)
            top_put(&tops->metrics, pair_value(p), p->count);
    }
    top_put(&tops->values, name->text, name->pairs.len);
    top_put(&tops->bytes, name->text, bytes);
}

static bool rank_all(const struct series_index *x, struct tops *tops, struct arena *arena)
{
    for (size_t i = 1; i < x->names.len; i++)
        rank_name(x, &x->names.items[i], tops);
    for (uint32_t i = 0; i < tops->pairs.count; i++) {
        struct str *name = &tops->pairs.items[i].name;
        *name = pair_text(x, index_pair(x, (uint32_t)name->len), arena);
        if (!name->ptr)
            return false;
    }
    return top_copy(&tops->metrics, arena) && top_copy(&tops->values, arena) &&
           top_copy(&tops->bytes, arena);
}

enum status series_store_tops(struct series_store *s, uint32_t limit, struct arena *arena,
                              struct series_tops *out, struct err *e)
{
    struct tops tops = {0};
    bool ranked = top_init(&tops.metrics, limit, arena) && top_init(&tops.values, limit, arena) &&
                  top_init(&tops.bytes, limit, arena) && top_init(&tops.pairs, limit, arena);
    struct series_set *set = series_store_set(s);
    series_index_lock(set->index);
    ranked = ranked && rank_all(set->index, &tops, arena);
    series_index_unlock(set->index);
    series_set_unref(set);
    if (!ranked)
        return err_set(e, ST_NO_MEMORY, "no memory to list the largest labels");
    *out = (struct series_tops){
        tops.metrics.items, tops.values.items, tops.bytes.items, tops.pairs.items,
        tops.metrics.count, tops.values.count, tops.bytes.count, tops.pairs.count,
    };
    return ST_OK;
}
