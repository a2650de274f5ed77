/* test_remote_write.c - the remote write rows of docs/metrics-input.md: bodies of 1.0 and 2.0 to
 * series. */
#include "codec/remote_write.h"

#include "base/mem.h"
#include "codec/remote_write_encode.h"
#include "codec/unpack.h"
#include "model/series_hash.h"
#include "model/stale.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"
#include "tests/support/otlp_build.h"

#include <math.h>
#include <stdio.h>

enum { SEED = 7, TIME = 1000 };

/* `a=b c=d` as labels of 1.0. */
static void put_labels(struct buf *out, const char *text)
{
    struct str left = str_from_c(text), pair, name, value;
    struct buf label = {0};
    while (left.len > 0) {
        str_cut(left, ' ', &pair, &left);
        str_cut(pair, '=', &name, &value);
        pb_put_bytes(&label, 1, name);
        pb_put_bytes(&label, 2, value);
        pb_put_message(out, 1, &label);
    }
    buf_deinit(&label);
}

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits;
}

static void put_sample(struct buf *out, double value, int64_t time_ms)
{
    struct buf sample = {0};
    pb_put_fixed64(&sample, 1, bits_of(value));
    pb_put_varint(&sample, 2, (uint64_t)time_ms);
    pb_put_message(out, 2, &sample);
    buf_deinit(&sample);
}

/* A series of 1.0 with one sample. */
static void put_series(struct buf *out, const char *labels)
{
    struct buf series = {0};
    put_labels(&series, labels);
    put_sample(&series, 1, TIME);
    pb_put_message(out, 1, &series);
    buf_deinit(&series);
}

/* Decodes what is in `body` (emptied) and expects `want`. The caller frees the batch. */
static struct batch *decode_as(struct buf *body, enum batch_encoding encoding, enum status want,
                               struct err *e)
{
    struct limits limits = limits_default();
    limits.samples = 50;
    struct remote_write_rules rules = {.limits = &limits, .seed = SEED};
    struct batch *b = batch_new();
    size_t len;
    buf_append_u8(body, 0); /* never NULL; not part of the body */
    char *bytes = buf_take(body, &len);
    b->body = b->plain = (struct str){bytes, len - 1};
    b->signal = BATCH_METRICS;
    b->encoding = encoding;
    *e = (struct err){0};
    enum status got = remote_write_decode(b, &rules, e);
    cr_expect(got == want, "status %s: %s", status_name(got), e->msg);
    return b;
}

static struct batch *decode(struct buf *body)
{
    struct err e;
    return decode_as(body, ENCODING_REMOTE_WRITE_1, ST_OK, &e);
}

static const struct metric_series *only_series(const struct batch *b)
{
    cr_assert_eq(b->metrics->series_count, 1u);
    return &b->metrics->series[0];
}

Test(remote_write, nothing_is_taken_well)
{
    struct buf body = {0};
    struct err e;
    struct batch *b = decode_as(&body, ENCODING_REMOTE_WRITE_1, ST_OK, &e);
    cr_expect(b->metrics && b->metrics->series_count == 0 && b->received == 0);
    batch_free(b);
    b = decode_as(&body, ENCODING_REMOTE_WRITE_2, ST_OK, &e);
    cr_expect(b->metrics && b->metrics->series_count == 0 && b->received == 0);
    batch_free(b);
    EXPECT_NO_LEAK();
}

static const struct {
    const char *name, *labels;
    const char *says; /* NULL: taken */
    unsigned count;   /* labels that are kept */
} label_rows[] = {
    {"R1 one label", "__name__=up", NULL, 1},
    {"R1 in order", "__name__=up instance=a job=b", NULL, 3},
    {"R2 out of order", "job=b __name__=up instance=a", NULL, 3},
    {"R3 without a name", "instance=a job=b", "no metric name", 0},
    {"R3 none at all", "", "no metric name", 0},
    {"R3 an empty name", "__name__= job=b", "no metric name", 0},
    {"R4 the same label twice", "__name__=up job=a job=a", "twice", 0},
    {"R4 a label without a name", "=x __name__=up", "without a name", 0},
    {"R5 an empty value", "__name__=up job=", NULL, 1},
    {"R6 not UTF-8 in a value", "__name__=up job=\xff", "not UTF-8", 0},
    {"R6 not UTF-8 in a name", "__name__=up j\xc3=a", "not UTF-8", 0},
    {"R6 UTF-8", "__name__=h\xc3\xb6he sp.a-ce=\xe2\x82\xac", NULL, 2},
};

