/* test_derived_exemplars.c - exemplars of edges have the limits of their question: its deadline,
 * its memory and the budget of all. */
#include "query/derived_exemplars.h"
#include "storage/edge_store.h"
#include "support/leak.h"
#include "support/temp_dir.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

enum { EDGES = 500, TILES = 20, START_S = 1700000400 };

/* Each edge has one request in each of TILES hours. */
static struct edge_part *make_part(void)
{
    struct cell_set *cells = cell_set_new(0);
    struct edge_part *part;
    struct buf bytes = {0};
    for (unsigned i = 0; i < EDGES * TILES; i++) {
        char name[16];
        snprintf(name, sizeof(name), "s%u", i % EDGES);
        struct cell_row row = {.client = {.name = STR("web")},
                               .server = {.name = str_from_c(name)},
                               .views = VIEW_BOTH,
                               .is_total = true};
        uint64_t time_s = START_S + UINT64_C(3600) * (i / EDGES);
        struct exemplar x = {{1, i}, time_s * NS_PER_S, 1000, false};
        struct cell *cell = cell_set_cell(cells, cell_set_row(cells, &row), time_s);
        cell->observed = 1;
        cell->weight = WEIGHT_ONE;
        cell_offer_exemplar(cell, &x);
    }
    cr_assert(eq(int, edge_part_encode(cells, false, &bytes, NULL), ST_OK));
    cr_assert(eq(int, edge_part_open_memory(&bytes, &part, NULL), ST_OK));
    cell_set_free(cells);
    return part;
}

static enum status ask(struct store *store, struct query_budget *budget, struct arena *arena,
                       uint32_t *count, struct err *e)
{
    struct live_view live = {.store = store};
    struct derived_series derived = {.live = &live};
    struct label_matcher name = {
        .name = LABEL_METRIC_NAME, .value = STR("weft_request_duration_seconds"), .op = MATCH_EQ};
    struct series_request r = {.matchers = &name,
                               .matcher_count = 1,
                               .start_ms = START_S * INT64_C(1000),
                               .end_ms = (START_S + TILES * 3600) * INT64_C(1000),
                               .arena = arena};
    struct series_exemplars *found;
    budget->payer = arena;
    return derived_exemplars(&derived, &r, budget, &found, count, e);
}

Test(derived_exemplars, they_have_the_limits_of_their_question)
{
    static const struct {
        const char *name;
        uint64_t deadline_mono_ns;
        size_t arena_bytes, all_bytes;
        enum status want;
    } rows[] = {{"none", 0, 0, 0, ST_OK},
                {"the deadline", 1, 0, 0, ST_TIMEOUT},
                {"its memory", 0, 2 * MIB, 0, ST_QUERY},
                {"the memory of all", 0, 0, 5 * MIB, ST_NO_MEMORY}};
    struct temp_dir dir = temp_dir_make();
    struct store_config config = {.directory = str_from_c(dir.path)};
    struct edge_head head = {.head = make_part(), .registry = registry_new(0, 10)};
    struct store *store;
    cr_assert(eq(int, store_open(&config, &store, NULL), ST_OK));
    edge_store_publish(store, &head);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct budget all = {.limit = rows[i].all_bytes ? rows[i].all_bytes : GIB};
        struct arena arena = {
            .limit_bytes = rows[i].arena_bytes, .budget = &all, .budget_percent = 100};
        struct query_budget budget = {.deadline_mono_ns = rows[i].deadline_mono_ns};
        struct err e = {0};
        uint32_t count = 0;
        cr_expect(eq(int, ask(store, &budget, &arena, &count, &e), rows[i].want), "%s: %s",
                  rows[i].name, e.msg);
        cr_expect(rows[i].want != ST_OK || count == EDGES, "%s", rows[i].name);
        cr_expect(eq(sz, budget.held_bytes, 0), "%s", rows[i].name);
        arena_deinit(&arena);
        cr_expect(eq(u64, budget_used(&all), 0), "%s", rows[i].name);
    }
    store_close(store);
    temp_dir_remove(&dir);
    EXPECT_NO_LEAK();
}
