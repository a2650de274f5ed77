/* intern.h - strings to dense 32-bit ids and back; id 0 is always the empty string. */
#ifndef WEFT_BASE_INTERN_H
#define WEFT_BASE_INTERN_H

#include "base/str.h"

struct intern;

#define INTERN_NONE UINT32_MAX

/* Empty table owned by the caller, or NULL when memory is short. One thread at a time. */
struct intern *intern_new(uint64_t seed);
void intern_free(struct intern *t);
/* Id of s, added when new (the bytes are copied). INTERN_NONE when memory is short. */
uint32_t intern_add(struct intern *t, struct str s);
/* Id of s or INTERN_NONE. */
uint32_t intern_find(const struct intern *t, struct str s);
/* The string of an id that intern_add gave; valid until intern_free. */
struct str intern_get(const struct intern *t, uint32_t id);
uint32_t intern_count(const struct intern *t);
/* Bytes of heap it holds. */
size_t intern_bytes(const struct intern *t);

#endif
