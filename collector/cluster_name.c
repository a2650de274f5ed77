/* cluster_name.c - takes cluster and host names apart; allocates nothing. */
#include "collector/cluster_name.h"

enum { LABELS_MAX = 24 };

/* Cuts at the dots, at most LABELS_MAX; more labels give 0. */
static size_t split_labels(struct str name, struct str labels[LABELS_MAX])
{
    size_t n = 0;
    for (struct str rest = name; n < LABELS_MAX; n++) {
        if (!str_cut(rest, '.', &labels[n], &rest))
            return n + 1;
    }
    return 0;
}

static bool starts(struct str s, const char *prefix, size_t len)
{
    return s.len >= len && memcmp(s.ptr, prefix, len) == 0;
}
#define STARTS(s, literal) starts(s, literal, sizeof(literal) - 1)

enum cluster_kind cluster_kind_of(struct str c)
{
    if (c.len == 0 || (c.len == 1 && c.ptr[0] == '-'))
        return CLUSTER_NONE;
    switch (c.ptr[0]) {
    case 'o':
        if (STARTS(c, "outbound|") || STARTS(c, "outbound_."))
            return CLUSTER_OUTBOUND;
        if (STARTS(c, "original-destination"))
            return CLUSTER_PASSTHROUGH;
        break;
    case 'i':
        if (STARTS(c, "inbound-vip|"))
            return CLUSTER_WAYPOINT;
        if (STARTS(c, "inbound|") || STARTS(c, "inbound_."))
            return CLUSTER_INBOUND;
        break;
    case 'l':
        if (STARTS(c, "local_")) /* Consul's local_app, Envoy's examples' local_service */
            return CLUSTER_INBOUND;
        break;
    case 'I':
        if (STARTS(c, "InboundPassthrough"))
            return CLUSTER_INBOUND;
        break;
    case 'P':
        if (STARTS(c, "PassthroughCluster"))
            return CLUSTER_PASSTHROUGH;
        break;
    case 'B':
        if (STARTS(c, "BlackHoleCluster"))
            return CLUSTER_BLACKHOLE;
        break;
    default:
        break;
    }
    return str_ends_with(c, STR(".consul")) ? CLUSTER_OUTBOUND : CLUSTER_OTHER;
}

/* "dir|port|subset|host" or "dir_.port_.subset_.host": exactly four parts. */
static bool split_istio(struct str c, struct str *port, struct str *subset, struct str *host)
{
    struct str dir, rest;
    if (str_find(c, '|') < c.len) {
        if (!str_cut(c, '|', &dir, &rest) || !str_cut(rest, '|', port, &rest) ||
            !str_cut(rest, '|', subset, host))
            return false;
        return str_find(*host, '|') == host->len;
    }
    struct str mark = STR("_.");
    struct str *parts[] = {&dir, port, subset};
    rest = c;
    for (size_t i = 0; i < LEN(parts); i++) {
        size_t at = str_search(rest, mark);
        if (at == rest.len)
            return false;
        *parts[i] = str_sub(rest, 0, at);
        rest = str_sub(rest, at + mark.len, rest.len);
    }
    *host = rest;
    return true;
}

/* Consul's SNI, read from the right: trust domain (two labels), routing type, then by type. */
static bool split_consul(struct str c, struct destination *out)
{
    size_t tilde = str_find_last(c, '~'); /* "<hash>~" and "passthrough~" stand in front */
    if (tilde < c.len)
        c = str_sub(c, tilde + 1, c.len);
    struct str l[LABELS_MAX];
    size_t n = split_labels(c, l);
    if (n < 6 || !str_eq(l[n - 1], STR("consul")))
        return false;
    struct str type = l[n - 3];
    size_t left = n - 3; /* labels in front of the type */
    size_t service;      /* index of the service's label */
    if (str_eq(type, STR("internal"))) {
        service = left - 3;
    } else if (str_eq(type, STR("internal-v1"))) {
        if (left < 4)
            return false;
        service = left - 4;
    } else if (str_eq(type, STR("external"))) {
        service = 0;
        left = MIN(left, (size_t)4);
    } else if (str_eq(type, STR("query"))) {
        service = left - 3;
    } else {
        return false;
    }
    out->entity.name = l[service];
    out->entity.space = l[service + 1];
    out->entity.cluster = l[left - 1];
    if (service > 0)
        out->subset = l[service - 1];
    return true;
}

