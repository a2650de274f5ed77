/* test_otlp_metric.c - the OTLP rows of docs/metrics-input.md: points to series, in JSON, and where
 * the wire matters in protobuf. */
#include "codec/otlp_metric.h"

#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"
#include "tests/support/otlp_build.h"
#include "unit/codec/otlp_points.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- kinds of points ---- */

static const struct {
    const char *name, *metric, *want;
} kind_rows[] = {
    {"K1 gauge", "{\"name\":\"a.b\",\"unit\":\"By\",\"gauge\":{" NUMBER("\"asDouble\":1.5") "}}",
     "__name__=a_b_bytes instance=i1 job=cart 1.5\n"},
    {"K2 counter",
     "{\"name\":\"a\",\"sum\":{" NUMBER("\"asInt\":\"7\"") ",\"aggregationTemporality\":2,"
                                                           "\"isMonotonic\":true}}",
     "__name__=a_total instance=i1 job=cart 7\n"},
    {"K2 sum that falls",
     "{\"name\":\"a\",\"sum\":{" NUMBER("\"asInt\":-7") ",\"aggregationTemporality\":2}}",
     "__name__=a instance=i1 job=cart -7\n"},
    {"K3 increases",
     "{\"name\":\"a\",\"sum\":{" NUMBER("\"asInt\":7") ",\"aggregationTemporality\":1,"
                                                       "\"isMonotonic\":true}}",
     "__name__=a_total instance=i1 job=cart 7 delta\n"},
    {"K4 histogram",
     "{\"name\":\"h\",\"unit\":\"s\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":"
     "[{" TIMES ",\"count\":\"6\",\"sum\":9.5,\"bucketCounts\":[\"1\",2,\"3\"],"
     "\"explicitBounds\":[0.005,10]}]}}",
     "__name__=h_seconds_sum instance=i1 job=cart 9.5\n"
     "__name__=h_seconds_count instance=i1 job=cart 6\n"
     "__name__=h_seconds_bucket instance=i1 job=cart le=0.005 1\n"
     "__name__=h_seconds_bucket instance=i1 job=cart le=10 3\n"
     "__name__=h_seconds_bucket instance=i1 job=cart le=+Inf 6\n"},
    {"K4 histogram without sum and buckets",
     "{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":1,\"dataPoints\":"
     "[{" TIMES ",\"count\":6}]}}",
     "__name__=h_count instance=i1 job=cart 6 delta\n"
     "__name__=h_bucket instance=i1 job=cart le=+Inf 6 delta\n"},
    {"K4 le of the sender is not the metric's",
     "{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":"
     "[{" TIMES ",\"count\":6,\"attributes\":[" ATTR("le", "x") "]}]}}",
     "__name__=h_count instance=i1 job=cart 6\n"
     "__name__=h_bucket instance=i1 job=cart le=+Inf 6\n"},
    {"K5 exponential histogram",
     "{\"name\":\"e\",\"exponentialHistogram\":{\"aggregationTemporality\":2,\"dataPoints\":"
     "[{" TIMES ",\"count\":6,\"sum\":9,\"scale\":3,\"zeroCount\":1,\"positive\":{\"offset\":-2,"
     "\"bucketCounts\":[2,0,3]}}]}}",
     "__name__=e instance=i1 job=cart histogram:6\n"},
    {"K6 summary",
     "{\"name\":\"s\",\"summary\":{\"dataPoints\":[{" TIMES ",\"count\":6,\"sum\":9,"
     "\"quantileValues\":[{\"quantile\":0.5,\"value\":1},{\"quantile\":1,\"value\":4}]}]}}",
     "__name__=s_sum instance=i1 job=cart 9\n"
     "__name__=s_count instance=i1 job=cart 6\n"
     "__name__=s instance=i1 job=cart quantile=0.5 1\n"
     "__name__=s instance=i1 job=cart quantile=1 4\n"},
    {"K7 no recorded value",
     "{\"name\":\"a\",\"gauge\":{\"dataPoints\":[{" TIMES ",\"flags\":1}]}}",
     "__name__=a instance=i1 job=cart stale\n"},
    {"K7 no recorded histogram",
     "{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":"
     "[{" TIMES ",\"flags\":1,\"explicitBounds\":[1]}]}}",
     "__name__=h_count instance=i1 job=cart stale\n"
     "__name__=h_bucket instance=i1 job=cart le=1 stale\n"
     "__name__=h_bucket instance=i1 job=cart le=+Inf stale\n"},
    {"K8 the same name again",
     "{\"name\":\"a\",\"gauge\":{" NUMBER("\"asInt\":1,\"attributes\":[" ATTR(
         "x", "1") "]") "}},"
                        "{\"name\":\"a\",\"gauge\":{" NUMBER(
                            "\"asInt\":2,\"attributes\":[" ATTR("x", "2") "]") "}}",
     "__name__=a instance=i1 job=cart x=1 1\n__name__=a instance=i1 job=cart x=2 2\n"},
    {"K9 a metric without data", "{\"name\":\"a\"}", ""},
    {"K9 keys in any order",
     "{\"sum\":{\"isMonotonic\":true,\"dataPoints\":[{\"asInt\":1,\"attributes\":[" ATTR(
         "x", "1") "]," TIMES "}],\"aggregationTemporality\":2},\"unit\":\"s\",\"name\":\"a\"}",
     "__name__=a_seconds_total instance=i1 job=cart x=1 1\n"},
    {"J5 members of the oneof that are null",
     "{\"name\":\"a\",\"gauge\":null,\"sum\":{" NUMBER(
         "\"asInt\":\"7\",\"asDouble\":null") ",\"aggregationTemporality\":2},"
                                              "\"histogram\":null,\"summary\":null}",
     "__name__=a instance=i1 job=cart 7\n"},
};

