/* test_otlp_json.c - the JSON rows of docs/otlp-input.md, and JSON against protobuf over whole
 * requests. */
#include "codec/otlp_trace.h"

#include "base/json_write.h"
#include "base/mem.h"
#include "tests/support/corpus.h"
#include "tests/support/leak.h"
#include "tests/support/otlp_build.h"

#include <math.h>
#include <stdio.h>

#define IDS "\"traceId\":\"000102030405060708090A0b0c0d0e0f\",\"spanId\":\"0000000000000001\""

static struct limits limits = {.spans = 1000, .attributes = 4, .depth = 3};

static enum status decode_json(struct batch *b, struct str json, struct err *e)
{
    struct otlp_trace_rules rules = {.limits = &limits};
    *b = (struct batch){.plain = json, .encoding = ENCODING_JSON};
    return otlp_trace_decode(b, &rules, e);
}

/* A request with one span of these members. */
static enum status decode_span(struct batch *b, char text[2000], const char *members, struct err *e)
{
    int len = snprintf(text, 2000, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{%s}]}]}]}",
                       members);
    return decode_json(b, (struct str){text, (size_t)len}, e);
}

Test(otlp_json, nothing_is_taken_well)
{
    static const char *const rows[] = {
        "{}",
        " { } ",
        "{\"resourceSpans\":[]}",
        "{\"resourceSpans\":null}",
        "{\"resourceSpans\":[{}]}",
        "{\"resourceSpans\":[{\"scopeSpans\":[{}]}]}",
        "{\"resourceSpans\":[{\"resource\":null,\"scopeSpans\":[{\"scope\":null,\"spans\":null}]}]"
        "}",
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct batch b;
        struct err e = {0};
        cr_expect(decode_json(&b, str_from_c(rows[i]), &e) == ST_OK, "row %s: %s", rows[i], e.msg);
        cr_expect(b.received == 0, "row %s", rows[i]);
        arena_deinit(&b.arena);
    }
    EXPECT_NO_LEAK();
}

static const struct {
    const char *name, *members;
    enum reject_reason want; /* REJECT_REASON_COUNT: accepted */
} judged[] = {
    {"J1 both cases of hex", IDS, REJECT_REASON_COUNT},
    {"J1 no ids", "", REJECT_INVALID_ID},
    {"J1 base64 instead of hex",
     "\"traceId\":\"AAECAwQFBgcICQoLDA0ODw==\",\"spanId\":\"0000000000000001\"", REJECT_INVALID_ID},
    {"J1 trace id too short", "\"traceId\":\"0001\",\"spanId\":\"0000000000000001\"",
     REJECT_INVALID_ID},
    {"J1 span id of 32",
     "\"traceId\":\"000102030405060708090a0b0c0d0e0f\","
     "\"spanId\":\"000102030405060708090a0b0c0d0e0f\"",
     REJECT_INVALID_ID},
    {"S1 zero trace id",
     "\"traceId\":\"00000000000000000000000000000000\",\"spanId\":\"0000000000000001\"",
     REJECT_INVALID_ID},
    {"S3 empty parent", IDS ",\"parentSpanId\":\"\"", REJECT_REASON_COUNT},
    {"S3 null parent", IDS ",\"parentSpanId\":null", REJECT_REASON_COUNT},
    {"S4 parent of 3 digits", IDS ",\"parentSpanId\":\"abc\"", REJECT_INVALID_PARENT_ID},
    {"S4 parent of 32 digits", IDS ",\"parentSpanId\":\"000102030405060708090a0b0c0d0e0f\"",
     REJECT_INVALID_PARENT_ID},
    {"S6 array of depth 3",
     IDS ",\"attributes\":[{\"key\":\"a\",\"value\":{\"arrayValue\":{\"values\":[{\"arrayValue\":{"
         "\"values\":["
         "{\"intValue\":1}]}}]}}}]",
     REJECT_REASON_COUNT},
    {"S6 array of depth 4",
     IDS ",\"attributes\":[{\"key\":\"a\",\"value\":{\"arrayValue\":{\"values\":[{\"arrayValue\":{"
         "\"values\":["
         "{\"arrayValue\":{\"values\":[{\"intValue\":1}]}}]}}]}}}]",
     REJECT_TOO_DEEP},
    {"S6 map of depth 4",
     IDS ",\"attributes\":[{\"key\":\"a\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"b\","
         "\"value\":{"
         "\"kvlistValue\":{\"values\":[{\"key\":\"c\",\"value\":{\"kvlistValue\":{\"values\":[{"
         "\"key\":\"d\"}]}}}]}}}]}}}]",
     REJECT_TOO_DEEP},
    {"S6 two arrays side by side are not deep",
     IDS ",\"attributes\":[{\"key\":\"a\",\"value\":{\"arrayValue\":{\"values\":[{\"arrayValue\":{"
         "\"values\":[{}]}},"
         "{\"arrayValue\":{\"values\":[{}]}},{\"arrayValue\":{}},{\"arrayValue\":null}]}}}]",
     REJECT_REASON_COUNT},
    {"S5 too many attributes",
     IDS ",\"attributes\":[{\"key\":\"a\"},{\"key\":\"b\"},{\"key\":\"c\"},{\"key\":\"d\"},{"
         "\"key\":\"e\"}]",
     REJECT_TOO_MANY_ATTRIBUTES},
    {"A2 attributes without a key do not count",
     IDS ",\"attributes\":[{\"key\":\"a\"},{\"key\":\"b\"},{\"key\":\"c\"},{\"key\":\"d\"},{"
         "\"key\":\"\"},{}]",
     REJECT_REASON_COUNT},
};