Test(remote_write, R1_to_R6_labels)
{
    for (size_t i = 0; i < LEN(label_rows); i++) {
        struct buf body = {0};
        put_series(&body, label_rows[i].labels);
        put_series(&body, "__name__=good");
        struct batch *b = decode(&body);
        bool taken = !label_rows[i].says;
        cr_expect(b->received == 2 && b->metrics->series_count == 1u + taken, "row %s",
                  label_rows[i].name);
        cr_expect(b->rejected[REJECT_INVALID_LABELS] == !taken, "row %s", label_rows[i].name);
        char message[200];
        str_to_c(b->reject_message, message, sizeof(message));
        if (taken)
            cr_expect(b->metrics->series[0].labels.count == label_rows[i].count, "row %s",
                      label_rows[i].name);
        else
            cr_expect(strstr(message, label_rows[i].says), "row %s: %s", label_rows[i].name,
                      message);
        batch_free(b);
    }
    EXPECT_NO_LEAK();
}

Test(remote_write, labels_are_sorted_and_hashed_with_the_seed)
{
    struct buf body = {0};
    put_series(&body, "job=b __name__=up instance=a");
    struct batch *b = decode(&body);
    const struct metric_series *s = only_series(b);
    cr_expect(str_eq(s->labels.items[0].name, STR("__name__")) &&
              str_eq(s->labels.items[1].name, STR("instance")) &&
              str_eq(s->labels.items[2].value, STR("b")));
    cr_expect_eq(s->hash, series_hash(s->labels, SEED));
    cr_expect_eq(s->item_count, 1u);
    batch_free(b);
    EXPECT_NO_LEAK();
}

/* A label whose length, and the length of the label, take so many bytes more than they need. */
static void put_wide_label(struct buf *out, struct str name, struct str value, unsigned outer,
                           unsigned inner)
{
    struct buf label = {0};
    buf_append_u8(&label, 0x0a);
    buf_append_u8(&label, (uint8_t)(name.len | (inner ? 0x80 : 0)));
    for (unsigned i = 1; i <= inner; i++)
        buf_append_u8(&label, i < inner ? 0x80 : 0);
    buf_append_str(&label, name);
    pb_put_bytes(&label, 2, value);
    buf_append_u8(out, 0x0a);
    buf_append_u8(out, (uint8_t)(label.len | (outer ? 0x80 : 0)));
    for (unsigned i = 1; i <= outer; i++)
        buf_append_u8(out, i < outer ? 0x80 : 0);
    buf_append_str(out, buf_str(&label));
    buf_deinit(&label);
}

/* In whatever way labels are written, the series is the same one. */
Test(remote_write, the_hash_is_of_the_labels_not_of_their_bytes)
{
    struct label items[] = {{LABEL_METRIC_NAME, STR("up")}, {STR("job"), STR("b")}};
    uint64_t want = series_hash((struct label_set){items, LEN(items)}, SEED);
    for (unsigned way = 0; way < 7; way++) {
        struct buf body = {0}, series = {0}, exemplar = {0};
        if (way == 5) /* the labels of an exemplar are as long as what a wide label does not give */
            put_labels(&exemplar, "__name__=up");
        if (way == 1)
            put_labels(&series, "job=b __name__=up");
        else if (way == 2)
            put_labels(&series, "__name__=up");
        else if (way < 6)
            put_wide_label(&series, items[0].name, items[0].value, way == 3, way >= 4);
        else
            put_labels(&series, "__name__=up empty=");
        put_sample(&series, 1, TIME);
        if (way != 1)
            put_labels(&series, "job=b"); /* behind the sample */
        if (way == 5)
            pb_put_message(&series, 3, &exemplar);
        pb_put_message(&body, 1, &series);
        struct batch *b = decode(&body);
        const struct metric_series *s = only_series(b);
        cr_expect(s->labels.count == 2 && s->hash == want, "way %u", way);
        batch_free(b);
        buf_deinit(&series);
        buf_deinit(&exemplar);
    }
    EXPECT_NO_LEAK();
}

