/* test_otlp_trace.c - the protobuf rows of docs/otlp-input.md. */
#include "tests/unit/codec/otlp_requests.h"

#include <stdio.h>

Test(otlp_trace, W1_nothing_is_taken_well)
{
    static const char *const rows[] = {"", "0a00", "0a02 1200", "0a02 0a00", "0a06 0a00 1202 0a00"};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct err e;
        struct batch *b = decode(from_hex(rows[i]), ST_OK, &e);
        cr_expect(b->span_count == 0 && b->received == 0, "row %s", rows[i]);
        batch_free(b);
    }
    EXPECT_NO_LEAK();
}

/* Behind a whole span. */
Test(otlp_trace, W2_unknown_fields_are_skipped)
{
    static const char *const rows[] = {
        "a006 01",                                                /* 100: varint */
        "a106 0102030405060708",                                  /* fixed64 */
        "a206 03 ffffff",                                         /* bytes */
        "a506 01020304",                                          /* fixed32 */
        "a306 08 01 a406",                                        /* group */
        "a306 0b 120161 0c 09 0102030405060708 0d 01020304 a406", /* group in group with all types
                                                                   */
        "a006 ffffffffffffffffff01",                              /* the longest varint */
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        char hex[400];
        snprintf(hex, sizeof(hex), SPAN "%s", rows[i]);
        batch_free(decode_span(hex));
    }
    EXPECT_NO_LEAK();
}

static const struct {
    const char *name, *span, *says;
} bad_wire[] = {
    {"W3 trace id as varint", "08 01", "wrong wire type"},
    {"W3 name as fixed64", "29 0102030405060708", "wrong wire type"},
    {"W3 name as group", "2b 2c", "wrong wire type"},
    {"W3 kind as bytes", "3201 61", "wrong wire type"},
    {"W3 start as varint", "38 01", "wrong wire type"},
    {"W3 dropped count as fixed32", "55 01020304", "wrong wire type"},
    {"W3 flags as varint", "8001 01", "wrong wire type"},
    {"W3 status code as bytes", "7a03 1a01 61", "status: a field has the wrong wire type"},
    {"W3 attribute key as varint", "4a02 08 01", "attribute: a field has the wrong wire type"},
    {"W3 string value as varint", "4a04 1202 08 01", "attribute: a field has the wrong wire type"},
    {"W3 event time as varint", "5a02 08 01", "event: a field has the wrong wire type"},
    {"W3 link flags as varint", "6a02 30 01", "link: a field has the wrong wire type"},
    {"W4 length past the end", "2a05 6161", "a length runs past its message at byte"},
    {"W4 tag without a length", "2a", "a varint is cut off"},
    {"W4 varint cut off", "30 80", "a varint is cut off"},
    {"W4 fixed64 cut off", "39 01020304", "a fixed-width number is cut off"},
    {"W4 fixed32 cut off", "8501 010203", "a fixed-width number is cut off"},
    {"W4 inside an attribute", "4a05 0a05 616161", "attribute: a length runs past its message"},
    {"W4 inside a value", "4a06 0a0161 1202 0a05", "attribute: a length"},
    {"W4 inside a nested value", "4a09 0a0161 1204 2a02 0a05", "attribute: a length"},
    {"W4 inside a repeated value", "4a0d 0a0161 1204 0a026161 1202 0a05",
     "attribute: a length runs past its message at byte"},
    {"W9 values that only complete each other", "4a0f 0a0161 1204 d104 0102 1204 0304 0506",
     "cut off"},
    {"W4 inside an event's attribute", "5a04 1a02 0a05", "event: a length"},
    {"W5 length of six bytes", "2a 818080808000 61", "a varint is too long"},
    {"W5 length above 32 bits", "2a ffffffff7f 61", "a tag or length is too large"},
    {"W5 varint of eleven bytes", "30 ffffffffffffffffffff01", "a varint is too long"},
    {"W5 field number 0", "02 00", "number 0"},
    {"W5 field number 0 as varint", "00 00", "number 0"},
    {"W5 wire type 6", "a606", "unknown wire type"},
    {"W5 wire type 7", "a706", "unknown wire type"},
    {"W6 group ends with another number", "a306 ac06", "another field's number"},
    {"W6 group without an end", "a306 0801", "a varint is cut off"},
    {"W6 end without a group", "a406", "unknown wire type"},
    {"W6 field 0 in a group", "a306 0001 a406", "number 0"},
    {"W6 wire type 7 in a group", "a306 0f a406", "unknown wire type"},
    {"W6 length past the end in a group", "a306 0a09 61", "a length runs past"},
    {"W6 33 groups",
     "a306 a306 a306 a306 a306 a306 a306 a306 a306 a306 a306 a306 a306 a306 a306 a306 a306 a306 "
     "a306 a306 a306 a306 a306 a306 a306 a306 a306 a306 a306 a306 a306 a306 a306",
     "nested too deep"},
};

