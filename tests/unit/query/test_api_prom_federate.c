/* test_api_prom_federate.c - the text exposition of the newest samples. */
#include "query/api_prom_federate.c"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define L(n, v)                                                                                    \
    {                                                                                              \
        STR(n), STR(v)                                                                             \
    }

static const struct label up_b[] = {L("__name__", "up"), L("instance", "b")};
static const struct label up_a[] = {L("__name__", "up"), L("job", "q\"\\\n")};
static const struct label utf8[] = {L("__name__", "http.up"), L("a.b", "c")};
static const struct label nameless[] = {L("job", "x")};
static const struct label gone[] = {L("__name__", "gone")};
static const struct label native[] = {L("__name__", "native")};
static const int64_t times[] = {1000, 2500};
static const struct native_histogram histogram = {.count = 1};
static const struct native_histogram *const histograms[] = {NULL, &histogram};

Test(api_prom_federate, writes_the_newest_of_each)
{
    double values[] = {1, 0.25}, stale[] = {1, value_stale()};
    struct series_data items[] = {
        {.labels = {up_b, 2}, .sample_count = 1, .times_ms = times, .values = values},
        {.labels = {native, 1},
         .sample_count = 2,
         .times_ms = times,
         .values = values,
         .histograms = histograms},
        {.labels = {up_a, 2}, .sample_count = 2, .times_ms = times, .values = values},
        {.labels = {up_a, 2}, .sample_count = 2, .times_ms = times, .values = values},
        {.labels = {nameless, 1}, .sample_count = 2, .times_ms = times, .values = values},
        {.labels = {gone, 1}, .sample_count = 2, .times_ms = times, .values = stale},
        {.labels = {utf8, 2}, .sample_count = 2, .times_ms = times, .values = values},
    };
    struct series_list list = {.items = items, .count = LEN(items)};
    struct http_response out = {0};
    write_exposition(&out, &list, names_of(STR("text/plain;version=1.0.0;escaping=allow-utf-8")));
    cr_expect(str_eq(buf_str(&out.body), STR("# TYPE \"http.up\" untyped\n"
                                             "{\"http.up\",\"a.b\"=\"c\",instance=\"\"} 0.25 2500\n"
                                             "# TYPE up untyped\n"
                                             "up{instance=\"b\"} 1 1000\n"
                                             "up{job=\"q\\\"\\\\\\n\",instance=\"\"} 0.25 2500\n")),
              "%.*s", STR_ARG(buf_str(&out.body)));
    buf_deinit(&out.body);
    EXPECT_NO_LEAK();
}

/* A reader that does not ask for UTF-8 would fail on a quoted name, and so on everything. */
Test(api_prom_federate, names_are_escaped_unless_utf8_is_asked_for)
{
    static const struct label odd[] = {L("1é.a:b", "1"), L("__name__", "9.é:x9")};
    static const struct label plain[] = {L("__name__", "plain")};
    double values[] = {-0.0};
    struct series_data items[] = {
        {.labels = {odd, 2}, .sample_count = 1, .times_ms = times, .values = values},
        {.labels = {plain, 1}, .sample_count = 1, .times_ms = times, .values = values},
    };
    struct series_list list = {.items = items, .count = LEN(items)};
    struct http_response out = {0};
    write_exposition(&out, &list, names_of(STR("text/plain;version=0.0.4")));
    cr_expect(str_eq(buf_str(&out.body), STR("# TYPE ___:x9 untyped\n"
                                             "___:x9{___a:b=\"1\",instance=\"\"} 0 1000\n"
                                             "# TYPE plain untyped\n"
                                             "plain{instance=\"\"} 0 1000\n")),
              "%.*s", STR_ARG(buf_str(&out.body)));
    buf_deinit(&out.body);
    EXPECT_NO_LEAK();
}
