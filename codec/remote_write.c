/* remote_write.c - bodies of remote write to series: what 1.0 and 2.0 share, and the messages of
 * 1.0. */
#include "codec/remote_write.h"

#include "codec/remote_write_private.h"
#include "codec/utf8.h"
#include "model/series_hash.h"

/* ---- what a series holds ---- */

void write_series_begin(struct write_decoder *d)
{
    metric_run_begin(&d->m.labels);
    metric_run_begin(&d->m.samples);
    metric_run_begin(&d->m.exemplars);
    d->labels_fault = NULL;
    d->bad_histograms = 0;
}

/* `09 value 10 time`, as all senders write it: the value is left out when it is 0. */
static inline bool read_short_sample(struct str message, struct sample *out)
{
    enum { VALUE = 0x09, TIME = 0x10 };
    const uint8_t *at = (const uint8_t *)message.ptr, *end = at + message.len;
    uint64_t time_ms = 0;
    if (message.len > 9 && at[0] == VALUE) {
        memcpy(&out->value, at + 1, sizeof(out->value));
        at += 9;
    }
    if (end - at < 2 || end - at > 10 || *at++ != TIME)
        return false;
    unsigned shift = 0;
    for (; at < end - 1 && *at >= 0x80; at++, shift += 7)
        time_ms |= (uint64_t)(*at & 0x7f) << shift;
    out->time_ms = (int64_t)(time_ms | (uint64_t)*at << shift);
    return at == end - 1 && *at < 0x80;
}

enum status write_read_sample(struct write_decoder *d, struct str message)
{
    struct sample *s = metric_run_add(&d->m, &d->m.samples, sizeof(*s));
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    if (UNLIKELY(!s))
        return metric_build_no_memory(&d->m);
    *s = (struct sample){0};
    if (LIKELY(read_short_sample(message, s)))
        return ST_OK;
    *s = (struct sample){0};
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_FIXED64))
            s->value = pb_double(f.value);
        else if (f.tag == PB_TAG(2, PB_VARINT))
            s->time_ms = (int64_t)f.value;
        else if (f.tag == PB_TAG(3, PB_VARINT))
            s->start_ms = (int64_t)f.value;
        else
            TRY(pb_skip_unknown(&d->body, "sample", &r, f.tag, 3));
    }
    return pb_finish(&d->body, "sample", &r);
}

enum status write_read_histogram(struct write_decoder *d, struct str message)
{
    struct sample *s = metric_run_add(&d->m, &d->m.samples, sizeof(*s));
    struct pb_reader fault;
    struct err why = {0};
    if (!s)
        return metric_build_no_memory(&d->m);
    switch (remote_histogram_read(&d->m, &d->scratch, message, s, &fault, &why)) {
    case HISTOGRAM_OK:
        return ST_OK;
    case HISTOGRAM_BROKEN:
        return pb_broken(&d->body, "histogram", &fault);
    case HISTOGRAM_REJECTED:
        d->m.samples.next -= sizeof(*s);
        if (d->bad_histograms++ == 0)
            d->histogram_fault = why;
        return ST_OK;
    default:
        return metric_build_no_memory(&d->m);
    }
}

enum status write_exemplar(struct write_decoder *d, double value, int64_t time_ms)
{
    struct label *items = (struct label *)(void *)d->m.exemplar_labels.first;
    size_t count = metric_run_bytes(&d->m.exemplar_labels) / sizeof(*items);
    struct label_set labels;
    struct err ignored;
    if (!metric_labels_are_utf8(items, count) ||
        label_set_sort(items, (uint32_t)count, &labels, &ignored) != ST_OK) {
        metric_run_undo(&d->m.exemplar_labels);
        return ST_OK;
    }
    struct metric_exemplar *x = metric_run_add(&d->m, &d->m.exemplars, sizeof(*x));
    if (!x)
        return metric_build_no_memory(&d->m);
    *x = (struct metric_exemplar){.labels = labels, .value = value, .time_ms = time_ms};
    return ST_OK;
}

/* ---- the end of a series ---- */

/* The first byte mostly decides. */
static inline bool is_before(struct str a, struct str b)
{
    return a.ptr[0] != b.ptr[0] ? (uint8_t)a.ptr[0] < (uint8_t)b.ptr[0] : str_cmp(a, b) < 0;
}

