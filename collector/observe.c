/* observe.c - from decoded spans to observations: runs on the worker that decoded them, touches
 * nothing else. */
#include "collector/cluster_name.h"
#include "collector/collector.h"
#include "collector/identity.h"
#include "collector/observe_request.h"

/* What an owner is told by beside words: that a span has an attribute, or what it ends with. */
struct owner_signs {
    bool directed, by_consul;
};

/* The raw words an owner was made of: the next span of the same proxy repeats them byte for byte.
 */
struct owner_memo {
    const struct resource *resource;
    struct str words[6];
    struct owner_signs signs;
    struct node_name node;
    uint32_t owner;
    bool filled;
};

enum { OWNER_MEMOS = 2, TEXT_MAX = 256 };

struct observer {
    struct batch *batch;
    struct observations *out;
    struct resource_facts facts;
    const struct resource *resource;
    struct owner_memo memos[OWNER_MEMOS];
    unsigned next_memo;
    struct span_facts span;     /* at hand */
    uint8_t filled[ATTR_COUNT]; /* which of its attrs[] are set: few of the many */
    unsigned filled_count;
};

static bool owner_push(struct observer *o, const struct owner *owner, uint32_t *index)
{
    struct observations *out = o->out;
    if (out->owner_count == out->owner_cap) {
        uint32_t cap = out->owner_cap ? out->owner_cap * 2 : 8;
        struct owner *grown = arena_alloc(&o->batch->arena, cap * sizeof(*grown));
        if (!grown)
            return false;
        if (out->owner_count)
            memcpy(grown, out->owners, out->owner_count * sizeof(*grown));
        out->owners = grown;
        out->owner_cap = cap;
    }
    *index = out->owner_count;
    out->owners[out->owner_count++] = *owner;
    return true;
}

/* Of the few makers to which they matter. */
static struct owner_signs signs_of(const struct observer *o)
{
    const struct attr *const *attrs = o->span.attrs;
    return (struct owner_signs){
        .directed = o->facts.linkerd && attrs[ATTR_DIRECTION],
        .by_consul = attrs[ATTR_NODE_ID] && !attrs[ATTR_ISTIO_SERVICE] &&
                     str_ends_with(attr_text(attrs[ATTR_CLUSTER]), STR(".consul")),
    };
}

static bool memo_matches(const struct owner_memo *m, const struct observer *o,
                         const struct str words[6], struct owner_signs signs)
{
    if (!m->filled || m->resource != o->resource || m->signs.directed != signs.directed ||
        m->signs.by_consul != signs.by_consul)
        return false;
    for (size_t i = 0; i < LEN(m->words); i++)
        if (!str_eq(m->words[i], words[i]))
            return false;
    return true;
}

/* Fills *node and the index of the owner, made when the last spans had another one. */
static bool observe_owner(struct observer *o, const struct span *s, struct node_name *node,
                          uint32_t *index)
{
    struct str words[6] = {attr_text(o->span.attrs[ATTR_NODE_ID]),
                           attr_text(o->span.attrs[ATTR_ISTIO_SERVICE]),
                           attr_text(o->span.attrs[ATTR_ISTIO_NAMESPACE]),
                           attr_text(o->span.attrs[ATTR_ISTIO_REVISION]),
                           s->scope->name,
                           attr_text(o->span.attrs[ATTR_COMPONENT])};
    struct owner_signs signs = signs_of(o);
    for (size_t i = 0; i < OWNER_MEMOS; i++) {
        if (memo_matches(&o->memos[i], o, words, signs)) {
            *index = o->memos[i].owner;
            *node = o->memos[i].node;
            return true;
        }
    }
    struct owner owner;
    *node = node_name_of(words[0]);
    owner_of_span(&o->facts, o->span.attrs, node, s->scope->name, &owner);
    if (!owner_push(o, &owner, index))
        return false;
    struct owner_memo *m = &o->memos[o->next_memo++ % OWNER_MEMOS];
    *m = (struct owner_memo){
        .resource = o->resource, .signs = signs, .node = *node, .owner = *index, .filled = true};
    memcpy(m->words, words, sizeof(words));
    return true;
}

/* A waypoint says who called, when it knows. */
static bool observe_source(struct observer *o, uint32_t *index)
{
    struct str name = attr_known(o->span.attrs[ATTR_SRC_SERVICE]);
    *index = UINT32_MAX;
    if (name.len == 0)
        return true;
    struct owner source = {
        .entity = {.cluster = attr_known(o->span.attrs[ATTR_SRC_CLUSTER]),
                   .space = attr_known(o->span.attrs[ATTR_SRC_NAMESPACE]),
                   .name = name},
        .variant = {.version = attr_known(o->span.attrs[ATTR_SRC_REVISION]),
                    .workload = attr_known(o->span.attrs[ATTR_SRC_WORKLOAD])},
        .maker = MAKER_ENVOY,
    };
    return owner_push(o, &source, index);
}

