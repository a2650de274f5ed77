/* utf8.h - text from the wire: a fast test for plain ASCII, and the repair of what is not UTF-8. */
#ifndef WEFT_CODEC_UTF8_H
#define WEFT_CODEC_UTF8_H

#include "base/arena.h"

/* True when no byte of s is above 0x7f. Any thread. */
static inline bool utf8_is_ascii(struct str s)
{
    typedef uint64_t lanes __attribute__((vector_size(16)));
    const char *at = s.ptr;
    size_t left = s.len;
    lanes seen = {0, 0};
    for (; left >= sizeof(lanes); at += sizeof(lanes), left -= sizeof(lanes)) {
        lanes chunk;
        memcpy(&chunk, at, sizeof(chunk));
        seen |= chunk;
    }
    uint64_t rest = seen[0] | seen[1];
    if (left >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        rest |= word;
        at += 8, left -= 8;
    }
    while (left > 0)
        rest |= (uint64_t)(uint8_t)at[--left];
    return (rest & 0x8080808080808080u) == 0;
}

/* Makes *s valid UTF-8 (RFC 3629): each longest broken sequence becomes one U+FFFD, as the Unicode
 * standard advises, in a copy in `arena`; valid text stays as it is. False when memory is short (*s
 * is unchanged). One thread at a time. */
bool utf8_repair(struct arena *arena, struct str *s) NODISCARD;

#endif
