/* identity.c - the mesh's name where there is one, else the application's own. */
#include "collector/identity.h"

static struct str first_of(struct str a, struct str b)
{
    return a.len ? a : b;
}

void resource_read(const struct resource *r, struct resource_facts *out)
{
    *out = (struct resource_facts){0};
    for (uint32_t i = 0; i < r->attr_count; i++) {
        enum resource_attr field = resource_attr_of(r->attrs[i].key);
        if (field == RES_NONE)
            continue;
        struct str text = attr_text(&r->attrs[i]);
        if (text.len > 0)
            out->text[field] = str_sub(text, 0, 256);
    }
    const struct str *t = out->text;
    out->envoy = str_eq(t[RES_SDK], STR("envoy"));
    out->linkerd = str_eq(t[RES_SERVICE], STR("linkerd-proxy")) ||
                   str_eq(t[RES_CONTAINER], STR("linkerd-proxy")) || t[RES_L5D_NAMESPACE].len > 0 ||
                   t[RES_L5D_CONTROL].len > 0;
    out->proxy = str_eq_nocase(t[RES_WEBENGINE], STR("Caddy"));
}

static const struct str consul_suffix = {"-sidecar-proxy", sizeof("-sidecar-proxy") - 1};

struct node_name node_name_of(struct str id)
{
    struct node_name n = {0};
    struct str rest, address, pod;
    if (str_cut(id, '~', &n.type, &rest) && str_cut(rest, '~', &address, &rest)) {
        str_cut(rest, '~', &pod, &rest);
        size_t dot = str_find_last(pod, '.');
        n.pod = str_sub(pod, 0, dot);
        n.space = str_sub(pod, dot + 1, pod.len);
        n.istio = true;
        return n;
    }
    n.type = (struct str){0};
    if (str_ends_with(id, consul_suffix)) {
        n.pod = str_sub(id, 0, id.len - consul_suffix.len);
        n.consul = true;
    }
    return n;
}

struct str pod_workload(struct str pod)
{
    size_t last = str_find_last(pod, '-');
    if (last == pod.len)
        return pod;
    size_t before = str_find_last(str_sub(pod, 0, last), '-');
    return before == 0 || before == last ? pod : str_sub(pod, 0, before);
}

/* The deployment of an application: named, or out of the pod's name. */
static struct str workload_of(const struct str *t)
{
    static const enum resource_attr fields[] = {RES_DEPLOYMENT, RES_STATEFULSET, RES_DAEMONSET,
                                                RES_CRONJOB,    RES_JOB,         RES_REPLICASET};
    for (size_t i = 0; i < LEN(fields); i++)
        if (t[fields[i]].len)
            return t[fields[i]];
    return pod_workload(t[RES_POD]);
}

static void app_owner(const struct resource_facts *r, struct owner *out)
{
    const struct str *t = r->text;
    struct str name = t[RES_SERVICE];
    out->variant.workload = workload_of(t);
    out->instance = first_of(t[RES_POD], first_of(t[RES_INSTANCE], t[RES_HOST]));
    out->is_pod = t[RES_POD].len > 0;
    if (name.len == 0 || str_starts_with(name, STR("unknown_service"))) {
        struct str better =
            first_of(t[RES_CANONICAL], first_of(t[RES_APP_LABEL], out->variant.workload));
        better = first_of(better, first_of(t[RES_CONTAINER], t[RES_FAAS]));
        name = first_of(better, first_of(name, STR("unknown_service")));
    }
    out->entity.name = name;
    out->entity.space = first_of(t[RES_NAMESPACE], t[RES_K8S_NAMESPACE]);
    out->entity.cluster = t[RES_CLUSTER];
    out->variant.version =
        first_of(t[RES_CANONICAL_REVISION], first_of(t[RES_VERSION], t[RES_VERSION_LABEL]));
}

