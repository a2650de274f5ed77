/* registry.c - services in the order in which they were first seen, and the indexes that find them.
 */
#include "model/registry.h"
#include "base/hash.h"
#include "base/map64.h"
#include "base/vec.h"

enum { ALIASES_MAX = 32, VARIANTS_MAX = 200, INSTANCES_MAX = 1000, SCAN_MAX = 8 };
enum { NO_LINK = UINT32_MAX };

struct node {
    struct registry_service service;
    uint32_t next_place; /* next service of the same namespace and name, or NO_LINK */
};

/* `name` is the name or an alias of `service`, a workload whose namespace is known. */
struct name_link {
    struct str name; /* owned by that service */
    uint32_t service, next;
    uint32_t next_here; /* of the same name and cluster */
};

struct registry {
    uint64_t seed;
    uint32_t max_services;
    bool many_clusters, short_of_memory;
    uint32_t first_with_cluster; /* NO_LINK: none was seen */
    VEC(struct node) nodes;
    VEC(struct name_link) links;
    struct map64 by_place; /* hash of (space, name) -> first node */
    struct map64
        by_exact; /* hash of (class, space, name, cluster) -> node, of equal ones the first */
    struct map64 by_name;      /* hash of name -> first link */
    struct map64 by_name_here; /* hash of (name, cluster) -> first link */
    struct map64 by_item;      /* hash of (service, list, item name) -> position in a long list */
};

enum item_list { LIST_VERSIONS, LIST_WORKLOADS, LIST_INSTANCES, LIST_ALIASES };

/* What is known of a service by several kinds of evidence; a gateway may at first look like a
 * service. */
static bool is_workload(enum entity_kind kind)
{
    return kind == ENTITY_SERVICE || kind == ENTITY_GATEWAY;
}

static bool same_class(enum entity_kind a, enum entity_kind b)
{
    return a == b || (is_workload(a) && is_workload(b));
}

struct registry *registry_new(uint64_t seed, uint32_t max_services)
{
    struct registry *r = mem_calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->seed = seed;
    r->max_services = max_services;
    r->first_with_cluster = NO_LINK;
    return r;
}

static void items_deinit(struct registry_items *items)
{
    for (uint32_t i = 0; i < items->len; i++)
        mem_free((char *)(uintptr_t)items->items[i].name.ptr);
    mem_free(items->items);
}

void registry_free(struct registry *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->nodes.len; i++) {
        struct registry_service *s = &r->nodes.items[i].service;
        items_deinit(&s->versions);
        items_deinit(&s->workloads);
        items_deinit(&s->instances);
        items_deinit(&s->aliases);
        mem_free((char *)(uintptr_t)s->entity.name.ptr);
    }
    vec_deinit(&r->nodes);
    vec_deinit(&r->links);
    map64_deinit(&r->by_place);
    map64_deinit(&r->by_exact);
    map64_deinit(&r->by_name);
    map64_deinit(&r->by_name_here);
    map64_deinit(&r->by_item);
    mem_free(r);
}

uint32_t registry_count(const struct registry *r)
{
    return (uint32_t)r->nodes.len;
}

const struct registry_service *registry_at(const struct registry *r, uint32_t index)
{
    return &r->nodes.items[index].service;
}

bool registry_many_clusters(const struct registry *r)
{
    return r->many_clusters;
}

bool registry_is_short_of_memory(const struct registry *r)
{
    return r->short_of_memory;
}

static bool no_memory(struct registry *r)
{
    r->short_of_memory = true;
    return false;
}

static uint64_t place_hash(const struct registry *r, const struct entity *e)
{
    return hash_str(e->name, hash_str(e->space, r->seed));
}

static uint32_t first_at_place(const struct registry *r, const struct entity *e)
{
    const uint64_t *first = map64_find(&r->by_place, place_hash(r, e));
    return first ? (uint32_t)*first : NO_LINK;
}

static bool is_at_place(const struct entity *a, const struct entity *b)
{
    return same_class(a->kind, b->kind) && str_eq(a->name, b->name) && str_eq(a->space, b->space);
}

static uint64_t exact_hash(const struct registry *r, const struct entity *e)
{
    uint64_t class = is_workload(e->kind) ? ENTITY_SERVICE : e->kind;
    return hash_str(e->cluster, place_hash(r, e) ^ hash_u64(class + 1));
}