static enum role envoy_role(const struct span *s, const struct node_name *node, struct str cluster)
{
    if (str_eq(node->type, STR("waypoint")))
        return ROLE_WAYPOINT;
    bool server = s->kind == SPAN_SERVER;
    bool sidecar = node->consul || str_eq(node->type, STR("sidecar"));
    switch (cluster_kind_of(cluster)) {
    case CLUSTER_INBOUND:
        return ROLE_IN;
    case CLUSTER_WAYPOINT:
        return ROLE_WAYPOINT;
    case CLUSTER_NONE:
        if (str_eq(node->type, STR("router")))
            return ROLE_GATEWAY;
        return server ? ROLE_IN : ROLE_OUT;
    default:
        /* With spawn_upstream_span the sidecar's outbound listener makes SERVER spans too. */
        return server && !sidecar ? ROLE_GATEWAY : ROLE_OUT;
    }
}

static enum role role_of(const struct observer *o, const struct span *s, enum maker maker,
                         const struct node_name *node)
{
    switch (maker) {
    case MAKER_ENVOY:
        return envoy_role(s, node, attr_text(o->span.attrs[ATTR_CLUSTER]));
    case MAKER_LINKERD:
        return str_eq(attr_text(o->span.attrs[ATTR_DIRECTION]), STR("outbound")) ? ROLE_OUT
                                                                                 : ROLE_IN;
    case MAKER_PROXY:
        if (s->kind == SPAN_SERVER)
            return ROLE_GATEWAY;
        return s->kind == SPAN_CLIENT ? ROLE_OUT : ROLE_APP;
    default:
        return ROLE_APP;
    }
}

/* Points attrs[] at the span's attributes by meaning. True when one of them tells of an RBAC
 * denial. */
static bool index_attributes(struct observer *o, const struct span *s)
{
    static const struct str rbac = {"rbac_access_denied_matched_policy",
                                    sizeof("rbac_access_denied_matched_policy") - 1};
    bool denied = false;
    while (o->filled_count > 0)
        o->span.attrs[o->filled[--o->filled_count]] = NULL;
    for (uint32_t i = 0; i < s->attr_count; i++) {
        const struct attr *a = &s->attrs[i];
        /* The length first: the text itself is seldom near. */
        if (a->type == VALUE_STRING && a->text.len >= rbac.len && str_starts_with(a->text, rbac))
            denied = true;
        enum span_attr field = span_attr_of(a->key);
        if (field == ATTR_NONE)
            continue;
        if (!o->span.attrs[field])
            o->filled[o->filled_count++] = (uint8_t)field;
        o->span.attrs[field] = a;
    }
    return denied ||
           str_eq(attr_text(o->span.attrs[ATTR_GRPC_MESSAGE]), STR("RBAC: access denied"));
}

/* A look-up of a name is a step of the request that it is for, and no request of its own. */
static bool is_name_lookup(const struct span *s, const struct observation *x)
{
    return x->kind == SPAN_CLIENT && x->protocol == PROTOCOL_UNKNOWN && x->dest_kind == DEST_NONE &&
           str_eq(s->scope->name, STR("@opentelemetry/instrumentation-dns"));
}

/* The newer conventions let a library that fetches messages be their CLIENT. */
static bool is_receiving(const struct observer *o, const struct observation *x)
{
    return x->kind == SPAN_CLIENT && x->dest_kind == DEST_MESSAGING &&
           str_eq(attr_text(o->span.attrs[ATTR_MSG_OPERATION]), STR("receive"));
}

/* *x is all-zero. */
static bool observe_span(struct observer *o, const struct span *s, struct observation *x)
{
    if (s->resource != o->resource) {
        o->resource = s->resource;
        resource_read(s->resource, &o->facts);
    }
    x->kind = (uint8_t)s->kind;
    o->span.span = s;
    x->denied = index_attributes(o, s);
    struct node_name node;
    if (!observe_owner(o, s, &node, &x->owner) || !observe_source(o, &x->source))
        return false;
    o->span.maker = o->out->owners[x->owner].maker;
    x->role = (uint8_t)role_of(o, s, o->span.maker, &node);
    observe_url(&o->span);
    observe_outcome(&o->span, x);
    observe_destination(&o->span, x);
    if (is_name_lookup(s, x))
        x->kind = SPAN_INTERNAL;
    else if (is_receiving(o, x))
        x->kind = SPAN_CONSUMER;
    return observe_operation(&o->span, &o->batch->arena, x);
}

enum status collector_prepare(struct batch *b, struct err *e)
{
    struct observations *out = arena_calloc(&b->arena, 1, sizeof(*out));
    if (!out)
        return err_set(e, ST_NO_MEMORY, "no memory for %u observations", b->span_count);
    out->items = arena_calloc(&b->arena, b->span_count, sizeof(*out->items));
    struct observer o = {.batch = b, .out = out};
    bool ok = out->items != NULL;
    for (uint32_t i = 0; ok && i < b->span_count; i++)
        ok = observe_span(&o, &b->spans[i], &out->items[i]);
    if (!ok)
        return err_set(e, ST_NO_MEMORY, "no memory for %u observations", b->span_count);
    b->observations = out;
    return ST_OK;
}
