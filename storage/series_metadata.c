/* series_metadata.c - what metrics say of themselves. */
#include "storage/series_metadata.h"
#include "base/hash.h"

void metadata_deinit(struct metadata_table *t)
{
    for (size_t i = 0; i < t->items.len; i++)
        mem_free((char *)t->items.items[i].metric.ptr);
    vec_deinit(&t->items);
    map64_deinit(&t->by_metric);
    t->bytes = 0;
}

static bool is_same(const struct kept_metadata *k, const struct metric_metadata *m)
{
    return k->type == m->type && str_eq(k->help, m->help) && str_eq(k->unit, m->unit);
}

static struct str place(char **at, struct str s)
{
    if (s.len)
        memcpy(*at, s.ptr, s.len);
    struct str placed = {*at, s.len};
    *at += s.len;
    return placed;
}

static bool copy(const struct metric_metadata *m, struct kept_metadata *out)
{
    char *at = mem_alloc(m->metric.len + m->help.len + m->unit.len + 1);
    if (!at)
        return false;
    out->type = m->type;
    out->metric = place(&at, m->metric);
    out->help = place(&at, m->help);
    out->unit = place(&at, m->unit);
    return true;
}

/* A multi-byte character is not cut in two. */
static struct str cut(struct str text)
{
    if (text.len <= METADATA_TEXT_MAX)
        return text;
    text.len = METADATA_TEXT_MAX;
    return str_sub(text, 0, str_utf8_prefix(text));
}

const struct kept_metadata *metadata_find(const struct metadata_table *t, struct str metric)
{
    const uint64_t *at = map64_find(&t->by_metric, hash_str(metric, t->seed));
    return at && *at ? &t->items.items[*at - 1] : NULL;
}

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for metadata");
}

enum status metadata_put(struct metadata_table *t, const struct metric_metadata *m, struct err *e)
{
    struct metric_metadata text = {cut(m->metric), cut(m->help), cut(m->unit), m->type};
    struct kept_metadata *known = (struct kept_metadata *)metadata_find(t, text.metric), fresh;
    bool added;
    if (known && is_same(known, &text))
        return ST_OK;
    if (!known && t->items.len >= METADATA_METRICS_MAX)
        return ST_OK;
    if (!copy(&text, &fresh))
        return no_memory(e);
    if (!known && vec_reserve(&t->items, 1)) {
        uint64_t *at = map64_put(&t->by_metric, hash_str(text.metric, t->seed), &added);
        if (at) {
            known = &t->items.items[t->items.len++];
            *known = (struct kept_metadata){0};
            *at = t->items.len;
        }
    }
    if (!known) {
        mem_free((char *)fresh.metric.ptr);
        return no_memory(e);
    }
    t->bytes += fresh.metric.len + fresh.help.len + fresh.unit.len;
    t->bytes -= known->metric.len + known->help.len + known->unit.len;
    mem_free((char *)known->metric.ptr);
    *known = fresh;
    return ST_OK;
}

void metadata_encode(const struct metadata_table *t, struct buf *out)
{
    buf_append_varint(out, t->items.len);
    for (size_t i = 0; i < t->items.len; i++) {
        const struct kept_metadata *k = &t->items.items[i];
        buf_append_u8(out, (uint8_t)k->type);
        buf_append_lenstr(out, k->metric);
        buf_append_lenstr(out, k->help);
        buf_append_lenstr(out, k->unit);
    }
}

enum status metadata_decode(struct metadata_table *t, struct cursor *in, struct err *e)
{
    uint64_t count = cursor_varint(in);
    for (uint64_t i = 0; i < count && !in->failed; i++) {
        struct metric_metadata m = {.type = (enum metric_type)cursor_u8(in)};
        m.metric = cursor_lenstr(in);
        m.help = cursor_lenstr(in);
        m.unit = cursor_lenstr(in);
        if (!in->failed && m.type <= METRIC_STATESET)
            TRY(metadata_put(t, &m, e));
    }
    if (in->failed)
        return err_set(e, ST_CORRUPT, "the metadata in the state of series is damaged");
    return ST_OK;
}
