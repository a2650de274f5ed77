/* entity.c - comparing and naming the ends of an edge. */
#include "model/entity.h"

bool entity_eq(const struct entity *a, const struct entity *b)
{
    return a->kind == b->kind && str_eq(a->name, b->name) && str_eq(a->space, b->space) &&
           str_eq(a->cluster, b->cluster);
}

void entity_append_id(struct buf *out, const struct entity *e, bool with_cluster)
{
    if (with_cluster && e->cluster.len) {
        buf_append_str(out, e->cluster);
        buf_append_u8(out, ':');
    }
    if (e->space.len) {
        buf_append_str(out, e->space);
        buf_append_u8(out, '/');
    }
    buf_append_str(out, e->name);
}

const char *entity_kind_name(enum entity_kind k)
{
    static const char *const names[] = {
        [ENTITY_SERVICE] = "service",     [ENTITY_GATEWAY] = "gateway",
        [ENTITY_EXTERNAL] = "external",   [ENTITY_DATABASE] = "database",
        [ENTITY_MESSAGING] = "messaging", [ENTITY_USER] = "user",
        [ENTITY_UNKNOWN] = "unknown",     [ENTITY_BLOCKED] = "blocked",
        [ENTITY_OTHER] = "other",
    };
    return (unsigned)k < LEN(names) ? names[k] : "unknown";
}

static const char *const protocol_names[] = {
    [PROTOCOL_UNKNOWN] = "unknown",   [PROTOCOL_TCP] = "tcp",   [PROTOCOL_MESSAGING] = "messaging",
    [PROTOCOL_DATABASE] = "database", [PROTOCOL_HTTP] = "http", [PROTOCOL_GRPC] = "grpc",
};

const char *protocol_name(enum protocol p)
{
    return (unsigned)p < LEN(protocol_names) ? protocol_names[p] : "unknown";
}

bool protocol_from_name(struct str name, enum protocol *out)
{
    for (unsigned p = 0; p < LEN(protocol_names); p++) {
        if (!str_eq(name, str_from_c(protocol_names[p])))
            continue;
        *out = p;
        return true;
    }
    return false;
}
