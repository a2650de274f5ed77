/* sightings.c - a small hash table of (entity, variant, instance) with the first and the last time.
 */
#include "collector/sightings.h"
#include "base/hash.h"

void sightings_deinit(struct sightings *s)
{
    map64_deinit(&s->index);
    vec_deinit(&s->items);
}

void sightings_clear(struct sightings *s)
{
    uint64_t seed = s->index.seed;
    map64_deinit(&s->index);
    s->index.seed = seed;
    s->items.len = 0;
}

static void add(struct sightings *s, struct sighting x)
{
    uint64_t hash = hash_u64(((uint64_t)x.entity << 32 | x.owner) + s->index.seed);
    hash ^= hash_u64((uint64_t)x.variant << 1 | x.is_alias);
    for (;; hash++) {
        bool added;
        uint64_t *at = map64_put(&s->index, hash, &added);
        if (!at)
            return;
        if (added) {
            *at = s->items.len;
            if (!vec_push(&s->items, x))
                (void)map64_remove(&s->index, hash);
            return;
        }
        struct sighting *known = &s->items.items[*at];
        if (known->entity != x.entity || known->variant != x.variant || known->owner != x.owner ||
            known->is_alias != x.is_alias)
            continue;
        known->first_ns = MIN(known->first_ns, x.first_ns);
        known->last_ns = MAX(known->last_ns, x.last_ns);
        return;
    }
}

/* `user` and `unknown` are nobody. */
static bool is_somebody(const struct names *names, uint32_t entity)
{
    enum entity_kind kind = names_entity_at(names, entity)->entity.kind;
    return kind != ENTITY_USER && kind != ENTITY_UNKNOWN && kind != ENTITY_OTHER &&
           kind != ENTITY_BLOCKED;
}

void sightings_add(struct sightings *s, const struct names *names, const struct request *q)
{
    const struct {
        uint32_t entity, variant, owner, aliases[2];
    } ends[] = {{q->client, q->client_variant, q->client_owner, {q->client_alias, NAMES_NONE}},
                {q->server,
                 q->server_variant,
                 q->server_owner,
                 {q->server_aliases[0], q->server_aliases[1]}}};
    for (size_t i = 0; i < LEN(ends); i++) {
        if (!is_somebody(names, ends[i].entity))
            continue;
        add(s, (struct sighting){ends[i].entity, ends[i].variant, ends[i].owner, false, q->time_ns,
                                 q->time_ns});
        for (size_t k = 0; k < LEN(ends[i].aliases); k++)
            if (ends[i].aliases[k] != NAMES_NONE)
                add(s, (struct sighting){ends[i].entity, NAMES_NONE, ends[i].aliases[k], true,
                                         q->time_ns, q->time_ns});
    }
}

void sightings_tell(const struct sightings *s, const struct names *names, struct registry *r)
{
    for (size_t i = 0; i < s->items.len; i++) {
        const struct sighting *x = &s->items.items[i];
        const struct entity *e = &names_entity_at(names, x->entity)->entity;
        if (x->is_alias) {
            uint32_t service =
                registry_note(r, e, &(struct variant){0}, (struct str){0}, x->last_ns);
            if (service != UINT32_MAX)
                registry_note_alias(r, service, names_entity_at(names, x->owner)->entity.name,
                                    x->last_ns);
            continue;
        }
        const struct owner_entry *o = names_owner_at(names, x->owner);
        const struct variant *v = names_variant_at(names, x->variant);
        (void)registry_note(r, e, v, o->instance, x->first_ns);
        (void)registry_note(r, e, v, o->instance, x->last_ns);
    }
}
