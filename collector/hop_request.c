/* hop_request.c - reads a hop's observations from the client-most to the last attempt's. */
#include "collector/hop_request.h"

void request_builder_deinit(struct request_builder *b)
{
    vec_deinit(&b->server_ns);
}

bool http_code_is_error(uint32_t code)
{
    return code == 0 || code >= 500;
}

bool grpc_code_is_error(uint32_t code)
{
    static const uint32_t errors =
        1u << 2 | 1u << 4 | 1u << 8 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 15;
    return code < 32 && (errors >> code & 1);
}

struct reading {
    const struct hop_tree *tree;
    struct names *names;
    const struct hop *hop;
    struct request *out;
    const struct node *last_entry; /* of the attempt that ended last, or NULL */
};

static const struct node *node_of(const struct reading *r, uint32_t index)
{
    return index == NODE_NONE ? NULL : &r->tree->nodes.items[index];
}

/* --- observations --- */

/* The entry of the attempt that a server-side node is of. */
static const struct node *entry_of(const struct reading *r, const struct node *n)
{
    while (n && !n->is_entry)
        n = node_of(r, n->logical);
    return n;
}

/* The next node of the last attempt; those of other attempts stand between them. */
static uint32_t next_inside(const struct reading *r, const struct node *n)
{
    uint32_t at = n->next_server;
    while (at != NODE_NONE && entry_of(r, node_of(r, at)) != r->last_entry)
        at = node_of(r, at)->next_server;
    return at;
}

/* Visits the spans that saw what the caller got, the client-most first: the client side, else
 * proxies on the way, else the last attempt's server side. */
struct observer_walk {
    const struct reading *r;
    uint32_t at;
    enum { WALK_CLIENTS, WALK_MIDDLES, WALK_SERVERS } list;
};

static struct observer_walk walk_begin(const struct reading *r)
{
    const struct hop *h = r->hop;
    if (h->first_client != NODE_NONE)
        return (struct observer_walk){r, h->first_client, WALK_CLIENTS};
    if (h->first_middle != NODE_NONE)
        return (struct observer_walk){r, h->first_middle, WALK_MIDDLES};
    uint32_t last = r->last_entry ? (uint32_t)(r->last_entry - r->tree->nodes.items) : NODE_NONE;
    return (struct observer_walk){r, last, WALK_SERVERS};
}

static const struct open_span *walk_next(struct observer_walk *w)
{
    const struct node *n = node_of(w->r, w->at);
    if (!n)
        return NULL;
    if (w->list != WALK_SERVERS) {
        w->at = n->next_in_list;
        return n->span;
    }
    w->at = next_inside(w->r, n);
    return n->span;
}

static const struct node *client_most(const struct reading *r)
{
    const struct hop *h = r->hop;
    if (h->first_client != NODE_NONE)
        return node_of(r, h->first_client);
    return h->first_middle != NODE_NONE ? node_of(r, h->first_middle) : r->last_entry;
}

static bool has_code(const struct open_span *s)
{
    return s->http_code != CODE_NONE || s->grpc_code != GRPC_NONE;
}

/* What the caller was told: its first observation that carries a code, or NULL. */
static const struct open_span *told_to_caller(const struct reading *r)
{
    for (uint32_t i = r->hop->first_client; i != NODE_NONE; i = node_of(r, i)->next_in_list)
        if (node_of(r, i)->span && has_code(node_of(r, i)->span))
            return node_of(r, i)->span;
    return NULL;
}

static bool says_the_same(const struct open_span *told, const struct open_span *s)
{
    if (!told)
        return false;
    if (told->grpc_code != GRPC_NONE && s->grpc_code != GRPC_NONE)
        return told->grpc_code == s->grpc_code;
    return told->http_code != CODE_NONE && told->http_code == s->http_code;
}

static bool is_later(const struct node *a, const struct node *b)
{
    return a->span->end_ns != b->span->end_ns ? a->span->end_ns > b->span->end_ns : a->id > b->id;
}

/* The attempt whose answer the caller got: of those that ended as it was told the last one. Clocks
 * of two pods may differ by more than a try takes, so they alone do not tell. */
static const struct node *find_last_entry(const struct reading *r)
{
    const struct open_span *told = r->hop->entries > 1 ? told_to_caller(r) : NULL;
    const struct node *last = NULL;
    bool last_fits = false;
    for (uint32_t i = r->hop->first_server; i != NODE_NONE; i = node_of(r, i)->next_server) {
        const struct node *n = node_of(r, i);
        if (!n->is_entry || !n->span)
            continue;
        bool fits = says_the_same(told, n->span);
        if (!last || (fits == last_fits ? is_later(n, last) : fits)) {
            last = n;
            last_fits = fits;
        }
    }
    return last;
}

