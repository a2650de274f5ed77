/* cursor.c - reading little-endian words and varints without ever passing the end. */
#include "base/cursor.h"

static const uint8_t *take(struct cursor *c, size_t len)
{
    if (UNLIKELY(c->failed || (size_t)(c->end - c->at) < len)) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *at = c->at;
    c->at += len;
    return at;
}

static uint64_t read_le(struct cursor *c, size_t bytes)
{
    const uint8_t *at = take(c, bytes);
    uint64_t v = 0;
    if (at)
        for (size_t i = 0; i < bytes; i++)
            v |= (uint64_t)at[i] << (8 * i);
    return v;
}

uint8_t cursor_u8(struct cursor *c)
{
    return (uint8_t)read_le(c, 1);
}

uint16_t cursor_u16(struct cursor *c)
{
    return (uint16_t)read_le(c, 2);
}

uint32_t cursor_u32(struct cursor *c)
{
    return (uint32_t)read_le(c, 4);
}

uint64_t cursor_u64(struct cursor *c)
{
    return read_le(c, 8);
}

uint64_t cursor_varint(struct cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = cursor_u8(c);
        /* The tenth byte holds bit 63 only. */
        if (c->failed || (shift == 63 && byte > 1))
            break;
        v |= (byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    c->failed = true;
    return 0;
}

int64_t cursor_zigzag(struct cursor *c)
{
    uint64_t v = cursor_varint(c);
    return (int64_t)((v >> 1) ^ -(v & 1));
}

struct str cursor_bytes(struct cursor *c, size_t len)
{
    const uint8_t *at = take(c, len);
    return at ? (struct str){(const char *)at, len} : (struct str){NULL, 0};
}

struct str cursor_lenstr(struct cursor *c)
{
    return cursor_bytes(c, (size_t)cursor_varint(c));
}
