/* remote_batch.c - cuts series into requests by samples and bytes. */
#include "export/remote_batch.h"

/* About what a float and a bucket take unpacked. */
enum { FLOAT_BYTES = 20, HISTOGRAM_BYTES = 64, BUCKET_BYTES = 10, LABEL_BYTES = 6 };

static const struct native_histogram *histogram_of(const struct series_data *data, uint32_t at)
{
    return data->histograms ? data->histograms[at] : NULL;
}

static size_t sample_bytes(const struct native_histogram *h)
{
    if (!h)
        return FLOAT_BYTES;
    return HISTOGRAM_BYTES +
           BUCKET_BYTES * ((size_t)h->positive.count + h->negative.count + h->bound_count);
}

static size_t label_bytes(struct label_set labels)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < labels.count; i++)
        bytes += labels.items[i].name.len + labels.items[i].value.len + LABEL_BYTES;
    return bytes;
}

bool remote_batch_is_full(const struct remote_batch *b)
{
    return b->sample_count >= REMOTE_BATCH_SAMPLES || b->bytes >= REMOTE_BATCH_BYTES;
}

static enum status reserve(struct remote_batch *b, struct err *e)
{
    if (!b->samples)
        b->samples = mem_alloc(REMOTE_BATCH_SAMPLES * sizeof(*b->samples));
    if (!b->samples || !vec_reserve(&b->series, 1) || !vec_reserve(&b->family, 1))
        return err_set(e, ST_NO_MEMORY, "no memory for a request of remote write");
    return ST_OK;
}

/* A run of samples of one kind, while the batch has room. */
static enum status add_run(struct remote_batch *b, struct label_set labels,
                           const struct series_data *data, uint32_t *at, uint32_t end,
                           const struct metric_metadata *family, struct err *e)
{
    bool floats = !histogram_of(data, *at);
    TRY(reserve(b, e));
    struct metric_series run = {.labels = labels, .samples = b->samples + b->sample_count};
    b->bytes += label_bytes(labels);
    do {
        const struct native_histogram *h = histogram_of(data, *at);
        b->samples[b->sample_count++] =
            (struct sample){.time_ms = data->times_ms[*at],
                            .start_ms = data->starts_ms ? data->starts_ms[*at] : 0,
                            .value = h ? 0 : data->values[*at],
                            .histogram = h};
        b->bytes += sample_bytes(h);
        run.sample_count++;
        ++*at;
    } while (*at < end && !remote_batch_is_full(b) && !histogram_of(data, *at) == floats);
    b->series.items[b->series.len++] = run;
    b->family.items[b->family.len++] = family ? *family : (struct metric_metadata){0};
    return ST_OK;
}

enum status remote_batch_add(struct remote_batch *b, struct label_set labels,
                             const struct series_data *data, uint32_t *at, uint32_t end,
                             const struct metric_metadata *family, struct err *e)
{
    while (*at < end && !remote_batch_is_full(b))
        TRY(add_run(b, labels, data, at, end, family, e));
    return ST_OK;
}

void remote_batch_clear(struct remote_batch *b)
{
    arena_reset(&b->arena);
    b->series.len = b->family.len = 0;
    b->sample_count = 0;
    b->bytes = 0;
}

void remote_batch_deinit(struct remote_batch *b)
{
    arena_deinit(&b->arena);
    vec_deinit(&b->series);
    vec_deinit(&b->family);
    mem_free(b->samples);
    *b = (struct remote_batch){0};
}