Test(otlp_metric, K1_to_K9_kinds)
{
    for (size_t i = 0; i < LEN(kind_rows); i++) {
        struct batch *b = decode_json(SHOP, "", kind_rows[i].metric);
        cr_expect(batch_rejected_total(b) == 0, "row %s", kind_rows[i].name);
        expect_series(b, kind_rows[i].name, kind_rows[i].want);
        uint32_t items = 0;
        for (uint32_t k = 0; k < b->metrics->series_count; k++) {
            items += b->metrics->series[k].item_count;
            cr_expect(b->metrics->series[k].samples[0].time_ms == TIME &&
                          b->metrics->series[k].samples[0].start_ms == START,
                      "row %s", kind_rows[i].name);
        }
        cr_expect(items == b->received, "row %s: %u of %u points", kind_rows[i].name, items,
                  b->received);
        batch_free(b);
    }
    EXPECT_NO_LEAK();
}

/* ---- points that are turned down ---- */

static const struct {
    const char *name, *metric, *says;
    enum reject_reason reason;
} bad_rows[] = {
    {"P1 no time", "{\"name\":\"a\",\"gauge\":{\"dataPoints\":[{\"asInt\":1}]}}", "no time",
     REJECT_INVALID_POINT},
    {"P2 no value", "{\"name\":\"a\",\"gauge\":{\"dataPoints\":[{" TIMES "}]}}", "no value",
     REJECT_INVALID_POINT},
    {"P3 no temporality", "{\"name\":\"a\",\"sum\":{" NUMBER("\"asInt\":1") "}}", "temporality",
     REJECT_INVALID_POINT},
    {"P3 one of a later version",
     "{\"name\":\"a\",\"sum\":{" NUMBER("\"asInt\":1") ",\"aggregationTemporality\":3}}",
     "temporality", REJECT_INVALID_POINT},
    {"P4 buckets and bounds apart",
     "{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{" TIMES
     ",\"count\":1,\"bucketCounts\":[1],\"explicitBounds\":[1]}]}}",
     "one bucket more", REJECT_INVALID_POINT},
    {"P5 bounds that fall",
     "{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{" TIMES
     ",\"count\":1,\"bucketCounts\":[1,0,0],\"explicitBounds\":[2,1]}]}}",
     "ascend", REJECT_INVALID_POINT},
    {"P6 exponential buckets that do not add up",
     "{\"name\":\"e\",\"exponentialHistogram\":{\"aggregationTemporality\":2,\"dataPoints\":["
     "{" TIMES ",\"count\":1,\"positive\":{\"bucketCounts\":[2]}}]}}",
     "", REJECT_INVALID_POINT},
    {"P7 no name", "{\"gauge\":{" NUMBER("\"asInt\":1") "}}", "no name", REJECT_INVALID_LABELS},
    {"P7 nothing left of it", "{\"name\":\"..\",\"gauge\":{" NUMBER("\"asInt\":1") "}}", "no name",
     REJECT_INVALID_LABELS},
    {"P8 too many attributes",
     "{\"name\":\"a\",\"gauge\":{" NUMBER("\"asInt\":1,\"attributes\":[" ATTR("a", "1") "," ATTR(
         "b", "1") "," ATTR("c", "1") "," ATTR("d", "1") "," ATTR("e", "1") "]") "}}",
     "limits.attributes", REJECT_TOO_MANY_ATTRIBUTES},
    {"P9 too deep",
     "{\"name\":\"a\",\"gauge\":{" NUMBER(
         "\"asInt\":1,\"attributes\":[{\"key\":\"x\",\"value\":{\"arrayValue\":{\"values\":[{"
         "\"arrayValue\":{\"values\":[{\"arrayValue\":{\"values\":[{\"arrayValue\":{\"values\":[{"
         "\"arrayValue\":{\"values\":[{\"intValue\":1}]}}]}}]}}]}}]}}}]") "}}",
     "limits.depth", REJECT_TOO_DEEP},
};