Test(otlp_json, spans_are_judged_as_in_protobuf)
{
    for (size_t i = 0; i < LEN(judged); i++) {
        struct batch b;
        struct err e = {0};
        char text[2000];
        bool good = judged[i].want == REJECT_REASON_COUNT;
        cr_expect(decode_span(&b, text, judged[i].members, &e) == ST_OK, "row %s: %s",
                  judged[i].name, e.msg);
        cr_expect(b.received == 1 && b.span_count == good, "row %s", judged[i].name);
        cr_expect(good || b.rejected[judged[i].want] == 1, "row %s", judged[i].name);
        arena_deinit(&b.arena);
    }
    EXPECT_NO_LEAK();
}

static const struct {
    const char *name, *members, *says;
} broken[] = {
    {"J3 enum by name", "\"kind\":\"SPAN_KIND_SERVER\"", "an enum that is not a number"},
    {"J3 enum as text", "\"kind\":\"2\"", "an enum that is not a number"},
    {"J3 enum with a fraction", "\"kind\":1.5", "an enum that is not a whole number"},
    {"J3 status by name", "\"status\":{\"code\":\"STATUS_CODE_ERROR\"}", "an enum"},
    {"J2 time with a fraction", "\"endTimeUnixNano\":1.5", "not a whole one"},
    {"J2 negative time", "\"endTimeUnixNano\":-1", "not a whole one"},
    {"J2 time above 64 bits", "\"endTimeUnixNano\":\"18446744073709551616\"", "not a whole one"},
    {"J2 time in words", "\"endTimeUnixNano\":\"noon\"", "not a whole one"},
    {"J2 int above 64 bits",
     "\"attributes\":[{\"key\":\"a\",\"value\":{\"intValue\":\"9223372036854775808\"}}]",
     "intValue"},
    {"J4 double in words", "\"attributes\":[{\"key\":\"a\",\"value\":{\"doubleValue\":\"nan\"}}]",
     "doubleValue"},
    {"J7 no base64", "\"attributes\":[{\"key\":\"a\",\"value\":{\"bytesValue\":\"a b\"}}]",
     "bytesValue"},
    {"J8 id as number", "\"traceId\":1", "not a string"},
    {"J8 name as number", "\"name\":1", "not a string"},
    {"J8 bool as text", "\"attributes\":[{\"key\":\"a\",\"value\":{\"boolValue\":\"true\"}}]",
     "boolValue"},
    {"J8 value as text", "\"attributes\":[{\"key\":\"a\",\"value\":\"x\"}]",
     "a value that is not an object"},
    {"J8 attribute as text", "\"attributes\":[\"a\"]", "not an object"},
    {"J8 attributes as object", "\"attributes\":{}", "not an array"},
    {"J8 not UTF-8", "\"name\":\"\xff\"", "byte"},
    {"J8 cut off", "\"name\":\"x", "byte"},
    {"J8 trailing comma", "\"name\":\"x\",", "byte"},
};

