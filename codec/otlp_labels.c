/* otlp_labels.c - resource, scope and attributes of an OTLP point to one label set. */
#include "codec/otlp_labels.h"

#include "base/hash.h"
#include "codec/attr_text.h"

#include <stdlib.h>

struct label_maker label_maker_of(struct metric_builder *m, enum metric_translation translation,
                                  struct str peer)
{
    return (struct label_maker){.m = m, .translation = translation, .peer = peer};
}

static enum status no_memory(struct label_maker *l)
{
    return metric_build_no_memory(l->m);
}

static struct arena *arena_of(struct label_maker *l)
{
    return &l->m->batch->arena;
}

/* ---- attributes ---- */

/* Keys come again and again: one translation serves most of a request. */
static bool translate_name(struct label_maker *l, struct str key, struct str *out)
{
    size_t at = hash_str(key, 0) % NAME_CACHE;
    if (!str_eq(l->names[at].key, key)) {
        struct str name = label_name_translate(arena_of(l), l->translation, key);
        if (!name.ptr)
            return false;
        l->names[at].key = key;
        l->names[at].name = name;
    }
    *out = l->names[at].name;
    return true;
}

static enum status add_attr(struct label_maker *l, struct str prefix, const struct attr *a)
{
    struct raw_label *raw = metric_run_add(l->m, &l->raw, sizeof(*raw));
    if (!raw || !attr_to_text(arena_of(l), a, l->m->batch->encoding, &raw->value) ||
        !translate_name(l, a->key, &raw->name))
        return no_memory(l);
    raw->key = a->key;
    raw->order = (uint32_t)(metric_run_bytes(&l->raw) / sizeof(*raw));
    if (prefix.len == 0)
        return ST_OK;
    struct str parts[] = {prefix, a->key};
    struct str joined;
    if (!text_join(arena_of(l), parts, LEN(parts), STR(""), &joined))
        return no_memory(l);
    raw->name = label_name_translate(arena_of(l), l->translation, joined);
    return raw->name.ptr ? ST_OK : no_memory(l);
}