static bool is_exact(const struct registry *r, uint32_t at, const struct entity *e)
{
    const struct entity *other = &r->nodes.items[at].service.entity;
    return is_at_place(other, e) && str_eq(other->cluster, e->cluster);
}

/* A place has as many services as senders name clusters: the chain is for equal hashes only. */
static uint32_t find_exact(const struct registry *r, const struct entity *e)
{
    const uint64_t *first = map64_find(&r->by_exact, exact_hash(r, e));
    uint32_t at = first ? (uint32_t)*first : NO_LINK;
    if (at == NO_LINK || is_exact(r, at, e))
        return at;
    at = first_at_place(r, e);
    while (at != NO_LINK && !is_exact(r, at, e))
        at = r->nodes.items[at].next_place;
    return at;
}

/* Copies the three strings into one allocation that begins with the name. */
static bool copy_entity(const struct entity *from, struct entity *to)
{
    char *bytes = mem_alloc(from->name.len + from->space.len + from->cluster.len + 1);
    if (!bytes)
        return false;
    *to = (struct entity){.kind = from->kind};
    const struct str *parts[] = {&from->name, &from->space, &from->cluster};
    struct str *copies[] = {&to->name, &to->space, &to->cluster};
    for (size_t i = 0; i < LEN(parts); i++) {
        *copies[i] = (struct str){bytes, parts[i]->len};
        if (parts[i]->len)
            memcpy(bytes, parts[i]->ptr, parts[i]->len);
        bytes += parts[i]->len;
    }
    return true;
}

static void note_cluster(struct registry *r, uint32_t service)
{
    struct str cluster = r->nodes.items[service].service.entity.cluster;
    if (cluster.len == 0)
        return;
    if (r->first_with_cluster == NO_LINK)
        r->first_with_cluster = service;
    else if (!str_eq(cluster, registry_at(r, r->first_with_cluster)->entity.cluster))
        r->many_clusters = true;
}

/* The head of a chain, NO_LINK when it is new; NULL when memory is short. */
static uint64_t *chain_head(struct map64 *heads, uint64_t hash)
{
    bool added;
    uint64_t *head = map64_put(heads, hash, &added);
    if (head && added)
        *head = NO_LINK;
    return head;
}

static uint64_t name_here_hash(const struct registry *r, struct str name, struct str cluster)
{
    return hash_str(cluster, hash_str(name, r->seed));
}

/* Makes a service findable without its namespace under a name that it owns. */
static bool link_name(struct registry *r, struct str name, const struct entity *e, uint32_t service)
{
    if (!e->space.len || !is_workload(e->kind))
        return true;
    uint64_t *here = chain_head(&r->by_name_here, name_here_hash(r, name, e->cluster));
    uint64_t *head = chain_head(&r->by_name, hash_str(name, r->seed));
    if (!here || !head || !vec_reserve(&r->links, 1))
        return no_memory(r);
    r->links.items[r->links.len] =
        (struct name_link){name, service, (uint32_t)*head, (uint32_t)*here};
    *head = *here = r->links.len++;
    return true;
}

static uint32_t add_service(struct registry *r, const struct entity *e, uint64_t time_ns)
{
    struct node node = {.service = {.first_seen_ns = time_ns, .last_seen_ns = time_ns}};
    uint32_t index = (uint32_t)r->nodes.len;
    if (index >= r->max_services)
        return UINT32_MAX;
    uint64_t *exact = chain_head(&r->by_exact, exact_hash(r, e));
    uint64_t *place = chain_head(&r->by_place, place_hash(r, e));
    if (!exact || !place || !vec_reserve(&r->nodes, 1) || !copy_entity(e, &node.service.entity)) {
        no_memory(r);
        return UINT32_MAX;
    }
    if (!link_name(r, node.service.entity.name, &node.service.entity, index)) {
        mem_free((char *)(uintptr_t)node.service.entity.name.ptr);
        return UINT32_MAX;
    }
    node.next_place = (uint32_t)*place;
    *place = index;
    if (*exact == NO_LINK)
        *exact = index;
    r->nodes.items[r->nodes.len++] = node;
    note_cluster(r, index);
    return index;
}

