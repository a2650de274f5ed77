/* pipeline.c - takes records in, keeps the clock, and closes early what memory has no room for. */
#include "collector/pipeline.h"

/* To look at a trace takes a quarter of a kilobyte a span in the pipeline's tree, and as much in
 * the view's: with what is remembered a quarter of what all open state may take. */
static uint32_t trace_spans_max(const struct pipeline_config *config)
{
    enum { SHARE = 4096 };
    uint64_t most = MAX(config->open_bytes_max / SHARE, (uint64_t)BIG_TRACE);
    return config->open_bytes_max ? (uint32_t)MIN(most, (uint64_t)UINT32_MAX) : UINT32_MAX;
}

struct names *pipeline_names_new(const struct pipeline_config *config)
{
    enum { SHARE = 4 };
    return names_new(config->seed, config->graph.max_operations, config->open_bytes_max / SHARE);
}

enum status pipeline_init(struct pipeline *p, const struct pipeline_config *config, struct err *e)
{
    *p = (struct pipeline){.config = *config, .trace_spans_max = trace_spans_max(config)};
    p->sightings.index.seed = config->seed;
    p->names = pipeline_names_new(config);
    p->caps = row_caps_new(config->seed, &config->graph);
    p->registry = registry_new(config->seed, config->graph.max_edges);
    if (p->names && p->caps && p->registry)
        p->closed = cell_feed_new(config->seed, p->names, p->caps);
    if (p->closed && open_table_init(&p->table, config->seed))
        return ST_OK;
    pipeline_deinit(p);
    return err_set(e, ST_NO_MEMORY, "no memory for the collector");
}

void pipeline_deinit(struct pipeline *p)
{
    cell_feed_free(p->closed);
    row_caps_free(p->caps);
    registry_free(p->registry);
    open_table_deinit(&p->table);
    sightings_deinit(&p->sightings);
    hop_tree_deinit(&p->tree);
    request_builder_deinit(&p->builder);
    vec_deinit(&p->owner_ids);
    names_free(p->names);
    *p = (struct pipeline){0};
}

/* --- clock --- */

/* Takes at most `most` traces out of the slot of `step` that are due by then; those of a later
 * round stay. */
static size_t take_due(struct pipeline *p, uint32_t step, uint32_t *due, size_t most)
{
    uint32_t *at = wheel_slot(&p->table, step);
    size_t count = 0;
    while (*at && count < most) {
        struct trace *tr = trace_at(&p->table, *at);
        if (tr->wheel_next)
            __builtin_prefetch(trace_at(&p->table, tr->wheel_next));
        if (tr->due > step) {
            at = &tr->wheel_next;
            continue;
        }
        due[count++] = *at;
        *at = tr->wheel_next;
    }
    return count;
}

/* Looks at what is due at p->wheel_step, at most `most` traces and until their open spans were
 * *spans; true when that was all. */
static bool look_at_step(struct pipeline *p, uint64_t most, uint64_t *spans)
{
    uint32_t due[PREFETCH_TRACES];
    while (most > 0 && *spans > 0) {
        size_t count = take_due(p, p->wheel_step, due, MIN(most, (uint64_t)PREFETCH_TRACES));
        if (count == 0)
            return true;
        open_table_prefetch(&p->table, due, count);
        for (size_t i = 0; i < count; i++) {
            uint64_t open = MAX(trace_at(&p->table, due[i])->open_count, 1u);
            if (*spans > 0)
                pipeline_look(p, due[i], LOOK_DUE);
            else
                wheel_add(&p->table, due[i], p->wheel_step);
            *spans -= MIN(*spans, open);
        }
        most -= count;
    }
    return false;
}

/* Steps that are over are done with at once, as far as pipeline_config allows, but the last one
 * little by little, at most `most` traces a record: acknowledgements wait for this thread when
 * there is no core for each. */
static void move_clock(struct pipeline *p, uint64_t clock_ns, uint64_t most)
{
    uint64_t spans = p->config.record_spans_max ? p->config.record_spans_max : UINT64_MAX;
    p->clock_ns = MAX(p->clock_ns, clock_ns);
    uint32_t step = clock_steps(p->clock_ns);
    /* A long step of the clock goes round the wheel once: every trace is looked at. */
    if (step - p->wheel_step > WHEEL_SLOTS)
        p->wheel_step = step - WHEEL_SLOTS;
    while (p->wheel_step < step) {
        p->wheel_step++;
        if (!look_at_step(p, p->wheel_step < step ? UINT64_MAX : most, &spans)) {
            p->wheel_step--;
            break;
        }
    }
    packed_forget(&p->table.packed, pipeline_forgotten(p));
    pipeline_tidy(p);
}