Test(otlp_metric, P1_to_P9_points_that_are_rejected)
{
    for (size_t i = 0; i < LEN(bad_rows); i++) {
        char message[200], metrics[1200];
        snprintf(metrics, sizeof(metrics), "%s,{\"name\":\"good\",\"gauge\":{%s}}",
                 bad_rows[i].metric, NUMBER("\"asInt\":1"));
        struct batch *b = decode_json(SHOP, "", metrics);
        str_to_c(b->reject_message, message, sizeof(message));
        cr_expect(b->received == 2 && b->rejected[bad_rows[i].reason] == 1 &&
                      b->metrics->series_count == 1,
                  "row %s", bad_rows[i].name);
        cr_expect(message[0] && strstr(message, bad_rows[i].says), "row %s: %s", bad_rows[i].name,
                  message);
        batch_free(b);
    }
    EXPECT_NO_LEAK();
}

/* {"resourceMetrics":[{... with the resource's attributes behind its points. */
Test(otlp_metric, owners_may_stand_behind_what_they_own)
{
    static const char json[] =
        "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[" ONE "],\"scope\":{\"name\":"
        "\"lib\"}}],\"resource\":{\"attributes\":[" SHOP "]}}]}";
    struct err e;
    struct batch *b = decode_how(str_from_c(json), ENCODING_JSON, TRANSLATE_UNDERSCORES, ST_OK, &e);
    expect_series(b, "behind", "__name__=a instance=i1 job=cart otel_scope_name=lib 1\n");
    batch_free(b);
    EXPECT_NO_LEAK();
}

Test(otlp_metric, L12_without_translation_names_stay)
{
    static const char json[] =
        "{\"resourceMetrics\":[{\"resource\":{},\"scopeMetrics\":[{\"metrics\":[{\"name\":\"a.b\","
        "\"unit\":\"s\",\"sum\":{\"aggregationTemporality\":2,\"isMonotonic\":true,\"dataPoints\":["
        "{" TIMES ",\"asInt\":3,\"attributes\":[" ATTR("x.y", "z") "]}]}}]}]}]}";
    struct err e;
    struct batch *b = decode_how(str_from_c(json), ENCODING_JSON, TRANSLATE_NOTHING, ST_OK, &e);
    expect_series(b, "as sent", "__name__=a.b x.y=z 3\n");
    batch_free(b);
    EXPECT_NO_LEAK();
}

/* ---- times ---- */