static int raw_cmp(const void *a, const void *b)
{
    const struct raw_label *x = a, *y = b;
    int order = str_cmp(x->name, y->name);
    if (order == 0)
        order = str_cmp(x->key, y->key);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static void sort_raw(struct raw_label *raw, size_t count)
{
    size_t i = 1;
    while (i < count && raw_cmp(&raw[i - 1], &raw[i]) < 0)
        i++;
    if (i < count)
        qsort(raw, count, sizeof(*raw), raw_cmp);
}

/* Of the same key the last value counts; of keys that became the same name all values are told,
 * joined in the keys' order, as Prometheus has them: an empty first one is none. *next: the first
 * that has another name. */
static enum status join_group(struct label_maker *l, struct raw_label *raw, size_t count,
                              size_t *next, struct str *value)
{
    struct str before = {0}; /* the values of other keys */
    *value = raw[0].value;
    for (*next = 1; *next < count && str_eq(raw[*next].name, raw[0].name); ++*next) {
        struct raw_label *now = &raw[*next];
        if (!str_eq(now->key, now[-1].key))
            before = *value;
        struct str parts[] = {before, now->value};
        if (before.len == 0)
            *value = now->value;
        else if (!text_join(arena_of(l), parts, LEN(parts), STR(";"), value))
            return no_memory(l);
    }
    return ST_OK;
}

static enum status add_label(struct label_maker *l, struct item_run *run, struct str name,
                             struct str value)
{
    if (name.len == 0 || value.len == 0)
        return ST_OK;
    struct label *label = metric_run_add(l->m, run, sizeof(*label));
    if (!label)
        return no_memory(l);
    *label = (struct label){name, value};
    return ST_OK;
}

/* Sorts what was added and appends it to `run`, merged with `fixed`, which goes before. */
static enum status finish(struct label_maker *l, const struct label *fixed, size_t fixed_count,
                          struct str reserved, struct item_run *run)
{
    struct raw_label *raw = (struct raw_label *)(void *)l->raw.first;
    size_t count = metric_run_bytes(&l->raw) / sizeof(*raw), at = 0, next;
    sort_raw(raw, count);
    for (size_t i = 0; i < count; i += next) {
        struct str value;
        TRY(join_group(l, raw + i, count - i, &next, &value));
        for (; at < fixed_count && str_cmp(fixed[at].name, raw[i].name) < 0; at++)
            TRY(add_label(l, run, fixed[at].name, fixed[at].value));
        bool taken = at < fixed_count && str_eq(fixed[at].name, raw[i].name);
        if (!taken && !str_eq(raw[i].name, LABEL_METRIC_NAME) &&
            !(reserved.len && str_eq(raw[i].name, reserved)))
            TRY(add_label(l, run, raw[i].name, value));
    }
    for (; at < fixed_count; at++)
        TRY(add_label(l, run, fixed[at].name, fixed[at].value));
    metric_run_undo(&l->raw);
    return ST_OK;
}

/* ---- resource ---- */

static bool is_identity(struct str key)
{
    return str_eq(key, STR("service.name")) || str_eq(key, STR("service.namespace")) ||
           str_eq(key, STR("service.instance.id"));
}

static enum status find_text(struct label_maker *l, const struct attr *attrs, uint32_t count,
                             struct str key, struct str *out)
{
    *out = STR("");
    for (uint32_t i = 0; i < count; i++)
        if (str_eq(attrs[i].key, key) &&
            !attr_to_text(arena_of(l), &attrs[i], l->m->batch->encoding, out))
            return no_memory(l);
    return ST_OK;
}

enum status label_maker_resource(struct label_maker *l, const struct attr *attrs, uint32_t count)
{
    struct str name, space, instance;
    TRY(find_text(l, attrs, count, STR("service.name"), &name));
    TRY(find_text(l, attrs, count, STR("service.namespace"), &space));
    TRY(find_text(l, attrs, count, STR("service.instance.id"), &instance));
    struct str parts[] = {space, name};
    if (name.len > 0 && space.len > 0 &&
        !text_join(arena_of(l), parts, LEN(parts), STR("/"), &name))
        return no_memory(l);
    l->resource_named = name.len > 0 || instance.len > 0;
    /* A resource that says nothing at all is nobody's proxy. */
    if (!l->resource_named && count > 0)
        instance = l->peer;
    l->resource_count = 0;
    if (instance.len > 0)
        l->resource[l->resource_count++] = (struct label){STR("instance"), instance};
    if (name.len > 0)
        l->resource[l->resource_count++] = (struct label){STR("job"), name};
    return ST_OK;
}

/* ---- scope ---- */

static enum status add_scope_text(struct label_maker *l, struct str key, struct str value)
{
    struct attr a = {.key = key, .type = VALUE_STRING, .text = value};
    return value.len > 0 ? add_attr(l, STR(""), &a) : ST_OK;
}

/* An attribute of that name would be the field's label. */
static bool is_scope_field(struct str key)
{
    return str_eq(key, STR("name")) || str_eq(key, STR("version")) ||
           str_eq(key, STR("schema_url"));
}

enum status label_maker_scope(struct label_maker *l, const struct scope *scope,
                              struct str schema_url, const struct attr *attrs, uint32_t count)
{
    metric_run_begin(&l->fixed);
    metric_run_undo(&l->raw);
    bool named = scope->name.len > 0 || scope->version.len > 0 || count > 0;
    for (uint32_t i = 0; i < count; i++)
        if (!is_scope_field(attrs[i].key))
            TRY(add_attr(l, STR("otel_scope_"), &attrs[i]));
    if (named) {
        TRY(add_scope_text(l, STR("otel_scope_name"), scope->name));
        TRY(add_scope_text(l, STR("otel_scope_version"), scope->version));
        TRY(add_scope_text(l, STR("otel_scope_schema_url"), schema_url));
    }
    return finish(l, l->resource, l->resource_count, STR(""), &l->fixed);
}

/* ---- label sets ---- */

static enum status add_attrs(struct label_maker *l, const struct attr *attrs, uint32_t count)
{
    metric_run_undo(&l->raw);
    for (uint32_t i = 0; i < count; i++)
        TRY(add_attr(l, STR(""), &attrs[i]));
    return ST_OK;
}

enum status label_maker_point(struct label_maker *l, const struct attr *attrs, uint32_t count,
                              struct str reserved, struct item_run *run)
{
    size_t fixed = metric_run_bytes(&l->fixed) / sizeof(struct label);
    metric_run_undo(run);
    TRY(add_attrs(l, attrs, count));
    return finish(l, (const struct label *)(const void *)l->fixed.first, fixed, reserved, run);
}

enum status label_maker_target(struct label_maker *l, const struct attr *attrs, uint32_t count,
                               struct item_run *run, bool *wanted)
{
    metric_run_undo(run);
    metric_run_undo(&l->raw);
    for (uint32_t i = 0; i < count; i++)
        if (!is_identity(attrs[i].key))
            TRY(add_attr(l, STR(""), &attrs[i]));
    *wanted = l->resource_named && metric_run_bytes(&l->raw) > 0;
    return finish(l, l->resource, l->resource_count, STR(""), run);
}

enum status label_maker_plain(struct label_maker *l, const struct attr *attrs, uint32_t count,
                              struct item_run *run)
{
    TRY(add_attrs(l, attrs, count));
    return finish(l, NULL, 0, STR(""), run);
}