static uint32_t steps_left(const struct pipeline *p)
{
    return clock_steps(p->clock_ns) - p->wheel_step;
}

bool pipeline_is_behind(const struct pipeline *p)
{
    return steps_left(p) > 1;
}

uint64_t pipeline_complete_until(const struct pipeline *p, uint64_t now_ns)
{
    uint64_t behind = p->config.graph.wait_ns + TILE_SECONDS * NS_PER_S;
    if (pipeline_is_behind(p))
        behind += (uint64_t)steps_left(p) << CLOCK_SHIFT;
    /* With nothing open no tick comes, but nothing has to be waited for either. */
    uint64_t arrival_ns = pipeline_is_idle(p) && now_ns ? now_ns : p->arrival_ns;
    return arrival_ns > behind ? arrival_ns - behind : 0;
}

size_t pipeline_open_bytes(const struct pipeline *p)
{
    return open_table_bytes(&p->table) + names_bytes(p->names) + hop_tree_bytes(&p->tree);
}

bool pipeline_is_idle(const struct pipeline *p)
{
    return p->table.traces.live == 0 && p->table.packed.live == 0;
}

/* --- spans --- */

static void fill_span(struct pipeline *p, const struct span *s, const struct observation *x,
                      struct open_span *o)
{
    uint32_t owner = p->owner_ids.items[x->owner];
    if (x->source != UINT32_MAX)
        owner = names_owner_with_source(p->names, owner, p->owner_ids.items[x->source]);
    bool backwards = s->end_ns < s->start_ns;
    *o = (struct open_span){
        .arrival = clock_steps(p->clock_ns),
        .id = s->id,
        .parent = s->parent,
        .end_ns = s->end_ns,
        .duration_ns = backwards ? 0 : MIN(s->end_ns - s->start_ns, DURATION_MAX) & DURATION_MAX,
        .http_code = x->http_code & 0x3ffu,
        .grpc_code = x->grpc_code & 0x1fu,
        .owner = owner & NAME_BITS,
        .role = x->role & 7u,
        .kind = x->kind & 7u,
        .retries = x->retries,
        .protocol = x->protocol & 7u,
        .error = x->error,
        .mirror = x->mirror,
        .denied = x->denied,
        .end_before_start = backwards,
        .is_new = true,
        .request_bytes = x->request_bytes,
        .response_bytes = x->response_bytes,
    };
    o->dest = names_dest(p->names, owner, x) & NAME_BITS;
    bool called = kind_is_called(x->kind) || x->role == ROLE_IN;
    uint32_t serves = called || o->dest == NAMES_NONE ? names_owner_at(p->names, owner)->entity
                                                      : names_dest_at(p->names, o->dest)->entity;
    o->operation = names_operation(p->names, serves, x->operation) & NAME_BITS;
    o->flags = x->flags.len ? (uint16_t)names_flags(p->names, x->flags) : NAMES_NONE;
    o->weight = x->weight == WEIGHT_ONE ? 0 : (uint16_t)names_weight(p->names, x->weight);
}

static uint32_t trace_for(struct pipeline *p, struct trace_id id, uint64_t hash)
{
    uint32_t name = trace_find(&p->table, id, hash);
    if (name)
        return name;
    name = trace_unpack(&p->table, id, hash, clock_steps(p->clock_ns) + 1, pipeline_forgotten(p));
    if (name)
        return name;
    /* A second more, in which the rest of the trace may come: most traces close at one look. */
    uint32_t wait = steps_over(p->config.graph.wait_ns);
    uint32_t look = wait < 2 * REST_STEPS ? wait : REST_STEPS;
    return trace_add(&p->table, id, hash, clock_steps(p->clock_ns) + look + GATHER_STEPS);
}

/* A trace that takes too much, whoever uses it, must not be what makes others close early. */
static void close_big(struct pipeline *p, uint32_t name)
{
    wheel_remove(&p->table, name);
    pipeline_look(p, name, LOOK_BIG);
}

static void take_span(struct pipeline *p, const struct span *s, const struct observation *x,
                      uint64_t hash)
{
    uint32_t name = trace_for(p, s->trace, hash);
    struct open_span o;
    if (!name) {
        p->delta.dropped[DROP_MEMORY]++;
        return;
    }
    struct trace *tr = trace_at(&p->table, name);
    if (!trace_wake(&p->table, tr)) {
        p->delta.dropped[DROP_MEMORY]++;
        return;
    }
    if (trace_has_span(&p->table, tr, s->id, kind_is_called(x->kind))) {
        p->delta.dropped[DROP_DUPLICATE]++;
        return;
    }
    fill_span(p, s, x, &o);
    if ((tr->closed_count || tr->partly_done) && pipeline_joins_counted(p, tr, &o)) {
        p->delta.dropped[DROP_LATE]++;
        return;
    }
    if (p->watch)
        p->watch->adding(name, p->watch->user);
    if (!trace_add_span(&p->table, tr, &o)) {
        p->delta.dropped[DROP_MEMORY]++;
        return;
    }
    p->delta.pending++;
    if (tr->open_count > p->trace_spans_max)
        close_big(p, name);
}

