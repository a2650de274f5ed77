/* otlp_metric_json.c - ExportMetricsServiceRequest in JSON: one table of keys for each message.
 * Lists wait until the keys that their items need were read, wherever those stand. */
#include "codec/otlp_metric_json.h"

#include "codec/otlp_json_read.h"
#include "model/trace_id.h"

/* One call. What is being read is in here, so that one signature serves all keys. */
struct metric_decoder {
    struct otlp_json j;
    struct point_sink *sink; /* borrowed */
    unsigned resource_faults;
    struct attr *resource_attrs;
    uint32_t resource_attr_count;
    struct scope scope;
    struct str scope_schema_url;
    struct attr *scope_attrs;
    uint32_t scope_attr_count;
    unsigned scope_faults; /* nobody asks */
    struct otlp_stream stream;
    struct otlp_point point;
    struct otlp_exemplar exemplar;
    unsigned exemplar_faults; /* nobody asks */
    uint8_t trace_id[16], span_id[8];
    struct otlp_quantile quantile;
    unsigned side; /* 0 positive, 1 negative buckets */
    /* Deferred lists. */
    struct json_reader scope_metrics, metrics, data, points, exemplars;
};

static struct metric_decoder *decoder_of(struct otlp_json *j)
{
    return CONTAINER_OF(j, struct metric_decoder, j);
}

/* ---- exemplars ---- */

static enum status read_exemplar_time(struct otlp_json *j)
{
    return otlp_json_u64(j, &decoder_of(j)->exemplar.time_ns);
}

static enum status read_exemplar_double(struct otlp_json *j)
{
    bool present;
    return otlp_json_double(j, &decoder_of(j)->exemplar.value, &present);
}

static enum status read_exemplar_int(struct otlp_json *j)
{
    int64_t whole = 0;
    bool present;
    TRY(otlp_json_i64(j, &whole, &present));
    if (present)
        decoder_of(j)->exemplar.value = (double)whole;
    return ST_OK;
}

/* An id that is none is left out. */
static enum status read_trace_id(struct otlp_json *j)
{
    struct metric_decoder *d = decoder_of(j);
    struct str hex;
    struct trace_id id;
    TRY(otlp_json_text(j, &hex));
    if (trace_id_from_hex(hex, &id)) {
        trace_id_to_bytes(id, d->trace_id);
        d->exemplar.trace_id = (struct str){(const char *)d->trace_id, sizeof(d->trace_id)};
    }
    return ST_OK;
}

static enum status read_span_id(struct otlp_json *j)
{
    struct metric_decoder *d = decoder_of(j);
    struct str hex;
    uint64_t id;
    TRY(otlp_json_text(j, &hex));
    if (span_id_from_hex(hex, &id)) {
        span_id_to_bytes(id, d->span_id);
        d->exemplar.span_id = (struct str){(const char *)d->span_id, sizeof(d->span_id)};
    }
    return ST_OK;
}

static enum status read_exemplar(struct otlp_json *j)
{
    static const struct json_field fields[] = {
        JSON_FIELD("timeUnixNano", read_exemplar_time),
        JSON_FIELD("asDouble", read_exemplar_double),
        JSON_FIELD("asInt", read_exemplar_int),
        JSON_FIELD("traceId", read_trace_id),
        JSON_FIELD("spanId", read_span_id),
        JSON_FIELD("filteredAttributes", otlp_json_attrs),
    };
    struct metric_decoder *d = decoder_of(j);
    d->exemplar = (struct otlp_exemplar){.value = 0};
    j->owner_faults = &d->exemplar_faults;
    attr_run_begin(j->slab);
    TRY(otlp_json_fields(j, fields, LEN(fields)));
    d->exemplar.attrs = j->slab->run;
    d->exemplar.attr_count = attr_run_count(j->slab);
    TRY(point_sink_exemplar(d->sink, &d->exemplar));
    attr_run_undo(j->slab);
    return ST_OK;
}

static enum status read_exemplars(struct otlp_json *j)
{
    return otlp_json_objects(j, read_exemplar);
}

/* ---- points ---- */

static enum status read_start(struct otlp_json *j)
{
    return otlp_json_u64(j, &decoder_of(j)->point.start_ns);
}

static enum status read_time(struct otlp_json *j)
{
    return otlp_json_u64(j, &decoder_of(j)->point.time_ns);
}

static enum status read_flags(struct otlp_json *j)
{
    return otlp_json_u64(j, &decoder_of(j)->point.flags);
}

static enum status read_double(struct otlp_json *j)
{
    struct otlp_point *p = &decoder_of(j)->point;
    bool present;
    TRY(otlp_json_double(j, &p->value, &present));
    p->has_value |= present;
    return ST_OK;
}

