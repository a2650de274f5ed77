/* observe_request.c - reads outcome, destination and operation under both the old and the new names
 * of each fact. */
#include "collector/observe_request.h"
#include "collector/cluster_name.h"
#include "collector/operation.h"
#include "model/histogram.h"

enum { NAME_MAX_BYTES = 256 };

static struct str text(const struct attr *const attrs[ATTR_COUNT], enum span_attr field)
{
    return str_sub(attr_text(attrs[field]), 0, NAME_MAX_BYTES);
}

/* --- weight --- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* Rejection threshold T of 2^56, given by its leading hex digits; the span stands for 2^56 / (2^56
 * - T). */
static uint64_t weight_of_threshold(struct str hex)
{
    uint64_t t = 0;
    if (hex.len == 0 || hex.len > 14)
        return WEIGHT_ONE;
    for (size_t i = 0; i < 14; i++) {
        int digit = i < hex.len ? hex_digit(hex.ptr[i]) : 0;
        if (digit < 0)
            return WEIGHT_ONE;
        t = t << 4 | (uint64_t)digit;
    }
    uint64_t kept = (UINT64_C(1) << 56) - t;
    u128 weight = ((u128)1 << (56 + WEIGHT_SHIFT)) / kept;
    u128 most =
        (u128)WEIGHT_ONE << 32; /* one in four billion: more is noise, and sums must not overflow */
    return (uint64_t)MIN(weight, most);
}

uint64_t sampling_weight(struct str state)
{
    struct str member, rest = state;
    while (rest.len > 0) {
        str_cut(rest, ',', &member, &rest);
        member = str_trim(member);
        if (!str_starts_with(member, STR("ot=")))
            continue;
        struct str field, fields = str_sub(member, 3, member.len);
        while (fields.len > 0) {
            str_cut(fields, ';', &field, &fields);
            if (str_starts_with(field, STR("th:")))
                return weight_of_threshold(str_sub(field, 3, field.len));
        }
    }
    return WEIGHT_ONE;
}

/* --- outcome --- */

static uint8_t grpc_code_of_name(struct str name)
{
    static const char *const names[] = {"OK",
                                        "CANCELLED",
                                        "UNKNOWN",
                                        "INVALID_ARGUMENT",
                                        "DEADLINE_EXCEEDED",
                                        "NOT_FOUND",
                                        "ALREADY_EXISTS",
                                        "PERMISSION_DENIED",
                                        "RESOURCE_EXHAUSTED",
                                        "FAILED_PRECONDITION",
                                        "ABORTED",
                                        "OUT_OF_RANGE",
                                        "UNIMPLEMENTED",
                                        "INTERNAL",
                                        "UNAVAILABLE",
                                        "DATA_LOSS",
                                        "UNAUTHENTICATED"};
    for (uint8_t i = 0; i < LEN(names); i++)
        if (str_eq(name, str_from_c(names[i])))
            return i;
    return GRPC_NONE;
}

static bool speaks_grpc(const struct attr *const attrs[ATTR_COUNT])
{
    return attrs[ATTR_GRPC_PATH] || attrs[ATTR_GRPC_CODE] || attrs[ATTR_GRPC_AUTHORITY] ||
           str_eq(attr_text(attrs[ATTR_RPC_SYSTEM]), STR("grpc")) ||
           str_starts_with(attr_text(attrs[ATTR_CONTENT_TYPE]), STR("application/grpc"));
}

static enum protocol protocol_of(const struct attr *const attrs[ATTR_COUNT], const struct span *s,
                                 enum maker maker)
{
    if (speaks_grpc(attrs))
        return PROTOCOL_GRPC;
    if (attrs[ATTR_DB_SYSTEM])
        return PROTOCOL_DATABASE;
    if (attrs[ATTR_MSG_SYSTEM] || s->kind == SPAN_PRODUCER || s->kind == SPAN_CONSUMER)
        return PROTOCOL_MESSAGING;
    if (attrs[ATTR_METHOD] || attrs[ATTR_HTTP_CODE] || attrs[ATTR_URL] ||
        attrs[ATTR_HTTP_PROTOCOL] || maker == MAKER_LINKERD)
        return PROTOCOL_HTTP;
    return PROTOCOL_UNKNOWN;
}

static void observe_codes(const struct attr *const attrs[ATTR_COUNT], struct observation *x)
{
    uint64_t n;
    x->http_code = CODE_NONE;
    x->grpc_code = GRPC_NONE;
    if (attr_number(attrs[ATTR_HTTP_CODE], &n) && n < 1000)
        x->http_code = (uint16_t)n;
    if (attr_number(attrs[ATTR_GRPC_CODE], &n) && n < GRPC_NONE)
        x->grpc_code = (uint8_t)n;
    else if (attrs[ATTR_RPC_CODE] && x->protocol == PROTOCOL_GRPC)
        x->grpc_code = attr_number(attrs[ATTR_RPC_CODE], &n) && n < GRPC_NONE
                           ? (uint8_t)n
                           : grpc_code_of_name(attr_text(attrs[ATTR_RPC_CODE]));
}

