/* regex_need.h - texts of which every match of an expression contains one: who searches many texts
 * looks for those first and asks the automaton about the few that have one. Private to regex.c. */
#ifndef WEFT_BASE_REGEX_NEED_H
#define WEFT_BASE_REGEX_NEED_H

#include "base/arena.h"

enum { NEED_TEXTS_MAX = 16 };

struct need_texts {
    struct str items[NEED_TEXTS_MAX];
    uint32_t count;
};

struct regex_need {
    struct need_texts texts; /* none is empty; count 0: nothing is known */
    bool nocase;             /* ASCII letters stand for both cases; the texts are in lower case */
};

/* Reads a pattern that RE2 has taken. The texts are the pattern's or the arena's. What it does not
 * understand, or has no memory for, is nothing known. */
struct regex_need regex_need_read(struct str pattern, struct arena *arena);

#endif
