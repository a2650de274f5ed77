/* series_view.c - views: a counted moment, and everything that is asked of one but samples. */
#include "storage/series_view.h"
#include "storage/series_postings.h"
#include "storage/series_store_private.h"
#include "storage/series_view_private.h"
#include <stdlib.h>

enum status series_view_take(struct series_store *s, struct series_view **out, struct err *e)
{
    struct series_view *v = mem_calloc(1, sizeof(*v));
    if (!v)
        return err_set(e, ST_NO_MEMORY, "no memory for a view of the series");
    v->store = s;
    v->set = series_store_set(s);
    *out = v;
    return ST_OK;
}

void series_view_unref(struct series_view *v)
{
    if (!v)
        return;
    series_set_unref(v->set);
    mem_free(v);
}

void series_view_release_parts(struct series_view *v)
{
    struct series_set *heads = series_set_new(0, 0);
    if (!heads)
        return;
    series_set_fill_heads(heads, v->set);
    series_set_unref(v->set);
    v->set = heads;
}

/* --- names and values --- */

struct in_range {
    const struct series_states *states;
    int64_t start_ms, end_ms;
};

static bool may_have_samples(uint32_t id, void *user)
{
    const struct in_range *r = user;
    return series_state_overlaps(series_state_find(r->states, id), r->start_ms, r->end_ms);
}

/* Index is locked. The head is only for the states: appends wait for it, and matching may be long.
 */
static enum status list_texts(struct series_view *v, const struct series_request *request,
                              struct str name, struct text_list *out, struct err *e)
{
    struct series_index *x = v->set->index;
    struct in_range range = {&v->store->states, request->start_ms, request->end_ms};
    struct id_list ids, *among = NULL;
    if (request->matcher_count) {
        TRY(series_postings_match(x, request->matchers, request->matcher_count, request->arena,
                                  &ids, e));
        among = &ids;
    }
    pthread_mutex_lock(&v->store->head_lock);
    enum status status = name.len ? series_postings_values(x, name, among, may_have_samples, &range,
                                                           request->arena, out, e)
                                  : series_postings_names(x, among, may_have_samples, &range,
                                                          request->arena, out, e);
    pthread_mutex_unlock(&v->store->head_lock);
    return status;
}

enum status series_view_labels(struct series_view *v, const struct series_request *request,
                               struct str name, uint32_t limit, struct str **out, uint32_t *count,
                               bool *truncated, struct err *e)
{
    struct text_list texts = {0};
    series_index_lock(v->set->index);
    enum status status = list_texts(v, request, name, &texts, e);
    series_index_unlock(v->set->index);
    *truncated = limit && texts.count > limit;
    *count = *truncated ? limit : texts.count;
    *out = texts.items;
    return status;
}

/* --- exemplars --- */

struct exemplar_search {
    const struct series_request *request;
    struct id_list ids;
    VEC(struct kept_exemplar) found; /* labels are the arena's */
};

static enum status note_exemplar(const struct kept_exemplar *x, void *user, struct err *e)
{
    struct exemplar_search *search = user;
    const struct series_request *r = search->request;
    if (x->time_ms < r->start_ms || x->time_ms > r->end_ms || !ids_contain(search->ids, x->id))
        return ST_OK;
    struct kept_exemplar copy = *x;
    copy.labels = (char *)arena_dup_str(r->arena, (struct str){x->labels, x->labels_len}).ptr;
    if (!copy.labels || !vec_push(&search->found, copy))
        return err_set(e, ST_NO_MEMORY, "no memory for exemplars");
    return ST_OK;
}

static int exemplar_cmp(const void *a, const void *b)
{
    const struct kept_exemplar *x = a, *y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);
}

static enum status exemplar_decode(const struct kept_exemplar *x, struct arena *arena,
                                   struct metric_exemplar *out, struct err *e)
{
    struct cursor in = cursor_of((struct str){x->labels, x->labels_len});
    out->value = x->value;
    out->time_ms = x->time_ms;
    return label_set_decode(&in, arena, &out->labels, e);
}

