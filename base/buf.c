/* buf.c - growing output bytes, little-endian words and varints. */
#include "base/buf.h"
#include "base/arena.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

enum { FIRST_CAP = 256, VARINT_MAX = 10 };

/* Forgets its bytes, and its payer too. */
static void forget(struct buf *b)
{
    if (b->payer)
        arena_let_go(b->payer, b->cap);
    *b = (struct buf){0};
}

void buf_deinit(struct buf *b)
{
    mem_free(b->ptr);
    forget(b);
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

/* How much to hold for `need` bytes; 0 when the payer does not allow it. */
static size_t next_cap(const struct buf *b, size_t need)
{
    size_t cap = MAX(MAX(need, b->cap + b->cap / 2), (size_t)FIRST_CAP);
    if (!b->payer)
        return cap;
    if (b->payer->limit_bytes)
        cap = MIN(cap, b->payer->limit_bytes);
    return need <= cap && arena_hold(b->payer, cap - b->cap) ? cap : 0;
}

static bool grow(struct buf *b, size_t more)
{
    size_t need;
    if (!b->failed && !size_add_overflow(b->len, more, &need)) {
        size_t cap = next_cap(b, need);
        char *moved = cap ? mem_realloc(b->ptr, cap) : NULL;
        if (moved) {
            b->ptr = moved;
            b->cap = cap;
            return true;
        }
        if (cap && b->payer)
            arena_let_go(b->payer, cap - b->cap);
    }
    b->failed = true;
    return false;
}

bool buf_reserve(struct buf *b, size_t more)
{
    return LIKELY(!b->failed && b->cap - b->len >= more) || grow(b, more);
}

void buf_append(struct buf *b, const void *bytes, size_t len)
{
    if (len == 0 || !buf_reserve(b, len))
        return;
    memcpy(b->ptr + b->len, bytes, len);
    b->len += len;
}

void buf_append_str(struct buf *b, struct str s)
{
    buf_append(b, s.ptr, s.len);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len >= 0 && buf_reserve(b, (size_t)len + 1)) {
        vsnprintf(b->ptr + b->len, (size_t)len + 1, fmt, again);
        b->len += (size_t)len;
    }
    va_end(again);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "words are written as they lie in memory");

static void append_le(struct buf *b, uint64_t v, size_t bytes)
{
    buf_append(b, &v, bytes);
}

void buf_append_u8(struct buf *b, uint8_t v)
{
    append_le(b, v, 1);
}

void buf_append_u16(struct buf *b, uint16_t v)
{
    append_le(b, v, 2);
}

void buf_append_u32(struct buf *b, uint32_t v)
{
    append_le(b, v, 4);
}

void buf_append_u64(struct buf *b, uint64_t v)
{
    append_le(b, v, 8);
}

void buf_append_varint(struct buf *b, uint64_t v)
{
    if (!buf_reserve(b, VARINT_MAX))
        return;
    /* A pointer of its own: bytes written through b->ptr could be b's own fields, for all the
     * compiler knows. */
    char *at = b->ptr + b->len;
    for (; v >= 0x80; v >>= 7)
        *at++ = (char)(uint8_t)(v | 0x80);
    *at++ = (char)v;
    b->len = (size_t)(at - b->ptr);
}

void buf_append_zigzag(struct buf *b, int64_t v)
{
    buf_append_varint(b, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

void buf_append_lenstr(struct buf *b, struct str s)
{
    buf_append_varint(b, s.len);
    buf_append_str(b, s);
}

char *buf_take(struct buf *b, size_t *len)
{
    char *bytes = b->ptr;
    *len = b->len;
    forget(b);
    return bytes;
}