Test(remote_write, samples_keep_every_bit)
{
    static const double values[] = {0, -0.0, 1.5, INFINITY, -INFINITY, 1e-300};
    struct buf body = {0}, series = {0}, sample = {0};
    put_labels(&series, "__name__=x");
    for (size_t i = 0; i < LEN(values); i++)
        put_sample(&series, values[i], (int64_t)i);
    pb_put_fixed64(&sample, 1, STALE_NAN_BITS);
    pb_put_varint(&sample, 2, UINT64_MAX - 4); /* -5 */
    pb_put_message(&series, 2, &sample);
    pb_put_varint(&sample, 2, 77); /* a value of 0 is left out */
    pb_put_message(&series, 2, &sample);
    pb_put_varint(&sample, 2, 1);
    pb_put_fixed64(&sample, 1, bits_of(3)); /* the other way round, the last counts */
    pb_put_varint(&sample, 2, 78);
    pb_put_message(&series, 2, &sample);
    pb_put_message(&series, 2, &sample); /* nothing at all */
    pb_put_message(&body, 1, &series);
    struct batch *b = decode(&body);
    const struct metric_series *s = only_series(b);
    cr_assert_eq(s->sample_count, LEN(values) + 4);
    for (size_t i = 0; i < LEN(values); i++)
        cr_expect(bits_of(s->samples[i].value) == bits_of(values[i]) &&
                      s->samples[i].time_ms == (int64_t)i,
                  "value %zu", i);
    const struct sample *rest = &s->samples[LEN(values)];
    cr_expect(value_is_stale(rest[0].value) && rest[0].time_ms == -5);
    cr_expect(rest[1].value == 0 && rest[1].time_ms == 77);
    cr_expect(rest[2].value == 3 && rest[2].time_ms == 78);
    cr_expect(rest[3].value == 0 && rest[3].time_ms == 0);
    cr_expect(b->received == s->sample_count && b->metrics->sample_count == s->sample_count);
    batch_free(b);
    buf_deinit(&series);
    buf_deinit(&sample);
    EXPECT_NO_LEAK();
}

static const struct {
    const char *name, *body, *says;
    enum batch_encoding encoding;
} bad_wire[] = {
    {"series as varint", "08 01", "request: a field has the wrong wire type", 3},
    {"length past the end", "0a 05 00", "request: a length runs past its message at byte 2", 3},
    {"label as varint", "0a02 08 01", "series: a field has the wrong wire type", 3},
    {"label cut off", "0a04 0a02 0a05", "label: a length runs past", 3},
    {"sample value as varint", "0a04 1202 08 01", "sample: a field has the wrong wire type", 3},
    {"sample time cut off", "0a04 1202 10 80", "sample: a varint is cut off", 3},
    {"exemplar cut off", "0a04 1a02 11 00", "exemplar: a fixed-width", 3},
    {"histogram of the wrong type", "0a04 2202 0d 00", "histogram: a fixed-width", 3},
    {"histogram deltas cut off", "0a05 2203 6201 80", "histogram: a varint is cut off", 3},
    {"histogram counts of 3 bytes", "0a07 2205 6a03 000000", "histogram: a fixed-width", 3},
    {"span cut off", "0a05 2203 5a01 08", "histogram: a varint is cut off", 3},
    {"metadata type as bytes", "1a02 0a00", "metadata: a field has the wrong wire type", 3},
    {"2.0 symbol as varint", "20 01", "request: a field has the wrong wire type", 4},
    {"2.0 refs cut off", "2a03 0a01 80", "labels_refs: a varint is cut off", 4},
    {"2.0 metadata cut off", "2a03 2a01 18", "metadata: a varint is cut off", 4},
};

Test(remote_write, R10_bad_wire_fails_the_request)
{
    for (size_t i = 0; i < LEN(bad_wire); i++) {
        struct buf body = {0};
        struct err e;
        pb_put_hex(&body, bad_wire[i].body);
        struct batch *b = decode_as(&body, bad_wire[i].encoding, ST_INVALID, &e);
        cr_expect(strstr(e.msg, bad_wire[i].says), "row %s: %s", bad_wire[i].name, e.msg);
        cr_expect(!b->metrics && b->received == 0, "row %s", bad_wire[i].name);
        batch_free(b);
    }
    EXPECT_NO_LEAK();
}

Test(remote_write, R11_too_many_samples_fail_the_request)
{
    struct buf body = {0}, series = {0};
    struct err e;
    put_labels(&series, "__name__=x");
    for (int i = 0; i < 51; i++)
        put_sample(&series, 1, i);
    pb_put_message(&body, 1, &series);
    struct batch *b = decode_as(&body, ENCODING_REMOTE_WRITE_1, ST_TOO_BIG, &e);
    cr_expect(strstr(e.msg, "limits.samples"), "%s", e.msg);
    batch_free(b);
    buf_deinit(&series);
    EXPECT_NO_LEAK();
}

