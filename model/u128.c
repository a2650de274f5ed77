/* u128.c - varints of 128 bits. */
#include "model/u128.h"

void buf_append_varint128(struct buf *b, u128 v)
{
    uint8_t bytes[19];
    size_t len = 0;
    for (; v >= 0x80; v >>= 7)
        bytes[len++] = (uint8_t)(v | 0x80);
    bytes[len++] = (uint8_t)v;
    buf_append(b, bytes, len);
}

u128 cursor_varint128(struct cursor *c)
{
    u128 v = 0;
    for (unsigned shift = 0; shift < 128; shift += 7) {
        uint8_t byte = cursor_u8(c);
        if (shift == 126 && byte > 3)
            break;
        v |= (u128)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return c->failed ? 0 : v;
    }
    c->failed = true;
    return 0;
}
