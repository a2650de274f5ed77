/* pb_walk.h - bounded reader of the protobuf wire format: one field after the other, slices into
 * the body, no recursion. Source: protobuf.dev/programming-guides/encoding. Tags and lengths take
 * at most 5 bytes and varints at most 10, as in Google's library; bits above 64 are ignored; groups
 * are skipped whole. */
#ifndef WEFT_CODEC_PB_WALK_H
#define WEFT_CODEC_PB_WALK_H

#include "base/str.h"

enum pb_type {
    PB_VARINT = 0,
    PB_FIXED64 = 1,
    PB_LEN = 2,
    PB_GROUP = 3,
    PB_GROUP_END = 4,
    PB_FIXED32 = 5
};

enum {
    PB_GROUP_DEPTH = 32
}; /* groups inside groups that are skipped; no sender of today writes any */

/* What a field begins with: a switch over tags tells a field of the wrong wire type from the right
 * one. */
#define PB_TAG(number, type) ((uint32_t)(number) << 3 | (uint32_t)(type))

/* One message, read from `at` on. A fault sticks: pb_next() gives false, `fault` says what, `at`
 * where. */
struct pb_reader {
    const uint8_t *at, *end; /* borrowed */
    const char *fault;       /* NULL, or what is wrong; static storage */
};

struct pb_field {
    uint32_t tag;
    uint64_t value;   /* VARINT, FIXED64, FIXED32 */
    struct str bytes; /* LEN; borrowed: part of the message */
};

/* `message.ptr` may not be NULL, even when it is empty. */
static inline struct pb_reader pb_reader_of(struct str message)
{
    const uint8_t *at = (const uint8_t *)message.ptr;
    return (struct pb_reader){at, at + message.len, NULL};
}

/* The cold halves of pb_next(): a varint of more than two bytes (bytes_max 5 or 10), and everything
 * that is not a short length-delimited field. Any thread; false sets the fault. */
bool pb_read_long_varint(struct pb_reader *r, unsigned bytes_max, uint64_t *out);
bool pb_read_number(struct pb_reader *r, struct pb_field *f);

static inline bool pb_fail(struct pb_reader *r, const char *fault)
{
    r->fault = fault;
    return false;
}

static inline bool pb_read_varint(struct pb_reader *r, unsigned bytes_max, uint64_t *out)
{
    const uint8_t *at = r->at;
    if (LIKELY(at < r->end && at[0] < 0x80)) {
        *out = at[0];
        r->at += 1;
        return true;
    }
    if (LIKELY(r->end - at >= 2 && at[1] < 0x80)) {
        *out = (at[0] & 0x7fu) | (unsigned)at[1] << 7;
        r->at += 2;
        return true;
    }
    return pb_read_long_varint(r, bytes_max, out);
}

/* Reads the next field. False at the end of the message or at a fault. A group comes as its
 * PB_GROUP tag, its content skipped. Any thread; nothing is copied. */
static inline bool pb_next(struct pb_reader *r, struct pb_field *f)
{
    uint64_t word;
    if (r->at == r->end)
        return false;
    if (UNLIKELY(!pb_read_varint(r, 5, &word)))
        return false;
    f->tag = (uint32_t)word;
    if ((word & 7) != PB_LEN || UNLIKELY(word < 8))
        return pb_read_number(r, f);
    if (UNLIKELY(!pb_read_varint(r, 5, &word)))
        return false;
    if (UNLIKELY(word > (size_t)(r->end - r->at)))
        return pb_fail(r, "a length runs past its message");
    f->bytes = (struct str){(const char *)r->at, word};
    r->at += word;
    return true;
}

#endif
