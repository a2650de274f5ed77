/* regex_re2.h - the C side of regex_re2.cc: RE2 behind plain pointers. Private to regex.c. */
#ifndef WEFT_BASE_REGEX_RE2_H
#define WEFT_BASE_REGEX_RE2_H

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As RE2::ErrorCode counts, and one more. */
enum re2_fault {
    RE2_FAULT_NONE,
    RE2_FAULT_INTERNAL,
    RE2_FAULT_ESCAPE,
    RE2_FAULT_CLASS,
    RE2_FAULT_CLASS_RANGE,
    RE2_FAULT_NO_BRACKET,
    RE2_FAULT_NO_PAREN,
    RE2_FAULT_PAREN,
    RE2_FAULT_BACKSLASH,
    RE2_FAULT_REPEAT_NOTHING,
    RE2_FAULT_REPEAT_COUNT,
    RE2_FAULT_REPEAT_NESTED,
    RE2_FAULT_PERL,
    RE2_FAULT_UTF8,
    RE2_FAULT_CAPTURE,
    RE2_FAULT_TOO_BIG,
    RE2_FAULT_MEMORY,
};

/* Compiles; dot matches newline. NULL with *fault set and the piece of the pattern that is wrong,
 * NUL-ended, in where[cap]. The caller ends the result with re2_free(). Any thread. */
void *re2_new(struct str pattern, size_t max_bytes, enum re2_fault *fault, char *where, size_t cap);
/* NULL is allowed. */
void re2_free(void *program);
/* The whole of text must match. Fills groups[0 .. count): 0 is all of it, a group that took no part
 * has a NULL ptr. `count` may be 0, at most one more than re2_group_count(). Any thread. */
bool re2_match(const void *program, struct str text, struct str *groups, size_t count);
size_t re2_group_count(const void *program);
/* Number of the group of that name, 0 when there is none. Any thread. */
size_t re2_group_find(const void *program, struct str name);

#ifdef __cplusplus
}
#endif

#endif