Test(otlp_trace, W3_to_W6_bad_wire_fails_the_request)
{
    for (size_t i = 0; i < LEN(bad_wire); i++) {
        char hex[512];
        struct err e;
        const char *span = hex;
        snprintf(hex, sizeof(hex), SPAN "%s", bad_wire[i].span);
        struct batch *b = decode(request_of(NULL, &span, 1), ST_INVALID, &e);
        cr_expect(strstr(e.msg, bad_wire[i].says), "row %s: %s", bad_wire[i].name, e.msg);
        cr_expect(b->span_count == 0 && b->received == 0, "row %s", bad_wire[i].name);
        batch_free(b);
    }
    EXPECT_NO_LEAK();
}

Test(otlp_trace, W3_W4_bad_wire_above_spans_fails_the_request)
{
    static const struct {
        const char *body, *says;
    } rows[] = {
        {"08 01", "request: a field has the wrong wire type at byte 2"},
        {"0a 05 00", "request: a length runs past its message at byte 2"},
        {"0a02 08 01", "ResourceSpans: a field has the wrong wire type"},
        {"0a02 18 01", "ResourceSpans: a field has the wrong wire type"},
        {"0a04 0a02 08 01", "resource: a field has the wrong wire type at byte 6"},
        {"0a05 0a03 120161", "resource: a field has the wrong wire type"},
        {"0a04 1202 08 01", "ScopeSpans: a field has the wrong wire type"},
        {"0a04 1202 0a05", "ScopeSpans: a length runs past its message"},
        {"0a06 1204 0a02 08 01", "scope: a field has the wrong wire type"},
        {"0a08 1206 0a04 1a02 0a05", "attribute: a length runs past its message"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct err e;
        struct batch *b = decode(from_hex(rows[i].body), ST_INVALID, &e);
        cr_expect(strstr(e.msg, rows[i].says), "row %s: %s", rows[i].body, e.msg);
        batch_free(b);
    }
    EXPECT_NO_LEAK();
}

Test(otlp_trace, W7_owners_may_come_behind_their_spans)
{
    /* ScopeSpans{spans, scope{name}, schema_url}, then Resource{attribute}, schema_url */
    struct buf span = from_hex(SPAN), scope_spans = {0}, outer = {0}, body = {0};
    struct err e;
    pb_put_message(&scope_spans, 2, &span);
    pb_put_hex(&scope_spans, "0a06 0a0161 120162 1a0175");
    pb_put_message(&outer, 2, &scope_spans);
    pb_put_hex(&outer, "0a09 0a07 0a016b 1202 0a00 1a0175");
    pb_put_message(&body, 1, &outer);
    struct batch *b = decode(body, ST_OK, &e);
    cr_assert(b->span_count == 1);
    const struct span *s = b->spans;
    cr_expect(str_eq(s->scope->name, STR("a")) && str_eq(s->scope->version, STR("b")));
    cr_assert(s->resource->attr_count == 1);
    cr_expect(str_eq(s->resource->attrs[0].key, STR("k")));
    batch_free(b);
    buf_deinit(&span);
    buf_deinit(&scope_spans);
    buf_deinit(&outer);
    EXPECT_NO_LEAK();
}

Test(otlp_trace, W8_the_last_of_single_fields_counts)
{
    struct batch *b = decode_span("0a02 0102 1202 0102 2202 0102 2a01 62 30 01 39 0200000000000000 "
                                  "8501 07000000 " SPAN
                                  "2208 0000000000000009 30 03 39 0300000000000000 8501 01010000");
    const struct span *s = b->spans;
    cr_expect(s->trace.hi == 0x0001020304050607u && s->trace.lo == 0x08090a0b0c0d0e0fu);
    cr_expect(s->id == 1 && s->parent == 9);
    cr_expect(str_eq(s->name, STR("a")));
    cr_expect(s->kind == SPAN_CLIENT && s->start_ns == 3 && s->end_ns == 1 && s->flags == 257);
    batch_free(b);
    EXPECT_NO_LEAK();
}

Test(otlp_trace, W9_repeated_messages_are_merged)
{
    /* status{message}, status{code}; one attribute with two values, each an array */
    const char *span = SPAN "7a04 1202 6f6b 7a02 18 02 "
                            "4a13 0a0161 1206 2a04 0a02 1801 1206 2a04 0a02 1802";
    struct err e;
    /* two resources of one ResourceSpans */
    struct batch *b = decode(
        request_of("0a09 0a07 0a0161 1202 1801 0a09 0a07 0a0162 1202 1802", &span, 1), ST_OK, &e);
    cr_assert(b->span_count == 1);
    const struct span *s = b->spans;
    cr_expect(str_eq(s->status_message, STR("ok")) && s->status == SPAN_STATUS_ERROR);
    cr_assert(s->attr_count == 1 && s->attrs[0].type == VALUE_NESTED);
    struct buf joined = from_hex("2a04 0a02 1801 2a04 0a02 1802");
    cr_expect(str_eq(s->attrs[0].text, buf_str(&joined)), "both arrays, one behind the other");
    cr_assert(s->resource->attr_count == 2);
    cr_expect(s->resource->attrs[0].i == 1 && s->resource->attrs[1].i == 2);
    buf_deinit(&joined);
    batch_free(b);
    EXPECT_NO_LEAK();
}

Test(otlp_trace, W10_too_many_spans_are_too_big)
{
    struct err e;
    struct buf ok = {0}, over = {0};
    otlp_build_envoy(&ok, limits.spans, 1);
    otlp_build_envoy(&over, limits.spans + 1, 1);
    limits.attributes = 16;
    struct batch *b = decode(ok, ST_OK, &e);
    cr_expect(b->span_count == limits.spans);
    batch_free(b);
    batch_free(decode(over, ST_TOO_BIG, &e));
    cr_expect(strstr(e.msg, "1001 spans, the limit is 1000"), "%s", e.msg);
    EXPECT_NO_LEAK();
}

Test(otlp_trace, W11_bits_too_many_are_ignored)
{
    struct batch *b = decode_span(SPAN "30 8380808010 7a06 18 8280808010");
    cr_expect(b->spans[0].kind == SPAN_CLIENT);
    cr_expect(b->spans[0].status == SPAN_STATUS_ERROR);
    batch_free(b);
    EXPECT_NO_LEAK();
}

static const struct {
    const char *name, *span;
    enum reject_reason want; /* REJECT_REASON_COUNT: accepted */
} judged[] = {
    {"S1 no trace id", ID NAME END, REJECT_INVALID_ID},
    {"S1 empty trace id", "0a00 " ID NAME END, REJECT_INVALID_ID},
    {"S1 trace id of 8", "0a08 0102030405060708 " ID NAME END "0a08 0102030405060708",
     REJECT_INVALID_ID},
    {"S1 trace id of 17", "0a11 0102030405060708090a0b0c0d0e0f1011" ID END, REJECT_INVALID_ID},
    {"S1 zero trace id", "0a10 00000000000000000000000000000000" ID END, REJECT_INVALID_ID},
    {"S1 high half zero", "0a10 00000000000000000000000000000001" ID END, REJECT_REASON_COUNT},
    {"S2 no span id", TRACE NAME END, REJECT_INVALID_ID},
    {"S2 span id of 16", TRACE "1210 000102030405060708090a0b0c0d0e0f" END, REJECT_INVALID_ID},
    {"S2 zero span id", TRACE "1208 0000000000000000" END, REJECT_INVALID_ID},
    {"S3 empty parent", SPAN "2200", REJECT_REASON_COUNT},
    {"S3 zero parent", SPAN "2208 0000000000000000", REJECT_REASON_COUNT},
    {"S4 parent of 4", SPAN "2204 01020304", REJECT_INVALID_PARENT_ID},
    {"S4 after S1", ID "2204 01020304", REJECT_INVALID_ID},
    {"S6 array of depth 4", SPAN "4a11 0a0161 120c 2a0a 0a08 2a06 0a04 2a02 0a00",
     REJECT_REASON_COUNT},
    {"S6 array of depth 5", SPAN "4a15 0a0161 1210 2a0e 0a0c 2a0a 0a08 2a06 0a04 2a02 0a00",
     REJECT_TOO_DEEP},
    {"S6 map of depth 5",
     SPAN "4a1d 0a0161 1218 3216 0a14 1212 3210 0a0e 120c 320a 0a08 1206 3204 0a02 1200",
     REJECT_TOO_DEEP},
    {"S6 event of depth 5", SPAN "5a14 1a12 1210 2a0e 0a0c 2a0a 0a08 2a06 0a04 2a02 0a00",
     REJECT_TOO_DEEP},
    {"S6 link of depth 4", SPAN "6a10 220e 120c 2a0a 0a08 2a06 0a04 2a02 0a00",
     REJECT_REASON_COUNT},
    {"S6 link of depth 5", SPAN "6a14 2212 1210 2a0e 0a0c 2a0a 0a08 2a06 0a04 2a02 0a00",
     REJECT_TOO_DEEP},
    {"S10 end before start", SPAN "39 ff00000000000000", REJECT_REASON_COUNT},
    {"S11 kind and status unknown", SPAN "30 09 7a02 18 07", REJECT_REASON_COUNT},
};

Test(otlp_trace, S1_to_S6_judge_span_by_span)
{
    for (size_t i = 0; i < LEN(judged); i++) {
        struct err e;
        const char *spans[] = {SPAN, judged[i].span, SPAN};
        bool good = judged[i].want == REJECT_REASON_COUNT;
        struct batch *b = decode(request_of(NULL, spans, 3), ST_OK, &e);
        cr_expect(b->received == 3, "row %s", judged[i].name);
        cr_expect(b->span_count == (good ? 3 : 2), "row %s", judged[i].name);
        cr_expect(batch_rejected_total(b) == !good, "row %s", judged[i].name);
        if (!good) {
            cr_expect(b->rejected[judged[i].want] == 1, "row %s", judged[i].name);
            cr_expect(str_starts_with(b->reject_message, STR("span 2 of the request: ")),
                      "row %s: %.*s", judged[i].name, STR_ARG(b->reject_message));
        }
        batch_free(b);
    }
    EXPECT_NO_LEAK();
}

Test(otlp_trace, S5_attributes_are_limited)
{
    struct err e;
    for (unsigned count = limits.attributes - 1; count <= limits.attributes + 1; count++) {
        for (int slow = 0; slow < 2; slow++) {
            struct buf span = from_hex(SPAN);
            for (unsigned i = 0; i < count; i++) {
                if (slow)
                    pb_put_hex(&span, "4a07 0a0161 1202 1801");
                else
                    pb_put_attr(&span, 9, STR("key"), STR("value"));
            }
            struct buf body = request_of_span(&span);
            struct batch *b = decode(body, ST_OK, &e);
            bool good = count <= limits.attributes;
            cr_expect(b->span_count == good, "%u attributes", count);
            cr_expect(b->rejected[REJECT_TOO_MANY_ATTRIBUTES] == !good, "%u attributes", count);
            cr_expect(!good || b->spans[0].attr_count == count);
            batch_free(b);
        }
    }
    EXPECT_NO_LEAK();
}

Test(otlp_trace, S5_S6_a_wrong_resource_is_against_all_its_spans)
{
    struct err e;
    const char *spans[] = {SPAN, SPAN};
    struct batch *b = decode(
        request_of("0a17 0a15 0a0161 1210 2a0e 0a0c 2a0a 0a08 2a06 0a04 2a02 0a00", spans, 2),
        ST_OK, &e);
    cr_expect(b->received == 2 && b->rejected[REJECT_TOO_DEEP] == 2);
    batch_free(b);
    /* nine attributes */
    b = decode(request_of("0a2d" ATTR3 ATTR3 ATTR3, spans, 1), ST_OK, &e);
    cr_expect(b->received == 1 && b->rejected[REJECT_TOO_MANY_ATTRIBUTES] == 1);
    batch_free(b);
    EXPECT_NO_LEAK();
}

Test(otlp_trace, S7_to_S10_times)
{
    static const struct {
        const char *name;
        uint64_t start, end;
        enum reject_reason want;
    } rows[] = {
        {"inside", 1500, 1600, REJECT_REASON_COUNT},
        {"S7 just old enough", 500, 1000, REJECT_REASON_COUNT},
        {"S7 too old", 500, 999, REJECT_TOO_OLD},
        {"S8 just new enough", 500, 2000, REJECT_REASON_COUNT},
        {"S8 too new", 1500, 2001, REJECT_TOO_NEW},
        {"S9 end 0", 1500, 0, REJECT_REASON_COUNT},
        {"S9 both 0", 0, 0, REJECT_TOO_OLD},
        {"S9 end absurd", 1500, UINT64_MAX, REJECT_REASON_COUNT},
        {"S9 end absurd by one", 1500, (uint64_t)INT64_MAX + 1, REJECT_REASON_COUNT},
        {"S9 both absurd", UINT64_MAX, UINT64_MAX, REJECT_TOO_NEW},
        {"S10 end before start", 1900, 1100, REJECT_REASON_COUNT},
    };
    struct otlp_trace_rules rules = {.limits = &limits, .oldest_ns = 1000, .newest_ns = 2000};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf span = from_hex(TRACE ID);
        pb_put_fixed64(&span, 7, rows[i].start);
        pb_put_fixed64(&span, 8, rows[i].end);
        struct buf body = request_of_span(&span);
        struct batch b = {.plain = buf_str(&body), .encoding = ENCODING_PROTOBUF};
        struct err e;
        cr_assert(otlp_trace_decode(&b, &rules, &e) == ST_OK);
        bool good = rows[i].want == REJECT_REASON_COUNT;
        cr_expect(b.span_count == good, "row %s", rows[i].name);
        cr_expect(good || b.rejected[rows[i].want] == 1, "row %s", rows[i].name);
        cr_expect(!good ||
                  (b.spans[0].start_ns == rows[i].start && b.spans[0].end_ns == rows[i].end));
        arena_deinit(&b.arena);
        buf_deinit(&body);
    }
    EXPECT_NO_LEAK();
}

