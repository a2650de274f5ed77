/* remote_families.c - a sorted copy of what the sources know about metrics. */
#include "export/remote_families.h"

#include <stdlib.h>

struct loading {
    struct remote_families *families;
    bool failed;
};

static bool take(const struct metric_metadata *m, void *user)
{
    struct loading *l = user;
    struct arena *arena = &l->families->arena;
    struct metric_metadata copy = {.metric = arena_dup_str(arena, m->metric),
                                   .help = arena_dup_str(arena, m->help),
                                   .unit = arena_dup_str(arena, m->unit),
                                   .type = m->type};
    bool whole = (copy.metric.ptr || !m->metric.len) && (copy.help.ptr || !m->help.len) &&
                 (copy.unit.ptr || !m->unit.len);
    l->failed = !whole || !vec_push(&l->families->items, copy);
    return !l->failed && l->families->items.len < REMOTE_FAMILIES_MAX;
}

static int by_metric(const void *a, const void *b)
{
    return str_cmp(((const struct metric_metadata *)a)->metric,
                   ((const struct metric_metadata *)b)->metric);
}

bool remote_families_load(struct remote_families *f, const struct remote_metadata *source)
{
    struct loading l = {.families = f};
    size_t kept = 0;
    arena_reset(&f->arena);
    f->items.len = 0;
    if (source->each)
        source->each(source->user, take, &l);
    if (l.failed)
        f->items.len = 0;
    if (f->items.len)
        qsort(f->items.items, f->items.len, sizeof(*f->items.items), by_metric);
    for (size_t i = 0; i < f->items.len; i++)
        if (!kept || !str_eq(f->items.items[kept - 1].metric, f->items.items[i].metric))
            f->items.items[kept++] = f->items.items[i];
    f->items.len = kept;
    return !l.failed;
}

static const struct metric_metadata *find_exact(const struct remote_families *f, struct str metric)
{
    struct metric_metadata wanted = {.metric = metric};
    if (!f->items.len)
        return NULL;
    return bsearch(&wanted, f->items.items, f->items.len, sizeof(wanted), by_metric);
}

const struct metric_metadata *remote_families_find(const struct remote_families *f,
                                                   struct str metric)
{
    static const char *const endings[] = {"_bucket", "_sum", "_count", "_total"};
    const struct metric_metadata *found = find_exact(f, metric);
    for (size_t i = 0; i < LEN(endings) && !found; i++) {
        struct str ending = str_from_c(endings[i]);
        if (str_ends_with(metric, ending))
            found = find_exact(f, str_sub(metric, 0, metric.len - ending.len));
    }
    return found;
}

void remote_families_deinit(struct remote_families *f)
{
    arena_deinit(&f->arena);
    vec_deinit(&f->items);
    *f = (struct remote_families){0};
}