/* --- who --- */

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

static void name_server(const struct reading *r)
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

static void name_client(const struct reading *r)
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

/* --- what came of it --- */

/* A library that failed and tells no code got no answer, whatever its proxy had in hand: it gave up
 * first. */
static bool caller_gave_up(const struct reading *r)
{
    const struct node *head = node_of(r, r->hop->first_client);
    if (!head || head->end.owner->maker != MAKER_APP || !head->span->error)
        return false;
    if (head->span->protocol != PROTOCOL_HTTP && head->span->protocol != PROTOCOL_GRPC)
        return false;
    for (const struct node *n = head; n; n = node_of(r, n->next_in_list))
        if (n->end.owner->maker == MAKER_APP && has_code(n->span))
            return false;
    return true;
}

static bool same_kinds_of_code(const struct open_span *a, const struct open_span *b)
{
    return (a->grpc_code == GRPC_NONE) == (b->grpc_code == GRPC_NONE) &&
           (a->http_code == CODE_NONE) == (b->http_code == CODE_NONE);
}

/* A library that tells no code itself got that of its last try, not of its first. */
static const struct open_span *last_try(const struct reading *r, const struct open_span *first)
{
    const struct node *last = NULL;
    for (uint32_t i = r->hop->first_client; first && i != NODE_NONE;
         i = node_of(r, i)->next_in_list) {
        const struct node *n = node_of(r, i);
        if (!n->span)
            continue;
        if (!last ? n->span == first
                  : n->logical == last->logical && same_kinds_of_code(n->span, first) &&
                        is_later(n, last))
            last = n;
    }
    return last ? last->span : first;
}

static void read_codes(const struct reading *r)
{
    struct request *q = r->out;
    const struct open_span *s, *http = NULL, *grpc = NULL;
    const struct open_span *head = client_most(r)->span;
    for (struct observer_walk w = walk_begin(r); (s = walk_next(&w));) {
        if (!grpc && s->grpc_code != GRPC_NONE)
            grpc = s;
        if (!http && s->http_code != CODE_NONE)
            http = s;
    }
    if (r->hop->tries > 1) {
        grpc = last_try(r, grpc);
        http = last_try(r, http);
    }
    bool error = false;
    if (grpc) {
        q->code_kind = CODE_IS_GRPC;
        q->code = grpc->grpc_code;
        error = grpc_code_is_error(q->code);
    } else if (http) {
        q->code_kind = CODE_IS_HTTP;
        q->code = http->http_code;
        error = http_code_is_error(q->code);
    }
    q->error = error || (!has_code(head) && head->error);
    if (q->code_kind != CODE_IS_NONE && !error && caller_gave_up(r)) {
        q->code_kind = CODE_IS_HTTP;
        q->code = 0;
    }
}

static void add_flags(struct request *q, const struct open_span *s)
{
    if (s->flags == NAMES_NONE)
        return;
    for (uint32_t i = 0; i < q->flag_count; i++)
        if (q->flags[i] == s->flags)
            return;
    if (q->flag_count < REQUEST_FLAGS)
        q->flags[q->flag_count++] = s->flags;
}

static void read_span(const struct reading *r, const struct open_span *s)
{
    struct request *q = r->out;
    q->protocol = MAX(q->protocol, (enum protocol)s->protocol);
    q->weight = MAX(q->weight, names_weight_at(r->names, s->weight));
    if (q->request_bytes == SIZE_NONE)
        q->request_bytes = s->request_bytes;
    if (q->response_bytes == SIZE_NONE)
        q->response_bytes = s->response_bytes;
    if (q->operation.len == 0 && s->operation != NAMES_NONE)
        q->operation = names_operation_at(r->names, s->operation);
}

/* The application's own server span names the operation; else the callee's proxy, else the client
 * side. */
static void read_operation(const struct reading *r)
{
    const struct node *proxy = NULL;
    for (uint32_t i = r->hop->first_server; i != NODE_NONE; i = node_of(r, i)->next_server) {
        const struct node *n = node_of(r, i);
        if (!n->span || n->span->operation == NAMES_NONE)
            continue;
        if (n->end.owner->maker == MAKER_APP) {
            r->out->operation = names_operation_at(r->names, n->span->operation);
            return;
        }
        if (!proxy)
            proxy = n;
    }
    if (proxy)
        r->out->operation = names_operation_at(r->names, proxy->span->operation);
}

