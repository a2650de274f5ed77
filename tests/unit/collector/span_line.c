/* span_line.c - plain spans of applications, one pipeline, a clock that is set. */
#include "unit/collector/span_line.h"
#include "collector/collector.h"
#include <criterion/criterion.h>

void span_line_init(struct span_line *l, uint64_t open_bytes_max, uint32_t max_operations)
{
    struct pipeline_config config = {
        .seed = 3, .graph = graph_settings_default(), .open_bytes_max = open_bytes_max};
    config.graph.max_operations = max_operations;
    *l = (struct span_line){.clock_ns = 1000 * NS_PER_S};
    cr_assert(pipeline_init(&l->p, &config, NULL) == ST_OK);
}

void span_line_wait(struct span_line *l, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++)
        pipeline_tick(&l->p, ++l->sequence, SPAN_LINE_START_NS, l->clock_ns += NS_PER_S);
}

struct batch *span_line_batch(struct span_line *l, const struct line_span *spans, uint32_t count)
{
    static const struct scope scope = {{"app", 3}, {"", 0}};
    struct batch *b = batch_new();
    struct resource *resources = arena_calloc(&b->arena, count, sizeof(*resources));
    struct attr *attrs = arena_calloc(&b->arena, count, sizeof(*attrs));
    b->spans = arena_calloc(&b->arena, count, sizeof(*b->spans));
    for (uint32_t i = 0; i < count; i++) {
        attrs[i] = (struct attr){.key = STR("service.name"),
                                 .type = VALUE_STRING,
                                 .text = arena_dup_str(&b->arena, str_from_c(spans[i].service))};
        resources[i] = (struct resource){&attrs[i], 1};
        b->spans[i] = (struct span){.trace = {9, spans[i].trace},
                                    .id = spans[i].id,
                                    .parent = spans[i].parent,
                                    .start_ns = SPAN_LINE_START_NS,
                                    .end_ns = SPAN_LINE_START_NS + 1000,
                                    .resource = &resources[i],
                                    .scope = &scope,
                                    .kind = spans[i].kind,
                                    .status = spans[i].failed ? SPAN_STATUS_ERROR : 0,
                                    .name = arena_dup_str(&b->arena, str_from_c(spans[i].name))};
    }
    b->span_count = b->received = count;
    b->clock_ns = l->clock_ns;
    b->arrival_ns = SPAN_LINE_START_NS;
    b->sequence = ++l->sequence;
    cr_assert(collector_prepare(b, NULL) == ST_OK);
    return b;
}

void span_line_send(struct span_line *l, const struct line_span *spans, uint32_t count)
{
    struct batch *b = span_line_batch(l, spans, count);
    pipeline_batch(&l->p, b);
    batch_free(b);
}

void span_line_send_one(struct span_line *l, uint64_t trace, uint64_t id, uint64_t parent,
                        enum span_kind kind, const char *service)
{
    span_line_send(l, &(struct line_span){trace, id, parent, kind, service, "x", false}, 1);
}

static enum status add_up(const struct cell_row *row, uint64_t tile_s, const struct cell *c,
                          void *user, struct err *e)
{
    struct line_sums *s = user;
    (void)tile_s;
    (void)e;
    s->rows++;
    *(row->is_total ? &s->totals : &s->joints) += c->observed;
    if (!row->is_total && str_eq(row->operation, STR("other")))
        s->other += c->observed;
    return ST_OK;
}

struct line_sums line_sums_of(const struct cell_set *cells)
{
    struct line_sums s = {0};
    cr_assert(cell_set_each(cells, add_up, &s, NULL) == ST_OK);
    return s;
}

struct line_sums span_line_sums(const struct span_line *l)
{
    return line_sums_of(cell_feed_cells(l->p.closed));
}
