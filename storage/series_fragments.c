/* series_fragments.c - joins what parts and heads hold of one series. */
#include "storage/series_fragments.h"
#include "base/ascending.h"

bool fragments_add(struct fragment_list *list, const struct fragment *f, struct arena *arena)
{
    if (f->count == 0)
        return true;
    struct fragment *node = arena_alloc(arena, sizeof(*node));
    if (!node)
        return false;
    *node = *f;
    node->next = NULL;
    if (list->last)
        list->last->next = node;
    else
        list->first = node;
    list->last = node;
    list->fragments++;
    list->samples += f->count;
    return true;
}

struct fragment fragment_slice(const struct fragment *f, uint32_t from, uint32_t to)
{
    return (struct fragment){
        .count = to > from ? to - from : 0,
        .times_ms = f->times_ms + from,
        .values = f->values + from,
        .histograms = f->histograms ? f->histograms + from : NULL,
        .starts_ms = f->starts_ms ? f->starts_ms + from : NULL,
    };
}

uint32_t fragment_position(const struct fragment *f, int64_t time_ms)
{
    return not_below_i64(f->times_ms, 0, f->count, time_ms);
}

/* --- joining --- */

/* The run that grows; all arrays have room for every sample. */
struct joined {
    uint32_t count;
    int64_t *times_ms; /* NULL: the times of the series before are taken */
    double *values;
    const struct native_histogram **histograms; /* NULL: no fragment has any */
    int64_t *starts_ms;                         /* likewise */
};

static bool joined_make(struct joined *j, const struct fragment_list *list, bool with_times,
                        struct arena *arena)
{
    bool histograms = false, starts = false;
    for (const struct fragment *f = list->first; f; f = f->next) {
        histograms |= f->histograms != NULL;
        starts |= f->starts_ms != NULL;
    }
    *j = (struct joined){.values = arena_alloc(arena, list->samples * sizeof(*j->values))};
    if (with_times)
        j->times_ms = arena_alloc(arena, list->samples * sizeof(*j->times_ms));
    if (histograms)
        j->histograms = arena_alloc(arena, list->samples * sizeof(*j->histograms));
    if (starts)
        j->starts_ms = arena_alloc(arena, list->samples * sizeof(*j->starts_ms));
    return j->values && (!with_times || j->times_ms) && (!histograms || j->histograms) &&
           (!starts || j->starts_ms);
}

static void append(struct joined *j, const struct fragment *f)
{
    uint32_t at = j->count;
    if (j->times_ms)
        memcpy(j->times_ms + at, f->times_ms, f->count * sizeof(*f->times_ms));
    memcpy(j->values + at, f->values, f->count * sizeof(*f->values));
    if (j->histograms && f->histograms)
        memcpy(j->histograms + at, f->histograms, f->count * sizeof(*f->histograms));
    else if (j->histograms)
        memset(j->histograms + at, 0, f->count * sizeof(*f->histograms));
    if (j->starts_ms && f->starts_ms)
        memcpy(j->starts_ms + at, f->starts_ms, f->count * sizeof(*f->starts_ms));
    else if (j->starts_ms)
        memset(j->starts_ms + at, 0, f->count * sizeof(*f->starts_ms));
    j->count += f->count;
}

/* Two runs by time, the later stored one wins a time that both have. */
static void merge(struct joined *to, const struct fragment *older, const struct fragment *newer)
{
    uint32_t a = 0, b = 0;
    while (a < older->count || b < newer->count) {
        bool take_newer =
            a == older->count || (b < newer->count && newer->times_ms[b] <= older->times_ms[a]);
        const struct fragment *from = take_newer ? newer : older;
        uint32_t at = take_newer ? b : a;
        if (take_newer && a < older->count && older->times_ms[a] == newer->times_ms[b])
            a++;
        if (take_newer)
            b++;
        else
            a++;
        struct fragment one = fragment_slice(from, at, at + 1);
        append(to, &one);
    }
}

static struct fragment as_fragment(const struct joined *j)
{
    return (struct fragment){NULL, j->count, j->times_ms, j->values, j->histograms, j->starts_ms};
}

/* What of the run lies behind the fragment's beginning is merged with it in a copy. */
static bool append_overlapping(struct joined *j, const struct fragment *f, struct arena *arena)
{
    struct fragment all = as_fragment(j);
    uint32_t keep = fragment_position(&all, f->times_ms[0]);
    struct fragment tail = fragment_slice(&all, keep, j->count);
    struct fragment_list copied = {0};
    struct joined copy;
    if (!fragments_add(&copied, &tail, arena) || !joined_make(&copy, &copied, true, arena))
        return false;
    append(&copy, &tail);
    tail = as_fragment(&copy);
    j->count = keep;
    merge(j, &tail, f);
    return true;
}

static bool have_same_times(const struct fragment_list *a, const struct fragment_list *b)
{
    const struct fragment *x = a->first, *y = b->first;
    if (a->fragments != b->fragments)
        return false;
    for (; x && y; x = x->next, y = y->next)
        if (x->times_ms != y->times_ms || x->count != y->count)
            return false;
    return true;
}

static bool is_ascending(const struct fragment_list *list)
{
    for (const struct fragment *f = list->first; f->next; f = f->next)
        if (f->next->times_ms[0] <= f->times_ms[f->count - 1])
            return false;
    return true;
}

bool fragments_join(const struct fragment_list *list, const struct fragment_list *before_list,
                    const struct series_data *before, struct arena *arena, struct series_data *out)
{
    const struct fragment *first = list->first;
    struct joined j;
    if (!first->next) {
        out->sample_count = first->count;
        out->times_ms = first->times_ms;
        out->values = first->values;
        out->histograms = first->histograms;
        out->starts_ms = first->starts_ms;
        return true;
    }
    bool share = before && have_same_times(list, before_list) && is_ascending(list);
    if (!joined_make(&j, list, !share, arena))
        return false;
    for (const struct fragment *f = first; f; f = f->next) {
        if (share || j.count == 0 || f->times_ms[0] > j.times_ms[j.count - 1])
            append(&j, f);
        else if (!append_overlapping(&j, f, arena))
            return false;
    }
    out->sample_count = j.count;
    out->times_ms = share ? before->times_ms : j.times_ms;
    out->values = j.values;
    out->histograms = j.histograms;
    out->starts_ms = j.starts_ms;
    return true;
}