Test(otlp_trace, A1_to_A5_values)
{
    struct batch *b = decode_span(SPAN "4a05 0a0161 1200"      /* A1 */
                                       "4a03 0a0162"           /* A1 */
                                       "4a07 0a0163 1202 0a00" /* "" */
                                       "4a04 1202 1801"        /* A2 */
                                       "4a06 1204 0a0278 79"   /* A2 */
                                       "4a07 0a0164 1202 1001" /* true */
                                       "4a10 0a0165 120b 18 ffffffffffffffffff01"
                                       "4a0e 0a0166 1209 21 000000000000f03f"
                                       "4a0b 0a0167 1206 3a04 00ff0a00"
                                       "4a0c 0a0168 1207 1801 0a01 7a 1001"); /* A4 */
    static const struct {
        const char *key;
        enum value_type type;
    } want[] = {{"a", VALUE_EMPTY}, {"b", VALUE_EMPTY},  {"c", VALUE_STRING}, {"d", VALUE_BOOL},
                {"e", VALUE_INT},   {"f", VALUE_DOUBLE}, {"g", VALUE_BYTES},  {"h", VALUE_BOOL}};
    const struct span *s = b->spans;
    cr_assert(s->attr_count == LEN(want), "%u", s->attr_count);
    for (size_t i = 0; i < LEN(want); i++) {
        cr_expect(str_eq(s->attrs[i].key, str_from_c(want[i].key)), "attribute %zu", i);
        cr_expect(s->attrs[i].type == want[i].type, "attribute %zu", i);
    }
    cr_expect(s->attrs[3].b && s->attrs[4].i == -1 && s->attrs[5].d == 1.0);
    cr_expect(s->attrs[6].text.len == 4);
    batch_free(b);
    EXPECT_NO_LEAK();
}

