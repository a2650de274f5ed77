/* node_table.c - gives every entity of an answer one id, one number and its place in the asked
 * grouping. */
#include "query/node_table.h"
#include "base/hash.h"

enum status node_table_init(struct node_table *t, const struct registry *registry, enum group group,
                            const struct node_wanted *wanted, struct arena *arena, struct err *e)
{
    *t = (struct node_table){.arena = arena,
                             .registry = registry,
                             .group = group,
                             .with_cluster = registry_many_clusters(registry),
                             .ids = intern_new(0)};
    if (wanted)
        t->wanted = *wanted;
    for (size_t i = 0; i < NODE_MEMO_SLOTS; i++)
        t->memo[i].node = NODE_NONE;
    return t->ids ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for the names of the answer");
}

void node_table_deinit(struct node_table *t)
{
    intern_free(t->ids);
    t->ids = NULL;
    vec_deinit(&t->nodes);
    buf_deinit(&t->scratch);
}

/* Only what runs in the mesh has deployments, versions and a namespace of its own. */
static bool is_workload(const struct entity *entity)
{
    return entity->kind == ENTITY_SERVICE || entity->kind == ENTITY_GATEWAY;
}

/* The part of the variant that tells nodes of this grouping apart. */
static struct str variant_of(const struct node_table *t, const struct variant *v)
{
    if (t->group == GROUP_WORKLOAD)
        return v->workload;
    return t->group == GROUP_VERSION ? v->version : (struct str){0};
}

/* The entity whose id, plus "@version", is the node's. */
static struct entity grouped(const struct node_table *t, const struct entity *entity,
                             struct str variant)
{
    struct entity shown = *entity;
    if (t->group == GROUP_WORKLOAD && variant.len)
        shown.name = variant;
    if (t->group == GROUP_NAMESPACE && is_workload(entity) && entity->space.len) {
        shown.kind = ENTITY_SERVICE;
        shown.name = entity->space;
        shown.space = (struct str){0};
    }
    return shown;
}

static bool list_has(const struct str_list *list, struct str s)
{
    for (size_t i = 0; i < list->len; i++)
        if (str_eq(list->items[i], s))
            return true;
    return false;
}

static uint32_t add_node(struct node_table *t, const struct entity *entity,
                         const struct entity *shown)
{
    struct node n = {.id = arena_dup_str(t->arena, buf_str(&t->scratch)),
                     .name = arena_dup_str(t->arena, shown->name),
                     .space = arena_dup_str(t->arena, entity->space),
                     .cluster = arena_dup_str(t->arena, entity->cluster),
                     .kind = shown->kind};
    if (!n.id.ptr || !n.name.ptr || !n.space.ptr || !n.cluster.ptr)
        return NODE_NONE;
    n.flags = (list_has(&t->wanted.clients, n.id) ? NODE_CLIENT : 0u) |
              (list_has(&t->wanted.servers, n.id) ? NODE_SERVER : 0u) |
              (list_has(&t->wanted.spaces, n.space) ? NODE_SPACE : 0u);
    return vec_push(&t->nodes, n) ? (uint32_t)t->nodes.len - 1 : NODE_NONE;
}

/* Two entities may share an id (a host of the mesh seen as an external name): the mesh's own kind
 * wins. */
static void join_kind(struct node *n, enum entity_kind kind)
{
    bool was_mesh = n->kind == ENTITY_SERVICE || n->kind == ENTITY_GATEWAY;
    if (kind == ENTITY_GATEWAY || (kind == ENTITY_SERVICE && !was_mesh))
        n->kind = kind;
}

static uint32_t look_up(struct node_table *t, const struct entity *entity, const struct variant *v)
{
    struct entity known = registry_resolve(t->registry, entity);
    struct str variant = is_workload(&known) ? variant_of(t, v) : (struct str){0};
    struct entity shown = grouped(t, &known, variant);
    buf_reset(&t->scratch);
    entity_append_id(&t->scratch, &shown, t->with_cluster);
    if (t->group == GROUP_VERSION && variant.len) {
        buf_append(&t->scratch, "@", 1);
        buf_append_str(&t->scratch, variant);
    }
    if (t->scratch.failed)
        return NODE_NONE;
    if (!t->scratch.len) /* the empty string is nobody's number in the table of ids */
        buf_append_str(&t->scratch, STR("unknown"));
    uint32_t id = intern_find(t->ids, buf_str(&t->scratch));
    if (id != INTERN_NONE) {
        join_kind(&t->nodes.items[id - 1], shown.kind);
        return id - 1;
    }
    uint32_t node = add_node(t, &known, &shown);
    if (node == NODE_NONE)
        return NODE_NONE;
    if (intern_add(t->ids, buf_str(&t->scratch)) == INTERN_NONE) {
        t->nodes.len--;
        return NODE_NONE;
    }
    return node;
}

static bool same_place(struct str a, struct str b)
{
    return a.ptr == b.ptr && a.len == b.len;
}

static bool memo_hits(const struct node_memo *m, const struct entity *entity, struct str variant)
{
    return m->node != NODE_NONE && m->entity.kind == entity->kind &&
           same_place(m->entity.name, entity->name) && same_place(m->entity.space, entity->space) &&
           same_place(m->entity.cluster, entity->cluster) && same_place(m->variant, variant);
}

uint32_t node_table_add(struct node_table *t, const struct entity *entity, const struct variant *v)
{
    struct str variant = variant_of(t, v);
    uint64_t mix = hash_u64((uintptr_t)entity->name.ptr ^ (uintptr_t)variant.ptr << 17 ^
                            (uintptr_t)entity->space.ptr << 31);
    struct node_memo *m = &t->memo[mix % NODE_MEMO_SLOTS];
    if (!memo_hits(m, entity, variant))
        *m = (struct node_memo){*entity, variant, look_up(t, entity, v)};
    return m->node;
}

uint32_t node_table_find(const struct node_table *t, struct str id)
{
    uint32_t found = id.len ? intern_find(t->ids, id) : INTERN_NONE;
    return found == INTERN_NONE ? NODE_NONE : found - 1;
}
