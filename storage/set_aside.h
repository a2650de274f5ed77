/* set_aside.h - parts that could not be read when they were to be merged: left alone for an hour,
 * so that one bad sector does not keep all others from being merged. One thread at a time. */
#ifndef WEFT_STORAGE_SET_ASIDE_H
#define WEFT_STORAGE_SET_ASIDE_H

#include "base/compiler.h"

enum { SET_ASIDE_MAX = 64 };

/* All-zero is empty. */
struct set_aside {
    struct {
        uint64_t id, until_mono_ns;
    } items[SET_ASIDE_MAX];
    size_t next; /* where the next one goes: the oldest is forgotten */
};

/* For an hour; the one of SET_ASIDE_MAX before it is forgotten. */
void set_aside_add(struct set_aside *a, uint64_t id, uint64_t now_mono_ns);
/* True while it is to be left alone. */
bool set_aside_has(const struct set_aside *a, uint64_t id, uint64_t now_mono_ns);

#endif
