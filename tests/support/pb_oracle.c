/* pb_oracle.c - bounded memory for protobuf-c, its known differences, mutated bodies. */
#include "tests/support/pb_oracle.h"

#include "codec/pb_walk.h"

static void *oracle_alloc(void *user, size_t bytes)
{
    struct pb_memory *m = user;
    void *at = arena_alloc(&m->arena, bytes);
    m->ran_out |= !at;
    return at;
}

static void oracle_free(void *user, void *at)
{
    (void)user;
    (void)at; /* all at once, with the arena */
}

ProtobufCAllocator pb_memory_allocator(struct pb_memory *m)
{
    return (ProtobufCAllocator){oracle_alloc, oracle_free, m};
}

static bool has_field(struct str message, const struct pb_kind *kind, unsigned depth,
                      bool (*is)(const struct pb_kind *kind, uint32_t tag))
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    while (depth < 200 && pb_next(&r, &f)) {
        uint32_t number = f.tag >> 3;
        if (is(kind, f.tag))
            return true;
        if ((f.tag & 7) == PB_LEN && number < LEN(kind->children) && kind->children[number] &&
            has_field(f.bytes, kind->children[number], depth + 1, is))
            return true;
    }
    return false;
}

static bool has_repeat(struct str message, const struct pb_kind *kind, unsigned depth,
                       bool (*among)(const struct pb_kind *kind))
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    uint32_t seen = 0;
    bool counts = !among || among(kind);
    while (depth < 200 && pb_next(&r, &f)) {
        uint32_t number = f.tag >> 3;
        if ((f.tag & 7) != PB_LEN || number >= LEN(kind->children) || !kind->children[number])
            continue;
        if (counts && (seen & kind->single) >> number & 1)
            return true;
        seen |= 1u << number;
        if (has_repeat(f.bytes, kind->children[number], depth + 1, among))
            return true;
    }
    return false;
}

bool pb_has_field(struct str message, const struct pb_kind *kind,
                  bool (*is)(const struct pb_kind *kind, uint32_t tag))
{
    return has_field(message, kind, 0, is);
}

bool pb_has_repeat(struct str message, const struct pb_kind *kind,
                   bool (*among)(const struct pb_kind *kind))
{
    return has_repeat(message, kind, 0, among);
}

bool pb_is_group(const struct pb_kind *kind, uint32_t tag)
{
    (void)kind;
    return (tag & 7) == PB_GROUP;
}

/* ---- mutations ---- */

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t below(uint64_t *state, size_t n)
{
    return n ? (size_t)(next_random(state) % n) : 0;
}

/* A byte that means something on the wire: a tag of a message we know, a length, an end of a
 * varint. */
static char wire_byte(uint64_t *state)
{
    static const uint8_t bytes[] = {0x00, 0x01, 0x02, 0x08, 0x0a, 0x0b, 0x0c, 0x10, 0x12, 0x18,
                                    0x1a, 0x21, 0x22, 0x2a, 0x30, 0x32, 0x39, 0x3a, 0x41, 0x4a,
                                    0x50, 0x5a, 0x6a, 0x7a, 0x7f, 0x80, 0x81, 0x85, 0x9b, 0xff};
    return (char)bytes[below(state, sizeof(bytes))];
}

/* Copies some bytes of the body over, or between, others. */
static size_t copy_part(char *body, size_t len, size_t body_max, uint64_t *state, bool insert)
{
    size_t from = below(state, len), bytes = 1 + below(state, 64), to = below(state, len);
    char part[64];
    bytes = MIN(bytes, len - from);
    memcpy(part, body + from, bytes);
    if (insert) {
        bytes = MIN(bytes, body_max - len);
        memmove(body + to + bytes, body + to, len - to);
        len += bytes;
    }
    memcpy(body + to, part, MIN(bytes, len - to));
    return len;
}

static size_t mutate_once(char *body, size_t len, size_t body_max, uint64_t *state)
{
    size_t at = below(state, len);
    switch (next_random(state) % 8) {
    case 0:
        body[at] = (char)(body[at] ^ 1 << below(state, 8));
        return len;
    case 1:
        body[at] = wire_byte(state);
        return len;
    case 2:
        body[at] = (char)next_random(state);
        return len;
    case 3:
        body[at] = (char)(body[at] + (next_random(state) & 1 ? 1 : -1));
        return len;
    case 4: {
        size_t bytes = 1 + below(state, 16);
        bytes = MIN(bytes, len - at);
        memmove(body + at, body + at + bytes, len - at - bytes);
        return len - bytes;
    }
    case 5:
        return copy_part(body, len, body_max, state, true);
    case 6:
        return copy_part(body, len, body_max, state, false);
    default:
        return next_random(state) % 8 ? len : at;
    }
}

size_t pb_mutate(char *body, size_t len, size_t body_max, uint64_t *state)
{
    for (size_t times = 1 + below(state, 4); times > 0 && len > 0; times--)
        len = mutate_once(body, len, body_max, state);
    return len;
}