/* Owners of the batch become ids once, not once a span. */
static bool name_owners(struct pipeline *p, const struct observations *seen)
{
    p->owner_ids.len = 0;
    if (!vec_reserve(&p->owner_ids, seen->owner_count))
        return false;
    for (uint32_t i = 0; i < seen->owner_count; i++)
        p->owner_ids.items[p->owner_ids.len++] = names_owner(p->names, &seen->owners[i]);
    return true;
}

/* Looks at the traces of one slot of the wheel, whether they are due or not. */
static void look_at_slot(struct pipeline *p, uint32_t step, enum look how)
{
    uint32_t name = wheel_take(&p->table, step);
    while (name) {
        uint32_t next = trace_at(&p->table, name)->wheel_next;
        pipeline_look(p, name, how);
        name = next;
    }
}

static bool is_over(const struct pipeline *p)
{
    return open_table_used(&p->table) + names_used(p->names) > p->config.open_bytes_max;
}

/* Over the limit the oldest traces close before their time, and are not remembered. */
static void keep_limit(struct pipeline *p)
{
    if (p->config.open_bytes_max == 0)
        return;
    for (uint32_t i = 1; i <= WHEEL_SLOTS; i++) {
        while (is_over(p) && packed_forget_one(&p->table.packed))
            continue;
        if (!is_over(p))
            return;
        look_at_slot(p, p->wheel_step + i, LOOK_EVICT);
    }
}

void pipeline_batch(struct pipeline *p, const struct batch *b)
{
    enum { AHEAD = 8, NEAR = 4, LOOKS = 8 };
    const struct observations *seen = b->observations;
    move_clock(p, b->clock_ns, LOOKS + b->span_count);
    p->arrival_ns = MAX(p->arrival_ns, b->arrival_ns);
    p->sequence = b->sequence;
    if (b->span_count > 0 && !name_owners(p, seen)) {
        p->delta.dropped[DROP_MEMORY] += b->span_count;
        return;
    }
    uint64_t hashes[AHEAD];
    for (uint32_t i = 0; i < b->span_count + AHEAD; i++) {
        if (i >= AHEAD)
            take_span(p, &b->spans[i - AHEAD], &seen->items[i - AHEAD], hashes[i % AHEAD]);
        if (i >= NEAR && i < b->span_count + NEAR)
            trace_prefetch_first(&p->table, hashes[(i - NEAR) % AHEAD]);
        if (i < b->span_count) {
            hashes[i % AHEAD] = trace_hash(&p->table, b->spans[i].trace);
            trace_prefetch(&p->table, hashes[i % AHEAD]);
        }
    }
    keep_limit(p);
}

/* Heap that a peak left behind goes back, or it would count against the budget for ever. Seldom, as
 * all that is free is visited: when that is half of what is in use. */
static void give_back(struct pipeline *p)
{
    const uint64_t pause_ns = 8 * NS_PER_S;
    size_t used = open_table_used(&p->table);
    bool is_much = open_table_bytes(&p->table) + hop_tree_bytes(&p->tree) > used + used / 2 + MIB;
    if (!pipeline_is_idle(p) && (!is_much || p->clock_ns - p->trimmed_ns < pause_ns))
        return;
    if (p->watch)
        p->watch->trimming(p->watch->user);
    open_table_trim(&p->table);
    hop_tree_trim(&p->tree);
    p->trimmed_ns = p->clock_ns;
}

void pipeline_tick(struct pipeline *p, uint64_t sequence, uint64_t wall_ns, uint64_t clock_ns)
{
    move_clock(p, clock_ns, UINT64_MAX);
    p->arrival_ns = wall_ns; /* earlier than before when the clock was set back */
    p->sequence = sequence;
    give_back(p);
}

void pipeline_flush(struct pipeline *p, uint64_t sequence, uint64_t clock_ns)
{
    move_clock(p, clock_ns, UINT64_MAX);
    p->sequence = sequence;
    for (uint32_t i = 1; i <= WHEEL_SLOTS; i++)
        look_at_slot(p, p->wheel_step + i, LOOK_FLUSH);
}
