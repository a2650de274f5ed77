/* hop_naming.c - who called whom: what the observations of a hop say of both ends. */
#include "collector/hop_reading.h"

static void named(const struct reading *r, const struct owner_entry *o, struct str *version,
                  struct str *workload)
{
    const struct variant *v = names_variant_at(r->names, o->variant);
    if (version->len == 0)
        *version = v->version;
    if (workload->len == 0)
        *workload = v->workload;
}

/* Id of a variant of which `o` said at least a part. */
static uint32_t variant_of(const struct reading *r, const struct owner_entry *o, struct str version,
                           struct str workload)
{
    const struct variant *v = names_variant_at(r->names, o->variant);
    if (v->version.ptr == version.ptr && v->version.len == version.len &&
        v->workload.ptr == workload.ptr && v->workload.len == workload.len)
        return o->variant;
    return names_variant(r->names, &(struct variant){version, workload});
}

/* Where the client side says that the request goes: the word of the proxy that is nearest to the
 * callee counts most. Of an application's layers the one that knows a database or a queue by name
 * knows more than the HTTP client below it. */
static uint32_t stated_destination(const struct reading *r, bool *by_mesh)
{
    uint32_t dest = NAMES_NONE;
    bool by_proxy = false, by_system = false;
    for (uint32_t i = r->hop->first_client; i != NODE_NONE; i = node_of(r, i)->next_in_list) {
        const struct node *n = node_of(r, i);
        bool proxy = n->end.owner->maker != MAKER_APP, system = link_names_system(&n->end);
        if (n->end.dest != NAMES_NONE && (proxy || !(by_proxy || (by_system && !system)))) {
            dest = n->end.dest;
            by_proxy = proxy;
            by_system = system;
        }
    }
    for (uint32_t i = r->hop->first_middle; i != NODE_NONE; i = node_of(r, i)->next_in_list)
        if (node_of(r, i)->end.dest != NAMES_NONE) {
            dest = node_of(r, i)->end.dest;
            by_proxy = true;
        }
    *by_mesh = by_proxy;
    return dest;
}

static bool is_mesh_name(const struct reading *r, const struct dest_entry *d)
{
    const struct entity *e = &names_entity_at(r->names, d->entity)->entity;
    return d->kind != DEST_NONE && e->kind == ENTITY_SERVICE && e->space.len > 0;
}

/* Whether the caller's name for the callee is better than the callee's own: a proxy's always is,
 * where the callee has none or only a node id; an application's host name only adds the namespace.
 */
static bool caller_knows_better(const struct reading *r, const struct owner_entry *o,
                                const struct dest_entry *d, bool by_mesh)
{
    if (r->out->mirror || !is_mesh_name(r, d))
        return false;
    if (o->weak)
        return by_mesh;
    if (o->maker != MAKER_APP)
        return false;
    const struct entity *own = &names_entity_at(r->names, o->entity)->entity;
    const struct entity *stated = &names_entity_at(r->names, d->entity)->entity;
    return by_mesh || (own->space.len == 0 && str_eq(own->name, stated->name));
}

/* An application without a sidecar names itself, and proxies know it by a host outside the mesh:
 * that is another name of it. */
static bool is_called_by_host(const struct reading *r, const struct owner_entry *o,
                              const struct dest_entry *d)
{
    return o->maker == MAKER_APP && d->kind != DEST_NONE && !r->out->mirror &&
           names_entity_at(r->names, d->entity)->entity.kind == ENTITY_EXTERNAL;
}

/* The callee as its last attempt's spans name it, corrected by the mesh's name for it. */
static void name_seen_server(const struct reading *r, uint32_t dest_id, bool by_mesh)
{
    struct request *q = r->out;
    const struct dest_entry *d = names_dest_at(r->names, dest_id);
    const struct owner_entry *o = names_owner_at(r->names, r->last_entry->identity);
    q->server_owner = r->last_entry->identity;
    q->server = o->entity;
    if (caller_knows_better(r, o, d, by_mesh)) {
        if (d->entity != o->entity)
            q->server_aliases[0] = o->entity;
        q->server = d->entity;
    } else if (by_mesh && is_called_by_host(r, o, d)) {
        q->server_aliases[0] = d->entity;
    }
    struct str version = {0}, workload = {0};
    named(r, o, &version, &workload);
    for (const struct node *n = r->last_entry; n; n = node_of(r, next_inside(r, n))) {
        named(r, n->end.owner, &version, &workload);
        if (n->end.owner->maker == MAKER_APP && n->end.owner->entity != q->server)
            q->server_aliases[1] = n->end.owner->entity;
    }
    if (version.len == 0 && dest_id != NAMES_NONE)
        version = d->subset;
    q->server_variant = variant_of(r, o, version, workload);
}

