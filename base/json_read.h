/* json_read.h - bounded pull reader of JSON (RFC 8259): no DOM, no recursion, slices into the
 * input. */
#ifndef WEFT_BASE_JSON_READ_H
#define WEFT_BASE_JSON_READ_H

#include "base/arena.h"
#include "base/err.h"

enum json_token {
    JSON_END,   /* the whole input was one value and white space */
    JSON_ERROR, /* *reader says what and where; sticks */
    JSON_OBJECT_BEGIN,
    JSON_OBJECT_END,
    JSON_ARRAY_BEGIN,
    JSON_ARRAY_END,
    JSON_KEY,
    JSON_STRING,
    JSON_NUMBER, /* text is the number as written */
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL_VALUE,
};

struct json_reader {
    const char *start, *at, *end; /* borrowed */
    struct arena *arena;          /* borrowed; holds strings that had escapes */
    struct str text;           /* of the last KEY, STRING or NUMBER; borrowed from input or arena */
    unsigned depth, max_depth; /* at most 63 */
    uint64_t in_object;        /* bit per depth */
    uint8_t state;             /* internal: what may come next */
    bool skips;                /* internal: nobody asks for texts */
    struct str skipped;        /* internal: arena; where escapes of skipped strings are resolved */
    struct err err;            /* set with JSON_ERROR; names the byte offset */
};

/* Starts reading input, which must outlive the reader and its slices. `max_depth` counts open
 * objects and arrays and is cut to 63. */
void json_reader_init(struct json_reader *r, struct str input, struct arena *arena,
                      unsigned max_depth);
/* The next token. Strings must be valid UTF-8 and escapes well formed; an escaped half of a
 * surrogate pair alone is U+FFFD. */
enum json_token json_next(struct json_reader *r);
/* After KEY: skips its value whole. After OBJECT_BEGIN / ARRAY_BEGIN: skips to its end. */
bool json_skip(struct json_reader *r);

#endif