static uint64_t item_hash(const struct registry *r, uint32_t service, enum item_list list,
                          struct str name)
{
    return hash_str(name, r->seed ^ hash_u64((uint64_t)service << 2 | list));
}

/* Position of an item, or len. Short lists are scanned; long ones are in by_item. */
static uint32_t find_item(const struct registry *r, uint32_t service, enum item_list list,
                          const struct registry_items *items, struct str name)
{
    uint32_t scanned = MIN(items->len, (uint32_t)SCAN_MAX);
    for (uint32_t i = 0; i < scanned; i++)
        if (str_eq(items->items[i].name, name))
            return i;
    if (items->len <= SCAN_MAX)
        return items->len;
    const uint64_t *at = map64_find(&r->by_item, item_hash(r, service, list, name));
    return at ? (uint32_t)*at : items->len;
}

static uint32_t oldest_item(const struct registry_items *items)
{
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < items->len; i++)
        if (items->items[i].last_seen_ns < items->items[oldest].last_seen_ns)
            oldest = i;
    return oldest;
}

/* The place for one more item: at the end, or the oldest one's when the list is full. */
static bool make_room(struct registry_items *items, uint32_t max, uint32_t *at)
{
    *at = items->len;
    if (items->len == max) {
        *at = oldest_item(items);
        return true;
    }
    if (items->len < items->cap)
        return true;
    uint32_t cap = MAX(4u, items->cap * 2);
    struct registry_item *moved = mem_realloc_array(items->items, cap, sizeof(*moved));
    if (!moved)
        return false;
    items->items = moved;
    items->cap = cap;
    return true;
}

/* Notes one name in one list of a service. True when it was new and went in. */
static bool note_item(struct registry *r, uint32_t service, enum item_list list,
                      struct registry_items *items, struct str name, uint64_t time_ns, uint32_t max)
{
    if (name.len == 0)
        return false;
    uint32_t at = find_item(r, service, list, items, name);
    if (at < items->len) {
        items->items[at].last_seen_ns = MAX(items->items[at].last_seen_ns, time_ns);
        return false;
    }
    char *copy = mem_alloc(name.len);
    bool added;
    if (!copy || !make_room(items, max, &at))
        goto fail;
    /* Positions past the scanned ones are found by hash only. */
    if (at >= SCAN_MAX) {
        uint64_t *slot = map64_put(&r->by_item, item_hash(r, service, list, name), &added);
        if (!slot)
            goto fail;
        *slot = at;
    }
    struct registry_item *item = &items->items[at];
    if (at < items->len) {
        if (at >= SCAN_MAX)
            map64_remove(&r->by_item, item_hash(r, service, list, item->name));
        mem_free((char *)(uintptr_t)item->name.ptr);
    } else {
        items->len++;
    }
    *item = (struct registry_item){{memcpy(copy, name.ptr, name.len), name.len}, time_ns};
    return true;
fail:
    mem_free(copy);
    return no_memory(r);
}

uint32_t registry_note(struct registry *r, const struct entity *e, const struct variant *v,
                       struct str instance, uint64_t time_ns)
{
    uint32_t index = find_exact(r, e);
    if (index == NO_LINK)
        index = add_service(r, e, time_ns);
    if (index == UINT32_MAX)
        return UINT32_MAX;
    struct registry_service *s = &r->nodes.items[index].service;
    if (e->kind == ENTITY_GATEWAY)
        s->entity.kind = ENTITY_GATEWAY;
    s->first_seen_ns = MIN(s->first_seen_ns, time_ns);
    s->last_seen_ns = MAX(s->last_seen_ns, time_ns);
    note_item(r, index, LIST_VERSIONS, &s->versions, v->version, time_ns, VARIANTS_MAX);
    note_item(r, index, LIST_WORKLOADS, &s->workloads, v->workload, time_ns, VARIANTS_MAX);
    note_item(r, index, LIST_INSTANCES, &s->instances, instance, time_ns, INSTANCES_MAX);
    return index;
}

void registry_note_alias(struct registry *r, uint32_t service, struct str alias, uint64_t time_ns)
{
    struct registry_service *s = &r->nodes.items[service].service;
    if (str_eq(alias, s->entity.name))
        return;
    /* Aliases are never forgotten, since by_name points at them: a full list takes no more. */
    bool full = s->aliases.len == ALIASES_MAX &&
                find_item(r, service, LIST_ALIASES, &s->aliases, alias) == s->aliases.len;
    if (!full && note_item(r, service, LIST_ALIASES, &s->aliases, alias, time_ns, ALIASES_MAX))
        link_name(r, s->aliases.items[s->aliases.len - 1].name, &s->entity, service);
}

