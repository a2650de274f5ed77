/* entity.h - who talks: a service, gateway, external host, database ...; and which variant of it.
 * Source: api.md section 3. */
#ifndef WEFT_MODEL_ENTITY_H
#define WEFT_MODEL_ENTITY_H

#include "base/buf.h"
#include "base/str.h"

/* Stored in parts: never renumber. */
enum entity_kind {
    ENTITY_SERVICE = 0,
    ENTITY_GATEWAY = 1,
    ENTITY_EXTERNAL = 2,
    ENTITY_DATABASE = 3,
    ENTITY_MESSAGING = 4,
    ENTITY_USER = 5,
    ENTITY_UNKNOWN = 6,
    ENTITY_BLOCKED = 7,
    ENTITY_OTHER = 8, /* overflow: `other`, keeps sums right */
};

/* Ordered by how specific it is: the larger wins when two sides of a hop differ. Stored in parts:
 * never renumber. */
enum protocol {
    PROTOCOL_UNKNOWN = 0,
    PROTOCOL_TCP = 1,
    PROTOCOL_MESSAGING = 2,
    PROTOCOL_DATABASE = 3,
    PROTOCOL_HTTP = 4,
    PROTOCOL_GRPC = 5,
};

struct entity {
    struct str cluster, space, name; /* space is the namespace; empty when not known. Borrowed */
    enum entity_kind kind;
};

/* One deployment and revision of an entity; both may be empty. */
struct variant {
    struct str version, workload; /* borrowed */
};

/* Equal in cluster, namespace, name and kind. */
bool entity_eq(const struct entity *a, const struct entity *b);
/* Appends the id of api.md: "space/name", "name", with "cluster:" in front when with_cluster and
 * the cluster is known. What is called like one of the ends that are nobody (`user`, `unknown`,
 * `blocked`, `other`) and has neither gets a slash in front. */
void entity_append_id(struct buf *out, const struct entity *e, bool with_cluster);
const char *entity_kind_name(enum entity_kind k);
const char *protocol_name(enum protocol p);
/* False for an unknown word. */
bool protocol_from_name(struct str name, enum protocol *out);

#endif