/* The caller's proxy made a copy of what it was asked for: the span above it is of the original. */
static bool is_copy_sent(const struct reading *r, const struct node *head)
{
    const struct node *above = head->end.mirror ? node_of(r, head->logical) : NULL;
    return above && above->side != SIDE_SERVER && !above->end.mirror &&
           above->end.owner->maker == MAKER_ENVOY && link_same_workload(&above->end, &head->end);
}

/* A gateway that somebody answered passes on who was denied, and by whom. */
static bool passed_on(const struct reading *r, const struct node *n)
{
    return n->side == SIDE_GATEWAY && n->made != NODE_NONE &&
           r->tree->hops.items[n->made].entries > 0;
}

static void read_spans(const struct reading *r)
{
    const struct hop *h = r->hop;
    struct request *q = r->out;
    bool servers_flags = h->entries > 1 || h->first_client == NODE_NONE;
    q->mirror = is_copy_sent(r, client_most(r));
    for (uint32_t i = h->first_client; i != NODE_NONE; i = node_of(r, i)->next_in_list) {
        const struct open_span *s = node_of(r, i)->span;
        read_span(r, s);
        add_flags(q, s);
        q->denied |= s->denied;
        q->evidence |= EVIDENCE_CLIENT_SPAN;
    }
    for (uint32_t i = h->first_middle; i != NODE_NONE; i = node_of(r, i)->next_in_list) {
        const struct open_span *s = node_of(r, i)->span;
        read_span(r, s);
        q->denied |= s->denied;
        if (h->first_client == NODE_NONE)
            add_flags(q, s);
        q->evidence |= EVIDENCE_CLIENT_SPAN;
    }
    for (uint32_t i = h->first_server; i != NODE_NONE; i = node_of(r, i)->next_server) {
        const struct open_span *s = node_of(r, i)->span;
        read_span(r, s);
        if (servers_flags)
            add_flags(q, s);
        q->mirror |= s->mirror && h->first_client == NODE_NONE;
        q->denied |= s->denied && !passed_on(r, node_of(r, i));
        q->evidence |= EVIDENCE_SERVER_SPAN;
    }
}

/* --- how long it took --- */

static bool read_server_times(struct request_builder *b, const struct reading *r)
{
    b->server_ns.len = 0;
    for (uint32_t i = r->hop->first_server; i != NODE_NONE; i = node_of(r, i)->next_server) {
        const struct node *n = node_of(r, i);
        if (!n->is_entry)
            continue;
        if (n->span->end_before_start)
            r->out->end_before_start = true;
        else if (!vec_push(&b->server_ns, n->span->duration_ns))
            return false;
    }
    r->out->server_ns = b->server_ns.items;
    r->out->server_count = b->server_ns.len;
    return true;
}

/* A gateway's one upstream span tells more exactly than the gateway's whole span how long the
 * callee took. */
static const struct open_span *timed_client(const struct reading *r)
{
    const struct hop *h = r->hop;
    uint32_t first = h->first_client != NODE_NONE ? h->first_client : h->first_middle;
    const struct node *head = node_of(r, first);
    if (!head)
        return NULL;
    const struct node *next = node_of(r, head->next_in_list);
    if (head->side == SIDE_GATEWAY && next && next->next_in_list == NODE_NONE)
        return next->span;
    return head->span;
}

static void read_times(const struct reading *r)
{
    struct request *q = r->out;
    const struct open_span *client = timed_client(r);
    if (client && client->end_before_start)
        q->end_before_start = true;
    q->has_client_ns = client && !client->end_before_start;
    if (!q->has_client_ns)
        return;
    q->client_ns = client->duration_ns;
    if (q->server_count == 0)
        return;
    q->has_transit = q->attempts == 1 && q->server_count == 1 && q->server_ns[0] <= q->client_ns;
    q->transit_skipped = !q->has_transit;
    if (q->has_transit)
        q->transit_ns = q->client_ns - q->server_ns[0];
}

bool request_build(struct request_builder *b, const struct hop_tree *t, struct names *names,
                   const struct hop *h, struct trace_id trace, struct request *out)
{
    *out =
        (struct request){.trace = trace, .request_bytes = SIZE_NONE, .response_bytes = SIZE_NONE};
    struct reading r = {.tree = t, .names = names, .hop = h, .out = out};
    r.last_entry = find_last_entry(&r);
    const struct node *head = client_most(&r);
    if (!head || !head->span)
        return false;
    read_operation(&r);
    read_spans(&r);
    read_codes(&r);
    name_server(&r);
    name_client(&r);
    out->time_ns = head->span->end_ns;
    out->attempts = MAX(MAX(h->entries, h->tries), 1u);
    out->views = VIEW_BOTH;
    if (!read_server_times(b, &r))
        return false;
    read_times(&r);
    return true;
}
