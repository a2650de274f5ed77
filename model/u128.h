/* u128.h - varints of 128 bits, for sums that must stay exact. */
#ifndef WEFT_MODEL_U128_H
#define WEFT_MODEL_U128_H

#include "base/buf.h"
#include "base/cursor.h"

__extension__ typedef unsigned __int128 u128;

/* LEB128, at most 19 bytes; the same bytes as buf_append_varint() for what fits 64 bits. */
void buf_append_varint128(struct buf *b, u128 v);
/* 0 and c->failed when it runs past the end or over 128 bits. */
u128 cursor_varint128(struct cursor *c);

#endif