static enum status read_int(struct otlp_json *j)
{
    struct otlp_point *p = &decoder_of(j)->point;
    int64_t whole;
    bool present;
    TRY(otlp_json_i64(j, &whole, &present));
    if (present) {
        p->value = (double)whole;
        p->has_value = true;
    }
    return ST_OK;
}

static enum status read_count(struct otlp_json *j)
{
    return otlp_json_u64(j, &decoder_of(j)->point.count);
}

static enum status read_sum(struct otlp_json *j)
{
    struct otlp_point *p = &decoder_of(j)->point;
    bool present;
    TRY(otlp_json_double(j, &p->sum, &present));
    p->has_sum |= present;
    return ST_OK;
}

static enum status take_count(struct otlp_json *j, struct str digits, void *user)
{
    uint64_t word;
    if (!otlp_number_u64(digits, &word))
        return otlp_json_wrong(j, "a count that is not a whole number of 64 bits");
    return point_sink_word(decoder_of(j)->sink, user, word);
}

static enum status take_double(struct otlp_json *j, struct str digits, void *user)
{
    double real;
    uint64_t word;
    if (!otlp_number_double(digits, &real))
        return otlp_json_wrong(j, "a bound that is not a number");
    memcpy(&word, &real, sizeof(word));
    return point_sink_word(decoder_of(j)->sink, user, word);
}

static enum status read_bucket_counts(struct otlp_json *j)
{
    struct metric_decoder *d = decoder_of(j);
    return otlp_json_numbers(j, take_count, &d->sink->counts[d->side]);
}

static enum status read_bounds(struct otlp_json *j)
{
    return otlp_json_numbers(j, take_double, &decoder_of(j)->sink->bounds);
}

static enum status read_scale(struct otlp_json *j)
{
    int64_t scale = 0;
    bool present;
    TRY(otlp_json_i64(j, &scale, &present));
    decoder_of(j)->point.scale = (int32_t)scale;
    return ST_OK;
}

static enum status read_zero_count(struct otlp_json *j)
{
    return otlp_json_u64(j, &decoder_of(j)->point.zero_count);
}

static enum status read_zero_threshold(struct otlp_json *j)
{
    bool present;
    return otlp_json_double(j, &decoder_of(j)->point.zero_threshold, &present);
}

static enum status read_offset(struct otlp_json *j)
{
    struct metric_decoder *d = decoder_of(j);
    int64_t offset = 0;
    bool present;
    TRY(otlp_json_i64(j, &offset, &present));
    d->point.offset[d->side] = (int32_t)offset;
    return ST_OK;
}

static enum status read_buckets(struct otlp_json *j, unsigned side)
{
    static const struct json_field fields[] = {JSON_FIELD("offset", read_offset),
                                               JSON_FIELD("bucketCounts", read_bucket_counts)};
    struct metric_decoder *d = decoder_of(j);
    d->side = side;
    TRY(otlp_json_object(j, fields, LEN(fields)));
    d->side = 0;
    return ST_OK;
}

static enum status read_positive(struct otlp_json *j)
{
    return read_buckets(j, 0);
}

static enum status read_negative(struct otlp_json *j)
{
    return read_buckets(j, 1);
}

static enum status read_quantile_at(struct otlp_json *j)
{
    bool present;
    return otlp_json_double(j, &decoder_of(j)->quantile.quantile, &present);
}

static enum status read_quantile_value(struct otlp_json *j)
{
    bool present;
    return otlp_json_double(j, &decoder_of(j)->quantile.value, &present);
}

static enum status read_quantile(struct otlp_json *j)
{
    static const struct json_field fields[] = {JSON_FIELD("quantile", read_quantile_at),
                                               JSON_FIELD("value", read_quantile_value)};
    struct metric_decoder *d = decoder_of(j);
    d->quantile = (struct otlp_quantile){0, 0};
    TRY(otlp_json_fields(j, fields, LEN(fields)));
    return point_sink_quantile(d->sink, d->quantile);
}

static enum status read_quantiles(struct otlp_json *j)
{
    return otlp_json_objects(j, read_quantile);
}

static enum status defer_exemplars(struct otlp_json *j)
{
    return otlp_json_defer(j, &decoder_of(j)->exemplars);
}