/* The only service at e's place whose cluster is known; else the one at e's place without; else
 * NO_LINK. */
static uint32_t join_cluster(const struct registry *r, const struct entity *e)
{
    uint32_t without = NO_LINK, with = NO_LINK;
    for (uint32_t at = first_at_place(r, e); at != NO_LINK; at = r->nodes.items[at].next_place) {
        const struct entity *other = &r->nodes.items[at].service.entity;
        if (!is_at_place(other, e))
            continue;
        if (other->cluster.len == 0)
            without = at;
        else if (with == NO_LINK)
            with = at;
        else
            return without;
    }
    return with != NO_LINK ? with : without;
}

/* The service that e is, when its namespace is known. */
static uint32_t find_placed(const struct registry *r, const struct entity *e)
{
    return e->cluster.len ? find_exact(r, e) : join_cluster(r, e);
}

/* What several ways to look something up have found: a node, nothing, or more than one. */
struct found {
    uint32_t node; /* NO_LINK: none, or several */
    bool several;
};

static void note_found(struct found *f, uint32_t node)
{
    f->several |= f->node != NO_LINK && f->node != node;
    f->node = f->several ? NO_LINK : node;
}

/* The service of a link, or the one at its place in e's cluster. */
static uint32_t placed_of(const struct registry *r, const struct name_link *link,
                          const struct entity *e)
{
    struct entity there = r->nodes.items[link->service].service.entity;
    if (e->cluster.len)
        there.cluster = e->cluster;
    uint32_t placed = find_placed(r, &there);
    return placed == NO_LINK ? link->service : placed;
}

/* All of e's name or alias; it ends with the second that is another. */
static void find_named(const struct registry *r, const struct entity *e, struct found *f)
{
    const uint64_t *first = map64_find(&r->by_name, hash_str(e->name, r->seed));
    for (uint32_t at = first ? (uint32_t)*first : NO_LINK; at != NO_LINK && !f->several;
         at = r->links.items[at].next)
        if (str_eq(r->links.items[at].name, e->name))
            note_found(f, placed_of(r, &r->links.items[at], e));
}

/* Those in the cluster, or without one, that may be in e's. */
static void find_named_here(const struct registry *r, const struct entity *e, struct str cluster,
                            struct found *f)
{
    const uint64_t *first = map64_find(&r->by_name_here, name_here_hash(r, e->name, cluster));
    for (uint32_t at = first ? (uint32_t)*first : NO_LINK; at != NO_LINK && !f->several;
         at = r->links.items[at].next_here) {
        const struct name_link *link = &r->links.items[at];
        if (str_eq(link->name, e->name) &&
            str_eq(r->nodes.items[link->service].service.entity.cluster, cluster))
            note_found(f, placed_of(r, link, e));
    }
}

/* The only placed service of e's name or alias (and cluster, when e has one), or NO_LINK. */
static uint32_t join_space(const struct registry *r, const struct entity *e)
{
    struct found f = {.node = NO_LINK};
    if (e->cluster.len) {
        find_named_here(r, e, e->cluster, &f);
        find_named_here(r, e, STR(""), &f);
    } else {
        find_named(r, e, &f);
    }
    return f.node;
}

struct entity registry_resolve(const struct registry *r, const struct entity *e)
{
    if (!is_workload(e->kind))
        return *e;
    uint32_t found = e->space.len ? find_placed(r, e) : join_space(r, e);
    if (found == NO_LINK && !e->space.len)
        found = find_placed(r, e);
    return found == NO_LINK ? *e : r->nodes.items[found].service.entity;
}

struct registry *registry_clone(const struct registry *r)
{
    struct buf image = {0};
    registry_encode(r, &image);
    struct registry *copy = image.failed ? NULL : registry_new(r->seed, r->max_services);
    struct cursor in = cursor_of(buf_str(&image));
    if (copy && registry_decode(&in, copy, NULL) != ST_OK) {
        registry_free(copy);
        copy = NULL;
    }
    buf_deinit(&image);
    return copy;
}
