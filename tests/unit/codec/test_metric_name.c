/* test_metric_name.c - section "Names" of docs/metrics-input.md. */
#include "codec/metric_name.h"
#include "tests/support/leak.h"

static const struct {
    const char *name, *unit;
    enum metric_name_kind kind;
    const char *want;
} metric_rows[] = {
    {"http.server.request.duration", "s", NAME_PLAIN, "http_server_request_duration_seconds"},
    {"cluster.upstream_rq_total", "", NAME_COUNTER, "cluster_upstream_rq_total"},
    {"cluster.upstream_rq", "", NAME_COUNTER, "cluster_upstream_rq_total"},
    {"total.things.seen", "", NAME_COUNTER, "things_seen_total"},
    {"system.memory.usage", "By", NAME_GAUGE, "system_memory_usage_bytes"},
    {"system.network.io", "By", NAME_COUNTER, "system_network_io_bytes_total"},
    {"request_duration_seconds", "s", NAME_PLAIN, "request_duration_seconds"},
    {"seconds_busy", "s", NAME_PLAIN, "seconds_busy"}, /* anywhere in the name */
    {"disk.rate", "By/s", NAME_GAUGE, "disk_rate_bytes_per_second"},
    {"disk.per_second", "By/s", NAME_GAUGE, "disk_per_second_bytes_per_second"},
    {"disk", "s}", NAME_GAUGE, "disk"},
    {"disk", "By/-", NAME_GAUGE, "disk_bytes"},
    {"speed", "m/s", NAME_GAUGE, "speed_meters_per_second"},
    {"requests", "{requests}", NAME_COUNTER, "requests_total"},
    {"requests", "{requests}/s", NAME_GAUGE, "requests_per_second"},
    {"queue.wait", "ms/{item}", NAME_GAUGE, "queue_wait_milliseconds"},
    {"cpu.use", "1", NAME_GAUGE, "cpu_use_ratio"},
    {"cpu.use.ratio", "1", NAME_GAUGE, "cpu_use_ratio"},
    {"cpu.use", "1", NAME_PLAIN, "cpu_use"},
    {"cpu.use", "%", NAME_GAUGE, "cpu_use_percent"},
    {"fuel", "gal_us", NAME_GAUGE, "fuel_gal_us"}, /* an unknown unit, as it is */
    {"a..b--c__d", "", NAME_PLAIN, "a_b_c_d"},     /* runs collapse */
    {".edge.", "", NAME_PLAIN, "edge"},
    {"namespace:rule", "", NAME_PLAIN, "namespace:rule"},
    {"5xx.count", "", NAME_PLAIN, "_5xx_count"},
    {"istio_requests_total", "", NAME_COUNTER, "istio_requests_total"},
    {"h\xc3\xb6he", "m", NAME_GAUGE, "h_he_meters"},
    {"...", "s", NAME_PLAIN, ""},
    {"___", "", NAME_PLAIN, ""},
    {"", "s", NAME_PLAIN, ""},
};

Test(metric_name, metrics)
{
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(metric_rows); i++) {
        struct str got =
            metric_name_translate(&arena, TRANSLATE_UNDERSCORES, str_from_c(metric_rows[i].name),
                                  str_from_c(metric_rows[i].unit), metric_rows[i].kind);
        cr_expect(str_eq(got, str_from_c(metric_rows[i].want)), "%s %s: %.*s", metric_rows[i].name,
                  metric_rows[i].unit, STR_ARG(got));
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

static const struct {
    const char *key, *want;
} label_rows[] = {
    {"method", "method"},
    {"http.method", "http_method"},
    {"http..method", "http__method"}, /* runs stay */
    {"5xx", "key_5xx"},
    {"_hidden", "key_hidden"},
    {".hidden", "key_hidden"},
    {"_", "key_"},
    {"größe", "gr__e"},
    {"é", "key_"},
    {"éa", "key_a"},
    {"日本", "__"},
    {"__meta__", "__meta__"},
    {"__x", "__x"},
    {"h\xc3\xb6he", "h_he"}, /* a character is one */
    {"", ""},
};

Test(metric_name, labels)
{
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(label_rows); i++) {
        struct str got =
            label_name_translate(&arena, TRANSLATE_UNDERSCORES, str_from_c(label_rows[i].key));
        cr_expect(str_eq(got, str_from_c(label_rows[i].want)), "%s: %.*s", label_rows[i].key,
                  STR_ARG(got));
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(metric_name, units)
{
    static const struct {
        const char *unit, *want;
    } rows[] = {{"s", "seconds"},
                {"By/s", "bytes_per_second"},
                {"1", ""},
                {"", ""},
                {"{requests}", ""},
                {"KiBy", "kibibytes"},
                {"furlong", "furlong"}};
    struct arena arena = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct str got =
            metric_unit_translate(&arena, TRANSLATE_UNDERSCORES, str_from_c(rows[i].unit));
        cr_expect(str_eq(got, str_from_c(rows[i].want)), "%s: %.*s", rows[i].unit, STR_ARG(got));
    }
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(metric_name, without_translation_all_stays)
{
    struct arena arena = {0};
    struct str got =
        metric_name_translate(&arena, TRANSLATE_NOTHING, STR("a.b"), STR("s"), NAME_COUNTER);
    cr_expect(str_eq(got, STR("a.b")));
    cr_expect(str_eq(label_name_translate(&arena, TRANSLATE_NOTHING, STR("5.x")), STR("5.x")));
    cr_expect(str_eq(metric_unit_translate(&arena, TRANSLATE_NOTHING, STR("s")), STR("s")));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(metric_name, a_name_of_any_length_is_bounded)
{
    static char name[5000];
    struct arena arena = {0};
    memset(name, 'x', sizeof(name));
    struct str long_name = {name, sizeof(name)};
    struct str got =
        metric_name_translate(&arena, TRANSLATE_UNDERSCORES, long_name, long_name, NAME_COUNTER);
    cr_expect(got.len > 500 && got.len <= 1024 && str_ends_with(got, STR("_total")));
    got = label_name_translate(&arena, TRANSLATE_UNDERSCORES, long_name);
    cr_expect(got.len == 1024);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}
