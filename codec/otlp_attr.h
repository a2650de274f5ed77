/* otlp_attr.h - KeyValue messages to struct attr, many to a slab. Source: opentelemetry-proto
 * common/v1/common.proto. */
#ifndef WEFT_CODEC_OTLP_ATTR_H
#define WEFT_CODEC_OTLP_ATTR_H

#include "base/arena.h"
#include "codec/pb_walk.h"
#include "model/span.h"

/* Attributes of one owner after the other. The run is the owner that is being filled: always one
 * array. */
struct attr_slab {
    struct arena *arena;           /* borrowed; holds repaired text */
    struct arena *slabs;           /* borrowed; holds the attributes */
    struct attr *run, *next, *end; /* first of the run, behind its last, end of the slab */
    uint32_t slab_attrs;           /* how many a fresh slab holds */
    uint32_t limit;                /* attributes a run */
    unsigned max_depth;            /* of nested values */
    bool keep_bad_text;            /* leave text that is not UTF-8 as it came */
};

enum attr_result { ATTR_OK, ATTR_TOO_MANY, ATTR_TOO_DEEP, ATTR_BROKEN, ATTR_NO_MEMORY };

/* For a request of body_bytes; `slabs` may be `arena`. */
struct attr_slab attr_slab_of(struct arena *arena, struct arena *slabs, size_t body_bytes,
                              uint32_t limit, unsigned max_depth);

static inline void attr_run_begin(struct attr_slab *slab)
{
    slab->run = slab->next;
}

static inline uint32_t attr_run_count(const struct attr_slab *slab)
{
    return (uint32_t)(slab->next - slab->run);
}

/* Gives the run's room back. */
static inline void attr_run_undo(struct attr_slab *slab)
{
    slab->next = slab->run;
}

/* A place behind the run, in the run only once attr_run_keep() is called; may move the run. NULL:
 * memory is short. */
struct attr *attr_run_place(struct attr_slab *slab);
static inline void attr_run_keep(struct attr_slab *slab)
{
    slab->next++;
}

/* The plain case in a hurry: reads consecutive short attributes with one scalar value, key first or
 * value first, each under the one-byte tag `tag`, from r. Stops, without a fault, in front of what
 * is anything else (attr_run_read takes that). False when memory is short. */
bool attr_run_read_short(struct attr_slab *slab, struct pb_reader *r, uint8_t tag) NODISCARD;
/* Reads one KeyValue. An attribute without a key is left out. ATTR_BROKEN: *fault has `fault` and
 * `at`. */
enum attr_result attr_run_read(struct attr_slab *slab, struct str key_value,
                               struct pb_reader *fault);

#endif
