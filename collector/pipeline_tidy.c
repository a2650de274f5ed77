/* pipeline_tidy.c - keeps tables of names from filling up with what was seen once, long ago. */
#include "base/log.h"
#include "collector/pipeline.h"

static const uint64_t HOUR_NS = 3600 * NS_PER_S;

static void move_open(const struct pipeline *p, struct names *to, struct open_span *s)
{
    s->owner = names_move_owner(to, p->names, s->owner) & NAME_BITS;
    s->dest = names_move_dest(to, p->names, s->dest) & NAME_BITS;
    s->operation = names_move_operation(to, p->names, s->operation) & NAME_BITS;
    s->flags = (uint16_t)names_flags(to, names_flags_at(p->names, s->flags));
    s->weight = (uint16_t)names_weight(to, names_weight_at(p->names, s->weight));
}

static void move_resting(struct pipeline *p, struct names *to, const struct trace *tr)
{
    struct open_span spans[RESTING_SPANS];
    uint32_t count = resting_get(&p->table.resting, tr->first_open, spans);
    for (uint32_t i = 0; i < count; i++)
        move_open(p, to, &spans[i]);
    resting_rename(&p->table.resting, tr->first_open, spans);
}

static void move_trace(struct pipeline *p, struct names *to, const struct trace *tr)
{
    if (tr->rests)
        move_resting(p, to, tr);
    else
        for (uint32_t s = tr->first_open; s; s = open_span_at(&p->table, s)->next)
            move_open(p, to, open_span_at(&p->table, s));
    for (uint32_t name = tr->first_closed; name;) {
        struct closed_span *s = closed_span_at(&p->table, name);
        s->owner = names_move_owner(to, p->names, s->owner) & NAME_BITS;
        name = s->next;
    }
}

struct move {
    struct names *to;
    const struct names *from;
};

static uint32_t move_owner(uint32_t owner, void *user)
{
    const struct move *m = user;
    return names_move_owner(m->to, m->from, owner);
}

/* A fresh table with what is open or remembered. Without memory the old one stays. */
static void renew_names(struct pipeline *p)
{
    struct names *fresh = pipeline_names_new(&p->config);
    if (!fresh)
        return;
    log_info("collector: names are many, keeping those in use bytes=%zu", names_bytes(p->names));
    sightings_tell(&p->sightings, p->names, p->registry);
    sightings_clear(&p->sightings);
    for (uint32_t slot = 0; slot < WHEEL_SLOTS; slot++)
        for (uint32_t t = p->table.wheel[slot]; t; t = trace_at(&p->table, t)->wheel_next)
            move_trace(p, fresh, trace_at(&p->table, t));
    packed_each_owner(&p->table.packed, move_owner, &(struct move){fresh, p->names});
    names_free(p->names);
    p->names = fresh;
    row_caps_reset(p->caps);
    cell_feed_rename(p->closed, fresh);
    p->caps_reset_ns = p->clock_ns;
    if (p->watch)
        p->watch->renamed(p->watch->user);
}

void pipeline_tidy(struct pipeline *p)
{
    if (p->tidied_ns == 0)
        p->tidied_ns = p->caps_reset_ns = p->clock_ns;
    if (p->clock_ns - p->tidied_ns < HOUR_NS)
        return;
    p->tidied_ns = p->clock_ns;
    if (names_are_many(p->names)) {
        renew_names(p);
    } else if (p->clock_ns - p->caps_reset_ns >= 24 * HOUR_NS) {
        if (row_caps_were_reached(p->caps))
            row_caps_reset(p->caps);
        p->caps_reset_ns = p->clock_ns;
    }
}