static uint32_t size_of(const struct attr *a)
{
    uint64_t n;
    if (!attr_number(a, &n))
        return SIZE_NONE;
    return (uint32_t)MIN(n, (uint64_t)SIZE_NONE - 1);
}

static bool says_error(const struct attr *a)
{
    if (!a)
        return false;
    if (a->type == VALUE_BOOL)
        return a->b;
    return a->type == VALUE_STRING && str_eq_nocase(a->text, STR("true"));
}

void observe_url(struct span_facts *f)
{
    f->authority = url_split(attr_text(f->attrs[ATTR_URL]), &f->path);
    if (f->authority.len == 0)
        f->authority = attr_text(f->attrs[ATTR_GRPC_AUTHORITY]);
    if (f->authority.len == 0)
        f->authority = attr_text(f->attrs[ATTR_HTTP_HOST]);
    f->authority = str_sub(f->authority, 0, NAME_MAX_BYTES);
    if (f->path.len == 0) {
        struct str query;
        str_cut(attr_text(f->attrs[ATTR_PATH]), '?', &f->path, &query);
    }
    if (f->path.len == 0)
        f->path = attr_text(f->attrs[ATTR_GRPC_PATH]);
}

/* Envoy's span of a copy that it sends to a mirror; like its other upstream spans it has no URL. */
static bool sends_copy(const struct span_facts *f)
{
    return f->maker == MAKER_ENVOY && f->span->kind == SPAN_CLIENT && !f->attrs[ATTR_NODE_ID] &&
           str_eq(f->span->name, STR("mirror"));
}

void observe_outcome(const struct span_facts *f, struct observation *x)
{
    const struct attr *const *attrs = f->attrs;
    const struct span *s = f->span;
    uint64_t n;
    x->protocol = (uint8_t)protocol_of(attrs, s, f->maker);
    observe_codes(attrs, x);
    x->error = s->status == SPAN_STATUS_ERROR || says_error(attrs[ATTR_ERROR]);
    x->flags = text(attrs, ATTR_FLAGS);
    x->request_bytes = size_of(attrs[ATTR_REQUEST_SIZE]);
    x->response_bytes = size_of(attrs[ATTR_RESPONSE_SIZE]);
    /* An SDK makes a span a try: only a proxy's count says what one span hides. */
    if (f->maker != MAKER_APP && attr_number(attrs[ATTR_RETRY], &n))
        x->retries = (uint8_t)MIN(n, (uint64_t)UINT8_MAX - 1);
    x->weight = s->trace_state.len ? sampling_weight(s->trace_state) : WEIGHT_ONE;
    x->mirror =
        authority_is_shadow(f->authority.len ? f->authority : text(attrs, ATTR_SERVER_ADDRESS)) ||
        sends_copy(f);
}

/* --- destination --- */

static void to_host(struct observation *x, struct str authority, uint32_t port)
{
    uint32_t own;
    x->dest = authority_split(authority, &own);
    x->dest_port = own ? own : port;
    x->dest_kind = x->dest.len ? DEST_HOST : DEST_NONE;
}

static uint32_t port_of(const struct attr *a)
{
    uint64_t n;
    return attr_number(a, &n) && n <= UINT16_MAX ? (uint32_t)n : 0;
}

/* The address as far as any attribute knows it, the asked name first. */
static void to_any_host(const struct span_facts *f, struct observation *x)
{
    if (f->authority.len) {
        to_host(x, f->authority, 0);
        return;
    }
    static const struct {
        enum span_attr host, port;
    } pairs[] = {{ATTR_SERVER_ADDRESS, ATTR_SERVER_PORT},
                 {ATTR_UPSTREAM_ADDRESS, ATTR_NONE},
                 {ATTR_PEER_ADDRESS, ATTR_PEER_PORT}};
    for (size_t i = 0; i < LEN(pairs) && x->dest_kind == DEST_NONE; i++)
        to_host(x, text(f->attrs, pairs[i].host), port_of(f->attrs[pairs[i].port]));
}

static void to_name(struct observation *x, enum dest_kind kind, struct str dest, struct str more)
{
    x->dest_kind = (uint8_t)kind;
    x->dest = dest;
    x->dest_more = more;
}

