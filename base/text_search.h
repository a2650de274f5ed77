/* text_search.h - finds one short text in many bytes, 64 at a step where the processor has SSE2. */
#ifndef WEFT_BASE_TEXT_SEARCH_H
#define WEFT_BASE_TEXT_SEARCH_H

#include "base/str.h"

struct text_search {
    struct str text; /* borrowed; not empty; in lower case when case is ignored */
    bool nocase;     /* ASCII letters stand for both cases */
};

/* Where the text first occurs in `in` at or behind `from`; in.len when it does not. Any thread. */
size_t text_search_next(const struct text_search *s, struct str in, size_t from);

#endif