void reading_name_server(const struct reading *r)
{
    struct request *q = r->out;
    bool by_mesh;
    uint32_t dest = stated_destination(r, &by_mesh);
    q->server = ENTITY_ID_UNKNOWN;
    if (r->last_entry) {
        name_seen_server(r, dest, by_mesh);
        return;
    }
    const struct node *other = node_of(r, r->hop->named_server);
    const struct dest_entry *d = names_dest_at(r->names, dest);
    if (other && !is_mesh_name(r, d)) {
        const struct owner_entry *o = names_owner_at(r->names, other->identity);
        q->server = o->entity;
        q->server_owner = other->identity;
        q->server_variant = o->variant;
    } else if (dest != NAMES_NONE) {
        q->server = d->entity;
        q->server_variant = names_variant(r->names, &(struct variant){.version = d->subset});
    }
}

static void take_owner(const struct reading *r, uint32_t owner)
{
    struct request *q = r->out;
    const struct owner_entry *o = names_owner_at(r->names, owner);
    q->client_owner = owner;
    q->client = o->entity;
    q->client_variant = o->variant;
}

/* The workload of the client side: its proxy's name where one took part. */
static void name_client_side(const struct reading *r)
{
    struct request *q = r->out;
    const struct node *head = node_of(r, r->hop->first_client), *proxy = NULL;
    for (uint32_t i = r->hop->first_client; i != NODE_NONE && !proxy;
         i = node_of(r, i)->next_in_list)
        if (names_owner_at(r->names, node_of(r, i)->identity)->maker != MAKER_APP)
            proxy = node_of(r, i);
    const struct node *named_by = proxy ? proxy : head;
    take_owner(r, named_by->identity);
    if (head->end.owner->maker == MAKER_APP && head->end.owner->entity != q->client)
        q->client_alias = head->end.owner->entity;
    const struct owner_entry *o = names_owner_at(r->names, q->client_owner);
    struct str version = {0}, workload = {0};
    named(r, o, &version, &workload);
    named(r, head->end.owner, &version, &workload);
    q->client_variant = variant_of(r, o, version, workload);
}

/* The queue that a consumer took from. */
static bool name_queue(const struct reading *r)
{
    const struct node *n = r->last_entry;
    if (!n || n->end.kind != SPAN_CONSUMER)
        return false;
    uint32_t dest = n->end.dest;
    const struct node *producer = node_of(r, r->hop->caller);
    if (dest == NAMES_NONE && producer)
        dest = producer->end.dest;
    if (dest == NAMES_NONE)
        return false;
    r->out->client = names_dest_at(r->names, dest)->entity;
    return true;
}

/* What hangs below a waypoint and is not what it passed on: a copy that it mirrored, from the same
 * caller, or a request of the service that it stands before. */
static void name_client_at_waypoint(const struct reading *r, const struct node *waypoint)
{
    if (!r->out->mirror && waypoint->end.dest != NAMES_NONE) {
        r->out->client = waypoint->end.dest_entity;
        return;
    }
    const struct hop *passed =
        waypoint->answered == NODE_NONE ? NULL : &r->tree->hops.items[waypoint->answered];
    const struct node *caller = passed ? node_of(r, passed->first_client) : NULL;
    take_owner(r, caller ? caller->identity : waypoint->identity);
}

void reading_name_client(const struct reading *r)
{
    const struct hop *h = r->hop;
    struct request *q = r->out;
    if (h->first_client != NODE_NONE) {
        name_client_side(r);
        return;
    }
    for (uint32_t i = h->first_middle; i != NODE_NONE; i = node_of(r, i)->next_in_list) {
        uint32_t source = node_of(r, i)->end.owner->source;
        if (source != NAMES_NONE) {
            take_owner(r, source);
            return;
        }
    }
    if (r->last_entry && r->last_entry->end.owner->source != NAMES_NONE) {
        take_owner(r, r->last_entry->end.owner->source);
        return;
    }
    if (name_queue(r))
        return;
    const struct node *caller = node_of(r, h->caller);
    if (caller && caller->end.role == ROLE_WAYPOINT)
        name_client_at_waypoint(r, caller);
    else if (caller)
        take_owner(r, caller->identity);
    else
        q->client = h->from_root ? ENTITY_ID_USER : ENTITY_ID_UNKNOWN;
}
