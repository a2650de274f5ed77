/* series_select.c - answers a selection: series by the index, samples out of parts and heads. */
#include "storage/series_fragments.h"
#include "storage/series_postings.h"
#include "storage/series_view_private.h"
#include <stdlib.h>

struct selection {
    const struct series_view *view;
    const struct series_request *request;
    struct arena scratch; /* of this selection: keys and fragments' nodes */
    struct series_key *keys;
    struct fragment_list *fragments; /* by position in keys */
    uint32_t count, at;              /* at: where the run that comes next will lie */
    uint64_t samples;
    const struct set_part *part; /* being read */
};

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for the samples of a query");
}

/* --- which series --- */

static int key_cmp(const void *a, const void *b)
{
    return series_key_cmp(*(const struct series_key *)a, *(const struct series_key *)b);
}

/* Those of the list that may have a sample in the range, with their keys. Index is locked. */
static enum status take_keys(struct selection *x, struct id_list ids, struct err *e)
{
    struct series_store *s = x->view->store;
    bool sorted = true;
    x->keys = arena_alloc(&x->scratch, ids.count * sizeof(*x->keys));
    if (!x->keys)
        return no_memory(e);
    pthread_mutex_lock(&s->head_lock);
    for (uint32_t i = 0; i < ids.count; i++)
        if (series_state_overlaps(series_state_find(&s->states, ids.ids[i]), x->request->start_ms,
                                  x->request->end_ms))
            x->keys[x->count++].id = ids.ids[i];
    pthread_mutex_unlock(&s->head_lock);
    for (uint32_t i = 0; i < x->count; i++) {
        x->keys[i] = series_index_key(x->view->set->index, x->keys[i].id);
        sorted = sorted && (i == 0 || series_key_cmp(x->keys[i - 1], x->keys[i]) < 0);
    }
    if (!sorted)
        qsort(x->keys, x->count, sizeof(*x->keys), key_cmp);
    return ST_OK;
}

static enum status find_series(struct selection *x, struct err *e)
{
    struct series_index *index = x->view->set->index;
    struct id_list ids;
    series_index_lock(index);
    enum status status = series_postings_match(index, x->request->matchers,
                                               x->request->matcher_count, &x->scratch, &ids, e);
    if (status == ST_OK)
        status = take_keys(x, ids, e);
    series_index_unlock(index);
    if (status != ST_OK)
        return status;
    x->fragments = arena_calloc(&x->scratch, x->count, sizeof(*x->fragments));
    return x->fragments ? ST_OK : no_memory(e);
}

/* --- their samples --- */

static enum status add_fragment(struct selection *x, uint32_t series, const struct fragment *f,
                                struct err *e)
{
    x->samples += f->count;
    if (x->request->samples_max && x->samples > x->request->samples_max)
        return err_set(e, ST_QUERY, "the query would load more than %llu samples",
                       (unsigned long long)x->request->samples_max);
    return fragments_add(&x->fragments[series], f, &x->scratch) ? ST_OK : no_memory(e);
}

/* The fragment without what was deleted in the part that it comes from. */
static enum status add_undeleted(struct selection *x, uint32_t series, struct fragment f,
                                 uint32_t tombstone, struct err *e)
{
    const struct series_set *set = x->view->set;
    for (uint32_t i = tombstone; i < set->tombstone_count && f.count; i++) {
        const struct tombstone *t = set->tombstones[i];
        if (!tombstone_covers(t, x->part->id) || !ids_contain(t->series, x->keys[series].id))
            continue;
        uint32_t from = fragment_position(&f, t->start_ms);
        uint32_t to = t->end_ms == INT64_MAX ? f.count : fragment_position(&f, t->end_ms + 1);
        if (to <= from)
            continue;
        TRY(add_undeleted(x, series, fragment_slice(&f, 0, from), i + 1, e));
        f = fragment_slice(&f, to, f.count);
    }
    return f.count ? add_fragment(x, series, &f, e) : ST_OK;
}

static enum status take_run(const struct series_run *run, void *user, struct err *e)
{
    struct selection *x = user;
    struct fragment f = {NULL,        run->sample_count, run->times_ms,
                         run->values, run->histograms,   run->starts_ms};
    while (x->at < x->count && series_key_cmp(x->keys[x->at], run->key) < 0)
        x->at++;
    if (x->at == x->count || x->keys[x->at].id != run->key.id)
        return ST_OK;
    return add_undeleted(x, x->at, f, 0, e);
}

static enum status read_parts(struct selection *x, uint64_t *lost, struct err *e)
{
    const struct series_set *set = x->view->set;
    struct series_part_read read = {
        .keys = x->keys,
        .key_count = x->count,
        .start_ms = x->request->start_ms,
        .end_ms = x->request->end_ms,
        .arena = x->request->arena,
        .each = take_run,
        .user = x,
    };
    for (uint32_t i = 0; i < set->part_count; i++) {
        x->part = &set->parts[i];
        if (x->part->info.min_time_ms > read.end_ms || x->part->info.max_time_ms < read.start_ms)
            continue;
        x->at = 0;
        TRY(series_part_read(x->part->part, &read, lost, e));
    }
    return ST_OK;
}

static struct fragment slot_fragment(const struct head_slot *slot,
                                     const struct series_request *request)
{
    struct head_extra none = {0}, *extra = slot->extra ? slot->extra : &none;
    struct fragment all = {NULL,
                           slot->count,
                           slot->times_ms,
                           head_values(slot),
                           (const struct native_histogram *const *)extra->histograms,
                           extra->starts_ms};
    uint32_t to = request->end_ms == INT64_MAX ? slot->count
                                               : series_head_position(slot, request->end_ms + 1);
    return fragment_slice(&all, series_head_position(slot, request->start_ms), to);
}

