/* test_derived_series.c - all selections of one question see the edges of one moment. */
#include "query/prom_sources.h"
#include "storage/edge_store.h"
#include "support/leak.h"
#include "support/temp_dir.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { TILE_S = 1700000400 };

/* Of one edge, `requests` in one tile. */
static struct edge_part *make_part(uint64_t requests)
{
    struct cell_set *cells = cell_set_new(0);
    struct edge_part *part;
    struct buf bytes = {0};
    struct cell_row row = {.client = {.name = STR("web")},
                           .server = {.name = STR("cart")},
                           .views = VIEW_BOTH,
                           .is_total = true};
    struct cell *cell = cell_set_cell(cells, cell_set_row(cells, &row), TILE_S);
    cell->observed = requests;
    cell->weight = requests * WEIGHT_ONE;
    cr_assert(eq(int, edge_part_encode(cells, false, &bytes, NULL), ST_OK));
    cr_assert(eq(int, edge_part_open_memory(&bytes, &part, NULL), ST_OK));
    cell_set_free(cells);
    return part;
}

static void publish(struct store *s, uint64_t requests)
{
    struct edge_head head = {.head = make_part(requests),
                             .closed = {make_part(requests)},
                             .has_closed = true,
                             .registry = registry_new(0, 10)};
    edge_store_publish(s, &head);
}

static double select_total(const struct prom_sources *s)
{
    struct series_sources sources = prom_sources_list(s);
    struct arena arena = {0};
    struct query_budget budget = {0};
    struct annotations notes;
    struct series_list list = {0};
    struct err e = {0};
    struct label_matcher name = {.name = LABEL_METRIC_NAME,
                                 .value = STR("traces_service_graph_request_total"),
                                 .op = MATCH_EQ};
    struct series_request r = {.matchers = &name,
                               .matcher_count = 1,
                               .start_ms = TILE_S * INT64_C(1000),
                               .end_ms = (TILE_S + 60) * INT64_C(1000),
                               .arena = &arena};
    annotations_init(&notes, &arena, (struct str){0});
    cr_assert(eq(int, series_sources_select(&sources, &r, &list, &budget, &notes, &e), ST_OK), "%s",
              e.msg);
    cr_assert(eq(u32, list.count, 1));
    double total = list.items[0].values[list.items[0].sample_count - 1];
    arena_deinit(&arena);
    return total;
}

Test(derived_series, a_question_sees_one_moment)
{
    struct temp_dir dir = temp_dir_make();
    struct store_config store = {.directory = str_from_c(dir.path)};
    struct query_config config = {0};
    struct live_view live = {0};
    struct prom_sources sources;
    cr_assert(eq(int, store_open(&store, &live.store, NULL), ST_OK));
    publish(live.store, 3);
    cr_assert(eq(int, prom_sources_open(&config, &live, &sources, NULL), ST_OK));
    cr_expect(eq(dbl, select_total(&sources), 3));
    publish(live.store, 5);
    cr_expect(eq(dbl, select_total(&sources), 3));
    prom_sources_close(&sources);
    cr_assert(eq(int, prom_sources_open(&config, &live, &sources, NULL), ST_OK));
    cr_expect(eq(dbl, select_total(&sources), 5));
    prom_sources_close(&sources);
    store_close(live.store);
    temp_dir_remove(&dir);
    EXPECT_NO_LEAK();
}
