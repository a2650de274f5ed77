/* prom_names.c - parameters, sources, budget and limit of a question about names. */
#include "query/prom_names.h"
#include "base/clock.h"

static enum status check_given(struct request *r, bool needs_selector, struct err *e)
{
    struct str any;
    if (!needs_selector || params_find(&r->params, "match[]", &any))
        return ST_OK;
    return err_set(e, ST_INVALID, "no match[] parameter provided");
}

static void ask_init(struct request *r, struct prom_ask *ask)
{
    *ask = (struct prom_ask){.budget = {.deadline_mono_ns = clock_mono_ns() + PROM_TIMEOUT_NS,
                                        .ending = r->ending,
                                        .payer = r->arena}};
    ask->request = (struct prom_names_request){
        .selectors = &ask->selectors, .arena = r->arena, .budget = &ask->budget};
}

static enum status ask_open(struct request *r, struct prom_ask *ask, struct err *e)
{
    TRY(prom_param_selectors(&r->params, &ask->selectors, e));
    ask->notes = ask->request.notes = arena_alloc(r->arena, sizeof(*ask->notes));
    if (!ask->notes)
        return err_set(e, ST_NO_MEMORY, "no memory for the question");
    annotations_init(ask->notes, r->arena, (struct str){0});
    return prom_sources_open(r->config, r->live, &ask->sources, e);
}

enum status prom_ask_begin(struct request *r, bool needs_selector, struct prom_ask *ask,
                           struct err *e)
{
    ask_init(r, ask);
    TRY(check_given(r, needs_selector, e));
    TRY(prom_param_limit(&r->params, &ask->limit, e));
    TRY(prom_param_range(&r->params, &ask->request.start_ms, &ask->request.end_ms, e));
    TRY(ask_open(r, ask, e));
    return prom_selectors_check(&ask->selectors, e);
}

enum status prom_ask_begin_within(struct request *r, int64_t start_ms, int64_t end_ms,
                                  struct prom_ask *ask, struct err *e)
{
    ask_init(r, ask);
    ask->request.start_ms = start_ms;
    ask->request.end_ms = end_ms;
    return ask_open(r, ask, e);
}

void prom_ask_end(struct prom_ask *ask)
{
    prom_sources_close(&ask->sources);
    prom_selectors_deinit(&ask->selectors);
}

uint32_t prom_ask_cut(struct prom_ask *ask, uint32_t count)
{
    if (!ask->limit || count <= ask->limit)
        return count;
    annotations_add_plain(ask->notes, ANNOTATION_WARNING, STR("results truncated due to limit"));
    return (uint32_t)ask->limit;
}