Test(otlp_json, J3_to_J8_wrong_json_fails_the_request)
{
    for (size_t i = 0; i < LEN(broken); i++) {
        struct batch b;
        struct err e = {0};
        char text[2000];
        cr_expect(decode_span(&b, text, broken[i].members, &e) == ST_INVALID, "row %s",
                  broken[i].name);
        cr_expect(strstr(e.msg, broken[i].says), "row %s: %s", broken[i].name, e.msg);
        cr_expect(b.received == 0 && b.span_count == 0, "row %s", broken[i].name);
        arena_deinit(&b.arena);
    }
    EXPECT_NO_LEAK();
}

/* With a span behind every hundred of them, which must find its own. */
Test(otlp_json, empty_owners_take_no_memory)
{
    enum { COUNT = 20000, SPANS = COUNT / 100 };
    struct buf text = {0};
    struct batch b;
    struct err e = {0};
    buf_printf(&text, "{\"resourceSpans\":[");
    for (unsigned i = 0; i < COUNT; i++) {
        buf_printf(&text, "{\"scopeSpans\":[{},{}%s", i % 100 ? "]}," : ",");
        if (i % 100 == 0)
            buf_printf(&text, "{\"scope\":{\"name\":\"s%u\"},\"spans\":[{" IDS "}]},{}]},", i);
    }
    buf_printf(&text, "{}]}");
    cr_assert(decode_json(&b, buf_str(&text), &e) == ST_OK, "%s", e.msg);
    cr_assert(b.span_count == SPANS);
    for (unsigned i = 0; i < SPANS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "s%u", i * 100);
        cr_expect(str_eq(b.spans[i].scope->name, str_from_c(name)), "span %u", i);
        cr_expect(i == 0 || b.spans[i].resource != b.spans[i - 1].resource, "span %u", i);
    }
    cr_expect(b.arena.used_bytes < COUNT * sizeof(struct scope), "%zu", b.arena.used_bytes);
    arena_deinit(&b.arena);
    buf_deinit(&text);
    EXPECT_NO_LEAK();
}

Test(otlp_json, J3_whole_numbers_are_enums)
{
    static const char *const rows[] = {"2", "2.0", "2e0", "20e-1", "0.2e1"};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct batch b;
        struct err e = {0};
        char members[200], text[2000];
        snprintf(members, sizeof(members), IDS ",\"kind\":%s", rows[i]);
        cr_assert(decode_span(&b, text, members, &e) == ST_OK, "row %s: %s", rows[i], e.msg);
        cr_expect(b.span_count == 1 && b.spans[0].kind == SPAN_SERVER, "row %s", rows[i]);
        arena_deinit(&b.arena);
    }
    EXPECT_NO_LEAK();
}