Test(otlp_metric, K10_start_times)
{
    static const struct {
        const char *name, *start, *time;
        long long want_ms;
    } rows[] = {
        {"none", "0", "1795437966666154000", 0},
        {"nanoseconds", "1795437961663887000", "1795437966666154000", 1795437961663},
        {"Envoy's microseconds", "1795437961663887", "1795437966666154000", 1795437961663},
        {"no time at all before 2001", "17954379616638870", "1795437966666154000", 0},
        {"nor by a product of 65 bits", "20000000000000000", "1795437966666154000", 0},
        {"of the first day", "60000000000", "120000000000", 60000},
        {"behind its point", "120001000000", "120000000000", 120001},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        char metric[300];
        snprintf(metric, sizeof(metric),
                 "{\"name\":\"a\",\"sum\":{\"aggregationTemporality\":2,\"dataPoints\":[{"
                 "\"startTimeUnixNano\":\"%s\",\"timeUnixNano\":\"%s\",\"asInt\":1}]}}",
                 rows[i].start, rows[i].time);
        struct batch *b = decode_json(SHOP, "", metric);
        cr_expect(b->metrics->series[0].samples[0].start_ms == rows[i].want_ms, "row %s: %lld",
                  rows[i].name, (long long)b->metrics->series[0].samples[0].start_ms);
        batch_free(b);
    }
    EXPECT_NO_LEAK();
}

/* ---- exemplars ---- */

#define EXEMPLAR(value)                                                                            \
    "{\"timeUnixNano\":\"7000000\",\"asDouble\":" value                                            \
    ",\"traceId\":\"0102030405060708090A0b0c0d0e0f10\",\"spanId\":\"0102030405060708\"}"

Test(otlp_metric, K11_exemplars_go_to_their_bucket)
{
    struct batch *b = decode_json(
        SHOP, "",
        "{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{"
        "\"exemplars\":[" EXEMPLAR("7") "," EXEMPLAR("0.5") "," EXEMPLAR(
            "1") "]," TIMES ",\"count\":3,\"bucketCounts\":[2,1],\"explicitBounds\":[1]}]}}");
    const struct metric_series *s = b->metrics->series;
    cr_assert_eq(b->metrics->series_count, 3u);
    cr_expect(s[0].exemplar_count == 0 && s[1].exemplar_count == 2 && s[2].exemplar_count == 1);
    cr_expect(s[1].exemplars[0].value == 0.5 && s[2].exemplars[0].value == 7 &&
              s[2].exemplars[0].time_ms == 7);
    cr_expect(str_eq(label_set_get(s[2].exemplars[0].labels, STR("trace_id")),
                     STR("0102030405060708090a0b0c0d0e0f10")));
    cr_expect(
        str_eq(label_set_get(s[2].exemplars[0].labels, STR("span_id")), STR("0102030405060708")));
    cr_expect_eq(b->metrics->exemplar_count, 3u);
    batch_free(b);
    EXPECT_NO_LEAK();
}

#define HISTOGRAM_OF(exemplar)                                                                     \
    "{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{"                \
    "\"exemplars\":[" exemplar "]," TIMES                                                          \
    ",\"count\":3,\"bucketCounts\":[0,2,1],\"explicitBounds\":[\"-Infinity\",1]}]}}"

Test(otlp_metric, K11_a_bucket_below_all_numbers_has_no_exemplar)
{
    struct batch *b = decode_json(SHOP, "", HISTOGRAM_OF(EXEMPLAR("0.5")));
    const struct metric_series *s = b->metrics->series;
    cr_assert_eq(b->metrics->series_count, 4u);
    cr_expect(s[1].exemplar_count == 0 && s[2].exemplar_count == 1 && s[3].exemplar_count == 0);
    batch_free(b);
    EXPECT_NO_LEAK();
}

Test(otlp_metric, K11_ids_of_zeros_are_none)
{
    struct batch *b =
        decode_json(SHOP, "",
                    HISTOGRAM_OF("{\"asDouble\":0.5,\"asInt\":null,\"spanId\":\"0000000000000000\","
                                 "\"traceId\":\"00000000000000000000000000000000\"}"));
    const struct metric_series *s = b->metrics->series;
    cr_assert_eq(s[2].exemplar_count, 1u);
    cr_expect(s[2].exemplars[0].labels.count == 0 && s[2].exemplars[0].value == 0.5);
    batch_free(b);
    EXPECT_NO_LEAK();
}