/* Byte order, as senders have to send them: then no sort is needed. */
static inline bool are_in_order(const struct label *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (items[i].name.len == 0 || items[i].value.len == 0)
            return false;
        if (i > 0 && !is_before(items[i - 1].name, items[i].name))
            return false;
    }
    return true;
}

static const char *check_labels(struct label *items, uint32_t count, struct str bytes,
                                bool in_order, struct label_set *out)
{
    struct err ignored;
    *out = (struct label_set){items, count};
    if (!utf8_is_ascii(bytes) && !metric_labels_are_utf8(items, count))
        return "a series has a label that is not UTF-8";
    if (!in_order && label_set_sort(items, count, out, &ignored) != ST_OK)
        return "a series has a label without a name, or the same label twice";
    return label_set_metric(*out).len ? NULL : "a series has no metric name (label __name__)";
}

/* Metadata belongs to the family: what the suffixes of a classic histogram or a summary are on. */
static struct str family_of(struct str metric, enum metric_type type)
{
    static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
    bool has_parts =
        type == METRIC_HISTOGRAM || type == METRIC_GAUGE_HISTOGRAM || type == METRIC_SUMMARY;
    for (size_t i = 0; has_parts && i < LEN(suffixes); i++) {
        struct str suffix = str_from_c(suffixes[i]);
        if (str_ends_with(metric, suffix))
            return str_sub(metric, 0, metric.len - suffix.len);
    }
    return metric;
}

static void reject_series(struct write_decoder *d, const char *why, uint32_t items)
{
    metric_build_reject(&d->m, REJECT_INVALID_LABELS, items, why);
    metric_run_undo(&d->m.labels);
    metric_run_undo(&d->m.samples);
    metric_run_undo(&d->m.exemplars);
}

enum status write_series_end(struct write_decoder *d, struct str bytes, bool wire)
{
    struct label *items = (struct label *)(void *)d->m.labels.first;
    uint32_t count = (uint32_t)(metric_run_bytes(&d->m.labels) / sizeof(*items));
    uint32_t samples = (uint32_t)(metric_run_bytes(&d->m.samples) / sizeof(struct sample));
    struct label_set labels;
    d->m.batch->received += samples + d->bad_histograms;
    bool in_order = are_in_order(items, count);
    const char *why =
        d->labels_fault ? d->labels_fault : check_labels(items, count, bytes, in_order, &labels);
    if (why) {
        reject_series(d, why, samples + d->bad_histograms);
        return ST_OK;
    }
    if (d->bad_histograms > 0)
        metric_build_reject(&d->m, REJECT_INVALID_POINT, d->bad_histograms, d->histogram_fault.msg);
    if (d->has_metadata) {
        d->metadata.metric = family_of(label_set_metric(labels), d->metadata.type);
        TRY(metric_build_metadata(&d->m, d->metadata));
    }
    if (samples == 0 && metric_run_bytes(&d->m.exemplars) == 0)
        return ST_OK;
    uint64_t hash =
        wire && in_order ? series_hash_wire(bytes, d->m.seed) : series_hash(labels, d->m.seed);
    return metric_build_series(&d->m, labels, hash, samples, false);
}

/* ---- 1.0 ---- */

/* `0a N name 12 V value` with one-byte lengths, as all senders write it. The sum of the lengths
 * proves that both lie inside. */
static inline bool read_short_label(struct str message, struct label *out)
{
    enum { NAME = 0x0a, VALUE = 0x12 };
    const uint8_t *at = (const uint8_t *)message.ptr;
    if (message.len < 4 || message.len >= 0x80 || at[0] != NAME || at[1] + 4u > message.len)
        return false;
    const uint8_t *value = at + 2 + at[1];
    if (value[0] != VALUE || at[1] + value[1] + 4u != message.len)
        return false;
    out->name = (struct str){(const char *)at + 2, at[1]};
    out->value = (struct str){(const char *)value + 2, value[1]};
    return true;
}

static enum status read_label(struct write_decoder *d, struct item_run *run, struct str message)
{
    struct label *l = metric_run_add(&d->m, run, sizeof(*l));
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    if (UNLIKELY(!l))
        return metric_build_no_memory(&d->m);
    d->label_is_short = read_short_label(message, l);
    if (LIKELY(d->label_is_short))
        return ST_OK;
    l->name = l->value = (struct str){message.ptr, 0};
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_LEN))
            l->name = f.bytes;
        else if (f.tag == PB_TAG(2, PB_LEN))
            l->value = f.bytes;
        else
            TRY(pb_skip_unknown(&d->body, "label", &r, f.tag, 2));
    }
    return pb_finish(&d->body, "label", &r);
}

