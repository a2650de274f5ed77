/* sightings.h - who was seen since the registry was last told: one entry for thousands of requests.
 */
#ifndef WEFT_COLLECTOR_SIGHTINGS_H
#define WEFT_COLLECTOR_SIGHTINGS_H

#include "base/map64.h"
#include "base/vec.h"
#include "collector/hop_request.h"
#include "model/registry.h"

struct sighting {
    uint32_t entity, variant;
    uint32_t owner; /* whose instance it is; of an alias the entity whose name it is */
    bool is_alias;
    uint64_t first_ns, last_ns; /* event time */
};

/* All-zero is a valid empty set. One thread at a time. */
struct sightings {
    struct map64 index; /* hash -> position */
    VEC(struct sighting) items;
};

/* Frees what the set owns; it is empty again. */
void sightings_deinit(struct sightings *s);
/* Notes both ends of a request. What memory is short for is not noted. */
void sightings_add(struct sightings *s, const struct names *names, const struct request *q);
/* Tells the registry all of it. */
void sightings_tell(const struct sightings *s, const struct names *names, struct registry *r);
void sightings_clear(struct sightings *s);

#endif