Test(otlp_metric, K11_exemplar_attributes_stay_while_they_fit)
{
    static const struct {
        const char *attributes;
        uint32_t labels;
    } rows[] = {
        {"", 0},
        {ATTR("user.id", "7"), 1},
        {ATTR("text", "0123456789012345678901234567890123456789012345678901234567890123456789"
                      "0123456789012345678901234567890123456789012345678901234567890123456789"),
         0},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        char metric[700];
        snprintf(metric, sizeof(metric),
                 "{\"name\":\"a\",\"gauge\":{\"dataPoints\":[{" TIMES
                 ",\"asInt\":1,\"exemplars\":[{\"asInt\":\"3\",\"filteredAttributes\":[%s]}]}]}}",
                 rows[i].attributes);
        struct batch *b = decode_json(SHOP, "", metric);
        const struct metric_series *s = &b->metrics->series[0];
        cr_assert_eq(s->exemplar_count, 1u);
        cr_expect(s->exemplars[0].value == 3 && s->exemplars[0].labels.count == rows[i].labels,
                  "row %zu", i);
        batch_free(b);
    }
    EXPECT_NO_LEAK();
}

Test(otlp_metric, metadata)
{
    struct batch *b =
        decode_json(SHOP, "",
                    "{\"name\":\"a.b\",\"description\":\"What it is.\",\"unit\":\"By\",\"sum\":{"
                    "\"aggregationTemporality\":2,\"isMonotonic\":true,\"dataPoints\":[]}}");
    cr_assert_eq(b->metrics->metadata_count, 1u);
    const struct metric_metadata *m = &b->metrics->metadata[0];
    cr_expect(str_eq(m->metric, STR("a_b_bytes_total")) && str_eq(m->help, STR("What it is.")) &&
              str_eq(m->unit, STR("bytes")) && m->type == METRIC_COUNTER);
    batch_free(b);
    EXPECT_NO_LEAK();
}

/* As Prometheus' OTLP endpoint has it; none when there is no series. */
Test(otlp_metric, target_info_has_metadata)
{
    static const char gauge[] =
        "{\"name\":\"a\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":\"1\",\"asInt\":\"1\"}]}}";
    struct batch *b = decode_json(SHOP "," ATTR("host.name", "n1"), "", gauge);
    cr_assert_eq(b->metrics->metadata_count, 2u);
    const struct metric_metadata *m = &b->metrics->metadata[1];
    cr_expect(str_eq(m->metric, STR("target_info")) && str_eq(m->help, STR("Target metadata")) &&
              m->unit.len == 0 && m->type == METRIC_GAUGE);
    batch_free(b);
    b = decode_json(SHOP, "", gauge);
    cr_expect_eq(b->metrics->metadata_count, 1u);
    batch_free(b);
    EXPECT_NO_LEAK();
}

/* ---- whole requests ---- */

Test(otlp_metric, nothing_is_taken_well)
{
    static const struct {
        const char *body;
        enum batch_encoding encoding;
    } rows[] = {{"", ENCODING_PROTOBUF},
                {"\x0a\x00", ENCODING_PROTOBUF},
                {"{}", ENCODING_JSON},
                {"{\"resourceMetrics\":[]}", ENCODING_JSON},
                {"{\"resourceMetrics\":null,\"other\":[1]}", ENCODING_JSON}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct err e;
        struct str body = {rows[i].body, i == 1 ? 2 : strlen(rows[i].body)};
        struct batch *b = decode_how(body, rows[i].encoding, TRANSLATE_UNDERSCORES, ST_OK, &e);
        cr_expect(b->metrics && b->metrics->series_count == 0 && b->received == 0, "row %zu", i);
        batch_free(b);
    }
    EXPECT_NO_LEAK();
}

static const struct {
    const char *name, *body, *says;
} bad_wire[] = {
    {"request", "08 01", "request: a field has the wrong wire type"},
    {"resource", "0a02 0801", "ResourceMetrics: a field has the wrong wire type"},
    {"scope", "0a04 1202 0801", "ScopeMetrics: a field has the wrong wire type"},
    {"metric name", "0a06 1204 1202 0801", "metric: a field has the wrong wire type"},
    {"points", "0a08 1206 1204 2a02 0801", "gauge: a field has the wrong wire type"},
    {"gauge with temporality", "0a08 1206 1204 2a02 1203", "gauge: a length runs past"},
    {"point value", "0a0a 1208 1206 2a04 0a02 2001", "point: a field has the wrong wire type"},
    {"bucket counts of 3 bytes", "0a0d 120b 1209 4a07 0a05 3203 000000", "packed numbers"},
    {"exponential buckets", "0a0d 120b 1209 5207 0a05 4203 120180", "packed numbers"},
    {"quantile", "0a0c 120a 1208 5a06 0a04 3202 0801", "quantile: a field has the wrong"},
    {"exemplar", "0a0c 120a 1208 2a06 0a04 2a02 1001", "exemplar: a field has the wrong"},
    {"attribute", "0a0c 120a 1208 2a06 0a04 3a02 0801", "attribute: a field has the wrong"},
};