/* ---- round trips: what the encoder writes, the decoder reads ---- */

static struct native_bucket positive[] = {{-3, 2}, {-2, 1}, {5, 4}}, negative[] = {{0, 1}};
static const double bounds[] = {0.1, 1, 10};
static const struct native_histogram histograms[] = {
    {.count = 8,
     .sum = 18.5,
     .schema = 3,
     .zero_threshold = 1e-128,
     .hint = RESET_NO,
     .positive = {positive, 3},
     .negative = {negative, 1}},
    {.count = 8.5,
     .sum = 1,
     .schema = -4,
     .zero_threshold = 0.5,
     .zero_count = 0.5,
     .hint = RESET_GAUGE,
     .positive = {positive, 3},
     .negative = {negative, 1}},
    {.count = 5,
     .sum = 7,
     .schema = NATIVE_SCHEMA_CUSTOM,
     .bounds = bounds,
     .bound_count = 3,
     .positive = {(struct native_bucket[]){{0, 2}, {3, 3}}, 2}},
    {.count = 0, .sum = 0, .schema = 0},
};

static bool buckets_equal(struct native_buckets a, struct native_buckets b)
{
    if (a.count != b.count)
        return false;
    for (uint32_t i = 0; i < a.count; i++)
        if (a.items[i].index != b.items[i].index || a.items[i].count != b.items[i].count)
            return false;
    return true;
}

static void expect_histogram(const struct native_histogram *got,
                             const struct native_histogram *want)
{
    cr_expect(got->count == want->count && got->sum == want->sum &&
              got->zero_count == want->zero_count && got->zero_threshold == want->zero_threshold &&
              got->schema == want->schema && got->hint == want->hint &&
              got->bound_count == want->bound_count);
    cr_expect(buckets_equal(got->positive, want->positive));
    cr_expect(buckets_equal(got->negative, want->negative));
    for (uint32_t i = 0; i < MIN(got->bound_count, want->bound_count); i++)
        cr_expect(got->bounds[i] == want->bounds[i]);
}

static const struct label labels[] = {{STR("__name__"), STR("latency")}, {STR("job"), STR("shop")}};
static const struct label ids[] = {{STR("trace_id"), STR("abc")}};
static const struct metric_metadata about = {.metric = STR("latency"),
                                             .help = STR("How long."),
                                             .unit = STR("seconds"),
                                             .type = METRIC_HISTOGRAM};

/* One series of floats with an exemplar, one of histograms. False: no memory. */
static bool encode_all(enum batch_encoding version, struct buf *out)
{
    struct write_encoder w;
    struct sample samples[LEN(histograms)];
    struct sample floats[] = {{.time_ms = 5, .start_ms = 3, .value = 1.25},
                              {.time_ms = 6, .start_ms = 3, .value = value_stale()}};
    struct metric_exemplar exemplar = {.labels = {ids, 1}, .value = 0.5, .time_ms = 4};
    struct metric_series series = {.labels = {labels, 2},
                                   .samples = floats,
                                   .sample_count = 2,
                                   .exemplars = &exemplar,
                                   .exemplar_count = 1};
    for (size_t i = 0; i < LEN(histograms); i++)
        samples[i] = (struct sample){.time_ms = TIME + (int64_t)i, .histogram = &histograms[i]};
    write_encoder_init(&w, version, SEED);
    write_encoder_series(&w, &series, &about);
    series = (struct metric_series){
        .labels = {labels, 2}, .samples = samples, .sample_count = LEN(histograms)};
    write_encoder_series(&w, &series, &about);
    write_encoder_metadata(&w, &about);
    bool done = write_encoder_finish(&w, out);
    write_encoder_deinit(&w);
    return done;
}

static void expect_all(const struct batch *b, bool with_starts)
{
    const struct metric_batch *m = b->metrics;
    cr_assert_eq(m->series_count, 2u);
    const struct metric_series *floats = &m->series[0], *natives = &m->series[1];
    cr_expect(floats->samples[0].value == 1.25 && value_is_stale(floats->samples[1].value));
    cr_expect_eq(floats->samples[0].start_ms, with_starts ? 3 : 0);
    cr_assert_eq(floats->exemplar_count, 1u);
    cr_expect(str_eq(label_set_get(floats->exemplars[0].labels, STR("trace_id")), STR("abc")) &&
              floats->exemplars[0].value == 0.5 && floats->exemplars[0].time_ms == 4);
    cr_assert_eq(natives->sample_count, LEN(histograms));
    for (size_t i = 0; i < LEN(histograms); i++)
        expect_histogram(natives->samples[i].histogram, &histograms[i]);
    cr_assert_eq(m->metadata_count, 1u);
    cr_expect(str_eq(m->metadata[0].metric, STR("latency")) &&
              str_eq(m->metadata[0].help, STR("How long.")) &&
              str_eq(m->metadata[0].unit, STR("seconds")) &&
              m->metadata[0].type == METRIC_HISTOGRAM);
    cr_expect(m->sample_count == 2 && m->histogram_count == LEN(histograms) &&
              m->exemplar_count == 1);
}