/* The frozen head does not change any more: nothing is copied. */
static enum status read_frozen(struct selection *x, struct err *e)
{
    const struct series_head *head = x->view->set->frozen;
    for (uint32_t i = 0; head && i < x->count; i++) {
        const struct head_slot *slot = series_head_find(head, x->keys[i].id);
        if (!slot)
            continue;
        struct fragment f = slot_fragment(slot, x->request);
        TRY(add_fragment(x, i, &f, e));
    }
    return ST_OK;
}

static const void *copy(struct arena *arena, const void *from, uint32_t count, size_t item_bytes)
{
    void *to = arena_alloc(arena, count * item_bytes);
    return to ? memcpy(to, from, count * item_bytes) : NULL;
}

/* Series that arrive together have the same times: the copy of those before is taken then. */
static bool copy_fragment(struct fragment *f, struct fragment *before, struct arena *arena)
{
    bool same = f->count == before->count &&
                memcmp(f->times_ms, before->times_ms, f->count * sizeof(*f->times_ms)) == 0;
    f->times_ms =
        same ? before->times_ms : copy(arena, f->times_ms, f->count, sizeof(*f->times_ms));
    f->values = copy(arena, f->values, f->count, sizeof(*f->values));
    bool copied = f->times_ms && f->values;
    if (f->histograms)
        copied &=
            (f->histograms = copy(arena, f->histograms, f->count, sizeof(*f->histograms))) != NULL;
    if (f->starts_ms)
        copied &=
            (f->starts_ms = copy(arena, f->starts_ms, f->count, sizeof(*f->starts_ms))) != NULL;
    *before = *f;
    return copied;
}

/* Head is locked. */
static enum status read_active(struct selection *x, struct err *e)
{
    const struct series_head *head = x->view->set->head;
    struct fragment before = {0};
    for (uint32_t i = 0; i < x->count; i++) {
        const struct head_slot *slot = series_head_find(head, x->keys[i].id);
        if (!slot)
            continue;
        struct fragment f = slot_fragment(slot, x->request);
        if (f.count == 0)
            continue;
        if (!copy_fragment(&f, &before, x->request->arena))
            return no_memory(e);
        TRY(add_fragment(x, i, &f, e));
    }
    return ST_OK;
}

static enum status read_samples(struct selection *x, uint64_t *lost, struct err *e)
{
    struct series_store *s = x->view->store;
    TRY(read_parts(x, lost, e));
    TRY(read_frozen(x, e));
    pthread_mutex_lock(&s->head_lock);
    enum status status = read_active(x, e);
    pthread_mutex_unlock(&s->head_lock);
    return status;
}

/* --- the answer --- */

static bool list_reserve(struct series_list *out, uint32_t more, struct arena *arena)
{
    if (out->cap - out->count >= more)
        return true;
    struct series_data *items = arena_alloc(arena, ((size_t)out->count + more) * sizeof(*items));
    if (!items)
        return false;
    if (out->count)
        memcpy(items, out->items, out->count * sizeof(*items));
    out->items = items;
    out->cap = out->count + more;
    return true;
}

static uint32_t count_answers(const struct selection *x)
{
    uint32_t answers = 0;
    for (uint32_t i = 0; i < x->count; i++)
        answers += x->request->names_only || x->fragments[i].first;
    return answers;
}

/* Index is locked. */
static enum status write_answers(struct selection *x, struct series_list *out, struct err *e)
{
    const struct fragment_list *before = NULL;
    struct arena *arena = x->request->arena;
    for (uint32_t i = 0; i < x->count; i++) {
        const struct fragment_list *list = &x->fragments[i];
        if (!x->request->names_only && !list->first)
            continue;
        struct series_data *data = &out->items[out->count];
        *data = (struct series_data){0};
        TRY(series_index_labels(x->view->set->index, x->keys[i].id, arena, &data->labels, e));
        if (!x->request->names_only &&
            !fragments_join(list, before, before ? data - 1 : NULL, arena, data))
            return no_memory(e);
        before = list;
        out->count++;
    }
    return ST_OK;
}

static enum status answer(struct selection *x, struct series_list *out, struct err *e)
{
    if (!list_reserve(out, count_answers(x), x->request->arena))
        return no_memory(e);
    series_index_lock(x->view->set->index);
    enum status status = write_answers(x, out, e);
    series_index_unlock(x->view->set->index);
    return status;
}

/* What answers lack counts each time, as the log says it each time. */
static void note_lost(struct series_store *s, uint64_t lost)
{
    if (!lost)
        return;
    pthread_mutex_lock(&s->set_lock);
    s->counters.lost_blocks += lost;
    pthread_mutex_unlock(&s->set_lock);
}

enum status series_view_select(struct series_view *v, const struct series_request *request,
                               struct series_list *out, uint64_t *lost, struct err *e)
{
    struct selection x = {.view = v, .request = request};
    arena_share_budget(&x.scratch, request->arena);
    uint64_t found = 0;
    enum status status = find_series(&x, e);
    if (status == ST_OK && !request->names_only && x.count)
        status = read_samples(&x, &found, e);
    note_lost(v->store, found);
    *lost += found;
    if (status == ST_OK && x.count)
        status = answer(&x, out, e);
    request->arena->is_refused |= x.scratch.is_refused;
    arena_deinit(&x.scratch);
    return status;
}
