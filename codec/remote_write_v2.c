/* remote_write_v2.c - io.prometheus.write.v2.Request: the symbols first, then series that refer to
 * them. */
#include "codec/remote_write_private.h"

/* The table: symbols may stand behind the series that name them. */
static enum status read_symbols(struct write_decoder *d, struct str body)
{
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    size_t count = 0;
    while (pb_next(&r, &f))
        count += f.tag == PB_TAG(4, PB_LEN);
    struct str *symbols = arena_alloc(&d->m.batch->arena, MAX(count, (size_t)1) * sizeof(*symbols));
    if (!symbols)
        return metric_build_no_memory(&d->m);
    d->symbols = symbols;
    d->symbols_are_utf8 = true;
    /* A fault is met again, at the same place, by the reader of the series. */
    for (r = pb_reader_of(body); pb_next(&r, &f);) {
        if (f.tag != PB_TAG(4, PB_LEN))
            continue;
        symbols[d->symbol_count++] = f.bytes;
        d->symbols_are_utf8 = d->symbols_are_utf8 && str_is_utf8(f.bytes);
    }
    return ST_OK;
}

/* Two refs make a label; names and values take turns. */
struct refs {
    struct item_run *run; /* of labels */
    bool has_name;
    struct str name;
    bool out_of_table;
};

static enum status add_ref(struct write_decoder *d, struct refs *refs, uint64_t ref)
{
    struct str symbol = {0};
    if (ref < d->symbol_count)
        symbol = d->symbols[ref];
    else
        refs->out_of_table = true;
    refs->has_name = !refs->has_name;
    if (refs->has_name) {
        refs->name = symbol;
        return ST_OK;
    }
    struct label *l = metric_run_add(&d->m, refs->run, sizeof(*l));
    if (UNLIKELY(!l))
        return metric_build_no_memory(&d->m);
    *l = (struct label){refs->name, symbol};
    return ST_OK;
}

static enum status read_refs(struct write_decoder *d, struct refs *refs, const struct pb_field *f)
{
    if (f->tag == PB_TAG(1, PB_VARINT))
        return add_ref(d, refs, (uint32_t)f->value);
    struct pb_reader r = pb_reader_of(f->bytes);
    uint64_t ref;
    while (r.at != r.end) {
        if (!pb_read_varint(&r, 10, &ref))
            return pb_broken(&d->body, "labels_refs", &r);
        TRY(add_ref(d, refs, (uint32_t)ref));
    }
    return ST_OK;
}

static const char *refs_fault(const struct refs *refs)
{
    if (refs->out_of_table)
        return "a label refers to a symbol that the request does not have";
    return refs->has_name ? "a series or exemplar has an odd number of label references" : NULL;
}

static enum status read_exemplar(struct write_decoder *d, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    struct refs refs = {.run = &d->m.exemplar_labels};
    double value = 0;
    int64_t time_ms = 0;
    metric_run_begin(&d->m.exemplar_labels);
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_LEN) || f.tag == PB_TAG(1, PB_VARINT))
            TRY(read_refs(d, &refs, &f));
        else if (f.tag == PB_TAG(2, PB_FIXED64))
            value = pb_double(f.value);
        else if (f.tag == PB_TAG(3, PB_VARINT))
            time_ms = (int64_t)f.value;
        else
            TRY(pb_skip_unknown(&d->body, "exemplar", &r, f.tag, 3));
    }
    TRY(pb_finish(&d->body, "exemplar", &r));
    if (refs_fault(&refs)) {
        metric_run_undo(&d->m.exemplar_labels);
        return ST_OK;
    }
    return write_exemplar(d, value, time_ms);
}

static struct str symbol_or_empty(const struct write_decoder *d, uint64_t ref)
{
    return ref < d->symbol_count ? d->symbols[ref] : (struct str){0};
}

/* Senders that know nothing of a metric write the message all the same, with zeros. */
static bool says_something(const struct metric_metadata *m)
{
    return m->type != METRIC_UNKNOWN || m->help.len > 0 || m->unit.len > 0;
}

static enum status read_metadata(struct write_decoder *d, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(1, PB_VARINT))
            d->metadata.type =
                f.value <= METRIC_STATESET ? (enum metric_type)f.value : METRIC_UNKNOWN;
        else if (f.tag == PB_TAG(3, PB_VARINT))
            d->metadata.help = symbol_or_empty(d, (uint32_t)f.value);
        else if (f.tag == PB_TAG(4, PB_VARINT))
            d->metadata.unit = symbol_or_empty(d, (uint32_t)f.value);
        else if (f.tag >> 3 != 2)
            TRY(pb_skip_unknown(&d->body, "metadata", &r, f.tag, 4));
    }
    d->has_metadata = says_something(&d->metadata);
    return pb_finish(&d->body, "metadata", &r);
}

static enum status read_series(struct write_decoder *d, struct str message)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    struct refs refs = {.run = &d->m.labels};
    write_series_begin(d);
    d->has_metadata = false;
    d->metadata = (struct metric_metadata){.type = METRIC_UNKNOWN};
    while (pb_next(&r, &f)) {
        switch (f.tag) {
        case PB_TAG(1, PB_LEN):
        case PB_TAG(1, PB_VARINT):
            TRY(read_refs(d, &refs, &f));
            break;
        case PB_TAG(2, PB_LEN):
            TRY(write_read_sample(d, f.bytes));
            break;
        case PB_TAG(3, PB_LEN):
            TRY(write_read_histogram(d, f.bytes));
            break;
        case PB_TAG(4, PB_LEN):
            TRY(read_exemplar(d, f.bytes));
            break;
        case PB_TAG(5, PB_LEN):
            TRY(read_metadata(d, f.bytes));
            break;
        default:
            if (f.tag >> 3 != 6) /* reserved: created_timestamp of earlier drafts */
                TRY(pb_skip_unknown(&d->body, "series", &r, f.tag, 5));
        }
    }
    TRY(pb_finish(&d->body, "series", &r));
    d->labels_fault = refs_fault(&refs);
    if (!d->labels_fault && !d->symbols_are_utf8 &&
        !metric_labels_are_utf8((const struct label *)(const void *)d->m.labels.first,
                                metric_run_bytes(&d->m.labels) / sizeof(struct label)))
        d->labels_fault = "a series has a label that is not UTF-8";
    return write_series_end(d, (struct str){"", 0}, false);
}

enum status write_request_2(struct write_decoder *d, struct str body)
{
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    TRY(read_symbols(d, body));
    TRY(write_reserve(d, body, PB_TAG(5, PB_LEN)));
    while (pb_next(&r, &f)) {
        if (f.tag == PB_TAG(5, PB_LEN))
            TRY(read_series(d, f.bytes));
        else if (f.tag >> 3 > 3 && f.tag != PB_TAG(4, PB_LEN))
            TRY(pb_skip_unknown(&d->body, "request", &r, f.tag, 5));
    }
    return pb_finish(&d->body, "request", &r);
}
