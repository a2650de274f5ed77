/* pb_walk.c - the cold halves of the protobuf reader: long varints, numbers, groups. */
#include "codec/pb_walk.h"

bool pb_read_long_varint(struct pb_reader *r, unsigned bytes_max, uint64_t *out)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < bytes_max; i++) {
        if (r->at + i == r->end)
            return pb_fail(r, "a varint is cut off");
        uint8_t byte = r->at[i];
        word |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            if (bytes_max == 5 && word > UINT32_MAX)
                return pb_fail(r, "a tag or length is too large");
            r->at += i + 1;
            *out = word;
            return true;
        }
    }
    return pb_fail(r, "a varint is too long");
}

static uint64_t load_le64(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static uint32_t load_le32(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word;
}

static bool read_fixed(struct pb_reader *r, size_t bytes, uint64_t *out)
{
    if ((size_t)(r->end - r->at) < bytes)
        return pb_fail(r, "a fixed-width number is cut off");
    *out = bytes == 8 ? load_le64(r->at) : load_le32(r->at);
    r->at += bytes;
    return true;
}

static bool skip_bytes(struct pb_reader *r)
{
    uint64_t len;
    if (!pb_read_varint(r, 5, &len))
        return false;
    if (len > (size_t)(r->end - r->at))
        return pb_fail(r, "a length runs past its message");
    r->at += len;
    return true;
}

/* Reads the payload of a field that is neither a group nor its end. */
static bool skip_payload(struct pb_reader *r, unsigned type)
{
    uint64_t ignored;
    switch (type) {
    case PB_VARINT:
        return pb_read_varint(r, 10, &ignored);
    case PB_FIXED64:
        return read_fixed(r, 8, &ignored);
    case PB_FIXED32:
        return read_fixed(r, 4, &ignored);
    case PB_LEN:
        return skip_bytes(r);
    default:
        return pb_fail(r, "an unknown wire type");
    }
}

/* Goes behind the end of the group that field `number` opened. */
static bool skip_group(struct pb_reader *r, uint32_t number)
{
    uint32_t open[PB_GROUP_DEPTH];
    unsigned depth = 0;
    open[depth++] = number;
    while (depth > 0) {
        uint64_t tag;
        if (!pb_read_varint(r, 5, &tag))
            return false;
        uint32_t field = (uint32_t)tag >> 3;
        unsigned type = tag & 7;
        if (field == 0)
            return pb_fail(r, "a field has number 0");
        if (type == PB_GROUP) {
            if (depth == PB_GROUP_DEPTH)
                return pb_fail(r, "groups are nested too deep");
            open[depth++] = field;
        } else if (type == PB_GROUP_END) {
            if (open[--depth] != field)
                return pb_fail(r, "a group ends with another field's number");
        } else if (!skip_payload(r, type)) {
            return false;
        }
    }
    return true;
}

bool pb_read_number(struct pb_reader *r, struct pb_field *f)
{
    if (f->tag < 8)
        return pb_fail(r, "a field has number 0");
    switch (f->tag & 7) {
    case PB_VARINT:
        return pb_read_varint(r, 10, &f->value);
    case PB_FIXED64:
        return read_fixed(r, 8, &f->value);
    case PB_FIXED32:
        return read_fixed(r, 4, &f->value);
    case PB_GROUP:
        return skip_group(r, f->tag >> 3);
    default:
        return pb_fail(r, "an unknown wire type");
    }
}
