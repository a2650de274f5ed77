/* row_caps.h - which edges, operations and versions have rows of their own; what comes after the
 * limits is counted under `other`. Decided by closed requests in their order, so that asking
 * changes nothing.
 */
#ifndef WEFT_COLLECTOR_ROW_CAPS_H
#define WEFT_COLLECTOR_ROW_CAPS_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"
#include "model/limits.h"

/* Which edges, operations and variants have rows of their own. Decided by closed requests in their
 * order; readers only ask. */
struct row_caps;

/* Variants (versions and deployments) of a service with rows of their own: as many as the registry
 * keeps. */
enum { ROW_CAPS_VARIANTS = 200 };

/* With the limits of `graph`. NULL when memory is short. */
struct row_caps *row_caps_new(uint64_t seed, const struct graph_settings *graph);
void row_caps_free(struct row_caps *c);
/* Forgets all decisions, keeps the totals: rows that are still in use take their place again. */
void row_caps_reset(struct row_caps *c);
/* True when something was refused since the last reset. */
bool row_caps_were_reached(const struct row_caps *c);

/* Under which pair of entities a request between these two is counted: they themselves, or with
 * NAMES_OTHER in place of one or both. `decide`: a new edge takes its place; otherwise it is only
 * judged. */
void row_caps_edge(struct row_caps *c, uint32_t *client, uint32_t *server, bool decide);
/* Whether an operation of `server` has a row of its own. */
bool row_caps_operation(struct row_caps *c, uint32_t server, struct str operation, bool decide);

/* The variant (id) under which a request of `entity` counts: itself, or NAMES_OTHER. */
uint32_t row_caps_variant(struct row_caps *c, uint32_t entity, uint32_t variant, bool decide);

/* Changes whenever a judgement without decision may turn out differently than before. */
uint64_t row_caps_generation(const struct row_caps *c);

enum cap_kind { CAP_EDGES, CAP_OPERATIONS, CAP_VARIANTS };

struct cap_offender {
    enum cap_kind kind;
    uint32_t entity;   /* whose operations or variants; NAMES_NONE = edges in all */
    uint64_t distinct; /* rows it has */
    uint64_t refused;  /* requests that went to `other` */
};
/* The worst, at most cap of them, by refused; returns how many. */
size_t row_caps_offenders(const struct row_caps *c, struct cap_offender *out, size_t cap);
void row_caps_overflow(const struct row_caps *c, uint64_t *edges, uint64_t *operations,
                       uint64_t *variants);

/* docs/formats/image.md, chunk CAPS. */
void row_caps_encode(const struct row_caps *c, struct buf *out);
/* `with_variants`: of an image of version 4 or later. */
enum status row_caps_decode(struct cursor *in, struct row_caps *into, bool with_variants,
                            struct err *e);

#endif