static void linkerd_owner(const struct resource_facts *r, struct owner *out)
{
    const struct str *t = r->text;
    struct str pod = first_of(t[RES_POD], t[RES_HOST]);
    struct str workload = workload_of(t);
    out->variant.workload = first_of(workload, pod_workload(pod));
    struct str name = workload.len ? workload : first_of(t[RES_APP_LABEL], pod_workload(pod));
    out->entity.name = first_of(name, t[RES_SERVICE]);
    out->entity.space =
        first_of(t[RES_L5D_NAMESPACE], first_of(t[RES_K8S_NAMESPACE], t[RES_NAMESPACE]));
    out->entity.cluster = t[RES_CLUSTER];
    out->variant.version = first_of(t[RES_VERSION_LABEL], t[RES_VERSION]);
    out->instance = pod;
    out->is_pod = pod.len > 0;
}

/* "reviews.bookinfo" is name and namespace only when the node says that it lives in that namespace.
 */
static void split_service_name(struct str name, struct str space, struct entity *out)
{
    struct str head, tail;
    out->name = name;
    if (str_cut(name, '.', &head, &tail) && space.len && str_eq(tail, space))
        out->name = head;
}

static void envoy_owner(const struct resource_facts *r, const struct attr *const attrs[ATTR_COUNT],
                        const struct node_name *node, struct owner *out)
{
    const struct str *t = r->text;
    struct str service = attr_known(attrs[ATTR_ISTIO_SERVICE]);
    struct str space = attr_text(attrs[ATTR_ISTIO_NAMESPACE]);
    if (service.len) {
        out->entity.name = service;
        out->entity.space = first_of(space, node->space);
    } else if (node->consul) {
        out->entity.name = pod_workload(node->pod);
        out->weak = true;
    } else if (attrs[ATTR_NODE_ID] && !node->istio &&
               str_ends_with(attr_text(attrs[ATTR_CLUSTER]), STR(".consul"))) {
        /* One of Consul's gateways: all its proxies share one service.name. */
        out->entity.name = pod_workload(attr_text(attrs[ATTR_NODE_ID]));
        out->entity.kind = ENTITY_GATEWAY;
    } else if (t[RES_SERVICE].len) {
        out->entity.space = first_of(t[RES_NAMESPACE], first_of(node->space, t[RES_K8S_NAMESPACE]));
        split_service_name(t[RES_SERVICE], out->entity.space, &out->entity);
    } else {
        out->entity.name = first_of(pod_workload(node->pod), STR("envoy"));
        out->entity.space = node->space;
    }
    out->entity.cluster = first_of(attr_known(attrs[ATTR_ISTIO_CLUSTER]), t[RES_CLUSTER]);
    out->variant.version = first_of(attr_known(attrs[ATTR_ISTIO_REVISION]),
                                    first_of(t[RES_VERSION], t[RES_VERSION_LABEL]));
    out->instance = first_of(node->pod, t[RES_POD]);
    out->is_pod = out->instance.len > 0;
    out->variant.workload = first_of(pod_workload(out->instance), t[RES_DEPLOYMENT]);
    if (str_eq(node->type, STR("router")) || str_eq(node->type, STR("waypoint")))
        out->entity.kind = ENTITY_GATEWAY;
}

void owner_of_span(const struct resource_facts *r, const struct attr *const attrs[ATTR_COUNT],
                   const struct node_name *node, struct str scope, struct owner *out)
{
    *out = (struct owner){0};
    if (r->envoy || str_eq(attr_text(attrs[ATTR_COMPONENT]), STR("proxy")) || attrs[ATTR_NODE_ID]) {
        out->maker = MAKER_ENVOY;
        envoy_owner(r, attrs, node, out);
        return;
    }
    if (r->linkerd && attrs[ATTR_DIRECTION]) {
        out->maker = MAKER_LINKERD;
        linkerd_owner(r, out);
        return;
    }
    if (r->proxy || str_eq(scope, STR("nginx")) ||
        str_starts_with(scope, STR("github.com/traefik/"))) {
        out->maker = MAKER_PROXY;
        out->entity.kind = ENTITY_GATEWAY;
    }
    app_owner(r, out);
}