Test(otlp_json, J8_to_J10_wrong_requests_fail)
{
    static const char *const rows[] = {
        "",
        "null",
        "[]",
        "{\"resourceSpans\":{}}",
        "{\"resourceSpans\":[[]]}",
        "{\"resourceSpans\":[null]}",
        "{} {}",
        "{\"resourceSpans\":[{\"resource\":{},\"resource\":{}}]}",
        "{\"resourceSpans\":[{\"scopeSpans\":[],\"scopeSpans\":[]}]}",
    };
    char deep[400];
    int len = snprintf(deep, sizeof(deep), "{\"x\":");
    memset(deep + len, '[', 63);
    deep[len + 63] = '\0';
    for (size_t i = 0; i <= LEN(rows); i++) {
        struct batch b;
        struct err e;
        const char *row = i < LEN(rows) ? rows[i] : deep;
        cr_expect(decode_json(&b, str_from_c(row), &e) == ST_INVALID, "row %s", row);
        arena_deinit(&b.arena);
    }
    EXPECT_NO_LEAK();
}

Test(otlp_json, J11_halves_of_pairs_are_repaired)
{
    struct batch b;
    struct err e = {0};
    char text[2000];
    enum status status = decode_span(&b, text, IDS ",\"name\":\"cut \\ud83d\"", &e);
    cr_assert(status == ST_OK && b.span_count == 1, "%s", e.msg);
    cr_expect(str_eq(b.spans[0].name, STR("cut \xef\xbf\xbd")));
    arena_deinit(&b.arena);
    EXPECT_NO_LEAK();
}

Test(otlp_json, J2_to_J7_values)
{
    struct batch b;
    struct err e = {0};
    char text[2000];
    limits.attributes = 20;
    enum status status = decode_span(
        &b, text,
        IDS ",\"name\":\"\\u00e9\",\"trace_id\":\"snake\",\"kind\":9,\"flags\":\"257\","
            "\"startTimeUnixNano\":1e18,"
            "\"endTimeUnixNano\":\"1795439550137001535\",\"status\":{\"code\":2,\"message\":\"no\","
            "\"extra\":[{}]},"
            "\"events\":[{\"a\":[1]}],\"links\":[],\"unknown\":{\"deep\":[[[{}]]]},\"attributes\":["
            "{\"key\":\"0\",\"value\":{\"intValue\":\"-9223372036854775808\"}},"
            "{\"key\":\"1\",\"value\":{\"intValue\":42}},"
            "{\"key\":\"2\",\"value\":{\"doubleValue\":\"NaN\"}},"
            "{\"key\":\"3\",\"value\":{\"doubleValue\":\"-Infinity\"}},"
            "{\"key\":\"4\",\"value\":{\"doubleValue\":0.5}},"
            "{\"key\":\"5\",\"value\":{\"doubleValue\":null}},"
            "{\"key\":\"6\",\"value\":{\"bytesValue\":\"AP/+\"}},"
            "{\"key\":\"7\",\"value\":{\"bytesValue\":\"AP_-\"}},"
            "{\"key\":\"8\",\"value\":{\"bytesValue\":\"AA==\"}},"
            "{\"key\":\"9\",\"value\":{\"boolValue\":true}},"
            "{\"key\":\"10\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"]\"}]}}},"
            "{\"key\":\"11\",\"value\":{}},"
            "{\"key\":\"12\"},"
            "{\"value\":{\"intValue\":1,\"stringValue\":\"last\"},\"key\":\"13\"}]",
        &e);
    cr_assert(status == ST_OK, "%s", e.msg);
    cr_assert(b.span_count == 1);
    const struct span *s = b.spans;
    cr_expect(str_eq(s->name, STR("\xc3\xa9")) && s->kind == SPAN_UNSPECIFIED && s->flags == 257);
    cr_expect(s->start_ns == 1000000000000000000u && s->end_ns == 1795439550137001535u);
    cr_expect(s->status == SPAN_STATUS_ERROR && str_eq(s->status_message, STR("no")));
    cr_expect(s->trace.lo == 0x08090a0b0c0d0e0fu && s->raw.len == 0);
    cr_assert(s->attr_count == 14);
    const struct attr *a = s->attrs;
    cr_expect(a[0].type == VALUE_INT && a[0].i == INT64_MIN && a[1].i == 42);
    cr_expect(a[2].type == VALUE_DOUBLE && isnan(a[2].d) && isinf(a[3].d) && a[4].d == 0.5);
    cr_expect(a[5].type == VALUE_EMPTY);
    cr_expect(str_eq(a[6].text, STR("\x00\xff\xfe")) && str_eq(a[7].text, STR("\x00\xff\xfe")));
    cr_expect(a[8].type == VALUE_BYTES && str_eq(a[8].text, STR("\x00")));
    cr_expect(a[9].type == VALUE_BOOL && a[9].b);
    cr_expect(a[10].type == VALUE_NESTED &&
              str_eq(a[10].text, STR("{\"arrayValue\":{\"values\":[{\"stringValue\":\"]\"}]}}")));
    cr_expect(a[11].type == VALUE_EMPTY && a[12].type == VALUE_EMPTY);
    cr_expect(a[13].type == VALUE_STRING && str_eq(a[13].text, STR("last")));
    arena_deinit(&b.arena);
    EXPECT_NO_LEAK();
}

