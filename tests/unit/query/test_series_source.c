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
    struct series_data a = {{&name_a, 1}, 3, early, one, NULL, NULL, NULL};
    struct series_data b = {{&name_a, 1}, 2, late, two, NULL, starts, NULL};
    struct series_data other = {{&name_b, 1}, 1, early, one, NULL, NULL, NULL};
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

/* Gives every second sample where the ends of windows are enough, as the series made of edges do.
 */
static enum status give_ends(void *self, const struct series_request *request,
                             struct series_list *out, struct query_budget *budget,
                             struct annotations *notes, struct err *e)
{
    static const int64_t times[] = {1, 5};
    static const double values[] = {10, 50};
    static const uint32_t ordinals[] = {0, 4};
    static const struct series_data ends = {{&name_a, 1}, 2, times, values, NULL, NULL, ordinals};
    const struct series_data *all = self;
    bool leaves_out = request->windows.need == NEED_ENDS;
    return give((void *)(uintptr_t)(leaves_out ? &ends : all), request, out, budget, notes, e);
}

Test(series_source, joins_whole_series_only)
{
    static const int64_t times[] = {1, 2, 3, 4, 5}, other_times[] = {7};
    static const double values[] = {10, 20, 30, 40, 50}, other_values[] = {70};
    struct series_data whole = {{&name_a, 1}, 5, times, values, NULL, NULL, NULL};
    struct series_data same = {{&name_a, 1}, 1, other_times, other_values, NULL, NULL, NULL};
    struct series_data other = {{&name_b, 1}, 1, other_times, other_values, NULL, NULL, NULL};
    for (int is_same = 0; is_same < 2; is_same++) {
        struct series_source items[] = {{give_ends, &whole}, {give, is_same ? &same : &other}};
        struct series_sources sources = {items, LEN(items)};
        struct arena arena = {0};
        struct series_request request = {.arena = &arena,
                                         .windows = {.need = NEED_ENDS, .count = 1}};
        struct series_list list = {0};
        struct query_budget budget = {0};
        cr_assert(
            eq(int, series_sources_select(&sources, &request, &list, &budget, NULL, NULL), ST_OK));
        cr_expect(eq(u32, list.count, is_same ? 1 : 2));
        cr_expect(eq(u32, list.items[0].sample_count, is_same ? 6 : 2));
        cr_expect(eq(int, list.items[0].ordinals != NULL, !is_same));
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}