/* One table for the points of all kinds: their keys mean the same wherever they are. */
static enum status read_point(struct otlp_json *j)
{
    static const struct json_field fields[] = {
        JSON_FIELD("attributes", otlp_json_attrs),
        JSON_FIELD("startTimeUnixNano", read_start),
        JSON_FIELD("timeUnixNano", read_time),
        JSON_FIELD("asDouble", read_double),
        JSON_FIELD("asInt", read_int),
        JSON_FIELD("count", read_count),
        JSON_FIELD("sum", read_sum),
        JSON_FIELD("bucketCounts", read_bucket_counts),
        JSON_FIELD("explicitBounds", read_bounds),
        JSON_FIELD("exemplars", defer_exemplars),
        JSON_FIELD("flags", read_flags),
        JSON_FIELD("scale", read_scale),
        JSON_FIELD("zeroCount", read_zero_count),
        JSON_FIELD("zeroThreshold", read_zero_threshold),
        JSON_FIELD("positive", read_positive),
        JSON_FIELD("negative", read_negative),
        JSON_FIELD("quantileValues", read_quantiles),
    };
    struct metric_decoder *d = decoder_of(j);
    d->point = (struct otlp_point){.time_ns = 0};
    d->exemplars = (struct json_reader){0};
    point_sink_point_begin(d->sink);
    j->owner_faults = &d->point.faults;
    attr_run_begin(j->slab);
    TRY(otlp_json_fields(j, fields, LEN(fields)));
    d->point.attrs = j->slab->run;
    d->point.attr_count = attr_run_count(j->slab);
    TRY(otlp_json_resume(j, &d->exemplars, read_exemplars));
    TRY(point_sink_point_end(d->sink, &d->point));
    if (!d->exemplars.at)
        attr_run_undo(j->slab);
    return ST_OK;
}

static enum status read_points(struct otlp_json *j)
{
    return otlp_json_objects(j, read_point);
}

/* ---- metrics ---- */

static enum status read_temporality(struct otlp_json *j)
{
    return otlp_json_enum(j, &decoder_of(j)->stream.temporality);
}

static enum status read_monotonic(struct otlp_json *j)
{
    enum json_token token = json_next(&j->r);
    if (token == JSON_ERROR)
        return otlp_json_failed(j);
    if (token != JSON_TRUE && token != JSON_FALSE && token != JSON_NULL_VALUE)
        return otlp_json_wrong(j, "an isMonotonic that is not true or false");
    decoder_of(j)->stream.is_monotonic = token == JSON_TRUE;
    return ST_OK;
}

static enum status defer_points(struct otlp_json *j)
{
    return otlp_json_defer(j, &decoder_of(j)->points);
}

static enum status read_data(struct otlp_json *j)
{
    static const struct json_field fields[] = {
        JSON_FIELD("dataPoints", defer_points),
        JSON_FIELD("aggregationTemporality", read_temporality),
        JSON_FIELD("isMonotonic", read_monotonic),
    };
    struct metric_decoder *d = decoder_of(j);
    d->points = (struct json_reader){0};
    TRY(otlp_json_object(j, fields, LEN(fields)));
    TRY(point_sink_stream(d->sink, &d->stream));
    return otlp_json_resume(j, &d->points, read_points);
}

/* Of several members of the oneof the last one counts; null is none. */
static enum status defer_data(struct otlp_json *j, enum otlp_kind kind)
{
    struct metric_decoder *d = decoder_of(j);
    struct json_reader at = {0};
    TRY(otlp_json_defer(j, &at));
    if (!at.at)
        return ST_OK;
    d->stream.kind = kind;
    d->data = at;
    return ST_OK;
}

static enum status defer_gauge(struct otlp_json *j)
{
    return defer_data(j, OTLP_GAUGE);
}

static enum status defer_sum(struct otlp_json *j)
{
    return defer_data(j, OTLP_SUM);
}

static enum status defer_histogram(struct otlp_json *j)
{
    return defer_data(j, OTLP_HISTOGRAM);
}

static enum status defer_exponential(struct otlp_json *j)
{
    return defer_data(j, OTLP_EXPONENTIAL_HISTOGRAM);
}

static enum status defer_summary(struct otlp_json *j)
{
    return defer_data(j, OTLP_SUMMARY);
}

static enum status read_name(struct otlp_json *j)
{
    return otlp_json_text(j, &decoder_of(j)->stream.name);
}

static enum status read_description(struct otlp_json *j)
{
    return otlp_json_text(j, &decoder_of(j)->stream.description);
}

static enum status read_unit(struct otlp_json *j)
{
    return otlp_json_text(j, &decoder_of(j)->stream.unit);
}

static enum status read_metric(struct otlp_json *j)
{
    static const struct json_field fields[] = {
        JSON_FIELD("name", read_name),
        JSON_FIELD("description", read_description),
        JSON_FIELD("unit", read_unit),
        JSON_FIELD("gauge", defer_gauge),
        JSON_FIELD("sum", defer_sum),
        JSON_FIELD("histogram", defer_histogram),
        JSON_FIELD("exponentialHistogram", defer_exponential),
        JSON_FIELD("summary", defer_summary),
    };
    struct metric_decoder *d = decoder_of(j);
    d->stream = (struct otlp_stream){.kind = OTLP_NO_DATA};
    d->data = (struct json_reader){0};
    TRY(otlp_json_fields(j, fields, LEN(fields)));
    return otlp_json_resume(j, &d->data, read_data);
}