/* The exemplars found, by series and time, become one entry a series. Index is locked. */
static enum status group_exemplars(struct series_view *v, struct exemplar_search *search,
                                   struct series_exemplars **out, uint32_t *count, struct err *e)
{
    struct arena *arena = search->request->arena;
    size_t found = search->found.len;
    const struct kept_exemplar *kept = search->found.items;
    struct metric_exemplar *items = arena_calloc(arena, found, sizeof(*items));
    *out = arena_calloc(arena, found, sizeof(**out));
    if (!items || !*out)
        return err_set(e, ST_NO_MEMORY, "no memory for exemplars");
    for (size_t i = 0; i < found; i++) {
        TRY(exemplar_decode(&kept[i], arena, &items[i], e));
        if (i == 0 || kept[i].id != kept[i - 1].id) {
            struct series_exemplars *group = &(*out)[(*count)++];
            group->items = &items[i];
            TRY(series_index_labels(v->set->index, kept[i].id, arena, &group->labels, e));
        }
        (*out)[*count - 1].count++;
    }
    return ST_OK;
}

static enum status find_exemplars(struct series_view *v, struct exemplar_search *search,
                                  struct err *e)
{
    const struct series_request *r = search->request;
    TRY(series_postings_match(v->set->index, r->matchers, r->matcher_count, r->arena, &search->ids,
                              e));
    pthread_mutex_lock(&v->store->head_lock);
    enum status status = exemplars_each(&v->store->exemplars, note_exemplar, search, e);
    pthread_mutex_unlock(&v->store->head_lock);
    return status;
}

enum status series_view_exemplars(struct series_view *v, const struct series_request *request,
                                  struct series_exemplars **out, uint32_t *count, struct err *e)
{
    struct exemplar_search search = {.request = request};
    *out = NULL;
    *count = 0;
    series_index_lock(v->set->index);
    enum status status = find_exemplars(v, &search, e);
    if (status == ST_OK && search.found.len) {
        qsort(search.found.items, search.found.len, sizeof(*search.found.items), exemplar_cmp);
        status = group_exemplars(v, &search, out, count, e);
    }
    series_index_unlock(v->set->index);
    vec_deinit(&search.found);
    return status;
}

/* --- metadata --- */

static int metadata_cmp(const void *a, const void *b)
{
    return str_cmp(((const struct metric_metadata *)a)->metric,
                   ((const struct metric_metadata *)b)->metric);
}

/* Copies, so that `each` is called without the lock. NULL: none, or no memory. */
static struct metric_metadata *copy_metadata(const struct metadata_table *t, struct str metric,
                                             struct arena *arena, size_t *count)
{
    struct metric_metadata *items = arena_alloc(arena, (t->items.len + 1) * sizeof(*items));
    for (size_t i = 0; items && i < t->items.len; i++) {
        const struct kept_metadata *k = &t->items.items[i];
        if (metric.len && !str_eq(k->metric, metric))
            continue;
        items[(*count)++] =
            (struct metric_metadata){arena_dup_str(arena, k->metric), arena_dup_str(arena, k->help),
                                     arena_dup_str(arena, k->unit), k->type};
    }
    return items;
}

void series_view_metadata(struct series_view *v, struct str metric,
                          bool (*each)(const struct metric_metadata *m, void *user), void *user)
{
    struct arena arena = {0};
    size_t count = 0;
    pthread_mutex_lock(&v->store->head_lock);
    struct metric_metadata *items = copy_metadata(&v->store->metadata, metric, &arena, &count);
    pthread_mutex_unlock(&v->store->head_lock);
    if (count)
        qsort(items, count, sizeof(*items), metadata_cmp);
    for (size_t i = 0; i < count; i++) {
        bool whole = items[i].metric.ptr && items[i].help.ptr && items[i].unit.ptr;
        if (whole && !each(&items[i], user))
            break;
    }
    arena_deinit(&arena);
}
