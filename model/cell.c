/* cell.c - adding cells up: counts, histograms, tallies, and the few exemplars worth keeping. */
#include "model/cell.h"

#include "base/mem.h"

enum { KEEP_SLOWEST = 2, KEEP_SLOWEST_FAILING = 2 };
_Static_assert(KEEP_SLOWEST + KEEP_SLOWEST_FAILING == CELL_EXEMPLARS, "room for both");

struct str cell_row_code(const struct cell_row *row)
{
    bool is_marked = str_ends_with(row->code, ROW_CODE_FAILED);
    return str_sub(row->code, 0, row->code.len - (is_marked ? ROW_CODE_FAILED.len : 0));
}

void cell_deinit(struct cell *c)
{
    histogram_deinit(&c->client);
    histogram_deinit(&c->server);
    histogram_deinit(&c->transit);
    mem_free(c->codes.items);
    mem_free(c->grpc_codes.items);
    mem_free(c->flags.items);
    *c = (struct cell){0};
}

void cell_reset(struct cell *c)
{
    struct cell kept = {.client = c->client, .server = c->server, .transit = c->transit};
    kept.codes = (struct cell_tallies){.items = c->codes.items, .cap = c->codes.cap};
    kept.grpc_codes = (struct cell_tallies){.items = c->grpc_codes.items, .cap = c->grpc_codes.cap};
    kept.flags = (struct cell_tallies){.items = c->flags.items, .cap = c->flags.cap};
    histogram_reset(&kept.client);
    histogram_reset(&kept.server);
    histogram_reset(&kept.transit);
    *c = kept;
}

bool cell_tally_add(struct cell_tallies *t, uint32_t name, uint64_t weight)
{
    for (uint32_t i = 0; i < t->len; i++) {
        if (t->items[i].name == name) {
            t->items[i].weight += weight;
            return true;
        }
    }
    if (t->len == t->cap) {
        uint32_t cap = t->cap ? t->cap * 2 : 2;
        struct cell_tally *items = mem_realloc_array(t->items, cap, sizeof(*items));
        if (!items)
            return false;
        t->items = items;
        t->cap = cap;
    }
    t->items[t->len++] = (struct cell_tally){.name = name, .weight = weight};
    return true;
}

/* Slowest first; what is equal in everything may stand in any order. */
static bool comes_before(const struct exemplar *a, const struct exemplar *b)
{
    if (a->latency_ns != b->latency_ns)
        return a->latency_ns > b->latency_ns;
    if (a->trace.hi != b->trace.hi)
        return a->trace.hi < b->trace.hi;
    if (a->trace.lo != b->trace.lo)
        return a->trace.lo < b->trace.lo;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns;
    return a->error && !b->error;
}

void cell_offer_exemplar(struct cell *c, const struct exemplar *x)
{
    struct exemplar all[CELL_EXEMPLARS + 1];
    uint32_t at = 0, slowest = 0, failing = 0;
    for (; at < c->exemplar_count && comes_before(&c->exemplars[at], x); at++)
        failing += c->exemplars[at].error;
    if (at >= KEEP_SLOWEST && !(x->error && failing < KEEP_SLOWEST_FAILING))
        return; /* as most are */
    failing = 0;
    memcpy(all, c->exemplars, at * sizeof(*all));
    all[at] = *x;
    memcpy(all + at + 1, c->exemplars + at, (c->exemplar_count - at) * sizeof(*all));
    uint32_t count = c->exemplar_count + 1;
    c->exemplar_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool keep = slowest++ < KEEP_SLOWEST;
        if (all[i].error)
            keep |= failing++ < KEEP_SLOWEST_FAILING;
        if (keep)
            c->exemplars[c->exemplar_count++] = all[i];
    }
}

static bool merge_tallies(struct cell_tallies *to, const struct cell_tallies *from,
                          uint32_t (*map)(uint32_t name, void *user), void *user)
{
    for (uint32_t i = 0; i < from->len; i++) {
        uint32_t name = map ? map(from->items[i].name, user) : from->items[i].name;
        if (name == UINT32_MAX || !cell_tally_add(to, name, from->items[i].weight))
            return false;
    }
    return true;
}

void cell_add_counts(struct cell *to, const struct cell *from)
{
    to->observed += from->observed;
    to->weight += from->weight;
    to->variance += from->variance;
    to->errors += from->errors;
    to->attempts += from->attempts;
    to->retried += from->retried;
    to->denied += from->denied;
    to->transit_skipped += from->transit_skipped;
    to->end_before_start += from->end_before_start;
    to->request_bytes += from->request_bytes;
    to->response_bytes += from->response_bytes;
    to->request_sized += from->request_sized;
    to->response_sized += from->response_sized;
    to->evidence |= from->evidence;
}

bool cell_merge(struct cell *to, const struct cell *from,
                uint32_t (*map)(uint32_t name, void *user), void *user)
{
    cell_add_counts(to, from);
    for (uint32_t i = 0; i < from->exemplar_count; i++)
        cell_offer_exemplar(to, &from->exemplars[i]);
    return histogram_merge(&to->client, &from->client) &&
           histogram_merge(&to->server, &from->server) &&
           histogram_merge(&to->transit, &from->transit) &&
           merge_tallies(&to->codes, &from->codes, map, user) &&
           merge_tallies(&to->grpc_codes, &from->grpc_codes, map, user) &&
           merge_tallies(&to->flags, &from->flags, map, user);
}
