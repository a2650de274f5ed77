/* buf.h - growable output bytes. A failed growth sticks: write on, ask buf.failed once at the end.
 */
#ifndef WEFT_BASE_BUF_H
#define WEFT_BASE_BUF_H

#include "base/str.h"

struct arena;

/* All-zero is a valid empty buffer. One thread at a time. */
struct buf {
    char *ptr; /* owned */
    size_t len, cap;
    bool failed;         /* memory ran out; what is in ptr is incomplete */
    struct arena *payer; /* borrowed, may be NULL: counts what the buffer holds, until it holds it
                            no more, and sets how long it may get */
};

/* Frees the bytes; b is empty again. */
void buf_deinit(struct buf *b);
/* Empties, keeps the memory, clears failed. */
void buf_reset(struct buf *b);
/* Room for `more` bytes behind len; false (and failed) when memory is short. */
bool buf_reserve(struct buf *b, size_t more);
void buf_append(struct buf *b, const void *bytes, size_t len);
void buf_append_str(struct buf *b, struct str s);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_append_u8(struct buf *b, uint8_t v);
/* Little endian. */
void buf_append_u16(struct buf *b, uint16_t v);
void buf_append_u32(struct buf *b, uint32_t v);
void buf_append_u64(struct buf *b, uint64_t v);
/* LEB128; the second is zig-zag. */
void buf_append_varint(struct buf *b, uint64_t v);
void buf_append_zigzag(struct buf *b, int64_t v);
/* varint length, then the bytes. */
void buf_append_lenstr(struct buf *b, struct str s);
/* Moves the bytes out: the caller owns *ptr (mem_free) and b is empty again. */
char *buf_take(struct buf *b, size_t *len);

static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->ptr, b->len};
}

#endif
