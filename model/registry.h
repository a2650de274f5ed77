/* registry.h - the services ever seen: versions, workloads, instances, aliases, first and last
 * time. */
#ifndef WEFT_MODEL_REGISTRY_H
#define WEFT_MODEL_REGISTRY_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"
#include "model/entity.h"

/* One name under which a service or a part of it was seen. Strings are owned by the registry. */
struct registry_item {
    struct str name;
    uint64_t last_seen_ns;
};

struct registry_items {
    struct registry_item *items;
    uint32_t len, cap;
};

struct registry_service {
    struct entity entity;                 /* strings owned by the registry */
    uint64_t first_seen_ns, last_seen_ns; /* event time */
    struct registry_items versions, workloads, instances, aliases;
};

/* Bounded: a service keeps 1,000 instances and 200 versions and workloads (the oldest is forgotten)
 * and its first 32 aliases. One thread at a time writes; a clone may be read by any number. */
struct registry;

/* An empty registry of at most max_services that the caller ends with registry_free(), or NULL when
 * memory is short. */
struct registry *registry_new(uint64_t seed, uint32_t max_services);
/* NULL is allowed. */
void registry_free(struct registry *r);
/* A deep copy for readers, or NULL when memory is short. */
struct registry *registry_clone(const struct registry *r);
/* Services are numbered from 0 in the order in which they were first noted; valid until the next
 * note. */
uint32_t registry_count(const struct registry *r);
const struct registry_service *registry_at(const struct registry *r, uint32_t index);
/* Notes a sighting and returns the service's number; empty strings note nothing, all are copied.
 * SERVICE and GATEWAY are one service, a gateway from the first time it is seen as one.
 * UINT32_MAX when the registry is full or memory is short. */
uint32_t registry_note(struct registry *r, const struct entity *e, const struct variant *v,
                       struct str instance, uint64_t time_ns);
/* `alias` is another name of the service, e.g. the application's own. Copied. */
void registry_note_alias(struct registry *r, uint32_t service, struct str alias, uint64_t time_ns);
/* The id under which answers show e (api.md section 3): an entity whose namespace is not known
 * joins the only service of that name or alias that has one; a workload whose cluster is not known
 * joins the only one of its place that has one. Strings of the result are owned by the registry or
 * borrowed from e. About 50 ns. Returns e itself when there is none or more than one. */
struct entity registry_resolve(const struct registry *r, const struct entity *e);
/* True when more than one cluster was seen: ids then carry it. */
bool registry_many_clusters(const struct registry *r);
/* True when something was not noted because memory was short. */
bool registry_is_short_of_memory(const struct registry *r);

/* The bytes of docs/formats/registry.md. */
void registry_encode(const struct registry *r, struct buf *out);
/* Notes all that an image holds into a fresh registry. ST_CORRUPT, ST_NO_MEMORY. */
enum status registry_decode(struct cursor *in, struct registry *into, struct err *e);

#endif
