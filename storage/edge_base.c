/* edge_base.c - adds whole parts up to one cell a row, dated to 1970. */
#include "storage/edge_base.h"

#include "base/intern.h"
#include "storage/edge_store.h"

struct base_sum {
    struct cell_set *cells;
    struct intern *names; /* of the result whose cell is being added */
    bool failed;
};

/* Rows are numbered as in the set. */
static uint32_t group_of(const struct cell_row *row, void *user)
{
    struct base_sum *sum = user;
    uint32_t id = cell_set_row(sum->cells, row);
    sum->failed |= id == UINT32_MAX;
    return id;
}

static uint32_t map_name(uint32_t name, void *user)
{
    struct base_sum *sum = user;
    return cell_set_name(sum->cells, intern_get(sum->names, name));
}

static enum status add_kind(struct base_sum *sum, const struct edge_view *v, bool joint,
                            uint64_t *lost, struct err *e)
{
    struct edge_query query = {
        .end_s = UINT64_MAX,
        .joint = joint,
        .sections = SECTION_ALL & ~(unsigned)SECTION_EXEMPLARS,
        .group = group_of,
        .user = sum,
        .max_points = UINT32_MAX,
    };
    struct edge_result result;
    TRY(edge_query_run(v, &query, &result, e));
    sum->names = result.names;
    *lost += result.lost_blocks;
    for (uint32_t row = 0; row < result.series_count && !sum->failed; row++) {
        if (result.series[row].len == 0)
            continue;
        struct cell *to = cell_set_cell(sum->cells, row, 0);
        sum->failed |= !to || !cell_merge(to, &result.series[row].points[0].cell, map_name, sum);
    }
    edge_result_deinit(&result);
    return sum->failed ? err_set(e, ST_NO_MEMORY, "no memory to keep the sums of old parts")
                       : ST_OK;
}

enum status edge_base_encode(struct edge_part *const *parts, size_t count, struct buf *out,
                             uint64_t *lost, struct err *e)
{
    struct base_sum sum = {.cells = cell_set_new(0)};
    struct edge_view v = {.parts = (struct edge_part **)(uintptr_t)parts, .part_count = count};
    *lost = 0;
    enum status status = sum.cells ? add_kind(&sum, &v, false, lost, e)
                                   : err_set(e, ST_NO_MEMORY, "no memory to sum old parts up");
    if (status == ST_OK)
        status = add_kind(&sum, &v, true, lost, e);
    if (status == ST_OK && cell_set_cell_count(sum.cells) > 0)
        status = edge_part_encode(sum.cells, true, out, e);
    cell_set_free(sum.cells);
    return status;
}