Test(remote_write, both_versions_read_what_is_written)
{
    static const enum batch_encoding versions[] = {ENCODING_REMOTE_WRITE_1,
                                                   ENCODING_REMOTE_WRITE_2};
    for (size_t i = 0; i < LEN(versions); i++) {
        struct buf packed = {0}, body = {0};
        struct str plain;
        struct err e;
        cr_assert(encode_all(versions[i], &packed));
        cr_assert(unpack(COMPRESSION_SNAPPY_BLOCK, buf_str(&packed), MIB, &plain, &e) == ST_OK);
        buf_append_str(&body, plain);
        struct batch *b = decode_as(&body, versions[i], ST_OK, &e);
        expect_all(b, versions[i] == ENCODING_REMOTE_WRITE_2);
        batch_free(b);
        mem_free((void *)(uintptr_t)plain.ptr);
        buf_deinit(&packed);
    }
    EXPECT_NO_LEAK();
}

Test(remote_write, running_out_of_memory_is_an_error)
{
    static const enum batch_encoding versions[] = {ENCODING_REMOTE_WRITE_1,
                                                   ENCODING_REMOTE_WRITE_2};
    struct limits limits = limits_default();
    struct remote_write_rules rules = {.limits = &limits, .seed = SEED};
    for (size_t i = 0; i < LEN(versions); i++) {
        struct alloc_walk walk = {0};
        while (alloc_walk_next(&walk)) {
            struct buf packed = {0};
            struct err e = {0};
            struct batch *b = batch_new();
            if (encode_all(versions[i], &packed) && b) {
                b->encoding = versions[i];
                enum status st =
                    unpack(COMPRESSION_SNAPPY_BLOCK, buf_str(&packed), MIB, &b->plain, &e);
                if (st == ST_OK)
                    st = remote_write_decode(b, &rules, &e);
                cr_expect(st == ST_OK || st == ST_NO_MEMORY, "%s", e.msg);
            }
            batch_free(b);
            buf_deinit(&packed);
        }
        cr_expect(walk.failures > 3);
    }
    EXPECT_NO_LEAK();
}

/* ---- 1.0 and 2.0 apart ---- */

Test(remote_write, R7_bad_histograms_are_rejected_alone)
{
    struct buf body = {0}, series = {0};
    put_labels(&series, "__name__=x");
    pb_put_hex(&series, "2202 0805");           /* 5 observations in no bucket */
    pb_put_hex(&series, "2206 0800 7802 2001"); /* none: fine; schema -1 */
    pb_put_message(&body, 1, &series);
    struct batch *b = decode(&body);
    cr_expect(b->received == 2 && b->rejected[REJECT_INVALID_POINT] == 1);
    cr_expect(b->metrics->histogram_count == 1 && b->reject_message.len > 0);
    cr_expect_eq(only_series(b)->samples[0].time_ms, 2);
    cr_expect_eq(only_series(b)->samples[0].histogram->schema, -1);
    batch_free(b);
    buf_deinit(&series);
    EXPECT_NO_LEAK();
}

Test(remote_write, R8_a_stale_histogram_is_taken_whatever_it_counts)
{
    struct buf body = {0}, series = {0}, histogram = {0};
    put_labels(&series, "__name__=x");
    pb_put_varint(&histogram, 1, 9);
    pb_put_fixed64(&histogram, 3, STALE_NAN_BITS);
    pb_put_message(&series, 4, &histogram);
    pb_put_message(&body, 1, &series);
    struct batch *b = decode(&body);
    cr_expect(native_histogram_is_stale(only_series(b)->samples[0].histogram));
    batch_free(b);
    buf_deinit(&series);
    buf_deinit(&histogram);
    EXPECT_NO_LEAK();
}

