/* series_hash.c - labels as remote write 1.0 has them, hashed. */
#include "model/series_hash.h"

enum {
    LABEL = 0x0a,
    NAME = 0x0a,
    VALUE = 0x12,
    HEADS_MAX = 3 + 3 * 10, /* tags and lengths of one label */
    WIRE_MAX = 1024,        /* longer labels are hashed piece by piece */
};

static unsigned varint_len(size_t v)
{
    unsigned len = 1;
    while (v >>= 7)
        len++;
    return len;
}

static uint8_t *put_varint(uint8_t *to, size_t v)
{
    for (; v >= 0x80; v >>= 7)
        *to++ = (uint8_t)(v | 0x80);
    *to++ = (uint8_t)v;
    return to;
}

static size_t label_len(const struct label *l)
{
    return 2 + varint_len(l->name.len) + l->name.len + varint_len(l->value.len) + l->value.len;
}

static uint8_t *put_text(uint8_t *to, struct str text)
{
    if (text.len > 0)
        memcpy(to, text.ptr, text.len);
    return to + text.len;
}

static uint8_t *put_name_head(uint8_t *to, const struct label *l)
{
    *to++ = LABEL;
    to = put_varint(to, label_len(l));
    *to++ = NAME;
    return put_varint(to, l->name.len);
}

static uint8_t *put_value_head(uint8_t *to, const struct label *l)
{
    *to++ = VALUE;
    return put_varint(to, l->value.len);
}

static uint64_t hash_pieces(struct label_set labels, uint64_t seed)
{
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_64bits_reset_withSeed(&state, seed);
    for (uint32_t i = 0; i < labels.count; i++) {
        const struct label *l = &labels.items[i];
        uint8_t head[HEADS_MAX];
        XXH3_64bits_update(&state, head, (size_t)(put_name_head(head, l) - head));
        XXH3_64bits_update(&state, l->name.ptr, l->name.len);
        XXH3_64bits_update(&state, head, (size_t)(put_value_head(head, l) - head));
        XXH3_64bits_update(&state, l->value.ptr, l->value.len);
    }
    return XXH3_64bits_digest(&state);
}

uint64_t series_hash(struct label_set labels, uint64_t seed)
{
    uint8_t wire[WIRE_MAX], *to = wire;
    for (uint32_t i = 0; i < labels.count; i++) {
        const struct label *l = &labels.items[i];
        size_t room = (size_t)(wire + WIRE_MAX - to);
        if (l->name.len >= room || l->value.len >= room ||
            l->name.len + l->value.len + HEADS_MAX > room)
            return hash_pieces(labels, seed);
        to = put_text(put_name_head(to, l), l->name);
        to = put_text(put_value_head(to, l), l->value);
    }
    return series_hash_wire((struct str){(const char *)wire, (size_t)(to - wire)}, seed);
}
