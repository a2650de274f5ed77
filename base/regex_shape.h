/* regex_shape.h - expressions that need no automaton: literals, and literals with gaps ("a.*b",
 * "5..", ".+"), also as alternatives. Private to regex.c. */
#ifndef WEFT_BASE_REGEX_SHAPE_H
#define WEFT_BASE_REGEX_SHAPE_H

#include "base/arena.h"

/* How many characters (not bytes) a run of dots takes. */
struct regex_gap {
    uint32_t min, max; /* max UINT32_MAX: any number */
};

/* head, then up to two gaps: head gap[0] tail, or head gap[0] middle gap[1] tail. */
struct regex_shape {
    struct str head, middle, tail;
    struct regex_gap gap[2];
    uint32_t gaps; /* 0: head is all of it */
};

/* One of them must match all of the text. */
struct regex_shapes {
    struct regex_shape *items; /* arena; literals alone: sorted, each once */
    uint32_t count;            /* 0: the expression is none of this kind */
    bool has_groups;           /* ( ) that capture */
    bool all_literal;
};

/* Reads a pattern that is valid UTF-8, which the result borrows beside what it takes from `arena`.
 * Count 0 as well when the pattern may not be valid, or when writing it out takes more than the
 * limit of `arena` or of memory. */
struct regex_shapes regex_shapes_read(struct str pattern, struct arena *arena);
/* Any thread. */
bool regex_shapes_match(const struct regex_shapes *s, struct str text);

#endif