/* A body of 2.0 with the symbols "", __name__, up, job, \xff and one series with one sample. */
static struct batch *decode_refs(const char *refs, struct err *e)
{
    static const char *const symbols[] = {"", "__name__", "up", "job", "\xff"};
    struct buf body = {0}, series = {0};
    pb_put_hex(&series, refs);
    put_sample(&series, 1, TIME);
    pb_put_message(&body, 5, &series); /* the table may come behind */
    for (size_t i = 0; i < LEN(symbols); i++)
        pb_put_bytes(&body, 4, str_from_c(symbols[i]));
    buf_deinit(&series);
    return decode_as(&body, ENCODING_REMOTE_WRITE_2, ST_OK, e);
}

Test(remote_write, R9_refs)
{
    static const struct {
        const char *name, *refs;
        bool taken;
    } rows[] = {
        {"packed", "0a04 01020302", true},
        {"unpacked", "0801 0802 0803 0802", true},
        {"in two parts", "0a03 010203 0802", true},
        {"odd", "0a03 010203", false},
        {"out of the table", "0a02 0105", false},
        {"far out of it", "0a06 01 ffffffff0f", false},
        {"no name", "0a02 0302", false},
        {"not UTF-8", "0a04 01020304", false},
        {"an empty value", "0a04 01020300", true},
        {"none", "", false},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct err e;
        struct batch *b = decode_refs(rows[i].refs, &e);
        cr_expect(b->received == 1 && b->metrics->series_count == rows[i].taken, "row %s",
                  rows[i].name);
        cr_expect(b->rejected[REJECT_INVALID_LABELS] == !rows[i].taken, "row %s", rows[i].name);
        batch_free(b);
    }
    EXPECT_NO_LEAK();
}

/* Each series of a family repeats it, also a help text that is cut. */
Test(remote_write, long_metadata_is_kept_once)
{
    struct buf body = {0}, help = {0}, series = {0};
    struct err e;
    for (int i = 0; i < METADATA_TEXT_MAX + 1; i++)
        buf_append_u8(&help, 'h');
    pb_put_bytes(&body, 4, STR(""));
    pb_put_bytes(&body, 4, STR("__name__"));
    pb_put_bytes(&body, 4, STR("x"));
    pb_put_bytes(&body, 4, buf_str(&help));
    for (int i = 0; i < 3; i++) {
        buf_reset(&series);
        pb_put_hex(&series, "0a02 0102 2a04 0801 1803");
        pb_put_message(&body, 5, &series);
    }
    struct batch *b = decode_as(&body, ENCODING_REMOTE_WRITE_2, ST_OK, &e);
    cr_assert_eq(b->metrics->metadata_count, 1u);
    cr_expect_eq(b->metrics->metadata[0].help.len, (size_t)METADATA_TEXT_MAX);
    batch_free(b);
    buf_deinit(&series);
    buf_deinit(&help);
    EXPECT_NO_LEAK();
}

/* Of zeros, as Prometheus sends of what it knows nothing about, it is none. */
Test(remote_write, metadata_is_the_family_s)
{
    static const struct {
        const char *metric, *family, *metadata;
    } rows[] = {
        {"x_bucket", "x", "2a02 0803"},
        {"x_count", "x", "2a02 0805"},
        {"x_sum", "x", "2a02 0804"},
        {"x_count", "x_count", "2a02 0801"},
        {"x", "x", "2a02 0803"},
        {"x_sum", "x_sum", "2a04 0863 1801"},
        {"x", NULL, "2a00"},
        {"x", NULL, "2a06 0800 1800 2000"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf body = {0}, series = {0};
        struct err e;
        pb_put_bytes(&body, 4, STR(""));
        pb_put_bytes(&body, 4, STR("__name__"));
        pb_put_bytes(&body, 4, str_from_c(rows[i].metric));
        pb_put_hex(&series, "0a02 0102");
        pb_put_hex(&series, rows[i].metadata);
        pb_put_message(&body, 5, &series);
        struct batch *b = decode_as(&body, ENCODING_REMOTE_WRITE_2, ST_OK, &e);
        cr_assert_eq(b->metrics->metadata_count, rows[i].family ? 1u : 0u, "row %zu", i);
        cr_expect(!rows[i].family ||
                      str_eq(b->metrics->metadata[0].metric, str_from_c(rows[i].family)),
                  "row %zu", i);
        cr_expect_eq(b->metrics->series_count, 0u);
        batch_free(b);
        buf_deinit(&series);
    }
    EXPECT_NO_LEAK();
}
