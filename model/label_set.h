/* label_set.h - the labels of one series: name and value pairs sorted by name, each name once.
 * Source: Prometheus data model; the metric's name is the label `__name__`. */
#ifndef WEFT_MODEL_LABEL_SET_H
#define WEFT_MODEL_LABEL_SET_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"

#define LABEL_METRIC_NAME STR("__name__")

struct label {
    struct str name, value; /* borrowed; a missing label and an empty value are the same, so a set
                               holds no empty value */
};

/* Ascending by name in byte order, names distinct. Plain data, borrowed. */
struct label_set {
    const struct label *items;
    uint32_t count;
};

/* Sorts `count` labels in place and leaves out empty values; *out borrows them. ST_INVALID names a
 * label that comes twice or has no name. */
enum status label_set_sort(struct label *items, uint32_t count, struct label_set *out,
                           struct err *e);
/* Value of a label, empty when missing. */
struct str label_set_get(struct label_set s, struct str name);
struct str label_set_metric(struct label_set s);
bool label_set_eq(struct label_set a, struct label_set b);
/* Order of Prometheus' answers: label by label, name before value, a prefix first. <0, 0, >0. */
int label_set_cmp(struct label_set a, struct label_set b);
uint64_t label_set_hash(struct label_set s, uint64_t seed);
/* A copy whose bytes all live in the arena. False when memory is short. */
bool label_set_copy(struct arena *arena, struct label_set s, struct label_set *out) NODISCARD;

/* varint count, then name and value of each as varint length and bytes. */
void label_set_encode(struct label_set s, struct buf *out);
/* Strings borrow from the bytes, the array is the arena's. ST_CORRUPT, ST_NO_MEMORY. */
enum status label_set_decode(struct cursor *in, struct arena *arena, struct label_set *out,
                             struct err *e);

#endif