static enum status read_metrics(struct otlp_json *j)
{
    return otlp_json_objects(j, read_metric);
}

/* ---- owners ---- */

static enum status read_scope_name(struct otlp_json *j)
{
    return otlp_json_text(j, &decoder_of(j)->scope.name);
}

static enum status read_scope_version(struct otlp_json *j)
{
    return otlp_json_text(j, &decoder_of(j)->scope.version);
}

static enum status read_scope(struct otlp_json *j)
{
    static const struct json_field fields[] = {JSON_FIELD("name", read_scope_name),
                                               JSON_FIELD("version", read_scope_version),
                                               JSON_FIELD("attributes", otlp_json_attrs)};
    struct metric_decoder *d = decoder_of(j);
    j->owner_faults = &d->scope_faults;
    attr_run_begin(j->slab);
    TRY(otlp_json_object(j, fields, LEN(fields)));
    d->scope_attrs = j->slab->run;
    d->scope_attr_count = attr_run_count(j->slab);
    return ST_OK;
}

static enum status read_scope_schema_url(struct otlp_json *j)
{
    return otlp_json_text(j, &decoder_of(j)->scope_schema_url);
}

static enum status defer_metrics(struct otlp_json *j)
{
    return otlp_json_defer(j, &decoder_of(j)->metrics);
}

static enum status read_one_scope_metrics(struct otlp_json *j)
{
    static const struct json_field fields[] = {
        JSON_FIELD("scope", read_scope),
        JSON_FIELD("schemaUrl", read_scope_schema_url),
        JSON_FIELD("metrics", defer_metrics),
    };
    struct metric_decoder *d = decoder_of(j);
    d->scope = (struct scope){{0}, {0}};
    d->scope_schema_url = (struct str){0};
    d->scope_attr_count = 0;
    d->metrics = (struct json_reader){0};
    TRY(otlp_json_fields(j, fields, LEN(fields)));
    TRY(label_maker_scope(&d->sink->labels, &d->scope, d->scope_schema_url, d->scope_attrs,
                          d->scope_attr_count));
    return otlp_json_resume(j, &d->metrics, read_metrics);
}

static enum status read_scope_metrics(struct otlp_json *j)
{
    return otlp_json_objects(j, read_one_scope_metrics);
}

static enum status read_resource(struct otlp_json *j)
{
    static const struct json_field fields[] = {JSON_FIELD("attributes", otlp_json_attrs)};
    struct metric_decoder *d = decoder_of(j);
    j->owner_faults = &d->resource_faults;
    attr_run_begin(j->slab);
    TRY(otlp_json_object(j, fields, LEN(fields)));
    d->resource_attrs = j->slab->run;
    d->resource_attr_count = attr_run_count(j->slab);
    return ST_OK;
}

static enum status defer_scope_metrics(struct otlp_json *j)
{
    return otlp_json_defer(j, &decoder_of(j)->scope_metrics);
}

static enum status read_one_resource_metrics(struct otlp_json *j)
{
    static const struct json_field fields[] = {JSON_FIELD("resource", read_resource),
                                               JSON_FIELD("scopeMetrics", defer_scope_metrics)};
    struct metric_decoder *d = decoder_of(j);
    d->resource_faults = 0;
    d->resource_attr_count = 0;
    d->scope_metrics = (struct json_reader){0};
    TRY(otlp_json_fields(j, fields, LEN(fields)));
    TRY(point_sink_resource(d->sink, d->resource_attrs, d->resource_attr_count,
                            d->resource_faults));
    TRY(otlp_json_resume(j, &d->scope_metrics, read_scope_metrics));
    return point_sink_resource_end(d->sink);
}

static enum status read_resource_metrics(struct otlp_json *j)
{
    return otlp_json_objects(j, read_one_resource_metrics);
}

enum status otlp_metric_json_read(struct point_sink *sink, struct err *e)
{
    static const struct json_field fields[] = {
        JSON_FIELD("resourceMetrics", read_resource_metrics)};
    struct metric_decoder d = {.sink = sink};
    d.j = (struct otlp_json){.batch = sink->m.batch,
                             .err = e,
                             .slab = &sink->slab,
                             .max_depth = sink->rules->limits->depth};
    return otlp_json_request(&d.j, fields, LEN(fields));
}