Test(otlp_metric, W3_W4_bad_wire_fails_the_request)
{
    for (size_t i = 0; i < LEN(bad_wire); i++) {
        struct buf body = {0};
        struct err e;
        pb_put_hex(&body, bad_wire[i].body);
        struct batch *b =
            decode_how(buf_str(&body), ENCODING_PROTOBUF, TRANSLATE_UNDERSCORES, ST_INVALID, &e);
        cr_expect(strstr(e.msg, bad_wire[i].says), "row %s: %s", bad_wire[i].name, e.msg);
        cr_expect(!b->metrics && b->received == 0, "row %s", bad_wire[i].name);
        batch_free(b);
        buf_deinit(&body);
    }
    EXPECT_NO_LEAK();
}

Test(otlp_metric, too_many_samples_fail_the_request)
{
    struct buf json = {0};
    struct err e;
    buf_printf(&json, "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"a\","
                      "\"gauge\":{\"dataPoints\":[");
    for (int i = 0; i < 1001; i++)
        buf_printf(&json, "%s{" TIMES ",\"asInt\":%d}", i > 0 ? "," : "", i);
    buf_printf(&json, "]}}]}]}]}");
    struct batch *b =
        decode_how(buf_str(&json), ENCODING_JSON, TRANSLATE_UNDERSCORES, ST_TOO_BIG, &e);
    cr_expect(strstr(e.msg, "limits.samples"), "%s", e.msg);
    batch_free(b);
    buf_deinit(&json);
    EXPECT_NO_LEAK();
}

Test(otlp_metric, a_request_that_grows_by_decoding_is_bounded)
{
    struct otlp_metric_rules rules = {.limits = &limits};
    struct buf json = {0};
    struct err e = {0};
    buf_printf(&json, "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"h\","
                      "\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{" TIMES
                      ",\"bucketCounts\":[0");
    for (int i = 0; i < 500; i++)
        buf_printf(&json, ",0");
    buf_printf(&json, "],\"explicitBounds\":[0");
    for (int i = 1; i < 500; i++)
        buf_printf(&json, ",%d", i);
    buf_printf(&json, "]}]}}]}]}]}");
    struct batch *b = batch_of(buf_str(&json), ENCODING_JSON);
    b->arena.limit_bytes = 50 * KIB;
    cr_expect_eq(otlp_metric_decode(b, &rules, &e), ST_TOO_BIG, "%s", e.msg);
    batch_free(b);
    buf_deinit(&json);
    EXPECT_NO_LEAK();
}

Test(otlp_metric, running_out_of_memory_is_an_error)
{
    static const char json[] =
        "{\"resourceMetrics\":[{\"resource\":{\"attributes\":[" SHOP
        "," ATTR("host.name",
                 "n") "]},\"scopeMetrics\":[{\"scope\":{\"name\":\"lib\"},\"metrics\":[{\"name\":"
                      "\"h.x\","
                      "\"unit\":\"s\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":["
                      "{" TIMES
                      ",\"count\":3,\"bucketCounts\":[2,1],\"explicitBounds\":[1],\"exemplars\":"
                      "[" EXEMPLAR("1") "],\"attributes\":[{\"key\":\"x\",\"value\":{"
                                        "\"arrayValue\":{\"values\":[{\"intValue\":1}]"
                                        "}}}]}]}}]}]}]}";
    struct otlp_metric_rules rules = {.limits = &limits};
    struct alloc_walk walk = {0};
    while (alloc_walk_next(&walk)) {
        struct err e = {0};
        struct batch *b = batch_of(str_from_c(json), ENCODING_JSON);
        if (b) {
            enum status st = otlp_metric_decode(b, &rules, &e);
            cr_expect(st == ST_OK || st == ST_NO_MEMORY, "%s", e.msg);
        }
        batch_free(b);
    }
    cr_expect(walk.failures > 3);
    EXPECT_NO_LEAK();
}
