/* hop_request.c - reads a hop's observations from the client-most to the last attempt's. */
#include "collector/hop_request.h"
#include "collector/hop_reading.h"

void request_builder_deinit(struct request_builder *b)
{
    vec_deinit(&b->server_ns);
}

bool http_code_is_error(uint32_t code)
{
    return code == 0 || code / 100 == 5;
}

bool grpc_code_is_error(uint32_t code)
{
    static const uint32_t errors =
        1u << 2 | 1u << 4 | 1u << 8 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 15;
    return code < 32 && (errors >> code & 1);
}

/* --- observations --- */

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
    reading_name_server(&r);
    reading_name_client(&r);
    out->time_ns = head->span->end_ns;
    out->attempts = MAX(MAX(h->entries, h->tries), 1u);
    out->views = VIEW_BOTH;
    if (!read_server_times(b, &r))
        return false;
    read_times(&r);
    return true;
}
