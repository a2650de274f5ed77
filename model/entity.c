/* entity.c - comparing and naming the ends of an edge. */
#include "model/entity.h"

bool entity_eq(const struct entity *a, const struct entity *b)
{
    return a->kind == b->kind && str_eq(a->name, b->name) && str_eq(a->space, b->space) &&
           str_eq(a->cluster, b->cluster);
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

/* The ids of ends that are nobody; each is the name of its kind too. */
static bool is_reserved(const struct entity *e)
{
    static const enum entity_kind nobodies[] = {ENTITY_USER, ENTITY_UNKNOWN, ENTITY_BLOCKED,
                                                ENTITY_OTHER};
    for (size_t i = 0; i < LEN(nobodies); i++)
        if (e->kind == nobodies[i])
            return false;
    for (size_t i = 0; i < LEN(nobodies); i++)
        if (str_eq(e->name, str_from_c(entity_kind_name(nobodies[i]))))
            return true;
    return false;
}

void entity_append_id(struct buf *out, const struct entity *e, bool with_cluster)
{
    size_t before = out->len;
    if (with_cluster && e->cluster.len) {
        buf_append_str(out, e->cluster);
        buf_append_u8(out, ':');
    }
    if (e->space.len) {
        buf_append_str(out, e->space);
        buf_append_u8(out, '/');
    }
    if (out->len == before && is_reserved(e))
        buf_append_u8(out, '/');
    buf_append_str(out, e->name);
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
