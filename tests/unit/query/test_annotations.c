/* test_annotations.c - notes: once each, with their place, a few of many in the answer. */
#include "query/annotations.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static bool writes(const struct annotations *a, const char *want)
{
    struct buf out = {0};
    struct json_writer w = json_writer_of(&out);
    json_object_begin(&w);
    annotations_write(a, &w);
    json_object_end(&w);
    bool ok = str_eq(buf_str(&out), str_from_c(want));
    if (!ok)
        cr_log_error("wrote %.*s", (int)out.len, out.ptr);
    buf_deinit(&out);
    return ok;
}

Test(annotations, tells_line_and_column_once)
{
    struct arena arena = {0};
    struct annotations a;
    annotations_init(&a, &arena, STR("sum(\n  foo)"));
    annotations_add(&a, ANNOTATION_WARNING, &(struct promql_span){0, 3}, "one %d", 1);
    annotations_add(&a, ANNOTATION_INFO, &(struct promql_span){7, 10}, "two");
    annotations_add(&a, ANNOTATION_INFO, &(struct promql_span){7, 10}, "two");
    annotations_add(&a, ANNOTATION_WARNING, NULL, "three");
    cr_expect(eq(sz, a.count, 3));
    cr_expect(writes(&a,
                     "{\"warnings\":[\"PromQL warning: one 1 (1:1)\",\"PromQL warning: three\"],"
                     "\"infos\":[\"PromQL info: two (2:3)\"]}"));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(annotations, of_two_places_the_later_is_told)
{
    struct arena arena = {0};
    struct annotations a;
    annotations_init(&a, &arena, STR("rate(foo[1m]) + rate(foo[1m])"));
    annotations_add(&a, ANNOTATION_INFO, &(struct promql_span){21, 28}, "no counter");
    annotations_add(&a, ANNOTATION_INFO, &(struct promql_span){5, 12}, "no counter");
    cr_expect(writes(&a, "{\"infos\":[\"PromQL info: no counter (1:22)\"]}"));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(annotations, keeps_as_many_as_fit)
{
    struct arena arena = {0};
    struct annotations a;
    annotations_init(&a, &arena, STR("x"));
    for (int i = 0; i <= ANNOTATIONS_MAX; i++)
        annotations_add(&a, ANNOTATION_INFO, NULL, "note %d", i);
    cr_expect(eq(sz, a.count, ANNOTATIONS_MAX));
    cr_expect(a.overflowed);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

Test(annotations, writes_ten_of_a_kind)
{
    struct arena arena = {0};
    struct annotations a;
    annotations_init(&a, &arena, STR("x"));
    cr_expect(writes(&a, "{}"));
    annotations_add(&a, ANNOTATION_WARNING, NULL, "w");
    cr_expect(writes(&a, "{\"warnings\":[\"PromQL warning: w\"]}"));
    annotations_init(&a, &arena, STR("x"));
    for (int i = 0; i < 12; i++)
        annotations_add(&a, ANNOTATION_INFO, NULL, "%x", (unsigned)i);
    cr_expect(writes(&a, "{\"infos\":[\"PromQL info: 0\",\"PromQL info: 1\",\"PromQL info: 2\","
                         "\"PromQL info: 3\",\"PromQL info: 4\",\"PromQL info: 5\","
                         "\"PromQL info: 6\",\"PromQL info: 7\",\"PromQL info: 8\","
                         "\"PromQL info: 9\",\"2 more info annotations omitted\"]}"));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}