Test(otlp_json, W7_owners_may_come_behind_their_spans)
{
    struct batch b;
    struct err e = {0};
    struct str json = STR(
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" IDS "}],\"scope\":{\"name\":\"s\"}},"
        "{\"spans\":[{" IDS "}]}],\"resource\":{\"attributes\":[{\"key\":\"k\"}]}}]}");
    cr_assert(decode_json(&b, json, &e) == ST_OK, "%s", e.msg);
    cr_assert(b.span_count == 2 && b.received == 2);
    cr_expect(str_eq(b.spans[0].scope->name, STR("s")) && b.spans[1].scope->name.len == 0);
    cr_expect(b.spans[0].resource->attr_count == 1 && b.spans[1].resource == b.spans[0].resource);
    arena_deinit(&b.arena);
    struct str many =
        STR("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" IDS
            "}]}],\"resource\":{\"attributes\":["
            "{\"key\":\"1\"},{\"key\":\"2\"},{\"key\":\"3\"},{\"key\":\"4\"},{\"key\":\"5\"}]}}]}");
    cr_assert(decode_json(&b, many, &e) == ST_OK, "%s", e.msg);
    cr_expect(b.rejected[REJECT_TOO_MANY_ATTRIBUTES] == 1,
              "a wrong resource is against spans before it");
    arena_deinit(&b.arena);
    EXPECT_NO_LEAK();
}

Test(otlp_json, W10_too_many_spans_are_too_big)
{
    struct buf json = {0};
    struct batch b;
    struct err e;
    buf_append_str(
        &json, STR("{\"resourceSpans\":[{\"resource\":{},\"scopeSpans\":[{\"spans\":[{" IDS "}"));
    for (unsigned i = 0; i < limits.spans; i++)
        buf_append_str(&json, STR(",{" IDS "}"));
    buf_append_str(&json, STR("]}]}]}"));
    cr_expect(decode_json(&b, buf_str(&json), &e) == ST_TOO_BIG);
    arena_deinit(&b.arena);
    buf_deinit(&json);
    EXPECT_NO_LEAK();
}

/* ---- the same spans in both encodings ---- */

static void write_hex(struct json_writer *w, const char *key, const char *hex)
{
    JSON_STR(w, key, str_from_c(hex));
}

static void write_time(struct json_writer *w, const char *key, uint64_t ns)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%llu", (unsigned long long)ns);
    JSON_STR(w, key, str_from_c(digits));
}

