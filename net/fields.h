/* fields.h - a compact copy of a request's header fields, which outlives the connection they came
 * on. */
#ifndef WEFT_NET_FIELDS_H
#define WEFT_NET_FIELDS_H

#include "base/buf.h"

/* All-zero is a valid empty list. One thread at a time; reading is safe on any thread once it is
 * complete. */
struct fields {
    struct buf bytes;
    unsigned count;
    size_t list_bytes; /* as HTTP/2 counts them: name + value + 32 each */
};

/* Copies both; false when memory is short. */
bool fields_add(struct fields *f, struct str name, struct str value);
/* Value of the first field of that name, ASCII case ignored; empty when absent. Borrowed from f. */
struct str fields_find(const struct fields *f, struct str name);
unsigned fields_count(const struct fields *f, struct str name);
/* Iterates: start with *at = 0; false at the end. */
bool fields_next(const struct fields *f, size_t *at, struct str *name, struct str *value);
/* Empties, keeps the memory. */
void fields_reset(struct fields *f);
void fields_deinit(struct fields *f);

#endif