/* name.namespace.svc[.domain], or pod.name.namespace.svc[.domain] of a headless service. */
static bool kubernetes_service(const struct str *l, size_t n, struct entity *out)
{
    for (size_t i = 2; i < n; i++) {
        if (str_eq(l[i], STR("svc"))) {
            out->name = l[i - 2];
            out->space = l[i - 1];
            return out->name.len > 0 && out->space.len > 0;
        }
    }
    return false;
}

/* [tag.]name.(virtual|service|connect|ingress)[.namespace.ns]...consul */
static bool consul_service(const struct str *l, size_t n, struct entity *out)
{
    if (n < 3 || !str_eq(l[n - 1], STR("consul")))
        return false;
    for (size_t i = 1; i + 1 < n; i++) {
        if (!str_eq(l[i], STR("virtual")) && !str_eq(l[i], STR("service")) &&
            !str_eq(l[i], STR("connect")) && !str_eq(l[i], STR("ingress")))
            continue;
        out->name = l[i - 1];
        for (size_t k = i + 2; k < n; k++)
            if (str_eq(l[k], STR("ns")))
                out->space = l[k - 1];
        return out->name.len > 0;
    }
    return false;
}

/* True when a host is the name of a service, which then is in *out. */
static bool is_service_host(struct str host, struct entity *out)
{
    struct str labels[LABELS_MAX];
    size_t n = split_labels(host, labels);
    return kubernetes_service(labels, n, out) || consul_service(labels, n, out);
}

bool destination_from_cluster(struct str cluster, struct destination *out)
{
    *out = (struct destination){.entity.kind = ENTITY_SERVICE};
    struct str port_text, subset, host;
    uint64_t port = 0;
    switch (cluster_kind_of(cluster)) {
    case CLUSTER_OUTBOUND:
    case CLUSTER_WAYPOINT:
        if (split_istio(cluster, &port_text, &subset, &host)) {
            (void)str_to_u64(port_text, &port);
            if (host.len == 0)
                return false;
            destination_from_host(host, port <= UINT16_MAX ? (uint32_t)port : 0, out);
            /* A waypoint's third part is "http", "tcp" or a subset. */
            if (!str_eq(subset, STR("http")) && !str_eq(subset, STR("tcp")))
                out->subset = subset;
            return true;
        }
        return split_consul(cluster, out);
    case CLUSTER_OTHER:
        if (!is_service_host(cluster, &out->entity))
            out->entity.name = cluster;
        return true;
    case CLUSTER_BLACKHOLE:
        out->entity = (struct entity){.name = STR("blocked"), .kind = ENTITY_BLOCKED};
        return true;
    default:
        return false;
    }
}