static void write_value(struct json_writer *w, const struct attr *a)
{
    char digits[24];
    json_object_begin(w);
    switch (a->type) {
    case VALUE_STRING:
        JSON_STR(w, "stringValue", a->text);
        break;
    case VALUE_BOOL:
        JSON_BOOL(w, "boolValue", a->b);
        break;
    case VALUE_INT:
        snprintf(digits, sizeof(digits), "%lld", (long long)a->i);
        JSON_STR(w, "intValue", str_from_c(digits));
        break;
    case VALUE_DOUBLE:
        json_key(w, "doubleValue");
        if (isfinite(a->d))
            json_double(w, a->d);
        else
            json_str(w, isnan(a->d) ? STR("NaN") : a->d > 0 ? STR("Infinity") : STR("-Infinity"));
        break;
    default:
        break;
    }
    json_object_end(w);
}

static void write_attrs(struct json_writer *w, const struct attr *attrs, uint32_t count)
{
    json_key(w, "attributes");
    json_array_begin(w);
    for (uint32_t i = 0; i < count; i++) {
        json_object_begin(w);
        JSON_STR(w, "key", attrs[i].key);
        json_key(w, "value");
        write_value(w, &attrs[i]);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_span(struct json_writer *w, const struct span *s)
{
    char hex[33];
    json_object_begin(w);
    write_hex(w, "traceId", trace_id_to_hex(s->trace, hex));
    write_hex(w, "spanId", span_id_to_hex(s->id, hex));
    write_hex(w, "parentSpanId", span_id_to_hex(s->parent, hex));
    JSON_STR(w, "traceState", s->trace_state);
    JSON_STR(w, "name", s->name);
    JSON_U64(w, "kind", s->kind);
    write_time(w, "startTimeUnixNano", s->start_ns);
    write_time(w, "endTimeUnixNano", s->end_ns);
    JSON_U64(w, "flags", s->flags);
    json_key(w, "status");
    json_object_begin(w);
    JSON_U64(w, "code", s->status);
    JSON_STR(w, "message", s->status_message);
    json_object_end(w);
    write_attrs(w, s->attrs, s->attr_count);
    json_object_end(w);
}

/* Each span under an owner of its own, the resource in front of it and behind it in turn. */
static void write_request(struct buf *out, const struct batch *b)
{
    struct json_writer w = json_writer_of(out);
    json_object_begin(&w);
    json_key(&w, "resourceSpans");
    json_array_begin(&w);
    for (uint32_t i = 0; i < b->span_count; i++) {
        const struct span *s = &b->spans[i];
        json_object_begin(&w);
        for (unsigned part = 0; part < 2; part++) {
            bool spans = part != i % 2;
            json_key(&w, spans ? "scopeSpans" : "resource");
            if (spans) {
                json_array_begin(&w);
                json_object_begin(&w);
                json_key(&w, "scope");
                json_object_begin(&w);
                JSON_STR(&w, "name", s->scope->name);
                JSON_STR(&w, "version", s->scope->version);
                json_object_end(&w);
                json_key(&w, "spans");
                json_array_begin(&w);
                write_span(&w, s);
                json_array_end(&w);
                json_object_end(&w);
                json_array_end(&w);
            } else {
                json_object_begin(&w);
                write_attrs(&w, s->resource->attrs, s->resource->attr_count);
                json_object_end(&w);
            }
        }
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
}

static bool same_attrs(const struct attr *a, uint32_t a_count, const struct attr *b,
                       uint32_t b_count)
{
    if (a_count != b_count)
        return false;
    for (uint32_t i = 0; i < a_count; i++) {
        bool plain = a[i].type != VALUE_NESTED && a[i].type != VALUE_BYTES; /* not written above */
        bool number = a[i].type == VALUE_INT || a[i].type == VALUE_DOUBLE;
        if (!str_eq(a[i].key, b[i].key) || (plain && a[i].type != b[i].type) ||
            (plain && !str_eq(a[i].text, b[i].text)) ||
            (number && memcmp(&a[i].i, &b[i].i, 8) != 0 && !isnan(a[i].d)))
            return false;
    }
    return true;
}

static bool same_span(const struct span *a, const struct span *b)
{
    return trace_id_eq(a->trace, b->trace) && a->id == b->id && a->parent == b->parent &&
           a->start_ns == b->start_ns && a->end_ns == b->end_ns && str_eq(a->name, b->name) &&
           str_eq(a->trace_state, b->trace_state) && str_eq(a->status_message, b->status_message) &&
           a->flags == b->flags && a->kind == b->kind && a->status == b->status &&
           str_eq(a->scope->name, b->scope->name) && str_eq(a->scope->version, b->scope->version) &&
           same_attrs(a->attrs, a->attr_count, b->attrs, b->attr_count) &&
           same_attrs(a->resource->attrs, a->resource->attr_count, b->resource->attrs,
                      b->resource->attr_count);
}

static void expect_same_in_json(const struct batch *b, const char *name)
{
    struct buf json = {0};
    struct batch again;
    struct err e = {0};
    write_request(&json, b);
    cr_assert(decode_json(&again, buf_str(&json), &e) == ST_OK, "%s: %s", name, e.msg);
    cr_assert(again.span_count == b->span_count, "%s", name);
    for (uint32_t i = 0; i < b->span_count; i++)
        cr_expect(same_span(&b->spans[i], &again.spans[i]), "%s: span %u", name, i);
    arena_deinit(&again.arena);
    buf_deinit(&json);
}

static void check_scenario(const char *root, const char *name, void *user)
{
    struct otlp_trace_rules rules = {.limits = &limits};
    struct corpus c;
    struct corpus_request request;
    cr_assert(corpus_open(root, name, &c));
    for (int taken = 0; taken < 20 && corpus_next_spans(&c, &request); taken++) {
        struct err e;
        struct batch *b = corpus_batch(&request);
        cr_assert(b && otlp_trace_decode(b, &rules, &e) == ST_OK);
        expect_same_in_json(b, name);
        *(unsigned *)user += b->span_count;
        batch_free(b);
    }
    corpus_close(&c);
}

Test(otlp_json, gives_the_same_spans_as_protobuf)
{
    struct otlp_trace_rules rules = {.limits = &limits};
    struct buf body = {0};
    struct err e;
    limits = (struct limits){.spans = 100000, .attributes = 256, .depth = 32};
    otlp_build_envoy(&body, 50, 9);
    struct batch b = {.plain = buf_str(&body), .encoding = ENCODING_PROTOBUF};
    cr_assert(otlp_trace_decode(&b, &rules, &e) == ST_OK);
    expect_same_in_json(&b, "own spans");
    arena_deinit(&b.arena);
    buf_deinit(&body);
    if (corpus_root()) {
        unsigned spans = 0;
        corpus_each_scenario(corpus_root(), check_scenario, &spans);
        cr_expect(spans > 0);
    }
    EXPECT_NO_LEAK();
}

Test(otlp_json, survives_every_failed_allocation)
{
    struct otlp_trace_rules rules = {.limits = &limits};
    struct buf body = {0}, json = {0};
    struct err e;
    limits = (struct limits){.spans = 100000, .attributes = 256, .depth = 32};
    otlp_build_envoy(&body, 100, 9);
    struct batch b = {.plain = buf_str(&body), .encoding = ENCODING_PROTOBUF};
    cr_assert(otlp_trace_decode(&b, &rules, &e) == ST_OK);
    write_request(&json, &b);
    arena_deinit(&b.arena);
    long n = 0;
    for (bool failed = true; failed; n++) {
        mem_fail_after(n);
        enum status status = decode_json(&b, buf_str(&json), &e);
        failed = mem_did_fail();
        mem_fail_after(-1);
        cr_expect(status == (failed ? ST_NO_MEMORY : ST_OK), "allocation %ld: %s", n,
                  status_name(status));
        arena_deinit(&b.arena);
    }
    cr_expect(n > 3);
    buf_deinit(&json);
    buf_deinit(&body);
    EXPECT_NO_LEAK();
}