static void envoy_destination(const struct span_facts *f, struct observation *x)
{
    const struct attr *const *attrs = f->attrs;
    struct str cluster = text(attrs, ATTR_CLUSTER);
    if (cluster.len == 0)
        cluster = text(attrs, ATTR_CLUSTER_NAME);
    switch (cluster_kind_of(cluster)) {
    case CLUSTER_OUTBOUND:
    case CLUSTER_WAYPOINT:
    case CLUSTER_BLACKHOLE:
    case CLUSTER_OTHER:
        to_name(x, DEST_CLUSTER, cluster, (struct str){0});
        break;
    case CLUSTER_PASSTHROUGH:
        /* An upstream span knows only the address; the span above it knows the name. */
        if (attrs[ATTR_NODE_ID] || attrs[ATTR_URL])
            to_any_host(f, x);
        break;
    case CLUSTER_NONE:
        /* What no route was found for goes where its authority says. A gateway answers it itself.
         */
        if (x->role == ROLE_OUT || x->role == ROLE_IN)
            to_host(x, f->authority, 0);
        break;
    case CLUSTER_INBOUND:
        break;
    }
}

/* Celery's instrumentation names no system: it does not know which broker carries its messages. */
static struct str messaging_system(const struct span_facts *f)
{
    struct str system = text(f->attrs, ATTR_MSG_SYSTEM);
    bool celery = system.len == 0 && str_ends_with(f->span->scope->name, STR(".celery"));
    return celery ? STR("celery") : system;
}

/* RabbitMQ's default exchange, which has no name, hands a message to the queue that its routing key
 * names. aio-pika writes "exchange,key", Java "<default>". */
static struct str messaging_name(const struct span_facts *f, struct str system)
{
    struct str name = text(f->attrs, ATTR_MSG_DESTINATION), key;
    if (!str_eq(system, STR("rabbitmq")))
        return name;
    if (!str_cut(name, ',', &name, &key))
        key = text(f->attrs, ATTR_MSG_ROUTING_KEY);
    bool named = name.len > 0 && !str_eq(name, STR("<default>"));
    return named || key.len == 0 ? name : key;
}

static void app_destination(const struct span_facts *f, struct observation *x)
{
    const struct attr *const *attrs = f->attrs;
    if (attrs[ATTR_DB_SYSTEM]) {
        to_any_host(f, x);
        x->dest_host = x->dest;
        to_name(x, DEST_DATABASE, text(attrs, ATTR_DB_SYSTEM), text(attrs, ATTR_DB_NAME));
    } else if (attrs[ATTR_MSG_SYSTEM] || attrs[ATTR_MSG_DESTINATION]) {
        struct str system = messaging_system(f);
        to_name(x, DEST_MESSAGING, system, messaging_name(f, system));
    } else if (attr_text(attrs[ATTR_PEER_SERVICE]).len) {
        to_name(x, DEST_SERVICE, text(attrs, ATTR_PEER_SERVICE), text(attrs, ATTR_PEER_NAMESPACE));
    } else if (x->kind != SPAN_CONSUMER) {
        to_any_host(f, x);
        if (x->dest_port == 0)
            x->dest_port = port_of(attrs[ATTR_SERVER_PORT]);
    }
}

/* What a waypoint's tag says. */
static struct str told(const struct span_facts *f, enum span_attr field)
{
    return str_sub(attr_known(f->attrs[field]), 0, NAME_MAX_BYTES);
}

void observe_destination(const struct span_facts *f, struct observation *x)
{
    enum span_kind kind = f->span->kind;
    if (x->role == ROLE_WAYPOINT && told(f, ATTR_DST_SERVICE).len) {
        to_name(x, DEST_SERVICE, told(f, ATTR_DST_SERVICE), told(f, ATTR_DST_NAMESPACE));
        x->dest_host = told(f, ATTR_DST_REVISION);
        return;
    }
    switch (f->maker) {
    case MAKER_ENVOY:
        envoy_destination(f, x);
        break;
    case MAKER_LINKERD:
        if (x->role == ROLE_OUT)
            to_any_host(f, x);
        break;
    default:
        if (kind == SPAN_CLIENT || kind == SPAN_PRODUCER || kind == SPAN_CONSUMER)
            app_destination(f, x);
        break;
    }
}

/* --- operation --- */

bool observe_operation(const struct span_facts *f, struct arena *a, struct observation *x)
{
    enum span_kind kind = f->span->kind;
    if (kind == SPAN_INTERNAL || kind == SPAN_UNSPECIFIED)
        return true;
    bool app = f->maker == MAKER_APP;
    struct str method = attr_text(f->attrs[ATTR_METHOD]);
    struct str route = attr_text(f->attrs[ATTR_ROUTE]);
    bool names_it = app && (kind == SPAN_SERVER || kind == SPAN_CONSUMER) && f->span->name.len > 0;
    if (names_it || method.len == 0) {
        /* An Envoy's upstream span is named after its cluster: no operation. */
        if (app || f->attrs[ATTR_NODE_ID] || f->maker == MAKER_PROXY)
            x->operation = operation_cut(f->span->name);
        return true;
    }
    if (route.len > 0)
        x->operation = operation_from_route(a, method, route);
    else
        x->operation = operation_from_path(a, method, f->path.len ? f->path : STR("/"));
    return x->operation.ptr != NULL;
}
