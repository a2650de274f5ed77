/* test_attr_text.c - what the text of an attribute may cost; its form is in test_otlp_labels.c. */
#include "codec/attr_text.h"

#include "base/budget.h"
#include "tests/support/leak.h"
#include "tests/support/otlp_build.h"

#include <criterion/criterion.h>

/* AnyValue{array_value{values: AnyValue{string_value}}} of `bytes` control characters, each six
 * bytes in JSON. */
static void put_controls(struct buf *out, size_t bytes)
{
    struct buf text = {0}, value = {0}, array = {0};
    for (size_t i = 0; i < bytes; i++)
        buf_append_u8(&text, 1);
    pb_put_message(&value, 1, &text);
    pb_put_message(&array, 1, &value);
    pb_put_message(out, 5, &array);
    buf_deinit(&text);
    buf_deinit(&value);
    buf_deinit(&array);
}

/* AnyValue{kvlist_value} of pairs without key and value: two bytes each, eight in JSON, and a place
 * in the list that is sorted. */
static void put_pairs(struct buf *out, unsigned pairs)
{
    struct buf list = {0};
    for (unsigned i = 0; i < pairs; i++)
        pb_put_bytes(&list, 1, STR(""));
    pb_put_message(out, 6, &list);
    buf_deinit(&list);
}

Test(attr_text, what_it_takes_is_the_arena_s)
{
    enum { CONTROLS = 20000, PAIRS = 10000 };
    struct budget budget = {.limit = MIB};
    struct arena arena = {.budget = &budget, .budget_percent = 100, .limit_bytes = 256 * KIB};
    struct attr a = {.type = VALUE_NESTED};
    struct buf value = {0};
    struct str text;
    put_controls(&value, CONTROLS);
    a.text = buf_str(&value);
    cr_expect(attr_to_text(&arena, &a, ENCODING_PROTOBUF, &text));
    cr_expect_eq(text.len, (size_t)CONTROLS * 6 + 4);
    cr_expect_geq(budget_used(&budget), 2 * text.len);
    arena_reset(&arena);
    buf_reset(&value);
    put_controls(&value, 3 * CONTROLS);
    a.text = buf_str(&value);
    cr_expect_not(attr_to_text(&arena, &a, ENCODING_PROTOBUF, &text));
    arena_reset(&arena);
    buf_reset(&value);
    put_pairs(&value, PAIRS);
    a.text = buf_str(&value);
    cr_expect_not(attr_to_text(&arena, &a, ENCODING_PROTOBUF, &text));
    arena_deinit(&arena);
    cr_expect_eq(budget_used(&budget), 0u);
    buf_deinit(&value);
    EXPECT_NO_LEAK();
}