static enum status read_exemplar(struct write_decoder *d, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    double value = 0;
    int64_t time_ms = 0;
    metric_run_begin(&d->m.exemplar_labels);
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_LEN))
            TRY(read_label(d, &d->m.exemplar_labels, f.bytes));
        else if (f.tag == PB_TAG(2, PB_FIXED64))
            value = pb_double(f.value);
        else if (f.tag == PB_TAG(3, PB_VARINT))
            time_ms = (int64_t)f.value;
        else
            TRY(pb_skip_unknown(&d->body, "exemplar", &r, f.tag, 3));
    }
    TRY(pb_finish(&d->body, "exemplar", &r));
    return write_exemplar(d, value, time_ms);
}

static enum status read_series(struct write_decoder *d, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    struct str labels = {message.ptr, 0};
    size_t wire = 0; /* bytes of short labels, from tag to end */
    write_series_begin(d);
    while (pb_next(&r, &f)) {
        switch (f.tag) {
        case PB_TAG(1, PB_LEN):
            TRY(read_label(d, &d->m.labels, f.bytes));
            labels.len = (size_t)((const char *)r.at - labels.ptr);
            wire += d->label_is_short ? 2 + f.bytes.len : 0;
            break;
        case PB_TAG(2, PB_LEN):
            TRY(write_read_sample(d, f.bytes));
            break;
        case PB_TAG(3, PB_LEN):
            TRY(read_exemplar(d, f.bytes));
            break;
        case PB_TAG(4, PB_LEN):
            TRY(write_read_histogram(d, f.bytes));
            break;
        default:
            TRY(pb_skip_unknown(&d->body, "series", &r, f.tag, 4));
        }
    }
    TRY(pb_finish(&d->body, "series", &r));
    /* Equal: all are short, have short lengths themselves, and nothing lies between. */
    return write_series_end(d, labels, wire == labels.len);
}

static enum status read_metadata(struct write_decoder *d, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    struct metric_metadata m = {.type = METRIC_UNKNOWN};
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_VARINT))
            m.type = f.value <= METRIC_STATESET ? (enum metric_type)f.value : METRIC_UNKNOWN;
        else if (f.tag == PB_TAG(2, PB_LEN))
            m.metric = f.bytes;
        else if (f.tag == PB_TAG(4, PB_LEN))
            m.help = f.bytes;
        else if (f.tag == PB_TAG(5, PB_LEN))
            m.unit = f.bytes;
        else if (f.tag >> 3 != 3)
            TRY(pb_skip_unknown(&d->body, "metadata", &r, f.tag, 5));
    }
    TRY(pb_finish(&d->body, "metadata", &r));
    return str_is_utf8(m.metric) ? metric_build_metadata(&d->m, m) : ST_OK;
}

enum status write_reserve(struct write_decoder *d, struct str body, uint32_t tag)
{
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    size_t count = 0;
    while (pb_next(&r, &f))
        count += f.tag == tag && f.bytes.len >= SERIES_BYTES_MIN;
    return metric_build_reserve(&d->m, count);
}

enum status write_request_1(struct write_decoder *d, struct str body)
{
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    TRY(write_reserve(d, body, PB_TAG(1, PB_LEN)));
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_LEN))
            TRY(read_series(d, f.bytes));
        else if (f.tag == PB_TAG(3, PB_LEN))
            TRY(read_metadata(d, f.bytes));
        else if (f.tag >> 3 != 2) /* reserved: Cortex' source */
            TRY(pb_skip_unknown(&d->body, "request", &r, f.tag, 3));
    }
    return pb_finish(&d->body, "request", &r);
}

enum status remote_write_decode(struct batch *batch, const struct remote_write_rules *rules,
                                struct err *e)
{
    struct write_decoder d = {.body = {batch->plain, "remote write", e}};
    TRY(metric_build_begin(&d.m, batch, rules->seed, rules->limits->samples, e));
    if (batch->plain.len == 0)
        return ST_OK;
    enum status status = batch->encoding == ENCODING_REMOTE_WRITE_2
                             ? write_request_2(&d, batch->plain)
                             : write_request_1(&d, batch->plain);
    return metric_build_end(&d.m, status);
}
