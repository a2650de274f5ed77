/* metric_build.c - puts series, samples and labels of one request together in the batch's arena. */
#include "codec/metric_build.h"

enum { SLAB_ITEMS_MIN = 8, SLAB_ITEMS_MAX = 512, BYTES_AN_ITEM = 20 };

enum status metric_build_begin(struct metric_builder *m, struct batch *batch, uint64_t seed,
                               uint32_t samples_max, struct err *e)
{
    *m =
        (struct metric_builder){.batch = batch, .seed = seed, .samples_max = samples_max, .err = e};
    size_t guess = batch->plain.len / BYTES_AN_ITEM;
    m->slab_items = MIN(MAX(guess, (size_t)SLAB_ITEMS_MIN), (size_t)SLAB_ITEMS_MAX);
    m->metrics = batch->metrics = arena_calloc(&batch->arena, 1, sizeof(*batch->metrics));
    return m->metrics ? ST_OK : metric_build_no_memory(m);
}

enum status metric_build_end(struct metric_builder *m, enum status status)
{
    struct batch *b = m->batch;
    if (status == ST_OK) {
        m->metrics->series = (struct metric_series *)(void *)m->series.first;
        return ST_OK;
    }
    b->metrics = NULL;
    b->received = 0;
    memset(b->rejected, 0, sizeof(b->rejected));
    b->reject_message = (struct str){NULL, 0};
    return status;
}

enum status metric_build_no_memory(struct metric_builder *m)
{
    const struct arena *a = &m->batch->arena;
    if (a->limit_bytes && a->used_bytes >= a->limit_bytes / 2)
        return err_set(m->err, ST_TOO_BIG, "the request would take more than %zu bytes decoded",
                       a->limit_bytes);
    return err_set(m->err, ST_NO_MEMORY, "out of memory while decoding metrics");
}

bool metric_run_grow(struct metric_builder *m, struct item_run *run, size_t item_bytes, size_t more)
{
    size_t used = metric_run_bytes(run);
    size_t bytes = MAX(MAX(2 * used, used + more), m->slab_items * item_bytes);
    char *fresh = arena_alloc(&m->batch->arena, bytes);
    if (!fresh)
        return false;
    if (used > 0)
        memcpy(fresh, run->first, used);
    *run = (struct item_run){fresh, fresh + used, fresh + bytes};
    return true;
}

enum status metric_build_reserve(struct metric_builder *m, size_t count)
{
    size_t bytes = count * sizeof(struct metric_series);
    if ((size_t)(m->series.end - m->series.next) < bytes &&
        !metric_run_grow(m, &m->series, sizeof(struct metric_series), bytes))
        return metric_build_no_memory(m);
    return ST_OK;
}

static void count_samples(struct metric_batch *metrics, const struct metric_series *s)
{
    uint32_t histograms = 0;
    for (uint32_t i = 0; i < s->sample_count; i++)
        histograms += s->samples[i].histogram != NULL;
    metrics->histogram_count += histograms;
    metrics->sample_count += s->sample_count - histograms;
    metrics->exemplar_count += s->exemplar_count;
}

enum status metric_build_series(struct metric_builder *m, struct label_set labels, uint64_t hash,
                                uint32_t item_count, bool is_delta)
{
    struct metric_series *s = metric_run_add(m, &m->series, sizeof(*s));
    if (!s)
        return metric_build_no_memory(m);
    *s = (struct metric_series){
        .labels = labels,
        .hash = hash,
        .samples = (struct sample *)(void *)m->samples.first,
        .exemplars = (struct metric_exemplar *)(void *)m->exemplars.first,
        .sample_count = (uint32_t)(metric_run_bytes(&m->samples) / sizeof(struct sample)),
        .exemplar_count =
            (uint32_t)(metric_run_bytes(&m->exemplars) / sizeof(struct metric_exemplar)),
        .item_count = item_count,
        .is_delta = is_delta,
    };
    m->metrics->series_count++;
    count_samples(m->metrics, s);
    uint64_t samples = (uint64_t)m->metrics->sample_count + m->metrics->histogram_count;
    if (samples > m->samples_max)
        return err_set(m->err, ST_TOO_BIG, "the request has more than %u samples (limits.samples)",
                       m->samples_max);
    return ST_OK;
}

/* As much as is kept, and is UTF-8. */
static struct str metadata_text(struct str s)
{
    s.len = MIN(s.len, (size_t)METADATA_TEXT_MAX);
    s.len = s.len ? str_utf8_prefix(s) : 0;
    return s;
}

enum status metric_build_metadata(struct metric_builder *m, struct metric_metadata metadata)
{
    struct metric_batch *b = m->metrics;
    if (metadata.metric.len == 0)
        return ST_OK;
    metadata.help = metadata_text(metadata.help);
    metadata.unit = metadata_text(metadata.unit);
    if (b->metadata_count > 0) {
        const struct metric_metadata *last = &b->metadata[b->metadata_count - 1];
        if (last->type == metadata.type && str_eq(last->metric, metadata.metric) &&
            str_eq(last->help, metadata.help) && str_eq(last->unit, metadata.unit))
            return ST_OK;
    }
    struct metric_metadata *place = metric_run_add(m, &m->metadata, sizeof(*place));
    if (!place)
        return metric_build_no_memory(m);
    *place = metadata;
    b->metadata = (struct metric_metadata *)(void *)m->metadata.first;
    b->metadata_count++;
    return ST_OK;
}

void metric_build_reject(struct metric_builder *m, enum reject_reason reason, uint32_t items,
                         const char *sentence)
{
    struct batch *b = m->batch;
    b->rejected[reason] += items;
    if (b->reject_message.len == 0)
        b->reject_message = arena_dup_str(&b->arena, str_from_c(sentence));
}

bool metric_labels_are_utf8(const struct label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!str_is_utf8(labels[i].name) || !str_is_utf8(labels[i].value))
            return false;
    return true;
}