static void append(struct destination *out, size_t *len, struct str s)
{
    for (size_t i = 0; i < s.len && *len < DESTINATION_TEXT; i++) {
        char c = s.ptr[i];
        out->text[(*len)++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
}

void destination_from_host(struct str host, uint32_t port, struct destination *out)
{
    *out = (struct destination){.entity.kind = ENTITY_SERVICE};
    if (str_ends_with(host, STR("-shadow")))
        host = str_sub(host, 0, host.len - STR("-shadow").len);
    if (host.len > 1 && host.ptr[host.len - 1] == '.')
        host = str_sub(host, 0, host.len - 1);
    if (is_service_host(host, &out->entity))
        return;
    out->entity = (struct entity){.kind = ENTITY_EXTERNAL};
    size_t len = 0;
    bool names_port = port != 0 && port != 80 && port != 443;
    bool bracketed = names_port && str_find(host, ':') < host.len; /* IPv6 */
    append(out, &len, bracketed ? STR("[") : (struct str){0});
    append(out, &len, str_sub(host, 0, DESTINATION_TEXT - 10));
    append(out, &len, bracketed ? STR("]") : (struct str){0});
    if (names_port) {
        char digits[8];
        size_t count = 0;
        for (uint32_t p = port; p && count < sizeof(digits); p /= 10)
            digits[count++] = (char)('0' + p % 10);
        append(out, &len, STR(":"));
        while (count > 0)
            append(out, &len, (struct str){&digits[--count], 1});
    }
    out->entity.name = (struct str){out->text, len};
}

/* A system's word in the conventions of today, of that in older ones or of a driver's name. */
static struct str system_word(struct str system)
{
    static const char *const words[][2] = {
        {"mysql2", "mysql"},
        {"mssql", "microsoft.sql_server"},
        {"oracle", "oracle.db"},
        {"db2", "ibm.db2"},
        {"dynamodb", "aws.dynamodb"},
        {"redshift", "aws.redshift"},
        {"cosmosdb", "azure.cosmosdb"},
        {"spanner", "gcp.spanner"},
    };
    for (size_t i = 0; i < LEN(words); i++)
        if (str_eq(system, str_from_c(words[i][0])))
            return str_from_c(words[i][1]);
    return system;
}

static bool has_own_protocol(struct str system)
{
    static const char *const systems[] = {
        "activemq",   "cassandra", "celery",   "h2",        "ibm.db2",
        "jms",        "kafka",     "mariadb",  "memcached", "microsoft.sql_server",
        "mongodb",    "mqtt",      "mysql",    "nats",      "oracle.db",
        "postgresql", "pulsar",    "rabbitmq", "redis",     "rocketmq",
        "sqlite",     "valkey",
    };
    for (size_t i = 0; i < LEN(systems); i++)
        if (str_eq(system, str_from_c(systems[i])))
            return true;
    return false;
}

/* At most `max` bytes, never half a character. */
static struct str cut(struct str s, size_t max)
{
    if (s.len <= max)
        return s;
    s = str_sub(s, 0, max);
    return str_sub(s, 0, str_utf8_prefix(s));
}

void destination_from_parts(struct str system, struct str name, struct str host,
                            struct destination *out)
{
    system = system_word(system);
    /* The newer conventions add the schema. */
    if (str_eq(system, STR("postgresql")))
        name = str_sub(name, 0, str_find(name, '|'));
    *out = (struct destination){.own_protocol = has_own_protocol(system),
                                .is_vague = name.len + host.len == 0};
    size_t len = 0;
    struct str parts[] = {system, STR(":"), cut(name, 128), STR("@"), cut(host, 96)};
    parts[0] = cut(system.len ? system : STR("unknown"), 32);
    for (size_t i = 0; i < LEN(parts); i++) {
        bool separator = i % 2 == 1;
        if (separator && parts[i + 1].len == 0) {
            i++;
            continue;
        }
        memcpy(out->text + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    out->entity.name = (struct str){out->text, len};
}

struct str authority_split(struct str a, uint32_t *port)
{
    *port = 0;
    size_t at = str_find_last(a, '@');
    if (at < a.len)
        a = str_sub(a, at + 1, a.len);
    struct str host = a, digits = {0};
    if (a.len > 0 && a.ptr[0] == '[') {
        size_t close = str_find(a, ']');
        host = str_sub(a, 1, close);
        if (close + 1 < a.len && a.ptr[close + 1] == ':')
            digits = str_sub(a, close + 2, a.len);
    } else {
        size_t colon = str_find_last(a, ':');
        if (colon < a.len && colon == str_find(a, ':')) {
            host = str_sub(a, 0, colon);
            digits = str_sub(a, colon + 1, a.len);
        }
    }
    uint64_t value;
    if (str_to_u64(digits, &value) && value <= UINT16_MAX)
        *port = (uint32_t)value;
    return host;
}

struct str url_split(struct str url, struct str *path)
{
    size_t colon = str_find(str_sub(url, 0, 16), ':'); /* schemes are short */
    bool has_scheme = colon + 2 < url.len && url.ptr[colon] == ':' && url.ptr[colon + 1] == '/' &&
                      url.ptr[colon + 2] == '/';
    struct str rest = has_scheme ? str_sub(url, colon + 3, url.len) : url;
    rest = str_sub(rest, 0, MIN(str_find(rest, '?'), str_find(rest, '#')));
    size_t slash = str_find(rest, '/');
    *path = str_sub(rest, slash, rest.len);
    return str_sub(rest, 0, slash);
}

/* Asked of every client's span: the port is stepped over from the end, the rest is not read. */
bool authority_is_shadow(struct str authority)
{
    size_t end = authority.len;
    while (end > 0 && authority.ptr[end - 1] >= '0' && authority.ptr[end - 1] <= '9')
        end--;
    bool has_port = end > 0 && authority.ptr[end - 1] == ':';
    return str_ends_with(has_port ? str_sub(authority, 0, end - 1) : authority, STR("-shadow"));
}
