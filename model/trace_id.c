/* trace_id.c - ids between raw bytes, words and hex. */
#include "model/trace_id.h"

static uint64_t read_be64(const uint8_t bytes[8])
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static void write_be64(uint64_t word, uint8_t bytes[8])
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    memcpy(bytes, &word, sizeof(word));
}

static bool word_from_hex(const char *digits, uint64_t *out)
{
    uint64_t word = 0;
    for (int i = 0; i < 16; i++) {
        int digit = str_hex_digit(digits[i]);
        if (digit < 0)
            return false;
        word = word << 4 | (uint64_t)digit;
    }
    *out = word;
    return true;
}

static void word_to_hex(uint64_t word, char *out)
{
    for (int i = 15; i >= 0; i--, word >>= 4)
        out[i] = "0123456789abcdef"[word & 15];
}

struct trace_id trace_id_from_bytes(const uint8_t bytes[16])
{
    return (struct trace_id){read_be64(bytes), read_be64(bytes + 8)};
}

uint64_t span_id_from_bytes(const uint8_t bytes[8])
{
    return read_be64(bytes);
}

void trace_id_to_bytes(struct trace_id id, uint8_t bytes[16])
{
    write_be64(id.hi, bytes);
    write_be64(id.lo, bytes + 8);
}

void span_id_to_bytes(uint64_t id, uint8_t bytes[8])
{
    write_be64(id, bytes);
}

bool trace_id_from_hex(struct str hex, struct trace_id *out)
{
    struct trace_id id;
    if (hex.len != 32 || !word_from_hex(hex.ptr, &id.hi) || !word_from_hex(hex.ptr + 16, &id.lo))
        return false;
    *out = id;
    return true;
}

bool span_id_from_hex(struct str hex, uint64_t *out)
{
    return hex.len == 16 && word_from_hex(hex.ptr, out);
}

char *trace_id_to_hex(struct trace_id id, char out[33])
{
    word_to_hex(id.hi, out);
    word_to_hex(id.lo, out + 16);
    out[32] = '\0';
    return out;
}

char *span_id_to_hex(uint64_t id, char out[17])
{
    word_to_hex(id, out);
    out[16] = '\0';
    return out;
}