/* The Collector writes the value before the key; each form once as the fast way takes it and once
 * behind a field that only the general way knows. */
Test(otlp_trace, W7_key_and_value_in_either_order)
{
    static const char *const rows[] = {
        "4a09 0a02 6b6b 1203 0a01 76",
        "4a09 1203 0a01 76 0a02 6b6b",
        "4a0b 0a02 6b6b 1203 0a01 76 2000",
        "4a0b 1203 0a01 76 2000 0a02 6b6b",
    };
    static const char *const ints[] = {
        "4a0a 0a02 6b6b 1204 18 808001",
        "4a0a 1204 18 808001 0a02 6b6b",
        "4a0c 0a02 6b6b 2000 1204 18 808001",
        "4a0e 1204 18 808001 1a02 0000 0a02 6b6b",
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        char hex[300];
        snprintf(hex, sizeof(hex), SPAN "%s %s", rows[i], ints[i]);
        struct batch *b = decode_span(hex);
        const struct attr *a = b->spans[0].attrs;
        cr_assert(b->spans[0].attr_count == 2, "row %zu", i);
        cr_expect(str_eq(a[0].key, STR("kk")) && str_eq(a[1].key, STR("kk")), "row %zu", i);
        cr_expect(a[0].type == VALUE_STRING && str_eq(a[0].text, STR("v")), "row %zu", i);
        cr_expect(a[1].type == VALUE_INT && a[1].i == 16384, "row %zu", i);
        batch_free(b);
    }
    EXPECT_NO_LEAK();
}

