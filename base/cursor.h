/* cursor.h - bounded reader of our own binary formats. A short read sticks: ask cursor.failed once.
 */
#ifndef WEFT_BASE_CURSOR_H
#define WEFT_BASE_CURSOR_H

#include "base/str.h"

struct cursor {
    const uint8_t *at, *end; /* borrowed */
    bool failed; /* ran past the end, or a varint was too long; all later reads give 0 */
};

static inline struct cursor cursor_of(struct str bytes)
{
    const uint8_t *at = (const uint8_t *)bytes.ptr;
    return (struct cursor){at, bytes.len ? at + bytes.len : at, false};
}

/* Little endian. */
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
uint64_t cursor_varint(struct cursor *c);
int64_t cursor_zigzag(struct cursor *c);
/* `len` bytes in place, or an empty slice and failed. */
struct str cursor_bytes(struct cursor *c, size_t len);
struct str cursor_lenstr(struct cursor *c);

#endif
