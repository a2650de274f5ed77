/* test_series_source.c - what two sources know of one series is one series. */
#include "query/series_source.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static const struct label name_a = {{"__name__", 8}, {"a", 1}},
                          name_b = {{"__name__", 8}, {"b", 1}};

static enum status give(void *self, const struct series_request *request, struct series_list *out,
                        struct query_budget *budget, struct annotations *notes, struct err *e)
{
    (void)budget;
    (void)notes;
    struct series_data *items =
        arena_calloc(request->arena, (size_t)out->count + 1, sizeof(*items));
    if (!items)
        return err_set(e, ST_NO_MEMORY, "no memory");
    if (out->count)
        memcpy(items, out->items, out->count * sizeof(*items));
    items[out->count++] = *(const struct series_data *)self;
    out->items = items;
    return ST_OK;
}

Test(series_source, joins_by_time)
{
    static const int64_t early[] = {1, 2, 3}, late[] = {3, 4};
    static const double one[] = {10, 20, 30}, two[] = {99, 40};
    static const int64_t starts[] = {7, 8};
    struct series_data a = {{&name_a, 1}, 3, early, one, NULL, NULL};
    struct series_data b = {{&name_a, 1}, 2, late, two, NULL, starts};
    struct series_data other = {{&name_b, 1}, 1, early, one, NULL, NULL};
    struct series_source items[] = {{give, &a}, {give, &b}, {give, &other}};
    struct series_sources sources = {items, LEN(items)};
    struct arena arena = {0};
    struct series_request request = {.arena = &arena};
    struct series_list list = {0};
    struct query_budget budget = {0};
    cr_assert(
        eq(int, series_sources_select(&sources, &request, &list, &budget, NULL, NULL), ST_OK));
    cr_assert(eq(u32, list.count, 2));
    cr_assert(eq(u32, list.items[0].sample_count, 4));
    static const int64_t times[] = {1, 2, 3, 4}, told[] = {0, 0, 0, 8};
    static const double values[] = {10, 20, 30, 40};
    cr_expect(memcmp(list.items[0].times_ms, times, sizeof(times)) == 0);
    cr_expect(memcmp(list.items[0].values, values, sizeof(values)) == 0);
    cr_expect(memcmp(list.items[0].starts_ms, told, sizeof(told)) == 0);
    cr_expect(label_set_eq(list.items[1].labels, other.labels));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}