Test(otlp_trace, A3_a_key_twice_is_kept_twice_in_order)
{
    struct batch *b = decode_span(SPAN "4a08 0a0161 1203 0a01 31 4a08 0a0161 1203 0a01 32");
    cr_assert(b->spans[0].attr_count == 2);
    cr_expect(str_eq(b->spans[0].attrs[0].text, STR("1")));
    cr_expect(str_eq(b->spans[0].attrs[1].text, STR("2")));
    batch_free(b);
    EXPECT_NO_LEAK();
}

Test(otlp_trace, A6_broken_text_is_repaired)
{
    struct buf long_text = {0}, span = from_hex(TRACE ID "2a03 61ff62 1a01 80 7a03 1201 c3 ");
    for (int i = 0; i < 200; i++)
        buf_append_u8(&long_text, i == 150 ? 0xfe : 'x');
    pb_put_attr(&span, 9, STR("plain"), STR("plain"));
    pb_put_attr(&span, 9, STR("gr\xc3\xbc\xc3\x9f"), STR("\xe2\x82\xac"));
    pb_put_attr(&span, 9, STR("\xc3"), STR("\xe2\x82"));
    pb_put_attr(&span, 9, STR("long"), buf_str(&long_text));
    struct err e;
    struct buf body = request_of_span(&span);
    struct batch *b = decode(body, ST_OK, &e);
    cr_assert(b->span_count == 1);
    const struct span *s = b->spans;
    cr_expect(str_eq(s->name, STR("a\xef\xbf\xbd"
                                  "b")));
    cr_expect(str_eq(s->trace_state, STR("\xef\xbf\xbd")));
    cr_expect(str_eq(s->status_message, STR("\xef\xbf\xbd")));
    cr_assert(s->attr_count == 4);
    cr_expect(str_eq(s->attrs[1].key, STR("gr\xc3\xbc\xc3\x9f")));
    cr_expect(str_eq(s->attrs[1].text, STR("\xe2\x82\xac")));
    cr_expect(str_eq(s->attrs[2].key, STR("\xef\xbf\xbd")));
    cr_expect(str_eq(s->attrs[2].text, STR("\xef\xbf\xbd")));
    cr_expect(s->attrs[3].text.len == 202);
    batch_free(b);
    buf_deinit(&long_text);
    EXPECT_NO_LEAK();
}

Test(otlp_trace, a_span_as_an_envoy_sidecar_sends_it)
{
    struct buf body = {0};
    struct err e;
    limits.attributes = 16;
    otlp_build_envoy(&body, 5, 7);
    struct batch *b = decode(body, ST_OK, &e);
    cr_assert(b->span_count == 5 && b->received == 5);
    for (unsigned i = 0; i < 5; i++) {
        const struct span *s = &b->spans[i];
        cr_expect(s->attr_count == 16);
        cr_expect(s->kind == (i % 2 ? SPAN_CLIENT : SPAN_SERVER));
        cr_expect(s->flags == 257 && s->end_ns > s->start_ns);
        cr_expect(s->resource == b->spans[0].resource && s->resource->attr_count == 4);
        cr_expect(str_eq(s->attrs[3].key, STR("http.method")) &&
                  str_eq(s->attrs[3].text, STR("GET")));
        cr_expect(s->raw.len > 700 && s->raw.ptr > b->plain.ptr);
    }
    batch_free(b);
    EXPECT_NO_LEAK();
}
